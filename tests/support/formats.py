"""Graphs to save in glnn's own format, what is equal, and files taken apart."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.seeds import seeded

from glnn.formats import load
from glnn.graph import ActivationCodec, Graph, Node, TensorSpec, validate
from glnn.graph.quantized import BITS, CODE_DTYPES, Quantized, shrunk
from glnn.layers.activation import ReLU
from glnn.layers.core import Dense
from glnn.layers.merging import Add
from glnn.primitives.functions import FUNCTIONS

RNG = seeded(11)


# ---- graphs to save


def quantized(array: Any, codec: str, channel: int | None = -1) -> Quantized:
    """Weights as codes, each channel of one axis (None: all together) spread over all codes of the codec."""
    values = np.asarray(array, np.float64)
    axes = tuple(axis for axis in range(values.ndim) if channel is None or axis != channel % values.ndim)
    low = values.min(axes, keepdims=True)
    scale = (values.max(axes, keepdims=True) - low) / (2 ** BITS[codec] - 1)
    codes = np.rint((values - low) / np.where(scale > 0, scale, 1)).astype(CODE_DTYPES[codec])
    return Quantized.make(codec, codes, scale, low)


def converted(graph: Graph, change: Callable[[np.ndarray], Any], rank: int = 2) -> Graph:
    """A graph whose weights of at least `rank` axes are changed; shared weights stay shared."""
    made: dict[int, Any] = {}
    for node in graph.nodes:
        for array in node.weights.values():
            if array.ndim >= rank and id(array) not in made:
                made[id(array)] = change(array)
    return graph.with_(
        nodes=tuple(
            node.with_(weights={name: made.get(id(a), a) for name, a in node.weights.items()}) for node in graph.nodes
        )
    )


def small() -> Graph:
    """Every storage of weights, a shared layer, two inputs and outputs, free sizes, sources, activations' codecs."""

    def dense(name: str, inputs: int, units: int, store: Callable[[np.ndarray], Any], reads: str, **more: Any) -> Node:
        kernel = RNG.normal(size=(inputs, units)).astype(np.float32)
        weights = {"kernel": store(kernel), "bias": RNG.normal(size=units).astype(np.float32)}
        return Node(name, Dense(units, **more), (reads,), (name,), weights)

    first = dense("first", 5, 3, lambda a: quantized(a, "uint4"), "left", activation="relu")
    nodes = (
        first,
        first.with_(name="first again", inputs=("right",), outputs=("again:0",), label="inner/first"),
        Node("sum", Add(), ("first", "again:0"), ("sum",), label="sum"),
        dense("second", 3, 7, lambda a: quantized(a, "uint8", None), "sum"),
        dense("third", 7, 4, lambda a: quantized(a, "uint16"), "second"),
        dense("fourth", 4, 2, lambda a: a.astype(np.float16), "third"),
        dense('füńfter ❤ "q"', 2, 2, lambda a: a, "fourth", activation=FUNCTIONS["leaky_relu"]),
        Node("capped", ReLU(max_value=math.inf), ('füńfter ❤ "q"',), ("capped",)),
    )
    inputs = (TensorSpec("left", (None, None, 5)), TensorSpec("right", (None, 3, 5), "int32"))
    codecs = {"second": ActivationCodec("uint8", -0.1, 3.3), "sum": ActivationCodec("float16")}
    return validate(Graph("small", inputs, nodes, ("capped", "sum"), ("scores", "total"), codecs))


def same_weight(one: Any, other: Any) -> None:
    assert type(one) is type(other) or isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
    if isinstance(one, Quantized):
        assert (one.codec, one.shape) == (other.codec, other.shape)
        assert one.codes.dtype == other.codes.dtype
        for name in ("codes", "scale", "low"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        for name in ("scale", "low"):  # still one for each channel, not one for each value
            assert shrunk(getattr(one, name)).shape == shrunk(getattr(other, name)).shape
    else:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def same_graph(one: Graph, other: Graph) -> None:
    """Both hold the same, weights bit by bit, and share the same weights."""
    for name in ("name", "inputs", "outputs", "output_names", "activations"):
        assert getattr(one, name) == getattr(other, name), name
    assert len(one.nodes) == len(other.nodes)
    numbers: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for a, b in zip(one.nodes, other.nodes, strict=True):
        for name in ("name", "inputs", "outputs", "label"):
            assert getattr(a, name) == getattr(b, name), (a.name, name)
        assert repr(a.layer) == repr(b.layer)
        assert list(a.weights) == list(b.weights)
        for name in a.weights:
            same_weight(a.weights[name], b.weights[name])
            seen = [k.setdefault(id(n.weights[name]), len(k)) for k, n in zip(numbers, (a, b), strict=True)]
            assert seen[0] == seen[1], f"{a.name}/{name} is shared in one only"


def parts(path: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Header, graph, data."""
    raw = path.read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:end])
    return header, json.loads(header["__metadata__"]["glnn"]), raw[end:]


def put(path: Path, header: Mapping[str, Any] | bytes, data: bytes) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def damaged(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The .glnn file after a change of its graph."""
    header, graph, data = parts(path)
    change(graph)
    header["__metadata__"]["glnn"] = json.dumps(graph)
    return put(path, header, data)


def assert_refused(path: Path, error: type[Exception], words: Sequence[str]) -> None:
    """Loading raises this error or a narrower one, whose message names the file and holds all these words."""
    with pytest.raises(error) as caught:
        load(path)
    for word in (path.name, *words):
        assert word in str(caught.value), caught.value


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]
