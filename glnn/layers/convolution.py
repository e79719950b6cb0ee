"""What all convolutions of images share: options, paddings, and drawing in parts that a shader can hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .base import Builder, Dims, Value, Window
from .functions import Activated
from .spatial import Margins, Padding, Pair, block_span, known, normalize, paddings, refused, window_sizes, windows

UNROLLED_TAPS = 64  # a kernel of more taps is drawn in bands of rows, or with real loops where one row is too long
UNROLLED_PIXELS = 256  # likewise where the windows of a block of 8 pixels span more input pixels than this
WOVEN = 4  # images that one draw can weave together
LOOP_TURNS = 30000  # no draw loops more often: llvmpipe stops at 65535 turns without a word


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
        (kh, kw), (dh, dw) = self.kernel_size, self.dilation_rate

        def fits(rows: int) -> bool:
            extent = (rows - 1) * dh + 1, (kw - 1) * dw + 1
            return rows * kw <= UNROLLED_TAPS and block_span(extent, self.strides) <= UNROLLED_PIXELS

        return max((rows for rows in range(1, kh + 1) if fits(rows)), default=0)

    def rows_looped(self, inner: int) -> int:
        """How many rows of the kernel a text with real loops may take, `inner` turns for each tap."""
        return LOOP_TURNS // ((self.kernel_size[1] + 1) * (inner + 1))

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
        blocked: bool = False,
        **const: int,
    ) -> Value:
        """Draw the kernel `name` with weights (KH, KW, ..., Cout).

        `corner`: zeros (above, left of) the image. `rows`: rows of weights per draw; each draw adds to the one before.
        """
        kh, kw = weights.shape[:2]
        bands = -(-kh // (kh if rows is None else max(1, rows)))
        rows = -(-kh // bands)
        value = residual
        steps = dict(SH=self.strides[0], SW=self.strides[1], DH=self.dilation_rate[0], DW=self.dilation_rate[1])
        for top in range(0, kh, rows):
            part = weights[top : top + rows]
            cells = {"bias": np.zeros(weights.shape[-1], np.float32) if bias is None or top else bias}
            taps = part.reshape(part.shape[0] * kw, *part.shape[2:])
            constant = name == "conv_lanes"
            value = b.draw(
                name,
                known(shape),
                {"x": x} if value is None else {"x": x, "residual": value},
                cells=cells if constant else {"weights": taps, **cells},
                tensors={"weights": taps} if constant else None,
                const=dict(KH=len(part), KW=kw, PT=corner[0] - top * steps["DH"], PL=corner[1]) | steps | const,
                window={"x": Window(mul=self.strides)} if blocked else None,
                activation=self.activation.fused if top + rows >= kh else None,
            )
        assert value is not None
        return value
