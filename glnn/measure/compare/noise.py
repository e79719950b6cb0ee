"""What a layer's noise is measured on: inputs that are off in their last bit, as what rounding leaves is."""

from __future__ import annotations

import numpy as np


def last_bits(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Float32 values, each one float32 number higher or lower; whole ones, which may be indices or masks, as they are.

    Where terms cancel, the noise of a sum is that of its terms, not of what is left: by luck NumPy's own sum may be
    exact while another order of the same terms is off by thousands of ULP. Terms that are off by a bit tell.
    """
    values = np.ascontiguousarray(values, np.float32)
    steps = rng.integers(0, 2, values.shape, np.int8) * np.int8(2) - np.int8(1)
    steps[~np.isfinite(values) | (np.rint(values) == values)] = 0
    return (values.view(np.int32) + steps).view(np.float32)
