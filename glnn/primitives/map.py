"""One draw that combines two tensors element by element, with NumPy's broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.quantized import Quantized, broadcast
from ..graph.shapes import Shape, canonical
from .base import Activation, Builder, Value, Window
from .move import expand, reshape

# The numbers by which the kernel binary knows what to compute.
OPS = {"add": 0, "subtract": 1, "multiply": 2, "divide": 3, "maximum": 4, "minimum": 5, "prelu": 6, "mean": 7}


def draw_binary(
    b: Builder,
    op: str,
    first: Value,
    second: Value | np.ndarray | Quantized,
    *,
    scales: tuple[float, float] = (1.0, 1.0),
    activation: Activation | None = None,
) -> Value:
    """first * scales[0] op second * scales[1], activated; broadcast as in NumPy. `second` may be a constant array."""
    shape: Shape = tuple(np.broadcast_shapes(first.shape, second.shape))
    const: dict[str, int | float] = {"OP": OPS[op], "PS": float(scales[0]), "QS": float(scales[1])}
    first = _prepared(b, first, shape)
    inputs: dict[str, Value] = {"p": first}
    tensors: dict[str, Any] = {}
    if isinstance(second, Value):
        second = inputs["q"] = _prepared(b, second, shape)
    else:
        array = second.reshape((1,) * (len(shape) - second.ndim) + tuple(second.shape))
        lead = array.shape[:-3] if _multiplies(array.shape, shape) else shape[:-3]
        # A constant's window always moves with the output's, so along height and width it is broadcast here.
        second = tensors["q"] = broadcast(array, (*lead, *shape[-3:-1], array.shape[array.ndim - 1]))
    param: dict[str, int] = {}
    window: dict[str, Window] = {}
    for name, sizes in (("p", canonical(first.shape)), ("q", canonical(second.shape))):
        n, h, w, c = (int(size == goal) for size, goal in zip(sizes, canonical(shape), strict=True))
        param[f"{name.upper()}N"] = n
        const |= {f"{name.upper()}H": h, f"{name.upper()}W": w, f"{name.upper()}C": c}
        window[name] = Window(mul=(h, w))
    return b.draw(
        "binary", shape, inputs, tensors=tensors, const=const, param=param, activation=activation, window=window
    )


def _multiplies(shape: Shape, out: Shape) -> bool:
    """Whether each of the kernel's four coordinates of `shape` is the output's, or always 0."""
    return all(size in (1, goal) for size, goal in zip(canonical(shape), canonical(out), strict=True))


def _prepared(b: Builder, value: Value, out: Shape) -> Value:
    """The value, broadcast along the leading axes where the kernel cannot do that itself."""
    if _multiplies(value.shape, out):
        return value
    value = reshape(b, value, (1,) * (len(out) - len(value.shape)) + tuple(value.shape))
    return expand(b, value, (*out[:-3], *value.shape[-3:]))


def chained(
    b: Builder, op: str, values: list[Value], *, scale: float = 1.0, activation: Activation | None = None
) -> Value:
    """All values, each times `scale`, combined from the left; the activation comes with the last draw."""
    result = values[0]
    for k, value in enumerate(values[1:], 2):
        last = k == len(values)
        result = draw_binary(
            b, op, result, value, scales=(1.0 if k > 2 else scale, scale), activation=activation if last else None
        )
    return result
