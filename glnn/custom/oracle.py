"""What a kernel makes, without OpenGL: its reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..device.device import Device
from ..graph.graph import Graph, Node, TensorSpec
from ..primitives.expr import RESULT
from .engine import Engine, Ready

if TYPE_CHECKING:
    from .op import Drawn

_oracle: Device | None = None


def computed(op: Drawn, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a kernel makes, in NumPy and float64: the text that shaders run, as Python."""
    global _oracle
    if _oracle is None or _oracle.closed:
        _oracle = Device("numpy", precision="float64")
    names = [f"x{k}" for k in range(len(inputs))]
    node = Node("kernel", replace(op, finish=RESULT), tuple(names), ("y",), dict(weights))
    specs = tuple(TensorSpec(n, x.shape) for n, x in zip(names, inputs, strict=True))
    engine = Engine.of(_oracle)
    stored = [engine.upload(np.asarray(x), name) for name, x in zip(names, inputs, strict=True)]
    ready = Ready(engine, Graph("kernel", specs, (node,), ("y",)), stored)
    try:
        return ready.run(stored)[0].read()
    finally:
        ready.release()
