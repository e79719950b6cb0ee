"""What is made in the turns of a repeat: traced turn by turn, against the equations, Keras and NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.fragments import static
from support.models import draw, one

import glnn
from glnn.errors import InputError
from glnn.layers.recurrent import GRU, LSTM, RNN, Bidirectional, cell_of
from glnn.model import Model
from glnn.testing.layers import layer_graph

LIMITS: list[Any] = [
    {}, {"dialect": "es100", "max_texture_size": 16},
    *(pytest.param(options, marks=pytest.mark.whole) for options in
      ({"draw_buffers": 4, "max_texture_size": 8}, {"float_targets": "rgba8", "dialect": "es100"}, {"index": "numpy"})),
]  # fmt: skip
X = draw(2, 5, 3)
heat = glnn.kernel(
    """
#pragma glnn input u
#pragma glnn border edge
float kernel(int i, int j, float alpha) {
    return u(i, j) + alpha * (u(i - 1, j) + u(i + 1, j) + u(i, j - 1) + u(i, j + 1) - 4.0 * u(i, j));
}""",
    name="heat",
)


@pytest.fixture(scope="module", params=LIMITS, ids=str)
def any_device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**request.param) as made:
        yield made


def recurrent(layer: Any, shape: tuple[int, ...] = (2, 5, 3)) -> Any:
    return layer_graph(layer, [shape], {s.name: draw(*s.shape) / 2 for s in layer.weight_specs(shape)})


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def heated(u: np.ndarray, alpha: float) -> np.ndarray:
    p = np.pad(u, 1, mode="edge")
    return u + alpha * (p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * u)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_states_of_an_lstm(any_device: glnn.Device, sequences: bool, backwards: bool) -> None:
    graph = recurrent(LSTM(3, return_sequences=sequences, go_backwards=backwards))
    w = {name: array.astype(float) for name, array in graph.nodes[0].weights.items()}
    with Model(graph, any_device) as model:
        trace = model.trace(X)
        h = c = np.zeros((2, 3))
        for turn in range(5):
            z = X[:, 4 - turn if backwards else turn] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"]
            i, f, g, o = np.split(z, 4, -1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            for name, want in (("layer/conv", z), ("layer/c", c), ("layer/h", h)):
                np.testing.assert_allclose(trace[name][turn], want, atol=2e-5, err_msg=f"{name} {turn}")
        last = trace["layer"][:, -1] if sequences else trace["layer"]
        np.testing.assert_array_equal(trace["layer/h"][-1], last)
        (item,) = [item for item in trace.layers if item.label == "layer/h"]
        assert item.turns == 1 and item.shapes == ((5, 2, 3),)
        runs = model.trace(X, ["layer/c", "layer"], fused=True)
        assert list(runs) == ["layer/c", "layer"]
        np.testing.assert_allclose(runs["layer/c"], trace["layer/c"], atol=1e-6)


def test_names_of_states_and_several_repeats(device: glnn.Device) -> None:
    for layer, wanted in (
        (GRU(3, return_sequences=True), ["layer/h"]),
        (Bidirectional(LSTM(3, return_sequences=True)), ["layer/h", "layer/c", "layer/h.2", "layer/c.2"]),
        (RNN(cell=cell_of([cell_of({"class_name": n, "config": {"units": 2}}) for n in ("LSTMCell", "GRUCell")])),
         ["layer/0/h", "layer/0/c", "layer/1/h"]),
    ):  # fmt: skip
        with Model(recurrent(layer), device) as model:
            trace = model.trace(X)
            assert {*wanted} <= {*trace} and list(trace)[-1] == "layer"
            for name in wanted:
                assert trace[name].shape[:2] == (5, 2)
            if isinstance(layer, Bidirectional):
                both = np.concatenate([trace["layer/h"], trace["layer/h.2"][::-1]], -1)
                np.testing.assert_array_equal(both.swapaxes(0, 1), trace["layer"])


def test_a_program_as_a_model(any_device: glnn.Device) -> None:
    @glnn.program(device=any_device)
    def simulate(u: Any, n: int) -> Any:
        energy = 0.0
        for _ in glnn.steps(n):
            flow = heat(u, 0.1)
            for _ in glnn.steps(2):
                flow = heat(flow, 0.2)
            u = flow * 0.5
            energy = energy + u.max()
        return u, energy

    u = draw(6, 7)
    coarse = any_device.limits.float_target != "float32"
    with Model(simulate.graph(u, 4), any_device) as model:
        trace = model.trace(u)
        want, energy = u.astype(float), 0.0
        for turn in range(4):
            want = heated(want, 0.1)
            np.testing.assert_allclose(trace["simulate/heat"][turn], want, atol=1e-5)
            for inner in range(2):
                want = heated(want, 0.2)
                np.testing.assert_allclose(trace["simulate/heat.2"][turn, inner], want, atol=1e-5)
            want = want * 0.5
            energy += want.max()
            np.testing.assert_allclose(trace["simulate/u"][turn], want, atol=1e-5)
            np.testing.assert_allclose(trace["simulate/energy"][turn], energy, atol=1e-4 if coarse else 1e-5)
        np.testing.assert_allclose(np.asarray(simulate(u, 4)[0]), want, atol=1e-5)
        assert "in 4 x 2 turns" in trace._repr_html_()
        assert model.compare(u, verbose=0)


def test_batches_pictures_and_what_is_refused(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = LSTM(4, return_sequences=True)
    weights = {s.name: draw(*s.shape) for s in layer.weight_specs((None, 5, 3))}
    x = draw(3, 5, 3)
    with Model(one(layer, (5, 3), **weights), device) as model:
        whole = model.trace(x)
        monkeypatch.setattr("glnn.measure.quantize.ranges.BATCH_BYTES", 1)  # each sample is a batch of its own
        monkeypatch.setattr("glnn.measure.look.trace.KEPT_BYTES", 100)
        with model.trace(x) as parts:
            for name in whole:
                np.testing.assert_allclose(parts[name], whole[name], rtol=1e-5, atol=1e-6, err_msg=name)
        static(whole.show("layer/h", sample=4)._repr_html_())
        static(whole._repr_html_())
        with pytest.raises(InputError, match="'layer/h' is made in turns, one after another: no texture holds all"):
            whole.raw("layer/h")
        with pytest.raises(InputError, match="no layer 'layer/x' was traced; there are"):
            model.trace(x, ["layer/x"])


def test_tensors_of_turns_in_codecs(device: glnn.Device) -> None:
    with Model(recurrent(LSTM(4, return_sequences=True)), device) as model:
        exact = model.trace(X)
        for codec, room in (("float16", 4e-3), ("rgba8", 1e-6)):
            with model.quantize("float32", activations=codec, calibrate=X, verbose=0) as small:
                coded = small.trace(X)
                for name in ("layer/h", "layer/c"):
                    np.testing.assert_allclose(coded[name], exact[name], atol=room, err_msg=f"{codec} {name}")
