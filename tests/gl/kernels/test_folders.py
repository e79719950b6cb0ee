"""Kernels of another package on a device and in an export: nothing but where their text comes from is different."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import glnn
from glnn.errors import KernelError
from glnn.graph.shapes import Dims
from glnn.kernels import add_folder, files
from glnn.kernels.files import load_kernel
from glnn.layers import Layer, register
from glnn.layers.base import LAYERS
from glnn.model import Model
from glnn.primitives.base import Builder, Value
from glnn.testing import check_layer, layer_graph

KERNEL = """// Twice its input.
#pragma glnn input x
vec4 kernel(int n, int h, int w, int c) { return 2.0 * x(n, h, w, c); }
"""
X = np.random.default_rng(3).normal(size=(2, 5, 7, 3)).astype(np.float32)


@dataclass(frozen=True)
class Twice(Layer):
    """Twice its input."""

    def output_shape(self, *inputs: Dims) -> Dims:
        return inputs[0]

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return inputs[0] * 2

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        return b.draw("own_twice", inputs[0].shape, {"x": inputs[0]})


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of kernels that is known while a test runs, and with it the layer own>Twice."""
    (tmp_path / "own_twice.glsl").write_text(KERNEL)
    register("own>Twice")(Twice)
    add_folder(tmp_path)
    yield tmp_path
    files._ADDED.clear()
    load_kernel.cache_clear()
    del LAYERS["own>Twice"]


def test_a_kernel_of_another_package_runs(device: glnn.Device, folder: Path) -> None:
    check_layer(device, Twice(), [X])


def test_an_error_points_at_the_authors_own_file(device: glnn.Device, folder: Path) -> None:
    (folder / "own_twice.glsl").write_text(KERNEL.replace("2.0 * x", "twice * x"))
    add_folder(folder)
    with pytest.raises(KernelError) as caught:
        check_layer(device, Twice(), [X])
    told = str(caught.value)
    assert f"{folder}/own_twice.glsl:3: " in told
    assert "    vec4 kernel(int n, int h, int w, int c) { return twice * x(n, h, w, c); }\n" in told and "^" in told
    assert device.error() == "GL_NO_ERROR"


def test_an_export_carries_the_text(folder: Path) -> None:
    with Model(layer_graph(Twice(), [X.shape], {})) as model:
        site = model.export_web(folder / "site", variants=["webgl2"])
    (variant,) = json.loads((site / "manifest.json").read_text())["variants"]
    plan = json.loads((site / variant["plan"]["file"]).read_text())
    assert any("2.0 * x(n, h, w, c)" in program["fragment"] for program in plan["programs"])


def test_a_saved_model_names_the_layer(device: glnn.Device, folder: Path) -> None:
    with Model(layer_graph(Twice(), [X.shape], {}), device) as model:
        path = model.save(folder / "twice.glnn")
    with Model.load(path, device=device) as model:
        np.testing.assert_array_equal(model.predict(X), X * 2)
        assert model.layers[0].layer == Twice()
