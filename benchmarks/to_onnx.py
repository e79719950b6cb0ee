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
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D
from glnn.layers.core import Dense, Flatten, Identity
from glnn.layers.embedding import Embedding
from glnn.layers.merging import Add, Concatenate
from glnn.layers.multi_head_attention import MultiHeadAttention
from glnn.layers.normalization import BatchNormalization, InstanceNormalization, LayerNormalization
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
        elif function.name == "gelu" and not constants.get("approximate"):  # Hendrycks and Gimpel 2016, eq. 2
            root, one, half = (self.constant(f"{output}/{v}", np.float32(v)) for v in (2**0.5, 1, 0.5))
            part = self.op("Erf", [self.op("Div", [x, root], f"{output}/scaled")], f"{output}/erf")
            weight = self.op("Mul", [x, self.op("Add", [part, one], f"{output}/share")], f"{output}/twice")
            self.op("Mul", [weight, half], output)
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


def _transposed(w: _Writer, node: Node, layer: Any) -> None:
    out, kernel, steps = node.outputs[0], node.weights["kernel"], layer.strides
    inputs = [node.inputs[0], w.constant(f"{out}/kernel", kernel.transpose(3, 2, 0, 1))]
    if "bias" in node.weights:
        inputs.append(w.constant(f"{out}/bias", node.weights["bias"]))
    sides = [max(k - s, 0) for k, s in zip(layer.kernel_size, steps, strict=True)]  # cut off what is too much, as Keras
    if layer.padding != "same" or layer.groups > 1 or any(rate > 1 for rate in layer.dilation_rate):
        raise ValueError(f"layer {node.name!r}: {layer!r} has no ONNX form here")
    pads = [side // 2 for side in sides] + [side - side // 2 for side in sides]
    more = [max(s - k, 0) for k, s in zip(layer.kernel_size, steps, strict=True)]
    name = w.op("ConvTranspose", inputs, f"{out}/conv", kernel_shape=list(layer.kernel_size), strides=list(steps),
                pads=pads, output_padding=more)  # fmt: skip
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
    if layer.axes(shape) != (len(shape) - 1,):
        raise ValueError(f"layer {node.name!r}: BatchNormalization along axis {layer.axis} has no ONNX form here")
    size = shape[-1]
    usual = {"gamma": np.ones(size, np.float32), "beta": np.zeros(size, np.float32)}
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    given = [w.constant(f"{out}/{name}", {**usual, **node.weights}[name]) for name in names]
    w.op("BatchNormalization", [node.inputs[0], *given], out, epsilon=layer.epsilon)


def _instance_norm(w: _Writer, node: Node, layer: Any) -> None:
    out, channels = node.outputs[0], w.shapes[node.inputs[0]][-1]
    if layer.groups != channels or len(w.shapes[out]) != 4:
        raise ValueError(f"layer {node.name!r}: {layer!r} has no ONNX form here")
    given = [w.constant(f"{out}/{name}", node.weights[name]) for name in ("gamma", "beta")]
    w.op("InstanceNormalization", [node.inputs[0], *given], out, epsilon=layer.epsilon)


def _layer_norm(w: _Writer, node: Node, layer: Any) -> None:
    out = node.outputs[0]
    given = [w.constant(f"{out}/{name}", node.weights[name]) for name in ("gamma", "beta")]
    w.op("LayerNormalization", [node.inputs[0], *given], out, axis=-1, epsilon=layer.epsilon)


def _attention(w: _Writer, node: Node, layer: Any) -> None:
    """Self attention of (N, T, C), as exporters write it."""
    out, x, heads = node.outputs[0], node.inputs[0], layer.num_heads
    if set(node.inputs) != {x} or len(w.shapes[x]) != 3:
        raise ValueError(f"layer {node.name!r}: only attention of a sequence to itself has an ONNX form here")
    split = w.constant(f"{out}/split", np.array([0, 0, heads, layer.key_dim], np.int64))

    def dense(of: str, part: str, rows: int) -> str:
        kernel, bias = (np.asarray(node.weights[f"{part}/{name}"]) for name in ("kernel", "bias"))
        product = w.op("MatMul", [of, w.constant(f"{out}/{part}/w", kernel.reshape(rows, -1))], f"{out}/{part}/product")
        return w.op("Add", [product, w.constant(f"{out}/{part}/b", bias.reshape(-1))], f"{out}/{part}")

    def parts(part: str, order: Sequence[int]) -> str:
        name = w.op("Reshape", [dense(x, part, w.shapes[x][-1]), split], f"{out}/{part}/split")
        return w.op("Transpose", [name], f"{out}/{part}/heads", perm=order)

    q, k, v = parts("query", [0, 2, 1, 3]), parts("key", [0, 2, 3, 1]), parts("value", [0, 2, 1, 3])
    root = w.constant(f"{out}/root", np.float32(layer.key_dim**-0.5))
    scores = w.op("Mul", [w.op("MatMul", [q, k], f"{out}/products"), root], f"{out}/scores")
    mixed = w.op("MatMul", [w.op("Softmax", [scores], f"{out}/shares", axis=-1), v], f"{out}/mixed")
    turned = w.op("Transpose", [mixed], f"{out}/turned", perm=[0, 2, 1, 3])
    whole = w.constant(f"{out}/whole", np.array([0, 0, heads * layer.key_dim], np.int64))
    joined = w.op("Reshape", [turned, whole], f"{out}/joined")
    w.op("Identity", [dense(joined, "attention_output", heads * layer.key_dim)], out)


def _embedding(w: _Writer, node: Node, layer: Any) -> None:
    out = node.outputs[0]
    ids = w.op("Cast", node.inputs, f"{out}/ids", to=TensorProto.INT64)
    w.op("Gather", [w.constant(f"{out}/table", node.weights["embeddings"]), ids], out, axis=0)


def _concatenate(w: _Writer, node: Node, layer: Any) -> None:
    rank = len(w.shapes[node.outputs[0]])
    axis = layer.axis % rank
    w.op("Concat", node.inputs, node.outputs[0], axis=axis if rank != 4 else (0, 2, 3, 1)[axis])


def _lstm(w: _Writer, node: Node, layer: Any) -> None:
    """An LSTM in both directions, all steps of which come out, or in one, its last step alone.

    (N, T, C) is (T, N, C) in ONNX, its gates i, o, f, c.
    """
    steps = isinstance(layer, Bidirectional)
    one, ways = (layer.layer, ("forward/", "backward/")) if steps else (layer, ("",))
    out, units, names = node.outputs[0], one.units, [one.activation.name, one.recurrent_activation.name]
    usual = isinstance(one, LSTM) and names == ["tanh", "sigmoid"]
    if not usual or one.return_sequences != steps or one.return_state:
        raise ValueError(f"layer {node.name!r}: {layer!r} has no ONNX form here")

    def gates(name: str, order: Sequence[int]) -> np.ndarray:
        parts = [np.split(np.asarray(node.weights[f"{way}{name}"]).T, 4) for way in ways]
        return np.stack([np.concatenate([part[k] for k in order]) for part in parts])

    x = w.op("Transpose", [node.inputs[0]], f"{out}/steps", perm=[1, 0, 2])
    order = (0, 3, 1, 2)
    stored = [
        gates("kernel", order),
        gates("recurrent_kernel", order),
        np.pad(gates("bias", order), ((0, 0), (0, 4 * units))),
    ]
    given = [w.constant(f"{out}/{k}", array) for k, array in zip("WRB", stored, strict=True)]
    direction = "bidirectional" if steps else "forward"
    y = w.op("LSTM", [x, *given], f"{out}/both", hidden_size=units, direction=direction)
    if steps:  # (T, 2, N, U) -> (N, T, 2, U)
        y = w.op("Transpose", [y], f"{out}/turned", perm=[2, 0, 1, 3])
        shape = [*w.shapes[out][:2], 2 * units]
    else:
        y = w.op("Gather", [y, w.constant(f"{out}/last", np.array(-1, np.int64))], f"{out}/end", axis=0)
        shape = list(w.shapes[out])
    w.op("Reshape", [y, w.constant(f"{out}/shape", np.array(shape, np.int64))], out)


def _identity(w: _Writer, node: Node, layer: Any) -> None:
    w.op("Identity", node.inputs, node.outputs[0])


def _activation(w: _Writer, node: Node, layer: Any) -> None:
    w.function(node.inputs[0], node.outputs[0], layer.function)


WRITERS: dict[type, Callable[[_Writer, Node, Any], None]] = {
    Bidirectional: _lstm,
    LSTM: _lstm,
    Conv2DTranspose: _transposed,
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
    Concatenate: _concatenate,
    Embedding: _embedding,
    MultiHeadAttention: _attention,
    InstanceNormalization: _instance_norm,
    LayerNormalization: _layer_norm,
    BatchNormalization: _norm,
    Identity: _identity,
    Activation: _activation,
    ReLU: _activation,
    Softmax: _activation,
}
