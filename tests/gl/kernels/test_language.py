"""Kernels with constants and functions of their own, on the devices of every dialect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support.random_taps import TAPS, Machine, Random

import glnn
from glnn.errors import KernelError
from glnn.kernels import assemble as kernels
from glnn.kernels.assemble import parse
from glnn.layers.base import Layer, WeightSpec
from glnn.layout.limits import DIALECTS
from glnn.plan import builder
from glnn.testing import assert_matches, run_layer
from glnn.testing.corners import LIMITS

GROUPS = 24  # of channels, beyond what places name mostly
DOCS = Path(__file__).parents[3] / "docs/kernels.md"
X = np.random.default_rng(0).normal(size=(2, 7, 10, 6)).astype(np.float32) * 40
# Constants bound unrolled and real loops, size arrays and stand under conditions; .a is a lane where a is a loop.
SMOOTH = """// The mean of TAPS x TAPS pixels around each, by way of a function with a loop.
#pragma glnn input x
#pragma glnn unroll i j a b
const int TAPS = 3;
const int SIDE = (TAPS - 1) / 2;
const float SHARE = 1.0 / 9.0;
const bool SHIFTED = false;
vec4 scaled(vec4 v) {
    vec4 total = vec4(0.0);
    for (int k = 0; k < TAPS; k++) {
        float part = SHARE / float(TAPS);
        total += v * part;
    }
    return vec4(total.r, total.g, total.b, total.a);
}
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    const int HIGH = BH + TAPS - 1;
    const int WIDE = BW + TAPS - 1;
    @
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) {
            vec4 sum = vec4(0.0);
            for (int a = 0; a < TAPS; a++)
                for (int b = 0; b < TAPS; b++) {
                    vec4 v = TAP;
                    sum += vec4(v.r, v.g, v.b, v.a);
                }
            if (SHIFTED) sum += vec4(100.0);
            y[i * BW + j] = scaled(sum);
        }
}
"""


BY_HAND = """x_seek(n, h, w, c / 4);
    vec4 win[HIGH * WIDE];
    for (int i = 0; i < HIGH; i++)
        for (int j = 0; j < WIDE; j++) win[i * WIDE + j] = x_tap(i - SIDE, j - SIDE);"""
SMOOTH_BY_HAND = SMOOTH.replace("@", BY_HAND).replace("TAP;", "win[(i + a) * WIDE + j + b];")
SMOOTH = SMOOTH.replace("    @\n", "").replace("TAP;", "x_tap(i + a - SIDE, j + b - SIDE, c / 4);")


def smooth(x: np.ndarray) -> np.ndarray:
    wide = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(wide[:, a : a + x.shape[1], b : b + x.shape[2]] for a in range(3) for b in range(3)) / 9  # type: ignore[return-value]


def summed(text: str, x: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """What a kernel of random_taps computes, pixel by pixel. Raises IndexError for one that reads what is not there."""
    tree = parse("own", text, "own.glsl").tree
    y = np.zeros((*x.shape[:-1], 8))

    def lanes(groups: tuple[int, ...]) -> tuple[slice, ...]:
        if not all(0 <= g < GROUPS for g in groups):
            raise IndexError
        return tuple(slice(4 * g, 4 * g + 4) for g in groups)

    for n, h, w, q in np.ndindex(*y.shape[:-1], 2):
        inside = lambda i, j, h=h, w=w: 0 <= h + i < x.shape[1] and 0 <= w + j < x.shape[2]  # noqa: E731

        def read(name, numbers, place, n=n, h=h, w=w, inside=inside):
            if name == "x":
                i, j = numbers
                (channels,) = lanes(place)
                return x[n, h + i, w + j, channels] if inside(i, j) else np.zeros(4)
            if name == "bias":
                return weights["bias"][numbers[0], lanes(place)[0]]
            return weights["weights"][numbers[0]][lanes(place)].T  # column k: what input lane k goes to

        names = {"n": n, "h": h, "w": w, "c": 4 * q, "x_G": GROUPS, "BH": 1, "BW": 1, "BLOCK": 1, "U": 2}
        y[n, h, w, 4 * q : 4 * q + 4] = Machine(read, names, inside).run(tree)["y[0]"]
    return y


def example(begin: str = "Each value's cube root") -> str:
    """The example of docs/kernels.md that begins so: that which has constants and functions."""
    (text,) = re.findall(rf"```glsl\n(// {begin}.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    return text


class Own(Layer):
    """A layer that is one kernel, called `own`."""

    def output_shape(self, *inputs):
        return inputs[0]

    def lower(self, b, inputs, weights):
        return b.draw("own", inputs[0].shape, {"x": inputs[0]})


class Sums(Own):
    """A layer whose kernel reads a tensor, a matrix and a vector of more groups than it has."""

    def output_shape(self, *inputs):
        return (*inputs[0][:-1], 8)

    def weight_specs(self, *inputs):
        return [WeightSpec("weights", (TAPS, GROUPS * 4, GROUPS * 4)), WeightSpec("bias", (TAPS, GROUPS * 4))]

    def lower(self, b, inputs, weights):
        return b.draw("own", self.output_shape(inputs[0].shape), {"x": inputs[0]}, cells=weights, const={"U": 2})


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """kernel(text): the kernel `own` is this text from now on."""

    def put(text: str) -> None:
        original, own = kernels.load_kernel, parse("own", text, "own.glsl")
        for module in (builder, kernels):
            monkeypatch.setattr(module, "load_kernel", lambda name: own if name == "own" else original(name))

    return put


@pytest.fixture(scope="module", params=[*DIALECTS, "mediump", "bytes"])
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    wishes = {"mediump": {"precision": "mediump"}, "bytes": {"float_targets": ["rgba8"]}}
    with glnn.Device(**wishes.get(request.param, {"dialect": request.param})) as made:
        yield made


@pytest.mark.parametrize(("text", "expected"), [(example(), np.cbrt), (SMOOTH, smooth), (SMOOTH_BY_HAND, smooth)])
def test_constants_and_functions_of_a_kernel(text: str, expected: Callable[[np.ndarray], np.ndarray]) -> None:
    assert_matches(text, expected, [X], limits=[*LIMITS, {"precision": "mediump"}], codecs=["float32"])


@cache
def chosen(first: int) -> tuple[str, np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """The first random kernel from a seed on that reads what is there, in a loop: text, inputs, what it computes."""
    rng = np.random.default_rng(first)
    x = rng.standard_normal((2, 3, 5, GROUPS * 4)).astype(np.float32)
    weights = {"weights": rng.standard_normal((TAPS, GROUPS * 4, GROUPS * 4)), "bias": rng.standard_normal((TAPS, 96))}
    weights = {name: w.astype(np.float32) for name, w in weights.items()}
    for seed in range(first, first + 100):
        text = Random(seed).text()
        if text.count("g0") > 2:  # places that a loop counts
            try:
                return text, x, weights, summed(text, x.astype(np.float64), weights)
            except IndexError:
                continue
    raise AssertionError("no such kernel")


def test_reads_at_places_of_the_documentation() -> None:
    matrix = np.random.default_rng(1).standard_normal((1, 6, 7)).astype(np.float32)

    def mixed(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        left = np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1]
        return (x + 0.5 * left) @ weights[0]

    text = example("Each pixel and half of the one on its left")
    limits = [*LIMITS, {"precision": "mediump"}]
    assert_matches(
        text,
        mixed,
        [X],
        weights={"weights": matrix},
        limits=limits,
        codecs=["float32"],
        weight_codecs=["float16", "uint8"],
    )


@pytest.mark.parametrize("first", [0, 100, 200, 300])
def test_random_kernels_read_at_their_places(device: glnn.Device, kernel: Callable[[str], None], first: int) -> None:
    """Loops, conditions and variables around x_tap(i, j, g), weights(t, g, q) and bias(t, g): judged in Python."""
    text, x, weights, expected = chosen(first)
    kernel(text)
    (got,) = run_layer(device, Sums(), [x], weights).outputs
    tolerance = 1e-2 if device.limits.precision == "mediump" else 1e-5
    np.testing.assert_allclose(got, expected, atol=tolerance * np.abs(expected).max(initial=1), rtol=0, err_msg=text)


def test_a_driver_points_at_the_authors_line(kernel: Callable[[str], None]) -> None:
    lines = SMOOTH.split("\n")
    place = next(i for i, line in enumerate(lines) if "float part" in line)
    lines[place] = "        float part = SHARE / nobody;"
    kernel("\n".join(lines))
    with glnn.Device() as device, pytest.raises(KernelError, match=rf"own\.glsl:{place + 1}: .*nobody"):
        run_layer(device, Own(), [X])
