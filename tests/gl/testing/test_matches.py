"""Kernels held to references in all corners: what is right passes, and each kind of fault is told where it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.errors import InputError, KernelError
from glnn.layers.conv import Conv2D
from glnn.primitives.base import Window
from glnn.testing import Mismatch, assert_matches
from glnn.testing.matches import distance

RNG = seeded(4)
X = RNG.normal(size=(2, 5, 7, 6)).astype(np.float32)
PLAIN = """// Twice its input.
#pragma glnn input x
#pragma glnn optional r
#pragma glnn param BY
vec4 kernel(int n, int h, int w, int c) {
    vec4 v = x(n, h, w, c) * float(BY);
#ifdef HAS_r
    v += r(n, h, w, c);
#endif
    return v;
}
"""
BLOCKED = """// The pixel and half of the next.
#pragma glnn input x
#pragma glnn unroll i j
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) y[i * BW + j] = x_tap(i, j, c / 4) + 0.5 * x_tap(i, j + 1, c / 4);
}
"""
NUMBERS = {"BY": 2}


def failing(text: str, reference: Callable = lambda x: 2 * x, x: np.ndarray = X, **options: object) -> Mismatch:
    """The Mismatch of a kernel's text."""
    options.setdefault("numbers", NUMBERS)
    with pytest.raises(Mismatch) as caught:
        assert_matches(text, reference, [x], **options)
    return caught.value


def corners(mismatch: Mismatch) -> list[str]:
    return [str(failure.corner) for failure in mismatch.failures]


def test_a_right_kernel_is_tried_everywhere() -> None:
    matched = assert_matches(PLAIN, lambda x: 2 * x, [X], numbers=NUMBERS)
    assert len(matched.corners) == 32 and not matched.left_out
    assert str(matched) == "kernel agrees with its reference in 32 corners"


def test_inputs_by_name_and_references_that_take_numbers() -> None:
    r = RNG.normal(size=X.shape)
    assert_matches(PLAIN, lambda x, r, BY: BY * x + r, {"r": r, "x": X}, numbers={"BY": -3}, dialects=["es300"])


def test_a_blocked_kernel() -> None:
    def slid(x: np.ndarray) -> np.ndarray:
        return x + 0.5 * np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)))[:, :, 1:]

    assert_matches(BLOCKED, slid, [X])


def test_a_window_of_another_stride() -> None:
    def every_second(x: np.ndarray) -> np.ndarray:
        return x[:, ::2, ::2] + 0.5 * np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)))[:, ::2, 1::2]

    text = BLOCKED.replace("x_tap(i, j,", "x_tap(2 * i, 2 * j,").replace("x_tap(i, j + 1,", "x_tap(2 * i, 2 * j + 1,")
    assert_matches(text, every_second, [X], options={"window": {"x": Window(mul=(2, 2))}})


def test_a_layer_and_its_own_reference() -> None:
    weights = {"kernel": RNG.normal(size=(3, 3, 6, 5)), "bias": RNG.normal(size=5)}
    matched = assert_matches(
        Conv2D(5, (3, 3)),
        inputs=[X],
        weights=weights,
        weight_codecs=["float16", "uint8", "uint4"],
        dialects=["es300", "es100"],
    )
    assert {c.weights for c in matched.corners} == {"float32", "float16", "uint8", "uint4"}
    with pytest.raises(Mismatch, match="Conv2D differs"):
        assert_matches(Conv2D(5, (3, 3)), lambda x, kernel, bias: 0, [X], weights=weights, dialects=["es300"])


