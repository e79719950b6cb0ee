"""Tests that stand in a kernel's own file, as pragmas: what they say, and how they are run.

    #pragma glnn test NAME: x = EXPRESSION, SH = 2 expect EXPRESSION
    #pragma glnn test NAME: x = EXPRESSION expect EXPRESSION within 2 ulp as float32, rgba8

An `expect` may stand on a line of its own behind its test: #pragma glnn expect EXPRESSION. See docs/testing.md.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..errors import KernelError
from ..graph.graph import ACTIVATION_CODECS
from ..kernels.language.tree import refusal
from .choice import current
from .expressions import BadExpression, Expression
from .matches import Matched, Mismatch, assert_matches
from .subjects import kernel_of, tensors_of

_LINE = re.compile(r"^[ \t]*#pragma[ \t]+glnn[ \t]+(test|expect)\b(.*)$", re.M)
_NAME = re.compile(r"\s*([A-Za-z_][\w-]*)\s*:")
_WORDS = ("expect", "within", "as")
_FORM = "a test is '#pragma glnn test NAME: x = EXPRESSION, .. expect EXPRESSION'"


@dataclass(frozen=True)
class KernelTest:
    """A test of a kernel's file: its name, the line that it stands on, what goes in, what is to come out.

    tolerance: relative to the largest value, None: the codec's; ulp: in float32 numbers instead
    codecs:    of the tensors, empty: those of the run
    """

    name: str
    file: str
    line: int
    inputs: tuple[tuple[str, Expression], ...]
    expect: Expression
    tolerance: float | None = None
    ulp: int | None = None
    codecs: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Piece:
    """What stands behind a pragma's word: its text, and its place in the file, from 1."""

    text: str
    line: int
    column: int
    file: str
    whole: str

    def refuse(self, message: str, offset: int = 0) -> NoReturn:
        raise refusal(self.file, self.whole, (self.line, self.column + offset), message)

    def cut(self, start: int, end: int | None = None) -> _Piece:
        """A part of it, blanks before it left away."""
        text = self.text[start:end]
        blank = len(text) - len(text.lstrip())
        return replace(self, text=text.strip(), column=self.column + start + blank)

    def expression(self) -> Expression:
        """The expression that it is. Raises KernelError."""
        try:
            return Expression.read(self.text)
        except BadExpression as error:
            self.refuse(str(error), min(error.column, len(self.text)))


def read_tests(text: str, file: str) -> list[KernelTest]:
    """The tests that a kernel's text holds. Raises KernelError, with file, line and column, for what is none."""
    bare = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)
    found: dict[str, KernelTest] = {}
    waiting: tuple[_Piece, KernelTest] | None = None  # a test whose expect is to come
    for match in _LINE.finditer(bare):
        line = bare.count("\n", 0, match.start()) + 1
        piece = _Piece(match[2].rstrip(), line, match.start(2) - match.start() + 1, file, text)
        if "//" in piece.text:
            at = piece.text.index("//")
            piece.refuse("// is a comment: give it a line of its own; of numbers write floor_divide(a, b)", at)
        if match[1] == "expect":
            if waiting is None:
                piece.refuse(f"no test stands before this; {_FORM}")
            test, waiting = _expected(piece.cut(0), waiting[1]), None
        else:
            if waiting is not None:
                waiting[0].refuse(f"this test expects nothing; {_FORM}")
            test, rest = _begun(piece, found)
            if rest is None:
                waiting = piece, test
            else:
                test = _expected(rest, test)
        found[test.name] = test
    if waiting is not None:
        waiting[0].refuse(f"this test expects nothing; {_FORM}")
    return list(found.values())


def _begun(piece: _Piece, before: Mapping[str, KernelTest]) -> tuple[KernelTest, _Piece | None]:
    """NAME: NAME = EXPRESSION, .. as a test that expects nothing yet, and what stands behind `expect`."""
    named = _NAME.match(piece.text)
    if not named:
        piece.refuse(f"a test has a name; {_FORM}", len(piece.text) - len(piece.text.lstrip()))
    if named[1] in before:
        piece.refuse(f"there is a test {named[1]!r} before this: take another name", named.start(1))
    at = _places(piece).get("expect")
    inputs = _inputs(piece.cut(named.end(), at))
    test = KernelTest(named[1], piece.file, piece.line, inputs, Expression.read("0"))
    return test, None if at is None else piece.cut(at + len("expect"))


