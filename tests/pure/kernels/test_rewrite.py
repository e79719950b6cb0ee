"""What is done to kernels' trees: loops written out, conditions folded, calls and names replaced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from glnn.errors import KernelError
from glnn.kernels.language import rewrite
from glnn.kernels.language.glsl import printed
from glnn.kernels.language.parse import parse_expression, parse_file, parse_statements
from glnn.kernels.language.tree import Block, Call, Expr, If, Name, Return, Tree
from glnn.kernels.language.values import Env


def plain(tree: Tree) -> str:
    """A tree's text on one line, with single spaces."""
    return " ".join(printed(tree)[0].split())


def unrolled(text: str, names: set[str], env: Env) -> str:
    return plain(rewrite.unroll(parse_statements(text), frozenset(names), env))


def folded(text: str, env: Env) -> str:
    return plain(rewrite.fold_conditions(parse_statements(text), env))


# ---- expansion


def test_unroll_writes_marked_loops_out() -> None:
    text = "for (int i = 0; i < N; i++) for (int j = A; j < 4; j += 2) y[i * 2 + j] = x(i, j, k);"
    assert unrolled(text, {"i", "j"}, {"N": 2, "A": 0}) == (
        "y[0] = x(0, 0, k); y[2] = x(0, 2, k); y[2] = x(1, 0, k); y[4] = x(1, 2, k);"
    )


def test_unroll_leaves_other_loops_and_names_that_only_begin_so() -> None:
    text = "for (int g = 0; g < G; g++) { for (int i = 0; i < 2; i++) { ii += i; at_i(i); } }"
    assert unrolled(text, {"i"}, {}) == ("for (int g = 0; g < G; g++) { { ii += 0; at_i(0); } { ii += 1; at_i(1); } }")


def test_unroll_writes_out_what_turns_once() -> None:
    text = "for (int g = 0; g < ONE; g++) for (int k = g; k < N; k++) y += x(g, k);"
    assert unrolled(text, set(), {"ONE": 1}) == "for (int k = 0; k < N; k++) y += x(0, k);"
    jumps = "for (int g = 0; g < 1; g++) { if (x(g) < 0.0) continue; y += x(g); }"
    assert unrolled(jumps, set(), {}) == jumps


def test_unroll_leaves_lanes_and_functions_of_that_name() -> None:
    """Swizzles are no variables: v.a stays v.a where a loop over a is written out."""
    text = "for (int a = 0; a < 2; a++) s += v.a * m[a].a + a(a);"
    assert unrolled(text, {"a"}, {}) == "s += v.a * m[0].a + a(0); s += v.a * m[1].a + a(1);"


def test_unroll_reaches_every_part_of_an_expression() -> None:
    text = "for (int a = 1; a < 2; a++) s[a].x = (c > a ? -a : f(v.x, a)) + m[b][a].y * (a + v[g(a)]).x;"
    assert unrolled(text, {"a"}, {}) == "s[1].x = (c > 1 ? -1 : f(v.x, 1)) + m[b][1].y * (1 + v[g(1)]).x;"


def test_unroll_leaves_what_hides_the_variable() -> None:
    text = """for (int i = 0; i < 2; i++) {
        f(i);
        { int i = i + 3; f(i); }
        for (int k = i; k < n; k++) { for (int j = 0; j < k; j++) f(j); for (int i = i; i < 9; i++) f(i); }
        f(i);
    }"""
    inner = "for (int k = {0}; k < n; k++) {{ for (int j = 0; j < k; j++) f(j); {1} }}"
    body = "{{ f({0}); {{ int i = {0} + 3; f(i); }} " + inner + " f({0}); }}"
    copies = [body.format(i, " ".join(f"f({k});" for k in range(i, 9))) for i in (0, 1)]
    assert unrolled(text, {"i"}, {}) == " ".join(copies)


