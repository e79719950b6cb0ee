"""Graphs for passes to rewrite, and that they give the same before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import glnn
from glnn.graph import Graph, Node, TensorSpec, reference, validate
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from glnn.layers.core import Dense, Dropout
from glnn.layers.normalization import BatchNormalization
from glnn.plan import make_plan
from glnn.plan.weights import WeightStore
from glnn.primitives.expr import Apply, Expr
from glnn.run.executor import Executor
from glnn.run.resident import Resident
from glnn.testing import assert_close

TOLERANCE = 1e-5  # relative to the largest: folding moves a rounding from here to there
Step = tuple[str, Layer, Any, str]  # name, layer, inputs (one name or several), output
CONV = Conv2D(6, (3, 3), padding="same")
SAME = Conv2D(3, (3, 3), padding="same")
NORM = BatchNormalization()
DROPOUT = Dropout()
CONVS: list[Layer] = [
    CONV,
    Conv2D(6, (3, 3), (2, 1), use_bias=False),
    Conv2D(6, (3, 3), groups=3),
    DepthwiseConv2D((3, 3), padding="same"),
    DepthwiseConv2D((3, 2), depth_multiplier=2, use_bias=False),
    SeparableConv2D(5, (3, 3), depth_multiplier=2),
    Conv2DTranspose(5, (3, 3), (2, 2), "same"),
    Dense(7),
    Dense(5, use_bias=False),
]


def build(steps: list[Step], outputs: str = "y", **inputs: tuple) -> Graph:
    """A graph of these steps over inputs of these shapes (without the batch), with seeded weights."""
    rng = np.random.default_rng(4)
    specs = tuple(TensorSpec(name, (None, *shape)) for name, shape in (inputs or {"x": (9, 8, 3)}).items())
    nodes: list[Node] = []
    for name, layer, read, made in steps:
        sources = (read,) if isinstance(read, str) else tuple(read)
        shapes = Graph("part", specs, tuple(nodes), ()).specs()
        weights = {}
        for spec in layer.weight_specs(*[shapes[s].shape for s in sources]):
            values = rng.normal(size=spec.shape)
            values = np.abs(values) + 0.3 if "variance" in spec.name else values / max(1, np.sqrt(values[..., 0].size))
            weights[spec.name] = values.astype(np.float32)
        nodes.append(Node(name, layer, sources, (made,), weights))
    names = tuple(outputs.split())
    return validate(Graph("net", specs, tuple(nodes), names, names))


def execute(graph: Graph, device: glnn.Device, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A graph through the shaders just as it is, no pass applied."""
    store = WeightStore(graph)
    plan = make_plan(graph, {name: x.shape for name, x in inputs.items()}, device.limits, store)
    resident = Resident(device, store.values)
    executor = Executor(plan, device, resident)
    try:
        return executor.run(inputs, poison=True)
    finally:
        executor.release()
        resident.release()


def agree(graph: Graph, run: Callable[[Graph], Graph], device: glnn.Device, **sizes: tuple[int, ...]) -> None:
    """Before and after: NumPy with NumPy, shaders with shaders, shaders with NumPy; `sizes` of inputs without them."""
    after = validate(run(graph))
    assert {s.name for s in after.inputs} == {s.name for s in graph.inputs} and after.output_names == graph.output_names
    rng = np.random.default_rng(6)
    shapes = {s.name: (2, *sizes.get(s.name, s.shape[1:-1]), s.shape[-1]) for s in graph.inputs}
    inputs = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    expected, folded = reference.run(graph, inputs), reference.run(after, inputs)
    plain, fused = execute(graph, device, inputs), execute(after, device, inputs)
    assert list(expected) == list(folded) == list(plain) == list(fused)
    for name, want in expected.items():
        assert_close(folded[name], want, 1e-6)
        assert_close(plain[name], want, TOLERANCE)
        assert_close(fused[name], want, TOLERANCE)
    assert device.error() == "GL_NO_ERROR"


def names(graph: Graph) -> list[str]:
    """Of its nodes, in their order."""
    return [node.name for node in graph.nodes]


def labels(graph: Graph) -> list[str]:
    """The user's names of its nodes' layers, in their order."""
    return [node.label for node in graph.nodes]


def functions(expr: Expr) -> str:
    """The names of the functions in an expression, from the last to the first."""
    found: dict[Expr, None] = {}

    def visit(part: Expr) -> None:
        if isinstance(part, Apply) and part not in found:
            found[part] = None
            for arg in part.args:
                visit(arg)

    visit(expr)
    return " ".join(part.function.name for part in found)  # type: ignore[union-attr]


def label(value: Any) -> str:
    """The name of its class, for ids of cases."""
    return type(value).__name__
