"""How expressions are read, word by word: what a parser of statements builds on."""

from __future__ import annotations

from typing import NoReturn

from .tokens import BITS, TYPES, Token, tokens
from .tree import PRECEDENCE, At, Binary, Call, Choice, Expr, Index, Member, Name, Number, Unary, refusal

_KEYWORDS = frozenset({"if", "for", "return", "break", "continue", "else", "const", "out"})


class Reader:
    """A text, the word that comes next, and the expressions that begin there."""

    def __init__(self, text: str, file: str, library: bool, line: int = 1):
        self.text, self.file, self.library = text, file, library
        self.tokens = tokens(text, file, library, line)
        self.next = 0
        self.types = TYPES | BITS if library else TYPES

    # ---- words

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def refuse(self, message: str, at: At | None = None) -> NoReturn:
        raise refusal(self.file, self.text, at or self.token.at, message)

    def take(self) -> Token:
        token = self.tokens[self.next]
        if token.kind == "end":
            self.refuse("the text ends in the middle of something: is a bracket left open?")
        self.next += 1
        return token

    def found(self, *texts: str) -> bool:
        """Whether the next word is one of these, which is taken then."""
        token = self.tokens[self.next]
        if token.text in texts and token.kind in ("op", "name"):
            self.next += 1
            return True
        return False

    def expect(self, text: str) -> Token:
        token = self.tokens[self.next]
        if token.text != text:
            at = self.tokens[self.next - 1].after if text == ";" and self.next else token.at
            self.refuse(f"expected {text!r}, found {token.text!r}", at)
        self.next += 1
        return token

    def name(self, what: str) -> Token:
        token = self.tokens[self.next]
        if token.kind != "name" or token.text in self.types or token.text in _KEYWORDS:
            self.refuse(f"expected {what}, found {token.text!r}")
        self.next += 1
        return token

    # ---- expressions

    def expression(self) -> Expr:
        condition = self.binary(1)
        if self.token.text != "?":
            return condition
        at = self.take().at
        yes = self.expression()
        self.expect(":")
        return Choice(condition, yes, self.expression(), at)

    def binary(self, lowest: int) -> Expr:
        left = self.unary()
        while True:
            sign = self.tokens[self.next]
            level = PRECEDENCE.get(sign.text, 0)
            if level < lowest:
                return left
            self.next += 1
            left = Binary(sign.text, left, self.binary(level + 1), sign.at)

    def unary(self) -> Expr:
        token = self.tokens[self.next]
        if token.text in ("-", "+", "!"):
            self.next += 1
            return Unary(token.text, self.unary(), token.at)
        e = self.primary()
        while True:
            if self.found("."):
                member = self.name("lanes, such as .xy")
                e = Member(e, member.text, member.at)
            elif self.found("["):
                at = self.tokens[self.next - 1].at
                e = Index(e, self.expression(), at)
                self.expect("]")
            else:
                return e

    def primary(self) -> Expr:
        token = self.take()
        if token.kind == "number" or token.text in ("true", "false"):
            return Number(token.text, token.at)
        if token.text == "(":
            e = self.expression()
            self.expect(")")
            return e
        if token.kind != "name" or token.text in _KEYWORDS:
            self.refuse(f"expected a value, found {token.text!r}", token.at)
        if not self.found("("):
            if token.text in self.types:
                self.refuse(f"expected a value, found a type: a constructor is {token.text}(..)", token.at)
            return Name(token.text, token.at)
        args: list[Expr] = []
        while not self.found(")"):
            if args:
                self.expect(",")
            args.append(self.expression())
        return Call(token.text, tuple(args), token.at)
