"""A small network with its input and its answer, and Python processes that use it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import glnn
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense
from glnn.layers.pooling import GlobalAveragePooling2D

HERE = Path(__file__).parent.parent


def graph() -> Graph:
    """Two convolutions, a global pooling and a dense layer with softmax: (N, 16, 16, 3) -> (N, 5)."""
    rng = np.random.default_rng(1)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    first = Conv2D(filters=8, kernel_size=3, padding="same", activation="relu")
    second = Conv2D(filters=8, kernel_size=3, activation="tanh")
    return Graph(
        "small",
        (TensorSpec("x", (None, 16, 16, 3)),),
        (
            Node("a", first, ("x",), ("a",), {"kernel": draw(3, 3, 3, 8), "bias": draw(8)}),
            Node("b", second, ("a",), ("b",), {"kernel": draw(3, 3, 8, 8) * 0.1, "bias": draw(8)}),
            Node("c", GlobalAveragePooling2D(), ("b",), ("c",)),
            Node("d", Dense(units=5, activation="softmax"), ("c",), ("d",), {"kernel": draw(8, 5), "bias": draw(5)}),
        ),
        ("d",),
    )


def model(device: glnn.Device | None = None) -> glnn.Model:
    """The network on a device."""
    return glnn.Model(graph(), device)


X = np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype(np.float32)
Y: np.ndarray = model().reference(X)


def off(network: glnn.Model) -> float:
    """How far a prediction is from the answer."""
    return float(np.abs(network.predict(X, verbose=0) - Y).max())


def python(code: str, timeout: float = 120, **variables: str) -> str:
    """What a process of its own prints that runs this code; it may import this module. Fails where the process does."""
    path = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        capture_output=True, text=True, timeout=timeout, env={**os.environ, "PYTHONPATH": path, **variables},
    )  # fmt: skip
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout
