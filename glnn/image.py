"""Pictures in and out: image files as arrays, arrays as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg")
# Pixel ranges a model may want: the name -> (factor, offset) on bytes 0..255.
SCALES = {"raw": (1.0, 0.0), "unit": (1 / 255, 0.0), "signed": (2 / 255, -1.0)}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_SHADES = " .:-=+*#%@"


def read_image(
    path: str | Path, size: tuple[int | None, int | None], channels: int | None, scale: str = "raw"
) -> tuple[np.ndarray, tuple[int, int] | None]:
    """An image file -> float32 (H, W, C), and the (H, W) that the file had if it was resized, else None.

    size: the height and width wanted in pixels, None where free.
    channels: 1 (grey), 3 (RGB), 4 (RGBA) or None for the file's own.
    scale: "raw" 0..255, "unit" 0..1, "signed" -1..1. Raises InputError.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError(
            f"{path}: reading images needs Pillow. Install it: pip install 'glnn[cli]', or give a .npy file"
        ) from error
    if scale not in SCALES:
        raise InputError(f"scale: {scale!r} is none of {', '.join(SCALES)}")
    if channels is not None and channels not in _MODES:
        raise InputError(f"{path}: the model takes {channels} channels; an image gives 1, 3 or 4. Give a .npy file")
    try:
        with Image.open(path) as file:
            own = len(file.getbands()) if file.mode != "P" else 3
            image = file.convert(_MODES[channels or (own if own in _MODES else 3)])
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except Exception as error:  # Pillow raises many kinds for a broken file
        raise InputError(f"{path}: not an image that Pillow reads ({error})") from error
    given = (image.height, image.width)
    wanted = (size[0] or given[0], size[1] or given[1])
    if given != wanted:
        image = image.resize((wanted[1], wanted[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.float32)
    factor, offset = SCALES[scale]
    pixels = (pixels if pixels.ndim == 3 else pixels[..., None]) * np.float32(factor) + np.float32(offset)
    return pixels, (given if given != wanted else None)


def as_text(image: np.ndarray, low: float = 0.0, high: float = 1.0) -> str:
    """An image (H, W) with values low..high -> H lines of 2 W characters, darker for more."""
    steps = np.clip((np.asarray(image, dtype=np.float64) - low) / (high - low), 0, 1) * (len(_SHADES) - 1)
    return "\n".join("".join(_SHADES[int(round(v))] * 2 for v in row) for row in steps)
