"""Geometry that convolution, pooling and resizing of images (N, H, W, C) share: sizes, paddings, windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims

Pair = tuple[int, int]
Margins = tuple[Pair, Pair]  # ((top, bottom), (left, right)) in pixels
Padding = str | Margins


def pair(value: Any, what: str, least: int = 1) -> Pair:
    """(along height, along width) of a config value that may be one number for both. Raises ValueError."""
    values = (value, value) if isinstance(value, int) else tuple(value)
    if len(values) != 2 or any(not isinstance(v, int) or v < least for v in values):
        raise ValueError(f"{what} is {value!r}; allowed are one or two integers from {least} on")
    return values[0], values[1]


def margins(value: Any, what: str, least: int = 0) -> Margins:
    """((top, bottom), (left, right)) of a config value: a number, (height, width) or the pairs. Raises ValueError."""
    values = (value, value) if isinstance(value, int) else tuple(value)
    if len(values) != 2:
        raise ValueError(f"{what} is {value!r}; allowed are n, (height, width) or ((top, bottom), (left, right))")
    return pair(values[0], what, least), pair(values[1], what, least)


def normalize(layer: Any, *names: str) -> None:
    """Make fields of a frozen dataclass what the layer computes with: numbers become pairs, `padding` its own form."""
    for name in names:
        object.__setattr__(layer, name, pair(getattr(layer, name), name))
    padding = getattr(layer, "padding", None)
    if isinstance(padding, str):
        object.__setattr__(layer, "padding", padding.lower())
    elif padding is not None:
        object.__setattr__(layer, "padding", margins(padding, "padding"))


def refused(layer: Any) -> list[str]:
    """The options of a layer on images that glnn does not have: channels first, paddings of other names."""
    items = []
    if getattr(layer, "data_format", None) not in (None, "channels_last"):
        items.append(f"data_format={layer.data_format!r} (only 'channels_last')")
    padding = getattr(layer, "padding", None)
    if isinstance(padding, str) and padding not in ("same", "valid"):
        items.append(f"padding={padding!r} (only 'same' and 'valid')")
    return items


def image(shape: Dims, channels: bool = False) -> Dims:
    """The shape itself, if it is one of images (N, H, W, C); with `channels`, C must be known. Raises ValueError."""
    if len(shape) != 4:
        raise ValueError(f"the input must be images of shape (N, H, W, C), not {shape}")
    if channels and shape[3] is None:
        raise ValueError(f"the number of channels of {shape} must be known")
    return shape


def paddings(padding: Padding, sizes: Sequence[int], kernel: Pair, strides: Pair, dilation: Pair = (1, 1)) -> Margins:
    """((top, bottom), (left, right)) for an image of these sizes; "same" puts the odd pixel at the end (TensorFlow)."""
    if not isinstance(padding, str):
        return padding
    sides = []
    for size, k, s, d in zip(sizes, kernel, strides, dilation, strict=True):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0) if padding == "same" else 0
        sides.append((total // 2, total - total // 2))
    return sides[0], sides[1]


def window_sizes(
    padding: Padding, sizes: Sequence[int | None], kernel: Pair, strides: Pair, dilation: Pair = (1, 1)
) -> tuple[int | None, int | None]:
    """How many windows fit along height and width; None where the size is. Raises ValueError where none fits."""
    counts: list[int | None] = []
    for axis, (size, k, s, d) in enumerate(zip(sizes, kernel, strides, dilation, strict=True)):
        if size is None:
            counts.append(None)
        elif padding == "same":
            counts.append(-(-size // s))
        else:
            room = size + (0 if isinstance(padding, str) else sum(padding[axis])) - (k - 1) * d - 1
            if room < 0:
                where = "width" if axis else "height"
                raise ValueError(f"a window of {(k - 1) * d + 1} pixels does not fit into {size} along the {where}")
            counts.append(room // s + 1)
    return counts[0], counts[1]


def windows(
    x: np.ndarray, pads: Margins, kernel: Pair, strides: Pair, dilation: Pair = (1, 1), fill: float = 0.0
) -> np.ndarray:
    """(N, OH, OW, C, KH, KW): a view of every window of the padded images (N, H, W, C)."""
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    extent = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=(1, 2))
    return view[:, :: strides[0], :: strides[1], :, :: dilation[0], :: dilation[1]]


def block_span(extent: Pair, strides: Pair) -> int:
    """How many input pixels the windows of a block of 2 x 4 or 4 x 2 output pixels span."""
    (eh, ew), (sh, sw) = extent, strides
    return max(((bh - 1) * sh + eh) * ((bw - 1) * sw + ew) for bh, bw in ((2, 4), (4, 2)))
