"""The networks that all contestants run: Keras layers with seeded weights, written as a TensorFlow.js layers-model.

glnn reads that file too; its graph becomes the ONNX file (to_onnx), the layers here become a graph-model with fused
operators (to_tfjs) and torch calls (torch_net). Needs NumPy alone.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

TOKENS, WORDS = 80, 20_000  # of the LSTM's input


@dataclass
class Layer:
    """A Keras layer: its class, name, config, what it reads, its output's shape, its weights by Keras' names."""

    kind: str
    name: str
    config: dict[str, Any]
    inputs: tuple[str, ...]
    shape: tuple[int, ...]  # without the batch
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)


class Net:
    """A network under construction; methods add a layer and return its name. `shape`: of an input without the batch."""

    def __init__(self, name: str, shape: Sequence[int], words: int = 0):
        self.name, self.shape, self.words = name, tuple(shape), words
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.layers: list[Layer] = []
        self.shapes = {"x": self.shape}

    def add(self, kind: str, inputs: Sequence[str], shape: Sequence[int] = (), weights: Any = (), **config: Any) -> str:
        """A layer by its class and config; shape: of its output, () for that of its first input."""
        name = f"{kind.lower()}_{len(self.layers)}"
        self.shapes[name] = tuple(shape or self.shapes[inputs[0]])
        self.layers.append(Layer(kind, name, config, tuple(inputs), self.shapes[name], dict(weights)))
        return name

    def random(self, *shape: int, scale: float = 0.1, mean: float = 0.0) -> np.ndarray:
        return (self.rng.standard_normal(shape) * scale + mean).astype(np.float32)

    def matrix(self, *shape: int, fan_in: int, gain: float = 2.0) -> np.ndarray:
        """He et al. 2015, eq. 10; gain 1 where no relu follows."""
        return self.random(*shape, scale=(gain / fan_in) ** 0.5)

    def conv(
        self, x: str, filters: int, size: int, stride: int = 1, act: str = "linear", norm: float = 0.0,
        bias: bool = True, padding: str = "same", kind: str = "Conv2D",
    ) -> str:  # fmt: skip
        """A convolution; with `norm`, the scale of gamma, batch normalisation and then the activation."""
        (*sizes, channels), gain = self.shapes[x], 1.0 if act == "linear" else 2.0
        options = {
            "kernel_size": [size] * 2,
            "strides": [stride] * 2,
            "padding": padding,
            "use_bias": bias and not norm,
        }
        if kind == "DepthwiseConv2D":
            weights = {"depthwise_kernel": self.matrix(size, size, channels, 1, fan_in=size * size, gain=gain)}
            filters = channels
        elif kind == "Conv2DTranspose":
            fan_in = size * size * channels // stride**2
            weights = {"kernel": self.matrix(size, size, filters, channels, fan_in=fan_in, gain=gain)}
        else:
            fan_in = size * size * channels
            weights = {"kernel": self.matrix(size, size, channels, filters, fan_in=fan_in, gain=gain)}
        options |= {} if kind == "DepthwiseConv2D" else {"filters": filters}
        if options["use_bias"]:
            weights["bias"] = self.random(filters)
        if kind == "Conv2DTranspose":
            sizes = [stride * n for n in sizes]
        else:
            sizes = [-(-(n if padding == "same" else n - size + 1) // stride) for n in sizes]
        shape = (*sizes, filters)
        name = self.add(kind, [x], shape, weights, activation="linear" if norm else act, **options)
        if not norm:
            return name
        name = self.add("BatchNormalization", [name], (), {
            "gamma": self.random(filters, mean=1.0) * np.float32(norm), "beta": self.random(filters),
            "moving_mean": self.random(filters), "moving_variance": abs(self.random(filters, mean=1.1)),
        }, axis=-1, epsilon=1e-3, center=True, scale=True)  # fmt: skip
        return name if act == "linear" else self.act(name, act)

    def act(self, x: str, function: str) -> str:
        return self.add("Activation", [x], activation=function)

    def pool(self, x: str, size: int, stride: int) -> str:
        h, w, c = self.shapes[x]
        shape = ((h - size) // stride + 1, (w - size) // stride + 1, c)
        return self.add("MaxPooling2D", [x], shape, pool_size=[size] * 2, strides=[stride] * 2, padding="valid")

    def pad(self, x: str, size: int) -> str:
        h, w, c = self.shapes[x]
        return self.add("ZeroPadding2D", [x], (h + 2 * size, w + 2 * size, c), padding=[[size] * 2] * 2)

    def mean(self, x: str) -> str:
        return self.add("GlobalAveragePooling2D", [x], self.shapes[x][-1:])

    def dense(self, x: str, units: int, act: str = "linear") -> str:
        *before, rows = self.shapes[x]
        kernel = self.matrix(rows, units, fan_in=rows, gain=2.0 if act == "relu" else 1.0)
        weights = {"kernel": kernel, "bias": self.random(units)}
        return self.add("Dense", [x], (*before, units), weights, units=units, activation=act, use_bias=True)

    def scaled(self, kind: str, inputs: Sequence[str], **config: Any) -> str:
        """A normalisation with gamma and beta along the last axis."""
        size = self.shapes[inputs[0]][-1]
        weights = {"gamma": self.random(size, mean=1.0), "beta": self.random(size)}
        return self.add(kind, inputs, (), weights, axis=-1, center=True, scale=True, **config)

    def sample(self) -> np.ndarray:
        """A seeded input, with the batch: float32; whole numbers as int32 where they are words."""
        rng = np.random.default_rng(7)
        if self.words:
            return rng.integers(0, self.words, (1, *self.shape)).astype(np.int32)
        return rng.uniform(-1, 1, (1, *self.shape)).astype(np.float32)

    def write(self, folder: Path) -> None:
        """model.json and weights.bin of a TensorFlow.js layers-model."""
        folder.mkdir(parents=True, exist_ok=True)
        first = {"batch_input_shape": [None, *self.shape], "dtype": "float32", "sparse": False, "name": "x"}
        layers = [{"class_name": "InputLayer", "name": "x", "config": first, "inbound_nodes": []}]
        for layer in self.layers:
            arguments: dict[str, Any] = {}
            inputs = layer.inputs
            if layer.kind == "MultiHeadAttention":  # its value is an argument of the call
                inputs, arguments = inputs[:1], {"value": [inputs[1], 0, 0]}
            layers.append({
                "class_name": layer.kind, "name": layer.name,
                "config": {"name": layer.name, "trainable": True, "dtype": "float32"} | layer.config,
                "inbound_nodes": [[[name, 0, 0, arguments] for name in inputs]],
            })  # fmt: skip
        config = {
            "name": self.name, "layers": layers, "input_layers": [["x", 0, 0]],
            "output_layers": [[self.layers[-1].name, 0, 0]],
        }  # fmt: skip
        arrays = {f"{layer.name}/{name}": array for layer in self.layers for name, array in layer.weights.items()}
        (folder / "weights.bin").write_bytes(b"".join(array.tobytes() for array in arrays.values()))
        weights = [{"name": name, "shape": array.shape, "dtype": "float32"} for name, array in arrays.items()]
        topology = {"keras_version": "2.15.0", "backend": "tensorflow"}
        model = {
            "format": "layers-model",
            "modelTopology": topology | {"model_config": {"class_name": "Model", "config": config}},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": weights}],
        }
        (folder / "model.json").write_text(json.dumps(model))


def mnist() -> Net:
    """Keras' example of a convolutional network for digits of 28 x 28."""
    n = Net("mnist", (28, 28, 1))
    x = n.conv(n.conv("x", 32, 3, act="relu", padding="valid"), 64, 3, act="relu", padding="valid")
    x = n.add("Flatten", [n.pool(x, 2, 2)], (12 * 12 * 64,))
    n.dense(n.dense(x, 128, "relu"), 10, "softmax")
    return n


