"""What is constant, and its value as GLSL counts."""

from __future__ import annotations

import pytest

from glnn.errors import KernelError
from glnn.kernels.language.parse import parse_expression
from glnn.kernels.language.values import evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7), ("3 + 4 * 2", 11), ("(3 + 4) * 2", 14), ("-A", -5), ("+A", 5), ("A - B * 2", 1), ("0x10", 16),
        ("7 / 2", 3), ("-7 / 2", -3), ("7 / -2", -3), ("0 / -2", 0), ("7.0 / 2", 3.5), ("1e-3", 0.001), (".5", 0.5),
        ("A > B && B > 0", True), ("A < B || !B", False), ("!(A == 5)", False), ("A != B", True), ("A >= 5", True),
        ("A <= 4", False), ("  A\n * 2 ", 10), ("true", True), ("A == 5 == true", True),
        ("idiv(-7, 4)", -2), ("imod(-7, 4)", 1), ("imod(A, B)", 1), ("imod(A, 0)", None), ("imod(C, 2)", None),
        ("A == 5 || C > 0", True), ("C > 0 && A < 5", False), ("A < 5 || C > 0", None), ("C && A", None),
        ("C", None), ("A / 0", None), ("f(A)", None), ("x_tap(1, 2)", None), ("1 < A < 9", None), ("true + 1", None),
        ("A ? 1 : 2", None), ("-(A > B)", None), ("v.x", None), ("v[0]", None),
    ],
)  # fmt: skip
def test_evaluate_counts_as_glsl_does(text: str, value: object) -> None:
    got = evaluate(parse_expression(text), {"A": 5, "B": 2})
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize("text", ["A +", "", "'a'", "1 2", "f(1,", "A )"])
def test_what_is_no_expression_has_no_value(text: str) -> None:
    with pytest.raises(KernelError):
        parse_expression(text)
