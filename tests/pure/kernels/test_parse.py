"""The parser: trees of texts, texts of trees, and the places of both."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from support.random_kernels import Random

from glnn.kernels.files import kernel_names, load_kernel, parse, read_library
from glnn.kernels.language.glsl import printed
from glnn.kernels.language.parse import parse_expression, parse_file, parse_statements
from glnn.kernels.language.tree import Binary, Choice, For, Function, Name, Number, Unary
from glnn.kernels.language.values import evaluate
from glnn.kernels.language.walk import within

LIBRARY = sorted(
    f"{folder}/{file.name}"
    for folder in ("lib", "codecs")
    for file in resources.files("glnn").joinpath(f"shaders/{folder}").iterdir()
)

# ---- text -> tree -> text


@pytest.mark.parametrize("name", kernel_names())
def test_a_kernel_printed_is_the_same_kernel(name: str) -> None:
    source = load_kernel(name)
    text, lines = printed(source.tree)
    assert parse_file(text, "again").items == source.tree.items
    rows = re.sub("//.*", "", source.text).split("\n")
    for row, line in zip(text.split("\n"), lines, strict=True):  # and every line stands where the author wrote it
        if not row.startswith("#"):
            words = set(re.findall(r"\w+", row))
            assert words and words <= set(re.findall(r"\w+", rows[line - 1])) or row in "{}", (row, rows[line - 1])


def test_the_kernels_of_the_documentation_are_kernels() -> None:
    text = (Path(__file__).parents[3] / "docs/kernels.md").read_text(encoding="utf-8")
    examples = re.findall(r"```glsl\n(.*?)```", text, re.S)
    assert len(examples) >= 3
    for example in examples:
        assert parse("example", example, "example.glsl").declared["input"]


@pytest.mark.parametrize("path", LIBRARY)
def test_glnns_own_files_printed_are_the_same(path: str) -> None:
    tree = read_library(path)
    assert tree.items and parse_file(printed(tree)[0], "again", library=True).items == tree.items


@pytest.mark.parametrize("seed", range(200))
def test_any_tree_printed_is_the_same_tree(seed: int) -> None:
    tree = Random(seed).tree()
    assert parse_file(printed(tree)[0], "again").items == tree.items


@pytest.mark.parametrize("seed", range(200))
def test_brackets_are_kept_where_they_matter(seed: int) -> None:
    """Python binds as GLSL does, and reads the printed text: both come to the same value."""
    rng = Random(seed).rng

    def numbers(depth: int) -> str:
        if depth == 0:
            return str(rng.randrange(1, 9))
        a, b = numbers(depth - 1), numbers(rng.randrange(depth))
        return rng.choice([f"({a} {rng.choice('+-*')} {b})", f"(-{a})", f"({b} {rng.choice('+-')} {a})"])

    text = numbers(6)
    tree = parse_statements(f"f({text});")
    (call,) = tree.items
    shown = printed(tree)[0].removeprefix("f(").removesuffix(");")
    assert eval(shown) == eval(text) == evaluate(parse_expression(text), {})  # of numbers made above
    assert len(shown) < len(text)


def test_operators_bind_as_in_glsl() -> None:
    a, b, c = (Name(n) for n in "abc")
    assert parse_expression("a - b - c") == Binary("-", Binary("-", a, b), c)
    assert parse_expression("a - (b - c)") == Binary("-", a, Binary("-", b, c))
    assert parse_expression("a + b * c < b || a && !c") == Binary(
        "||", Binary("<", Binary("+", a, Binary("*", b, c)), b), Binary("&&", a, Unary("!", c))
    )
    assert parse_expression("a ? b : c ? a : b") == Choice(a, b, Choice(c, a, b))
    assert parse_expression("-a * b") == Binary("*", Unary("-", a), b)


# ---- places


TEXT = """// A comment.
/* And one
   of two lines. */ const int N = 2;
float f(float v) { return v; }
vec4 kernel(int n, int h, int w, int c) {
    for (int k = 0; k < N; k++) {
        f(1.0); f(2.0);
    }
    return x(n, h, w, c)
        + vec4(
            f(3.0));
}
"""


def test_lines_break_where_the_author_broke_them() -> None:
    text, lines = printed(parse_file(TEXT, "k.glsl"))
    assert text.split("\n") == [
        "const int N = 2;",
        "float f(float v) { return v; }",
        "vec4 kernel(int n, int h, int w, int c) {",
        "for (int k = 0; k < N; k++) {",
        "f(1.0); f(2.0);",
        "}",
        "return x(n, h, w, c)",
        "+ vec4(",
        "f(3.0));",
        "}",
    ]
    assert lines == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]


def test_every_node_stands_where_its_word_is() -> None:
    tree, rows = parse_file(TEXT, "k.glsl"), TEXT.split("\n")
    for node in within(tree):
        word = {Name: "id", Number: "text", Binary: "op", For: None, Function: "type"}.get(type(node), "")
        if word != "":
            line, column = node.at
            assert rows[line - 1][column - 1 :].startswith(getattr(node, word) if word else "for"), node
