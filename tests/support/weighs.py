"""How much room a case's weights take on a device."""

from __future__ import annotations

import math

from cases.case import Case

from glnn.graph.shapes import ceil_div
from glnn.layout.limits import Limits


def weighs(case: Case, limits: Limits) -> float:
    """A case's weights, in cells of 4 x 4 or of 4, as a share of what the device can read at once."""
    cells = (
        math.prod(s[:-2]) * ceil_div((1, *s)[-2], 4) * 4 * ceil_div(s[-1], 4)
        for w in case.weights.values()
        if (s := w.shape)
    )
    return sum(cells) / ((limits.texture_units - 1) * limits.max_texture_size**2)
