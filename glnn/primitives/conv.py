"""Convolution of images (N, H, W, C), drawn in parts that a shader can hold."""

from __future__ import annotations

import numpy as np

from ..graph.shapes import Dims, numbers
from .base import Activation, Builder, Value, Window
from .window import Pair, block_span

UNROLLED_TAPS = 64  # a kernel of more taps is drawn in bands of rows, or with real loops where one row is too long
UNROLLED_PIXELS = 256  # likewise where the windows of a block of 8 pixels span more input pixels than this
WOVEN = 4  # images that one draw can weave together
LOOP_TURNS = 30000  # no draw loops more often: llvmpipe stops at 65535 turns without a word


def rows_unrolled(kernel: Pair, strides: Pair = (1, 1), dilation: Pair = (1, 1)) -> int:
    """How many rows of a kernel (height, width) an unrolled text of moderate size can hold; 0 if none."""
    (kh, kw), (dh, dw) = kernel, dilation

    def fits(rows: int) -> bool:
        extent = (rows - 1) * dh + 1, (kw - 1) * dw + 1
        return rows * kw <= UNROLLED_TAPS and block_span(extent, strides) <= UNROLLED_PIXELS

    return max((rows for rows in range(1, kh + 1) if fits(rows)), default=0)


def rows_looped(width: int, inner: int) -> int:
    """How many rows of a kernel of this width a text with real loops may take, `inner` turns for each tap."""
    return LOOP_TURNS // ((width + 1) * (inner + 1))


def draw_conv(
    b: Builder,
    name: str,
    shape: Dims,
    x: Value,
    weights: np.ndarray,
    bias: np.ndarray | None,
    corner: Pair,
    *,
    strides: Pair = (1, 1),
    dilation: Pair = (1, 1),
    activation: Activation | None = None,
    rows: int | None = None,
    residual: Value | None = None,
    blocked: bool = False,
    looped: bool = False,
    **const: int,
) -> Value:
    """The kernel `name` with weights (KH, KW, ..., Cout).

    `corner`: zeros (above, left of) the image. `rows`: rows of weights per draw; each draw adds to the one before.
    `looped`: a blocked kernel with real loops, for a kernel of too many taps to be written out.
    """
    kh, kw = weights.shape[:2]
    bands = -(-kh // (kh if rows is None else max(1, rows)))
    rows = -(-kh // bands)
    value = residual
    steps = dict(SH=strides[0], SW=strides[1], DH=dilation[0], DW=dilation[1])
    for top in range(0, kh, rows):
        part = weights[top : top + rows]
        cells = {"bias": np.zeros(weights.shape[-1], np.float32) if bias is None or top else bias}
        taps = part.reshape(part.shape[0] * kw, *part.shape[2:])
        constant = name == "conv_lanes"
        value = b.draw(
            name,
            numbers(shape),
            {"x": x} if value is None else {"x": x, "residual": value},
            cells=cells if constant else {"weights": taps, **cells},
            tensors={"weights": taps} if constant else None,
            const=dict(KH=len(part), KW=kw, PT=corner[0] - top * steps["DH"], PL=corner[1]) | steps | const,
            window={"x": Window(mul=strides)} if blocked or looped else None,
            looped=looped,
            activation=activation if top + rows >= kh else None,
        )
    assert value is not None
    return value
