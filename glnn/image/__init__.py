"""Pictures in and out: image files as arrays that a model takes, arrays as text. docs/pictures.md has the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import FUNCTION, checked, count, number, plain_array
from ..errors import InputError
from .files import SUFFIXES, Levels, name_of, pixels_of
from .prepare import CHANNELS, FILTERS, FITS, MOST_PIXELS, SCALES, Preparation, picture_axes

__all__ = [
    "CHANNELS",
    "FILTERS",
    "FITS",
    "SCALES",
    "SUFFIXES",
    "Preparation",
    "as_text",
    "picture_axes",
    "read",
    "read_image",
]

Size = int | tuple[int | None, int | None] | None
Note = Callable[[str], None] | None
_SHADES = " .:-=+*#%@"


@checked(channels=count(1), note=FUNCTION)
def read(
    source: Any,
    size: Size = None,
    channels: int | None = None,
    scale: str = "raw",
    *,
    fit: str = "stretch",
    filter: str = "bilinear",
    background: str | int | Sequence[int] = "white",
    levels: Levels | None = None,
    note: Note = None,
) -> np.ndarray:
    """A picture -> float32 (H, W, C) as a model takes it; a list of pictures or an array (N, H, W, C) -> (N, H, W, C).

    source:     a path, an open file, the bytes of one, a Pillow image, or an array (H, W) or (H, W, C); a list of these
    size:       (height, width) wanted in pixels, None where free; one number for a square
    channels:   1 (grey), 3 (RGB), 4 (RGBA); None: the picture's own, 4 if it has alpha
    scale:      "raw" 0..255, "unit" 0..1, "signed" -1..1, "imagenet" or "torch" (mean and deviation of ImageNet),
                "caffe" (blue first, ImageNet's mean taken off 0..255)
    fit:        "stretch", "crop" (the middle, in the wanted shape), "pad" (all of it, on the background)
    filter:     "nearest", "box", "bilinear", "bicubic", "lanczos"; all but nearest widen where a picture shrinks
    background: what shows through alpha: "white", "black", "#rrggbb", a grey 0..255 or (red, green, blue)
    levels:     the values in the picture that are black and white; None: those of its type
    note:       is told that a picture was resized, or is the first frame of several; None: a warning tells of frames

    Raises InputError: wrong arguments; a file that is missing, no picture, broken or too large; no Pillow.
    """
    how = Preparation(scale, fit, filter, background)
    if not isinstance(source, list | tuple) and not (isinstance(source, np.ndarray) and source.ndim == 4):
        return read_one(source, size, channels, how, levels, note)[0]
    names = [name_of(one, f"picture {i}") for i, one in enumerate(source)]
    images: list[np.ndarray] = []
    for one, name in zip(source, names, strict=True):
        images.append(read_one(one, size, channels, how, levels, note, name)[0])
        if images[-1].shape != images[0].shape:
            raise InputError(
                f"{name}: (H, W, C) {images[-1].shape}, while {names[0]} has {images[0].shape}. Give size and channels"
            )
    if not images:
        raise InputError("no pictures came. Give at least one")
    return np.stack(images)


def read_image(
    path: str | Path, size: tuple[int | None, int | None], channels: int | None, scale: str = "raw"
) -> tuple[np.ndarray, tuple[int, int] | None]:
    """An image file -> float32 (H, W, C), and the (H, W) that it had if it was resized, else None. See `read`."""
    image, given = read_one(path, size, channels, Preparation(scale))
    return image, (given if given != image.shape[:2] else None)


def read_one(
    source: Any,
    size: Size,
    channels: int | None,
    how: Preparation,
    levels: Levels | None = None,
    note: Note = None,
    name: str | None = None,
) -> tuple[np.ndarray, tuple[int, int]]:
    """One picture (H, W, C), prepared, and the (H, W) that it had. Raises InputError."""
    name = name or name_of(source, "the picture")
    height, width = wanted(size)
    if channels is not None and channels not in CHANNELS:
        raise InputError(f"{name}: the model takes {channels} channels; an image gives 1, 3 or 4. Give a .npy file")
    pixels = pixels_of(source, name, levels, note)
    try:
        image = how(pixels, (height, width), channels or (4 if pixels.shape[2] == 2 else pixels.shape[2]))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    given = (pixels.shape[0], pixels.shape[1])
    if note and given != image.shape[:2]:
        note(f"{name} is {given[1]}x{given[0]} pixels, resized to {image.shape[1]}x{image.shape[0]}")
    return image, given


def wanted(size: Size) -> tuple[int | None, int | None]:
    """The (height, width) that an argument asks for. Raises InputError."""
    sizes = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(sizes) != 2 or not all(v is None or (isinstance(v, int | np.integer) and v > 0) for v in sizes):
        raise InputError(f"size: {size!r} is not (height, width) in pixels, each at least 1 or None")
    if (sizes[0] or 1) * (sizes[1] or 1) > MOST_PIXELS:
        raise InputError(f"size: {size!r} is more than {MOST_PIXELS} pixels. Give a smaller one")
    return sizes[0], sizes[1]


@checked(low=number(), high=number())
def as_text(image: np.ndarray, low: float = 0.0, high: float = 1.0) -> str:
    """An image (H, W) with values low..high -> H lines of 2 W characters, darker for more."""
    values = plain_array(image, "as_text: image")
    if values.ndim != 2 or not low != high:
        raise InputError(f"as_text: shape {values.shape}, {low} to {high}: expected (H, W), and two ends that differ")
    steps = np.nan_to_num(np.clip((values - float(low)) / (float(high) - float(low)), 0, 1)) * (len(_SHADES) - 1)
    return "\n".join("".join(_SHADES[int(round(v))] * 2 for v in row) for row in steps)
