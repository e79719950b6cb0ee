"""Bodies of control flow: walked through once, again and again, or said once as a repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import GlnnError
from ...primitives import Sym
from ..program import Body
from ..say import NeedsShape, NeedsValue, Tensor
from ..values import flattened, is_known
from ..walk import Scope, Walk

LONG = 256  # calls that turns are written out to, before a repeat is made of them


def walked(walk: Walk, body: Body, scope: Scope, values: Sequence[Any], path: str) -> list[Any]:
    """What a body gives for these inputs."""
    inner = Scope(walk, body, dict(zip(body.inputs, values, strict=True)), scope, f"{path}/")
    walk.through(inner)
    return [inner[name] for name in body.outputs]


def kept(error: NeedsValue, values: Sequence[Any]) -> None:
    """Note these values, that are made and are read later."""
    error.live |= {x.name: x for x in flattened(values) if not is_known(x) and x.name}


def worthwhile(body: Body, turns: int) -> bool:
    """Whether a repeat is shorter than turns written out."""
    return turns > 1 and turns * sum(1 for _ in body.every_call()) > LONG


def repeated(
    walk: Walk, body: Body, scope: Scope, turns: int, before: Sequence[Any], carried: Sequence[Any],
    sliced: Sequence[Any] = (), *, counted: bool = False, skip: int = 0, reverse: bool = False,
) -> tuple[list[Any], list[Any]] | None:  # fmt: skip
    """The carried values after all turns, and stacks (turns, ..) of what each gives; None where no repeat does it.

    before:  known inputs of the body that are the same in all turns, ahead of the others
    sliced:  tensors of which each turn sees a slice along the first axis
    counted: whether the body's first input is the number of the turn
    skip:    how many of the body's first outputs must be known and true in all turns
    """
    say = walk.say
    outer = say.name, say.label, say.kind
    path, kinds = say.name, [x.dtype for x in (*carried, *sliced) if isinstance(x, Tensor)]
    if len(kinds) < len(carried) + len(sliced):
        return None
    made: list[Any] = []

    def step(*seen: Sym) -> list[Sym]:
        number, rest = ([seen[0]], seen[1:]) if counted else ([], seen)
        named = [say.give(sym, kind, f"{path}~{k}") for k, (sym, kind) in enumerate(zip(rest, kinds, strict=True))]
        numbers = [say.give(sym, "int64", f"{path}~turn") for sym in number]
        given = walked(walk, body, scope, [*numbers, *before, *named], path)
        if not all(is_known(x) and say.number(x) for x in given[:skip]):
            raise NeedsShape("the turns are not all taken")
        made[:] = given[skip:]
        if not all(isinstance(x, Tensor) for x in made):
            raise NeedsShape("sequences are carried")
        results = [say.as_tensor(x) for x in made]
        return [*([seen[0] + 1.0] if counted else []), *results]

    first = [say.as_tensor(say.give(np.zeros((), np.int64)))] if counted else []
    start = [say.as_tensor(x) for x in carried]
    try:
        results = list(
            say.repeat(
                step, [*first, *start], [say.as_tensor(x) for x in sliced], axis=0, reverse=reverse,
                stack_reverse=reverse, count=turns,
            )
        )  # fmt: skip
    except (NeedsValue, NeedsShape, ValueError, GlnnError):
        return None
    finally:
        say.name, say.label, say.kind = outer
    types = [x.dtype for x in made]
    typed = [say.give(sym, kind) for sym, kind in zip(results[len(first) :], types, strict=True)]
    return typed[: len(carried)], typed[len(carried) :]
