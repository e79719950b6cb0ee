"""The device of NumPy beside OpenGL: the same texts, the same values."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.case import Case
from cases.keras import CASES
from support import networks
from support.pixels import drawn, text
from support.random_shaders import RandomShader
from support.shares import kept

import glnn
from glnn.layout.codec import CODECS
from glnn.testing import assert_close, coded_weights, run_layer

KINDS: dict[str, dict[str, Any]] = {
    "es300": {},
    "split": {"max_texture_size": 16, "array_layers": 256},
    "es100": {"dialect": "es100", "max_texture_size": 64},
    "half": {"float_targets": "float16"},
    "bytes": {"float_targets": "rgba8", "draw_buffers": 1},
    "bytes-es100": {"float_targets": "rgba8", "dialect": "es100"},
}
NORMAL = [case for case in CASES if case.kind == "normal"]
SHARE = 192  # one case in so many; --whole runs all


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest) -> Any:
    """A device of OpenGL and one of NumPy with the same limits."""
    with glnn.Device(**KINDS[request.param]) as opengl:
        with glnn.Device("numpy", **{**KINDS[request.param], "array_layers": 256}) as arrays:
            yield request.param, opengl, arrays


def marked(case: Case) -> Any:
    marks = [] if zlib.crc32(f"numpy {case.name}".encode()) % SHARE == 0 else [pytest.mark.whole]
    return pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", kept([marked(case) for case in NORMAL]))
def test_a_layer_gives_the_same_on_both(pair: Any, case: Case) -> None:
    kind, opengl, arrays = pair
    quantized = [codec for codec in ("uint8", "uint4") if any(w.ndim > 1 for w in case.weights.values())]
    for codec in ("float32", *quantized):
        weights = case.weights
        if codec != "float32":
            weights = coded_weights(case.layer, case.shapes, case.weights, codec, True)
        try:
            want = run_layer(opengl, case.layer, case.inputs, weights)
        except glnn.errors.LimitError:
            with pytest.raises(glnn.errors.LimitError):
                run_layer(arrays, case.layer, case.inputs, weights)
            return
        got = run_layer(arrays, case.layer, case.inputs, weights)
        tolerance = CODECS[opengl.limits.float_target].tolerance
        for one, other in zip(got.outputs, want.outputs, strict=True):
            assert_close(one, other.astype(float), tolerance, f"{kind} {case.name} {codec}")
        for one, other in zip(got.dead, want.dead, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", [*range(40), *(pytest.param(s, marks=pytest.mark.whole) for s in range(40, 400))])
def test_random_shaders_give_the_same_bits(device: glnn.Device, seed: int) -> None:
    """Integers alone, whose branches, loops and returns go apart from pixel to pixel."""
    shader = RandomShader(seed)
    words = text(shader.body, before=shader.before)
    with glnn.Device("numpy") as arrays:
        np.testing.assert_array_equal(drawn(arrays, words), drawn(device, words), words)


def test_a_network_gives_the_same_on_both(device: glnn.Device, tmp_path: Path) -> None:
    """MobileNetV2 at 96 x 96: 65 draws, as fast as a debugger needs (0.3 s of a processor)."""
    pytest.importorskip("keras")
    path = networks.save_mobilenet(tmp_path / "mobilenet.h5", 96, 0.35)
    x = np.random.default_rng(0).normal(size=(1, 96, 96, 3)).astype(np.float32)
    with glnn.Model.load(path, device=device) as model:
        want = np.asarray(model.predict(x, verbose=0))
    made = {}
    for precision in ("highp", "float64"):
        with glnn.Device("numpy", precision=precision) as arrays, glnn.Model.load(path, device=arrays) as model:
            made[precision] = np.asarray(model.predict(x, verbose=0))
    assert_close(made["highp"], want.astype(float), 1e-5)
    assert made["float64"].dtype == np.float64
    assert_close(want, made["float64"], 1e-5)
