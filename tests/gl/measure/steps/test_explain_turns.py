"""Model.explain in the turns of a repeat: which turn made a value, from what, by which lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.models import draw

import glnn
from glnn.errors import InputError
from glnn.layers.recurrent import GRU, LSTM, Bidirectional
from glnn.model import Model
from glnn.testing.layers import layer_graph

X = draw(2, 5, 3)
DEVICES: list[Any] = [
    {}, {"dialect": "es100", "max_texture_size": 16},
    *(pytest.param(options, marks=pytest.mark.whole) for options in
      ({"draw_buffers": 4, "max_texture_size": 8}, {"index": "numpy"})),
]  # fmt: skip
relax = glnn.kernel(
    """
#pragma glnn input u
#pragma glnn border edge
float kernel(float x, int i, int j) {
    float around = u(i - 1, j) + u(i + 1, j);
    around += u(i, j - 1) + u(i, j + 1);
    return 0.5 * x + 0.125 * around;
}""",
    name="relax",
)


def recurrent(layer: Any) -> Any:
    return layer_graph(layer, [X.shape], {s.name: draw(*s.shape) / 2 for s in layer.weight_specs(X.shape)})


@pytest.mark.parametrize("options", DEVICES, ids=str)
def test_states_of_an_lstm(options: dict[str, Any]) -> None:
    """The state in the end, and of a sequence the step that is asked for: by default the turn that wrote it."""
    with glnn.Device(**options) as device:
        for sequences in (False, True):
            with Model(recurrent(LSTM(3, return_sequences=sequences)), device) as model:
                trace = model.trace(X, fused=True)
                told = model.explain(X, "layer", (1, 3, 2) if sequences else (1, 2))
                assert told.turn == ((3,) if sequences else (4,)) and told.turns == (5,)
                assert told.made == "layer/h[1, 2]" and told.draws == len(model.plan({"x0": X.shape}).draws)
                assert told.reference is not None and told.reference == pytest.approx(told.value, abs=1e-5)
                assert told.device_value == trace["layer/h"][told.turn[0], 1, 2]
                for turn in (0, 2, -1):
                    told = model.explain(X, "layer", (1, 0, 2) if sequences else (1, 2), turn=turn)
                    assert told.turn == (turn % 5,) and told.device_value == trace["layer/h"][turn, 1, 2]
                    assert told.value == pytest.approx(told.device_value, abs=1e-6)
                    assert told.lines[-1].values[-1][1][told.lane] == pytest.approx(told.value)
                told = model.explain(X, "layer/c", (0, 1), turn=2)
                assert told.device_value == trace["layer/c"][2, 0, 1] and told.tensor == told.layer == "layer/c"
                for read in told.texels:  # what is said of a texel is what the turns made
                    for place, value in read.elements:
                        known = trace[read.tensor][read.turn] if read.turn and read.tensor in trace else None
                        assert known is None or known[place] == pytest.approx(value, abs=1e-5)
                before = [read for read in told.texels if read.tensor == "layer/c" and read.change]
                assert [read.turn for read in before] == [(1,)]  # the state of the turn before


def test_the_product_of_a_turn_adds_up(device: glnn.Device) -> None:
    graph = recurrent(LSTM(3))  # whose gates are no whole texels, so that the product has a draw of its own
    weights = graph.nodes[0].weights
    with Model(graph, device) as model:
        told = model.explain(X, "layer/conv", (1, 6), turn=3)
        h = model.trace(X)["layer/h"][2, 1]
    parts = {
        name: sum(r.change for r in told.texels if r.tensor == name) for name in ("layer/h", "layer/recurrent_kernel")
    }
    assert parts["layer/h"] == pytest.approx(float(h @ weights["recurrent_kernel"][:, 6]), abs=1e-5)
    assert parts["layer/recurrent_kernel"] == pytest.approx(parts["layer/h"], abs=1e-5)
    given = X[1, 3] @ weights["kernel"][:, 6] + weights["bias"][6]
    assert told.value == pytest.approx(float(parts["layer/h"] + given), abs=1e-5)
    assert {r.turn for r in told.texels if r.tensor == "layer/h"} == {(2,)}


def test_backwards_and_both_ways(device: glnn.Device) -> None:
    with Model(recurrent(GRU(3, return_sequences=True, go_backwards=True)), device) as model:
        for step in (0, 4):
            assert model.explain(X, "layer", (0, step, 1)).turn == (step,)
    with Model(recurrent(Bidirectional(LSTM(3, return_sequences=True))), device) as model:
        ahead, back = (model.explain(X, "layer", (1, 1, channel)) for channel in (2, 5))
        assert (ahead.made, ahead.turn) == ("layer/h[1, 2]", (1,))
        assert (back.made, back.turn) == ("layer/h.2[1, 2]", (3,))


def test_quantized_weights_in_turns(device: glnn.Device) -> None:
    with Model(recurrent(LSTM(3)), device) as model, model.quantize("uint8", verbose=0) as small:
        told = small.explain(X, "layer/conv", (0, 5), turn=2)
        codes = [read for read in told.texels if read.codes]
        of_states = sum(read.change for read in told.texels if read.tensor == "layer/h")
        assert sum(read.change for read in codes) == pytest.approx(of_states, abs=1e-5) and of_states


def test_a_program(device: glnn.Device) -> None:
    @glnn.program(device=device)
    def settle(u: Any, n: int) -> Any:
        for _ in glnn.steps(n):
            for _ in glnn.steps(2):
                u = relax(u, u)
        return u

    u = draw(6, 7)
    with Model(settle.graph(u, 4), device) as model:
        trace = model.trace(u, fused=True)
        told = model.explain(u, "settle/relax", (2, 3), turn=(1, 0))
        assert told.device_value == trace["settle/relax"][1, 0, 2, 3] and (told.turn, told.turns) == ((1, 0), (4, 2))
        own = [line for line in told.lines if line.place.startswith(__file__)]
        text = Path(__file__).read_text().splitlines()
        assert [text[int(line.place.rpartition(":")[2]) - 1].strip() for line in own] == [line.text for line in own]
        names = [name for line in own for name, _ in line.values]
        assert names == ["around", "around", "return"] and own[-1].values[0][1][0] == pytest.approx(told.value)
        copy = {(read.tensor, read.turn) for read in told.texels if read.change}
        assert copy == {("settle (a copy)", (1,))}  # of what the turn before left, for the inner loop to begin with
        told_next = model.explain(u, "settle/relax", (2, 3), turn=(1, 1))
        assert {(r.tensor, r.turn) for r in told_next.texels if r.change} == {("settle/relax", (1, 0))}
        assert sum(read.change for read in told.texels) == pytest.approx(told.value, abs=1e-6)
        assert "turn 1 of 4 / 0 of 2 (from 0), as settle/relax[2, 3]" in str(told)
        for turn, message in (
            ((1,), "made in 4 x 2 turns: a whole number for each, the outer one first"),
            ((4, 0), "4 x 2"),
        ):
            with pytest.raises(InputError, match=message):
                model.explain(u, "settle/relax", (2, 3), turn=turn)


def test_what_is_refused(device: glnn.Device) -> None:
    with Model(recurrent(LSTM(3)), device) as model:
        for turn in (5, -6, "last", 1.5, (1, 2), True):
            with pytest.raises(InputError, match="which is made in 5 turns: a whole number from 0"):
                model.explain(X, "layer", (0, 0), turn=turn)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=r"index \(0, 3\) of layer 'layer/h', whose output has the shape \(2, 3\)"):
            model.explain(X, "layer/h", (0, 3))
        with pytest.raises(InputError, match="no layer 'layer/x'"):
            model.explain(X, "layer/x", (0, 0))