def test_functions_made_by_glnn_kernel() -> None:
    both = glnn.kernel("vec2 kernel(float x, float y, float t) { return vec2(x + t * y, x * y); }")
    args = [X, RNG.normal(size=6)]
    assert_matches(both, lambda x, y, t: (x + t * y, x * y), args, numbers={"t": 0.5}, dialects=["es300", "es100"])
    with pytest.raises(Mismatch, match=r"y1\[") as caught:
        assert_matches(both, lambda x, y: (x + 0.5 * y, x - y), args, numbers={"t": 0.5}, dialects=["es300"])
    assert caught.value.failures[0].count > 400
    with pytest.raises(InputError, match="makes 2 tensors, and its reference gives 1"):
        assert_matches(both, lambda x, y: x, args, numbers={"t": 0.5}, dialects=["es300"])
    total = glnn.kernel("#pragma glnn reduce sum -1\nfloat kernel(float x) { return x * x; }")
    assert_matches(total, lambda x: (x * x).sum(-1), [X], dialects=["es300"])


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "own.glsl").write_text(PLAIN)
    assert_matches(tmp_path / "own.glsl", lambda x: 2 * x, [X], numbers=NUMBERS, dialects=["es300"])
    with pytest.raises(InputError, match="no file, and no kernel of glnn"):
        assert_matches(tmp_path / "other.glsl", lambda x: x, [X])


def test_a_wrong_value_is_told_with_its_place_values_and_distance() -> None:
    wrong = failing(PLAIN.replace("return v;", "if (n == 1 && h == 2 && w == 3 && c == 4) v.y += 0.125; return v;"))
    first = wrong.failures[0]
    want = 2 * float(X[1, 2, 3, 5])
    assert first.index == (1, 2, 3, 5) and first.count == 1 and first.expected == pytest.approx(want)
    assert first.got == pytest.approx(want + 0.125, rel=1e-6)
    assert first.ulp == abs(int(np.float32(first.got).view("i4")) - int(np.float32(want).view("i4")))
    told = str(wrong)
    assert "in the corner es300, own limits, float32:\n    y[1, 2, 3, 5] is " in told and f"{first.ulp} ULP" in told


def test_a_fault_of_one_corner_is_told_there_alone() -> None:
    def slid(x: np.ndarray) -> np.ndarray:
        return x + 0.5 * np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)))[:, :, 1:]

    blocks_alone = BLOCKED.replace("x_tap(i, j, c / 4)", "(BH * BW > 1 ? 1.01 : 1.0) * x_tap(i, j, c / 4)")
    found = corners(failing(blocks_alone, slid, numbers={}))
    assert found and not any("1 draw buffer" in c or "es100" in c or "rgba8 targets" in c for c in found)


def test_a_kernel_that_ruins_nan_is_told() -> None:
    x = X.copy()
    x[0, 1, 2, 3] = np.nan
    wrong = failing(PLAIN.replace("return v;", "return max(v, vec4(0.0));"), lambda x: np.maximum(2 * x, 0), x)
    assert wrong.failures[0].index == (0, 1, 2, 3) and wrong.failures[0].ulp is None
    assert "y[0, 1, 2, 3] is 0, expected nan" in str(wrong)
    clean = assert_matches(PLAIN, lambda x: 2 * x, [x], numbers=NUMBERS)
    left = {corner.codec: why for corner, why in clean.left_out}
    assert left == {"uint8": "uint8 holds neither NaN nor infinities"}


def test_a_shape_that_differs_is_told() -> None:
    wrong = failing(PLAIN, lambda x: 2 * x[:, :, :-1], shape=X.shape)
    assert "y has shape (2, 5, 7, 6), the reference (2, 5, 6, 6)" in str(wrong)


def test_tolerances() -> None:
    text = PLAIN.replace("return v;", "return v * 1.00001;")
    assert len(failing(text).failures) > 5
    assert_matches(text, lambda x: 2 * x, [X], numbers=NUMBERS, tolerance=1e-2)
    assert_matches(PLAIN, lambda x: 2 * x, [X], numbers=NUMBERS, ulp=0)
    wrong = failing(PLAIN.replace("return v;", "return v * (1.0 + 3.0 / 8388608.0);"), ulp=2)
    assert {c.rpartition(", ")[2] for c in corners(wrong)} == {"float32"} and "(2 ULP are allowed)" in str(wrong)
    assert_matches(
        PLAIN.replace("return v;", "return v * (1.0 + 1.0 / 8388608.0);"), lambda x: 2 * x, [X], numbers=NUMBERS, ulp=2
    )


