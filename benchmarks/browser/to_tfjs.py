"""Writes a glnn Graph as a TensorFlow.js graph model, with the fused operators that its own converter emits."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glnn.graph import Graph, Node
from glnn.primitives.conv import Conv
from glnn.primitives.expr import RESULT, Apply, In
from glnn.primitives.functions import LINEAR, Function
from glnn.primitives.reduce import Reduce, Softmax
from glnn.primitives.window import paddings

Shapes = Mapping[str, Sequence[int]]
Attributes = dict[str, dict[str, Any]]
FLOAT, INT = {"type": "DT_FLOAT"}, {"type": "DT_INT32"}
FUSED = {"relu": "Relu", "relu6": "Relu6", "elu": "Elu", "sigmoid": "Sigmoid"}


def write_tfjs(graph: Graph, input_shapes: Shapes, folder: Path) -> None:
    """model.json and weights.bin of the graph in a folder. Raises ValueError for a layer that this writer lacks."""
    _Writer(graph, input_shapes).write(folder)


def _text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _ints(values: Sequence[int]) -> dict[str, Any]:
    return {"list": {"i": [str(v) for v in values]}}


class _Writer:
    def __init__(self, graph: Graph, input_shapes: Shapes):
        self.shapes = {name: tuple(spec.shape) for name, spec in graph.specs(input_shapes).items()}
        self.nodes: list[dict[str, Any]] = []
        self.weights: list[tuple[str, np.ndarray]] = []
        for spec in graph.inputs:
            dims = [{"size": str(d)} for d in self.shapes[spec.name]]
            self.op("Placeholder", [], spec.name, {"dtype": FLOAT, "shape": {"shape": {"dim": dims}}})
        for node in graph.nodes:
            write = WRITERS.get(type(node.layer))
            if write is None:
                raise ValueError(f"layer {node.name!r}: {type(node.layer).__name__} has no TensorFlow.js form here")
            write(self, node, node.layer)

    def op(self, kind: str, inputs: Sequence[str], name: str, attributes: Attributes) -> str:
        self.nodes.append({"name": name, "op": kind, "input": list(inputs), "attr": attributes})
        return name

    def constant(self, name: str, array: np.ndarray) -> str:
        dtype = INT if array.dtype == np.int32 else FLOAT
        shape = {"dim": [{"size": str(d)} for d in array.shape]}
        self.weights.append((name, np.ascontiguousarray(array)))
        tensor = {"tensor": {"dtype": dtype["type"], "tensorShape": shape}}
        return self.op("Const", [], name, {"dtype": dtype, "value": tensor})

    def fused(self, kind: str, inputs: Sequence[str], out: str, function: Function, attributes: Attributes) -> None:
        """An operator with bias and activation in it."""
        names = ["BiasAdd"] + ([FUSED[function.name]] if function != LINEAR else [])
        more = {"fused_ops": {"list": {"s": [_text(n) for n in names]}}, "num_args": {"i": "1"}, "T": FLOAT}
        self.op(kind, inputs, out, attributes | more | {"epsilon": {"f": 0.0}})

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.bin").write_bytes(b"".join(array.tobytes() for _, array in self.weights))
        specs = [{"name": name, "shape": list(array.shape), "dtype": str(array.dtype)} for name, array in self.weights]
        model = {
            "format": "graph-model",
            "modelTopology": {"node": self.nodes, "versions": {"producer": 1087}},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": specs}],
        }
        (folder / "model.json").write_text(json.dumps(model))


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _end(node: Node) -> tuple[Function, bool]:
    """What a primitive computes at its end: a function, or a sum with its second input. Raises ValueError."""
    finish = node.layer.finish
    if finish == RESULT:
        return LINEAR, False
    if isinstance(finish, Apply) and finish.args == (RESULT,) and finish.function.name in FUSED:
        return finish.function, False
    if isinstance(finish, Apply) and finish.function.name == "add" and set(finish.args) == {RESULT, In(1)}:
        return LINEAR, True
    raise ValueError(f"layer {node.name!r}: what it ends in has no TensorFlow.js form here")


def _convolution(w: _Writer, node: Node, layer: Conv) -> None:
    out, x = node.outputs[0], node.inputs[0]
    function, residual = _end(node)
    bias = node.weights.get("bias", np.zeros(layer.filters, np.float32))
    branch = f"{out}/branch" if residual else out
    if not layer.kernel_size:
        inputs = [x, w.constant(f"{out}/kernel", node.weights["kernel"]), w.constant(f"{out}/bias", bias)]
        attributes: Attributes = {"transpose_a": {"b": False}, "transpose_b": {"b": False}}
        w.fused("_FusedMatMul", inputs, branch, function, attributes)
    else:
        depthwise = layer.groups > 1
        kernel = np.swapaxes(node.weights["kernel"], 2, 3) if depthwise else node.weights["kernel"]
        sizes = w.shapes[x][1:3]
        pads = paddings(layer.padding, sizes, layer.kernel_size, layer.strides, layer.dilation)
        attributes = {
            "strides": _ints([1, *layer.strides, 1]),
            "dilations": _ints([1, *layer.dilation, 1]),
            "data_format": {"s": _text("NHWC")},
        }
        if list(pads) == [_same(*of) for of in zip(sizes, layer.kernel_size, layer.strides, strict=True)]:
            attributes["padding"] = {"s": _text("SAME")}
        else:
            attributes["padding"] = {"s": _text("EXPLICIT")}
            attributes["explicit_paddings"] = _ints([0, 0, *pads[0], *pads[1], 0, 0])
        kind = "FusedDepthwiseConv2dNative" if depthwise else "_FusedConv2D"
        inputs = [x, w.constant(f"{out}/kernel", kernel), w.constant(f"{out}/bias", bias)]
        w.fused(kind, inputs, branch, function, attributes)
    if residual:
        w.op("AddV2", [branch, node.inputs[1]], out, {"T": FLOAT})


def _reduce(w: _Writer, node: Node, layer: Reduce) -> None:
    if layer.kind != "mean":
        raise ValueError(f"layer {node.name!r}: this reduction has no TensorFlow.js form here")
    axes = w.constant(f"{node.outputs[0]}/axes", np.array(layer.axes, np.int32))
    w.op("Mean", [node.inputs[0], axes], node.outputs[0], {"keep_dims": {"b": layer.keepdims}, "T": FLOAT})


def _softmax(w: _Writer, node: Node, layer: Softmax) -> None:
    w.op("Softmax", node.inputs, node.outputs[0], {"T": FLOAT})


WRITERS: dict[type, Callable[[_Writer, Node, Any], None]] = {Conv: _convolution, Reduce: _reduce, Softmax: _softmax}
