"""Locally connected layers, of Keras 1 and 2: convolutions with weights of their own at each place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..graph.shapes import Dims, Shape
from ..primitives import Sym, Trace
from ..primitives.move import Along, Size
from ..primitives.window import Margins, Sizes, normalize, window_sizes
from ..records import dataclass
from .base import WeightSpec, register
from .convolution import ActivatedImages


@register("LocallyConnected2D")
@dataclass(frozen=True)
class LocallyConnected2D(ActivatedImages):
    """(N, H, W, C) -> (N, OH, OW, filters), a kernel for each pixel of the output. The size of images is fixed.

    `implementation` says how Keras keeps the kernels: 1 those alone, 2 a matrix of all inputs and outputs, most of
    which does not count, 3 what counts of that, in the order of outputs, then inputs.
    """

    filters: int
    kernel_size: Sizes
    strides: Sizes = (1, 1)
    padding: str = "valid"
    data_format: str | None = None
    activation: Any = "linear"
    use_bias: bool = True
    implementation: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        normalize(self, "kernel_size", "strides")

    def unsupported(self) -> list[str]:
        problems = super().unsupported()
        if self.implementation not in (1, 2, 3):
            problems.append(f"implementation={self.implementation!r} (only 1, 2 and 3)")
        if self.padding != "valid" and self.implementation == 1:
            problems.append(f"padding={self.padding!r} with implementation=1 (only 'valid')")
        return problems

    def sizes(self, shape: Dims) -> tuple[Shape, Shape, int]:
        """The sizes of images (shape with the channels last), of what comes out, the channels. Raises ValueError."""
        known = tuple(size for size in shape[1:] if size is not None)
        if len(known) < self.axes + 1:
            raise ValueError(f"the sizes and the channels of {shape} must be known: each place has weights of its own")
        out = window_sizes(self.padding, known[:-1], self.kernel_size, self.strides)
        return known[:-1], tuple(size or 0 for size in out), known[-1]

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        sizes, out, channels = self.sizes(self.last(inputs[0]))
        if self.implementation == 1:
            kernel: Shape = (math.prod(out), math.prod(self.kernel_size) * channels, self.filters)
        elif self.implementation == 2 and self.channels_first:
            kernel = (channels, *sizes, self.filters, *out)
        elif self.implementation == 2:
            kernel = (*sizes, channels, *out, self.filters)
        else:
            kernel = (len(self.places(sizes, out)[0]) * channels * self.filters,)
        return [WeightSpec("kernel", kernel), WeightSpec("bias", (*out, self.filters))][: 1 + self.use_bias]

    def margins(self, sizes: Shape, out: Shape) -> Margins:
        """Zeros around images. Of padding "same" the window's middle lies on its place, other than in convolutions."""
        middles = [k // 2 if self.padding == "same" else 0 for k in self.kernel_size]
        options = zip(sizes, out, self.kernel_size, self.strides, middles, strict=True)
        return tuple((m, max((o - 1) * s + k - m - n, 0)) for n, o, k, s, m in options)

    def places(self, sizes: Shape, out: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For all that a tap sees of images: the places of the output, the taps, the places of the input, by number."""
        pads = self.margins(sizes, out)
        inside, place = np.ones((1, 1), bool), np.zeros((1, 1), int)
        for axis, size in enumerate(sizes):
            starts = np.arange(out[axis]) * self.strides[axis] - pads[axis][0]
            at = starts[:, None] + np.arange(self.kernel_size[axis])
            place = (place[:, None, :, None] * size + at[None, :, None, :]).reshape(len(place) * len(at), -1)
            valid = (at >= 0) & (at < size)
            inside = (inside[:, None, :, None] & valid[None, :, None, :]).reshape(place.shape)
        outputs, taps = np.nonzero(inside)
        return outputs, taps, place[outputs, taps]

    def kernels(self, t: Trace, kernel: Sym, sizes: Shape, out: Shape, channels: int) -> Sym:
        """The weights (places of the output, taps, C, filters), however Keras keeps them."""
        shape = math.prod(out), math.prod(self.kernel_size), channels, self.filters
        if self.implementation == 1 and self.channels_first:
            return t.transpose(t.reshape(kernel, (shape[0], channels, shape[1], self.filters)), (0, 2, 1, 3))
        if self.implementation == 1:
            return t.reshape(kernel, shape)
        values = np.asarray(t.value(kernel))
        made = np.zeros(shape, values.dtype)
        outputs, taps, inputs = self.places(sizes, out)
        if self.implementation == 2:
            if self.channels_first:
                values = values.reshape(channels, -1, self.filters, shape[0]).transpose(1, 0, 3, 2)
            made[outputs, taps] = values.reshape(-1, channels, shape[0], self.filters)[inputs, :, outputs]
            return t.weight(made)
        c, f = np.arange(channels)[:, None], np.arange(self.filters)
        rows, columns = (k[:, None, None] for k in (outputs, inputs))
        if self.channels_first:
            rows, columns = f * shape[0] + rows, c * math.prod(sizes) + columns
        else:
            rows, columns = rows * self.filters + f, columns * channels + c
        rows, columns = (k.ravel() for k in np.broadcast_arrays(rows, columns))
        counting = np.zeros((len(outputs), channels, self.filters), values.dtype)
        counting.reshape(-1)[np.lexsort((columns, rows))] = values
        made[outputs, taps] = counting
        return t.weight(made)

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        sizes, out, channels = self.sizes(x.shape)
        pads = self.margins(sizes, out)
        if any(map(any, pads)):
            around = (Along(None, add=-before, extra=before + after, edge="zero") for before, after in pads)
            x = t.remap(x, [None, *around, None])
        seen = [
            t.remap(x, [None, *(Along(None, n, s, k) for n, s, k in zip(out, self.strides, tap, strict=True)), None])
            for tap in np.ndindex(*self.kernel_size)
        ]  # one convolution of as many groups as there are places
        places, each = math.prod(out), math.prod(self.kernel_size) * channels
        patches = t.reshape(t.concat(seen, -1), (Size(0), 1, places * each))
        kernels = w["kernel"]
        if kernels.rank:
            kernels = t.reshape(self.kernels(t, kernels, sizes, out, channels), (places, each, self.filters))
            kernels = t.reshape(t.transpose(kernels, (1, 0, 2)), (1, each, places * self.filters))
        one: Any = dict(filters=places * self.filters, kernel_size=(1,), strides=(1,), dilation=(1,), groups=places)
        y = t.reshape(t.conv(patches, kernels, **one), (Size(0), *out, self.filters))
        if self.use_bias:  # Keras reads the bias of channels_first images as rows of another shape
            bias = w["bias"]
            if bias.rank and self.channels_first:
                bias = t.transpose(t.reshape(bias, (self.filters, *out)), (*range(1, self.axes + 1), 0))
            y = y + bias
        return y


@register("LocallyConnected1D")
@dataclass(frozen=True)
class LocallyConnected1D(LocallyConnected2D):
    """(N, L, C) -> (N, OL, filters), a kernel for each place of the output. The length of sequences is fixed."""

    axes = 1
    kernel_size: Sizes
    strides: Sizes = (1,)
