"""What is timed: graphs of one layer, and Keras' MobileNetV2 and ResNet50 with seeded random weights."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from encoder import encoder_file

from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense, Flatten
from glnn.layers.pooling import MaxPooling2D
from glnn.layers.recurrent import LSTM, Bidirectional
from glnn.testing import layer_graph

SEED = 1
VERSION = 1  # goes up where the files would differ
NETWORKS = {"mobilenetv2": "MobileNetV2", "resnet50": "ResNet50"}
RESIDUAL_GAMMA = 0.2  # scale of a residual branch's last normalisation: keeps activations moderate over 16 blocks


def conv_graph(size: int = 56, channels: int = 64, filters: int = 64, kernel: int = 3) -> Graph:
    """One linear convolution, "same", on (1, size, size, channels)."""
    rng = np.random.default_rng(SEED)
    fan_in = kernel * kernel * channels
    weights = {
        "kernel": (rng.standard_normal((kernel, kernel, channels, filters)) / fan_in**0.5).astype(np.float32),
        "bias": rng.standard_normal(filters).astype(np.float32),
    }
    layer = Conv2D(filters, (kernel, kernel), padding="same")
    return layer_graph(layer, [(1, size, size, channels)], weights)


def matmul_graph(size: int = 1024) -> Graph:
    """A Dense layer without bias on (size, size): the product of two square matrices."""
    rng = np.random.default_rng(SEED)
    kernel = (rng.standard_normal((size, size)) / size**0.5).astype(np.float32)
    return layer_graph(Dense(size, use_bias=False), [(size, size)], {"kernel": kernel})


def digits_graph() -> Graph:
    """The CNN that Keras' MNIST example trains, on (1, 28, 28, 1): two convolutions, a pooling, two Dense layers."""
    rng, shape = np.random.default_rng(SEED), (1, 28, 28, 1)
    layers: tuple[Any, ...] = (
        Conv2D(32, 3, activation="relu"), Conv2D(64, 3, activation="relu"), MaxPooling2D(2), Flatten(),
        Dense(128, activation="relu"), Dense(10, activation="softmax"),
    )  # fmt: skip
    nodes: list[Node] = []
    for number, layer in enumerate(layers):
        read = nodes[-1].outputs[0] if nodes else "x"
        graph = Graph("digits", (TensorSpec("x", shape),), tuple(nodes), (read,))
        specs = layer.weight_specs(graph.specs()[read].shape)
        weights = {s.name: _weight(rng, s.name, s.shape, 1.0) for s in specs}
        nodes.append(Node(f"{type(layer).__name__}{number}", layer, (read,), (f"y{number}",), weights))
    return Graph("digits", (TensorSpec("x", shape),), tuple(nodes), (nodes[-1].outputs[0],))


def lstm_graph(units: int = 128, steps: int = 80, channels: int = 64, both: bool = True) -> Graph:
    """An LSTM on (1, steps, channels): in both directions giving every step, or in one giving the last."""
    rng, shape = np.random.default_rng(SEED), (1, steps, channels)
    layer = Bidirectional(LSTM(units, return_sequences=True)) if both else LSTM(units)
    weights = {
        spec.name: _weight(rng, spec.name, spec.shape, spec.shape[0] ** -0.5) for spec in layer.weight_specs(shape)
    }
    return layer_graph(layer, [shape], weights)


def encoder() -> Path:
    """The ONNX file of a layer of a transformer's encoder."""
    return encoder_file(cache_folder())


def sample(shape: tuple[int, ...]) -> np.ndarray:
    """A seeded input, float32 from the normal distribution."""
    return np.random.default_rng(SEED + 1).standard_normal(shape).astype(np.float32)


def cache_folder() -> Path:
    """Where models are kept between runs: a folder of this user's under the system's temporary folder."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"glnn-bench-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def network_file(name: str) -> Path:
    """The HDF5 file of "mobilenetv2" or "resnet50" (224 x 224 x 3, softmax over 1000), made by Keras if missing."""
    path = cache_folder() / f"{name}-v{VERSION}.h5"
    if not path.exists():
        print(f"making {path} with Keras (once) ...", file=sys.stderr)
        model = _network(name)
        partial = path.with_name(f"{os.getpid()}-{path.name}")
        model.save(partial)
        partial.replace(path)
    return path


def _network(name: str) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import keras

    build: Callable[..., Any] = getattr(keras.applications, NETWORKS[name])
    model = build(weights=None)
    rng = np.random.default_rng(SEED)
    sums = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)]
    before_sums = {id(_producer(tensor)) for layer in sums for tensor in layer.input}
    for layer in model.layers:
        scale = RESIDUAL_GAMMA if id(layer) in before_sums else 1.0
        layer.set_weights([_weight(rng, w.name, w.shape, scale) for w in layer.weights])
    return model


def _producer(tensor: Any) -> Any:
    return tensor._keras_history.operation


def _weight(rng: np.random.Generator, name: str, shape: tuple[int, ...], scale: float) -> np.ndarray:
    """Random weights that keep activations of order one through relu (He et al. 2015, eq. 10)."""
    if name in ("gamma", "moving_variance"):
        values = rng.uniform(0.75, 1.25, shape) * (scale if name == "gamma" else 1)
    elif name in ("beta", "moving_mean", "bias"):
        values = rng.normal(0, 0.1, shape)
    elif len(shape) == 4:
        fan_in = shape[0] * shape[1] * (1 if name == "depthwise_kernel" else shape[2])
        values = rng.normal(0, (2 / fan_in) ** 0.5, shape)
    else:
        values = rng.normal(0, (1 / shape[0]) ** 0.5, shape)
    return values.astype(np.float32)
