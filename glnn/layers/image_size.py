"""Layers that bring images to a given size: Resizing, and crops of their middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph.shapes import numbers
from ..primitives import Sym, Trace
from ..primitives.move import Along
from ..records import dataclass
from .base import register
from .convolution import Images
from .core import whole

METHODS: dict[str, dict[str, Any]] = {  # interpolation -> options of Resample, as TensorFlow and JAX compute it
    "nearest": {"method": "nearest"},
    "bilinear": {"method": "linear"},
    "bicubic": {"method": "cubic", "cubic": -0.5},
    "area": {"method": "area"},
    "gaussian": {"method": "gaussian"},
    "mitchellcubic": {"method": "mitchell"},
    "lanczos3": {"method": "lanczos3"},
    "lanczos5": {"method": "lanczos5"},
}


@dataclass(frozen=True)
class OfSize(Images):
    """(N, H, W, C) -> (N, height, width, C)."""

    augments: ClassVar[bool] = True
    height: int
    width: int

    def __post_init__(self) -> None:
        whole(self.height, "height")
        whole(self.width, "width")
        object.__setattr__(self, "data_format", self.data_format or "channels_last")

    def known(self, x: Sym) -> Sequence[int]:
        """Height and width of images. Raises ValueError where they are free."""
        try:
            return numbers(x.shape[1:-1])
        except ValueError as error:
            raise ValueError(
                f"where {type(self).__name__} cuts depends on the size of the images, and {x.shape} leaves it free: "
                "give the model's input a height and a width"
            ) from error

    def cut(self, t: Trace, x: Sym, first: Sequence[int], size: Sequence[int]) -> Sym:
        """Of images the part from the pixel `first` on, of this height and width."""
        sides = (Along(None, made, add=start) for start, made in zip(first, size, strict=True))
        return t.remap(x, [None, *sides, None])

    def resized(self, t: Trace, x: Sym, interpolation: str = "bilinear", antialias: bool = False) -> Sym:
        """Images in the size, whatever their proportions."""
        options = METHODS[interpolation] | {"antialias": antialias}
        return t.resample(x, sizes=(self.height, self.width), exclude_outside=True, **options)

    def proportioned(self, t: Trace, x: Sym) -> Sym:
        """The largest part in the middle that has the proportions of the size."""
        size = self.known(x)
        part = [max(1, min(own, other)) for own, other in zip(size, self.fitting(size), strict=True)]
        return self.cut(t, x, [(own - made) // 2 for own, made in zip(size, part, strict=True)], part)

    def fitting(self, size: Sequence[int]) -> tuple[int, int]:
        """The height that goes with the width of images, and the width that goes with their height."""
        return int(size[1] * self.height / self.width), int(size[0] * self.width / self.height)


@register("Resizing")
@dataclass(frozen=True)
class Resizing(OfSize):
    """(N, H, W, C) -> (N, height, width, C) by interpolation.

    crop_to_aspect_ratio, pad_to_aspect_ratio: what the proportions leave over is cut off, or filled up with fill_value
    antialias: where images get smaller, all pixels that one stands for count
    images_type: of the images as Keras 3 has them: integers stay such, rounded
    """

    own_fields: ClassVar[frozenset[str]] = frozenset(("images_type",))
    interpolation: str = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: str = "constant"
    fill_value: float = 0.0
    antialias: bool = False
    data_format: str | None = "channels_last"
    images_type: str = "float32"

    def unsupported(self) -> list[str]:
        problems = super().unsupported()
        if str(self.interpolation).lower() not in METHODS:
            problems.append(f"option interpolation={self.interpolation!r} (only {', '.join(METHODS)})")
        if self.fill_mode != "constant":
            problems.append(f"option fill_mode={self.fill_mode!r} (only 'constant')")
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            problems.append("options crop_to_aspect_ratio and pad_to_aspect_ratio (one of the two)")
        return problems

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        x = self.proportioned(t, x) if self.crop_to_aspect_ratio else x
        x = self.filled(t, x) if self.pad_to_aspect_ratio else x
        y = self.resized(t, x, self.interpolation.lower(), self.antialias)
        if np.dtype(self.images_type).kind not in "iu":
            return y
        limits = np.iinfo(self.images_type)
        return t.apply("clip", t.apply("round", y), limits.min, limits.max)

    def filled(self, t: Trace, x: Sym) -> Sym:
        """The images in the middle of as much as gives them the proportions of the size."""
        size = self.known(x)
        high, wide = (max(0, made - own) // 2 for own, made in zip(size, self.fitting(size), strict=True))
        margins = (high, 0) if high else (0, wide)
        pads = [None, *(Along(None, add=-pad, extra=2 * pad, edge="zero") for pad in margins), None]
        y = t.remap(x - self.fill_value if self.fill_value else x, pads)
        return y + self.fill_value if self.fill_value else y


@register("CenterCrop")
@dataclass(frozen=True)
class CenterCrop(OfSize):
    """(N, H, W, C) -> (N, height, width, C): the middle; of smaller images what has its proportions, enlarged."""

    data_format: str | None = "channels_last"

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        over = [own - wanted for own, wanted in zip(self.known(x), (self.height, self.width), strict=True)]
        if min(over) >= 0:
            return self.cut(t, x, [left // 2 for left in over], (self.height, self.width))
        return self.resized(t, self.proportioned(t, x))


@register("RandomCrop")
@dataclass(frozen=True)
class RandomCrop(OfSize):
    """(N, H, W, C) -> what Keras gives at inference, which depends on its release (see formats.keras.versions).

    at_inference: "resize" the part in the middle that has the proportions of the size; "slice" the size from that
                  part's first pixel on; "nothing"
    """

    own_fields: ClassVar[frozenset[str]] = frozenset(("at_inference",))
    data_format: str | None = "channels_last"
    at_inference: str = "nothing"

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if self.at_inference == "nothing":
            return x
        if self.at_inference == "resize":
            return self.resized(t, self.proportioned(t, x))
        size = self.known(x)
        part = [max(1, min(own, other)) for own, other in zip(size, self.fitting(size), strict=True)]
        first = [(own - made) // 2 for own, made in zip(size, part, strict=True)]
        left = [own - start for own, start in zip(size, first, strict=True)]
        return self.resized(
            t, self.cut(t, x, first, [min(pair) for pair in zip(left, (self.height, self.width), strict=True)])
        )
