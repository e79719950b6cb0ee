"""Networks that put what they draw one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.seeds import seeded

from glnn.graph import Graph, Node, TensorSpec
from glnn.primitives.concat import Concat
from glnn.primitives.conv import Conv
from glnn.primitives.pool import Window

RNG = seeded(38)


def conv(name: str, reads: str, channels: int, filters: int, size: int = 1) -> Node:
    weights = {
        "kernel": RNG.normal(size=(size, size, channels, filters)).astype(np.float32) / channels,
        "bias": RNG.normal(size=filters).astype(np.float32),
    }
    return Node(name, Conv(filters, (size, size), (1, 1), (1, 1), "same"), (reads,), (name,), weights)


def network(
    filters: tuple[int, ...], batch: int = 1, axis: int = 3, between: bool = False, outputs: tuple[str, ...] = ("y",),
    **options: Any,
) -> Graph:  # fmt: skip
    """Convolutions of one image, and its largest neighbours, one after the other; another convolution reads them.

    between: whether one of them is read by something else as well
    """
    parts = [conv(f"c{k}", "x", 8, count, 1 + 2 * (k % 2)) for k, count in enumerate(filters)]
    pool = Node("m", Window("max", (3, 3), (1, 1), "same"), ("x",), ("m",))
    names = ("m", *(part.name for part in parts))
    whole = 8 + sum(filters) if axis == 3 else 8
    nodes = [pool, *parts, Node("j", Concat(axis), names, ("j",)), conv("y", "j", whole, 5)]
    if between:
        nodes.append(conv("z", "c0", filters[0], 4))
    return Graph("joined", (TensorSpec("x", (batch, 9, 11, 8)),), tuple(nodes), outputs, **options)
