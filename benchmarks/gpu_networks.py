"""Networks said once, for glnn and for torch: calls in order with their weights, batch normalisation folded already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glnn.graph.graph import Graph, Node, TensorSpec, validate
from glnn.layers.activation import Activation
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.core import Dense
from glnn.layers.merging import Add
from glnn.layers.multi_head_attention import MultiHeadAttention
from glnn.layers.normalization import GroupNormalization, LayerNormalization
from glnn.layers.pooling import GlobalAveragePooling2D, MaxPooling2D
from glnn.layers.resizing import UpSampling2D

Array = np.ndarray
EPSILON = 1e-3


class Network:
    """Calls in order: (operation, number of the result, numbers of what it reads, options, weights). Images are NHWC.

    A tensor is a number; `channels` has how many channels each has. `shape`: of one sample.
    """

    def __init__(self, name: str, shape: tuple[int, ...], seed: int = 1):
        self.name, self.shape = name, shape
        self.calls: list[tuple[str, int, tuple[int, ...], dict[str, Any], dict[str, Array]]] = []
        self.channels = [shape[-1]]
        self._rng = np.random.default_rng(seed)

    def _call(self, op: str, reads: tuple[int, ...], channels: int, weights: dict[str, Array], **options: Any) -> int:
        self.channels.append(channels)
        self.calls.append((op, len(self.channels) - 1, reads, options, weights))
        return len(self.channels) - 1

    def _normal(self, *shape: int, scale: float) -> Array:
        return (self._rng.standard_normal(shape) * scale).astype(np.float32)

    def conv(
        self, x: int, filters: int, kernel: int = 1, stride: int = 1, act: str = "linear", gain: float = 1.0
    ) -> int:
        """A convolution with half the kernel's width of zeros around."""
        channels = self.channels[x]
        weights = {
            "kernel": self._normal(kernel, kernel, channels, filters, scale=gain * (2 / (kernel**2 * channels)) ** 0.5),
            "bias": self._normal(filters, scale=0.1),
        }
        return self._call("conv", (x,), filters, weights, filters=filters, kernel=kernel, stride=stride, act=act)

    def depthwise(self, x: int, kernel: int = 3, stride: int = 1, act: str = "relu6") -> int:
        """A convolution of each channel with its own kernel."""
        channels = self.channels[x]
        weights = {
            "depthwise_kernel": self._normal(kernel, kernel, channels, 1, scale=(2 / kernel**2) ** 0.5),
            "bias": self._normal(channels, scale=0.1),
        }
        return self._call("depthwise", (x,), channels, weights, kernel=kernel, stride=stride, act=act)

    def dense(self, x: int, units: int, act: str = "linear") -> int:
        """A matrix for each vector of channels."""
        channels = self.channels[x]
        weights = {
            "kernel": self._normal(channels, units, scale=channels**-0.5), "bias": self._normal(units, scale=0.1)
        }  # fmt: skip
        return self._call("dense", (x,), units, weights, units=units, act=act)

    def norm(self, x: int, kind: str) -> int:
        """Normalisation over each image's pixels ("instance") or each vector ("layer")."""
        channels = self.channels[x]
        weights = {
            "gamma": 1 + self._normal(channels, scale=0.1), "beta": self._normal(channels, scale=0.1)
        }  # fmt: skip
        return self._call(kind, (x,), channels, weights)

    def attention(self, x: int, heads: int) -> int:
        """Attention of a sequence to itself."""
        width = self.channels[x]
        size, weights = width // heads, dict[str, Array]()
        for name in ("query", "key", "value"):
            weights[f"{name}/kernel"] = self._normal(width, heads, size, scale=width**-0.5)
            weights[f"{name}/bias"] = self._normal(heads, size, scale=0.1)
        weights["attention_output/kernel"] = self._normal(heads, size, width, scale=width**-0.5)
        weights["attention_output/bias"] = self._normal(width, scale=0.1)
        return self._call("attention", (x, x), width, weights, heads=heads)

    def plain(self, op: str, *reads: int) -> int:
        """An operation without weights: add, mean, maxpool, upsample, relu, tanh."""
        return self._call(op, reads, self.channels[reads[0]], {})

    def graph(self) -> Graph:
        """The network as a graph of glnn's layers."""
        nodes = [
            Node(f"{op}_{number}", _layer(op, self, reads, options), tuple(f"t{k}" for k in reads), (f"t{number}",), w)
            for op, number, reads, options, w in self.calls
        ]
        spec = TensorSpec("t0", (None, *self.shape))
        return validate(Graph(self.name, (spec,), tuple(nodes), (f"t{len(self.channels) - 1}",)))


