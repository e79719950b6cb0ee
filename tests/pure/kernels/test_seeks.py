"""Reads at places: where they are sought and stepped, what is fetched once, and that nothing else is read."""

from __future__ import annotations

import numpy as np
import pytest
from support.random_taps import Machine, Random

from glnn.errors import KernelError
from glnn.kernels.expand import expand
from glnn.kernels.files import KernelSource, parse
from glnn.kernels.language.glsl import printed
from glnn.kernels.language.linear import linear
from glnn.kernels.language.parse import parse_expression

HEAD = "#pragma glnn input x p\n#pragma glnn matrix weights\n#pragma glnn vector bias\n#pragma glnn const U\n"
HEAD += "#pragma glnn param GN\n#pragma glnn unroll i j u\n"


def kernel(body: str) -> KernelSource:
    return parse("my", f"{HEAD}void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {{\n{body}\n}}\n", "my.glsl")


def text(body: str, looped: bool = False, block: tuple[int, int] = (1, 1), u: int = 2) -> str:
    made = printed(expand(kernel(body), frozenset(), (("U", u),), block, looped).tree)[0]
    return " ".join(made.split()).removeprefix("void kernel(int n, int h, int w, int c) { ").removesuffix(" }")


@pytest.mark.parametrize(
    ("e", "expected"),
    [
        ("g + 1 + h", "g + h + 1"), ("2 * (g - 3) - g", "g - 6"), ("c / 4 + 2 - c / 4", "2"), ("-g + h", "h - g"),
        ("N * g + N", "3 * g + 3"), ("-(g + 1)", "-g - 1"), ("g * h + g", "g * h + g"), ("g - g", "0"),
        ("+g - 1", "g - 1"),
    ],
)  # fmt: skip
def test_sums(e: str, expected: str) -> None:
    made = linear(parse_expression(e), {"N": 3})
    assert made.expr() == parse_expression(expected)
    assert made == linear(parse_expression(expected), {})


def test_sums_with_a_value_for_a_name() -> None:
    made = linear(parse_expression("2 * g + h + 1"), {})
    put = made.put("g", linear(parse_expression("h - 4"), {}))
    assert put is not None and put.expr() == parse_expression("3 * h - 7")
    assert linear(parse_expression("idiv(g, 2) + g"), {}).put("g", made) is None
    assert made != linear(parse_expression("2 * g + h"), {}) and made.names() == {"g", "h"}


def test_a_place_is_sought_before_the_loop_and_stepped_in_it() -> None:
    body = "for (int g = 0; g < GN; g++) y[0] += weights(0, g, c / 4) * x_tap(0, 0, g + 1);"
    assert text(body) == (
        "weights_seek(0, c / 4); x_seek(n, h, w, 1); for (int g = 0; g < GN; g++) { vec4 x_v0 = x_tap(0, 0); "
        "{ y_0 += weights(0) * x_v0; weights_next(); } x_next(); }"
    )
    assert text(body, looped=True) == (
        "weights_seek(0, c / 4); x_seek(n, h, w, 1); for (int g = 0; g < GN; g++) { y_0 += weights(0) * x_tap(0, 0); "
        "weights_next(); x_next(); }"
    )


def test_loops_within_loops_step_at_the_inner_one() -> None:
    body = "for (int g = 0; g < GN; g += U) for (int u = 0; u < U; u++) y[0] += x_tap(0, 0, g + u);"
    head = "x_seek(n, h, w, 0); for (int g = 0; g < GN; g += U) "
    assert text(body) == (
        head + "{ vec4 x_v0 = x_tap(0, 0); y_0 += x_v0; x_next(); vec4 x_v1 = x_tap(0, 0); y_0 += x_v1; x_next(); }"
    )
    assert text(body, looped=True) == head + "for (int u = 0; u < U; u++) { y_0 += x_tap(0, 0); x_next(); }"


def test_a_tap_may_name_its_image() -> None:
    body = "int m = n; for (int g = 0; g < GN; g++) y[0] += x_tap(0, 0, g, m) + x_tap(0, 1, g, m);"
    assert text(body, looped=True) == (
        "int m = n; x_seek(m, h, w, 0); for (int g = 0; g < GN; g++) { y_0 += x_tap(0, 0) + x_tap(0, 1); x_next(); }"
    )
    body = "for (int g = 0; g < U; g++) y[0] += x_tap(0, 0, g, m);"
    body = f"for (int d = 0; d < GN; d++) {{ int m = n + d; if (m < c) {body} }}"
    assert text(body, looped=True) == (
        "for (int d = 0; d < GN; d++) { int m = n + d; if (m < c) { x_seek(m, h, w, 0); "
        "for (int g = 0; g < U; g++) { y_0 += x_tap(0, 0); x_next(); } } }"
    )
    body = "y[0] = x_tap(0, 0, 2, n) + x_tap(0, 0, 2, 1);"
    first, second = (f"x_seek({m}, h, w, 2); vec4 x_v{k} = x_tap(0, 0);" for k, m in enumerate("n1"))
    assert text(body) == f"{first} {second} y_0 = x_v0 + x_v1;"


def test_a_tap_is_fetched_once_row_by_row() -> None:
    body = (
        "for (int i = 0; i < BH; i++) for (int j = 0; j < BW; j++) y[i * BW + j] = x_tap(1 - i, 0, 2) + x_tap(0, j, 2);"
    )
    assert text(body, block=(2, 2)) == (
        "x_seek(n, h, w, 2); vec4 x_v0 = x_tap(0, 0); vec4 x_v1 = x_tap(0, 1); vec4 x_v2 = x_tap(1, 0); "
        "y_0 = x_v2 + x_v0; y_1 = x_v2 + x_v1; y_2 = x_v0 + x_v0; y_3 = x_v0 + x_v1;"
    )


