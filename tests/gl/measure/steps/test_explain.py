"""Model.explain: a value's draw, the kernel's lines with what they gave, the texels that it came of."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.faulty import SHAPE, network

import glnn
from glnn.errors import InputError
from glnn.layers.core import Dense
from glnn.model import Model
from glnn.testing.layers import layer_graph

X = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype(np.float32)
INDEXES = {
    "relu": (1, 5, 6, 4), "prelu": (0, 11, 9, 5), "max_pool": (1, 2, 3, 4), "average": (0, 0, 4, 2),
    "group_norm": (1, 3, 1, 5), "joined": (1, 1, 1, 7), "up": (0, 9, 3, 6), "narrow": (1, 2, 2, 4),
    "layer_norm": (1, 3, 2), "residual": (1, 11, 4), "gated": (0, 2, 5), "last": (1, 24), "digit": (1, 3),
    "softmax": (0, 2),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound(device: glnn.Device) -> Any:
    with Model(network(), device) as model:
        yield model


@pytest.fixture(scope="module")
def values(sound: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    path = tmp_path_factory.mktemp("run") / "run.npz"
    sound.compare(X, save=path, verbose=0)
    with np.load(path) as run:
        return {name: run[name] for name in run.files}


@pytest.mark.parametrize("layer", INDEXES)
def test_the_value_is_that_of_the_tensor(layer: str, sound: Model, values: dict[str, np.ndarray]) -> None:
    index = INDEXES[layer]
    told = sound.explain(X, layer, index)
    assert told.layer == layer and told.index == index
    assert told.device_value == values[layer][index]
    assert told.value == pytest.approx(told.device_value, rel=1e-5, abs=1e-6)
    assert told.reference == pytest.approx(told.device_value, rel=1e-5, abs=1e-6)
    last = told.lines[-1].values[-1]
    assert last[0].startswith("out_") and last[1][told.lane] == pytest.approx(told.value)
    assert any(read.change for read in told.texels)
    for read in told.texels:  # what is said of a texel is what lies there
        for place, value in read.elements:
            if read.tensor in values:
                assert values[read.tensor][place] == pytest.approx(value, rel=1e-5, abs=1e-5)


def test_contributions_of_a_sum_add_up_to_it(sound: Model) -> None:
    told = sound.explain(X, "digit", (1, 3))
    of_inputs = [read.change for read in told.texels if read.tensor == "last" and read.change]
    node = sound.get_layer("digit")
    assert len(of_inputs) == 7 and sum(of_inputs) + node.weights["bias"][3] == pytest.approx(told.value, rel=1e-5)
    of_weights = [read for read in told.texels if read.tensor == "digit/kernel"]
    assert sum(read.change or 0.0 for read in of_weights) == pytest.approx(sum(of_inputs), rel=1e-5)
    for read in of_weights:
        for (_, row, column), value in read.elements:
            assert node.weights["kernel"][row, column] == value


def test_of_a_maximum_the_largest_alone_counts(sound: Model, values: dict[str, np.ndarray]) -> None:
    told = sound.explain(X, "max_pool", (1, 2, 3, 4))
    (read,) = [read for read in told.texels if read.change]
    window = values["prelu"][1, 4:6, 6:8, 4]
    (place,) = [index for index, _ in read.elements if index[3] == 4]
    assert values["prelu"][place] == window.max() == np.float32(told.value)
    assert read.change == pytest.approx(window.max() - max(0, np.sort(window.ravel())[-2]), rel=1e-5)


def test_lines_of_the_kernel_with_their_values(sound: Model, values: dict[str, np.ndarray]) -> None:
    told = sound.explain(X, "softmax", (0, 2))
    lines = {line.place.rpartition("/")[2]: line for line in told.lines}
    source = (Path(glnn.__file__).parent / "shaders/kernels/softmax.glsl").read_text().split("\n")
    for place, line in lines.items():
        if place.startswith("softmax.glsl"):
            assert source[int(place.split(":")[1]) - 1].strip().startswith(line.text[:12])
    (top,) = [line for line in told.lines if "top = max" in line.text]
    assert [v[0] for name, v in top.values if name == "top"][-1] == pytest.approx(values["digit"][0].max())
    page, text = told._repr_html_(), str(told)
    assert "softmax[0, 2] = 0.07" in text and "softmax.glsl" in page and "<script" not in page
    assert '"kernel": "softmax"' in told.to_json()


@pytest.mark.parametrize(
    "options",
    [{"dialect": "es100", "max_texture_size": 16}, {"draw_buffers": 4, "max_texture_size": 32}, {"index": "numpy"}],
    ids=str,
)
def test_other_devices(options: dict[str, Any], values: dict[str, np.ndarray]) -> None:
    with glnn.Device(**options) as device, Model(network(), device) as model:
        for layer in ("relu", "joined", "digit", "layer_norm"):
            told = model.explain(X, layer, INDEXES[layer])
            assert told.value == pytest.approx(values[layer][INDEXES[layer]], rel=1e-4, abs=1e-5)
            assert told.device_value == pytest.approx(told.value, rel=1e-4, abs=1e-5)


def test_textures_of_bytes_and_codes(model: Model, digits: tuple) -> None:
    x = digits[0][:2]
    with model.quantize("uint8", activations="uint8", calibrate=x, verbose=0) as small:
        told = small.explain(x, "hidden", (1, 2))
        assert any(read.codes for read in told.texels)
        assert told.value == pytest.approx(told.device_value, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("codec", ["uint4", "uint8", "uint16", "float16"])
@pytest.mark.parametrize(
    "options",
    [{}, {"dialect": "es100", "float_targets": "rgba8"}, pytest.param({"dialect": "es100"}, marks=pytest.mark.whole)],
    ids=str,
)
def test_weights_in_codes(options: dict[str, Any], codec: str, per_channel: bool) -> None:
    rng = np.random.default_rng(4)
    weights = {"kernel": rng.normal(size=(9, 6)).astype("f"), "bias": rng.normal(size=6).astype("f")}
    x = rng.normal(size=(2, 9)).astype(np.float32)
    with glnn.Device("numpy", **options) as device, Model(layer_graph(Dense(6), [(2, 9)], weights), device) as model:
        small = model.quantize(codec, per_channel=per_channel, verbose=0)
        held = small.get_layer("layer").weights["kernel"]
        told, values = small.explain(x, "layer", (1, 4)), np.asarray(held, np.float32).reshape(9, 6)
    assert told.value == pytest.approx(float(x[1] @ values[:, 4] + weights["bias"][4]), rel=1e-5)
    reads = [read for read in told.texels if read.tensor == "layer/kernel"]
    seen = set()
    for read in reads:
        change = 0.0
        for (*_, row, column), value in read.elements:
            assert value == values[row, column]
            change += float(x[1, row] * value) if column == 4 else 0.0
            seen |= {row} if column == 4 else set()
        assert read.change == pytest.approx(change, rel=1e-4, abs=2e-6)
        assert len(read.codes) == (len(read.elements) if codec.startswith("uint") else 0)
        for (_, value), (code, scale, low) in zip(read.elements, read.codes, strict=bool(read.codes)):
            assert 0 <= code < 2 ** int(codec[4:]) and value == pytest.approx(code * scale + low, rel=1e-5, abs=1e-7)
    assert seen == set(range(9))
    scales = [read for read in told.texels if read.tensor == "layer/kernel (scale, low)"]
    assert bool(scales) == (per_channel and codec.startswith("uint"))
    assert (" = " in str(told).split("Contributes")[1]) == codec.startswith("uint")


def test_a_tracer_of_somebody_else_is_given_back(sound: Model) -> None:
    before = sys.gettrace()
    sound.explain(X, "digit", (0, 0))
    assert sys.gettrace() is before


def test_what_is_refused(sound: Model) -> None:
    with pytest.raises(InputError, match=r"index \(0, 5\) of layer 'digit', whose output has the shape \(2, 5\)"):
        sound.explain(X, "digit", (0, 5))
    with pytest.raises(InputError, match="a whole number for each axis"):
        sound.explain(X, "digit", (0,))
    with pytest.raises(InputError, match="no layer 'digits'"):
        sound.explain(X, "digits", (0, 0))
    with pytest.raises(InputError, match="it is part of the draw of 'relu': explain that"):
        sound.explain(X, "conv", (0, 0, 0, 0))
    with pytest.raises(InputError, match="turn=1: layer 'digit' is not made in the turns of a repeat"):
        sound.explain(X, "digit", (0, 0), turn=1)
    assert sound.explain(X, "digit", (-1, -1)).index == (1, 4)
