"""What layers on images share: the order of their axes, and the options of convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..graph.shapes import Dims
from ..primitives import Sym, Trace
from ..primitives.window import Padding, Sizes, normalize, refused
from .base import Activated, Layer


class Images(Layer):
    """A layer on images: (N, *sizes, C), or with data_format "channels_first" (N, C, *sizes)."""

    axes: ClassVar[int] = 2  # spatial ones
    data_format: str | None

    def unsupported(self) -> list[str]:
        return refused(self)

    @property
    def channels_first(self) -> bool:
        """Whether the channels are axis 1."""
        return self.data_format == "channels_first"

    def last(self, shape: Dims) -> Dims:
        """A shape of images with the channels last. Raises ValueError where it is none of images."""
        if len(shape) != self.axes + 2:
            names = ", ".join({1: "L", 2: "HW"}.get(self.axes, "DHW"))
            wanted = f"(N, C, {names})" if self.channels_first else f"(N, {names}, C)"
            raise ValueError(f"the input must be images of shape {wanted}, not {shape}")
        return (shape[0], *shape[2:], shape[1]) if self.channels_first else tuple(shape)

    def channels(self, shape: Dims) -> int:
        """How many channels images of this shape have. Raises ValueError where that is not known."""
        count = self.last(shape)[-1]
        if count is None:
            raise ValueError(f"the number of channels of {shape} must be known")
        return count

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        self.last(x.shape)
        if not self.channels_first:
            return self.on_images(t, x, w)
        y = self.on_images(t, t.plain(t.transpose(x, (0, *range(2, x.rank), 1))), w)
        return t.transpose(y, (0, y.rank - 1, *range(1, y.rank - 1))) if y.rank == x.rank else y

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        """`build` for images with the channels last."""
        raise NotImplementedError


class ActivatedImages(Activated, Images):
    """A layer on images with an activation, which those along the last axis take from them as they are stored."""

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.activation(super().build(t, x, w), self.activation)

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        """What the activation is given, for images with the channels last."""
        raise NotImplementedError


class Convolution(ActivatedImages):
    """What the convolutions share."""

    kernel_size: Sizes
    strides: Sizes
    padding: Padding
    dilation_rate: Sizes
    groups: int
    causal: ClassVar[bool] = False  # whether `padding` may be "causal": zeros before the first alone

    def __post_init__(self) -> None:
        super().__post_init__()
        normalize(self, "kernel_size", "strides", "dilation_rate")
        if self.causal and self.padding == "causal":
            before = (self.kernel_size[0] - 1) * self.dilation_rate[0]
            object.__setattr__(self, "padding", ((before, 0),))

    def unsupported(self) -> list[str]:
        return super().unsupported() + ([] if self.groups == 1 else [f"groups={self.groups} (only 1)"])

    @property
    def options(self) -> dict[str, Any]:
        """The options of a convolution as the primitive takes them."""
        steps = dict(kernel_size=self.kernel_size, strides=self.strides, dilation=self.dilation_rate)
        return steps | {"padding": self.padding}
