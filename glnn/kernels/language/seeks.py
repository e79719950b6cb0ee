"""Where windows and cells are sought: `x_tap(i, j, g)` and `weights(t, g, q)` become seeks, steps and plain reads.

A seek takes a division of integers, a step an addition (decision 003). So a place is sought once, before the loop over
its groups, and stepped where the loop turns; what this walk knows is where the accessor stands at each statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .linear import Linear, linear
from .places import Accessor, Found, Place, Places, Seen, names_of, put
from .rewrite import Pass, length, loop_range
from .tree import At, Block, Call, Declare, Do, Expr, For, Function, If, Item, Jump, Name, Statement, Tree
from .turns import BOUNDS
from .values import Env, whole
from .walk import one, statements, within

MOST = 4  # steps that take less time than a seek


class _Reads(Pass):
    """Puts something else in the place of each read."""

    def __init__(self, places: Places, made: Callable[[Call], Expr]):
        super().__init__(places.tree, {})
        self.places, self.of, self.made = places, places.of, made

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        return super().statement(s) if self.places.look(s).reads else (s,)

    def expr(self, e: Expr) -> Expr:
        e = super().expr(e)
        return self.made(e) if isinstance(e, Call) and self.of.reads(e) else e


class _Seeks:
    """One accessor's walk through a kernel; `at` is the place where it stands, None where that is not known."""

    def __init__(self, tree: Tree, env: Env, of: Accessor, seen: Seen):
        self.tree, self.env, self.of = tree, env, of
        self.at: Place | None = None
        self.sought = False  # whether a seek has been passed for sure, which x_inside needs
        self.count = 0
        self.places = Places(tree, env, of, seen)

    # ---- where the accessor goes

    def steps(self, to: Place, start: Place | None) -> int | None:
        """How many steps lead from one place to another; None where a seek does."""
        if start is None or start[1:] != to[1:]:
            return None
        way = to[0].plus(start[0], -1)
        return way.rest if not way.terms and 0 <= way.rest <= MOST else None

    def go(self, to: Place, at: At) -> list[Statement]:
        steps = self.steps(to, self.at)
        self.at, self.sought = to, True
        if steps is None:
            args = self.of.seek(tuple(part.expr(at) for part in to))
            return [Do(Call(f"{self.of.name}_seek", args, at), at)]
        return self.next(steps, at)

    def next(self, steps: int, at: At) -> list[Statement]:
        return [Do(Call(f"{self.of.name}_next", (), at), at)] * steps

    def forget(self, changed: frozenset[str]) -> None:
        if self.at is not None and changed & names_of(self.at):
            self.at = None

    # ---- statements

    def listed(self, body: Sequence[Statement]) -> tuple[Statement, ...]:
        made: list[Statement] = []
        done = 0
        body = [part for s in body for part in self.single(s)]
        while done < len(body):
            end = self.run(body, done)
            if end > done:
                made += self.read(body[done:end])
                for s in body[done:end]:
                    self.forget(self.places.look(s).changed)
                done = end
                continue
            s, found = body[done], self.places.look(body[done])
            if found.reads:
                made += self.statement(s, found)
            else:
                made += [*self.asked(s, found.asks), s]
            self.forget(found.changed)
            done += 1
        return tuple(made)

    def asked(self, s: Statement, asks: bool) -> list[Statement]:
        """What goes before a statement that asks whether taps lie in the image: a window, wherever it stands."""
        return self.go(tuple(Linear(()) for _ in range(self.of.places)), s.at) if asks and not self.sought else []

    def single(self, s: Statement) -> list[Statement]:
        """A declaration as several, where a place may depend on what stands in it before."""
        found = self.places.look(s)
        if not isinstance(s, Declare) or len(s.items) < 2 or all(map(found.fixed, found.places)):
            return [s]
        return [Declare(s.type, (item,), s.const, item.at) for item in s.items]

    def run(self, body: Sequence[Statement], begin: int) -> int:
        """The end of the statements from `begin` on that read at one place, which means the same in all of them."""
        place: Place | None = None
        end = begin
        for k in range(begin, len(body)):
            s, found = body[k], self.places.look(body[k])
            if not found.reads:
                if place is None or not found.fixed(place):
                    return end
                continue
            if found.places != [place or found.places[0]]:
                return end
            place = found.places[0]
            fixed = found.fixed(place)
            if isinstance(s, Block | If | For) and not (fixed and self.still(found)):
                return end
            end = k + 1
            if not fixed:  # a simple statement reads before it changes anything
                return end
        return end

    def still(self, found: Found) -> bool:
        """Whether what is read at a place can be read before these statements: none of its rows varies within them."""
        rows = (linear(arg, self.env) for read in found.reads for arg in read.args[: self.of.kept] if self.of.gathers)
        return all(found.changed.isdisjoint(row.names()) for row in rows)

    def read(self, body: Sequence[Statement]) -> list[Statement]:
        """Statements that read at one place: with what goes there, and their reads, done once each."""
        reads = [read for s in body for read in self.places.look(s).reads]
        made = self.go(self.places.place(reads[0]), reads[0].at)
        names: dict[tuple[Linear, ...], Name] = {}
        if self.of.gathers:
            first = {self.numbers(read): read for read in reversed(reads)}
            for key in sorted(first, key=lambda key: [part.rest for part in key]):  # row by row
                names[key] = self.local(made, first[key])

        def instead(read: Call) -> Expr:
            return names[self.numbers(read)] if names else self.bare(read)

        return made + list(_Reads(self.places, instead).listed(tuple(body)))

    def numbers(self, read: Call) -> tuple[Linear, ...]:
        return tuple(linear(arg, self.env) for arg in read.args[: self.of.kept])

    def bare(self, read: Call) -> Call:
        return Call(read.name, read.args[: self.of.kept], read.at)

    def local(self, made: list[Statement], read: Call) -> Name:
        """A variable of its own for a read, declared in `made`."""
        name = f"{self.of.name}_v{self.count}"
        self.count += 1
        made.append(Declare(self.of.type, (Item(name, None, self.bare(read), read.at),), False, read.at))
        return Name(name, read.at)

    def statement(self, s: Statement, found: Found) -> list[Statement]:
        """A statement that reads at several places, or at one that changes within it."""
        if isinstance(s, Block):
            return [Block(self.listed(s.body), s.at, s.end)]
        if isinstance(s, For):
            return self.loop(s)
        if isinstance(s, If):
            return self.condition(s)
        made, instead = self.apart(found.reads)
        return [*made, *_Reads(self.places, instead).listed((s,))]

    def apart(self, reads: list[Call]) -> tuple[list[Statement], Callable[[Call], Expr]]:
        """Reads of one statement at several places, each before it; and what stands in their places."""
        made: list[Statement] = []
        names: list[tuple[Call, Name]] = []
        for read in reads:
            if all(read != known for known, _ in names):
                made += self.go(self.places.place(read), read.at)
                names.append((read, self.local(made, read)))
        return made, lambda read: next(name for known, name in names if known == read)

    def condition(self, s: If) -> list[Statement]:
        reads = self.places.simple(s.condition).reads
        made, instead = self.apart(reads)
        made += self.asked(s, self.places.simple(s.condition).asks)
        condition = _Reads(self.places, instead).expr(s.condition)
        start, sought = self.at, self.sought
        yes = one(self.listed((s.yes,)))
        behind, self.at, self.sought = self.at, start, sought
        no = one(self.listed((s.no,))) if s.no else None
        self.at, self.sought = behind if behind == self.at else None, sought
        return [*made, If(condition, yes, no, s.at)]

    # ---- loops

    def loop(self, s: For) -> list[Statement]:
        for e in (s.low, s.high, s.step):
            if e is not None and any(self.of.reads(node) for node in within(e)):
                self.tree.refuse(s.at, BOUNDS)
        sought, count = self.sought, self.count
        first, before = self.first((s.body,)), self.entry(s)
        if first is not None and before is not None:
            begin = self.at
            made = self.go(before, s.at)
            self.at = first
            body = self.listed((s.body,))
            again = put(first, s.name, Linear(((Name(s.name), 1),), self.step(s) or 0))
            steps = None if again is None else self.steps(again, self.at)
            if steps is not None:
                self.at = self.behind(s, first)
                return [*made, self.turned(s, (*body, *self.next(steps, s.at)))]
            self.at, self.count = begin, count
        self.at, self.sought = None, sought
        made = [self.turned(s, self.listed((s.body,)))]
        self.at, self.sought = None, sought
        return made

    def turned(self, s: For, body: tuple[Statement, ...]) -> For:
        if len(body) > 1 and isinstance(body[0], Block):  # steps go into the block that is there
            block = body[0]
            body = (Block((*block.body, *body[1:]), block.at, block.end),)
        return For(s.name, s.low, s.high, s.step, one(body), s.at)

    def step(self, s: For) -> int | None:
        return 1 if s.step is None else whole(s.step, self.env)

    def entry(self, s: For) -> Place | None:
        """Where the accessor is to stand before a loop, so that its first turn finds it there; None: no such place."""
        first = self.first((s.body,))
        if first is None or self.step(s) is None or any(isinstance(node, Jump) for node in statements(s.body)):
            return None
        if not self.places.look(s.body).fixed(first):
            return None
        return put(first, s.name, linear(s.low, self.env))

    def behind(self, s: For, first: Place) -> Place | None:
        """Where the accessor stands after all turns."""
        if s.name not in names_of(first):
            return first
        turns = loop_range(s, self.env)
        return None if turns is None else put(first, s.name, Linear((), turns.start + length(turns) * turns.step))

    def first(self, body: Sequence[Statement]) -> Place | None:
        """The place that statements read at first, if it can be told before they begin."""
        changed: frozenset[str] = frozenset()
        for s in body:
            found = self.places.look(s)
            if found.reads:
                place = self.begins(s, found)
                return place if place is not None and changed.isdisjoint(names_of(place)) else None
            changed |= found.changed
        return None

    def begins(self, s: Statement, found: Found) -> Place | None:
        if isinstance(s, Block):
            return self.first(s.body)
        if isinstance(s, For):
            return self.entry(s)
        if isinstance(s, If) and not self.places.simple(s.condition).reads:
            branch = s.yes if self.places.look(s.yes).reads or s.no is None else s.no
            return self.first((branch,))
        return found.places[0]


def needed(of: Accessor, calls: Sequence[Call]) -> bool:
    """Whether a kernel of these calls leaves it to the tree to seek this accessor."""
    by_hand = any(call.name == f"{of.name}_seek" for call in calls)
    return any(of.reads(call) or (of.asks(call) and not by_hand) for call in calls)


def sought(tree: Tree, env: Env, of: Accessor, seen: Seen) -> Tree:
    """The tree with the reads of one accessor sought where that is cheapest. Raises KernelError for what has no place.

    env:  the constants that no variable hides
    seen: what is known of statements, for all accessors of a kernel
    """
    items = []
    for item in tree.items:
        if isinstance(item, Function) and item.name == "kernel":
            body = Block(_Seeks(tree, env, of, seen).listed(item.body.body), item.body.at, item.body.end)
            item = Function(item.type, item.name, item.params, body, item.at)
        items.append(item)
    return tree.having(tuple(items))
