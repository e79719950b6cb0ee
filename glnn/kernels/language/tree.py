"""What a text of the kernel language is made of: expressions, statements and functions, each with its place in a file.

Trees are not changed: a pass makes a new one, which shares with the old one whatever stays. Places take no part in
comparisons, so that two trees are equal where their texts mean the same.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any, NoReturn

from ...errors import KernelError
from ...records import dataclass

At = tuple[int, int]  # line and column, from 1
NOWHERE = (0, 0)  # what the assembler adds: printed on the line of what stands before it

# How tightly operators bind.
PRECEDENCE = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7, "<<": 8, ">>": 8,
    "+": 9, "-": 9, "*": 10, "/": 10,
}  # fmt: skip


def _place() -> Any:
    return field(default=NOWHERE, compare=False, repr=False)


# ---- expressions


@dataclass(frozen=True)
class Number:
    """A literal as it is written: 3, 1.0, 1e-3, true."""

    text: str
    at: At = _place()


@dataclass(frozen=True)
class Name:
    id: str
    at: At = _place()


@dataclass(frozen=True)
class Call:
    """A function or a constructor with its arguments."""

    name: str
    args: tuple[Expr, ...]
    at: At = _place()


@dataclass(frozen=True)
class Member:
    """A swizzle: v.xy."""

    of: Expr
    name: str
    at: At = _place()


@dataclass(frozen=True)
class Index:
    of: Expr
    index: Expr
    at: At = _place()


@dataclass(frozen=True)
class Unary:
    op: str
    of: Expr
    at: At = _place()


@dataclass(frozen=True)
class Binary:
    """Two operands; its place is that of the operator."""

    op: str
    left: Expr
    right: Expr
    at: At = _place()


@dataclass(frozen=True)
class Choice:
    """condition ? yes : no; its place is that of the question mark."""

    condition: Expr
    yes: Expr
    no: Expr
    at: At = _place()


Expr = Number | Name | Call | Member | Index | Unary | Binary | Choice

# ---- statements


@dataclass(frozen=True)
class Item:
    """One name of a declaration: `size` of an array, or the value that it begins with."""

    name: str
    size: Expr | None = None
    value: Expr | None = None
    at: At = _place()


@dataclass(frozen=True)
class Declare:
    type: str
    items: tuple[Item, ...]
    const: bool = False
    at: At = _place()


@dataclass(frozen=True)
class Assign:
    """target = value, or with op one of + - * /: target op= value."""

    target: Expr
    op: str
    value: Expr
    at: At = _place()


@dataclass(frozen=True)
class Do:
    """A call for its own sake."""

    call: Call
    at: At = _place()


@dataclass(frozen=True)
class Block:
    body: tuple[Statement, ...]
    at: At = _place()
    end: At = _place()


@dataclass(frozen=True)
class If:
    condition: Expr
    yes: Statement
    no: Statement | None = None
    at: At = _place()


@dataclass(frozen=True)
class For:
    """for (int name = low; name < high; name += step); a step of None is name++."""

    name: str
    low: Expr
    high: Expr
    step: Expr | None
    body: Statement
    at: At = _place()


@dataclass(frozen=True)
class Return:
    value: Expr | None = None
    at: At = _place()


@dataclass(frozen=True)
class Jump:
    """break or continue."""

    word: str
    at: At = _place()


@dataclass(frozen=True)
class IfDef:
    """What stands between #ifdef (`wanted`) or #ifndef of a name, #else and #endif."""

    name: str
    wanted: bool
    yes: tuple[Statement, ...]
    no: tuple[Statement, ...] = ()
    at: At = _place()


@dataclass(frozen=True)
class Directive:
    """A #define, as it is written: only the files of shaders/lib have them."""

    text: str
    at: At = _place()


@dataclass(frozen=True)
class Param:
    """A parameter of a function; `size` and `out` are those of a blocked kernel's y alone."""

    type: str
    name: str
    size: Expr | None = None
    out: bool = False
    at: At = _place()


@dataclass(frozen=True)
class Function:
    type: str
    name: str
    params: tuple[Param, ...]
    body: Block
    at: At = _place()


Statement = Declare | Assign | Do | Block | If | For | Return | Jump | IfDef | Directive | Function


@dataclass(frozen=True)
class Pragma:
    """A line `#pragma glnn kind words`."""

    kind: str
    words: tuple[str, ...]
    at: At = _place()


@dataclass(frozen=True)
class Tree:
    """A file: its functions and constants (or, of a snippet, statements), its pragmas, and the text they stand in."""

    items: tuple[Statement, ...]
    pragmas: tuple[Pragma, ...] = ()
    file: str = field(default="", compare=False)
    text: str = field(default="", compare=False, repr=False)

    def having(self, items: tuple[Statement, ...]) -> Tree:
        """The same file with other items in it."""
        return replace(self, items=items)

    def refuse(self, at: At, message: str) -> NoReturn:
        """Raises KernelError that names the place and shows its line with a caret."""
        raise refusal(self.file, self.text, at, message)


def refusal(file: str, text: str, at: At, message: str) -> KernelError:
    """The error that names a place of a file, with the line there and a caret under the column."""
    line, column = at
    rows = text.split("\n")
    if not 0 < line <= len(rows):
        return KernelError(f"{file}: {message}")
    shown = rows[line - 1].replace("\t", " ").rstrip()
    left = max(0, column - 100)
    return KernelError(
        f"{file}:{line}:{column}: {message}\n    {shown[left : left + 160]}\n    {' ' * (column - 1 - left)}^"
    )
