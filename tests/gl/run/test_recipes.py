"""Forms of fetches: the same bits, on devices that lack one, and what a tuner makes of them and of groups a turn."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.case import Case
from cases.keras import CASES
from support.devices import OneDevice
from support.drawn import drawn
from support.replays import different_bits
from support.shares import kept
from support.small_net import X, Y, graph

import glnn
from glnn import caching, passes
from glnn.layout import Limits
from glnn.plan import make_plan, tables
from glnn.plan.choice import Choice
from glnn.run import contest, tune
from glnn.run.session import Session
from glnn.testing import layer_graph

DEVICES: dict[str, dict[str, Any]] = {
    "es300": {"dialect": "es300"},
    "gl330": {"dialect": "gl330", "draw_buffers": 4},
    "split": {"dialect": "es300", "max_texture_size": 16},
    "half": {"float_targets": ["float16"]},
    "bytes": {"float_targets": ["rgba8"], "draw_buffers": 1, "texture_units": 8},
    "compute": {"stage": "compute"},
}
SHARE = 270  # one case in so many; --whole all
SHAPES = {"x": X.shape}
ONE = OneDevice()


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    yield
    ONE.close()


def marked(config: str, case: Case) -> Any:
    rest = zlib.crc32(f"fetch {config} {case.name}".encode()) % SHARE
    return pytest.param(config, case, id=f"{config}-{case.name}", marks=[pytest.mark.whole] if rest else [])


@pytest.mark.parametrize(("config", "case"), kept([marked(config, case) for config in DEVICES for case in CASES]))
def test_both_forms_of_fetches_give_the_same_bits(config: str, case: Case) -> None:
    device = ONE.of(**DEVICES[config])
    whole = layer_graph(case.layer, [x.shape for x in case.inputs], case.weights)
    inputs = {spec.name: x for spec, x in zip(whole.inputs, case.inputs, strict=True)}
    forms = device.limits.fetches
    assert set(forms) == {"texture", "texelFetch"}
    (usual, first), (other, second) = (drawn(device, whole, inputs, Choice(fetch=form)) for form in forms)
    assert (first.fetch, second.fetch) == forms and len(first.draws) == len(second.draws)
    assert different_bits(*(numbers(made) for made in (other, usual))) == 0


def numbers(made: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs with every NaN written alike: which of them comes is nobody's."""
    return {name: np.where(np.isnan(array), np.float32(np.nan), array) for name, array in made.items()}


def test_a_form_that_a_dialect_lacks_is_passed_over() -> None:
    net = passes.optimize(graph())
    for limits in (Limits(dialect="es100", draw_buffers=1), Limits(), Limits(dialect="gl430")):
        usual = make_plan(net, SHAPES, limits)
        for form in ("texture", "texelFetch", "texture2D", "anything"):
            plan = make_plan(net, SHAPES, limits, choice=Choice(fetch=form))
            taken = form if form in limits.fetches else limits.fetches[0]
            assert plan.fetch == taken and (plan.to_json() == usual.to_json()) == (taken == usual.fetch)
            for text in plan.programs.values():
                if text.kernel.startswith("tiles"):
                    continue  # these find texels by whole numbers
                assert f"#define FETCH2(s, at) {taken}(" in text.fragment and text.fragment.count("#define FETCH") == 2
    for limits, words in ((Limits(), "es300 with texelFetch"), (Limits(dialect="gl430"), "gl430,")):
        plan = make_plan(net, SHAPES, limits, choice=Choice(fetch="texelFetch"))
        assert f"programs in {words}" in repr(plan) and f"programs in {words}" in plan._repr_html_()


# ---- the tuner


@pytest.fixture
def times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, float]], None]:
    """Has contests tell these seconds for candidates by name, 1.0 for others, and for the whole what its plan says."""
    monkeypatch.setenv(caching.VARIABLE, str(tmp_path))
    monkeypatch.setenv(tables.VARIABLE, "")
    monkeypatch.setattr(tune, "FOR_BLOCKS", 0.0)

    def tell(seconds: dict[str, float]) -> None:
        def by_turns(device: glnn.Device, made: dict[str, Any], *_: Any) -> dict[str, float]:
            return {name: seconds.get(name, 1.0) for name in made}

        monkeypatch.setattr(contest, "by_turns", by_turns)

    return tell


def session(device: glnn.Device) -> Session:
    return Session(passes.optimize(graph()), device)


def test_the_faster_form_of_fetches_is_kept_and_drawn_with(device: glnn.Device, times: Any) -> None:
    usual, other = device.limits.fetches
    times({other: 0.5, "after": 0.6})
    with session(device) as one:
        before, place = one.plan(SHAPES), one.place
        made = tune.tune(one, SHAPES, 60, verbose=0)
        plan = one.plan(SHAPES)
        assert (made.fetch, made.by_fetch) == (other, {usual: 1.0, other: 0.5}) and made.kept
        assert (before.fetch, plan.fetch) == (usual, other) and plan.to_json() != before.to_json()
        np.testing.assert_allclose(one.run(X)["d"], Y, atol=1e-5)
        assert f"by the form of fetches: {usual} 1000.000, {other} 500.000" in str(made)
        assert made.to_dict()["fetch"] == other and made.to_dict()["fetches_s"][other] == 0.5
    assert tables.read(place).networks[tables.network(passes.optimize(graph()))]["fetch"] == other
    with session(device) as later:
        assert later.plan(SHAPES).to_json() == plan.to_json()  # what was kept
        assert later.plan(SHAPES, Limits(dialect="es100", draw_buffers=1)).fetch == "texture2D"
        times({usual: 0.5, "conv, row by row": 0.5, "after": 0.6})  # and back, where something else is faster now
        assert tune.tune(later, SHAPES, 60, verbose=0).fetch == usual
        later.learn(tables.read(place))
        assert later.plan(SHAPES).fetch == usual


def test_a_form_that_is_hardly_faster_or_not_as_a_whole_is_not_kept(device: glnn.Device, times: Any) -> None:
    usual, other = device.limits.fetches
    for seconds in ({other: 0.98}, {other: 0.5, "after": 1.1}):
        times(seconds)
        with session(device) as one:
            before = one.plan(SHAPES).to_json()
            made = tune.tune(one, SHAPES, 60, verbose=0)
            assert not made.kept and made.fetch == "" and made.by_fetch[other] == seconds[other]
            assert one.plan(SHAPES).to_json() == before


def test_the_faster_number_of_groups_a_turn_is_kept(times: Any) -> None:
    times({"2 groups a turn": 0.5, "after": 0.6})
    device = ONE.of(stage="fragment")
    with session(device) as one:
        made = tune.tune(one, SHAPES, 60, verbose=0)
        rows = {row.label: row for row in made.rows if row.key.startswith("Conv(")}
        two = "2 groups a turn"
        assert {label: row.chosen for label, row in rows.items()} == {"a": "conv", "b": two, "d": two}
        assert "draws what" in rows["d"].dropped["1 group a turn"]  # which is how it is drawn anyhow
        texts = [text for text in one.plan(SHAPES).programs.values() if text.kernel == "conv"]
        assert {"#define GU 2\n" in text.fragment for text in texts} == {True, False}  # the first has one group
        np.testing.assert_allclose(one.run(X)["d"], Y, atol=1e-5)
    with session(device) as later:
        chosen = [(item.label, item.recipe) for item in later.plan(SHAPES).chosen]
        assert ("b", two) in chosen and ("d", two) in chosen
