"""What is done to a kernel's tree: #ifdefs, marked loops and constant conditions resolved, calls and names replaced.

Why in the text: a driver that does not unroll keeps the arrays of a blocked kernel in memory, which costs a factor of
five to eight on a software rasteriser. Each step is a pass, tree -> tree; what a pass leaves keeps its place in the
author's file, so that an error in the expanded text still points at the line that the author wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .tree import Binary, Block, Call, Declare, Expr, For, Function, If, IfDef, Index, Jump, Name, Statement, Tree
from .values import Env, evaluate, number, seen_after, whole, without
from .walk import mapped, one, parts, start, statements

# Statements that may stand in one text after unrolling: beyond this, compilers take seconds.
MAX_LINES = 6000


class Pass:
    """A walk over a tree that makes it anew; `env` is what is constant at the place where the walk stands.

    A pass overrides `expr` or `statement`, for what it changes.
    """

    def __init__(self, tree: Tree, env: Env):
        self.tree, self.env = tree, env

    def run(self) -> Tree:
        return self.tree.having(self.listed(self.tree.items))

    def expr(self, e: Expr) -> Expr:
        return parts(e, self.expr)

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        """What becomes of one statement."""
        outer = self.env
        if isinstance(s, For):
            low = self.expr(s.low)
            self.env = without(outer, s.name)
            step = None if s.step is None else self.expr(s.step)
            made: Statement = For(s.name, low, self.expr(s.high), step, one(self.listed((s.body,))), s.at)
        elif isinstance(s, Function):
            self.env = without(outer, *(p.name for p in s.params))
            body = Block(self.listed(s.body.body), s.body.at, s.body.end)
            made = Function(s.type, s.name, s.params, body, s.at)
        else:
            made = mapped(s, self.expr, self.listed)
        self.env = outer
        return (made,)

    def listed(self, body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        """What becomes of statements that follow each other."""
        outer = self.env
        made: list[Statement] = []
        for s in body:
            made += self.statement(s)
            if isinstance(s, Declare):
                self.env = seen_after(s, self.env)
        self.env = outer
        return tuple(made)

    def constant(self, e: Expr) -> int:
        value = whole(e, self.env)
        if value is None:
            self.tree.refuse(start(e), "what stands here must be constant after unrolling, an integer")
        return value


# ---- optional inputs


class _Resolve(Pass):
    defined: frozenset[str]

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        if isinstance(s, IfDef):
            return self.listed(s.yes if (s.name in self.defined) == s.wanted else s.no)
        return super().statement(s)


def resolve_ifdefs(tree: Tree, defined: frozenset[str]) -> Tree:
    """Keeps or drops what stands between #ifdef / #ifndef, #else and #endif; what a kernel sees of optional inputs."""
    if not any(isinstance(node, IfDef) for node in statements(tree)):
        return tree
    work = _Resolve(tree, {})
    work.defined = defined
    return work.run()


# ---- loops


class _Unroll(Pass):
    names: frozenset[str]
    single: bool
    count = 0  # of statements

    def expr(self, e: Expr) -> Expr:
        if isinstance(e, Name):
            value = whole(e, self.env) if e.id in self.names else None
            return e if value is None else number(value, e.at)
        if isinstance(e, Index):
            value = whole(e.index, self.env)
            if value is not None:  # a number at once, since nothing is as frequent
                return Index(self.expr(e.of), number(value, start(e.index)), e.at)
        if isinstance(e, Call) and len(e.args) > 1:  # a tap's row and column likewise
            return Call(e.name, tuple([self.argument(a) for a in e.args]), e.at)
        return parts(e, self.expr)

    def argument(self, e: Expr) -> Expr:
        value = whole(e, self.env) if isinstance(e, Binary) else None
        return self.expr(e) if value is None else number(value, start(e))

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        self.count += 1
        if self.count > MAX_LINES:
            self.tree.refuse(s.at, f"more than {MAX_LINES} statements after unrolling: lower it with fewer taps a draw")
        if not isinstance(s, For):
            return super().statement(s)
        turns, marked, names = loop_range(s, self.env), s.name in self.names, self.names
        once = (
            turns is not None and length(turns) == 1 and not any(isinstance(node, Jump) for node in statements(s.body))
        )
        if not once and (self.single or not marked):
            return super().statement(s)
        if turns is None:
            self.tree.refuse(s.at, f"loop over {s.name!r} is to be unrolled, but has bounds that are not constant")
        outer = self.env
        copies: list[Statement] = []
        self.names = names | {s.name}
        for value in turns:
            self.env = {**outer, s.name: value}
            copies += self.listed((s.body,))
        self.env, self.names = outer, names
        return tuple(copies) or (Block((), s.at, s.at),)


