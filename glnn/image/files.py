"""Image files, Pillow's images and arrays as pixels: upright, with values 0..255 whatever their type is."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import number, sequence, told
from ..errors import InputError

PAIR = sequence("(black, white), two finite numbers", number().fits)
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
Levels = tuple[float, float]  # the values of black and white
TYPES: dict[str, Levels] = {"bool": (0, 1), "uint8": (0, 255), "uint16": (0, 65535)}  # floats: 0..1
BITS, WHITE_IS_0 = 258, 262  # tags of TIFF


def pixels_of(source: Any, name: str, levels: Levels | None, note: Callable[[str], None] | None) -> np.ndarray:
    """A picture -> (H, W, C) of 1 to 4 channels, 0..255: uint8 if it is of 8 bits, else float32. Raises InputError."""
    if isinstance(source, np.ndarray):
        pixels, own = source, (0.0, 1.0) if source.dtype.kind == "f" else TYPES.get(source.dtype.name)
    else:
        pixels, own = opened(source, name, note)
    if levels is not None and not (PAIR.fits(levels) and len(levels) == 2):
        raise InputError(f"{name}: levels={told(levels)}: expected {PAIR.allowed}")
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or not pixels.size or pixels.shape[2] > 4:
        raise InputError(f"{name}: shape {pixels.shape} is no picture. Give (H, W) or (H, W, C) of 1 to 4 channels")
    return pixels if pixels.dtype == np.uint8 and not levels else leveled(pixels, levels, own, name)


def name_of(source: Any, other: str) -> str:
    """What messages call a picture."""
    if isinstance(source, str | os.PathLike):
        return str(source)
    return str(getattr(source, "filename", "") or getattr(source, "name", "") or other)


def pillow(name: str) -> Any:
    """The package PIL. Raises InputError where it is missing."""
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError as error:
        raise InputError(
            f"{name}: reading images needs Pillow. Install it: pip install 'glnn[cli]', or give a .npy file"
        ) from error
    return PIL


def opened(source: Any, name: str, note: Callable[[str], None] | None) -> tuple[np.ndarray, Levels | None]:
    """The values of a file or a Pillow image, upright, and its black and white where they are known."""
    pil = pillow(name)
    source = io.BytesIO(source) if isinstance(source, bytes | bytearray | memoryview) else source
    try:
        is_open = isinstance(source, pil.Image.Image)
        with contextlib.nullcontext(source) if is_open else pil.Image.open(source) as image:
            # A photo that carries previews or a map of depths (MPO) counts as several frames, but is one picture.
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            values = values_of(image, pil)
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file") from error
    except pil.Image.DecompressionBombError as error:
        raise InputError(
            f"{name}: {error}. Shrink it first or, where it is to be trusted, raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except pil.UnidentifiedImageError as error:
        raise InputError(f"{name}: not an image that Pillow reads. Give {', '.join(SUFFIXES)} or .npy") from error
    except Exception as error:  # Pillow raises many kinds for a broken file
        raise InputError(
            f"{name}: not an image that Pillow reads to its end ({error}). Fetch or save it anew, as PNG or JPEG"
        ) from error
    if frames > 1:
        text = f"{name} holds {frames} frames or pages; the first is taken"
        note(text) if note else warnings.warn(text, stacklevel=6)
    return values


def values_of(image: Any, pil: Any) -> tuple[np.ndarray, Levels | None]:
    """The values of a Pillow image, upright, and its black and white where its type tells them."""
    kind, tags, clear = image.format, getattr(image, "tag_v2", {}), image.info.get("transparency")
    reduced = ";16" in str(getattr(image, "tile", ""))  # Pillow keeps the upper byte of colours of 16 bits
    image.load()
    with contextlib.suppress(Exception):  # EXIF that cannot be read turns nothing, as in viewers
        image = pil.ImageOps.exif_transpose(image)
    if image.mode == "F":
        return np.asarray(image), (0, 1)
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if clear is not None:  # one grey stands for nothing
            values = np.stack([values, np.where(values == clear, 0, 65535)], axis=-1)
        if image.mode == "I" and kind not in ("PNG", "PPM"):  # 32 bits; these two have 16
            return values, None
        white = 2 ** tags.get(BITS, (16,))[0] - 1
        return values, ((white, 0) if tags.get(WHITE_IS_0) == 0 else (0, white))
    if clear is not None and reduced and image.mode == "RGB":
        raise ValueError("one colour of 16 bits stands for nothing, which Pillow cannot tell from others")
    alpha = clear is not None or image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
    return np.asarray(image.convert("RGBA" if alpha else "L" if image.mode in ("1", "L") else "RGB")), (0, 255)


def leveled(pixels: np.ndarray, levels: Levels | None, own: Levels | None, name: str) -> np.ndarray:
    """Values (H, W, C) of any type -> float32 with black at 0 and white at 255. Raises InputError.

    Levels that were given hold for colours and cut off what lies beyond; alpha has its type's own.
    """
    if pixels.dtype.kind not in "buif" or not np.isfinite(pixels).all():
        raise InputError(f"{name}: {pixels.dtype} values that are no finite numbers. Give another picture")
    low, high = pixels.min().item(), pixels.max().item()
    if levels is None and (own is None or low < min(own) or high > max(own)):
        raise InputError(
            f"{name}: {pixels.dtype} values from {low:g} to {high:g}. Say which are black and white: "
            "levels=(black, white), or --levels BLACK,WHITE"
        )
    black, white = levels or own or (0, 1)
    if black == white:
        raise InputError(f"levels: black and white are both {black}. Give two values")
    result = np.clip((pixels.astype(np.float64) - black) * (255 / (white - black)), 0, 255).astype(np.float32)
    if levels and pixels.shape[2] in (2, 4):
        result[..., -1] = np.clip(pixels[..., -1] * (255 / max(own or levels)), 0, 255)
    return result
