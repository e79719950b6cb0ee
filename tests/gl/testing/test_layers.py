"""The harness sees kernels that are wrong: faults put into a real kernel's text are caught on the device."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.kernels.assemble import Call, KernelSource, ShaderText
from glnn.layers.activation import Activation
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D
from glnn.plan import place as planning
from glnn.primitives.base import Builder, Value
from glnn.testing import check_layer, coded_weights, run_layer

RNG = seeded(2)
X = RNG.normal(size=(2, 5, 7, 3)).astype(np.float32)
WEIGHTS = {"kernel": RNG.normal(size=(3, 3, 3, 5)).astype(np.float32), "bias": RNG.normal(size=5).astype(np.float32)}
CONV = Conv2D(5, (3, 3), padding="same")


@pytest.fixture(scope="module", params=["es300", "es100"])
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(dialect=request.param) as made:
        yield made


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """fault(pattern, replacement): every text that is assembled from now on has this change in it."""

    def put(pattern: str, replacement: str) -> None:
        original = planning.assemble

        def assemble(call: Call, *source: KernelSource) -> ShaderText:
            text = original(call, *source)
            fragment, count = re.subn(pattern, replacement, text.fragment)
            assert count, "the fault found no place in the text"
            return replace(text, fragment=fragment)

        monkeypatch.setattr(planning, "assemble", assemble)

    return put


def test_a_right_kernel_passes(device: glnn.Device) -> None:
    run = check_layer(device, CONV, [X], WEIGHTS)
    assert run.outputs[0].shape == (2, 5, 7, 5) and run.dead and run.dead[0].size


def caught(device: glnn.Device, match: str | None = None, x: np.ndarray = X) -> None:
    with pytest.raises(AssertionError, match=match):
        check_layer(device, CONV, [x], WEIGHTS)


def test_a_wrong_value_is_caught(device: glnn.Device, fault: Callable) -> None:
    fault(r"(kernel\(n, h, w, c\);)", r"\1 y_0 *= 1.0001;")
    caught(device, "Not equal to tolerance")


def test_one_wrong_pixel_is_caught(device: glnn.Device, fault: Callable) -> None:
    fault(r"(kernel\(n, h, w, c\);)", r"\1 if (n == 1 && h == 0 && w == 0 && c == 4) y_0.x += 0.001;")
    caught(device, "Mismatched elements: 1 /")


def test_a_nan_is_caught(device: glnn.Device, fault: Callable) -> None:
    fault(r"(kernel\(n, h, w, c\);)", r"\1 if (h == 0 && w == 0) y_0.x = log(-1.0 - float(n));")
    caught(device, "NaN in other places")


def test_a_dirty_lane_is_caught(device: glnn.Device, fault: Callable) -> None:
    fault(r"c \+ 3 < y_C \? (y_0\.w) : 0\.0", r"c + 3 < y_C ? \1 : 1e-6")
    caught(device, "lanes or pixels outside the tensor are not zero")


def test_a_dirty_pixel_past_the_edge_is_caught(device: glnn.Device, fault: Callable) -> None:
    if device.limits.dialect == "es100":
        pytest.skip("without draw buffers there are no pixels past the edge")
    fault(r"if \([^()]*>= y_[HW][^()]*\) (y_\d+) = vec4\(0\.0\);", r"")
    primes = RNG.normal(size=(1, 11, 13, 3)).astype(np.float32)  # which no block of pixels divides
    caught(device, "lanes or pixels outside the tensor are not zero", primes)


def test_texels_that_no_draw_wrote_are_caught(device: glnn.Device, fault: Callable) -> None:
    """Textures are filled with NaN before a draw: what a kernel leaves out shows."""
    fault(r"(?m)^(void main\(\) \{)$", r"\1 if (gl_FragCoord.y < 1.0) discard;")
    caught(device, "NaN in other places")


def test_a_read_of_what_nothing_wrote_is_caught(device: glnn.Device, fault: Callable) -> None:
    fault(r"int row = int\(gl_FragCoord\.y\);", r"int row = int(gl_FragCoord.y) + 1;")
    caught(device)


@pytest.mark.parametrize("per_channel", [True, False])
def test_a_wrong_decoding_of_weights_is_caught(device: glnn.Device, fault: Callable, per_channel: bool) -> None:
    """Weights in codes are judged as NumPy decodes them; a thousandth of a step in one lane shows."""
    weights = coded_weights(CONV, [X.shape], WEIGHTS, "uint8", per_channel)
    check_layer(device, CONV, [X], weights)
    fault(r" \* weights_s \+ weights_l", r" * weights_s + weights_l + vec4(0.0, 0.0, 0.0, 1e-3) * weights_s")
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_layer(device, CONV, [X], weights)


@dataclass(frozen=True)
class WrongShape(Layer):
    """Declares one shape, draws another."""

    def output_shape(self, *inputs: Any) -> Any:
        return inputs[0]

    def reference(self, inputs: Any, weights: Any) -> Any:
        return inputs[0]

    def lower(self, b: Builder, inputs: Any, weights: Any) -> Value:
        n, h, w, c = inputs[0].shape
        return b.draw("upsample_nearest", (n, h, w - 1, c), {"x": inputs[0]}, param={"SH": 1, "SW": 1})


def test_a_wrong_shape_is_caught(device: glnn.Device) -> None:
    with pytest.raises(AssertionError, match=r"shape \(2, 5, 6, 3\), expected \(2, 5, 7, 3\)"):
        check_layer(device, WrongShape(), [X])


def test_a_reference_that_swallows_nan_is_caught(device: glnn.Device) -> None:
    class Swallowing(Activation):
        def reference(self, inputs: Any, weights: Any) -> Any:
            return np.nan_to_num(super().reference(inputs, weights))

    x = X.copy()
    x[0, 0, 0, 0] = np.nan
    with pytest.raises(AssertionError, match="NaN"):
        check_layer(device, Swallowing("tanh"), [x])


def test_a_run_tells_what_ran(device: glnn.Device) -> None:
    run = run_layer(device, CONV, [X], WEIGHTS)
    assert [d.kernel for d in run.plan.draws] == ["conv"] and run.plan.limits == device.limits
    before = device.counts()["textures"]
    run_layer(device, CONV, [X], WEIGHTS)
    assert device.counts()["textures"] == before