def _places(piece: _Piece) -> dict[str, int]:
    """Where the words of _WORDS stand outside of all brackets."""
    found: dict[str, int] = {}
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(piece.text.strip()).readline):
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
            if token.type == tokenize.NAME and token.string in _WORDS and not depth:
                found.setdefault(token.string, token.start[1] + len(piece.text) - len(piece.text.lstrip()))
    except (tokenize.TokenError, SyntaxError, IndentationError) as error:
        piece.refuse(f"this cannot be read: {error.args[0]}; a test stands on one line, or its expect on the next")
    return found


def _inputs(piece: _Piece) -> tuple[tuple[str, Expression], ...]:
    """NAME = EXPRESSION, .. as pairs."""
    before = "f("
    try:
        call = ast.parse(f"{before}{piece.text.rstrip(';, ')})", mode="eval").body
    except SyntaxError as error:
        piece.refuse(f"inputs are NAME = EXPRESSION, one behind the other with commas: {error.msg}",
                     max(0, (error.offset or 1) - 1 - len(before)))  # fmt: skip
    assert isinstance(call, ast.Call)
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        piece.refuse("inputs are NAME = EXPRESSION, one behind the other with commas")
    found: list[tuple[str, Expression]] = []
    for keyword in call.keywords:
        text = ast.get_source_segment(f"{before}{piece.text})", keyword.value) or ""
        try:
            found.append((str(keyword.arg), Expression.of(keyword.value, text)))
        except BadExpression as error:
            piece.refuse(str(error), max(0, error.column - len(before)))
    return tuple(found)


def _expected(piece: _Piece, test: KernelTest) -> KernelTest:
    """EXPRESSION [within TOLERANCE | within N ulp] [as CODEC, ..], of a test."""
    words = _places(piece)
    ends = sorted([*(at for word, at in words.items() if word != "expect"), len(piece.text)])
    expression = piece.cut(0, ends[0])
    if not expression.text:
        piece.refuse(f"nothing is expected; {_FORM}")
    changes: dict[str, Any] = {"expect": expression.expression()}
    for word, at in words.items():
        part = piece.cut(at + len(word), next(end for end in ends if end > at))
        if word == "within":
            number = re.fullmatch(r"([\d.]+(?:[eE][-+]?\d+)?)\s*(ulp|ULP)?", part.text)
            if not number or (number[2] and not number[1].isdigit()):
                part.refuse("within a number relative to the largest value, 1e-4, or within whole ULP: 2 ulp")
            changes |= {"ulp": int(number[1])} if number[2] else {"tolerance": float(number[1])}
        if word == "as":
            codecs = tuple(part.text.replace(",", " ").split())
            if not codecs or not set(codecs) <= set(ACTIVATION_CODECS):
                part.refuse(f"as is followed by codecs of tensors: {', '.join(ACTIVATION_CODECS)}")
            changes["codecs"] = codecs
    return replace(test, **changes)


def run_test(test: KernelTest, text: str, dialects: Sequence[str] | None = None) -> Matched:
    """Runs a test of a kernel's text -> the corners that it ran in.

    Raises Mismatch and KernelError that name the file and the test's line, and what `assert_matches` raises.
    """
    where = f"{test.file}:{test.line}: test {test.name!r}"
    values: dict[str, Any] = {}
    try:
        kernel = kernel_of(text, test.file, Path(test.file).stem)
        for name, expression in test.inputs:
            values[name] = _plain(expression.value(values, name))
        tensors = tensors_of(kernel, values)

        def expected(values: Mapping[str, Any]) -> Any:
            made = test.expect.value(values, "expect")
            return made if isinstance(made, tuple) else np.asarray(made)

        def reference(*inputs: np.ndarray, **others: Any) -> Any:
            return expected({**values, **others, **dict(zip(tensors, inputs, strict=True))})

        fixed = not test.expect.names & {n for n, _ in test.inputs if n in tensors}
        return assert_matches(
            kernel,
            expected(values) if fixed else reference,
            {n: values[n] for n in tensors},
            numbers={n: v for n, v in values.items() if n not in tensors},
            tolerance=test.tolerance,
            ulp=test.ulp,
            dialects=dialects,
            codecs=test.codecs or current().codecs or None,
        )
    except BadExpression as error:
        raise KernelError(f"{where}: {error}") from None
    except Mismatch as error:
        raise Mismatch(where, error.failures, error.tried) from None
    except KernelError as error:
        raise KernelError(f"{where}: {error}") from error


def _plain(value: Any) -> Any:
    """A list as an array, a number as Python has it."""
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else array
