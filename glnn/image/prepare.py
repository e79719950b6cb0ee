"""What is done to pixels before a model sees them: background, channels, cutting, resizing, scale - in this order.

A picture of 8 bits stays one, rounded as Pillow rounds, until it is resized. The exported page does the same in
web/page-pixels.js, number for number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arguments import NAME
from ..errors import InputError
from ..records import dataclass
from .files import pillow

CHANNELS = (1, 3, 4)  # grey, RGB, RGBA
FITS = ("stretch", "crop", "pad")
FILTERS = ("nearest", "box", "bilinear", "bicubic", "lanczos")
COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0)}
LUMA = np.array([19595, 38470, 7471], np.float32)  # ITU-R 601 in 65536ths, as in Pillow; float32 sums them exactly
MOST_PIXELS = 2**27  # of a picture that is asked for, or of a thin one that was padded

LAST, FIRST = (1, 2, 3), (2, 3, 1)  # axes of height, width and channels
Box = tuple[int, int, int, int]  # top, left, height, width


class Scale(NamedTuple):
    """Values 0..255 times `factor` plus `offset`, one for all channels or one for each; `backwards`: blue first."""

    factor: tuple[float, ...]
    offset: tuple[float, ...] = (0.0,)
    backwards: bool = False


_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's red, green and blue as 0..1
IMAGENET = Scale(tuple(1 / 255 / d for d in _DEVIATION), tuple(-m / d for m, d in zip(_MEAN, _DEVIATION, strict=True)))
SCALES = {
    "raw": Scale((1.0,)),
    "unit": Scale((1 / 255,)),
    "signed": Scale((2 / 255,), (-1.0,)),
    "imagenet": IMAGENET,
    "torch": IMAGENET,
    "caffe": Scale((1.0, 1.0, 1.0), (-103.939, -116.779, -123.68), backwards=True),
}


def picture_axes(shape: Sequence[int | None], orders: Sequence[tuple[int, int, int]] = (LAST, FIRST)) -> Any:
    """Which axes of a batch of pictures are height, width and channels; None where it is none of pictures.

    Channels are last, as in Keras, or first, as in PyTorch: where there are 1, 3 or 4; where both have so many, last.
    """
    fitting = [axes for axes in orders if len(shape) == 4 and shape[axes[2]] in CHANNELS]
    return fitting[0] if fitting else None


@dataclass(frozen=True)
class Preparation:
    """How pixels become a model's input; `glnn.image.read` tells of the names. Raises InputError for others."""

    scale: str = "raw"
    fit: str = "stretch"
    filter: str = "bilinear"
    background: str | int | Sequence[int] = "white"

    def __post_init__(self) -> None:
        for key, names in (("scale", tuple(SCALES)), ("fit", FITS), ("filter", FILTERS)):
            NAME.check(key, getattr(self, key))
            if getattr(self, key) not in names:
                raise InputError(f"{key}: {getattr(self, key)!r} is none of {', '.join(names)}")
        colour(self.background)

    def data(self) -> dict[str, Any]:
        """All of it as JSON. For each channel of the model, up to four: factor, offset, and which colour it takes."""
        factor, offset, backwards = SCALES[self.scale]
        return {
            "factor": [*factor, *factor * 3][:4],
            "offset": [*offset, *offset * 3][:4],
            "order": [2, 1, 0, 3] if backwards else [0, 1, 2, 3],
            "background": [*colour(self.background)],
            "fit": self.fit,
            "filter": self.filter,
        }

    def check(self, channels: int) -> None:
        """Raises InputError where the scale is not one for a model of so many channels."""
        if len(SCALES[self.scale].factor) not in (1, channels):
            plain = ", ".join(name for name, scale in SCALES.items() if len(scale.factor) == 1)
            raise InputError(
                f"scale {self.scale!r} is for red, green and blue, not for {channels} channels. Give {plain}"
            )

    def __call__(self, pixels: np.ndarray, size: tuple[int | None, int | None], channels: int) -> np.ndarray:
        """A picture (h, w, c) of values 0..255 -> float32 (H, W, channels). Raises InputError."""
        self.check(channels)
        wanted, back = (size[0] or pixels.shape[0], size[1] or pixels.shape[1]), colour(self.background)
        edge = with_channels(np.array([[[*back, 0]]], pixels.dtype), channels, back)
        image = with_channels(pixels, channels, back)
        image = resize(cut(image, box(image.shape[:2], wanted, self.fit), edge), wanted, self.filter)
        data = self.data()
        factor, offset, order = (np.array(data[key][:channels]) for key in ("factor", "offset", "order"))
        return (image[..., order] * factor + offset).astype(np.float32)


