"""What the language leaves out is refused at its place; what it has is taken."""

from __future__ import annotations

import pytest

from glnn.errors import KernelError
from glnn.kernels.files import parse

HEAD = "#pragma glnn input x p\n#pragma glnn optional r\n#pragma glnn matrix m\n#pragma glnn const KH\n"
HEAD += "#pragma glnn param P0\n#pragma glnn unroll i\n"
KERNEL = "vec4 kernel(int n, int h, int w, int c) {\n    @\n    return x(n, h, w, c);\n}\n"
BLOCKED = "void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {\n    @\n}\n"

# A statement with ¦ before the place that is refused, and what is said.
STATEMENTS = [
    ("¦while (h > 0) h -= 1;", "'while' is no part of the kernel language: a loop is for"),
    ("¦do { h -= 1; } while (h > 0);", "'do' is no part of the kernel language: a loop is for"),
    ("¦switch (h) { case 1: h = 2; }", "es100 has no switch: if"),
    ("¦struct S { float a; };", "declare a variable for each member"),
    ("¦discard;", "every pixel is written"),
    ("int a = h ¦% 2;", "imod(a, b)"),
    ("int a = h ¦<< 2;", "no bit operations"),
    ("int a = h ¦& 1;", "no bit operations"),
    ("int a = ¦~h;", "no bit operations"),
    ("bool a = h > 1 ¦^^ w > 1;", "a != b"),
    ("h ¦>>= 1;", "no bit operations"),
    ("¦uint a = 1;", "no unsigned integers: take int"),
    ("float a = ¦1.0f;", "1.0f is no number of GLSL ES 1.00"),
    ("int a = ¦1u;", "1u is no number of GLSL ES 1.00"),
    ("int a = ¦012;", "012 is no number of GLSL ES 1.00"),
    ("float a = ¦'b';", '"\'" is no part of the kernel language'),
    ("¦highp float a = 1.0;", "precision is the device's"),
    ("¦double a = 1.0;", "take float"),
    ("¦inout int a;", "return what is made"),
    ("float a = ¦texture2D(x_t0, vec2(0.0)).x;", "read through inputs"),
    ("vec4 a = ¦FETCH2(x_t0, vec2(0.0));", "read through inputs"),
    ("float a = ¦gl_FragCoord.x;", "knows its place by n, h, w and c"),
    ("¦#define A 1", "declare 'const float A = 1.0;'"),
    ("¦#if 1", "#ifdef HAS_x"),
    ("¦#ifdef OTHER", "#ifdef HAS_x"),
    ("¦#ifdef HAS_q\n#endif", "no pragma declares '#pragma glnn optional q'"),
    ("¦#else", "an #else without an #ifdef"),
    ("¦#endif", "an #endif without an #ifdef"),
    ("¦#include <a>", "#include is no part of the kernel language"),
    ("¦#pragma optimize(off)", "begin with '#pragma glnn'"),
    ("if (h > 0)\n¦#ifdef HAS_r\n    h = 1;\n#endif", "put braces around"),
    ("{\n¦#ifdef HAS_r\n    }\n#endif", "its #endif is missing"),
    ("for (int k = 0; k ¦<= 3; k++) {}", "a loop is for (int i = A; i < B; i++)"),
    ("for (int k = 0; k < 3 ¦&& h > 0; k++) {}", "a loop is for"),
    ("for (int k = 0; ¦j < 3; k++) {}", "a loop is for"),
    ("for (int k = 0; k < 3; k¦--) {}", "a loop is for"),
    ("for (¦k = 0; k < 3; k++) {}", "a loop is for"),
    ("for (¦float k = 0.0; k < 3.0; k += 1.0) {}", "a loop is for"),
    ("for (int k = 0; k < 3; k++) ¦k += 1;", "'k' counts a loop"),
    ("¦break;", "'break' stands in a loop alone"),
    ("for (int i = 0; i < 3; i++) ¦continue;", "the loop over 'i' is written out, none is left to continue"),
    ("h¦++;", "write += 1"),
    ("h = ¦++w;", "expected a value, found '++'"),
    ("h = w ¦= 2;", "one assignment to a statement"),
    ("¦f() = 2;", "what stands left of an assignment"),
    ("h + 1¦;", "expected an assignment or a call"),
    ("int a = h¦\n    a = 1;", "expected ';', found 'a'"),
    ("int a = (h¦;", "expected ')', found ';'"),
    ("vec4 a = ¦vec4;", "a constructor is vec4(..)"),
    ("int a = ¦const;", "expected a value, found 'const'"),
    ("int ¦const = 1;", "expected the name of a variable, found 'const'"),
    ("¦void a;", "a variable has a type"),
    ("float a[¦];", "how many elements it has"),
    ("float a[2] ¦= b;", "write each element"),
    ("const float ¦A;", "the constant 'A' has no value"),
    ("const float A = 1.0; ¦A = 2.0;", "'A' is a constant"),
    ("¦KH = 2;", "'KH' is a constant"),
    ("if (h > 0) ¦int a = 1;", "put braces around it"),
    ("int a = h ¦/ w;", "idiv(a, b)"),
    ("int a = (h + 1) ¦/ P0;", "idiv(a, b)"),
    ("int a = 4; ¦a /= h;", "idiv(a, b)"),
    ("int ¦KH = 3;", "'KH' is taken"),
    ("int ¦P0 = 3;", "'P0' is taken"),
    ("float ¦LARGE = 3.0;", "'LARGE' is taken"),
    ("float ¦x_mine = 1.0;", "names that begin with 'x_' are not a kernel's own"),
    ("float ¦my__own = 1.0;", "names that have two '_' in a row"),
    ("¦for (int h__ = 0; h__ < 3; h__++) {}", "two '_' in a row"),
    ("vec4 a = ¦x(n, h, w);", "x takes 4 arguments, it is given 3"),
    ("vec4 a = ¦x_tap(1, 2);", "windows are for blocked kernels"),
    ("vec4 a = ¦x_tap(1, 2, 3);", "windows are for blocked kernels"),
    ("mat4 a = ¦m(1, 2);", "m takes 1 or 3 arguments, it is given 2"),
    ("¦kernel(n, h, w, c);", "'kernel' calls itself"),
]
# The same for files, before the kernel.
FILES = [
    ("float ¦a;", "outside of functions, where only constants do: const float a = .."),
    ("float f(¦out float a) { return 1.0; }", "'out' and arrays are for a blocked kernel's"),
    ("float f(¦vec4 y[2]) { return 1.0; }", "'out' and arrays are for a blocked kernel's y alone"),
    ("float f(¦float a[2]) { return 1.0; }", "'out' and arrays are for a blocked kernel's"),
    ("float f(¦inout float a) { return 1.0; }", "'inout' is no part of the kernel language"),
    ("float f(¦sampler2D s) { return 1.0; }", "a kernel reads through its inputs"),
    ("float f(float a)¦;", "written before those that call it"),
    ("float f(float a) { return ¦f(a); }", "'f' calls itself"),
    ("float f(float a) { return ¦g(a); } float g(float a) { return a; }", "'g' is defined further down"),
    ("float f(float a) { int k = 3; for (int k = 0; k < 2; k++) ¦k = 2; return a; }", "'k' counts a loop"),
    ("¦vec4 x(int a) { return vec4(0.0); }", "'x' reads an input"),
    ("¦uniform float a;", "'#pragma glnn const NAME'"),
    ("¦precision highp float;", "precision is the device's"),
    ("¦Thing f() { }", "expected a function or a constant, found 'Thing'"),
    ("#pragma glnn ¦inputs q", "unknown pragma 'inputs'; known are input, optional"),
    ("#pragma glnn ¦const F", "a pragma cannot declare 'F'"),
    ("#pragma glnn ¦optional a y", "a pragma cannot declare 'y'"),
    ("#pragma glnn ¦param A, B", "a pragma cannot declare 'A,'"),
    ("¦#pragma glnn", "begin with '#pragma glnn'"),
    ("¦#define A 1", "declare 'const float A = 1.0;'"),
]
WHOLE = [
    ("¦void kernel(int n, int h, int w, int c) { }", "ends its arguments with 'out vec4 y[BLOCK]'"),
    ("¦void kernel(int n, int h, int w, int c, out vec4 y[2]) { }", "ends its arguments with 'out vec4 y[BLOCK]'"),
    ("¦vec4 kernel(int n, int h) { return vec4(0.0); }", "a kernel is 'vec4 kernel(int n, int h, int w, int c)'"),
    ("¦float kernel(int n, int h, int w, int c) { return 0.0; }", "a kernel is 'vec4 kernel("),
    ("¦vec4 kernel(int n, int h, int w, float c) { return vec4(c); }", "a kernel is 'vec4 kernel("),
    (BLOCKED.replace("@", "vec4 ¦y = vec4(0.0);"), "'y' is the block's pixels"),
    (BLOCKED.replace("@", "¦x_seek(n, h);"), "x_seek takes 4 arguments, it is given 2"),
    (BLOCKED.replace("@", "y[0] = ¦x_tap(1);"), "x_tap takes 2 to 4 arguments, it is given 1"),
    (BLOCKED.replace("@", "y[0] = ¦x_tap(1, 2, 3, 4, 5);"), "x_tap takes 2 to 4 arguments, it is given 5"),
    (
        BLOCKED.replace("@", "y[0] = x_tap(1, 2, 3) + ¦x_tap(1, 2, 3, 4);"),
        "x_tap names its image here and not elsewhere: name it in all taps or in none",
    ),
    (BLOCKED.replace("@", "y[0] = x_tap(1, 2, ¦1.0);"), "x_tap takes its place as int: this is float"),
    (BLOCKED.replace("@", "y[0] = x_tap(1, 2, ¦h > w);"), "x_tap takes its place as int: this is bool"),
    (
        BLOCKED.replace("@", "mat4 a = m(0, c / 4, ¦vec2(1.0));"),
        "m takes its place as int: this is vec2",
    ),
    (
        BLOCKED.replace("@", "x_seek(n, h, w, 0); y[0] = ¦x_tap(1, 2, 3);"),
        "take x_tap(i, j, g) throughout, or x_seek, x_next",
    ),
    (BLOCKED.replace("@", "y[0] = x_tap(1, 2, 3); ¦x_next();"), "x is sought by hand and by its reads' places"),
    (BLOCKED.replace("@", "y[0] = x_tap(1, 2, 3) + ¦x_tap(1, 2);"), "x is sought by hand and by its reads' places"),
    (
        BLOCKED.replace("@", "m_seek(0, 1); mat4 a = ¦m(0, 1, 2);"),
        "take m(t, g, q) throughout, or m_seek, m_next and m(t)",
    ),
    (BLOCKED.replace("@", "int ¦h = 3; y[0] = x_tap(1, 2, 3);"), "'h' says where x_tap(i, j, g) reads"),
    (BLOCKED.replace("@", "¦w += 3; y[0] = x_tap(1, 2, 3);"), "'w' says where x_tap(i, j, g) reads"),
    (
        BLOCKED.replace("@", "¦for (int n = 0; n < 3; n++) y[0] += x_tap(1, 2, 3);"),
        "'n' says where x_tap(i, j, g) reads",
    ),
    (
        "vec4 f(int n) { return ¦x_tap(0, 0, n); }\n" + BLOCKED.replace("@", ""),
        "x_tap with a place stands in the kernel alone",
    ),
    ("mat4 f(int n) { return ¦m(0, n, n); }\n" + BLOCKED.replace("@", ""), "m with a place stands in the kernel alone"),
    ("vec4 kernel(int n, int h, int w, int c) {\n    return vec4(0.0);¦", "the text ends before a '}'"),
    ("#ifdef HAS_r\nconst int A = 1;¦", "the text ends before an #endif"),
]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((KERNEL.replace("@", statement), message) for statement, message in STATEMENTS),
        *((item + "\n" + KERNEL.replace("@", ""), message) for item, message in FILES),
        *WHOLE,
    ],
)
def test_what_is_left_out_is_refused_at_its_place(text: str, message: str) -> None:
    before, after = (HEAD + text).split("¦")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    with pytest.raises(KernelError) as caught:
        parse("my", before + after, "my.glsl")
    told, row, caret = str(caught.value).split("\n")
    assert told.startswith(f"my.glsl:{line}:{column}: ") and message in told
    own = (before + after).split("\n")[line - 1]
    assert row.strip() and row[4:] in own and caret.endswith("^")
    assert row[caret.index("^") :] == (own + " ")[column - 1 :][: len(row) - caret.index("^")]


