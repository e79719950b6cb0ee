"""Ways through a tree: what lies in a node, and a node made anew with other parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, get_args

from . import tree as t

Fields = dict[type, tuple[str, ...]]


def start(e: t.Expr) -> t.At:
    """The place of an expression's first word."""
    while True:
        if isinstance(e, t.Binary):
            e = e.left
        elif isinstance(e, t.Choice):
            e = e.condition
        elif isinstance(e, t.Member | t.Index):
            e = e.of
        else:
            return e.at


def within(node: Any) -> Iterator[Any]:
    """The node and everything in it, in the order of the text."""
    return _walked(node, _FIELDS)


def statements(node: Any) -> Iterator[Any]:
    """A statement (or file) and the statements in it, with the items of declarations; not what these compute."""
    return _walked(node, _BODIES)


def _walked(node: Any, fields: Fields) -> Iterator[Any]:
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        names = fields[type(node)]
        if names:
            stack += reversed(_held(node, names))


def depth(node: Any) -> tuple[int, t.At]:
    """How deeply nodes lie within a node, and the place of the deepest."""
    deepest, place = 0, t.NOWHERE
    stack = [(node, 0)]
    while stack:
        node, level = stack.pop()
        if level > deepest:
            deepest, place = level, node.at
        stack += [(child, level + 1) for child in children(node)]
    return deepest, place


_WORDS = frozenset("at end id text op name type const out word words wanted kind file".split())  # no nodes

_NODES = (*get_args(t.Expr), *get_args(t.Statement), t.Item, t.Param, t.Pragma, t.Tree)
_FIELDS: Fields = {kind: tuple(name for name in kind.__match_args__ if name not in _WORDS) for kind in _NODES}
_BODIES: Fields = {
    kind: tuple(name for name in names if name in ("body", "yes", "no", "items") and kind is not t.Choice)
    for kind, names in _FIELDS.items()
}


def children(node: Any) -> list[Any]:
    """The nodes right below a node, in the order of the text."""
    return _held(node, _FIELDS[type(node)])


def _held(node: Any, names: tuple[str, ...]) -> list[Any]:
    found: list[Any] = []
    for name in names:
        value = getattr(node, name)
        if isinstance(value, tuple):
            found += value
        elif value is not None:
            found.append(value)
    return found


def parts(e: t.Expr, f: Callable[[t.Expr], t.Expr]) -> t.Expr:
    """The expression with `f` of each of its operands; itself where those stay the same."""
    kind = type(e)
    if kind is t.Name or kind is t.Number:
        return e
    if isinstance(e, t.Binary):
        left, right = f(e.left), f(e.right)
        return e if left is e.left and right is e.right else t.Binary(e.op, left, right, e.at)
    if isinstance(e, t.Call):
        args = tuple([f(a) for a in e.args])
        return e if all(map(_same, args, e.args)) else t.Call(e.name, args, e.at)
    if isinstance(e, t.Member):
        of = f(e.of)
        return e if of is e.of else t.Member(of, e.name, e.at)
    if isinstance(e, t.Index):
        of, index = f(e.of), f(e.index)
        return e if of is e.of and index is e.index else t.Index(of, index, e.at)
    if isinstance(e, t.Unary):
        of = f(e.of)
        return e if of is e.of else t.Unary(e.op, of, e.at)
    if isinstance(e, t.Choice):
        return t.Choice(f(e.condition), f(e.yes), f(e.no), e.at)
    return e


def put_at(e: t.Expr, at: t.At) -> t.Expr:
    """The expression as one that stands at another place, all of it."""
    return replace(parts(e, lambda part: put_at(part, at)), at=at)


def _same(a: object, b: object) -> bool:
    return a is b


def one(body: tuple[t.Statement, ...]) -> t.Statement:
    """Statements as one."""
    return body[0] if len(body) == 1 else t.Block(body)


def mapped(s: Any, expr: Callable[[t.Expr], t.Expr], listed: Callable[[tuple], tuple]) -> Any:
    """A statement, but a loop or function, with `expr` of its expressions and `listed` of the statements in it."""
    if isinstance(s, t.Assign):
        return t.Assign(expr(s.target), s.op, expr(s.value), s.at)
    if isinstance(s, t.Declare):
        items = tuple([t.Item(i.name, i.size and expr(i.size), i.value and expr(i.value), i.at) for i in s.items])
        return t.Declare(s.type, items, s.const, s.at)
    if isinstance(s, t.Do):
        return t.Do(expr(s.call), s.at)  # type: ignore[arg-type]
    if isinstance(s, t.Block):
        return t.Block(listed(s.body), s.at, s.end)
    if isinstance(s, t.If):
        no = one(listed((s.no,))) if s.no else None
        return t.If(expr(s.condition), one(listed((s.yes,))), no, s.at)
    if isinstance(s, t.Return):
        return t.Return(s.value and expr(s.value), s.at)
    if isinstance(s, t.IfDef):
        return t.IfDef(s.name, s.wanted, listed(s.yes), listed(s.no), s.at)
    return s
