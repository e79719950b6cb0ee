"""Whether a graph computes each sample of a batch by itself, so that a batch may be cut into pieces."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..graph.graph import Graph, TensorSpec
from ..graph.shapes import Dims, checked_axis
from ..primitives.concat import Concat
from ..primitives.conv import Conv
from ..primitives.conv_transpose import ConvTranspose
from ..primitives.cumulate import Cumulate
from ..primitives.expr import Expr, Index, constants, leaves
from ..primitives.heads import HeadMix, HeadScores
from ..primitives.index import Take
from ..primitives.loop import Repeat
from ..primitives.map import Copy, Map
from ..primitives.matmul import Matmul
from ..primitives.move import Along, Remap, Reshape
from ..primitives.order import TopK
from ..primitives.pool import Window
from ..primitives.reduce import Reduce, Softmax, Sparsemax, counted
from ..primitives.resample import Resample
from ..primitives.scatter import Scatter
from ..primitives.standardize import Standardize

Rule = Callable[[Any, Sequence[Dims], Sequence[Dims]], bool]  # primitive, shapes of inputs, of outputs


def apart(graph: Graph, specs: Mapping[str, TensorSpec] | None = None) -> bool:
    """Whether no node mixes the elements along the axis that is free, of which each tensor has one or none."""
    specs = graph.specs() if specs is None else specs
    for node in graph.nodes:
        shapes = [[specs[name].shape for name in names] for names in (node.inputs, node.outputs)]
        if any(None in shape for shape in shapes[0]) and not _apart(node.layer, *shapes):
            return False
    return True


def _apart(layer: Any, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    if any(shape.count(None) > 1 for shape in inputs) or any(shape.count(None) != 1 for shape in outputs):
        return False
    rule = RULES.get(type(layer))
    return rule is not None and rule(layer, inputs, outputs)


def _place(shape: Dims) -> int | None:
    return shape.index(None) if None in shape else None


def _elements(expr: Expr, inputs: Sequence[Dims], whole: Dims) -> bool:
    """Whether an expression that broadcasts to a shape does with each sample the same, and with itself alone."""
    if whole.count(None) != 1:
        return False
    back = whole.index(None) - len(whole)
    if any(isinstance(leaf, Index) and leaf.axis == back for leaf in leaves(expr)):
        return False
    for shape in (*inputs, *constants(expr).values()):
        place = _place(shape)
        if place is not None and place - len(shape) != back:
            return False
        if place is None and len(shape) >= -back and shape[back] != 1:
            return False
    return True


def _reduce(layer: Reduce, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    whole = layer.whole(*inputs)
    return _elements(layer.of, inputs, whole) and whole.index(None) not in counted(layer.axes, len(whole))


def _axes(layer: Any, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    return _place(inputs[0]) not in counted(layer.axes, len(inputs[0]))


def _axis(layer: Any, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    return all(_place(shape) not in (None, checked_axis(layer.axis, len(shape))) for shape in inputs)


def _before_last(layer: Any, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    return inputs[0][-1] is not None


def _first(layer: Any, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    return inputs[0][0] is None


def _conv(layer: Conv, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    return (_first if layer.kernel_size else _before_last)(layer, inputs, outputs)


def _matmul(layer: Matmul, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    a, b = inputs
    inner = a[-2 if layer.transpose_a and len(a) > 1 else -1], b[-1 if layer.transpose_b or len(b) == 1 else -2]
    return None not in inner


def _heads(layer: Any, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    return all(_place(shape) == 0 for shape in inputs)


def _reshape(layer: Reshape, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    (x,), (y,) = inputs, outputs
    p, q = x.index(None), y.index(None)
    pairs = (x[:p], y[:q]), (x[p + 1 :], y[q + 1 :])
    return all(math.prod(map(int, one)) == math.prod(map(int, other)) for one, other in pairs)  # type: ignore[arg-type]


def _remap(layer: Remap, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    place, at = inputs[0].index(None), outputs[0].index(None)
    return all((along.source == place) == (k == at) for k, along in enumerate(layer.axes)) and (
        layer.axes[at] == Along(place)
    )


def _take(layer: Take, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    table, places = layer.shapes(inputs)
    p, q = _place(table), _place(places)
    if layer.form == "nd":
        depth = layer.batch + int(places[-1] or 0)
        return p is not None and (p < layer.batch if q is not None else p >= depth) or (p is None and not layer.batch)
    axis = checked_axis(layer.axis, len(table))
    return (p == q != axis) if layer.form == "along" else p != axis


def _scatter(layer: Scatter, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    table, places, updates = layer.shapes(inputs)
    p, q = _place(table), _place(places)
    if p is None or _place(updates) is None:
        return False
    if layer.form == "nd":
        return q is None and p >= int(places[-1] or 0)
    return p != checked_axis(layer.axis, len(table)) and (q == p if layer.form == "along" else q is None)


def _repeat(layer: Repeat, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> bool:
    sliced = zip(inputs[layer.carried :], layer.sliced, strict=False)
    if any(_place(shape) == checked_axis(item.axis, len(shape)) for shape, item in sliced):
        return False
    return apart(layer.body, layer.body.specs(layer.seen(*inputs)))


RULES: dict[type, Rule] = {
    Map: lambda layer, inputs, outputs: _elements(layer.finish, inputs, outputs[0]),
    Copy: lambda layer, inputs, outputs: True,
    Reduce: _reduce, Softmax: _axes, Sparsemax: _before_last, Cumulate: _axis, TopK: _axis,
    Concat: _axis, Conv: _conv, ConvTranspose: _first, Window: _first, Resample: _first, Matmul: _matmul,
    Standardize: _axes, HeadScores: _heads, HeadMix: _heads,
    Reshape: _reshape, Remap: _remap, Take: _take, Scatter: _scatter, Repeat: _repeat,
}  # fmt: skip
