"""Writes a glnn Graph as an ONNX model, so that onnxruntime runs exactly the network that glnn draws.

Images are (N, C, H, W) in the ONNX model, also its inputs and outputs: onnxruntime then has nothing to transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from glnn.graph import Graph, Node
from glnn.layers.activation import Activation, ReLU, Softmax
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.core import Dense, Flatten, Identity
from glnn.layers.merging import Add
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from glnn.layers.recurrent import LSTM, Bidirectional
from glnn.layers.resizing import ZeroPadding2D
from glnn.primitives.functions import Function
from glnn.primitives.window import Margins, paddings

OPSET = 17
Shapes = Mapping[str, Sequence[int]]


def to_onnx(graph: Graph, input_shapes: Shapes) -> onnx.ModelProto:
    """The graph as an ONNX model for inputs of these shapes (batch first, channels last as glnn has them).

    Raises ValueError for a layer or option that this writer does not know.
    """
    return _Writer(graph, input_shapes).model()


def channels_first(x: np.ndarray) -> np.ndarray:
    """(N, H, W, C) -> (N, C, H, W), contiguous; other ranks as they are."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


class _Writer:
    def __init__(self, graph: Graph, input_shapes: Shapes):
        self.graph = graph
        self.shapes = {name: tuple(spec.shape) for name, spec in graph.specs(input_shapes).items()}
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def model(self) -> onnx.ModelProto:
        for node in self.graph.nodes:
            write = next((WRITERS[kind] for kind in type(node.layer).__mro__ if kind in WRITERS), None)
            if write is None:
                kind = type(node.layer).__name__
                raise ValueError(f"layer {node.name!r}: {kind} has no ONNX form here; add it to WRITERS")
            write(self, node, node.layer)
        ends = [self._info(spec.name) for spec in self.graph.inputs], [self._info(name) for name in self.graph.outputs]
        graph = helper.make_graph(self.nodes, self.graph.name or "graph", *ends, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        return model

    def op(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def function(self, x: str, output: str, function: Function) -> None:
        """The last op of a layer: the activation that turns tensor x into `output`."""
        constants = dict(function.constants)
        if function.name == "relu6":
            ends = [self.constant(f"{output}/{end}", np.float32(value)) for end, value in (("low", 0), ("high", 6))]
            self.op("Clip", [x, *ends], output)
        elif function.name in ACTIVATIONS:
            kind, names = ACTIVATIONS[function.name]
            attributes = {attribute: constants[name] for attribute, name in names.items()}
            if kind == "Softmax":
                attributes["axis"] = 1 if len(self.shapes[output]) == 4 else -1
            self.op(kind, [x], output, **attributes)
        else:
            raise ValueError(f"tensor {output!r}: {function.name!r} has no ONNX form here; add it to ACTIVATIONS")

    def _info(self, name: str) -> onnx.ValueInfoProto:
        shape = self.shapes[name]
        if len(shape) == 4:
            shape = (shape[0], shape[3], *shape[1:3])
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


# glnn's activation -> ONNX operator, and its attributes by the names of glnn's constants
ACTIVATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "linear": ("Identity", {}),
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": "negative_slope"}),
    "elu": ("Elu", {"alpha": "alpha"}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "softmax": ("Softmax", {}),
}


def _pads(margins: Margins) -> list[int]:
    (top, bottom), (left, right) = margins
    return [top, left, bottom, right]


def _convolution(w: _Writer, node: Node, layer: Any) -> None:
    out, weights = node.outputs[0], node.weights
    if isinstance(layer, DepthwiseConv2D):
        kernel, groups = weights["depthwise_kernel"], w.shapes[node.inputs[0]][3]
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    else:
        kernel, groups = weights["kernel"], layer.groups
    inputs = [node.inputs[0], w.constant(f"{out}/kernel", kernel.transpose(3, 2, 0, 1))]
    if "bias" in weights:
        inputs.append(w.constant(f"{out}/bias", weights["bias"]))
    sizes = w.shapes[node.inputs[0]][1:3]
    pads = _pads(paddings(layer.padding, sizes, layer.kernel_size, layer.strides, layer.dilation_rate))
    name = w.op("Conv", inputs, f"{out}/conv", group=groups, kernel_shape=list(layer.kernel_size),
                strides=list(layer.strides), dilations=list(layer.dilation_rate), pads=pads)  # fmt: skip
    w.function(name, out, layer.activation)


def _dense(w: _Writer, node: Node, layer: Any) -> None:
    out, x = node.outputs[0], node.inputs[0]
    if len(w.shapes[x]) == 4:
        raise ValueError(f"layer {node.name!r}: Dense on images has no ONNX form here")
    name = w.op("MatMul", [x, w.constant(f"{out}/kernel", node.weights["kernel"])], f"{out}/product")
    if "bias" in node.weights:
        name = w.op("Add", [name, w.constant(f"{out}/bias", node.weights["bias"])], f"{out}/sum")
    w.function(name, out, layer.activation)


def _pool(w: _Writer, node: Node, layer: Any) -> None:
    sizes, kind = w.shapes[node.inputs[0]][1:3], {MaxPooling2D: "MaxPool", AveragePooling2D: "AveragePool"}[type(layer)]
    pads = _pads(paddings(layer.padding, sizes, layer.pool_size, layer.strides))
    w.op(kind, node.inputs, node.outputs[0], kernel_shape=list(layer.pool_size), strides=list(layer.strides), pads=pads)


def _global_pool(w: _Writer, node: Node, layer: Any) -> None:
    out, kind = node.outputs[0], "GlobalAveragePool" if isinstance(layer, GlobalAveragePooling2D) else "GlobalMaxPool"
    if layer.keepdims:
        w.op(kind, node.inputs, out)
    else:
        w.op("Flatten", [w.op(kind, node.inputs, f"{out}/pool")], out)


def _pad(w: _Writer, node: Node, layer: Any) -> None:
    (top, bottom), (left, right) = layer.padding
    pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    w.op("Pad", [node.inputs[0], w.constant(f"{node.outputs[0]}/pads", pads)], node.outputs[0])


def _flatten(w: _Writer, node: Node, layer: Any) -> None:
    out, x = node.outputs[0], node.inputs[0]
    if len(w.shapes[x]) == 4 and layer.data_format == "channels_last":
        x = w.op("Transpose", [x], f"{out}/channels_last", perm=[0, 2, 3, 1])
    w.op("Flatten", [x], out)


def _add(w: _Writer, node: Node, layer: Any) -> None:
    if len({w.shapes[name] for name in node.inputs}) > 1:
        raise ValueError(f"layer {node.name!r}: Add of different shapes has no ONNX form here")
    w.op("Sum", node.inputs, node.outputs[0])


def _norm(w: _Writer, node: Node, layer: Any) -> None:
    """Which onnxruntime folds into the convolution before it, as glnn does."""
    shape, out = w.shapes[node.inputs[0]], node.outputs[0]
    if layer.where(shape) != len(shape) - 1:
        raise ValueError(f"layer {node.name!r}: BatchNormalization along axis {layer.axis} has no ONNX form here")
    size = shape[-1]
    usual = {"gamma": np.ones(size, np.float32), "beta": np.zeros(size, np.float32)}
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    given = [w.constant(f"{out}/{name}", {**usual, **node.weights}[name]) for name in names]
    w.op("BatchNormalization", [node.inputs[0], *given], out, epsilon=layer.epsilon)


def _bidirectional(w: _Writer, node: Node, layer: Any) -> None:
    """An LSTM in both directions, all steps of which come out: (N, T, C) is (T, N, C) in ONNX, its gates i, o, f, c."""
    one, out, units = layer.layer, node.outputs[0], layer.layer.units
    names = [one.activation.name, one.recurrent_activation.name]
    if not isinstance(one, LSTM) or not one.return_sequences or one.return_state or names != ["tanh", "sigmoid"]:
        raise ValueError(f"layer {node.name!r}: {layer!r} has no ONNX form here")

    def gates(name: str, order: Sequence[int]) -> np.ndarray:
        parts = [np.split(np.asarray(node.weights[f"{way}/{name}"]).T, 4) for way in ("forward", "backward")]
        return np.stack([np.concatenate([part[k] for k in order]) for part in parts])

    x = w.op("Transpose", [node.inputs[0]], f"{out}/steps", perm=[1, 0, 2])
    bias = gates("bias", (0, 3, 1, 2))
    stored = [
        gates("kernel", (0, 3, 1, 2)),
        gates("recurrent_kernel", (0, 3, 1, 2)),
        np.pad(bias, ((0, 0), (0, 4 * units))),
    ]
    given = [w.constant(f"{out}/{k}", array) for k, array in zip("WRB", stored, strict=True)]
    y = w.op("LSTM", [x, *given], f"{out}/both", hidden_size=units, direction="bidirectional")
    y = w.op("Transpose", [y], f"{out}/turned", perm=[2, 0, 1, 3])  # (T, 2, N, U) -> (N, T, 2, U)
    shape = np.array([*w.shapes[out][:2], 2 * units], np.int64)
    w.op("Reshape", [y, w.constant(f"{out}/shape", shape)], out)


def _identity(w: _Writer, node: Node, layer: Any) -> None:
    w.op("Identity", node.inputs, node.outputs[0])


def _activation(w: _Writer, node: Node, layer: Any) -> None:
    w.function(node.inputs[0], node.outputs[0], layer.function)


WRITERS: dict[type, Callable[[_Writer, Node, Any], None]] = {
    Bidirectional: _bidirectional,
    Conv2D: _convolution,
    DepthwiseConv2D: _convolution,
    Dense: _dense,
    MaxPooling2D: _pool,
    AveragePooling2D: _pool,
    GlobalAveragePooling2D: _global_pool,
    GlobalMaxPooling2D: _global_pool,
    ZeroPadding2D: _pad,
    Flatten: _flatten,
    Add: _add,
    BatchNormalization: _norm,
    Identity: _identity,
    Activation: _activation,
    ReLU: _activation,
    Softmax: _activation,
}
