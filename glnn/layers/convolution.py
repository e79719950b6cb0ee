"""What all convolutions of images share: their options, and how these are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims
from ..primitives.base import Builder, Value
from ..primitives.conv import draw_conv, rows_looped, rows_unrolled
from ..primitives.window import Margins, Padding, Pair, normalize, paddings, refused, window_sizes, windows
from .base import Activated


class Convolution(Activated):
    """What the convolutions share: their options and how they are drawn."""

    kernel_size: Pair
    strides: Pair
    padding: Padding
    dilation_rate: Pair
    groups: int

    def __post_init__(self) -> None:
        super().__post_init__()
        normalize(self, "kernel_size", "strides", "dilation_rate")

    def unsupported(self) -> list[str]:
        return refused(self) + ([] if self.groups == 1 else [f"groups={self.groups} (only 1)"])

    def pads(self, sizes: Sequence[int]) -> Margins:
        """((top, bottom), (left, right)) zeros around an image of these (height, width)."""
        return paddings(self.padding, sizes, self.kernel_size, self.strides, self.dilation_rate)

    def windows(self, x: np.ndarray) -> np.ndarray:
        """(N, OH, OW, C, KH, KW): what each output pixel sees of the images (N, H, W, C)."""
        return windows(x, self.pads(x.shape[1:3]), self.kernel_size, self.strides, self.dilation_rate)

    def sizes(self, shape: Dims) -> Dims:
        """(N, OH, OW) for images of this shape."""
        return (shape[0], *window_sizes(self.padding, shape[1:3], self.kernel_size, self.strides, self.dilation_rate))

    def rows_unrolled(self) -> int:
        """How many rows of the kernel an unrolled text of moderate size can hold; 0 if none."""
        return rows_unrolled(self.kernel_size, self.strides, self.dilation_rate)

    def rows_looped(self, inner: int) -> int:
        """How many rows of the kernel a text with real loops may take, `inner` turns for each tap."""
        return rows_looped(self.kernel_size[1], inner)

    def draw(
        self,
        b: Builder,
        name: str,
        shape: Dims,
        x: Value,
        weights: np.ndarray,
        bias: np.ndarray | None,
        corner: Pair,
        rows: int | None = None,
        residual: Value | None = None,
        **options: Any,
    ) -> Value:
        """`draw_conv` with this layer's strides, dilation and activation."""
        return draw_conv(
            b, name, shape, x, weights, bias, corner, rows=rows, residual=residual, strides=self.strides,
            dilation=self.dilation_rate, activation=self.activation.fused, **options,
        )  # fmt: skip