def _layer(op: str, net: Network, reads: tuple[int, ...], options: dict[str, Any]) -> Any:
    if op in ("conv", "depthwise"):
        size, stride, act = options["kernel"], options["stride"], options["act"]
        steps: Any = dict(strides=(stride, stride), padding=((size // 2,) * 2,) * 2, activation=act)
        if op == "depthwise":
            return DepthwiseConv2D((size, size), **steps)
        return Conv2D(options["filters"], (size, size), **steps)
    makers: dict[str, Callable[[], Any]] = {
        "dense": lambda: Dense(options["units"], activation=options["act"]),
        "instance": lambda: GroupNormalization(net.channels[reads[0]], epsilon=EPSILON),
        "layer": lambda: LayerNormalization(epsilon=EPSILON),
        "attention": lambda: MultiHeadAttention(options["heads"], net.channels[reads[0]] // options["heads"]),
        "add": Add, "mean": GlobalAveragePooling2D, "upsample": UpSampling2D,
        "maxpool": lambda: MaxPooling2D((3, 3), (2, 2), ((1, 1), (1, 1))),
        "relu": lambda: Activation("relu"), "tanh": lambda: Activation("tanh"),
    }  # fmt: skip
    return makers[op]()


def resnet50() -> Network:
    """ResNet50 (He et al. 2015) on 224 x 224 x 3: the stride in the 3 x 3 convolution, as torchvision has it."""
    net = Network("resnet50", (224, 224, 3))
    x = net.plain("maxpool", net.conv(0, 64, 7, 2, "relu"))
    for width, blocks, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            stride = first if block == 0 else 1
            y = net.conv(net.conv(x, width, act="relu"), width, 3, stride, "relu")
            y = net.conv(y, 4 * width, gain=0.2)
            x = net.conv(x, 4 * width, 1, stride) if block == 0 else x
            x = net.plain("relu", net.plain("add", y, x))
    net.dense(net.plain("mean", x), 1000)
    return net


def mobilenetv2() -> Network:
    """MobileNetV2 (Sandler et al. 2018) on 224 x 224 x 3."""
    net = Network("mobilenetv2", (224, 224, 3))
    x = net.conv(0, 32, 3, 2, "relu6")
    for expand, filters, count, first in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    ):  # fmt: skip
        for block in range(count):
            y = net.conv(x, expand * net.channels[x], act="relu6") if expand > 1 else x
            y = net.conv(net.depthwise(y, 3, first if block == 0 else 1), filters, gain=0.5)
            x = net.plain("add", y, x) if block else y
    net.dense(net.plain("mean", net.conv(x, 1280, act="relu6")), 1000)
    return net


def style() -> Network:
    """Fast style transfer (Johnson et al. 2016) on 256 x 256 x 3, with instance normalisation and enlarging by 2."""
    net = Network("style", (256, 256, 3))

    def block(x: int, filters: int, kernel: int, stride: int = 1, act: bool = True) -> int:
        y = net.norm(net.conv(x, filters, kernel, stride), "instance")
        return net.plain("relu", y) if act else y

    x = block(block(block(0, 32, 9), 64, 3, 2), 128, 3, 2)
    for _ in range(5):
        x = net.plain("add", block(block(x, 128, 3), 128, 3, act=False), x)
    for filters in (64, 32):
        x = block(net.plain("upsample", x), filters, 3)
    net.plain("tanh", net.conv(x, 3, 9))
    return net


def encoder() -> Network:
    """Eight layers of a transformer's encoder like BERT's (Devlin et al. 2018): 128 tokens, 512 wide, 8 heads."""
    net, x = Network("encoder", (128, 512)), 0
    for _ in range(8):
        x = net.norm(net.plain("add", net.attention(x, 8), x), "layer")
        x = net.norm(net.plain("add", net.dense(net.dense(x, 2048, "gelu"), 512), x), "layer")
    return net


NETWORKS = {"resnet50": resnet50, "mobilenetv2": mobilenetv2, "style": style, "encoder": encoder}
