"""What reads at places: accessors whose reads give the group of channels, and what statements read and change."""

from __future__ import annotations

from dataclasses import dataclass, field

from .linear import Linear, linear
from .tree import Assign, Call, Expr, For, Index, Item, Member, Name, Statement, Tree
from .values import Env
from .walk import within

Place = tuple[Linear, ...]  # the group of channels; of a matrix the output's group as well


@dataclass(frozen=True)
class Accessor:
    """A name that is read at places: the call, how many arguments are not the place, and what a seek begins with.

    x_tap(i, j, g): 2, and the names of n, h, w; weights(t, g, q) and bias(t, g): 1
    gathers:        reads of constant arguments are done once each, before the statements that use them
    """

    name: str
    call: str
    kept: int
    places: int
    type: str
    before: tuple[str, ...] = ()
    gathers: bool = False

    def reads(self, node: object) -> bool:
        """Whether this is a read that gives its place."""
        return isinstance(node, Call) and node.name == self.call and len(node.args) == self.kept + self.places

    def asks(self, node: object) -> bool:
        """Whether this asks for a tap, at no place."""
        return isinstance(node, Call) and node.name == f"{self.name}_inside"


@dataclass
class Found:
    """What there is in a statement: reads, the places of them, names that it declares or assigns, taps asked for."""

    reads: list[Call]
    places: list[Place] = field(default_factory=list)
    changed: frozenset[str] = frozenset()
    asks: bool = False

    def fixed(self, place: Place) -> bool:
        """Whether the place means the same throughout the statement."""
        return self.changed.isdisjoint(names_of(place))


def names_of(place: Place) -> frozenset[str]:
    """The variables that a place depends on."""
    return frozenset().union(*(part.names() for part in place))


def put(place: Place, name: str, value: Linear) -> Place | None:
    """The place with a value for a variable; None where that does not stand in a sum."""
    made = [part.put(name, value) for part in place]
    return None if None in made else tuple(part for part in made if part is not None)


class Places:
    """The places that an accessor's reads give, and what statements do to them; each looked at once."""

    def __init__(self, tree: Tree, env: Env, of: Accessor):
        self.tree, self.env, self.of = tree, env, of
        self.found: dict[int, tuple[Statement, Found]] = {}
        self.linear: dict[Expr, Linear] = {}

    def place(self, read: Call) -> Place:
        """What a read gives as its place. Raises KernelError where it reads there what it is to read."""
        args = read.args[self.of.kept :]
        for arg in args:
            if any(self.of.reads(node) for node in within(arg)):
                self.tree.refuse(read.at, f"{self.of.call} within its own place: give that to a variable first")
            if arg not in self.linear:
                self.linear[arg] = linear(arg, self.env)
        return tuple(self.linear[arg] for arg in args)

    def look(self, s: Statement) -> Found:
        """What there is in a statement and in those within it."""
        if id(s) in self.found:
            return self.found[id(s)][1]
        reads, changed, asks = [], set(), False
        for node in within(s):
            if isinstance(node, Call):
                reads += [node] if self.of.reads(node) else []
                asks = asks or self.of.asks(node)
            elif isinstance(node, Item | For):
                changed.add(node.name)
            elif isinstance(node, Assign):
                changed.add(target(node.target))
        made = Found(reads, [], frozenset(changed), asks)
        for read in reads:
            place = self.place(read)
            made.places += [place] if place not in made.places else []
        self.found[id(s)] = s, made
        return made


def target(e: Expr) -> str:
    """The variable that an assignment changes."""
    while isinstance(e, Member | Index):
        e = e.of
    return e.id if isinstance(e, Name) else ""
