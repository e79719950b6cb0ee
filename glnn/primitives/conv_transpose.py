"""The transpose of a convolution over 1 to 3 spatial axes, channels last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims, Shape, ceil_div, numbers
from ..graph.weight import WeightSpec
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value, Window, at_least
from .conv import draw_conv, rows_looped, rows_unrolled
from .expr import RESULT, Expr
from .window import Pair, Planes, Sizes, pixels, triple

WOVEN = 4  # images that one draw can weave together


@dataclass(frozen=True)
class ConvTranspose(Primitive):
    """(N, *sizes, C) -> (N, *sizes, filters), with weights kernel (*kernel_size, C, filters) and a bias.

    Along each axis the output has (size - 1) * stride + `extra` pixels (`extra` at least 1), unless `sizes` states how
    many, of all that the taps reach. It starts at their first pixel, with `centred` so that what is cut off is halved,
    or at the pixel that `start` says for each axis.
    """

    filters: int
    kernel_size: Sizes
    strides: Sizes
    dilation: Sizes
    extra: Sizes
    sizes: Sizes | None = None
    centred: bool = False
    start: Sizes = ()
    use_bias: bool = True
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        at_least(1, filters=self.filters, kernel_size=self.kernel_size, strides=self.strides, dilation=self.dilation)
        at_least(1, extra=self.extra, sizes=self.sizes or ())
        each = self.kernel_size, self.strides, self.dilation, self.extra, self.sizes or self.extra
        if len({*map(len, each)}) > 1 or len(self.kernel_size) not in (1, 2, 3):
            raise ValueError(f"kernel, strides, dilation, extra and sizes are {each}; each is for 1 to 3 axes")
        if len(self.start) not in (0, len(self.strides)) or min(self.start, default=0) < 0:
            raise ValueError(f"start is {self.start}; one from 0 on for each of {len(self.strides)} axes is allowed")

    def spans(self, sizes: Sequence[int]) -> list[Pair]:
        """Along each axis: (size, start) of the output, in pixels of all that the taps reach."""
        spans = []
        for i, (size, k, s, d) in enumerate(zip(sizes, self.kernel_size, self.strides, self.dilation, strict=True)):
            out = self.sizes[i] if self.sizes else (size - 1) * s + self.extra[i]
            reached = (size - 1) * s + (k - 1) * d + 1
            first = max(reached - out, 0) // 2 if self.centred else self.start[i] if self.start else 0
            spans.append((out, first))
        return spans

    def shape(self, *inputs: Dims) -> Dims:
        n, *sizes, _ = inputs[0]
        known = self.spans([1 if size is None else size for size in sizes])
        return (n, *(None if size is None else span[0] for size, span in zip(sizes, known, strict=True)), self.filters)

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        channels = inputs[0][-1]
        if channels is None:
            raise ValueError(f"the number of channels of {inputs[0]} must be known")
        kernel = WeightSpec("kernel", (*self.kernel_size, channels, self.filters))
        return [kernel, WeightSpec("bias", (self.filters,))][: 1 + self.use_bias]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x, kernel = inputs[0], weights["kernel"]
        spans = self.spans(x.shape[1:-1])
        options = list(zip(spans, self.strides, self.dilation, self.kernel_size, strict=True))
        reach = [start + size + s + k * d for (size, start), s, d, k in options]
        canvas = np.zeros((len(x), *reach, self.filters), x.dtype)
        for tap in np.ndindex(*self.kernel_size):
            spot = canvas[pixels(slice(t * d, None, s) for t, (_, s, d, _) in zip(tap, options, strict=True))]
            spot = spot[pixels(slice(size) for size in x.shape[1:-1])]
            spot += (x @ kernel[tap])[pixels(slice(size) for size in spot.shape[1:-1])]
        y = canvas[pixels(slice(start, start + size) for size, start in spans)]
        return (y + (weights["bias"] if self.use_bias else 0)).astype(x.dtype, copy=False)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x, kernel, bias = inputs[0], weights["kernel"], weights["bias"] if self.use_bias else None
        shape = numbers(self.shape(x.shape))
        (kd, *size), (sd, sh, sw), (dd, *dilation) = map(triple, (self.kernel_size, self.strides, self.dilation))
        kernel = kernel.reshape(kd, *size, *kernel.shape[-2:])
        front, *corner = triple([first for _, first in self.spans(x.shape[1:-1])], 0)
        planes = Planes(kd, triple(shape[1:-1])[0], triple(x.shape[1:-1])[0], 1, -dd, -front, sd)
        options: Any = dict(planes=planes, inner=ceil_div(x.shape[-1], 4))
        strides, start = (sh, sw), (corner[0], corner[1])

        def looped(b: Builder, finish: Epilogue | None) -> Value:
            rows = rows_looped(size[1], ceil_div(x.shape[-1], 4))
            return draw_conv(
                b, finish, "conv_transpose", shape, x, kernel, bias, start, strides=strides, dilation=dilation,
                rows=rows, **options,
            )  # fmt: skip

        phases = list(np.ndindex(strides))
        filled = all(min(sizes) >= s for *sizes, s in zip(size, shape[-3:-1], strides, strict=True))
        plain = Recipe("looped", looped)
        if not filled or dilation != [1, 1] or len(phases) > WOVEN:
            return [plain]

        def woven(b: Builder, finish: Epilogue | None) -> Value:
            alone = finish if len(phases) == 1 else None
            parts = [_phase(b, x, shape, kernel, bias, strides, start, phase, alone, options) for phase in phases]
            images, const = {f"x{k}": part for k, part in enumerate(parts)}, dict(SH=strides[0], SW=strides[1])
            window = dict.fromkeys(images, Window(div=strides))
            return (
                parts[0]
                if alone or len(parts) == 1
                else b.draw("interleave", shape, images, const=const, window=window, finish=finish)
            )

        return [Recipe("phases", woven), plain]


def _phase(
    b: Builder, x: Value, shape: Shape, kernel: Any, bias: Any, strides: Pair, start: Pair, phase: Pair,
    finish: Epilogue | None, options: Mapping[str, Any],
) -> Value:  # fmt: skip
    """The pixels at `phase` of each tile of the strides: a convolution of every stride-th tap, reversed.

    Along the depth it is transposed still: of the taps those count that meet an image.
    """
    first = [(p + t) % s for p, t, s in zip(phase, start, strides, strict=True)]
    taps = kernel[:, first[0] :: strides[0], first[1] :: strides[1]][:, ::-1, ::-1]
    sides = zip(taps.shape[1:3], phase, start, first, strides, strict=True)
    corner = [size - 1 - (p + t - f) // s for size, p, t, f, s in sides]
    sizes = [ceil_div(size - p, s) for size, p, s in zip(shape[-3:-1], phase, strides, strict=True)]
    rows, args = rows_unrolled(taps.shape[1:3]), ((*shape[:-3], *sizes, shape[-1]), x, taps, bias, corner)
    if rows:
        return draw_conv(b, finish, "conv", *args, rows=rows, blocked=True, **options)
    rows = rows_looped(taps.shape[2], options["inner"])
    return draw_conv(b, finish, "conv", *args, rows=rows, looped=True, **options)
