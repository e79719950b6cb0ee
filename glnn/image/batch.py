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
    from . import Preparation, read_one

    options = dict(how)
    levels, prepare = options.pop("levels", None), Preparation(**options)  # looked at once, not for each picture
    axes = picture_axes(shape) or LAST
    height, width, channels = (shape[axis] for axis in axes)
    arrays: list[np.ndarray] = []
    good = np.zeros(len(pictures), bool)
    errors = [""] * len(pictures)
    for i, picture in enumerate(pictures):
        try:
            arrays.append(read_one(picture, (height, width), channels, prepare, levels)[0])
            good[i] = True
        except InputError as error:
            errors[i] = str(error)
    sizes = {one.shape for one in arrays}
    if len(sizes) > 1:
        raise InputError(f"{what}: takes pictures of any size, and these are of several: {sorted(sizes)}. Resize them")
    empty = np.empty((0, height or 1, width or 1, channels or 3), np.float32)
    stacked = np.stack(arrays) if arrays else empty
    return np.moveaxis(stacked, LAST, axes), good, np.array(errors)
