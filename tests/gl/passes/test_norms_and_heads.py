"""Norms that a graph spells, heads of attention, joined dense layers: where passes find them, and the same results."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from support.passes import agree, build

import glnn
from glnn.graph import Graph, Node, TensorSpec, validate
from glnn.layers.core import Dense
from glnn.layers.multi_head_attention import MultiHeadAttention
from glnn.passes import find_norms, fuse_heads, fuse_moves, join_dense, optimize
from glnn.plan import make_plan
from glnn.primitives.base import Primitive
from glnn.primitives.expand import expand
from glnn.primitives.expr import Apply, Constant, Expr, In, Number
from glnn.primitives.functions import FUNCTIONS
from glnn.primitives.fuse import fuse
from glnn.primitives.map import Map
from glnn.primitives.operations import OPERATIONS
from glnn.primitives.reduce import Reduce
from glnn.primitives.standardize import Standardize

X, Y, Z = In(0), In(1), In(2)
GAMMA, BETA = Constant("w0", (6,)), Constant("w1", (6,))
WEIGHTS = {"w0": np.linspace(0.5, 1.5, 6, dtype=np.float32), "w1": np.linspace(-1, 1, 6, dtype=np.float32)}


def f(name: str, *args: Expr) -> Apply:
    return Apply(OPERATIONS.get(name) or FUNCTIONS[name], args)


def spelled(squares: Expr, end: Expr, axes: tuple[int, ...] = (2,), second: str = "mean", keep: bool = True) -> Graph:
    """x of (N, 5, 6) with its mean m along axes, `squares` of x and m, their mean v, and `end` of x, m and v."""
    steps: list[tuple[str, Primitive, tuple[str, ...], dict[str, Any]]] = [
        ("m", Reduce("mean", axes, True), ("x",), {}), ("p", Map(squares), ("x", "m"), {}),
        ("v", Reduce(second, axes, keep), ("p",), {}), ("y", Map(end), ("x", "m", "v"), WEIGHTS),
    ]  # fmt: skip
    nodes = tuple(
        Node(name, layer, reads, (name,), w, name, {k: f"{name}/{k}" for k in w}) for name, layer, reads, w in steps
    )
    return validate(Graph("net", (TensorSpec("x", (None, 5, 6)),), nodes, ("y",), ("y",)))


LESS, ROOT = f("subtract", X, Y), f("sqrt", f("add", Z, Number(1e-3)))
AFFINE = f("add", f("multiply", f("divide", LESS, ROOT), GAMMA), BETA)
SQUARES = [f("square", LESS), f("multiply", LESS, LESS)]
ENDS = [
    AFFINE,
    f("add", f("multiply", f("multiply", LESS, f("rsqrt", f("add", Number(1e-3), Z))), GAMMA), BETA),
    f("add", f("multiply", GAMMA, f("multiply", f("divide", Number(1.0), ROOT), LESS)), BETA),
]


@pytest.mark.parametrize("end", ENDS, ids=["divide", "rsqrt", "inverse"])
@pytest.mark.parametrize("squares", SQUARES, ids=["square", "product"])
@pytest.mark.parametrize("axes", [(2,), (1,), (1, 2)])
def test_a_norm_is_found(device: glnn.Device, squares: Expr, end: Expr, axes: tuple[int, ...]) -> None:
    graph = spelled(squares, end, axes)
    (node,) = optimize(graph).nodes
    assert isinstance(node.layer, Standardize) and node.layer.axes == axes
    agree(graph, lambda graph: find_norms.run(expand(graph)), device, x=(5,))


@pytest.mark.parametrize(
    "graph",
    [
        spelled(f("square", LESS), AFFINE, second="sum"),
        spelled(f("square", LESS), f("add", f("multiply", f("divide", f("subtract", X, Z), ROOT), GAMMA), BETA)),
        spelled(f("square", f("subtract", Y, X)), AFFINE),  # of the same value, but not so spelled
        spelled(f("square", X), AFFINE),
        spelled(f("square", LESS), f("add", f("multiply", f("divide", LESS, f("sqrt", Z)), GAMMA), BETA)),
    ],
    ids=["sum", "less-variance", "backwards", "second-moment", "no-epsilon"],
)
def test_what_is_no_norm_stays(device: glnn.Device, graph: Graph) -> None:
    assert not any(isinstance(node.layer, Standardize) for node in optimize(graph).nodes)
    agree(graph, optimize, device, x=(5,))


def test_a_mean_that_others_read_stays(device: glnn.Device) -> None:
    graph = spelled(f("square", LESS), AFFINE)
    node = Node("z", Map(f("add", X, Y)), ("m", "v"), ("z",), {}, "z")
    graph = validate(graph.with_(nodes=(*graph.nodes, node), outputs=("y", "z"), output_names=("y", "z")))
    assert Counter(type(node.layer).__name__ for node in find_norms.run(graph).nodes)["Standardize"] == 1
    agree(graph, find_norms.run, device, x=(5,))


def heads(graph: Graph) -> Graph:
    return fuse_heads.run(fuse_moves.run(fuse(expand(graph))))


@pytest.mark.parametrize(("number", "width"), [(2, 8), (3, 5), (1, 4)])
def test_heads_are_multiplied_where_they_lie(device: glnn.Device, number: int, width: int) -> None:
    graph = build([("a", MultiHeadAttention(number, width), ("x", "x"), "y")], x=(9, 12))
    kinds = Counter(type(node.layer).__name__ for node in heads(graph).nodes)
    assert (kinds["HeadScores"], kinds["HeadMix"], kinds["Split"], kinds["Merge"]) == (1, 1, 0, 0)
    agree(graph, heads, device, x=(9,))
    agree(graph, optimize, device, x=(9,))


@pytest.mark.parametrize("bias", [True, False])
def test_dense_primitives_of_one_layer_are_joined(device: glnn.Device, bias: bool) -> None:
    graph = build([("a", MultiHeadAttention(2, 8, use_bias=bias), ("x", "x"), "y")], x=(9, 12))
    convs = [node.layer.filters for node in optimize(graph).nodes if type(node.layer).__name__ == "Conv"]  # type: ignore[attr-defined]
    assert convs == [48, 12]
    agree(graph, optimize, device, x=(9,))


def test_dense_layers_of_their_own_stay(device: glnn.Device) -> None:
    """Reports tell of each, and what is no group of four channels would be copied."""
    graph = build([("a", Dense(8), "x", "t"), ("b", Dense(8), "x", "y")], "t y")
    assert join_dense.run(expand(graph)) is not None and len(join_dense.run(expand(graph)).nodes) == 2
    few = build([("a", MultiHeadAttention(2, 3), ("x", "x"), "y")], x=(9, 12))
    assert sum(type(node.layer).__name__ == "Conv" for node in optimize(few).nodes) == 4


@pytest.mark.parametrize("codec", ["float32", "uint8", "uint4"])
@pytest.mark.parametrize("stage", ["fragment", "compute"])
def test_an_encoder_of_quantized_weights(stage: str, codec: str) -> None:
    """In compute shaders a layer of attention takes six draws, and shares of sums; the results are the fragments'."""
    graph = build([("a", MultiHeadAttention(2, 32), ("x", "x"), "y")], x=(24, 64))
    x = np.random.default_rng(1).standard_normal((2, 24, 64)).astype(np.float32)
    with glnn.Device("numpy") as oracle, glnn.Device(stage=stage) as device:
        with glnn.Model(graph, oracle) as first, glnn.Model(graph, device) as second:
            models = [m if codec == "float32" else m.quantize(codec, verbose=0) for m in (first, second)]
            want, got = (np.asarray(m.predict(x, verbose=0)) for m in models)
            plan = make_plan(models[1].session.graph, {"x": x.shape}, device.limits)
    np.testing.assert_allclose(got, want, atol=2e-5)
    moved = sum(draw.kernel == "permute" for draw in plan.draws)
    assert moved == (0 if stage == "compute" else 4)
