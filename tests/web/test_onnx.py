"""ONNX models in a page: the bits of Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support import shares, torch_models
from support.bits import check_bits

import glnn
from glnn.passes import optimize
from glnn.web import VARIANTS

if TYPE_CHECKING:
    from playwright.sync_api import Page

PARAMS = [
    pytest.param(name, variant, marks=[] if (name, variant) == ("vit-script", "webgl2") else [pytest.mark.whole])
    for name in ("vit-script", "bert-dynamo", "unet-script")
    for variant in ("webgl2", "webgl1")
]


@pytest.mark.parametrize("name, variant", shares.kept(PARAMS))
def test_bits_are_pythons(
    new_page: Callable[[], Page], site: tuple[Path, str], tmp_path: Path, name: str, variant: str
) -> None:
    folder = torch_models.unpacked(tmp_path)
    inputs, _ = torch_models.samples(folder, name)
    with glnn.Model.load(folder / f"{name}.onnx") as model:
        graph = optimize(model.fixed({key: x.shape for key, x in inputs.items()}).graph)
    given = {key: x.astype(np.float32) for key, x in inputs.items()}
    check_bits(new_page, site, f"{name}-{variant}", graph, given, VARIANTS[variant])


@pytest.mark.whole
def test_style_transfer(new_page: Callable[[], Page], site: tuple[Path, str], models: Path) -> None:
    """A real network of 256x256 pixels: the page paints Python's bits."""
    folder = models / "style_wave"
    with np.load(folder / "inputs.npz") as given, glnn.Model.load(folder / "wave_256_nchw.onnx") as model:
        graph, content = optimize(model.graph), given["content"].astype(np.float32)
    check_bits(new_page, site, "style-wave", graph, {"content": content}, VARIANTS["webgl2"])