def test_what_stands_in_conditions_and_loops_is_fetched_before_them() -> None:
    body = "for (int k = 0; k < GN; k++) if (x_inside(0, 1)) y[0] += x_tap(0, 1, c / 4); y[0] += x_tap(0, 1, c / 4);"
    assert text(body) == (
        "x_seek(n, h, w, c / 4); vec4 x_v0 = x_tap(0, 1); "
        "for (int k = 0; k < GN; k++) if (x_inside(0, 1)) y_0 += x_v0; y_0 += x_v0;"
    )


def test_places_that_change_are_sought_anew() -> None:
    body = "int q = 1; y[0] = x_tap(0, 0, q); q += 1; y[0] += x_tap(0, 0, q);"
    assert text(body).count("x_seek(n, h, w, q)") == 2
    body = "for (int k = 0; k < 3; k++) { y[0] += x_tap(0, 0, idiv(k, 2)); }"
    assert "{ x_seek(n, h, w, idiv(k, 2));" in text(body)
    body = "for (int k = 0; k < 3; k++) { if (k == 1) continue; y[0] += x_tap(0, 0, k); }"
    assert "k++) { x_seek(n, h, w, k); vec4 x_v0 = x_tap(0, 0); { if (k == 1) continue;" in text(body)
    body = "vec4 a = x_tap(0, 0, 1), b = x_tap(0, 0, int(a.x)); y[0] = b;"
    assert "vec4 a = x_v0; x_seek(n, h, w, int(a.x));" in text(body)


def test_reads_of_one_statement_at_several_places() -> None:
    body = "y[0] = x_tap(0, 0, 3) * x_tap(0, 0, 1) + weights(0, 1, 2)[0] + weights(0, 1, 2)[1] + weights(0, 2, 2)[0];"
    assert text(body) == (
        "weights_seek(1, 2); mat4 weights_v0 = weights(0); weights_next(); mat4 weights_v1 = weights(0); "
        "x_seek(n, h, w, 3); vec4 x_v0 = x_tap(0, 0); x_seek(n, h, w, 1); vec4 x_v1 = x_tap(0, 0); "
        "y_0 = x_v0 * x_v1 + weights_v0[0] + weights_v0[1] + weights_v1[0];"
    )


def test_a_kernel_that_asks_first_has_a_window() -> None:
    body = "bool a = x_inside(0, 0); y[0] = a ? x_tap(0, 0, 2) : vec4(0.0);"
    assert text(body).startswith("x_seek(n, h, w, 0); bool a = x_inside(0, 0); x_next(); x_next(); vec4 x_v0")


def test_inputs_are_sought_on_their_own() -> None:
    made = text("x_seek(n * 2, h, w, 1); y[0] = x_tap(0, 0) + p_tap(0, 0, 1) + bias(0, 1);")
    assert made == (
        "x_seek(n * 2, h, w, 1); bias_seek(1); p_seek(n, h, w, 1); vec4 p_v0 = p_tap(0, 0); "
        "y_0 = x_tap(0, 0) + p_v0 + bias(0);"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("y[0] = x_tap(0, 0, int(x_tap(0, 0, 1).x));", r"my.glsl:8:8: x_tap within its own place: give that to"),
        ("y[0] = x_tap(0, w, 1);", r"my.glsl:8:17: .* must be constant after unrolling"),
        (
            "for (int k = 0; k < int(x_tap(0, 0, 1).x + x_tap(0, 0, 2).x); k++) y[0] += x_tap(0, 0, k);",
            r"the bounds of a",
        ),
    ],
)
def test_what_has_no_place_is_refused(body: str, message: str) -> None:
    with pytest.raises(KernelError, match=message):
        text(body)


@pytest.mark.parametrize("looped", [False, True])
@pytest.mark.parametrize("first", range(0, 120, 20))
def test_random_kernels_read_what_is_written(first: int, looped: bool) -> None:
    """The tree with seeks, run step by step, reads at the places that the author's text names."""
    moved = [0, 0]
    for seed in range(first, first + 20):
        source = parse("my", Random(seed).text(), "my.glsl")
        made = expand(source, frozenset(), (("U", 2),), (1, 1), looped).tree
        for h, c in ((0, 4), (3, 0)):
            found = []
            for tree in (source.tree, made):
                names = {
                    "n": 1,
                    "h": h,
                    "w": 2,
                    "c": c,
                    "x_G": 3,
                    "BH": 1,
                    "BW": 1,
                    "BLOCK": 1,
                    "U": 2,
                    "y_0": np.zeros(4),
                }
                machine = Machine(value, names, lambda i, j, h=h: (h + i + j) % 2 == 0)
                found.append(machine.run(tree))
            moved[0] += machine.seeks
            moved[1] += machine.steps
            np.testing.assert_array_equal(found[1]["y_0"], found[0]["y[0]"], str(seed))
    assert moved[1] > 20  # steps are taken


def value(name: str, numbers: tuple[int, ...], place: tuple[int, ...]) -> np.ndarray:
    """Whole numbers that tell what was read: a row of four for x and bias, four of them for weights."""
    told = hash((ord(name[0]), *numbers, *place)) % 10007
    return np.arange(16.0).reshape(4, 4) * 7 + told if name == "weights" else np.arange(4.0) * 5 - told
