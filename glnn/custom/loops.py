"""glnn.steps: an ordinary loop that is one of the plan in a program."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from ..errors import InputError
from ..graph.shapes import Shape
from .tracing import Traced, Tracing
from .trees import Form, Leaf, flattened, rebuilt
from .words import Words, operand


class Steps:
    """The turns of a loop: `for i in glnn.steps(n)`. It has a length; outside of programs it goes as range(n) does."""

    def __init__(self, count: int):
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"glnn.steps({self.count})"

    def __iter__(self) -> Iterator[int]:
        work = Tracing.now()
        if work is not None:
            raise InputError(
                f"program {work.name!r}: glnn.steps({self.count}) is no loop of the plan here. It is one in the text "
                "of a program itself, as 'for i in glnn.steps(n):', which glnn must find in a file or a cell; a "
                "function that a program calls needs @glnn.program too"
            )
        return iter(range(self.count))


def steps(count: int) -> Steps:
    """`count` turns for a loop: `for i in glnn.steps(count)`. In a program it is a loop of the plan.

    There the body is traced once. The variables that it assigns, and that have a value before the loop, go from turn to
    turn: tensors and numbers, also in tuples, lists and dicts, of the same shapes after a turn. `i` is then a tensor,
    the number of the turn. Elsewhere it is range(count). Raises InputError.
    """
    if isinstance(count, Traced):
        count.unknown("the number of turns")
    try:
        turns = operator.index(count)
    except TypeError:
        turns = -1
    if isinstance(count, bool) or turns < 0:
        raise InputError(f"glnn.steps: count={count!r}: a whole number of turns is needed, 0 or more")
    return Steps(turns)


class Lost(Words):
    """What stands for a variable that only the turns of a loop have. Its use raises InputError."""

    __slots__ = ("told",)

    def __init__(self, told: str):
        self.told = told

    def _raise(self) -> NoReturn:
        raise InputError(self.told)

    @property
    def shape(self) -> Shape:
        """Raises InputError."""
        self._raise()

    def __repr__(self) -> str:
        return f"<{self.told}>"

    def _said(self, key: Any, say: Callable[..., Any], operands: Any) -> Any:
        next(x for x in operands if isinstance(x, Lost))._raise()

    def _otherwise(self, function: Any, args: Any, kwargs: Any) -> Any:
        self._raise()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self._raise()

    def __bool__(self) -> bool:
        self._raise()


UNBOUND: Any = type("Unbound", (), {"__repr__": lambda self: "<no value>"})()


class Loop:
    """What a rewritten loop calls (see `rewrite`). names: what its body assigns; number: the variable of the turn."""

    def __init__(self, names: tuple[str, ...], number: str, read: bool, place: str):
        self.names, self.number, self.read, self.place = names, number, read, place

    def __call__(self, turns: Any, body: Callable[..., Mapping[str, Any]], variables: Mapping[str, Any]) -> Any:
        """The values of `names` after the loop. body: of their values before a turn -> its variables after it.

        variables: those around the loop. Raises InputError.
        """
        work = Tracing.now()
        assert work is not None and isinstance(turns, Steps)
        bound = {n: variables[n] for n in self.names if n in variables and not isinstance(variables[n], Lost)}
        carried = {name: value for name, value in bound.items() if name != self.number}
        forms: dict[str, Form] = {}
        leaves: list[Leaf] = []
        for name, value in carried.items():
            forms[name] = self._form(name, value, leaves)
        before = [leaf.value for leaf in leaves]
        if not before:
            self._refuse(f"the loop carries nothing on: it assigns {', '.join(self.names) or 'nothing'}, and no "
                         "tensor of them has a value before it")  # fmt: skip
        counted = [np.zeros((), np.float32)] if self.read else []

        def turn(*state: Any) -> list[Any]:
            rest = iter(state)
            given = {name: rebuilt(form, [next(rest) for _ in range(_tensors(form))]) for name, form in forms.items()}
            number = next(rest, UNBOUND)
            if self.number in self.names:
                given[self.number] = number
            made = body(*(given.get(name, UNBOUND) for name in self.names))
            after: list[Leaf] = []
            for name, form in forms.items():
                self._check(name, form, self._form(name, made.get(name, UNBOUND), after), carried[name], made[name])
            for leaf, old in zip(after, leaves, strict=True):
                if np.shape(leaf.value) != np.shape(old.value):
                    self._refuse(
                        f"variable {old.path[0]!r} has shape {np.shape(old.value)} before a turn and "
                        f"{np.shape(leaf.value)} after it; a turn must leave shapes as they are"
                    )
            return [*(leaf.value for leaf in after), *([number + 1.0] if counted else [])]

        called = ["_".join(map(str, leaf.path)) for leaf in leaves] + [self.number] * len(counted)
        finals = work.repeat(len(turns), turn, [*before, *counted], called)
        rest = iter(finals if isinstance(finals, tuple) else (finals,))
        made = {name: rebuilt(form, [next(rest) for _ in range(_tensors(form))]) for name, form in forms.items()}
        if self.number in self.names and turns.count:
            made[self.number] = turns.count - 1
        return tuple(made[name] if name in made else self._lost(name, variables) for name in self.names)

    def _form(self, name: str, value: Any, leaves: list[Leaf]) -> Form:
        """Where tensors and numbers stand in a variable; they are added to `leaves`."""
        if value is UNBOUND:
            self._refuse(f"variable {name!r} has no value after a turn")
        return flattened(_numbers(value), leaves, f"variable {name!r}", (name,), frozen=False)

    def _check(self, name: str, before: Form, after: Form, old: Any, new: Any) -> None:
        try:
            same = bool(before == after)
        except (TypeError, ValueError):  # of objects that do not compare to a truth value
            same = False
        if not same:
            self._refuse(
                f"variable {name!r} is {old!r:.80} before a turn and {new!r:.80} after it. From turn to turn go "
                "tensors and numbers, also in tuples, lists and dicts, which stay what they are"
            )

    def _lost(self, name: str, variables: Mapping[str, Any]) -> Any:
        if name in variables and name == self.number:
            return variables[name]  # of no turns
        return Lost(
            f"{self.place}: variable {name!r} has a value in the turns of the loop alone: assign it before the loop, "
            "then it goes from turn to turn and has its last value afterwards"
        )

    def _refuse(self, told: str) -> NoReturn:
        raise InputError(f"{self.place}: {told}")


def _numbers(value: Any) -> Any:
    """A value with its numbers as arrays, so that they are tensors of the state."""
    if isinstance(value, tuple | list) and type(value) in (tuple, list):
        return type(value)(map(_numbers, value))
    if type(value) is dict:
        return {key: _numbers(item) for key, item in value.items()}
    number = operand(value)
    return np.asarray(number) if isinstance(number, int | float) else value


def _tensors(form: Form) -> int:
    """How many tensors stand in it."""
    if form.kind in ("tensor", "value"):
        return int(form.kind == "tensor")
    return sum(map(_tensors, form.items))
