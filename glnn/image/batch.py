"""Many pictures for a model's input at once, where one that is broken does not keep the others back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .prepare import LAST, picture_axes


def read_all(
    pictures: Sequence[Any], shape: Sequence[int | None], how: Mapping[str, Any], what: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures -> float32 (N, ...) of those that could be read, which these are, and a text for each: "" or why not.

    shape: of the model's input, batch first; how: arguments of `read`. Raises InputError, beginning with `what`, where
    pictures have several sizes and the model leaves its own free.
    """
    from . import read

    axes = picture_axes(shape) or LAST
    height, width, channels = (shape[axis] for axis in axes)
    read_ones: list[np.ndarray] = []
    good = np.zeros(len(pictures), bool)
    errors = [""] * len(pictures)
    for i, picture in enumerate(pictures):
        try:
            read_ones.append(read(picture, (height, width), channels, **how))
            good[i] = True
        except InputError as error:
            errors[i] = str(error)
    sizes = {one.shape for one in read_ones}
    if len(sizes) > 1:
        raise InputError(f"{what}: takes pictures of any size, and these are of several: {sorted(sizes)}. Resize them")
    empty = np.empty((0, height or 1, width or 1, channels or 3), np.float32)
    stacked = np.stack(read_ones) if read_ones else empty
    return np.moveaxis(stacked, LAST, axes), good, np.array(errors)
