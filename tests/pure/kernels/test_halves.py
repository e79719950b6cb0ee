"""Half arithmetic in a text: which statements are rounded, and which stay as they are."""

from __future__ import annotations

import pytest

from glnn.kernels.language.glsl import printed
from glnn.kernels.language.halves import rounded
from glnn.kernels.language.parse import parse_file, parse_statements


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("float a = b * c;", "float a = half_of(b * c);"),
        ("y_0 += m * v;", "y_0 = half_of(y_0 + m * v);"),
        ("y_0 *= m + v;", "y_0 = half_of(y_0 * (m + v));"),
        ("y_0 -= m - v;", "y_0 = half_of(y_0 - (m - v));"),
        ("v.x /= 2.0;", "v.x = half_of(v.x / 2.0);"),
        ("w[i + 1] = v;", "w[i + 1] = half_of(v);"),
        ("vec4 u = f(a, b), v = g(c);", "vec4 u = half_of(f(a, b)), v = half_of(g(c));"),
        ("float a, b = c;", "float a, b = half_of(c);"),
        ("return x;", "return half_of(x);"),
        ("return;", "return;"),
        ("int i = j + 1, k = j;", "int i = j + 1, k = j;"),
        ("x_seek(n, h, w, 0);", "x_seek(n, h, w, 0);"),
        ("vec4 win_3;", "vec4 win_3;"),
        ("const float K = 0.5;", "const float K = 0.5;"),
        ("if (a == b) s = t;", "if (a == b) s = half_of(t);"),
        ("if (a) { s = t; } else s = u;", "if (a) { s = half_of(t); } else s = half_of(u);"),
        ("for (int g = 0; g < G; g++) s += v;", "for (int g = 0; g < G; g++) s = half_of(s + v);"),
        ("bool b = x <= y;", "bool b = x <= y;"),
        ("float a = x <= y ? 1.0 : 2.0;", "float a = half_of(x <= y ? 1.0 : 2.0);"),
    ],
)
def test_what_is_assigned_or_returned_is_rounded(given: str, expected: str) -> None:
    assert printed(rounded(parse_statements(given)))[0] == expected


def test_functions_are_rounded_and_their_lines_kept() -> None:
    text = "#define A(v) f(v)\n\nconst float K = 0.5;\nfloat f(float v) { return v * K; }\n"
    made, lines = printed(rounded(parse_file(text, "k.glsl", library=True)))
    assert made.split("\n") == [
        "#define A(v) f(v)", "const float K = 0.5;", "float f(float v) { return half_of(v * K); }"
    ]  # fmt: skip
    assert lines == [1, 3, 4]
