"""Expansion of kernel texts: constants, loops, conditions, calls, and the count of loop turns."""

from __future__ import annotations

import pytest

from glnn.errors import KernelError
from glnn.kernels.language import rewrite as unroll


def plain(text: str) -> str:
    """A text without line marks, and with single spaces."""
    return " ".join(unroll.MARK.sub("", text).split())


# ---- evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7), ("3 + 4 * 2", 11), ("(3 + 4) * 2", 14), ("-A", -5), ("+A", 5), ("A - B * 2", 1), ("0x10", 16),
        ("7 / 2", 3), ("-7 / 2", -3), ("7 / -2", -3), ("0 / -2", 0), ("7.0 / 2", 3.5), ("-7 % 4", -3), ("7 % -4", 3),
        ("A > B && B > 0", True), ("A < B || !B", False), ("!(A == 5)", False), ("A != B", True), ("A >= 5", True),
        ("A <= 4", False), ("  A\n * 2 ", 10), ("\x0112\x02A + \x0113\x021", 6),
        ("C", None), ("A / 0", None), ("f(A)", None), ("A +", None), ("x_tap(1, 2)", None), ("1 < A < 9", None),
        ("A ? 1 : 2", None), ("", None), ("'a'", None),
    ],
)  # fmt: skip
def test_evaluate_counts_as_glsl_does(text: str, value: object) -> None:
    got = unroll.evaluate(text, {"A": 5, "B": 2})
    assert got == value and (got is None) == (value is None)


# ---- expansion


def test_unroll_writes_marked_loops_out() -> None:
    text = "for (int i = 0; i < N; i++) for (int j = A; j < 4; j += 2) y[i * 2 + j] = x(i, j, k);"
    assert plain(unroll.unroll(text, {"i", "j"}, {"N": 2, "A": 0})) == (
        "y[0 * 2 + 0] = x(0, 0, k); y[0 * 2 + 2] = x(0, 2, k); y[1 * 2 + 0] = x(1, 0, k); y[1 * 2 + 2] = x(1, 2, k);"
    )


def test_unroll_leaves_other_loops_and_names_that_only_begin_so() -> None:
    text = "for (int g = 0; g < G; g++) { for (int i = 0; i < 2; i++) { ii += i; at_i(i); } }"
    assert plain(unroll.unroll(text, {"i"}, {})) == (
        "for (int g = 0; g < G; g++) { { ii += 0; at_i(0); } { ii += 1; at_i(1); } }"
    )


def test_unroll_to_nothing_is_still_a_statement() -> None:
    assert plain(unroll.unroll("if (a) for (int i = 0; i < 0; i++) b(); else c();", {"i"}, {})) == "if (a) {} else c();"


def test_unroll_covers_an_if_with_its_else() -> None:
    text = "for (int i = 0; i < 2; i++) if (i == 0) a(); else if (b) { c(i); } else d();"
    assert plain(unroll.fold_conditions(unroll.unroll(text, {"i"}, {}), {})) == "a(); if (b) { c(1); } else d();"


def test_unroll_needs_constant_bounds() -> None:
    with pytest.raises(KernelError, match="loop over 'i' is to be unrolled, but .*x_H.* not constant"):
        unroll.unroll("for (int i = 0; i < x_H; i++) f();", {"i"}, {"N": 1})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("if (A == 1) f(); else g();", "f();"),
        ("if (A == 2) f(); else g();", "g();"),
        ("if (A == 2) f(); h();", "{} h();"),
        ("if (A == 2) { f(); if (b) k(); } else if (A == 1) { g(); } else h();", "{ g(); }"),
        ("if (b) f(); else g();", "if (b) f(); else g();"),
        ("if (b) { if (A == 1) f(); }", "if (b) { f(); }"),
        ("diff(A == 1); x = if_(A);", "diff(A == 1); x = if_(A);"),
    ],
)
def test_constant_conditions_are_folded(text: str, wanted: str) -> None:
    assert plain(unroll.fold_conditions(text, {"A": 1})) == wanted


def test_arrays_with_constant_indices_become_variables() -> None:
    text = "vec4 w[N * 2];\nw[0] = a; w[1 + 2] = b;\nf(w[0], w[3]);"
    assert plain(unroll.scalar_arrays(text, {"N": 2})) == "vec4 w_0, w_3; w_0 = a; w_3 = b; f(w_0, w_3);"


def test_values_that_nobody_reads_vanish() -> None:
    assert plain(unroll.scalar_arrays("vec4 w[3]; w[0] = a(1); w[1] = b; f(w[1]);", {})) == "vec4 w_1; w_1 = b; f(w_1);"
    assert plain(unroll.scalar_arrays("vec4 w[3]; w[0] = a; w[0] += b;", {})) == "vec4 w_0; w_0 = a; w_0 += b;"
    assert plain(unroll.scalar_arrays("int w[3];\nh();", {})) == "h();"


def test_arrays_with_other_indices_stay() -> None:
    assert plain(unroll.scalar_arrays("float w[A + 1]; w[i] = 1.0;", {"A": 3})) == "float w[4]; w[i] = 1.0;"
    with pytest.raises(KernelError, match=r"w\[x_H\] needs a constant size"):
        unroll.scalar_arrays("float w[x_H]; w[i] = 1.0;", {})


def test_optional_inputs_are_resolved() -> None:
    text = "a\n#ifdef HAS_r\nb\n#ifndef HAS_s\nc\n#endif\n#else\nd\n#endif\ne"
    resolved = {flags: plain(unroll.resolve_ifdefs(text, set(flags))) for flags in [(), ("HAS_r",), ("HAS_r", "HAS_s")]}
    assert list(resolved.values()) == ["a d e", "a b c e", "a b e"]


def test_calls_take_whole_arguments() -> None:
    seen: list[list[str]] = []
    unroll.calls("my_tap(1) + tap(f(a, b), c[d, e]) + tap( 2 )", "tap", lambda args: seen.append(args) or "")
    assert [[a.strip() for a in args] for args in seen] == [["f(a, b)", "c[d, e]"], ["2"]]


def test_unbalanced_brackets_are_named() -> None:
    with pytest.raises(KernelError, match=r"unbalanced \(\) in '\(1, f\(2\)"):
        unroll.calls("tap(1, f(2)", "tap", lambda args: "")


def test_every_line_knows_where_it_came_from() -> None:
    source = "a; // no\n\nfor (int i = 0; i < 2; i++)\n  f(i);\nb;"
    text, origins = unroll.finish(unroll.unroll(unroll.mark(source), {"i"}, {}))
    assert (text.split("\n"), origins) == (["a;", "f(0);", "f(1);", "b;"], [1, 4, 4, 5])


# ---- loop turns


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
    ],
)
def test_loop_turns(text: str, turns: int) -> None:
    assert unroll.loop_turns(text, {"N": 3}) == turns


@pytest.mark.parametrize("head", ["int i = 0; i < x; i++", "int i = 9; i > 0; i--", "i = 0; i < 3; i++", ";;"])
def test_loops_without_known_bounds_are_refused(head: str) -> None:
    with pytest.raises(KernelError, match="must be constants, params or sizes"):
        unroll.loop_turns(f"for ({head}) f();", {})
