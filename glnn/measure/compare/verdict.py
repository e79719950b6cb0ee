"""Whether a layer's own error is more than rounding: its tolerance, from the noise that was measured for it."""

from __future__ import annotations

import math

from ...layout.codec import CODECS
from .tally import Tally

TIMES = 16.0  # as large as the noise may an error be: shaders sum one after another, NumPy in pairs and blocks
ROUNDED = 2.0**-19  # relative RMS that goes where NumPy's noise is less: a sum of 4,000 equal terms was off by 2^-21
LARGEST = 4.0  # times the codec's tolerance, of the largest value, that goes for single values
TINY = 1e-37  # what is below float32's normal numbers may be 0


def tolerance(noise: Tally, codec: str) -> float:
    """The relative RMS error that a layer may have; noise: of float32 NumPy against float64; codec: of its tensor."""
    coarse = CODECS[codec].tolerance / CODECS["float32"].tolerance
    return TIMES * noise.errors.rms + ROUNDED * coarse if math.isfinite(noise.errors.rms) else math.inf


def verdict(own: Tally, noise: Tally, codec: str) -> str:
    """Why a layer is guilty, in words; empty for one that is not."""
    errors = own.errors
    if errors.apart:
        here = f"{errors.nans} NaN and {errors.infs} infinities"
        expected = f"{errors.expected_nans} and {errors.expected_infs}"
        return f"{here} where the reference has {expected}"
    if errors.dead:
        return f"{errors.dead} values in dead lanes are not zero: the next layer may read them"
    most = tolerance(noise, codec)
    if errors.rms > most and errors.largest > TINY:
        return f"relative RMS error {errors.rms:.1e}, tolerance {most:.1e}"
    room = TIMES * noise.largest + LARGEST * CODECS[codec].tolerance * own.scale + TINY
    if errors.largest > room:
        return f"largest difference {errors.largest:.2g}, tolerance {room:.2g}"
    return ""
