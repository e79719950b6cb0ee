"""A batch in pieces: how many samples are run at once, and the outputs of all pieces as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from ..errors import LimitError
from ..graph.graph import Graph
from ..plan.transfer import MOST
from ..show.progress import Progress

BATCH = 1024  # samples of one draw where the user names no batch size
BATCH_BYTES = 256 << 20  # ... fewer, where activations would outgrow this: four of the largest tensor, about what lives
Arrays = dict[str, np.ndarray]
Shapes = Mapping[str, tuple[int, ...]]
Start = Callable[[Arrays, bool], Callable[[], Arrays]]  # inputs, whether more follow -> what gives the outputs


def samples_at_once(graph: Graph, shapes: Shapes, measured: int | None) -> int:
    """How many samples are run at once at most, for inputs of these shapes without the batch.

    measured: what a tuner found to be fastest; None: as many as fit BATCH_BYTES and are packed by draws. A graph of a
    fixed batch takes that.
    """
    fixed = [batch for batch in (spec.shape[0] for spec in graph.inputs if spec.shape) if batch]
    if fixed:
        return fixed[0]
    if not measured:
        specs = graph.specs({name: (1, *shape) for name, shape in shapes.items()})
        largest = max(math.prod(d or 1 for d in s.shape) for s in specs.values())
        given = max(math.prod(d or 1 for d in shape) for shape in shapes.values())
        measured = max(1, min(BATCH_BYTES // (4 * 4 * largest), MOST // given))
    return min(BATCH, measured)


def in_pieces(start: Start, arrays: Arrays, size: int, fixed: bool, progress: Progress) -> Arrays:
    """The outputs by name for inputs (batch, ...) by name, of which `size` samples go to `start` at a time.

    One piece may be worked on while the next is handed over. Unless the size is fixed, it is halved where a tensor
    does not fit the device. Raises LimitError for one that is fixed, or for a single sample.
    """
    total, done = len(next(iter(arrays.values()))), 0
    pieces: list[Arrays] = []
    waiting: list[Callable[[], Arrays]] = []  # what gives the outputs of a piece that was started
    while done < total:
        count = min(size, total - done)
        try:
            waiting.append(start({name: a[done : done + count] for name, a in arrays.items()}, count < total))
        except LimitError:
            if count == 1 or fixed:
                raise
            size = count // 2
            continue
        done += count
        while len(waiting) > (done < total):
            pieces.append(waiting.pop(0)())
        progress.update(done)
    if len(pieces) == 1:
        return pieces[0]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
