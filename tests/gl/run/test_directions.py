"""Both directions of a Bidirectional layer in one loop: neither sees the other, whatever that holds."""

from __future__ import annotations

import numpy as np
import pytest

import glnn
from glnn.graph.quantized import Quantized
from glnn.layers.cells import GRUCell, LSTMCell
from glnn.layers.recurrent import GRU, LSTM, RNN, Bidirectional, SimpleRNN
from glnn.primitives.expand import expand
from glnn.primitives.loop import Repeat
from glnn.testing import layer_graph

UNITS, STEPS, SHAPE = 4, 7, (2, 7, 5)
LAYERS = {
    "SimpleRNN": SimpleRNN(UNITS, activation="linear", return_sequences=True),
    "LSTM": LSTM(UNITS, return_sequences=True),
    "GRU": GRU(UNITS, return_sequences=True),
    "GRU before": GRU(UNITS, return_sequences=True, reset_after=False),
    "backwards": LSTM(UNITS, return_sequences=True, go_backwards=True),
}


def graph_of(layer, weights=None, **options):
    """A graph of a bidirectional layer, and its weights."""
    layer = Bidirectional(layer, merge_mode=options.pop("merge_mode", None), **options)
    rng = np.random.default_rng(5)
    given = {s.name: rng.standard_normal(s.shape).astype("f") / 2 for s in layer.weight_specs(SHAPE)}
    given |= weights or {}
    return layer_graph(layer, [SHAPE], given), given


def loops(graph):
    """How many loops a graph is drawn with."""
    return sum(isinstance(node.layer, Repeat) for node in expand(graph).nodes)


def outputs(device, graph, x):
    with glnn.Model(graph, device=device) as model:
        return [np.asarray(y) for y in model.predict(x, verbose=0)]


@pytest.fixture(scope="module", params=["gl", "one buffer", "numpy"])
def device(request):
    if request.param == "numpy":
        yield glnn.Device("numpy")
        return
    limits = {"draw_buffers": 1, "max_texture_size": 32, "dialect": "es100"} if request.param == "one buffer" else {}
    with glnn.Device(**limits) as made:
        yield made


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_goes_the_way_of_each_direction_alone(device, name, value):
    graph, _ = graph_of(LAYERS[name])
    assert loops(graph) == 1
    x = np.random.default_rng(6).standard_normal(SHAPE).astype("f")
    broken, at = x.copy(), 3
    broken[:, at, 2] = value
    (one, other), (clean, clean_other) = outputs(device, graph, broken), outputs(device, graph, x)
    if LAYERS[name].go_backwards:  # its output is in the order of the steps taken, that of the other turned around
        other, clean_other = other[:, ::-1], clean_other[:, ::-1]
        np.testing.assert_array_equal(one[:, : STEPS - 1 - at], clean[:, : STEPS - 1 - at])
        np.testing.assert_array_equal(other[:, :at], clean_other[:, :at])
        return
    np.testing.assert_array_equal(one[:, :at], clean[:, :at])
    np.testing.assert_array_equal(other[:, at + 1 :], clean_other[:, at + 1 :])
    assert (one[:, at:] != clean[:, at:]).any() and (other[:, : at + 1] != clean_other[:, : at + 1]).any()


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU", "GRU before"])
@pytest.mark.parametrize("weight", ["kernel", "recurrent_kernel", "bias"])
def test_weights_of_one_direction_do_not_reach_the_other(device, name, weight):
    graph, given = graph_of(LAYERS[name])
    key = f"forward/{weight}"
    broken, _ = graph_of(LAYERS[name], {key: np.full_like(given[key], np.nan)})
    x = np.random.default_rng(6).standard_normal(SHAPE).astype("f")
    (one, other), (_, clean) = outputs(device, broken, x), outputs(device, graph, x)
    assert np.isnan(one[:, 1:]).any()
    np.testing.assert_array_equal(other, clean)


def test_weights_that_are_integers_stay_so():
    codes = Quantized.make("uint8", np.arange(80, dtype="u1").reshape(5, 16), 0.01, -0.4)
    graph, _ = graph_of(LAYERS["LSTM"], {"forward/kernel": codes})
    made = expand(graph)
    assert sum(isinstance(node.layer, Repeat) for node in made.nodes) == 2
    assert any(w is codes for node in made.nodes for w in node.weights.values())


def test_what_is_not_alike_takes_a_loop_for_each():
    assert loops(graph_of(RNN(cell=LSTMCell(4)))[0]) == loops(graph_of(RNN(cell=GRUCell(8)))[0]) == 1
    assert loops(graph_of(LSTM(3))[0]) == 2
    assert loops(graph_of(LSTM(4), backward_layer=LSTM(8, go_backwards=True))[0]) == 2
    assert loops(graph_of(LSTM(4), backward_layer=LSTM(4, activation="relu", go_backwards=True))[0]) == 2
