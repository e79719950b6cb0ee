"""EinsumDense: a dense layer whose axes an equation tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..graph.shapes import Dims
from ..primitives import Sym, Trace
from ..primitives.einsum import parsed
from ..primitives.functions import LINEAR, Function
from ..records import dataclass
from .base import Activated, WeightSpec, register


@register("EinsumDense")
@dataclass(frozen=True)
class EinsumDense(Activated):
    """The sums of products of x and a kernel by an equation ("abc,cd->abd"), plus a bias along some axes of these.

    sizes: of what comes out, without the batch and without what "..." stands for (Keras' output_shape)
    """

    renamed: ClassVar[Mapping[str, str]] = {"output_shape": "sizes"}
    equation: str
    sizes: tuple[int | None, ...]
    activation: Function = LINEAR
    bias_axes: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.sizes, int):
            object.__setattr__(self, "sizes", (self.sizes,))

    def unsupported(self) -> list[str]:
        left, _, right = self.equation.replace(" ", "").partition("->")
        terms = left.split(",")
        if len(terms) != 2 or not right or "." in terms[1]:
            return [f"equation={self.equation!r} (in the form 'ab,bc->ac', '...b,bc->...c' or 'ab...,bc->ac...')"]
        return []

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        (x,) = inputs
        term = self.equation.replace(" ", "").split(",")[1].partition("->")[0]
        (own, kernel), out = parsed(self.equation, (len(x), len(term)))
        dots = [size for label, size in zip(own, x, strict=True) if label.isdigit()]
        whole = (x[0], *dots[1:], *self.sizes) if out[0].isdigit() else (x[0], *self.sizes, *dots)
        if len(whole) != len(out):
            raise ValueError(f"output_shape {self.sizes} does not fit the equation {self.equation!r} and inputs {x}")
        known = dict(zip(own, x, strict=True))
        known |= {label: size for label, size in zip(out, whole, strict=True) if size is not None}
        shape = tuple(known.get(label) for label in kernel)
        if None in shape:
            raise ValueError(f"the sizes {dict(zip(kernel, shape, strict=True))} of the kernel must be known")
        specs = [WeightSpec("kernel", shape)]  # type: ignore[arg-type]
        if self.bias_axes:
            first = min(out.index(label) for label in self.bias_axes)
            bias = tuple(known.get(label) if label in self.bias_axes else 1 for label in out[first:])
            specs.append(WeightSpec("bias", bias))  # type: ignore[arg-type]
        return specs

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Any:
        y = t.einsum(self.equation, x, w["kernel"])
        return t.activation(y + w["bias"] if self.bias_axes else y, self.activation)