def test_unroll_counts_from_below_zero() -> None:
    assert unrolled("for (int i = -1; i < 1; i++) f(2 - i, -i, h * i);", {"i"}, {}) == (
        "f(3, -(-1), h * -1); f(2, -0, h * 0);"
    )


def test_unroll_to_nothing_is_still_a_statement() -> None:
    assert unrolled("if (a) for (int i = 0; i < 0; i++) b(); else c();", {"i"}, {}) == "if (a) {} else c();"


def test_copies_stay_together_where_one_statement_is_governed() -> None:
    text = "if (a) for (int i = 0; i < 2; i++) b(i); else c();"
    assert unrolled(text, {"i"}, {}) == "if (a) { b(0); b(1); } else c();"
    nested = "if (a) for (int i = 0; i < 1; i++) if (b) c(); else d();"
    assert unrolled(nested, {"i"}, {}) == "if (a) if (b) c(); else d();"
    outer = "if (a) { for (int i = 0; i < 1; i++) if (b) c(); } else d();"
    assert unrolled(outer, {"i"}, {}) == "if (a) { if (b) c(); } else d();"


def test_an_else_stays_with_its_if() -> None:
    """What unrolling leaves under an if must not take the else that follows."""
    text = "if (a) for (int g = 0; g < G; g++) { if (A == 1) if (b) c(); } else d();"
    assert folded(text, {"A": 1}) == "if (a) for (int g = 0; g < G; g++) { if (b) c(); } else d();"
    (first,) = parse_statements("if (a) { if (b) c(); } else d();").items
    assert isinstance(first, If) and isinstance(first.yes, Block)
    (again,) = parse_statements(plain(Tree((If(first.condition, first.yes.body[0], first.no),)))).items
    assert again == first


def test_unroll_covers_an_if_with_its_else() -> None:
    text = "for (int i = 0; i < 2; i++) if (i == 0) a(); else if (b) { c(i); } else d();"
    tree = rewrite.unroll(parse_statements(text), frozenset("i"), {})
    assert plain(rewrite.fold_conditions(tree, {})) == "a(); if (b) { c(1); } else d();"


def test_unroll_needs_constant_bounds() -> None:
    with pytest.raises(KernelError, match=r"k.glsl:1:1: loop over 'i' is to be unrolled, but .* not constant\n.*x_H"):
        rewrite.unroll(parse_statements("for (int i = 0; i < x_H; i++) f();", "k.glsl"), frozenset("i"), {"N": 1})


def test_unroll_stops_before_a_text_grows_too_long() -> None:
    text = "for (int i = 0; i < 9000000; i++) for (int j = 0; j < 9000000; j++) f();"
    with pytest.raises(KernelError, match=r"k.glsl:1:\d+: more than 6000 statements after unrolling"):
        rewrite.unroll(parse_statements(text, "k.glsl"), frozenset("ij"), {})


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
        ("const int N = A + 1; if (N == 2) f();", "const int N = A + 1; f();"),
        ("{ const int A = 7; if (A == 1) f(); } if (A == 1) g();", "{ const int A = 7; {} } g();"),
        ("int A = n; if (A == 1) f();", "int A = n; if (A == 1) f();"),
        (
            "for (int A = A; A < 2; A++) { if (A == 1) f(); } if (A == 1) g();",
            "for (int A = A; A < 2; A++) { if (A == 1) f(); } g();",
        ),
    ],
)
def test_constant_conditions_are_folded(text: str, wanted: str) -> None:
    assert folded(text, {"A": 1}) == wanted


def test_a_parameter_hides_a_constant() -> None:
    text = "const int N = 1;\nfloat f(int N) { if (N == 1) return 1.0; return 0.0; }"
    assert plain(rewrite.fold_conditions(parse_file(text, "k.glsl"), {})) == " ".join(text.split())


# ---- the pixels of a block

BLOCKED = "void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) { y[0] = a; y[A - 4] += y[0] * b.y; }"


