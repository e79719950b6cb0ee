"""The count of loop turns, and the names that bound loops."""

from __future__ import annotations

import pytest

from glnn.errors import KernelError
from glnn.kernels.language.parse import parse_file, parse_statements
from glnn.kernels.language.turns import bounding_names, loop_turns


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("", 0),
        ("for (int i = 0; i < 10; i++) f();", 10),
        ("for (int i = 0; i < 10; i += 4) f();", 3),
        ("for (int i = 5; i < 2; i++) f();", 0),
        ("for (int i = 0; i < 10; i++) for (int j = 0; j < N; j++) f();", 10 + 30),
        ("for (int i = 0; i < 2; i++) { f(); } for (int i = 0; i < N; i++) g();", 5),
        ("if (a) { for (int i = 0; i < 2; i++) f(); }", 2),
        ("const int M = 2 * N; for (int i = 0; i < M; i++) f();", 6),
        ("{ const int N = 9; } for (int i = 0; i < N; i++) f();", 3),
    ],
)
def test_loop_turns(text: str, turns: int) -> None:
    assert loop_turns(parse_statements(text), {"N": 3}) == turns


def test_turns_of_functions_count_where_they_are_called() -> None:
    text = """const int M = 5;
    float unused(float v) { for (int i = 0; i < 1000; i++) v += v; return v; }
    float f(float v) { for (int i = 0; i < M; i++) v += v; return v; }
    float g(float v) { return f(v) + f(v); }
    vec4 kernel(int n, int h, int w, int c) {
        float s = f(1.0);
        for (int i = 0; i < N; i++) s += g(f(s));
        return vec4(s);
    }"""
    assert loop_turns(parse_file(text, "k.glsl"), {"N": 3}) == 5 + 3 * (1 + 10 + 5)


@pytest.mark.parametrize("head", ["int i = 0; i < x; i++", "int i = 0; i < 9; i += -1", "int i = x; i < 9; i++"])
def test_loops_without_known_bounds_are_refused(head: str) -> None:
    with pytest.raises(KernelError, match=r"k.glsl:1:1: .*must be constants, params or sizes.*\n"):
        loop_turns(parse_statements(f"for ({head}) f();", "k.glsl"), {})


@pytest.mark.parametrize("head", ["int i = 9; i > 0; i--", "i = 0; i < 3; i++", ";;", "int i = 0; j < 3; i++"])
def test_loops_of_another_form_are_refused(head: str) -> None:
    with pytest.raises(KernelError, match="must be constants, params or sizes"):
        parse_statements(f"for ({head}) f();")


def test_the_bound_of_a_loop_is_not_a_variable_of_the_same_name() -> None:
    text = "for (int N = 0; N < 2; N++) for (int i = 0; i < N; i++) f();"
    with pytest.raises(KernelError, match="must be constants, params or sizes"):
        loop_turns(parse_statements(text), {"N": 3})


def test_names_that_bound_loops() -> None:
    text = "for (int i = A; i < f(B - 1) * C; i += D) for (int j = i; j < 3; j++) g(E);"
    assert bounding_names(parse_statements(text)) == {"A", "B", "C", "D", "i"}
