"""Recurrent layers on sequences of images: an LSTM whose products are convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..graph.shapes import Dims
from ..primitives import Sym, Trace
from ..primitives.functions import FUNCTIONS, Function
from ..primitives.move import Size, Unfolded
from ..primitives.window import Padding, Sizes, normalize, refused
from ..records import dataclass
from .base import WeightSpec, register
from .cells import TRAINING, Cell, LongShort, Words
from .recurrent import Recurrent


@register("ConvLSTM2D")
@dataclass(frozen=True)
class ConvLSTM2D(Recurrent, LongShort):
    """(N, T, *sizes, C) -> (N, *sizes', filters), or (N, T, *sizes', filters): see LongShort.

    x W is a convolution of these options, h U one that keeps the sizes.
    """

    axes: ClassVar[int] = 2
    ignored: ClassVar[frozenset[str]] = TRAINING | {"unroll"}
    filters: int
    kernel_size: Sizes
    strides: Sizes = 1  # type: ignore[assignment]
    padding: Padding = "valid"
    data_format: str | None = None
    dilation_rate: Sizes = 1  # type: ignore[assignment]
    activation: Function = FUNCTIONS["tanh"]
    recurrent_activation: Function = FUNCTIONS["sigmoid"]
    use_bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        normalize(self, "kernel_size", "strides", "dilation_rate")

    @property
    def units(self) -> int:  # type: ignore[override]
        return self.filters

    @property
    def cell(self) -> Cell:
        return self

    @property
    def first(self) -> bool:
        """Whether the channels are axis 2 of a sequence."""
        return self.data_format == "channels_first"

    def unsupported(self) -> list[str]:
        return [*super().unsupported(), *refused(self)]

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        channels = inputs[0][2 if self.first else -1]
        if channels is None:
            raise ValueError(f"the number of channels of {inputs[0]} must be known")
        pairs = (("kernel", channels), ("recurrent_kernel", self.filters))
        specs = [WeightSpec(name, (*self.kernel_size, size, 4 * self.filters)) for name, size in pairs]
        return [*specs, WeightSpec("bias", (4 * self.filters,))][: 2 + self.use_bias]

    def run(
        self, t: Trace, x: Sym, states: Sequence[Sym], mask: Sym | None, w: Words, stack_reverse: bool = False
    ) -> list[Sym]:
        if not self.first:
            return super().run(t, x, states, mask, w, stack_reverse)
        x, *states = (t.transpose(y, (*range(at), *range(at + 1, y.rank), at)) for y, at in _channels(x, states))
        made = super().run(t, x, states, mask, w, stack_reverse)
        back = ((y, y.rank - 1 - self.axes) for y in made)
        return [t.transpose(y, (*range(at), y.rank - 1, *range(at, y.rank - 1))) for y, at in back]

    def project(self, t: Trace, x: Sym, w: Words) -> Sym:
        x = t.plain(t.transpose(x, (1, 0, *range(2, x.rank))))  # turns go through what lies step by step
        images = t.reshape(x, (-1, *(Size(axis) for axis in range(2, x.rank))))
        steps = dict(kernel_size=self.kernel_size, strides=self.strides, dilation=self.dilation_rate)
        made = t.conv(images, w["kernel"], w.get("bias"), padding=self.padding, **steps)
        made = t.drawn(Unfolded(), [made, x])
        return t.transpose(made, (1, 0, *range(2, made.rank)))

    def recur(self, t: Trace, h: Sym, kernel: Sym, bias: Sym | None = None) -> Sym:
        one = (1,) * self.axes
        return t.conv(h, kernel, bias, kernel_size=self.kernel_size, strides=one, dilation=one, padding="same")


@register("ConvLSTM1D")
@dataclass(frozen=True)
class ConvLSTM1D(ConvLSTM2D):
    """(N, T, L, C) -> (N, L', filters), or each step."""

    axes: ClassVar[int] = 1


@register("ConvLSTM3D")
@dataclass(frozen=True)
class ConvLSTM3D(ConvLSTM2D):
    """(N, T, D, H, W, C) -> (N, D', H', W', filters), or each step."""

    axes: ClassVar[int] = 3


def _channels(x: Sym, states: Sequence[Sym]) -> list[tuple[Sym, int]]:
    """A sequence and states of images whose channels come first, each with the axis that these are."""
    return [(x, 2), *((state, 1) for state in states)]
