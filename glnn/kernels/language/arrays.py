"""Local arrays whose every index is constant as plain variables; those that nobody reads vanish."""

from __future__ import annotations

from dataclasses import dataclass, field

from .rewrite import Pass
from .tree import Assign, Declare, Expr, For, Function, Index, Item, Name, Statement, Tree
from .values import Env, number, whole
from .walk import parts, start, statements


@dataclass
class _Array:
    """What a walk over the text finds of an array: the elements that are read, and whether an index varies."""

    size: int
    read: set[int] = field(default_factory=set)
    varies: bool = False


class _Arrays(Pass):
    """A pass that knows which array each name means: one declared in the statements around it, None where hidden."""

    def __init__(self, tree: Tree, env: Env, found: dict[int, _Array]):
        super().__init__(tree, env)
        self.found = found  # by the identity of the Item that declares it
        self.scope: dict[str, _Array | None] = {}

    def listed(self, body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        outer, self.scope = self.scope, dict(self.scope)
        made = super().listed(body)
        self.scope = outer
        return made

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        outer = self.scope
        if isinstance(s, For | Function):
            hidden = (s.name,) if isinstance(s, For) else tuple(p.name for p in s.params)
            self.scope = {**outer, **dict.fromkeys(hidden)}
        made = super().statement(s)
        self.scope = outer
        if isinstance(s, Declare):
            self.scope.update({item.name: self.found.get(id(item)) for item in s.items})
        return made

    def element(self, e: Expr) -> tuple[_Array, int | None] | None:
        """The array and the number that an expression means, if it is an element of one."""
        if not (isinstance(e, Index) and isinstance(e.of, Name)):
            return None
        array = self.scope.get(e.of.id)
        if array is None:
            return None
        value = whole(e.index, self.env)
        if value is not None and not 0 <= value < array.size:
            self.tree.refuse(start(e.index), f"{e.of.id} has {array.size} elements, there is no [{value}]")
        return array, value


class _Look(_Arrays):
    """Fills `found`."""

    def expr(self, e: Expr) -> Expr:
        place = self.element(e)
        if place and isinstance(e, Index):
            self._use(*place)
            self.expr(e.index)
            return e
        if isinstance(e, Name) and self.scope.get(e.id):
            self.tree.refuse(e.at, f"an array is read and written element by element: {e.id}[0]")
        return parts(e, self.expr)

    def _use(self, array: _Array, index: int | None, written: bool = False) -> None:
        if index is None:
            array.varies = True
        elif not written:
            array.read.add(index)

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        if isinstance(s, Assign) and not s.op and (place := self.element(s.target)):
            self._use(*place, written=True)
            self.expr(s.value)
            return (s,)
        if isinstance(s, Declare):
            for item in s.items:
                if item.size is not None:
                    size = whole(item.size, self.env)
                    if size is None or size < 1:
                        self.tree.refuse(start(item.size), f"array {item.name!r} needs a constant size of 1 or more")
                    self.found.setdefault(id(item), _Array(size))
        return super().statement(s)


class _Scalars(_Arrays):
    """Rewrites what was found."""

    def expr(self, e: Expr) -> Expr:
        place = self.element(e)
        if place and isinstance(e, Index) and isinstance(e.of, Name) and not place[0].varies:
            return Name(f"{e.of.id}_{place[1]}", e.of.at)
        return parts(e, self.expr)

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        if isinstance(s, Assign) and not s.op and (place := self.element(s.target)):
            array, index = place
            if not array.varies and index not in array.read:
                return ()
        made = super().statement(s)
        if isinstance(s, Declare) and any(item.size for item in s.items):
            items = [made_item for item in s.items for made_item in self._items(item)]
            return (Declare(s.type, tuple(items), s.const, s.at),) if items else ()
        return made

    def _items(self, item: Item) -> list[Item]:
        array = self.found.get(id(item)) if item.size else None
        if array is None:
            return [Item(item.name, None, item.value and self.expr(item.value), item.at)]
        if array.varies:
            return [Item(item.name, number(array.size, item.at), None, item.at)]
        return [Item(f"{item.name}_{i}", at=item.at) for i in sorted(array.read)]


def scalar_arrays(tree: Tree, env: Env) -> Tree:
    """Arrays whose every index is constant become variables a_0, a_1, ..; values that nobody reads vanish.

    Raises KernelError for a size that is not constant, and for an element that an array does not have.
    """
    if not any(isinstance(node, Item) and node.size is not None for node in statements(tree)):
        return tree
    found: dict[int, _Array] = {}
    _Look(tree, env, found).run()
    return _Scalars(tree, env, found).run() if found else tree
