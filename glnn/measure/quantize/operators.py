"""Weights in fewer bits for models whose graph depends on their inputs: the arrays of the file become codes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ... import quant
from ...errors import InputError, QuantizationError
from ...graph.graph import Graph, Node
from ...operators import as_graph
from ...primitives.map import Map
from ...run import staged
from ...run.inputs import whole_inputs
from ...run.session import Arrays, Session
from ...show.reports.quantized import OutputRow, QuantReport
from .compress import report
from .ranges import output_rows, powers, relative_rms, watched


def quantize(
    session: Session, graph: Graph, weights: Any, per_channel: bool, activations: Any, calibrate: Any, skip: Any
) -> tuple[Graph, QuantReport]:
    """The graph of a model with a staging in other codecs, and what became of its weights. See Model.quantize."""
    staging: Any = graph.staging
    fixed = "Fix its sizes first: model.fixed({name: shape}).quantize(...)"
    if activations is not None:
        raise InputError(f"activations={activations!r}: this model is drawn anew for each size of inputs. {fixed}")
    if weights == "auto":
        raise InputError(f'weights="auto": this model is drawn anew for each size of inputs. {fixed}')
    if not graph.nodes:
        raise QuantizationError(f"model {graph.name!r}: nothing is known of its layers before inputs come. {fixed}")
    arrays = dict(staging.model.body.arrays)
    roots = Roots(arrays)
    chosen = quant.choose(graph, weights, skip, quant.WEIGHT_CODECS, "weights")
    for node in graph.nodes:
        if node.name not in chosen:
            continue
        quant.check_weights(node)
        for array in node.weights.values():
            name = roots.of(array)
            if name is not None and array.ndim >= 2 and isinstance(arrays[name], np.ndarray):
                arrays[name] = encoded(node, name, arrays[name], array, chosen[node.name], per_channel)
    model = replace(staging.model, body=replace(staging.model.body, arrays=arrays))
    after = as_graph(model, staging.host)
    rows, samples, drifts = tuple[OutputRow, ...](), 0, dict[str, float]()
    if calibrate is not None:
        before = floats(session.run(calibrate, verbose=0))
        with session.on(after) as one:
            rows = drifted(before, floats(one.run(calibrate, verbose=0)))
        drifts = layer_drifts(session, staging, after.staging, calibrate)
        samples = max((len(array) for array in before.values() if array.ndim), default=1)
    return after, report(graph, after, drifts, rows, samples, None)


def drifted(expected: Arrays, got: Arrays) -> tuple[OutputRow, ...]:
    """Drift and agreement of outputs; a drift without end where values tell another size than before."""
    same = {name: array for name, array in expected.items() if name in got and got[name].shape == array.shape}
    rows = {row.name: row for row in output_rows(same, got)}
    return tuple(rows.get(name) or OutputRow(name, math.inf, None) for name in expected)


def layer_drifts(session: Session, before: Any, after: Any, x: Any) -> dict[str, float]:
    """The drift of tensors by name on inputs x, those of all stages; without those that came out in another size."""
    arrays = whole_inputs(x, before.inputs)
    expected, got = (every_tensor(session, staging, arrays) for staging in (before, after))
    same = [name for name in expected if name in got and expected[name].shape == got[name].shape]
    return relative_rms({name: powers(expected[name], got[name]) for name in same})


def every_tensor(session: Session, staging: Any, arrays: Arrays) -> Arrays:
    """What the layers of all stages make, by the names of tensors, on the session's device."""
    seen: Arrays = {}

    def draw(graph: Graph, given: Arrays) -> Arrays:
        whole, names = watched(graph)
        with session.on(whole) as one:
            made = one.whole(given)
        seen.update({tensor: made[name] for tensor, name in names.items()})
        return {name: seen[tensor] for name, tensor in zip(graph.output_names, graph.outputs, strict=True)}

    staged.run(staging, arrays, draw)
    return seen


def floats(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs that drift can be told of."""
    return {name: array for name, array in values.items() if array.dtype.kind == "f" and array.size}


def encoded(node: Node, name: str, root: np.ndarray, view: np.ndarray, codec: str, per_channel: bool) -> Any:
    """An array of the file in a codec, with one scale for each channel of the view that a node reads."""
    try:
        if codec == "float16":
            return quant.half(root)
        axes = [k for k in range(root.ndim) if (root.strides[k], root.shape[k]) == (view.strides[-1], view.shape[-1])]
        if per_channel and len(axes) == 1:
            made = quant.linear(root, codec, axes)
            if made.nbytes < root.nbytes:
                return made
        return quant.linear(root, codec)
    except QuantizationError as error:
        if isinstance(node.layer, Map):
            return root
        raise QuantizationError(f"layer {node.label!r}, weight {name!r}: {error}") from None


class Roots:
    """The arrays of a file by where they lie in memory."""

    def __init__(self, arrays: Mapping[str, Any]):
        self._ends = {
            name: bounds(array)
            for name, array in arrays.items()
            if isinstance(array, np.ndarray) and array.dtype in (np.float32, np.float16) and array.size
        }

    def of(self, view: Any) -> str | None:
        """The name of the array that this is a view of; None for one that was computed."""
        if not isinstance(view, np.ndarray) or not view.size:
            return None
        first, last = bounds(view)
        return next((name for name, (low, high) in self._ends.items() if low <= first and last <= high), None)


def bounds(array: np.ndarray) -> tuple[int, int]:
    """The first byte of an array and the one after its last."""
    start = array.__array_interface__["data"][0]
    steps = [(size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True)]
    return start + sum(s for s in steps if s < 0), start + sum(s for s in steps if s > 0) + array.itemsize