def squeezenet() -> Net:
    """SqueezeNet 1.1 (Iandola et al. 2016) on 227 x 227."""
    n = Net("squeezenet", (227, 227, 3))

    def fire(x: str, squeeze: int, expand: int) -> str:
        x = n.conv(x, squeeze, 1, act="relu")
        sides = [n.conv(x, expand, size, act="relu") for size in (1, 3)]
        return n.add("Concatenate", sides, (*n.shapes[x][:2], 2 * expand), axis=-1)

    x = n.pool(n.conv("x", 64, 3, 2, act="relu", padding="valid"), 3, 2)
    x = n.pool(fire(fire(x, 16, 64), 16, 64), 3, 2)
    x = n.pool(fire(fire(x, 32, 128), 32, 128), 3, 2)
    x = fire(fire(fire(fire(x, 48, 192), 48, 192), 64, 256), 64, 256)
    x = n.conv(x, 1000, 1, act="relu")
    n.act(n.mean(x), "softmax")
    return n


def mobilenetv2() -> Net:
    """MobileNetV2 (Sandler et al. 2018) on 224 x 224."""
    n = Net("mobilenetv2", (224, 224, 3))
    x, channels = n.conv("x", 32, 3, 2, "relu6", 1.0), 32
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, filters, repeats, stride in stages:
        for k in range(repeats):
            y = n.conv(x, expansion * channels, 1, 1, "relu6", 1.0) if expansion > 1 else x
            y = n.conv(y, 0, 3, 1 if k else stride, "relu6", 1.0, kind="DepthwiseConv2D")
            y = n.conv(y, filters, 1, norm=0.5 if k else 1.0)
            x, channels = n.add("Add", [x, y]) if k else y, filters
    n.dense(n.mean(n.conv(x, 1280, 1, 1, "relu6", 1.0)), 1000, "softmax")
    return n


