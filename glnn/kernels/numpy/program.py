"""A whole shader text as a tree: what the assembler makes around a kernel, with uniforms, samplers and globals."""

from __future__ import annotations

from typing import NoReturn

from ...records import dataclass
from ..language import tree as t
from ..language.expressions import Reader
from ..language.parse import _ASSIGNMENTS, _STATEMENTS, DEEP, MAX_DEPTH, Parser
from ..language.tokens import BITS, TYPES, Token
from ..language.tree import At
from ..language.walk import depth
from .places import Locate, refused
from .preprocess import Words, preprocessed

SAMPLERS = frozenset({"sampler2D", "sampler2DArray", "usampler2D", "usampler2DArray"})
_PRECISIONS = frozenset({"highp", "mediump", "lowp"})


@dataclass(frozen=True)
class Variable:
    """A uniform or an output: `size` of an array, None for a plain one."""

    type: str
    name: str
    size: t.Expr | None = None


@dataclass(frozen=True)
class Program:
    """A text read: `named` are the macros that stand for a number or a uniform, `items` globals and functions."""

    text: str
    uniforms: tuple[Variable, ...]
    outs: tuple[Variable, ...]
    named: dict[str, t.Expr]
    items: tuple[t.Declare | t.Function, ...]


def parse_program(text: str, locate: Locate | None = None) -> Program:
    """The tree of a fragment shader's whole text. Raises KernelError at the line of the author's file."""

    def read(words: Words) -> Program:
        parser = _Whole(text, words.tokens, locate)
        try:
            items = tuple(parser.items())
            named = {name: parser.inner_expression(body) for name, body in words.named.items()}
        except RecursionError:
            parser.refuse(DEEP)
        for item in items:
            deep, at = depth(item)
            if deep > MAX_DEPTH:
                parser.refuse(DEEP, at)
        return Program(text, tuple(parser.uniforms), tuple(parser.outs), named, items)

    return read(preprocessed(text, locate))


class _Whole(Parser):
    """Reads what the kernel language leaves out but whole texts have."""

    def __init__(self, text: str, words: list[Token], locate: Locate | None = None):
        self.text, self.file, self.library, self.locate = text, "", True, locate
        self.tokens, self.next = words, 0
        self.types = TYPES | BITS | SAMPLERS
        self.pragmas = []
        self.uniforms: list[Variable] = []
        self.outs: list[Variable] = []

    def refuse(self, message: str, at: At | None = None) -> NoReturn:
        raise refused(self.text, self.locate, at or self.token.at, message)

    def inner_expression(self, words: list[Token]) -> t.Expr:
        """What a macro stands for."""
        last = Token("end", "the end", words[-1].after, words[-1].after)
        return Reader.expression(_Whole(self.text, [*words, last], self.locate))

    def items(self) -> list[t.Declare | t.Function]:
        found: list[t.Declare | t.Function] = []
        while self.token.kind != "end":
            word = self.token.text
            if word == "precision":
                while not self.found(";"):
                    self.take()
            elif word in ("layout", "uniform", "out"):
                self.interface()
            elif word == "const" or self.tokens[self.next + 2].text != "(":
                found.append(self.declaration())
            else:
                made = self.item()
                assert isinstance(made, t.Function)
                found.append(made)
        return found

    def interface(self) -> None:
        """A uniform or an output."""
        if self.found("layout"):
            while not self.found(")"):
                self.take()
        which = self.take().text
        if which not in ("uniform", "out"):
            self.refuse(f"{which!r}: a fragment shader of glnn has uniforms and outputs")
        while self.token.text in _PRECISIONS:
            self.take()
        kind, name = self.kind("a type").text, self.name("a name").text
        size = None
        if self.found("["):
            size = self.expression()
            self.expect("]")
        self.expect(";")
        (self.uniforms if which == "uniform" else self.outs).append(Variable(kind, name, size))

    def statement(self) -> t.Statement:
        """As a kernel's, and `a = b = value;`, `a++;`."""
        token = self.token
        if token.text in ("{", "const") or token.text in _STATEMENTS:
            return super().statement()
        if token.text in self.types and self.tokens[self.next + 1].kind == "name":
            return super().statement()
        targets = [self.expression()]
        sign = self.take()
        if sign.text in ("++", "--"):
            self.expect(";")
            return t.Assign(targets[0], sign.text[0], t.Number("1", sign.at), token.at)
        if sign.text == ";" and isinstance(targets[0], t.Call):
            return t.Do(targets[0], token.at)
        if sign.text not in _ASSIGNMENTS:
            self.refuse(f"expected an assignment or a call, found {sign.text!r} behind an expression", sign.at)
        targets.append(self.expression())
        while self.found("="):
            targets.append(self.expression())
        self.expect(";")
        made = [t.Assign(targets[-2], sign.text[:-1], targets[-1], token.at)]
        made += [t.Assign(a, "", b, token.at) for a, b in zip(targets[-3::-1], targets[-2:0:-1], strict=True)]
        return made[0] if len(made) == 1 else t.Block(tuple(made), token.at)
