"""Half arithmetic in a text, for devices that emulate precision "mediump": the value of every statement is rounded.

A phone whose fragment shaders compute in half floats keeps no more than 11 bits of any result and overflows beyond
65504. `rounded` puts that into a kernel's tree: what is assigned or returned goes through `half_of`
(shaders/lib/half.glsl), which is the identity for integers and booleans.
"""

from __future__ import annotations

from .rewrite import Pass
from .tree import Assign, Binary, Call, Declare, Expr, Item, Return, Statement, Tree
from .walk import start

_FLOATS = frozenset({"float", "vec2", "vec3", "vec4", "mat2", "mat3", "mat4"})


class _Halves(Pass):
    def expr(self, e: Expr) -> Expr:
        return e

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        if isinstance(s, Assign):
            value = Binary(s.op, s.target, s.value, start(s.value)) if s.op else s.value
            return (Assign(s.target, "", _half(value), s.at),)
        if isinstance(s, Return) and s.value is not None:
            return (Return(_half(s.value), s.at),)
        if isinstance(s, Declare) and s.type in _FLOATS and not s.const:
            items = tuple(Item(i.name, i.size, i.value and _half(i.value), i.at) for i in s.items)
            return (Declare(s.type, items, s.const, s.at),)
        return super().statement(s)


def _half(e: Expr) -> Expr:
    return Call("half_of", (e,), start(e))


def rounded(tree: Tree) -> Tree:
    """Statements and functions with every assigned and returned value rounded to half precision."""
    return _Halves(tree, {}).run()