def colour(given: str | int | Sequence[int]) -> tuple[int, ...]:
    """A colour by name, code or numbers -> (red, green, blue), 0..255. Raises InputError."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        if isinstance(given, str):
            values = COLOURS.get(given) or tuple(bytes.fromhex(given.removeprefix("#")))
        else:
            values = tuple(int(v) for v in (given if isinstance(given, Sequence | np.ndarray) else [given] * 3))
        if len(values) == 3 and all(0 <= v <= 255 for v in values):
            return values
    raise InputError(f"background: {given!r} is not white, black, #rrggbb, a grey 0..255 or (red, green, blue)")


def rounded(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Values 0..255 as uint8, rounded, if this is the kind of the picture, else as float32."""
    return np.floor(values + np.float32(0.5)).astype(kind) if kind == np.uint8 else values.astype(np.float32)


def with_channels(pixels: np.ndarray, channels: int, background: Sequence[int]) -> np.ndarray:
    """A picture (H, W, 1 to 4) -> (H, W, channels), laid on the background if alpha is not wanted."""
    if pixels.shape[2] == 2:
        pixels = pixels[..., [0, 0, 0, 1]]
    if pixels.shape[2] == channels == 4:
        return np.where(pixels[..., 3:] > 0, pixels, np.zeros_like(pixels))
    if pixels.shape[2] == 4 and channels < 4 and (pixels[..., 3] == 255).all():  # as screenshots have it
        pixels = pixels[..., :3]
    if pixels.shape[2] == 4 and channels < 4:
        alpha = pixels[..., 3:].astype(np.float32)
        mixed = pixels[..., :3] * alpha + np.array(background, np.float32) * (255 - alpha)
        pixels = rounded(mixed / 255, pixels.dtype)
    if pixels.shape[2] == 3 and channels == 1:
        pixels = rounded(pixels @ LUMA / 65536, pixels.dtype)[..., None]
    if pixels.shape[2] == 1 and channels > 1:
        pixels = pixels[..., [0, 0, 0]]
    if pixels.shape[2] == 3 and channels == 4:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=-1)
    return pixels


def box(given: tuple[int, ...], wanted: tuple[int, int], fit: str) -> Box:
    """The part of a picture of (h, w) that is resized to (H, W): as in Keras' Resizing; for "pad" it reaches beyond."""
    (h, w), (height, width) = given, wanted
    if fit == "stretch":
        return 0, 0, h, w
    choose = min if fit == "crop" else max
    high, wide = max(1, choose(h, w * height // width)), max(1, choose(w, h * width // height))
    return int((h - high) / 2), int((w - wide) / 2), high, wide


def cut(pixels: np.ndarray, part: Box, edge: np.ndarray) -> np.ndarray:
    """A part of a picture; beyond it lies `edge` (1, 1, C). Raises InputError."""
    top, left, high, wide = part
    h, w, c = pixels.shape
    if high <= h and wide <= w:
        return pixels[top : top + high, left : left + wide]
    if high * wide > MOST_PIXELS:
        raise InputError(f"{w}x{h} pixels are too thin to pad: {wide}x{high}. Give fit 'crop' or 'stretch'")
    padded = np.empty((high, wide, c), pixels.dtype)
    padded[:] = edge
    padded[-top : h - top, -left : w - left] = pixels
    return padded


def resize(pixels: np.ndarray, wanted: tuple[int, int], filter: str) -> np.ndarray:
    """A picture (h, w, C) -> (H, W, C), float32 where that mixes pixels; colours count by their alpha."""
    if pixels.shape[:2] == wanted:
        return pixels
    if filter == "nearest":  # Pillow adds up its steps, and so may take the other of two pixels that are as near
        rows, columns = ((np.arange(n) + 0.5) * (of / n) for n, of in zip(wanted, pixels.shape[:2], strict=True))
        return pixels[rows.astype(int)][:, columns.astype(int)]
    image = pillow("resizing").Image
    alpha = pixels[..., 3:].astype(np.float32)
    if alpha.size:
        pixels = np.concatenate([pixels[..., :3] * (alpha / 255), alpha], axis=-1)
    # One channel after another, as floats: Pillow has no deeper colours, and rounds bytes between rows and columns.
    planes = (image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(pixels, -1, 0))
    made = [np.asarray(plane.resize(wanted[::-1], image.Resampling[filter.upper()])) for plane in planes]
    result = np.stack(made, axis=-1)
    if alpha.size:
        share, colours = result[..., 3:] / 255, result[..., :3]
        result[..., :3] = np.divide(colours, share, out=np.zeros_like(colours), where=share * 255 >= 0.5)
    return np.clip(result, 0, 255)
