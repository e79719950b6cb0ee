"""The draws of a plan as they are made, turn by turn: what an executor hands to the device, from the plan alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glnn
from glnn.layers.recurrent import GRU, LSTM, Bidirectional
from glnn.model import Model
from glnn.plan.steps import in_turns, taken, turns_of
from glnn.testing.layers import layer_graph

LAYERS = (LSTM(3), LSTM(3, return_sequences=True), Bidirectional(GRU(8, return_sequences=True)))


@pytest.mark.parametrize("options", [{}, {"dialect": "es100", "max_texture_size": 16}], ids=str)
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_it_is_what_an_executor_draws(layer: Any, options: dict[str, Any]) -> None:
    shape = (2, 25, 2)
    weights = {spec.name: np.ones(spec.shape, np.float32) for spec in layer.weight_specs(shape)}
    with glnn.Device("numpy", **options) as device, Model(layer_graph(layer, [shape], weights), device) as model:
        executor = model.session.executor({"x0": shape})
        calls: list[Any] = []
        with device.use():
            executor.replay(draw=lambda *call: calls.append(call))
        found = list(in_turns(executor.plan.steps))
        assert [item.number for item in found] == list(taken(executor.plan.steps))
        assert len(found) == len(calls) == sum(turns_of(executor.plan.steps))
        for item, (_, target, viewport, textures, ints, _) in zip(found, calls, strict=True):
            draw = item.draw
            assert executor.slots[draw.target] is target.texture
            assert (target.first, target.buffers) == draw.layers and viewport == (0, item.row, *draw.viewport)
            assert np.frombuffer(ints, np.int32).tolist() == list(draw.ints)
            reads = [(executor.slots[n], texture) for (kind, n, _), texture in zip(draw.textures, textures, strict=True)
                     if kind == "slot"]  # fmt: skip
            assert all(slot is texture for slot, texture in reads)
