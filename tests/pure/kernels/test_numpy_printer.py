"""Whole shader texts as Python: each judged, pixel by pixel, by what its statements say."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.pixels import SIZE, drawn, text

import glnn
from glnn.errors import KernelError
from glnn.kernels.numpy.preprocess import preprocessed
from glnn.kernels.numpy.printer import module
from glnn.kernels.numpy.runtime import Texels, fetch

FIRST = """int first(int n, int stop) {
    for (int i = 0; i < 9; i++) {
        if (i * i >= n) return i;
        if (i == stop) break;
    }
    return -1;
}"""
COUNTING = "int calls = 0;\nint counted(int v) { calls += 1; if (v > 2) return 9; calls += 10; return v; }"


def first(n: int, stop: int) -> int:
    for i in range(9):
        if i * i >= n:
            return i
        if i == stop:
            break
    return -1


def odd_sum(x: int, y: int) -> int:
    total = 0
    for i in range(x + 1):
        if i % 2 == 0:
            continue
        for j in range(5):
            if j > y:
                break
            total += i * j + 1
    return total


def counted(x: int, y: int) -> tuple[int, int]:
    calls, total = 0, 0
    for i in range(y):
        if i != x:
            calls += 1 if i > 2 else 11
            total += 9 if i > 2 else i
    return calls, total


CASES: dict[str, tuple[str, str, Callable[[int, int], Any]]] = {
    "places": ("made = vec4(float(x), float(y), gl_FragCoord.x, gl_FragCoord.w);", "", lambda x, y: (x, y, x + 0.5, 1)),
    "conditions": (
        "float v = 1.0; if (x > 3) { v = 2.0; if (y == 1) v = 3.0; else v += 0.5; } else if (y > 2) v = 7.0;\n"
        "made = vec4(v);",
        "", lambda x, y: (3 if y == 1 else 2.5) if x > 3 else 7 if y > 2 else 1,
    ),
    "returns in loops": (
        "made = vec4(float(first(x * y, y)), float(first(x, 8)), 0.0, 0.0);",
        FIRST, lambda x, y: (first(x * y, y), first(x, 8), 0, 0),
    ),
    "loops that go apart": (
        "int s = 0; for (int i = 0; i < x + 1; i++) { if (i - i / 2 * 2 == 0) continue;\n"
        "for (int j = 0; j < 5; j++) { if (j > y) break; s += i * j + 1; } } made = vec4(float(s));",
        "", odd_sum,
    ),
    "globals under a mask": (
        "int total = 0; for (int i = 0; i < y; i++) { if (i != x) total += counted(i); }\n"
        "made = vec4(float(calls), float(total), 0.0, 0.0);",
        COUNTING, lambda x, y: (*counted(x, y), 0, 0),
    ),
    "a call under ?:": (
        "int v = x > y ? counted(x) : 0; made = vec4(float(v), float(calls), 0.0, 0.0);",
        COUNTING, lambda x, y: ((9 if x > 2 else x, 1 if x > 2 else 11) if x > y else (0, 0)) + (0, 0),
    ),
    "a call behind &&": (
        "bool b = x > y && counted(x) == 9; made = vec4(b ? 1.0 : 0.0, float(calls), 0.0, 0.0);",
        COUNTING, lambda x, y: (float(x > y and x > 2), 0 if x <= y else 1 if x > 2 else 11, 0, 0),
    ),
    "lanes": (
        "vec4 v = vec4(1.0, 2.0, 3.0, 4.0); if (x > 2) v.zx = vec2(float(y), 9.0); v.w *= 2.0; made = v.wzyx;",
        "", lambda x, y: (8, y if x > 2 else 3, 2, 9 if x > 2 else 1),
    ),
    "elements": (
        "float a[4]; for (int i = 0; i < 4; i++) a[i] = float(i * i); a[x / 2] += 100.0; vec4 v = vec4(0.0);\n"
        "v[y / 2] = 5.0; made = vec4(a[3 - x / 2], a[x / 2], v[y / 2], v[3 - y / 2]);",
        "",
        lambda x, y: ((3 - x // 2) ** 2, (x // 2) ** 2 + 100, 5, 0),
    ),
    "matrices": (
        "mat2 m = mat2(1.0, 2.0, 3.0, float(x)); vec2 v = m * vec2(1.0, float(y)); mat2 q = m * m;\n"
        "made = vec4(v, q[1].y, (vec2(1.0, 2.0) * m).y);",
        "", lambda x, y: (1 + 3 * y, 2 + x * y, 6 + x * x, 3 + 2 * x),
    ),
    "bits": (
        "uint u = uint(x) << 8u | uint(y); uvec2 w = uvec2(u, u >> 3u) & 255u;\n"
        "made = vec4(float(u), float(w.x), float(w.y), uintBitsToFloat(floatBitsToUint(float(x)) | 1u));",
        "",
        lambda x, y: (x << 8 | y, y, ((x << 8 | y) >> 3) & 255, (np.float32(x).view("u4") | np.uint32(1)).view("f4")),
    ),
    "halves": (
        "made = vec4(unpackHalf2x16(packHalf2x16(vec2(float(x) / 3.0, 1e6))), 0.0, 0.0);",
        "", lambda x, y: (np.float16(np.float32(x) / np.float32(3)), np.inf, 0, 0),
    ),
    "overloads and shadows": (
        "int v = x; { int v = y; v = twice(v); x = v; } made = vec4(float(v), float(x), twice(1.5), 0.0);",
        "int twice(int a) { return 2 * a; }\nfloat twice(float a) { return a + a; }", lambda x, y: (x, 2 * y, 3, 0),
    ),
    "macros": (
        "made = vec4(SIX + float(TWICE(x)), PAIR(sq), 0.0);",
        "#define SIX 6.0\n#define TWICE(v) (2 * (v))\n#define PAIR(f) f(3.0), f(float(y))\n"
        "float sq(float v) { return v * v; }\n#ifdef NONE\nno words of GLSL $\n#endif".replace("$", ""),
        lambda x, y: (6 + 2 * x, 9, y * y, 0),
    ),
    "division": (
        "made = vec4(float((x - 3) / 2), float(-7 / 2), mod(float(x - 3), 2.0), floor(float(x - 3) / 2.0));",
        "", lambda x, y: (math.trunc((x - 3) / 2), -3, (x - 3) % 2, (x - 3) // 2),
    ),
    "names of Python": (
        "float lambda = 1.0; int live = x; float np = 2.0; if (live > 2) lambda = np; made = vec4(lambda);",
        "float def(float v) { return v; }", lambda x, y: 2 if x > 2 else 1,
    ),
    "several at once": (
        "float a, b = 3.0; made = vec4(0.0); a = b = float(x); made.xy = vec2(a, b);", "", lambda x, y: (x, x, 0, 0),
    ),
    "comparisons of vectors": (
        "bvec2 t = lessThan(vec2(float(x), 1.0), vec2(3.0));\n"
        "made = vec4(any(t), all(t), vec2(1.0, 2.0) == vec2(1.0, float(y)), 0.0);",
        "", lambda x, y: (1, x < 3, y == 2, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("precision", ["highp", "float64"])
def test_every_pixel_is_what_the_text_says(name: str, precision: str) -> None:
    body, before, expected = CASES[name]
    with glnn.Device("numpy", precision=precision) as device:
        got = drawn(device, text(body, before=before))
    want = np.array([[np.broadcast_to(expected(x, y), 4) for x in range(SIZE[0])] for y in range(SIZE[1])], float)
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_what_holds_for_all_pixels_alike_is_plain_python() -> None:
    made = module(text("float s = 0.0; for (int i = 0; i < 3; i++) s += 1.0; made = vec4(s);"), "t")
    assert "for i in range(0, 3):" in made
    assert "gl.both" not in made and "gl.pick(live, s" not in made


def test_each_line_of_the_text_stands_above_its_python() -> None:
    made = module(text("float s = 2.0;\nmade = vec4(s * 0.5);"), "t", locate=lambda line: ("my.glsl", 100 + line))
    lines = [line.strip() for line in made.splitlines()]
    at = next(number for number, line in enumerate(lines) if line.endswith("made = vec4(s * 0.5);"))
    assert (
        lines[at].startswith("# my.glsl:1")
        and lines[at + 1] == "made = gl.pick(live, gl.spread(real, 4, s * 0.5), made)"
    )


def test_variables_have_no_value_before_they_get_one() -> None:
    """What a kernel forgets to set shows, as NaN."""
    with glnn.Device("numpy") as device:
        got = drawn(device, text("float v; if (x > 2) v = 1.0; made = vec4(v);"))
    assert np.isnan(got[:, :3]).all() and (got[:, 3:] == 1).all()


REFUSED = {
    "made = vec4(activated(1.0));": "no function 'activated' takes (float)",
    "made = vec4(nowhere);": "'nowhere' is declared nowhere",
    "made = vec4(1 * 2.0);": "int * float: GLSL converts nothing by itself",
    "int v = 1.0;": "a float where a int is wanted",
    "float v = 1.0; made = v.xx;": "float has no .xx",
    "made = vec4(1.0, 2.0);": "takes 4 components, it is given 2",
    "made.xx = vec2(1.0);": ".xx names a component twice",
    "const int N = 3; N = 4;": "'N' is a constant",
    "break;": "'break' stands in a loop alone",
    "made = vec4(1.0); return 1;": "a function of type void returns none",
    "made = PAIR(1.0);": "the macro PAIR takes 2 arguments, it is given 1",
    "bool b = !1;": "!int",
    "made = x > 1 ? 1.0 : vec4(1.0);": "?: chooses between values of one type",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_no_driver_takes_is_refused_at_the_authors_line(body: str) -> None:
    shader = text(body, before="#define PAIR(a, b) vec4(a, b, 0.0, 0.0)")
    place = shader.split("\n").index(body) + 1

    def locate(line: int) -> tuple[str, int]:
        return "shaders/kernels/mine.glsl", line - place + 20

    with glnn.Device("numpy") as device, pytest.raises(KernelError) as caught:
        device.program("", shader, locate)
    assert REFUSED[body] in str(caught.value)
    assert str(caught.value).startswith("shaders/kernels/mine.glsl:20: ")


@pytest.mark.parametrize("words", ["#if 1", "#endif", "#define F(a) a\nfloat v = F;\n#ifdef X"])
def test_directives_that_no_text_has_are_refused(words: str) -> None:
    with pytest.raises(KernelError):
        preprocessed(f"#version 300 es\n{words}\n")


def test_tracebacks_show_the_python_and_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    with glnn.Device("numpy") as device:
        program = device.program("", text("float s = 2.0;\nmade = vec4(sqrt(s));"))

        def fails(value: Any) -> Any:
            raise ZeroDivisionError("here")

        monkeypatch.setattr(program.namespace["gl"], "sqrt", fails)  # type: ignore[attr-defined]
        texture = device.texture(2, 2, 0, "float32")
        try:
            device.draw(program, device.target(texture), (0, 0, 2, 2), [])
        except ZeroDivisionError:
            told = traceback.format_exc()
    assert "<glnn text-" in told
    assert "made = gl.pick(live, gl.spread(real, 4, gl.sqrt(s)), made)" in told


def test_a_layer_that_nobody_has_set_can_be_fetched() -> None:
    """Where no invocation is to read, a global that reads set on their way is one number still: NaN."""
    texels = Texels(np.arange(8.0).reshape(4, 2), 2, 1, 1, np.float64)
    with np.errstate(invalid="ignore"):
        assert fetch(texels, np.full((2, 3), 0.5), np.float64("nan")).shape == (4, 3)
    np.testing.assert_array_equal(
        fetch(texels, np.full((2, 3), 0.5), np.float64(1.4)), [[1.0] * 3, [3.0] * 3, [5.0] * 3, [7.0] * 3]
    )