@pytest.mark.parametrize(
    "value", ["(" * 400 + "1.0" + ")" * 400, " + ".join(["1.0"] * 400), "-(" * 160 + "h" + ")" * 160]
)
def test_what_is_nested_too_deeply_is_refused(value: str) -> None:
    with pytest.raises(KernelError, match=r"my.glsl:8:\d+: what stands here is nested too deeply.*\n.*\n +\^"):
        parse("my", HEAD + KERNEL.replace("@", f"float a = {value};"), "my.glsl")


ALLOWED = [
    "int a = h / 4; a /= 2; a = h / KH; float b = float(h) / float(w);",
    "for (int k = 0; k < 9; k += 2) { if (k == 4) continue; if (k > 6) break; }",
    "for (int i = 0; i < 3; i++) for (int k = 0; k < 2; k++) if (k == 1) break;",
    "#ifdef HAS_r\nfloat a = r(n, h, w, c).x;\n#else\nfloat a = 0.0;\n#endif\na += 1.0;",
    "{ const int N = 3; float a[N]; a[0] = 1.0; }",
    "bool a = !(h > 1) && true || w == 2 != false; ;".replace(" ;", ""),
    "vec4 x = x(n, h, w, c); vec4 y = x.wzyx; y.xy *= -x.zw; mat4 q = mat4(1.0); q[0][1] = 2.0;",
    "float a = h > 2 ? 1.0 : w > 2 ? .5 : 1e-3; // a comment",
    "/* one\n   more */ return vec4(0.0);",
    "mat4 a = m(0, h, c / 4) * m(1, h, c / 4);",
    "m_seek(0, 1); mat4 a = m(0); m_next();",
]


