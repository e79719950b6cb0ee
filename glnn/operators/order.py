"""The order in which calls can be made."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import GraphError
from .program import Call


def ordered(calls: Sequence[Call], where: str) -> tuple[Call, ...]:
    """The calls such that each comes after those whose results it reads. Raises GraphError for a cycle."""
    makers = {name: k for k, call in enumerate(calls) for name in call.outputs if name}
    reads = [[makers[name] for name in call.reads if name in makers] for call in calls]
    done: list[int] = []
    state = [0] * len(calls)
    for start in range(len(calls)):
        stack = [(start, iter(reads[start]))] if not state[start] else []
        state[start] = state[start] or 1
        while stack:
            at, rest = stack[-1]
            step = next((k for k in rest if state[k] != 2), None)
            if step is None:
                state[at] = 2
                done.append(at)
                stack.pop()
            elif state[step] == 1:
                raise GraphError(f"{where}: a cycle of nodes goes through {calls[step].label!r}")
            else:
                state[step] = 1
                stack.append((step, iter(reads[step])))
    return tuple(calls[k] for k in done)