def test_a_value_as_reference_needs_a_codec_that_holds_the_inputs() -> None:
    matched = assert_matches(PLAIN, [[2, 4, 8]], [[1, 2, 4]], numbers=NUMBERS, dialects=["es300"])
    assert {c.codec for c in matched.corners} == {"float32", "float16", "rgba8"}
    fine = assert_matches(PLAIN, [[2.0002, 4]], [[1.0001, 2]], numbers=NUMBERS, dialects=["es300"])
    assert {c.codec for c in fine.corners} == {"float32", "rgba8"}
    assert "float16 does not hold these inputs as they are" in str(fine) or "float16 targets" in str(fine)


def test_tensors_that_do_not_fit_leave_their_corners_out() -> None:
    large = RNG.normal(size=(1, 40, 40, 40)).astype(np.float32)
    matched = assert_matches(PLAIN, lambda x: 2 * x, [large], numbers=NUMBERS, codecs=["float32"])
    assert [str(corner) for corner, _ in matched.left_out] == ["es100, textures of 16, float32"]
    assert "not run: es100, textures of 16, float32:" in str(matched) and "textures of at most 16 x 16" in str(matched)
    with pytest.raises(InputError, match="no corner is left .* textures of 16"):
        assert_matches(PLAIN, lambda x: 2 * x, [large], numbers=NUMBERS, dialects=["es100"], limits=["textures of 16"])


def test_errors_of_a_kernel_name_corner_and_line() -> None:
    with pytest.raises(KernelError, match=r"in the corner es300, own limits, float32: (.|\n)*<kernel>:6: .*nobody"):
        assert_matches(PLAIN.replace("float(BY)", "nobody"), lambda x: x, [X], numbers=NUMBERS)
    with pytest.raises(KernelError, match="no value came for BY"):
        assert_matches(PLAIN, lambda x: x, [X])
    with pytest.raises(KernelError, match="2 inputs came; it takes x"):
        assert_matches(PLAIN, lambda x: x, [X, X], numbers=NUMBERS)
    with pytest.raises(InputError, match="give a .glsl file"):
        assert_matches(3, lambda x: x, [X])


def test_arguments_that_would_say_nothing_are_refused() -> None:
    layer, kernel = Conv2D(6, (1, 1)), glnn.kernel("float kernel(float x) { return x; }")
    for given, options, told in (
        (layer, {"numbers": {"a": 1}}, "takes no numbers here"),
        (layer, {"shape": (1, 2)}, "takes no shape here"),
        (kernel, {"options": {"looped": True}}, "takes no options here"),
        (kernel, {"weight_codecs": ["uint8"]}, "kernel has no weights of two axes or more"),
    ):
        with pytest.raises(InputError, match=told):
            assert_matches(given, lambda x: x, [X], **options)
    with pytest.raises(InputError, match="inputs of Conv2D have no names"):
        assert_matches(layer, lambda x: x, {"x": X})


def test_distances_in_ulp() -> None:
    a = np.array([1.0, 1.0, -0.0, 1e-45, -1e-45, 2.0**24], np.float32)
    b = np.array([1.0, np.nextafter(np.float32(1), np.float32(2)), 0.0, -1e-45, -3e-45, 2.0**24 + 2], np.float32)
    np.testing.assert_array_equal(distance(a, b), [0, 1, 0, 2, 1, 1])


def test_nothing_is_left_on_the_devices() -> None:
    assert_matches(PLAIN, lambda x: 2 * x, [X], numbers=NUMBERS, dialects=["es300"])
    from glnn.testing import corners as kept

    assert re.match(r"\{'textures': 0", str(kept.opened(dialect="es300").counts()).replace('"', "'"))
