"""The tuner: results stay what they are, what it found is drawn with and kept, what is wrong is dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.small_net import X, Y, graph

import glnn
from glnn import caching, passes
from glnn.errors import InputError
from glnn.plan import tables
from glnn.primitives.base import Recipe
from glnn.primitives.conv import Conv
from glnn.run import contest, tune
from glnn.run.session import Session

SHAPES = {"x": X.shape}


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(caching.VARIABLE, str(tmp_path))
    monkeypatch.setenv(tables.VARIABLE, "")
    monkeypatch.setattr(contest, "LEAST", 1e-4)
    monkeypatch.setattr(contest, "REPEATS", 2)
    monkeypatch.setattr(tune, "FOR_BLOCKS", 0.0)
    yield


def session(device: glnn.Device, tune: bool | None = None) -> Session:
    return Session(passes.optimize(graph()), device, tune)


def last_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has each contest won by its last candidate, whatever the time."""
    monkeypatch.setattr(contest.Outcome, "best", property(lambda self: list(self.seconds)[-1]))


def test_what_wins_is_drawn_with_at_once_and_by_later_sessions(
    device: glnn.Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_wins(monkeypatch)
    before = device.counts()
    with session(device) as one:
        usual, place = one.plan(SHAPES), one.place
        made = tune.tune(one, SHAPES, 60, verbose=0)
        rows = {row.label: row for row in made.rows}
        assert rows and all(row.chosen == list(row.seconds)[-1] != row.before for row in rows.values()) and made.kept
        chosen = {item.label: item.recipe for item in one.plan(SHAPES).chosen}
        assert chosen != {item.label: item.recipe for item in usual.chosen}
        np.testing.assert_allclose(one.run(X)["d"], Y, atol=1e-5)
    assert device.counts() == before
    assert tables.read(place).recipes == {row.key: row.chosen for row in made.rows}
    assert json.loads(Path(made.path).read_text())["renderer"] == device.renderer
    assert "kept" in str(made) and json.loads(made.to_json())["kept"] is True and "<pre>" in made.to_html()
    with session(device) as other, session(device, False) as plain:
        assert {item.label: item.recipe for item in other.plan(SHAPES).chosen} == chosen
        assert plain.plan(SHAPES).to_json() == usual.to_json()
        np.testing.assert_allclose(other.run(X)["d"], Y, atol=1e-5)


def test_what_is_not_faster_as_a_whole_is_not_kept(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def best(self: contest.Outcome) -> str:
        return "before" if "before" in self.seconds else list(self.seconds)[-1]

    monkeypatch.setattr(contest.Outcome, "best", property(best))
    with session(device) as one:
        usual = one.plan(SHAPES).to_json()
        made = tune.tune(one, SHAPES, 60, verbose=0)
        assert made.rows and not made.kept and one.plan(SHAPES).to_json() == usual
        assert tune.is_tuned(one, SHAPES) and not tables.read(one.place).recipes


def test_a_session_measures_once(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = tune.tune
    monkeypatch.setattr(tune, "tune", lambda *args: calls.append(args) or real(*args, 60.0, False, 0))
    for _ in range(2):
        with session(device, True) as one:
            np.testing.assert_allclose(one.run(X)["d"], Y, atol=1e-5)
            one.run(X)
    assert len(calls) == 1  # the second session finds what the first one kept
    with session(device) as one:
        one.run(X)
    assert len(calls) == 1
    monkeypatch.setenv(tables.VARIABLE, "yes")
    with pytest.raises(InputError, match="GLNN_TUNE='yes'"):
        session(device)


def test_a_recipe_that_is_wrong_is_dropped_with_a_warning(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    last_wins(monkeypatch)
    real = Conv.recipes

    def with_wrong(self: Conv, inputs, weights):  # type: ignore[no-untyped-def]
        def draw(b, finish):  # type: ignore[no-untyped-def]
            return real(self, inputs, {**weights, "bias": weights["bias"] * 1.001 + 0.01})[0].draw(b, finish)

        return [*real(self, inputs, weights), Recipe("wrong", draw)]

    monkeypatch.setattr(Conv, "recipes", with_wrong)
    with session(device) as one:
        with pytest.warns(UserWarning, match="'wrong' is not used, its outputs differ"):
            made = tune.tune(one, SHAPES, 60, verbose=0)
        assert all("wrong" in row.dropped and row.chosen != "wrong" for row in made.rows if "Conv" in row.key)
        np.testing.assert_allclose(one.run(X)["d"], Y, atol=1e-5)


def test_blocks_and_pieces_are_measured(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    last_wins(monkeypatch)
    monkeypatch.setattr(tune, "FOR_BLOCKS", 0.5)
    with session(device) as one:
        usual = {made.layout.block for made in one.plan(SHAPES).makes}
        made = tune.tune(one, SHAPES, 60, True, 0)
        assert made.blocks and {made.layout.block for made in one.plan(SHAPES).makes} != usual
        assert list(made.pieces) == [1, 2, 4] and one.piece({"x": X.shape[1:]}) in made.pieces
        np.testing.assert_allclose(one.run(X)["d"], Y, atol=1e-5)


def test_no_time_left_leaves_all_as_it_is(device: glnn.Device) -> None:
    with session(device) as one:
        usual, piece = one.plan(SHAPES).to_json(), one.piece({"x": X.shape[1:]})
        made = tune.tune(one, SHAPES, 0, True, verbose=0)
        assert not made.by_blocks and not made.by_fetch  # nothing is begun
        assert not made.pieces and one.piece({"x": X.shape[1:]}) == piece  # not the smallest, which came first
        assert not made.rows and one.plan(SHAPES).to_json() == usual


def test_a_model_tunes_and_its_sizes_must_be_known(device: glnn.Device) -> None:
    with glnn.Model(graph(), device) as model:
        assert model.tune(SHAPES, 0, 0).name == "small"
    fixed = graph().with_(inputs=(glnn.graph.TensorSpec("x", (3, *X.shape[1:])),))
    with glnn.Model(fixed, device) as model:
        assert not model.tune(seconds=60, verbose=0).pieces  # there is nothing to cut
    free = graph().with_(inputs=(glnn.graph.TensorSpec("x", (None, None, None, 3)),))
    with glnn.Model(free, device) as model, pytest.raises(InputError, match="input_shapes"):
        model.tune()
