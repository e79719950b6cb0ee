"""Half arithmetic in a text: which statements are rounded, and which stay as they are."""

from __future__ import annotations

import pytest

from glnn.kernels.language.halves import rounded


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("float a = b * c;", "float a = half_of(b * c);"),
        ("y_0 += m * v;", "y_0 = half_of(y_0 + (m * v));"),
        ("v.x /= 2.0;", "v.x = half_of(v.x / (2.0));"),
        ("vec4 u = f(a, b), v = g(c);", "vec4 u = half_of(f(a, b)), v = half_of(g(c));"),
        ("return x;", "return half_of(x);"),
        ("int i = j + 1;", "int i = j + 1;"),
        ("x_seek(n, h, w, 0);", "x_seek(n, h, w, 0);"),
        ("vec4 win_3;", "vec4 win_3;"),
        ("const float K = 0.5;", "const float K = 0.5;"),
        ("if (a == b) s = t;", "if (a == b) s = half_of(t);"),
        ("if (a) { s = t; } else s = u;", "if (a) { s = half_of(t); } else s = half_of(u);"),
        ("for (int g = 0; g < G; g++) s += v;", "for (int g = 0; g < G; g++) s = half_of(s + (v));"),
        ("float f(float v) { return v; }", "float f(float v) { return half_of(v); }"),
        ("#define A(v) f(v)\ny = 1.0;", "#define A(v) f(v)\ny = half_of(1.0);"),
        ("\x0112\x02    y = 1.0;", "\x0112\x02    y = half_of(1.0);"),
        ("bool b = x <= y;", "bool b = x <= y;"),
        ("float a = x <= y ? 1.0 : 2.0;", "float a = half_of(x <= y ? 1.0 : 2.0);"),
    ],
)
def test_what_is_assigned_or_returned_is_rounded(given: str, expected: str) -> None:
    assert rounded(given) == expected