@pytest.mark.parametrize("statement", ALLOWED)
def test_what_the_language_has_is_taken(statement: str) -> None:
    assert not parse("my", HEAD + KERNEL.replace("@", statement), "my.glsl").blocked


def test_pragmas_are_read() -> None:
    source = parse("my", HEAD + BLOCKED.replace("@", "y[0] = x(n, h, w, c);"), "my.glsl")
    assert source.blocked and source.declared == {
        "input": ("x", "p"), "optional": ("r",), "matrix": ("m",), "vector": (), "const": ("KH",), "param": ("P0",),
        "unroll": ("i",),
    }  # fmt: skip


def test_calls_for_each_pixel_of_a_block_are_for_kernels_of_one_texel() -> None:
    assert parse("my", HEAD + "#pragma glnn each\n" + KERNEL.replace("@", ""), "my.glsl").each
    for pragma, kernel in (("each", BLOCKED), ("each x", KERNEL)):
        with pytest.raises(
            KernelError, match=r"my.glsl:7:\d+: '#pragma glnn each', without names, is for a kernel that"
        ):
            parse("my", HEAD + f"#pragma glnn {pragma}\n" + kernel.replace("@", ""), "my.glsl")


def test_blocks_that_lie_along_rows_are_asked_for_by_blocked_kernels_alone() -> None:
    text = "y[0] = x(n, h, w, c); x_row(n, h, c); y[0] += x_col(w); x_down();"
    assert parse("my", HEAD + "#pragma glnn row\n" + BLOCKED.replace("@", text), "my.glsl").row
    assert not parse("my", HEAD + BLOCKED.replace("@", text), "my.glsl").row
    for pragma, kernel in (("row", KERNEL), ("row x", BLOCKED)):
        with pytest.raises(
            KernelError, match=r"my.glsl:7:\d+: '#pragma glnn row', without names, is for a blocked kernel"
        ):
            parse("my", HEAD + f"#pragma glnn {pragma}\n" + kernel.replace("@", ""), "my.glsl")
    with pytest.raises(KernelError, match="x_row takes 3 arguments, it is given 2"):
        parse("my", HEAD + KERNEL.replace("@", "x_row(n, h);"), "my.glsl")
