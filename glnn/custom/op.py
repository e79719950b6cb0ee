"""A user's kernel as a primitive: what a graph, and so a plan, knows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims, Shape, canonical, numbers
from ..graph.weight import WeightSpec
from ..kernels.files import KernelSource
from ..kernels.language import tree as t
from ..kernels.language.walk import within
from ..primitives.base import Builder, Epilogue, Primitive, Recipe, Value, Window
from ..primitives.expr import RESULT, Constant, Expr
from ..primitives.move import expand, reshape
from ..records import dataclass
from .text import KernelText
from .values import Form, Given, Seen, source_of, uniform_names


@dataclass(frozen=True)
class Drawn(Primitive, filed=False):
    """One of the outputs of a kernel, of the shape `made`.

    tensors:  the names of its inputs; held: those of its weights, with their shapes
    uniforms: by name the numbers that come with the draw
    turns:    how often in one draw, what comes out as its input again (see turns.py)
    """

    arity = None
    kernel: KernelText
    made: Shape
    tensors: tuple[str, ...] = ()
    held: tuple[tuple[str, Shape], ...] = ()
    uniforms: tuple[tuple[str, tuple[float, ...]], ...] = ()
    const: tuple[tuple[str, int | float], ...] = ()
    param: tuple[tuple[str, int], ...] = ()
    output: int = 0
    turns: int = 1
    finish: Expr = RESULT

    def __repr__(self) -> str:
        return f"Drawn({self.kernel.name!r}, {', '.join((*self.tensors, *dict(self.held)))} -> {self.made})"

    @property
    def exact_inputs(self) -> tuple[int, ...]:  # type: ignore[override]  # they follow from the text
        """All, where the text makes integers of floats: it looks up by them."""
        found = any(isinstance(node, t.Call) and node.name == "int" for node in within(self.kernel.tree))
        return tuple(range(len(self.tensors))) if found else ()

    def own(self, count: int) -> int:
        return len(self.tensors)

    def shape(self, *inputs: Dims) -> Dims:
        return self.made

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec(name, shape) for name, shape in self.held]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        from .oracle import computed

        return computed(self, inputs, weights).astype(np.result_type(*inputs, np.float32), copy=False)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        return [Recipe("kernel", lambda b, finish: self._draw(b, inputs, weights, finish))]

    def _draw(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, Any], finish: Epilogue | None) -> Value:
        kernel, values = self.kernel, dict(zip(self.tensors, inputs, strict=True))
        held = {name: weights[name] for name, _ in self.held}
        uniform = {name: number for name, given in self._floats() for name, number in given.items()}
        param = dict(self.param)
        if kernel.form == "texel":
            assert kernel.source is not None
            return b.draw(
                kernel.source, self.made, values, tensors=held, const=dict(self.const), param=param, finish=finish
            )
        values = {name: self._spreadable(b, value) if name in kernel.given else value for name, value in values.items()}
        shapes = {name: tuple(map(int, value.shape)) for name, value in values.items()} | dict(self.held)
        bound = {f"kernel_{name}" if name in kernel.given else name: value for name, value in values.items()}
        windows = {}
        for name in kernel.given:
            if name in shapes:
                _, h, w, _ = spread_of(shapes[name], self.made)
                windows[f"kernel_{name}"] = Window(mul=(int(h), int(w)))
        tensors = {f"kernel_{name}" if name in kernel.given else name: array for name, array in held.items()}
        return b.draw(
            self.source(shapes), self.made, bound, tensors=tensors, const=dict(self.const), param=param,
            uniform=uniform, finish=finish, window=windows,
        )  # fmt: skip

    def _floats(self) -> list[tuple[str, dict[str, float]]]:
        kernel, made = self.kernel, []
        for name, numbers_ in self.uniforms:
            count = kernel.given.get(name, 1)
            kind, size = kernel.uniforms.get(name, ("float" if count == 1 else f"vec{count}", 0))
            made.append((name, dict(zip(uniform_names(name, kind, size), numbers_, strict=True))))
        return made

    def source(self, shapes: Mapping[str, Shape]) -> KernelSource:
        """The kernel of texels for inputs of these shapes by name."""
        if self.turns > 1:
            from .turns import source_of_turns

            return source_of_turns(self, self.form(shapes))
        return source_of(self.kernel, self.form(shapes))

    def form(self, shapes: Mapping[str, Shape]) -> Form:
        """What its text depends on for inputs of these shapes by name."""
        kernel, given, seen = self.kernel, [], []
        for name in kernel.given:
            if name in shapes:
                given.append(Given(name, spread_of(shapes[name], self.made)))
        for name in kernel.inputs:
            same = spread_of(shapes[name], self.made)
            seen.append(Seen(name, len(shapes[name]), shapes[name][-1] % 4, same))
        return Form(len(self.made), tuple(given), tuple(seen), self.const, self.output)

    def _spreadable(self, b: Builder, value: Value) -> Value:
        """The value, broadcast along the leading axes that a text sees as one."""
        shape, out = tuple(map(int, value.shape)), self.made
        if all(size in (1, goal) for size, goal in zip(canonical(shape), canonical(out), strict=True)):
            return value
        value = reshape(b, value, (1,) * (len(out) - len(shape)) + shape)
        return expand(b, value, (*out[:-3], *value.shape[-3:]))


def spread_of(shape: Shape, out: Shape) -> tuple[bool, bool, bool, bool]:
    """Along which of n, h, w and c a shape is as long as another."""
    n, h, w, c = (size == goal for size, goal in zip(canonical(shape), canonical(out), strict=True))
    return n, h, w, c


@dataclass(frozen=True)
class Literal(Primitive, filed=False):
    """An array as a tensor."""

    arity = 0
    made: Shape

    def shape(self, *inputs: Dims) -> Dims:
        return self.made

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec("x", self.made)]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.asarray(weights["x"])

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        shape = numbers(self.made)
        whole = Epilogue(Constant("x", shape), {}, {"x": weights["x"]})
        return [Recipe("map", lambda b, _: b.draw("map", shape, {}, finish=whole))]
