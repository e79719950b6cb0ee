"""A dense layer whose channels are parts, gates, that are combined element by element: all of it in one draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims, Shape, ceil_div, numbers
from ..graph.weight import WeightSpec
from ..layout.limits import Limits
from ..records import dataclass
from .base import Builder, Epilogue, Parts, Primitive, Recipe, Value, Window, at_least, finish_of
from .conv import Conv
from .expr import EACH, RESULT, Apply, Expr, Index, Number, constants, inputs, values
from .operations import OPERATIONS
from .sums import DENSE_GROUPS


@dataclass(frozen=True)
class Gates(Primitive, filed=False):
    """What is computed of the equal parts of what a dense layer makes: of several results (R, N, U), of one (N, U).

    product: the dense layer (N, C) -> (N, parts * U), with its finish
    parts:   In(0), In(1), .. of each of the `results`; what else these read are the inputs behind the product's
    """

    arity = None
    product: Conv
    parts: int
    results: tuple[Expr, ...]

    def __post_init__(self) -> None:
        at_least(1, parts=self.parts, results=len(self.results))

    def own(self, count: int) -> int:
        return count

    def _read(self) -> int:
        """How many inputs the product has."""
        return 1 + max(inputs(self.product.finish), default=0)

    def shape(self, *inputs: Dims) -> Dims:
        return self.output_shape(*inputs)

    def output_shape(self, *shapes: Dims) -> Dims:
        rows, channels = self.product.output_shape(*shapes[: self._read()])
        if (channels or 0) % self.parts:
            raise ValueError(f"{channels} channels are not {self.parts} equal parts")
        one = (rows, (channels or 0) // self.parts)
        return (len(self.results), *one) if len(self.results) > 1 else one

    def weight_specs(self, *shapes: Dims) -> list[WeightSpec]:
        own = self.product.weight_specs(*shapes[: self._read()])
        return [*own, *(WeightSpec(n, s) for one in self.results for n, s in constants(one).items())]

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        count = self._read()
        whole = self.product.reference(inputs[:count], weights)
        given = dict(enumerate([*np.split(whole, self.parts, -1), *inputs[count:]]))
        shape = (len(whole), whole.shape[-1] // self.parts)
        made = [np.broadcast_to(values(one, given, weights), shape) for one in self.results]
        return (np.stack(made) if len(made) > 1 else made[0]).astype(whole.dtype, copy=False)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        given, others = inputs[: self._read()], dict(enumerate(inputs[self._read() :], self.parts))
        names = [name for one in self.results for name in constants(one)]
        ends = Epilogue(Apply(EACH, self.results), others, {name: weights[name] for name in names})
        shape = numbers(self.output_shape(*(value.shape for value in inputs)))

        def at_once(b: Builder, finish: Epilogue | None) -> Value:
            own = self._finish(given, weights)
            kernel, bias = weights["kernel"], weights["bias"] if self.product.use_bias else None
            cells = {
                "weights": kernel[None],
                "bias": np.zeros(self.product.filters, np.float32) if bias is None else bias,
            }
            if not b.room(cells, *given, *others.values()):
                return draw_apart(b, self, given, weights, ends, shape)
            groups = self.product.groups
            return b.draw(
                "gates", shape, {"x": given[0]}, cells=cells, const={"GROUPS": groups},
                param={"GI": ceil_div(kernel.shape[0], 4), "GO": shape[-1] // 4 // groups},
                window={"x": Window(mul=(0, 1))}, finish=own, parts=Parts(self.parts, ends),
            )  # fmt: skip

        apart = Recipe("product, then gates", lambda b, _: draw_apart(b, self, given, weights, ends, shape))
        long = ceil_div(weights["kernel"].shape[0], 4) > DENSE_GROUPS
        return [apart] if long else [Recipe("gates", at_once, fits=whole_texels), apart]

    def _finish(self, given: Sequence[Value], weights: Mapping[str, Any]) -> Epilogue | None:
        """The product's."""
        own = finish_of(self.product)
        if own == RESULT:
            return None
        return Epilogue(own, dict(enumerate(given[1:], 1)), {name: weights[name] for name in constants(own)})

    def lower(self, b: Any, inputs: Sequence[Value], weights: Mapping[str, Any]) -> Value:
        made: Value = b.choose(self, inputs, weights).draw(b, None)
        return made


def whole_texels(limits: Limits) -> bool:
    """Whether a kernel may make several pixels at once on a device: where texels hold floats, and are not rounded."""
    return limits.precision == "highp" and limits.float_target != "rgba8"


def draw_apart(
    b: Builder, gates: Gates, given: Sequence[Value], weights: Mapping[str, Any], ends: Epilogue, shape: Shape
) -> Value:
    """The product, then a draw of all results."""
    names = gates.product.weight_specs(*(value.shape for value in given))
    whole = gates.product.lower(b, given, {spec.name: weights[spec.name] for spec in names})
    units = shape[-1]
    tensors = {k: b.part(whole, 1, k * units, units) for k in range(gates.parts)}
    *before, last = gates.results
    for k, one in reversed(list(enumerate(before))):
        here = Apply(OPERATIONS["less"], (Index(-3), Number(k + 0.5)))
        last = Apply(OPERATIONS["where"], (here, one, last))
    read = {number: value for number, value in {**tensors, **ends.tensors}.items() if value is not None}
    return b.draw("map", shape, {}, finish=Epilogue(last, read, ends.weights))
