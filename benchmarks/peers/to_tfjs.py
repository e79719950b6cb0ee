"""Writes a network as a TensorFlow.js graph-model, with the fused operators that its own converter emits.

Batch normalisation is folded into the convolution before it, an activation into the operator before it, and an LSTM is
unrolled: the graph-model executor walks it without control flow.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from networks import Layer, Net

Attributes = dict[str, dict[str, Any]]
FLOAT, INT = {"type": "DT_FLOAT"}, {"type": "DT_INT32"}
FUSED = {"relu": "Relu", "relu6": "Relu6"}
ALONE = FUSED | {"tanh": "Tanh", "softmax": "Softmax", "sigmoid": "Sigmoid"}
CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D")


def write_tfjs(net: Net, folder: Path) -> None:
    """model.json and weights.bin of the network in a folder."""
    writer = _Writer(net)
    for layer in fused(net.layers):
        WRITERS[layer.kind](writer, layer)
    writer.write(folder)


def fused(layers: Sequence[Layer]) -> list[Layer]:
    """The layers with normalisations and activations in the convolutions whose output they alone read, margins too."""
    users = Counter(name for layer in layers for name in layer.inputs)
    made: dict[str, Layer] = {}
    renamed: dict[str, str] = {}
    for layer in layers:
        reads = tuple(renamed.get(name, name) for name in layer.inputs)
        before = made.get(reads[0])
        alone = before is not None and users[layer.inputs[0]] == 1
        layer = replace(layer, inputs=reads)
        if alone and layer.kind == "BatchNormalization" and before.kind in CONVOLUTIONS:
            merged = _folded(before, layer)
        elif (
            alone and layer.kind == "Activation" and before.kind in CONVOLUTIONS and layer.config["activation"] in FUSED
        ):
            merged = replace(before, config=before.config | {"activation": layer.config["activation"]})
        elif alone and layer.kind in CONVOLUTIONS and before.kind == "ZeroPadding2D":
            made.pop(before.name)
            made[layer.name] = replace(
                layer, inputs=before.inputs, config=layer.config | {"padding": before.config["padding"]}
            )
            continue
        else:
            made[layer.name] = layer
            continue
        made[before.name], renamed[layer.name] = merged, before.name
    return list(made.values())


def _folded(conv: Layer, norm: Layer) -> Layer:
    w = norm.weights
    scale = w["gamma"] / np.sqrt(w["moving_variance"] + norm.config["epsilon"])
    key = "kernel" if conv.kind == "Conv2D" else "depthwise_kernel"
    kernel = conv.weights[key] * (scale if conv.kind == "Conv2D" else scale[:, None])
    bias = conv.weights.get("bias", np.float32(0))
    return replace(conv, weights={key: kernel, "bias": w["beta"] + (bias - w["moving_mean"]) * scale})


def _text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _ints(values: Sequence[int]) -> dict[str, Any]:
    return {"list": {"i": [str(v) for v in values]}}


class _Writer:
    def __init__(self, net: Net):
        self.nodes: list[dict[str, Any]] = []
        self.weights: dict[str, np.ndarray] = {}
        self.shapes, self.shape = net.shapes, net.shape
        kind = INT if net.words else FLOAT
        dims = [{"size": str(d)} for d in (1, *net.shape)]
        self.op("Placeholder", [], "x", {"dtype": kind, "shape": {"shape": {"dim": dims}}})

    def op(self, kind: str, inputs: Sequence[str], name: str, attributes: Attributes | None = None) -> str:
        self.nodes.append({"name": name, "op": kind, "input": list(inputs), "attr": attributes or {"T": FLOAT}})
        return name

    def constant(self, name: str, values: Any) -> str:
        array = np.asarray(values)
        array = np.ascontiguousarray(array, np.int32 if array.dtype.kind == "i" else np.float32)
        if name not in self.weights:
            dtype = INT if array.dtype == np.int32 else FLOAT
            shape = {"dim": [{"size": str(d)} for d in array.shape]}
            self.weights[name] = array
            tensor = {"tensor": {"dtype": dtype["type"], "tensorShape": shape}}
            self.op("Const", [], name, {"dtype": dtype, "value": tensor})
        return name

    def fused(self, kind: str, inputs: Sequence[str], out: str, function: str, attributes: Attributes) -> str:
        """An operator with bias and activation in it; an activation that none has in it follows."""
        names = ["BiasAdd"] + ([FUSED[function]] if function in FUSED else [])
        more = {"fused_ops": {"list": {"s": [_text(n) for n in names]}}, "num_args": {"i": "1"}, "T": FLOAT}
        inside = function in FUSED or function == "linear"
        self.op(kind, inputs, out if inside else f"{out}/before", attributes | more | {"epsilon": {"f": 0.0}})
        return out if inside else self.function(f"{out}/before", function, out)

    def function(self, x: str, function: str, out: str) -> str:
        if function != "gelu":
            return self.op(ALONE[function], [x], out)
        part = self.op(
            "Erf", [self.op("Mul", [x, self.constant("gelu/root", 0.5**0.5)], f"{out}/scaled")], f"{out}/erf"
        )
        weight = self.op("AddV2", [part, self.constant("gelu/one", 1.0)], f"{out}/weight")
        half = self.op("Mul", [x, self.constant("gelu/half", 0.5)], f"{out}/half")
        return self.op("Mul", [half, weight], out)

    def matmul(self, x: str, kernel: Any, bias: Any, out: str, function: str = "linear") -> str:
        """A product of a matrix with a constant one, and a bias."""
        inputs = [x, self.constant(f"{out}/kernel", kernel), self.constant(f"{out}/bias", bias)]
        return self.fused(
            "_FusedMatMul", inputs, out, function, {"transpose_a": {"b": False}, "transpose_b": {"b": False}}
        )

    def reshape(self, x: str, shape: Sequence[int], out: str) -> str:
        return self.op("Reshape", [x, self.constant(f"{out}/shape", list(shape))], out)

    def transpose(self, x: str, order: Sequence[int], out: str) -> str:
        return self.op("Transpose", [x, self.constant(f"{out}/order", list(order))], out)

    def standardized(self, x: str, axes: Sequence[int], layer: Layer) -> str:
        """x less its mean, over its deviation, scaled and shifted, in the fewest operators."""
        out, over = layer.name, self.constant(f"{layer.name}/axes", list(axes))
        keep = {"keep_dims": {"b": True}, "T": FLOAT}
        mean = self.op("Mean", [x, over], f"{out}/mean", keep)
        variance = self.op(
            "Mean", [self.op("SquaredDifference", [x, mean], f"{out}/squares"), over], f"{out}/variance", keep
        )
        epsilon = self.constant(f"{out}/epsilon", layer.config["epsilon"])
        root = self.op("Rsqrt", [self.op("AddV2", [variance, epsilon], f"{out}/sum")], f"{out}/root")
        scale = self.op("Mul", [root, self.constant(f"{out}/gamma", layer.weights["gamma"])], f"{out}/scale")
        less = self.op("Mul", [mean, scale], f"{out}/less")
        shift = self.op("Sub", [self.constant(f"{out}/beta", layer.weights["beta"]), less], f"{out}/shift")
        return self.op("AddV2", [self.op("Mul", [x, scale], f"{out}/scaled"), shift], out)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.bin").write_bytes(b"".join(array.tobytes() for array in self.weights.values()))
        specs = [
            {"name": k, "shape": list(array.shape), "dtype": str(array.dtype)} for k, array in self.weights.items()
        ]
        model = {
            "format": "graph-model",
            "modelTopology": {"node": self.nodes, "versions": {"producer": 1087}},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": specs}],
        }
        (folder / "model.json").write_text(json.dumps(model))


def _convolution(w: _Writer, layer: Layer) -> None:
    depthwise, padding = layer.kind == "DepthwiseConv2D", layer.config["padding"]
    attributes = {
        "strides": _ints([1, *layer.config["strides"], 1]),
        "dilations": _ints([1, 1, 1, 1]),
        "data_format": {"s": _text("NHWC")},
        "padding": {"s": _text(padding.upper() if isinstance(padding, str) else "EXPLICIT")},
    }
    if not isinstance(padding, str):
        attributes["explicit_paddings"] = _ints([0, 0, *padding[0], *padding[1], 0, 0])
    kernel = layer.weights["depthwise_kernel" if depthwise else "kernel"]
    inputs = [*layer.inputs, w.constant(f"{layer.name}/kernel", kernel)]
    kind = ("DepthwiseConv2dNative" if depthwise else "Conv2D") if "bias" not in layer.weights else ""
    if kind:
        w.op(kind, inputs, layer.name, attributes | {"T": FLOAT})
    else:
        kind = "FusedDepthwiseConv2dNative" if depthwise else "_FusedConv2D"
        inputs.append(w.constant(f"{layer.name}/bias", layer.weights["bias"]))
        w.fused(kind, inputs, layer.name, layer.config["activation"], attributes)


def _transposed(w: _Writer, layer: Layer) -> None:
    shape = w.constant(f"{layer.name}/shape", [1, *layer.shape])
    attributes = {
        "strides": _ints([1, *layer.config["strides"], 1]), "padding": {"s": _text("SAME")}, "T": FLOAT,
        "data_format": {"s": _text("NHWC")}, "dilations": _ints([1, 1, 1, 1]),
    }  # fmt: skip
    kernel = w.constant(f"{layer.name}/kernel", layer.weights["kernel"])
    w.op("Conv2DBackpropInput", [shape, kernel, *layer.inputs], layer.name, attributes)


def _pool(w: _Writer, layer: Layer) -> None:
    attributes = {
        "ksize": _ints([1, *layer.config["pool_size"], 1]), "strides": _ints([1, *layer.config["strides"], 1]),
        "padding": {"s": _text("VALID")}, "T": FLOAT, "data_format": {"s": _text("NHWC")},
    }  # fmt: skip
    w.op("MaxPool", layer.inputs, layer.name, attributes)


def _pad(w: _Writer, layer: Layer) -> None:
    margins = w.constant(f"{layer.name}/margins", [[0, 0], *layer.config["padding"], [0, 0]])
    w.op("Pad", [*layer.inputs, margins], layer.name)


def _mean(w: _Writer, layer: Layer) -> None:
    axes = w.constant(f"{layer.name}/axes", [1, 2])
    w.op("Mean", [*layer.inputs, axes], layer.name, {"keep_dims": {"b": False}, "T": FLOAT})


def _dense(w: _Writer, layer: Layer) -> None:
    kernel, bias, [x] = layer.weights["kernel"], layer.weights["bias"], layer.inputs
    if len(layer.shape) == 1:
        w.matmul(x, kernel, bias, layer.name, layer.config["activation"])
        return
    rows = w.reshape(x, [-1, kernel.shape[0]], f"{layer.name}/rows")
    product = w.matmul(rows, kernel, bias, f"{layer.name}/product", layer.config["activation"])
    w.reshape(product, [1, *layer.shape], layer.name)


def _concatenate(w: _Writer, layer: Layer) -> None:
    axis = w.constant(f"{layer.name}/axis", -1)
    w.op("ConcatV2", [*layer.inputs, axis], layer.name, {"N": {"i": str(len(layer.inputs))}, "T": FLOAT})


def _embedding(w: _Writer, layer: Layer) -> None:
    table, axis = w.constant(f"{layer.name}/table", layer.weights["embeddings"]), w.constant(f"{layer.name}/axis", 0)
    w.op("GatherV2", [table, *layer.inputs, axis], layer.name, {"Tparams": FLOAT, "Tindices": INT, "Taxis": INT})


def _lstm(w: _Writer, layer: Layer) -> None:
    """Hochreiter and Schmidhuber 1997 with a forget gate; both products in one."""
    name, units, steps = layer.name, layer.config["units"], w.shape[0]
    kernel = np.concatenate([layer.weights["kernel"], layer.weights["recurrent_kernel"]])
    last, parts = w.constant(f"{name}/axis", 1), {"num_split": {"i": "4"}, "T": FLOAT}
    w.op("Unpack", layer.inputs, f"{name}/steps", {"axis": {"i": "1"}, "num": {"i": str(steps)}, "T": FLOAT})
    h = c = w.constant(f"{name}/zeros", np.zeros((1, units), np.float32))
    inputs = [w.constant(f"{name}/both", kernel), w.constant(f"{name}/bias", layer.weights["bias"])]
    for t in range(steps):
        at = f"{name}/{t}"
        x = w.op("ConcatV2", [f"{name}/steps:{t}", h, last], f"{at}/x", {"N": {"i": "2"}, "T": FLOAT})
        z = w.fused("_FusedMatMul", [x, *inputs], f"{at}/z", "linear",
                    {"transpose_a": {"b": False}, "transpose_b": {"b": False}})  # fmt: skip
        w.op("Split", [last, z], f"{at}/gates", parts)
        gate = [w.op("Sigmoid", [f"{at}/gates:{k}"], f"{at}/gate{k}") for k in (0, 1, 3)]
        new = w.op("Mul", [gate[0], w.op("Tanh", [f"{at}/gates:2"], f"{at}/new")], f"{at}/in")
        c = w.op("AddV2", [w.op("Mul", [gate[1], c], f"{at}/kept"), new], f"{at}/c")
        end = name if t == steps - 1 else f"{at}/h"
        h = w.op("Mul", [gate[2], w.op("Tanh", [c], f"{at}/out")], end)


def _attention(w: _Writer, layer: Layer) -> None:
    name, x, (tokens, width) = layer.name, layer.inputs[0], w.shape
    heads, size = layer.config["num_heads"], layer.config["key_dim"]
    flat = w.reshape(x, [tokens, width], f"{name}/flat")

    def part(of: str, which: str) -> str:
        kernel, bias = layer.weights[f"{which}/kernel"], layer.weights[f"{which}/bias"]
        rows = width if which != "attention_output" else heads * size
        return w.matmul(of, kernel.reshape(rows, -1), bias.reshape(-1), f"{name}/{which}")

    def split(which: str) -> str:
        shaped = w.reshape(part(flat, which), [1, tokens, heads, size], f"{name}/{which}/split")
        return w.transpose(shaped, [0, 2, 1, 3], f"{name}/{which}/heads")

    q, k, v = (split(which) for which in ("query", "key", "value"))
    turned = {"adj_x": {"b": False}, "adj_y": {"b": True}, "T": FLOAT}
    q = w.op("Mul", [q, w.constant(f"{name}/scale", size**-0.5)], f"{name}/scaled")
    shares = w.op("Softmax", [w.op("BatchMatMulV2", [q, k], f"{name}/scores", turned)], f"{name}/shares")
    mixed = w.op("BatchMatMulV2", [shares, v], f"{name}/mixed", turned | {"adj_y": {"b": False}})
    joined = w.reshape(w.transpose(mixed, [0, 2, 1, 3], f"{name}/back"), [tokens, heads * size], f"{name}/joined")
    w.reshape(part(joined, "attention_output"), [1, tokens, width], name)


def _activation(w: _Writer, layer: Layer) -> None:
    w.function(layer.inputs[0], layer.config["activation"], layer.name)


WRITERS: Mapping[str, Callable[[_Writer, Layer], None]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "MaxPooling2D": _pool,
    "ZeroPadding2D": _pad,
    "GlobalAveragePooling2D": _mean,
    "Flatten": lambda w, layer: w.reshape(layer.inputs[0], [1, -1], layer.name) and None,
    "Dense": _dense,
    "Concatenate": _concatenate,
    "Add": lambda w, layer: w.op("AddV2", layer.inputs, layer.name) and None,
    "Activation": _activation,
    "InstanceNormalization": lambda w, layer: w.standardized(layer.inputs[0], [1, 2], layer) and None,
    "LayerNormalization": lambda w, layer: w.standardized(layer.inputs[0], [-1], layer) and None,
    "Embedding": _embedding,
    "LSTM": _lstm,
    "MultiHeadAttention": _attention,
}
