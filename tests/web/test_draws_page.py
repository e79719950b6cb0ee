"""The page that CompareReport.reproduce writes: it draws in a browser what drew wrong, and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.faulty import FAULTS, SHAPE, network, plant

import glnn
from glnn.errors import UnsupportedError
from glnn.layers.core import Dense
from glnn.layers.recurrent import GRU, LSTM
from glnn.model import Model
from glnn.testing.layers import layer_graph
from glnn.web.draws import draws_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

X = np.random.default_rng(1).normal(size=(1, *SHAPE)).astype(np.float32)


def shown(page: Page, file: Path) -> dict[str, Any]:
    page.goto(file.as_uri())
    page.wait_for_function("window.result")
    result: dict[str, Any] = page.evaluate("window.result")
    assert "failed" not in result and result["error"] == 0, result
    return result


LAYERS = ["conv", "prelu", "transposed", "max_pool", "layer_norm", "digit", "attention", "lstm"]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_fault_is_drawn_and_named(
    layer: str, new_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch, glnn.Device() as device:
        plant(patch, *(fault for fault in FAULTS if fault.layer == layer))
        with Model(network(), device) as model:
            path = model.compare(X, verbose=0).reproduce(layer, tmp_path)
    page = new_page()
    result = shown(page, path.with_suffix(".html"))
    assert 0 < len(result["wrong"]) <= result["total"]
    assert page.inner_text("#verdict").startswith("WRONG") and "Found on" in page.inner_text("body")


def test_a_sound_layer_is_right(new_page: Callable[..., Page], tmp_path: Path) -> None:
    with glnn.Device() as device, Model(network(), device) as model:
        for name, layers in (("conv", model.layers[:3]), ("digit", [model.get_layer("digit")])):
            node = layers[-1]
            shape = X.shape if name == "conv" else (1, 25)
            graph = model.graph.with_(
                inputs=(model.graph.inputs[0].__class__(layers[0].inputs[0], shape),),
                nodes=tuple(layers), outputs=node.outputs, output_names=(),
            )  # fmt: skip
            x = {layers[0].inputs[0]: np.random.default_rng(2).normal(size=shape).astype(np.float32)}
            with Model(graph, device) as one:
                plan = one.plan({key: array.shape for key, array in x.items()})
                expected = one.reference(x)[node.outputs[0]]
                text = draws_page(plan, one.session.store.values, x, expected, 1e-4, "<b>right</b>", "about & so on")
                (tmp_path / f"{name}.html").write_text(text)
                bad = draws_page(plan, one.session.store.values, x, expected + 1, 1e-4, "wrong", "")
                (tmp_path / "bad.html").write_text(bad)
            page = new_page()
            assert shown(page, tmp_path / f"{name}.html")["wrong"] == []
            assert page.inner_text("h1") == "<b>right</b>" and page.inner_text("#verdict").startswith("right: all")
            assert len(shown(page, tmp_path / "bad.html")["wrong"]) == expected.size


def test_what_is_refused() -> None:
    graph = layer_graph(Dense(2, use_bias=False), [(1, 3)], {"kernel": np.ones((3, 2), np.float32)})
    with Model(graph, glnn.Device("numpy", dialect="es100")) as model:
        plan = model.plan({"x0": (1, 3)})
        with pytest.raises(UnsupportedError, match="dialect es100"):
            draws_page(plan, model.session.store.values, {}, np.zeros((1, 2)), 0, "", "")
    many = layer_graph(GRU(2), [(1, 5000, 1)], {s.name: np.ones(s.shape, "f") for s in GRU(2).weight_specs((1, 1, 1))})
    with Model(many, glnn.Device("numpy")) as model:
        plan = model.plan({"x0": (1, 5000, 1)})
        with pytest.raises(UnsupportedError, match="40,003 draws in all turns"):
            draws_page(plan, model.session.store.values, {}, np.zeros((1, 2)), 0, "", "")


@pytest.mark.parametrize("layer", [LSTM(3), LSTM(3, return_sequences=True), GRU(5, return_sequences=True)], ids=repr)
def test_turns_are_drawn_one_by_one(layer: Any, new_page: Callable[..., Page], tmp_path: Path) -> None:
    """Of an odd number of turns and an even one: what swaps, and what goes from section to section of a stack."""
    rng = np.random.default_rng(3)
    weights = {s.name: rng.normal(size=s.shape).astype("f") for s in layer.weight_specs((2, 4, 2))}
    for turns in (4, 5):
        x = rng.normal(size=(2, turns, 2)).astype(np.float32)
        with Model(layer_graph(layer, [x.shape], weights), glnn.Device("numpy")) as model:
            plan, expected = model.plan({"x0": x.shape}), model.reference(x)
        text = draws_page(plan, model.session.store.values, {"x0": x}, expected, 1e-5, "turns", "")
        (tmp_path / "turns.html").write_text(text)
        page = new_page()
        assert shown(page, tmp_path / "turns.html")["wrong"] == []
        assert f"in {turns} turns" in page.inner_text("#draws")
