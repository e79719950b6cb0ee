"""Runs a network with torch on the CPU: its layers as calls of torch.nn.functional, images channels first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from networks import Layer, Net
from to_tfjs import fused

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "gelu": F.gelu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: F.softmax(x, -1 if x.ndim == 2 else 1),
}


def predictor(net: Net) -> Callable[[np.ndarray], np.ndarray]:
    """A function of an input (batch first, channels last) that gives the network's output."""
    calls = [(layer, CALLS[layer.kind](layer)) for layer in fused(net.layers)]

    def predict(x: np.ndarray) -> np.ndarray:
        values = {"x": torch.from_numpy(channels_first(x))}
        with torch.inference_mode():
            for layer, call in calls:
                values[layer.name] = y = call(*(values[name] for name in layer.inputs))
        return (y.permute(0, 2, 3, 1) if y.ndim == 4 else y).numpy()

    return predict


def channels_first(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


def _array(layer: Layer, name: str, order: tuple[int, ...] = ()) -> Any:
    array = layer.weights.get(name)
    return (
        None
        if array is None
        else torch.from_numpy(np.ascontiguousarray(array.transpose(order or None) if order else array))
    )


def _convolution(layer: Layer) -> Callable[..., Any]:
    depthwise, transposed = layer.kind == "DepthwiseConv2D", layer.kind == "Conv2DTranspose"
    kernel = _array(layer, "depthwise_kernel" if depthwise else "kernel", (2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
    bias, act, (stride, _) = _array(layer, "bias"), ACTIVATIONS[layer.config["activation"]], layer.config["strides"]
    size, groups, padding = kernel.shape[2], kernel.shape[0] if depthwise else 1, layer.config["padding"]

    def call(x: Any) -> Any:
        if transposed:
            h, w, _ = layer.shape
            return act(F.conv_transpose2d(x, kernel, bias, stride)[:, :, :h, :w])
        if padding == "same":
            total = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[2:]]
            begin = [t // 2 for t in total]
            if any(t % 2 for t in total):  # one row more at the end: a copy
                x, begin = F.pad(x, [begin[1], total[1] - begin[1], begin[0], total[0] - begin[0]]), [0, 0]
        else:
            begin = [0, 0] if padding == "valid" else [padding[0][0], padding[1][0]]
        return act(F.conv2d(x, kernel, bias, stride, begin, groups=groups))

    return call


def _dense(layer: Layer) -> Callable[..., Any]:
    kernel, bias, act = _array(layer, "kernel", (1, 0)), _array(layer, "bias"), ACTIVATIONS[layer.config["activation"]]
    return lambda x: act(F.linear(x, kernel, bias))


def _norm(layer: Layer) -> Callable[..., Any]:
    gamma, beta, epsilon = _array(layer, "gamma"), _array(layer, "beta"), layer.config["epsilon"]
    if layer.kind == "InstanceNormalization":
        return lambda x: F.instance_norm(x, weight=gamma, bias=beta, eps=epsilon)
    return lambda x: F.layer_norm(x, gamma.shape, gamma, beta, epsilon)


def _pool(layer: Layer) -> Callable[..., Any]:
    size, stride = layer.config["pool_size"], layer.config["strides"]
    return lambda x: F.max_pool2d(x, size, stride)


def _pad(layer: Layer) -> Callable[..., Any]:
    (top, bottom), (left, right) = layer.config["padding"]
    return lambda x: F.pad(x, [left, right, top, bottom])


def _embedding(layer: Layer) -> Callable[..., Any]:
    table = _array(layer, "embeddings")
    return lambda x: F.embedding(x.long(), table)


def _lstm(layer: Layer) -> Callable[..., Any]:
    made = torch.nn.LSTM(layer.weights["kernel"].shape[0], layer.config["units"], batch_first=True)
    with torch.no_grad():  # Keras' gates i, f, c, o are torch's
        made.weight_ih_l0.copy_(_array(layer, "kernel", (1, 0)))
        made.weight_hh_l0.copy_(_array(layer, "recurrent_kernel", (1, 0)))
        made.bias_ih_l0.copy_(_array(layer, "bias"))
        made.bias_hh_l0.zero_()
    return lambda x: made(x)[0][:, -1]


def _attention(layer: Layer) -> Callable[..., Any]:
    heads, size = layer.config["num_heads"], layer.config["key_dim"]

    def matrix(name: str) -> tuple[Any, Any]:
        kernel, bias = layer.weights[f"{name}/kernel"], layer.weights[f"{name}/bias"]
        rows = heads * size if name == "attention_output" else kernel.shape[0]
        return torch.from_numpy(np.ascontiguousarray(kernel.reshape(rows, -1).T)), torch.from_numpy(bias.reshape(-1))

    parts, end = [matrix(name) for name in ("query", "key", "value")], matrix("attention_output")

    def call(x: Any, _: Any) -> Any:
        q, k, v = (F.linear(x, *of).unflatten(-1, (heads, size)).transpose(1, 2) for of in parts)
        return F.linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2), *end)

    return call


CALLS: dict[str, Callable[[Layer], Callable[..., Any]]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2D": _convolution,
    "Conv2DTranspose": _convolution,
    "MaxPooling2D": _pool,
    "ZeroPadding2D": _pad,
    "GlobalAveragePooling2D": lambda layer: lambda x: x.mean((2, 3)),
    "Flatten": lambda layer: lambda x: x.permute(0, 2, 3, 1).flatten(1),  # the order of channels last
    "Dense": _dense,
    "Concatenate": lambda layer: lambda *xs: torch.cat(xs, 1),
    "Add": lambda layer: lambda a, b: a + b,
    "Activation": lambda layer: ACTIVATIONS[layer.config["activation"]],
    "InstanceNormalization": _norm,
    "LayerNormalization": _norm,
    "Embedding": _embedding,
    "LSTM": _lstm,
    "MultiHeadAttention": _attention,
}
