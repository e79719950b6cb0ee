"""Stateful layers: predictions go on where the one before ended, until reset_states(), in any thread."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.errors import InputError, UnsupportedError
from glnn.formats.keras.config import build_graph, document
from glnn.formats.keras.weights.entries import Stored
from glnn.formats.keras.weights.named import NamedWeights
from glnn.graph import Graph

RNG = seeded(2)
X = RNG.normal(size=(3, 12, 4)).astype(np.float32)
GATES = {"LSTM": 4, "GRU": 3}


def stateful(kind: str, both: bool, stateful: bool = True, **more: object) -> Graph:
    """A recurrent layer of 4 channels and 3 units as a file tells it, its weights always the same."""
    config = {"units": 3, "return_sequences": True, "stateful": stateful, "reset_after": False, **more}
    if kind == "LSTM":
        del config["reset_after"]
    item = {"class_name": kind, "config": {"name": "r", **config}}
    if both:
        item = {"class_name": "Bidirectional", "config": {"name": "r", "layer": item, "merge_mode": "concat"}}
    item["config"]["batch_input_shape"] = [None, None, 4]
    rng, width, stored = np.random.default_rng(7), GATES[kind] * 3, []
    for way in ("forward_r", "backward_r")[: 1 + both]:
        for name, shape in (("kernel", (4, width)), ("recurrent_kernel", (3, width)), ("bias", (width,))):
            values = rng.normal(size=shape).astype(np.float32)
            stored.append(Stored(f"r/{way}/{name}:0" if both else f"r/{name}:0", shape, lambda v=values: v))
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": [item]}, "keras_version": "2.9.0"}
    return build_graph(document("a model", model), NamedWeights("a model", stored))


@pytest.fixture(params=["numpy", "gl"])
def device(request):
    with glnn.Device("numpy") if request.param == "numpy" else glnn.Device() as made:
        yield made


@pytest.mark.parametrize("kind", GATES)
def test_pieces_of_a_sequence_are_the_whole_sequence(device, kind):
    with glnn.Model(stateful(kind, False), device) as model, glnn.Model(stateful(kind, False, False)) as whole:
        expected = whole.reference(X)
        for _ in range(2):
            made = [model.predict(X[:, at : at + 4]) for at in (0, 4, 8)]
            np.testing.assert_allclose(np.concatenate(made, 1), expected, atol=1e-5)
            model.reset_states()
        np.testing.assert_allclose(model.reference(X[:, :4]), expected[:, :4], atol=1e-5)


def test_both_directions_keep_their_own(device):
    """Each goes on with its own state: the backward one from the first step of the piece before."""
    with glnn.Model(stateful("GRU", True), device) as model:
        one, two = model.predict(X[:, :4]), model.predict(X[:, 4:8])
        again = glnn.Model(stateful("GRU", True), device)
        np.testing.assert_allclose(again.predict(X[:, :4]), one)
        kept = again.session._states
        assert [*kept] == ["r/state0", "r/state1"]
        np.testing.assert_allclose(kept["r/state0"], one[:, -1, :3], atol=1e-6)
        np.testing.assert_allclose(kept["r/state1"], one[:, 0, 3:], atol=1e-6)
        named = {"r_input": X[:, 4:8], **kept}  # given by name they count, and nothing is kept
        explicit = again.session.run(named)
        np.testing.assert_allclose(explicit["r"], two, atol=1e-6)
        np.testing.assert_allclose(again.predict(X[:, 4:8]), two, atol=1e-6)


def test_batches(device):
    with glnn.Model(stateful("LSTM", False), device) as model:
        cut = model.predict(np.concatenate([X[:, :6], X[:, 6:]]), batch_size=3)
        model.reset_states()
        np.testing.assert_allclose(cut, np.concatenate([model.predict(X[:, :6]), model.predict(X[:, 6:])]), atol=1e-6)
        with pytest.raises(InputError, match=r"a batch of 2 .* those of 3 samples.*reset_states"):
            model.predict(X[:2])
        model.reset_states()
        assert model.predict(X[:2]).shape == (2, 12, 3)
        assert model.predict(X[:0]).shape == (0, 12, 3)


def test_threads_share_the_states():
    with glnn.Model(stateful("LSTM", False)) as model:
        model.predict(X[:, :1])
        expected = [model.predict(X[:, :1]) for _ in range(8)][-1]
        model.reset_states()
        model.predict(X[:, :1])
        threads = [threading.Thread(target=model.predict, args=(X[:, :1],)) for _ in range(7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        np.testing.assert_allclose(model.predict(X[:, :1]), expected, atol=1e-6)


def test_saved_and_quantized(tmp_path):
    with glnn.Model(stateful("GRU", True)) as model:
        model.save(tmp_path / "m.glnn")
        small = model.quantize("float16", calibrate=X[:, :4])
        with glnn.Model.load(tmp_path / "m.glnn") as loaded:
            for at in (0, 4, 8):
                expected = model.predict(X[:, at : at + 4])
                np.testing.assert_array_equal(loaded.predict(X[:, at : at + 4]), expected)
                np.testing.assert_allclose(small.predict(X[:, at : at + 4]), expected, atol=1e-2)
        assert [spec.name for spec in model.inputs] == ["r_input"] and [spec.name for spec in model.outputs] == ["r"]
        assert "state" not in str(model.summary(lambda _: None) or "").replace("r/state", "")
        small.close()


def test_a_page_refuses_states(tmp_path):
    with pytest.raises(UnsupportedError, match=r"stateful=True \(of r/state0"):
        glnn.Model(stateful("GRU", False)).export_web(tmp_path / "web", (1, 4, 4))
