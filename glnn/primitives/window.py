"""Geometry that convolution, pooling and resizing of images (N, H, W, C) share: sizes, paddings, windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..records import dataclass

Pair = tuple[int, int]
Triple = tuple[int, int, int]
Sizes = tuple[int, ...]  # one for each spatial axis
Margins = tuple[Pair, ...]  # (before, after) in pixels for each spatial axis
Padding = str | Margins


def sizes_of(value: Any, what: str, axes: int = 2, least: int = 1) -> Sizes:
    """One number for each spatial axis of a config value that may be one for all. Raises ValueError."""
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(values) != axes or any(not isinstance(v, int) or v < least for v in values):
        count = {1: "is one integer", 2: "are one or two integers"}.get(axes, f"are one or {axes} integers")
        raise ValueError(f"{what} is {value!r}; allowed {count} from {least} on")
    return values


def pair(value: Any, what: str, least: int = 1) -> Pair:
    """(along height, along width) of a config value that may be one number for both. Raises ValueError."""
    first, second = sizes_of(value, what, 2, least)
    return first, second


def margins(value: Any, what: str, axes: int = 2, least: int = 0) -> Margins:
    """((before, after), ..) for each spatial axis of a config value: a number, one for each, or the pairs.

    Raises ValueError.
    """
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    if axes == 1 and len(values) == 2 and all(isinstance(v, int) for v in values):
        values = (values,)
    if len(values) != axes:
        pairs = {1: "n or (left, right)", 2: "n, (height, width) or ((top, bottom), (left, right))"}
        raise ValueError(f"{what} is {value!r}; allowed are {pairs.get(axes, f'n, {axes} numbers or {axes} pairs')}")
    return tuple(pair(each, what, least) for each in values)


def normalize(layer: Any, *names: str) -> None:
    """Make fields of a frozen dataclass what the layer computes with: numbers become tuples, `padding` its own form."""
    for name in names:
        object.__setattr__(layer, name, sizes_of(getattr(layer, name), name, layer.axes))
    padding = getattr(layer, "padding", None)
    if isinstance(padding, str):
        object.__setattr__(layer, "padding", padding.lower())
    elif padding is not None:
        object.__setattr__(layer, "padding", margins(padding, "padding", layer.axes))


def refused(layer: Any) -> list[str]:
    """The options of a layer on images that glnn does not have: other orders of axes, paddings of other names."""
    items = []
    if getattr(layer, "data_format", None) not in (None, "channels_last", "channels_first"):
        items.append(f"data_format={layer.data_format!r} (only 'channels_last' and 'channels_first')")
    padding = getattr(layer, "padding", None)
    if isinstance(padding, str) and padding not in ("same", "valid"):
        items.append(f"padding={padding!r} (only 'same' and 'valid')")
    return items


def check_padding(padding: Padding, axes: int) -> None:
    """Raises ValueError for a padding that is neither of the names nor pairs of pixels for so many axes."""
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"padding is {padding!r}; allowed are 'same', 'valid' and a pair of pixels for each axis")
    elif len(padding) != axes or any(pixels < 0 for side in padding for pixels in side):
        raise ValueError(f"padding is {padding}; allowed is a pair of pixels, 0 or more, for each of {axes} axes")


def paddings(
    padding: Padding, sizes: Sequence[int], kernel: Sizes, strides: Sizes, dilation: Sizes | None = None
) -> Margins:
    """((before, after), ...) for each axis of an image; "same" puts the odd pixel at the end (TensorFlow)."""
    if not isinstance(padding, str):
        return padding
    sides = []
    for size, k, s, d in zip(sizes, kernel, strides, dilation or (1,) * len(kernel), strict=True):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0) if padding == "same" else 0
        sides.append((total // 2, total - total // 2))
    return tuple(sides)


def window_sizes(
    padding: Padding, sizes: Sequence[int | None], kernel: Sizes, strides: Sizes, dilation: Sizes | None = None
) -> tuple[int | None, ...]:
    """How many windows fit along each spatial axis; None where its size is. Raises ValueError where none fits."""
    counts: list[int | None] = []
    names = {1: ("length",), 2: ("height", "width")}.get(len(kernel), ("depth", "height", "width"))
    for axis, (size, k, s, d) in enumerate(zip(sizes, kernel, strides, dilation or (1,) * len(kernel), strict=True)):
        if size is None:
            counts.append(None)
        elif padding == "same":
            counts.append(-(-size // s))
        else:
            room = size + (0 if isinstance(padding, str) else sum(padding[axis])) - (k - 1) * d - 1
            if room < 0:
                raise ValueError(
                    f"a window of {(k - 1) * d + 1} pixels does not fit into {size} along the {names[axis]}"
                )
            counts.append(room // s + 1)
    return tuple(counts)


def windows(
    x: np.ndarray, pads: Margins, kernel: Sizes, strides: Sizes, dilation: Sizes | None = None, fill: float = 0.0
) -> np.ndarray:
    """(N, *windows, C, *kernel): a view of every window of the padded images (N, *sizes, C)."""
    dilation = dilation or (1,) * len(kernel)
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    extent = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=tuple(range(1, x.ndim - 1)))
    steps, spread = (tuple(slice(None, None, step) for step in each) for each in (strides, dilation))
    index = (*pixels(steps), slice(None), *spread)
    return view[index]


@dataclass(frozen=True)
class Planes:
    """Which images of a volume the taps of a window meet along the depth: tap t the (d * mul + t * step - front) / div.

    d: the image of the result, which has `images` to a volume, the input `size`. Where the division leaves a rest, none
    """

    taps: int = 1
    images: int = 1
    size: int = 1
    mul: int = 1
    step: int = 1
    front: int = 0
    div: int = 1

    @property
    def volume(self) -> bool:
        """Whether an image meets others than itself."""
        return self != Planes(images=self.images, size=self.images, step=self.step)

    def numbers(self, first: int = 0) -> dict[str, int]:
        """What kernels call them, from a tap on."""
        front = self.front - first * self.step
        return dict(YD=self.images, SD=self.mul, DD=self.step, PF=front, ED=self.div, XD=self.size)


IMAGE = Planes()  # those alone, which are of no volume


def triple(sizes: Sequence[int], fill: int = 1) -> Triple:
    """(along depth, height, width) of sizes along up to three axes: rows of vectors are images of height N."""
    first, second, third = (fill, fill, fill, *sizes)[-3:]
    return first, second, third


def pixels(slices: Iterable[slice]) -> tuple[slice, ...]:
    """An index of images (N, *sizes, C): all of these pixels."""
    return (slice(None), *slices)


def block_span(extent: Pair, strides: Pair) -> int:
    """How many input pixels the windows of a block of 2 x 4 or 4 x 2 output pixels span."""
    (eh, ew), (sh, sw) = extent, strides
    return max(((bh - 1) * sh + eh) * ((bw - 1) * sw + ew) for bh, bw in ((2, 4), (4, 2)))
