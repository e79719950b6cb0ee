"""A whole shader text as words, its macros expanded; numbers and uniforms that macros name keep their names."""

from __future__ import annotations

import re
from collections import Counter

from ...records import dataclass
from ..language.tokens import WORD, Token
from .places import Locate, refused

Marked = tuple[Token, frozenset[str]]  # a word and the macros that it came out of, which it does not name again

_DEFINE = re.compile(r"#\s*define\s+(?P<name>\w+)(?P<call>\((?P<params>[^)]*)\))?(?P<body>.*)")
# What keeps its name: `#define KH 3`, `#define x_G P[1].z`. It reads better, and is made once a draw.
_NAMED = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[PF]\[\d+\](?:\.[xyzw])?")
_IGNORED = frozenset({"version", "extension", "pragma", "line"})


@dataclass(frozen=True)
class Macro:
    """`params` is None for one without brackets."""

    params: tuple[str, ...] | None
    body: tuple[Token, ...]


@dataclass(frozen=True)
class Words:
    """The words of a text, the last of kind "end"; and the words of each macro that keeps its name."""

    tokens: list[Token]
    named: dict[str, list[Token]]


def scan(text: str, locate: Locate | None = None, line: int = 1, column: int = 1) -> list[Token]:
    """The words of a text with their places; directives whole. Raises KernelError for what is no word."""
    found: list[Token] = []
    pos, begin = 0, 1 - column
    while pos < len(text):
        match = WORD.match(text, pos)
        at = (line, pos - begin + 1)
        if match is None:
            raise refused(text, locate, at, f"{text[pos]!r} is no part of GLSL")
        kind, word, pos = match.lastgroup or "", match.group(), match.end()
        if "\n" in word:
            line, begin = line + word.count("\n"), pos - len(word) + word.rindex("\n") + 1
        if kind not in ("newline", "space"):
            found.append(Token(kind, word, at, (line, pos - begin + 1)))
    return found


def preprocessed(text: str, locate: Locate | None = None) -> Words:
    """The words of a text after its preprocessor. Raises KernelError for directives that no text of glnn has."""
    return _Preprocessor(text, locate).run()


class _Preprocessor:
    def __init__(self, text: str, locate: Locate | None):
        self.text, self.locate = text, locate
        self.macros: dict[str, Macro] = {}
        self.named: dict[str, list[Token]] = {}
        self.defined = {"GL_ES"} if re.match(r"\s*#version (100|\d+ es)", text) else set()
        self.open: list[tuple[Token, bool]] = []  # the #ifdefs around, and whether what follows counts
        words = scan(text, locate)
        self.times = Counter(m["name"] for w in words if w.kind == "directive" and (m := _DEFINE.match(w.text)))
        self.words = words

    def run(self) -> Words:
        out: list[Token] = []
        piece: list[Token] = []
        for word in self.words:
            if word.kind == "directive":
                out += self.expanded(piece)
                piece = []
                self.directive(word)
            elif all(counts for _, counts in self.open):
                piece.append(word)
        out += self.expanded(piece)
        if self.open:
            raise refused(self.text, self.locate, self.open[-1][0].at, "its #endif is missing")
        last = self.words[-1].after if self.words else (1, 1)
        return Words([*out, Token("end", "the end of the text", last, last)], self.named)

    def directive(self, word: Token) -> None:
        parts = word.text[1:].split("//")[0].split()
        kind = parts[0] if parts else ""
        if kind in ("ifdef", "ifndef") and len(parts) == 2:
            self.open.append((word, (parts[1] in self.defined) == (kind == "ifdef")))
        elif kind == "else" and self.open:
            opened, counts = self.open[-1]
            self.open[-1] = opened, not counts
        elif kind == "endif" and self.open:
            self.open.pop()
        elif all(counts for _, counts in self.open):
            self.define(word, kind, parts)

    def define(self, word: Token, kind: str, parts: list[str]) -> None:
        made = _DEFINE.match(word.text.split("//")[0].rstrip())
        if kind == "undef" and len(parts) == 2:
            self.macros.pop(parts[1], None)
            self.defined.discard(parts[1])
        elif made is not None:
            name, body = made["name"], scan(made["body"], self.locate, *word.at)
            self.defined.add(name)
            params = tuple(p.strip() for p in made["params"].split(",") if p.strip()) if made["call"] else None
            if params is None and self.times[name] == 1 and _NAMED.fullmatch(made["body"].strip()):
                self.named[name] = body
            else:
                self.macros[name] = Macro(params, tuple(body))
        elif kind not in _IGNORED:
            raise refused(self.text, self.locate, word.at, f"#{kind} is no directive that texts of glnn have")

    # ---- macros

    def expanded(self, words: list[Token]) -> list[Token]:
        out: list[Token] = []
        todo: list[Marked] = [(word, frozenset()) for word in reversed(words)]
        while todo:
            word, hidden = todo.pop()
            macro = self.macros.get(word.text) if word.kind == "name" and word.text not in hidden else None
            if macro is None or (macro.params is not None and not (todo and todo[-1][0].text == "(")):
                out.append(word)
                continue
            params = macro.params
            given = {} if params is None else dict(zip(params, self.arguments(word, params, todo), strict=True))
            inner = hidden | {word.text}
            made: list[Marked] = []
            for part in macro.body:
                if part.kind == "name" and part.text in given:
                    made += given[part.text]
                else:  # what a macro makes stands where it is used
                    made.append((part._replace(at=word.at, after=word.after), inner))
            todo += reversed(made)
        return out

    def arguments(self, word: Token, params: tuple[str, ...], todo: list[Marked]) -> list[list[Marked]]:
        """The arguments of a macro's use, taken with their brackets."""
        todo.pop()
        found: list[list[Marked]] = [[]]
        depth = 1
        while todo:
            part = todo.pop()
            text = part[0].text
            depth += (text in "([{") - (text in ")]}")
            if depth == 0:
                break
            if text == "," and depth == 1:
                found.append([])
            else:
                found[-1].append(part)
        if found == [[]] and not params:
            found = []
        if depth or len(found) != len(params):
            message = f"the macro {word.text} takes {len(params)} arguments, it is given {len(found)}"
            raise refused(self.text, self.locate, word.at, message)
        return found
