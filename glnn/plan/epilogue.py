"""The epilogue of a draw: which tensors and weights it binds under which names, and its expression as text."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..graph.quantized import broadcast
from ..graph.shapes import Shape, canonical
from ..kernels.finish import NUMBER, VECTORS, Finish, Place, Spread
from ..primitives.base import Builder, Epilogue, Parts, Value, Window
from ..primitives.expr import (
    RESULT,
    Apply,
    Constant,
    Expr,
    In,
    Index,
    Number,
    in_order,
    inputs,
    leaves,
    printed,
    with_leaves,
    without_spreads,
)
from ..primitives.functions import LINEAR, Function
from ..primitives.move import expand, reshape


@dataclass
class BoundFinish:
    """A finish as kernels take it, and by name what a draw binds for it."""

    finish: Finish
    inputs: dict[str, Value] = field(default_factory=dict)
    tensors: dict[str, Any] = field(default_factory=dict)
    cells: dict[str, Any] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)


def result_shape(shape: Shape, epilogue: Epilogue) -> Shape:
    """The shape of what a draw of this shape makes in the end. Raises ValueError where tensors do not fit it."""
    given = [value.shape for number, value in epilogue.tensors.items() if number in inputs(epilogue.expr)]
    return tuple(np.broadcast_shapes(shape, *given))


def bind(
    b: Builder,
    epilogue: Epilogue,
    shape: Shape,
    prefix: str = "finish_",
    number: str = NUMBER,
    by_channel: bool = True,
    values: int = 0,
) -> BoundFinish:
    """The epilogue of a draw of this shape. What the text cannot broadcast is broadcast by draws of its own.

    Its tensors are bound as `prefix` and a count from 1, its numbers as `number` and a count from 0; not `by_channel`,
    weights by channel are tensors too.
    values: how many the kernel makes for it, called v0, v1, ..; 0: the one called v
    """
    made = BoundFinish(Finish(""))
    spreads: list[Spread] = []
    names: dict[Expr, str] = {In(k): f"v{k}" for k in range(values)} or {In(0): "v"}
    vectors: list[np.ndarray] = []
    numbers: dict[Expr, Number] = {}
    indices: list[Place] = []

    def tensor(leaf: Expr, own: Shape) -> str:
        name = f"{prefix}{len(spreads) + 1}"
        flags = [size == goal for size, goal in zip(canonical(own), canonical(shape), strict=True)]
        names[leaf] = f"t{len(spreads)}"
        spreads.append(Spread(name, *flags))
        made.windows[name] = Window(mul=(int(flags[1]), int(flags[2])))
        return name

    expr = in_order(without_spreads(epilogue.expr))
    for leaf in leaves(expr):
        if isinstance(leaf, In) and leaf.number in epilogue.tensors:
            value = _spreadable(b, epilogue.tensors[leaf.number], shape)
            made.inputs[tensor(leaf, value.shape)] = value
        elif isinstance(leaf, Index):
            names[leaf] = f"i{len(indices)}"
            indices.append(place_of(leaf.axis, shape))
        elif isinstance(leaf, Constant):
            array = epilogue.weights[leaf.name]
            array = array.reshape((1,) * (len(shape) - array.ndim) + tuple(array.shape))
            if array.size == 1:
                numbers[leaf] = Number(float(np.asarray(array).reshape(())))
            elif array.size == array.shape[-1] and by_channel:
                names[leaf] = f"c{len(vectors)}"
                vectors.append(np.asarray(array).reshape(-1))
            else:
                if not multiplies(array.shape, shape):
                    array = broadcast(array, (*shape[:-3], *array.shape[-3:]))
                made.tensors[tensor(leaf, array.shape)] = array
    if vectors:
        made.cells[VECTORS] = np.stack(vectors)
    text = printed(with_leaves(expr, numbers), names, number)
    made.finish = Finish(text.text, text.functions, text.numbers, tuple(spreads), len(vectors), tuple(indices))
    return made


def bind_parts(b: Builder, parts: Parts, shape: Shape) -> BoundFinish:
    """What is made of parts of the channels by a draw whose results have this shape together."""
    return bind(b, parts.of, shape, "finish_of", "finish_m", by_channel=False, values=parts.count)


def place_of(axis: int, shape: Shape) -> Place:
    """Where a kernel finds the number of an element along an axis of a shape, counted from the end."""
    if len(shape) < -axis:
        raise ValueError(f"axis {axis} of an index is none of the shape {shape}")
    if axis >= -3:
        return Place("hwc"[axis])
    return Place("n", math.prod(shape[axis + 1 : -3]), 0 if len(shape) == -axis else shape[axis])


def multiplies(shape: Shape, out: Shape) -> bool:
    """Whether each of the four coordinates of `shape` that a kernel sees is the output's, or always 0."""
    return all(size in (1, goal) for size, goal in zip(canonical(shape), canonical(out), strict=True))


def _spreadable(b: Builder, value: Value, out: Shape) -> Value:
    """The value, broadcast along the leading axes where a text cannot do that itself."""
    if multiplies(value.shape, out):
        return value
    value = reshape(b, value, (1,) * (len(out) - len(value.shape)) + tuple(value.shape))
    return expand(b, value, (*out[:-3], *value.shape[-3:]))


def as_map(epilogue: Epilogue, result: Value) -> Epilogue:
    """The same for a draw of its own, over what another draw made."""
    return Epilogue(epilogue.expr, {**epilogue.tensors, 0: result}, epilogue.weights)


def as_epilogue(finish: Epilogue | Function | None) -> Epilogue | None:
    """The epilogue that a finish means; None where nothing is left to do."""
    if isinstance(finish, Function):
        finish = Epilogue(RESULT if finish == LINEAR else Apply(finish, (RESULT,)))
    return None if finish is None or finish.expr == RESULT and 0 not in finish.tensors else finish
