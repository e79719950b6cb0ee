"""Profiles: every draw is there once, parts add up, and who measures leaves nothing behind.

How long things take is nobody's to test on a busy machine: benchmarks/bench.py --only profile judges the sum.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.models import conv_net, one
from support.networks import randomise

import glnn
from glnn.device import timers
from glnn.errors import InputError
from glnn.layers.recurrent import SimpleRNN
from glnn.measure.look.profile import traffic, typical
from glnn.model import Model

X = np.ones((2, 9, 7, 3), np.float32)


def test_draws_layers_and_parts(device: glnn.Device) -> None:
    with Model(conv_net(), device) as model:
        made = model.profile(X, repeat=4)
        plan = model.session.plan({"x": X.shape})
        assert [d.label for d in made.draws] == [d.label for d in plan.draws]
        assert [d.kernel for d in made.draws] == [d.kernel for d in plan.draws]
        assert all(d.turns == 1 and d.seconds > 0 and d.read > 0 and d.written > 0 for d in made.draws)
        assert made.samples == 2 and made.repeat == 4 and made.timer in ("clock", "queries")
        for part in (made.upload, made.read_back, made.handling, made.predict):
            assert part > 0
        assert made.sizes["weights"] == plan.weight_bytes and made.sizes["activations"] == plan.activation_bytes
        assert set(made.costs) == {"plan", "compile", "weights", "textures", "first draws"}
        assert sum(d.compile for d in made.draws) == pytest.approx(made.costs["compile"])
        assert sum(d.first for d in made.draws) == pytest.approx(made.costs["first draws"])
        assert {"conv", "dense"} <= set(made.flop)


def test_nothing_stays_on_the_device(device: glnn.Device) -> None:
    with Model(conv_net(), device) as model:
        expected = model.predict(X)
        before = device.counts()
        model.profile(X, repeat=1)
        assert device.counts() == before and device.error() == "GL_NO_ERROR"
        assert model.profile(X, repeat=1, first=False).costs == {}
        np.testing.assert_array_equal(model.predict(X), expected)


def test_turns_of_a_repeat_count(device: glnn.Device) -> None:
    rng = np.random.default_rng(0)
    sizes = {"kernel": (3, 4), "recurrent_kernel": (4, 4), "bias": (4,)}
    graph = one(SimpleRNN(4), (11, 3), **{k: rng.normal(size=s).astype(np.float32) for k, s in sizes.items()})
    with Model(graph, device) as model:
        made = model.profile(np.ones((1, 11, 3), np.float32), repeat=2, first=False)
    assert 11 in {d.turns for d in made.draws} and made.layer("layer").turns == sum(d.turns for d in made.draws)


def test_stateful_layers_keep_their_states(tmp_path: Path, device: glnn.Device) -> None:
    keras = pytest.importorskip("keras")
    network = keras.Sequential([keras.Input((5, 3), batch_size=2), keras.layers.LSTM(4, stateful=True)])
    randomise(network).save(tmp_path / "net.keras")
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    with Model.load(tmp_path / "net.keras", device=device) as model:
        model.predict(x)
        second = model.predict(x)
        model.reset_states()
        model.predict(x)
        model.profile(x, repeat=1, first=False)
        model.trace(x)
        np.testing.assert_allclose(model.predict(x), second, rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"dialect": "es100", "max_texture_size": 16}], ids=str)
def test_bytes_are_those_of_textures(options: dict[str, Any]) -> None:
    with glnn.Device(**options) as made, Model(conv_net(), made) as model:
        plan = model.session.plan({"x": X.shape})
        read, written = traffic(plan)
        slots = [s.width * s.height * max(1, s.layers) * 16 for s in plan.slots]
        for draw, wrote in zip(plan.draws, written, strict=True):
            assert 0 < wrote <= slots[draw.target]
        weights = sum(w.nbytes for w in plan.weights)
        assert 0 < sum(read) <= weights * len(plan.draws) + sum(slots) * len(plan.draws)
        if not options:  # a chain: what a draw reads besides its weights is what the one before it wrote
            for before, after, number in zip(plan.draws, plan.draws[1:], range(1, len(read)), strict=False):
                own = {n for kind, n, _ in after.textures if kind == "weight"}
                assert before.target in {n for kind, n, _ in after.textures if kind == "slot"}
                assert read[number] == written[number - 1] + sum(plan.weights[n].nbytes for n in own)


def test_wrong_arguments(device: glnn.Device) -> None:
    with Model(conv_net(), device) as model:
        for repeat in (0, True, 1.5):
            with pytest.raises(InputError, match="repeat="):
                model.profile(X, repeat=repeat)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="timer='stopwatch': allowed are auto, queries, clock"):
            model.profile(X, timer="stopwatch")
        with pytest.raises(InputError, match="no sample"):
            model.profile(X[:0])


def test_without_opengl() -> None:
    with glnn.Device("numpy") as numpy_device, Model(conv_net(), numpy_device) as model:
        made = model.profile(X, repeat=1)
        assert made.timer == "clock" and made.draws and made.between == 0
        with pytest.raises(InputError, match="no timer queries"):
            model.profile(X, timer="queries")


# ---- timers


def test_means_add_up_where_medians_do_not() -> None:
    rng = np.random.default_rng(0)
    rows = [np.ones(50) + 10 * (rng.random(50) < 0.1) for _ in range(20)]  # a tenth of the draws, never the same
    totals = sorted(row.sum() for row in rows)
    assert totals[4] <= typical(rows).sum() <= totals[-5]
    assert np.median(rows, 0).sum() < totals[0]
    assert len(typical(rows[:1])) == len(typical(rows[:2])) == 50


@pytest.mark.parametrize("kind", ["clock", "queries"])
def test_a_timer_tells_of_each_draw(device: glnn.Device, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "POOL", 4)  # fewer than the draws
    with Model(conv_net(), device) as model, device.use():
        executor = model.session.executor({"x": X.shape})
        executor.load({"x": X})
        made = timers.timer(device, kind, executor.draws[0])
        assert made.name == kind
        for _ in range(3):
            executor.replay(draw=made.draw)
        seconds = made.take()
        assert len(seconds) == 3 * len(executor.draws) and min(seconds) >= 0 and made.take() == []
        made.close()
    assert device.error() == "GL_NO_ERROR"


class Told(timers.Queries):
    """Queries that tell so many times of what the clock does."""

    factor = 1.0

    def __init__(self, device: Any):
        self.device, self._spent = device, list[float]()

    def draw(self, *arguments: Any) -> None:
        start = time.perf_counter()
        time.sleep(1e-3)
        self._spent.append((time.perf_counter() - start) * self.factor)

    def take(self) -> list[float]:
        spent, self._spent = self._spent, []
        return spent

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("factor", "name"), [(1.0, "queries"), (0.5, "clock"), (3.0, "clock"), (0.0, "clock")])
def test_queries_are_taken_only_where_they_tell_the_truth(
    device: glnn.Device, monkeypatch: pytest.MonkeyPatch, factor: float, name: str
) -> None:
    monkeypatch.setattr(Told, "factor", factor)
    monkeypatch.setattr(timers, "Queries", Told)
    monkeypatch.setattr(timers, "is_software", lambda renderer: False)
    assert timers.timer(device, "auto", ()).name == name


def test_software_is_timed_by_the_clock(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "is_software", lambda renderer: True)
    assert timers.timer(device, "auto", ()).name == "clock"
