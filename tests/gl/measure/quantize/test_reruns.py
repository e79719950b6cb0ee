"""Runs that begin where their weights differ from those of the last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.blocks import block, images

import glnn
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.core import Dense
from glnn.layers.recurrent import LSTM
from glnn.measure.quantize.ranges import samples
from glnn.measure.quantize.reruns import Reruns, resumed
from glnn.plan.steps import Draw, Repeat
from glnn.quant import Encoder, quantizable
from glnn.run.executor import Executor
from glnn.run.session import Arrays, Session


class Counted:
    """Runs graphs again and counts what is drawn."""

    def __init__(self, session: Session, inputs: Arrays, monkeypatch: pytest.MonkeyPatch):
        self.session, self.inputs, self.draws = session, inputs, 0
        self.reruns, replay = Reruns(session, inputs), Executor.replay

        def counting(executor: Executor, first: int = 0, last: int | None = None) -> None:
            def draw(*args: Any) -> None:
                self.draws += 1
                session.device.draw(*args)

            replay(executor, first, last, draw)

        self.monkeypatch, self.counting = monkeypatch, counting

    def run(self, graph: Graph) -> int:
        """How many draws a run took whose outputs are, bit for bit, those of a session of its own."""
        self.draws = 0
        with self.monkeypatch.context() as patch:
            patch.setattr(Executor, "replay", self.counting)
            made = self.reruns.run(graph)
        with self.session.on(graph) as one:
            for name, values in one.run(self.inputs, verbose=0).items():
                np.testing.assert_array_equal(made[name], values)
        return self.draws


def test_a_run_begins_with_the_first_step_that_differs(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    with Session(glnn.Model(block(), device).optimized, device) as session:
        encoder, counted = Encoder(session.graph), Counted(session, {"x": images(3)}, monkeypatch)
        names = [node.name for node in session.graph.nodes if quantizable(node)]  # a, b, d
        with counted.reruns:
            all_draws = counted.run(session.graph)
            assert counted.run(session.graph) == 0
            for codec in ("uint8", "uint4"):
                took = [counted.run(encoder.apply({name: codec})) for name in names]
                assert took[0] == took[1] == all_draws > took[2] > 1  # the layer before is restored
            assert counted.run(encoder.apply({"d": "uint8"})) == 1
            assert counted.run(encoder.apply({"d": "uint8", "b": "uint4"})) == took[2]
            assert counted.run(session.graph) == took[2]
        assert counted.reruns.device.error() == "GL_NO_ERROR"


def recurrent() -> Graph:
    """x (?, 7, 3) -> lstm -> lstm -> dense -> (?, 2)."""
    rng, nodes, shape = np.random.default_rng(3), [], (1, 7, 3)
    for number, layer in enumerate((LSTM(5, return_sequences=True), LSTM(4), Dense(2))):
        weights = {s.name: rng.normal(size=s.shape).astype(np.float32) for s in layer.weight_specs(shape)}
        nodes.append(Node(f"n{number}", layer, (f"{number}",), (f"{number + 1}",), weights))
        shape = layer.output_shape(shape)
    return Graph("recurrent", (TensorSpec("0", (None, 7, 3)),), tuple(nodes), ("3",))


@pytest.mark.parametrize("stateful", [False, True])
def test_a_repeat_begins_with_its_first_state(
    root: Path, device: glnn.Device, monkeypatch: pytest.MonkeyPatch, stateful: bool
) -> None:
    """What a recurrent layer carries from step to step is overwritten by the run before."""
    writer = root / "examples" / "writer.h5"
    with glnn.Model.load(writer, device=device) if stateful else glnn.Model(recurrent(), device) as model:
        session, rng = model.session, np.random.default_rng(1)
        x = rng.integers(0, 20, (2, *(d or 9 for d in session.graph.inputs[0].shape[1:]))).astype(np.float32)
        encoder = Encoder(session.graph)
        counted = Counted(session, samples(session.graph, x, "x"), monkeypatch)
        names = [node.name for node in session.graph.nodes if quantizable(node)]
        with counted.reruns:
            all_draws = counted.run(session.graph)
            took = [counted.run(encoder.apply({name: "uint8"})) for name in reversed(names)]
            assert took[0] < all_draws and took[-1] <= all_draws


def test_steps_are_resumed_before_what_repeats_carry() -> None:
    def draw(target: int, *read: int) -> Draw:
        textures = tuple(("slot", slot, 0) for slot in read)
        return Draw("p", target, (0, 1), (1, 1), textures, (), (), "layer", "kernel")

    steps = (draw(1, 0), draw(2, 0), draw(3, 1), Repeat(5, (draw(4, 2, 3),), ((2, 4),)), draw(5, 4), draw(6, 5))
    assert [resumed(steps, first) for first in range(len(steps) + 1)] == [0, 1, 1, 1, 4, 5, 6]
