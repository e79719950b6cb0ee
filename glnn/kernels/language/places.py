"""What reads at places: accessors whose reads give the group of channels, and what statements read and change."""

from __future__ import annotations

from dataclasses import field

from ...records import dataclass
from .linear import Linear, linear
from .tree import Assign, Block, Call, Expr, For, If, Index, Item, Member, Name, Statement, Tree
from .values import Env
from .walk import within

Place = tuple[Linear, ...]  # the group of channels; of a matrix the output's group as well, of a tap maybe the image


@dataclass(frozen=True)
class Accessor:
    """A name that is read at places: the call, how many arguments are not the place, and what a seek begins with.

    x_tap(i, j, g) and x_tap(i, j, g, n): 2, and the names of n, h, w; weights(t, g, q) and bias(t, g): 1
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

    def seek(self, place: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """The arguments of a seek of a place."""
        if len(place) > 1 and self.before:  # in another image than the block's own
            return (place[1], *map(Name, self.before[1:]), place[0])
        return (*map(Name, self.before), *place)

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


class Seen:
    """The calls of statements and the names that they change, which several accessors ask for."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[object, tuple[Call, ...], frozenset[str]]] = {}

    def scan(self, node: Statement | Expr) -> tuple[tuple[Call, ...], frozenset[str]]:
        """The calls in a node, and the names that it declares or assigns."""
        if id(node) not in self.found:
            calls, changed = [], []
            for part in within(node):
                kind = type(part)
                if kind is Call:
                    calls.append(part)
                elif kind is Item:
                    changed.append(part.name)
                elif kind is Assign:
                    changed.append(target(part.target))
            self.found[id(node)] = node, tuple(calls), frozenset(changed)
        return self.found[id(node)][1:]


class Places:
    """The places that an accessor's reads give, and what statements do to them; each looked at once."""

    def __init__(self, tree: Tree, env: Env, of: Accessor, seen: Seen):
        self.tree, self.env, self.of, self.seen = tree, env, of, seen
        self.found: dict[int, tuple[Statement, Found]] = {}
        self.linear: dict[Expr, Linear] = {}

    def place(self, read: Call) -> Place:
        """What a read gives as its place. Raises KernelError where it reads there what it is to read."""
        args = read.args[self.of.kept :]
        for arg in args:
            if arg not in self.linear:
                if any(self.of.reads(node) for node in within(arg)):
                    self.tree.refuse(read.at, f"{self.of.call} within its own place: give that to a variable first")
                self.linear[arg] = linear(arg, self.env)
        return tuple([self.linear[arg] for arg in args])

    def look(self, s: Statement) -> Found:
        """What there is in a statement and in those within it."""
        if id(s) not in self.found:
            self.found[id(s)] = s, self.looked(s)
        return self.found[id(s)][1]

    def looked(self, s: Statement) -> Found:
        if isinstance(s, Block):
            return self.merged([self.look(inner) for inner in s.body])
        if isinstance(s, If):
            inner = [self.look(s.yes), *([self.look(s.no)] if s.no else [])]
            return self.merged([self.simple(s.condition), *inner])
        if isinstance(s, For):
            heads = [self.simple(e) for e in (s.low, s.high, s.step) if e is not None]
            return self.merged([Found([], [], frozenset((s.name,))), *heads, self.look(s.body)])
        return self.simple(s)

    def simple(self, node: Statement | Expr) -> Found:
        calls, changed = self.seen.scan(node)
        found = Found([], changed=changed)
        for call in calls:
            if self.of.reads(call):
                found.reads.append(call)
                place = self.place(call)
                found.places += [place] if place not in found.places else []
            found.asks = found.asks or self.of.asks(call)
        return found

    def merged(self, several: list[Found]) -> Found:
        made = Found([read for one in several for read in one.reads])
        for one in several:
            made.places += [place for place in one.places if place not in made.places]
        made.changed = frozenset().union(*(one.changed for one in several))
        made.asks = any(one.asks for one in several)
        return made


def target(e: Expr) -> str:
    """The variable that an assignment changes."""
    while isinstance(e, Member | Index):
        e = e.of
    return e.id if isinstance(e, Name) else ""