def length(turns: range) -> int:
    """How many turns a loop takes, also where they are more than Python's len counts."""
    return 1 + (turns[-1] - turns[0]) // turns.step if turns else 0


def loop_range(s: For, env: Env) -> range | None:
    """The values that a loop's variable takes, None where they vary or do not end."""
    inner = without(env, s.name)
    low, high = whole(s.low, env), whole(s.high, inner)
    step = 1 if s.step is None else whole(s.step, inner)
    return None if low is None or high is None or step is None or step < 1 else range(low, high, step)


def unroll(tree: Tree, names: frozenset[str], env: Env, single: bool = False) -> Tree:
    """The tree with every loop over a variable in `names` written out, and every loop of one turn.

    single: the latter alone. Raises KernelError for bounds that vary.
    """
    work = _Unroll(tree, env)
    work.names, work.single = names, single
    return work.run()


# ---- conditions


class _Fold(Pass):
    def statement(self, s: Statement) -> tuple[Statement, ...]:
        value = evaluate(s.condition, self.env) if isinstance(s, If) else None
        if value is None or not isinstance(s, If):
            return super().statement(s)
        chosen = s.yes if value else s.no
        return self.listed((chosen,)) if chosen else (Block((), s.at, s.at),)


def fold_conditions(tree: Tree, env: Env) -> Tree:
    """`if` with a constant condition becomes its branch, or nothing."""
    return _Fold(tree, env).run()


# ---- calls


class _Replace(Pass):
    replacements: Mapping[str, Callable[[Pass, Call], Expr]]

    def expr(self, e: Expr) -> Expr:
        e = parts(e, self.expr)
        make = self.replacements.get(e.name) if isinstance(e, Call) else None
        return make(self, e) if make and isinstance(e, Call) else e


def replace_calls(tree: Tree, env: Env, replacements: Mapping[str, Callable[[Pass, Call], Expr]]) -> Tree:
    """Each call of a function named there replaced by what its replacement makes of it."""
    work = _Replace(tree, env)
    work.replacements = replacements
    return work.run()


def filled(e: Expr, values: Mapping[str, Expr]) -> Expr:
    """An expression with others in the places of names."""
    if isinstance(e, Name):
        return values.get(e.id, e)
    return parts(e, lambda part: filled(part, values))


def constant_arguments(work: Pass, call: Call) -> Expr:
    """A tap whose column has become a number, and its row unless it varies with what is left of the loops.

    Raises KernelError for a column that varies.
    """
    row, column = call.args[:2]
    found = whole(row, work.env)
    kept = work.expr(row) if found is None else number(found, start(row))
    return Call(call.name, (kept, number(work.constant(column), start(column)), *call.args[2:]), call.at)


# ---- names


class _Rename(Pass):
    names: Mapping[str, str]

    def expr(self, e: Expr) -> Expr:
        e = parts(e, self.expr)
        if isinstance(e, Name) and e.id in self.names:
            return Name(self.names[e.id], e.at)
        if isinstance(e, Call) and e.name in self.names:
            return Call(self.names[e.name], e.args, e.at)
        return e

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        if isinstance(s, Function):
            s = Function(s.type, self.names.get(s.name, s.name), s.params, s.body, s.at)
        return super().statement(s)


def renamed(tree: Tree, names: Mapping[str, str]) -> Tree:
    """Functions, and names that no text declares, called otherwise."""
    work = _Rename(tree, {})
    work.names = names
    return work.run()


# ---- the pixels of a block


class _Outputs(Pass):
    count: int | None

    def expr(self, e: Expr) -> Expr:
        if isinstance(e, Index) and isinstance(e.of, Name) and e.of.id == "y":
            pixel = 0
            if self.count is not None:
                pixel = self.constant(e.index)
                if not 0 <= pixel < self.count:
                    self.tree.refuse(start(e.index), f"y[{pixel}] is beyond the block, which has {self.count} pixels")
            return Name(f"y_{pixel}", e.of.at)
        if isinstance(e, Name) and e.id == "y":
            self.tree.refuse(e.at, "y is the block's pixels, one by one: y[i * BW + j]")
        return parts(e, self.expr)

    def statement(self, s: Statement) -> tuple[Statement, ...]:
        if isinstance(s, Function) and s.name != "kernel":
            return (s,)
        if isinstance(s, Function):
            s = Function(s.type, s.name, tuple(p for p in s.params if not p.out), s.body, s.at)
        return super().statement(s)


def outputs(tree: Tree, env: Env, count: int | None) -> Tree:
    """A blocked kernel whose y[k] are the variables y_k; `count` None: all y_0. Raises KernelError for other uses."""
    work = _Outputs(tree, env)
    work.count = count
    return work.run()
