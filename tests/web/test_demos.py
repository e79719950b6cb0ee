"""Demos in a page: the bits of Python, of models that Keras saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.bits import check_bits
from support.demos import DEMOS

from glnn.passes import optimize
from glnn.web import VARIANTS

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.parametrize("variant", ["webgl2", "webgl1"])
@pytest.mark.parametrize("name", ["text by two LSTMs", "transformer encoder", "super-resolution"])
def test_bits_are_pythons(
    new_page: Callable[[], Page], site: tuple[Path, str], tmp_path: Path, name: str, variant: str
) -> None:
    demo = DEMOS[name]
    path = demo.saved(demo.model(pytest.importorskip("keras")), tmp_path)
    with demo.load(path) as model:
        graph = optimize(model.graph)
    inputs = {key: x.astype(np.float32) for key, x in demo.values(2).items()}
    check_bits(new_page, site, f"{name}-{variant}", graph, inputs, VARIANTS[variant])
