"""Names of weights: given when a graph is made, shared by nodes that share one, whatever memory holds it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.names import same
from glnn.graph.quantized import Quantized
from glnn.layers.core import Dense

KERNEL, BIAS = np.arange(16, dtype=np.float32).reshape(4, 4), np.zeros(4, np.float32)


def node(name: str, **weights: Any) -> Node:
    return Node(name, Dense(4, use_bias="bias" in weights), ("x",), (name,), weights)


def graph(*nodes: Node) -> Graph:
    return Graph("net", (TensorSpec("x", (None, 4)),), nodes, tuple(n.name for n in nodes))


def origins(made: Graph) -> list[dict[str, str]]:
    return [dict(n.origins) for n in made.nodes]


def test_a_weight_is_named_after_the_first_node_that_holds_it() -> None:
    made = graph(node("a", kernel=KERNEL, bias=BIAS), node("b", kernel=KERNEL, bias=BIAS.copy()), node("c"))
    assert origins(made) == [{"kernel": "a/kernel", "bias": "a/bias"}, {"kernel": "a/kernel", "bias": "b/bias"}, {}]
    assert list(made.weights()) == ["a/kernel", "a/bias", "b/bias"]  # equal, but two all the same: both are trained


CODES = Quantized.make("uint8", KERNEL.astype(np.uint8), np.full((1, 4), 0.5), 0)
COPIES: dict[str, Callable[[Graph], Graph]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda g: pickle.loads(pickle.dumps(g)),
    "with_": lambda g: g.with_(name="other"),
    "arrays": lambda g: g.with_(
        nodes=tuple(n.with_(weights={k: copy.deepcopy(w) for k, w in n.weights.items()}) for n in g.nodes)
    ),
}


@pytest.mark.parametrize("kernel", [KERNEL, CODES], ids=["float32", "uint8"])
@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_copies_keep_names_and_values(change: Callable[[Graph], Graph], kernel: Any) -> None:
    made = graph(node("a", kernel=kernel), node("b", kernel=kernel), node("c", kernel=copy.deepcopy(kernel)))
    other = change(made)
    assert origins(other) == origins(made) == [{"kernel": "a/kernel"}, {"kernel": "a/kernel"}, {"kernel": "c/kernel"}]
    assert all(same(a, b) for a, b in zip(made.weights().values(), other.weights().values(), strict=True))
    if isinstance(kernel, Quantized):
        (got, *_) = other.weights().values()
        assert got.nbytes == kernel.nbytes and got.channels() is not None  # scales repeat as they did


def test_a_name_never_stands_for_two_values() -> None:
    """Of nodes that share a weight one gets another: it is told apart, and told so again."""
    first = node("a", kernel=KERNEL)
    made = graph(first, node("b", kernel=KERNEL), node("c", kernel=KERNEL))
    for other in (KERNEL + 1, KERNEL.astype(np.float16), CODES, KERNEL.T, -KERNEL):
        nodes = list(made.nodes)
        nodes[1] = nodes[1].with_(weights={"kernel": other})
        changed = made.with_(nodes=tuple(nodes))
        assert [o["kernel"] for o in origins(changed)] == ["a/kernel", "a/kernel~1", "a/kernel"]
        assert origins(changed.with_(name="again")) == origins(changed)
        assert changed.weights()["a/kernel~1"] is other and changed.weights()["a/kernel"] is KERNEL
    nodes[2] = nodes[2].with_(weights={"kernel": KERNEL + 2})
    assert [o["kernel"] for o in origins(made.with_(nodes=tuple(nodes)))] == ["a/kernel", "a/kernel~1", "a/kernel~2"]


def test_a_renamed_node_keeps_its_weights_names() -> None:
    (first,) = graph(node("a", kernel=KERNEL)).nodes
    made = graph(first, first.with_(name="b", outputs=("b",)), first.with_(name="c", outputs=("c",), weights={}))
    assert origins(made) == [{"kernel": "a/kernel"}, {"kernel": "a/kernel"}, {}]


def test_same_means_bit_by_bit() -> None:
    assert same(np.array([np.nan, 1], "f4"), np.array([np.nan, 1], "f4")) and same(CODES, copy.deepcopy(CODES))
    assert not same(np.array([0.0], "f4"), np.array([-0.0], "f4"))
    assert not same(np.zeros(2, "f4"), np.zeros((1, 2), "f4")) and not same(np.zeros(2, "f4"), np.zeros(2, "i4"))
    assert not same(CODES, CODES.times(np.float64(2))) and not same(CODES, CODES.codes)
