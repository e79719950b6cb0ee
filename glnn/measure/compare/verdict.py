"""Whether a layer's own error is more than rounding: its tolerance, from the noise that was measured for it."""

from __future__ import annotations

import math

from ...layout.codec import CODECS
from .tally import Tally

TIMES = 16.0  # as large as the noise may an error be: shaders sum one after another, NumPy in pairs and blocks
ROUNDED = 2.0**-19  # relative RMS that goes where NumPy's noise is less: a sum of 4,000 equal terms was off by 2^-21
LARGEST = 4.0  # times the codec's tolerance, of the largest value, that goes for single values
HALF_TIMES = 8.0  # as TIMES, where shaders compute in half floats: what is right beyond it, halves.py tells
HALF_NOISE = 2.0**-7  # relative RMS noise that goes there at most: NumPy's float16 sums along some axes stop growing
TINY = 1e-37  # what is below float32's normal numbers may be 0


def tolerance(noise: Tally, codec: str, half: bool = False) -> float:
    """The relative RMS error that a layer may have.

    noise: of float32 NumPy on inputs off in their last bit, or of float16 NumPy, against float64
    codec: of its tensor; half: its shaders compute in half floats
    """
    coarse = CODECS[codec].tolerance / CODECS["float32"].tolerance
    rms = noise.errors.rms
    if half:
        return HALF_TIMES * min(rms, HALF_NOISE) + ROUNDED * coarse
    return TIMES * rms + ROUNDED * coarse if math.isfinite(rms) else math.inf


def verdict(own: Tally, noise: Tally, codec: str, half: bool = False) -> str:
    """Why a layer is guilty, in words; empty for one that is not. Arguments as for `tolerance`."""
    errors = own.errors
    if errors.apart:
        here = f"{errors.nans} NaN and {errors.infs} infinities"
        expected = f"{errors.expected_nans} and {errors.expected_infs}"
        return f"{here} where the reference has {expected}"
    if errors.dead:
        return f"{errors.dead} values in dead lanes are not zero: the next layer may read them"
    most = tolerance(noise, codec, half)
    if errors.rms > most and errors.largest > TINY:
        return f"relative RMS error {errors.rms:.1e}, tolerance {most:.1e}"
    largest = HALF_TIMES * min(noise.largest, HALF_NOISE * own.scale) if half else TIMES * noise.largest
    room = largest + LARGEST * CODECS[codec].tolerance * own.scale + TINY
    if errors.largest > room:
        return f"largest difference {errors.largest:.2g}, tolerance {room:.2g}"
    return ""
