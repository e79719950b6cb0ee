"""What a graph's plan by a choice makes on a device."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

import glnn
from glnn.graph import Graph
from glnn.plan import Plan, make_plan
from glnn.plan.choice import Choice
from glnn.plan.weights import WeightStore
from glnn.run.executor import Executor
from glnn.run.resident import Resident


def drawn(
    device: glnn.Device, graph: Graph, inputs: Mapping[str, np.ndarray], choice: Choice
) -> tuple[dict[str, np.ndarray], Plan]:
    """The outputs by name, every texture filled with NaN first, and the plan that made them."""
    store = WeightStore(graph)
    plan = make_plan(graph, {name: x.shape for name, x in inputs.items()}, device.limits, store, choice=choice)
    resident = Resident(device, store.values)
    with device.use():
        executor = Executor(plan, device, resident)
        try:
            return executor.run(inputs, poison=True), plan
        finally:
            executor.release()
            resident.release()