def test_the_pixels_of_a_block_become_variables() -> None:
    head, tree = "void kernel(int n, int h, int w, int c)", parse_file(BLOCKED, "k.glsl")
    assert plain(rewrite.outputs(tree, {"A": 5}, 2)) == f"{head} {{ y_0 = a; y_1 += y_0 * b.y; }}"
    assert plain(rewrite.outputs(tree, {}, None)) == f"{head} {{ y_0 = a; y_0 += y_0 * b.y; }}"
    with pytest.raises(KernelError, match=r"k.glsl:1:74: y\[1\] is beyond the block, which has 1 pixels"):
        rewrite.outputs(tree, {"A": 5}, 1)
    with pytest.raises(KernelError, match=r"k.glsl:1:74: what stands here must be constant after unrolling"):
        rewrite.outputs(tree, {}, 2)
    with pytest.raises(KernelError, match=r"k.glsl:1:74: y is the block's pixels, one by one: y\[i \* BW \+ j\]"):
        rewrite.outputs(parse_file(BLOCKED.replace("y[A - 4] +=", "f(y); a ="), "k.glsl"), {}, 2)


def test_another_functions_y_is_its_own() -> None:
    own = "float f(float y) { return y; } "
    made = plain(rewrite.outputs(parse_file(own + BLOCKED.replace("A - 4", "0"), "k.glsl"), {}, 1))
    assert made.startswith(own)


# ---- optional inputs, calls, names


def test_optional_inputs_are_resolved() -> None:
    text = "a();\n#ifdef HAS_r\nb();\n#ifndef HAS_s\nc();\n#endif\n#else\nd();\n#endif\ne();"
    flags: list[tuple[str, ...]] = [(), ("HAS_r",), ("HAS_r", "HAS_s")]
    resolved = [plain(rewrite.resolve_ifdefs(parse_statements(text), frozenset(given))) for given in flags]
    assert resolved == ["a(); d(); e();", "a(); b(); c(); e();", "a(); b(); e();"]


def argument(e: Expr) -> str:
    return plain(Tree((Return(e),))).removeprefix("return ").removesuffix(";")


def replaced(text: str, name: str, make: Callable[[list[str]], str]) -> str:
    def call(work: rewrite.Pass, call: Call) -> Expr:
        return Name(make([argument(a) for a in call.args]))

    return plain(rewrite.replace_calls(parse_statements(text), {}, {name: call}))


def test_calls_take_whole_arguments() -> None:
    seen: list[list[str]] = []
    text = "s = my_tap(1) + tap(f(a, b), c[d]) + tap( 2 );"
    assert replaced(text, "tap", lambda args: (seen.append(args), "t")[1]) == "s = my_tap(1) + t + t;"
    assert seen == [["f(a, b)", "c[d]"], ["2"]]


def test_calls_are_replaced_within_their_own_arguments() -> None:
    assert replaced("s = tap(tap(1));", "tap", lambda args: f"<{args[0]}>") == "s = <<1>>;"


def test_values_take_the_places_of_names() -> None:
    template = parse_expression("f(h + (i), -(j))")
    values = {"i": parse_expression("a - 1"), "j": parse_expression("b + i")}
    made = rewrite.filled(template, values)
    assert made == parse_expression("f(h + (a - 1), -(b + i))")


def test_functions_and_names_are_renamed() -> None:
    tree = parse_file("vec4 decode(vec4 texel) { return texel * S + decode(v.S); }", "k.glsl")
    made = plain(rewrite.renamed(tree, {"decode": "x_decode", "S": "x_s"}))
    assert made == "vec4 x_decode(vec4 texel) { return texel * x_s + x_decode(v.S); }"


# ---- origins


def test_every_line_knows_where_it_came_from() -> None:
    source = "a(); // no\n\nfor (int i = 0; i < 2; i++)\n  f(i);\nb();"
    text, lines = printed(rewrite.unroll(parse_statements(source), frozenset("i"), {}))
    assert (text.split("\n"), lines) == (["a();", "f(0);", "f(1);", "b();"], [1, 4, 4, 5])
