"""What a sound device of half floats makes of layers: the reference, and what rounding each statement does to it.

A running sum of n halves has an error that grows with n (of 4,690 equal values it may stop halfway), and what is beyond
65504 is infinite; how much that is depends on the order in which the kernels compute. So the same kernels run in NumPy
twice: rounded to half floats statement by statement, and in float64. The difference is of rounding alone, since what is
wrong in a kernel is wrong in both. Drawn are the layers of one draw, on the reference's inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ... import passes
from ...device.numpy_device import QUERIED, NumpyDevice
from ...device.wishes import COUNTS
from ...graph.graph import Node
from ...layout.limits import Limits
from ...run.session import Session
from .shrink import Failure

NEAR = 0.01  # of a value and of the largest: closer than this is a kernel in float64 that overflows in half floats


def rounded_by_halves(
    limits: Limits, nodes: Sequence[Node], inputs: Mapping[str, np.ndarray], name: str, expected: np.ndarray
) -> np.ndarray:
    """A tensor as half floats give it where all is right: `expected` and the error of rounding, NaN and infinities too.

    limits, nodes, inputs: of the device, of the layers that make the tensor, and what they read, by name
    """
    graph = passes.optimize(Failure(tuple(nodes), inputs).graph)
    least = {count: min(getattr(limits, count), getattr(QUERIED, count)) for count in COUNTS}
    made = []
    for precision, target in (("mediump", limits.float_target), ("float64", "float32")):
        device = NumpyDevice(**least, float_targets=target, dialect=limits.as_drawn.dialect, precision=precision)
        with device, Session(graph, device) as session:
            got = session.run(dict(inputs), batch_size=len(next(iter(inputs.values()))), verbose=0)
            made.append(np.asarray(got[name], np.float64))
    half, wide = made
    size = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(wide - expected) <= NEAR * (np.abs(expected) + size)
        lost = expected + (half - wide)
    return np.where(np.isfinite(half) & np.isfinite(wide), lost, np.where(np.isfinite(wide) & near, half, expected))
