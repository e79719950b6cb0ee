"""Integer expressions as sums: what tells that one place is the next one of another."""

from __future__ import annotations

from ...records import dataclass
from .tree import NOWHERE, At, Binary, Expr, Name, Unary
from .values import Env, number, whole
from .walk import put_at, within


@dataclass(frozen=True)
class Linear:
    """A sum of expressions times numbers, plus a number; the order of its terms is that of the text."""

    terms: tuple[tuple[Expr, int], ...]
    rest: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Linear) and self.rest == other.rest and dict(self.terms) == dict(other.terms)

    def plus(self, other: Linear, times: int = 1) -> Linear:
        """The sum with another one, taken so many times."""
        terms = dict(self.terms)
        for atom, factor in other.terms:
            terms[atom] = terms.get(atom, 0) + factor * times
        return Linear(tuple((a, f) for a, f in terms.items() if f), self.rest + other.rest * times)

    def names(self) -> frozenset[str]:
        """The variables in it."""
        return frozenset(node.id for atom, _ in self.terms for node in within(atom) if isinstance(node, Name))

    def put(self, name: str, value: Linear) -> Linear | None:
        """The sum with a value in the place of a name; None where the name stands within a term that is no sum."""
        made = Linear((), self.rest)
        for atom, factor in self.terms:
            if atom == Name(name):
                made = made.plus(value, factor)
            elif any(isinstance(node, Name) and node.id == name for node in within(atom)):
                return None
            else:
                made = made.plus(Linear(((atom, 1),)), factor)
        return made

    def expr(self, at: At = NOWHERE) -> Expr:
        """The sum as an expression, which stands at one place."""
        made: Expr | None = None
        for atom, factor in sorted(self.terms, key=lambda term: term[1] < 0):  # positive ones first
            atom = put_at(atom, at)
            term = atom if abs(factor) == 1 else Binary("*", number(abs(factor), at), atom, at)
            if made is None:
                made = term if factor > 0 else Unary("-", term, at)
            else:
                made = Binary("+" if factor > 0 else "-", made, term, at)
        if made is None:
            return number(self.rest, at)
        if self.rest:
            made = Binary("+" if self.rest > 0 else "-", made, number(abs(self.rest), at), at)
        return made


def linear(e: Expr, env: Env) -> Linear:
    """An expression as a sum, with the constants of `env` as numbers."""
    value = whole(e, env)
    if value is not None:
        return Linear((), value)
    if isinstance(e, Unary) and e.op in ("-", "+"):
        return Linear(()).plus(linear(e.of, env), -1 if e.op == "-" else 1)
    if isinstance(e, Binary) and e.op in ("+", "-"):
        return linear(e.left, env).plus(linear(e.right, env), -1 if e.op == "-" else 1)
    if isinstance(e, Binary) and e.op == "*":
        for one, other in ((e.left, e.right), (e.right, e.left)):
            factor = whole(one, env)
            if factor is not None:
                return Linear(()).plus(linear(other, env), factor)
    return Linear(((e, 1),))