def resnet50() -> Net:
    """ResNet50 (He et al. 2015) on 224 x 224; strides in the first convolution of a block, as Keras has them."""
    n = Net("resnet50", (224, 224, 3))
    x = n.conv(n.pad("x", 3), 64, 7, 2, "relu", 1.0, padding="valid")
    x = n.pool(n.pad(x, 1), 3, 2)
    for filters, repeats, stride in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for k in range(repeats):
            step = 1 if k else stride
            y = n.conv(n.conv(x, filters, 1, step, "relu", 1.0), filters, 3, 1, "relu", 1.0)
            y = n.conv(y, 4 * filters, 1, norm=0.4)
            x = n.act(n.add("Add", [x if k else n.conv(x, 4 * filters, 1, step, norm=1.0), y]), "relu")
    n.dense(n.mean(x), 1000, "softmax")
    return n


def style() -> Net:
    """Fast style transfer (Johnson et al. 2016) with instance normalisation (Ulyanov et al. 2016) on 256 x 256."""
    n = Net("style", (256, 256, 3))

    def block(x: str, filters: int, size: int, stride: int = 1, act: str = "relu", kind: str = "Conv2D") -> str:
        x = n.conv(x, filters, size, stride, bias=False, kind=kind)
        x = n.scaled("InstanceNormalization", [x], epsilon=1e-5, groups=n.shapes[x][-1])
        return n.act(x, act) if act != "linear" else x

    x = block(block(block("x", 32, 9), 64, 3, 2), 128, 3, 2)
    for _ in range(5):
        x = n.add("Add", [x, block(block(x, 128, 3), 128, 3, act="linear")])
    x = block(block(x, 64, 3, 2, kind="Conv2DTranspose"), 32, 3, 2, kind="Conv2DTranspose")
    block(x, 3, 9, act="tanh")
    return n


def lstm() -> Net:
    """80 words, an LSTM of 128 units, one probability: Keras' example for reviews."""
    n, units = Net("lstm", (TOKENS,), words=WORDS), 128
    table = {"embeddings": n.random(WORDS, units, scale=0.5)}
    x = n.add("Embedding", ["x"], (TOKENS, units), table, input_dim=WORDS, output_dim=units, mask_zero=False)
    bias = n.random(4 * units)
    bias[units : 2 * units] += 1
    weights = {
        "kernel": n.matrix(units, 4 * units, fan_in=units, gain=1.0),
        "recurrent_kernel": n.matrix(units, 4 * units, fan_in=units, gain=1.0),
        "bias": bias,
    }
    options = {"return_sequences": False, "go_backwards": False, "stateful": False, "unroll": False}
    x = n.add("LSTM", [x], (units,), weights, units=units, activation="tanh", recurrent_activation="sigmoid",
              use_bias=True, unit_forget_bias=True, return_state=False, **options)  # fmt: skip
    n.dense(x, 1, "sigmoid")
    return n


def encoder() -> Net:
    """A layer of a transformer's encoder (Vaswani et al. 2017): 128 tokens of 256, 8 heads, 1024 within, gelu."""
    n, width, heads = Net("encoder", (128, 256)), 256, 8
    weights = {
        f"{part}/{name}": n.matrix(*shape, fan_in=width, gain=1.0) if name == "kernel" else n.random(*shape)
        for part, kernel, bias in [
            *((part, (width, heads, width // heads), (heads, width // heads)) for part in ("query", "key", "value")),
            ("attention_output", (heads, width // heads, width), (width,)),
        ]
        for name, shape in (("kernel", kernel), ("bias", bias))
    }
    y = n.add("MultiHeadAttention", ["x", "x"], (), weights, num_heads=heads, key_dim=width // heads, use_bias=True)
    x = n.scaled("LayerNormalization", [n.add("Add", ["x", y])], epsilon=1e-5)
    y = n.dense(n.dense(x, 4 * width, "gelu"), width)
    n.scaled("LayerNormalization", [n.add("Add", [x, y])], epsilon=1e-5)
    return n


NETWORKS: dict[str, Callable[[], Net]] = {
    made.__name__: made for made in (mnist, squeezenet, mobilenetv2, resnet50, style, lstm, encoder)
}
