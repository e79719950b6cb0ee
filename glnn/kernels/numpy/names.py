"""What printed code is made of: Python for an expression with its type, what names mean, functions of the text."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..language import tree as t
from ..language.values import evaluate

REAL = "real"  # the float type in printed code
DTYPES = {"float": REAL, "int": "np.int32", "uint": "np.uint32", "bool": "np.bool_"}
# What else printed modules name.
_TAKEN = frozenset({"gl", "np", "real", "result", "exact", "draw", "self", "int", "float", "bool", "range", "list"})
CHOICE, COMPARED, UNARY, ATOM = 0, 3, 10, 20  # how tightly operators bind in Python


class Code(NamedTuple):
    """Python for an expression: its type in GLSL, how tightly its operator binds.

    literal: made of literals alone, so that Python's numbers stand there and no array or number of the device's type
    """

    text: str
    type: str
    level: int = ATOM
    literal: bool = False


class Known(NamedTuple):
    """What a name means: its name in Python, its type, and the mask that it was declared under (see Printer)."""

    python: str
    type: str
    level: int = -1
    uniform: bool = False  # the same for all invocations


@dataclass
class Callee:
    """A function of the text; `masked`: it writes globals, so that it has to know for which invocations."""

    python: str
    type: str
    params: tuple[str, ...]
    masked: bool = False
    uses: set[str] = field(default_factory=set)  # the functions that it calls, by their Python names


def python_name(name: str) -> str:
    """A name of GLSL as one of Python that nothing else here has; kernels have none with two '_' in a row."""
    taken = keyword.iskeyword(name) or name in _TAKEN or re.fullmatch(r"live\d*", name)
    return f"{name}__" if taken else name


def number(text: str) -> Code:
    if text in ("true", "false"):
        return Code(text.capitalize(), "bool", literal=True)
    if text.endswith("u"):
        return Code(text[:-1], "uint", literal=True)
    whole = text.isdigit() or text[:2] in ("0x", "0X")
    return Code(text, "int" if whole else "float", literal=True)


def solid(code: Code) -> Code:
    """A float of literals as one of the device's type."""
    if code.literal and code.type == "float":
        return Code(f"{REAL}({code.text})", code.type)
    return code


def bracketed(code: Code, lowest: int) -> str:
    """The text, in brackets if it binds less tightly than `lowest`."""
    return f"({code.text})" if code.level < lowest else code.text


def constants(named: Mapping[str, t.Expr]) -> dict[str, int | float]:
    """The numbers among the macros that keep their names."""
    found = {name: evaluate(e, {}) for name, e in named.items()}
    return {name: value for name, value in found.items() if value is not None and not isinstance(value, bool)}
