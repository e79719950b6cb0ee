"""Graphs with bodies, made and run: layers with seeded weights, a body, a repeat, a run beside NumPy's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import glnn
from glnn import tensor
from glnn.graph import ActivationCodec, Graph, Node, TensorSpec, reference, validate
from glnn.layers.activation import Activation
from glnn.layers.core import Dense
from glnn.layers.merging import Add, Multiply
from glnn.layout.codec import activation_storage
from glnn.plan import Plan, WeightStore, make_plan
from glnn.primitives.loop import Repeat
from glnn.run.executor import Executor
from glnn.run.resident import Resident

Dims = tuple[int | None, ...]
ADD, MULTIPLY, TANH = Add(), Multiply(), Activation("tanh")

Dims = tuple[int | None, ...]


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def dense(name: str, read: str, made: str, inputs: int, units: int, seed: int = 0) -> Node:
    kernel = draw(inputs, units, seed=seed + 1) / np.float32(inputs**0.5)
    return Node(name, Dense(units), (read,), (made,), {"kernel": kernel, "bias": draw(units, seed=seed + 2)})


def body(inputs: Mapping[str, int | Dims], nodes: Sequence[Node], outputs: Sequence[str]) -> Graph:
    """A body whose inputs have ranks, or shapes, by name."""
    specs = tuple(
        TensorSpec(name, (None,) * shape if isinstance(shape, int) else shape) for name, shape in inputs.items()
    )
    return Graph("body", specs, tuple(nodes), tuple(outputs))


def repeated(name: str, what: Graph, reads: Sequence[str], makes: Sequence[str], **options: Any) -> Node:
    return Repeat.node(name, what, reads, makes, **options)


def apart(graph: Graph) -> Graph:
    """The graph and its bodies with a codec stated for every tensor, so that each is drawn by a draw of its own."""
    nodes = []
    for node in graph.nodes:
        if isinstance(node.layer, Repeat):
            node = node.with_(layer=replace(node.layer, body=apart(node.layer.body)))
        nodes.append(node)
    made = {name: ActivationCodec("float32") for node in nodes for name in node.outputs}
    return graph.with_(nodes=tuple(nodes), activations=made)


@dataclass(eq=False)
class Run:
    """What came out, what in NumPy, the plan, and what draws left where nothing should be."""

    outputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]
    plan: Plan
    dead: np.ndarray
    store: WeightStore

    def error(self) -> float:
        """The largest difference from NumPy; infinite for NaN and wrong shapes."""
        worst = 0.0
        for name, wanted in self.expected.items():
            if self.outputs[name].shape != wanted.shape:
                return np.inf
            worst = max(worst, float(np.nan_to_num(np.abs(self.outputs[name] - wanted).max(), nan=np.inf)))
        return worst


def run(graph: Graph, inputs: Mapping[str, np.ndarray], device: glnn.Device, times: int = 1) -> Run:
    """A graph on a device, every texture filled with NaN first; so many times, the last run tells."""
    store = WeightStore(validate(graph))
    plan = make_plan(graph, {name: x.shape for name, x in inputs.items()}, device.limits, store)
    resident = Resident(device, store.values)
    executor = Executor(plan, device, resident)
    try:
        counts = None
        for _ in range(times):
            outputs = executor.run(inputs, poison=True)
            assert counts in (None, counts := device.counts())
        drawn = {slot for d in plan.draws for slot, _ in (d.move.places if d.move else ((d.target, 0),))}
        drawn |= {slot for step in plan.steps for pair in getattr(step, "swaps", ()) for slot in pair}
        dead = [
            values
            for t in plan.outputs
            if set(t.slots) <= drawn
            for values in t.layout.dead(
                tensor.parts([executor.slots[s] for s in t.slots], t.layout, activation_storage(t.codec))
            )
        ]
    finally:
        executor.release()
        resident.release()
    return Run(outputs, reference.run(graph, inputs), plan, np.array(dead), store)
