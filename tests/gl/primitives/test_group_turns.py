"""How many groups of channels a turn of a sum's loop takes: where they fit, and the same results but for rounding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.devices import OneDevice
from support.drawn import drawn

from glnn.graph import Graph, Node, TensorSpec
from glnn.layout import Limits
from glnn.plan import Plan, make_plan
from glnn.plan.choice import Choice
from glnn.primitives.conv import Conv
from glnn.primitives.sums import WRITTEN_TAPS

DEVICES: dict[str, dict[str, Any]] = {
    "es300": {"dialect": "es300"},
    "split": {"dialect": "es300", "max_texture_size": 16},
    "compute": {"stage": "compute"},
}
ONE = OneDevice()


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    yield
    ONE.close()


def dense(*shape: int, units: int = 8) -> tuple[Graph, dict[str, np.ndarray]]:
    """A graph of a dense layer on inputs of this shape, and such inputs."""
    return convolution((), *shape, filters=units)


def convolution(size: tuple[int, ...], *shape: int, filters: int = 8) -> tuple[Graph, dict[str, np.ndarray]]:
    """The same of a convolution."""
    rng, ones = np.random.default_rng(len(shape)), (1,) * len(size)
    kernel = rng.standard_normal((*size, shape[-1], filters), np.float32)
    weights = {"kernel": kernel, "bias": rng.standard_normal(filters, np.float32)}
    node = Node("conv", Conv(filters, size, ones, ones, "valid"), ("x",), ("y",), weights)
    return Graph("conv", (TensorSpec("x", shape),), (node,), ("y",)), {"x": rng.standard_normal(shape, np.float32)}


@pytest.mark.parametrize("config", DEVICES)
@pytest.mark.parametrize(
    "network",
    [
        dense(3, 64), dense(2, 1024), dense(1, 12288, units=4), dense(1, 5, 7, 32), convolution((1, 1), 2, 6, 9, 32),
        convolution((3, 3), 1, 9, 12, 16), convolution((2, 5), 1, 9, 12, 24), convolution((2, 2, 2), 1, 4, 5, 6, 16),
    ],
    ids=["dense", "long", "in two draws", "of pixels", "points", "3x3", "2x5", "volume"],
)  # fmt: skip
def test_groups_a_turn_change_nothing_but_rounding(config: str, network: tuple[Graph, dict[str, np.ndarray]]) -> None:
    device, (whole, inputs) = ONE.of(**DEVICES[config]), network
    usual = drawn(device, whole, inputs, Choice())[0]["y"]
    texts = set()
    for number in (2, 4):
        name = f"{number} groups a turn"
        made, plan = drawn(device, whole, inputs, Choice(forced=name))
        if name not in plan.chosen[0].able:
            assert number * whole.nodes[0].weights["kernel"][..., 0, 0].size > WRITTEN_TAPS
            continue
        assert plan.chosen[0].recipe == name and all(f"#define GU {number}\n" in t.fragment for t in texts_of(plan))
        texts |= set(plan.programs)
        np.testing.assert_allclose(made["y"], usual, atol=1e-6 * np.abs(usual).max() * inputs["x"].shape[-1] ** 0.5)
    assert texts


def texts_of(plan: Plan) -> list[Any]:
    """The texts of sums."""
    return [text for text in plan.programs.values() if text.kernel == "conv"]


def test_groups_a_turn_where_they_fit() -> None:
    def able(shape: tuple[int, ...], size: tuple[int, ...] = (), limits: Limits | None = None) -> list[str]:
        given, _ = convolution(size, *shape)
        plan = make_plan(given, {"x": shape}, limits or Limits())
        assert all("groups a turn" not in item.recipe for item in plan.chosen)  # the estimate stays what it was
        return [name.split()[0] for item in plan.chosen for name in item.able if "a turn" in name]

    assert able((3, 64)) == able((1, 6, 9, 64), (1, 1)) == ["1", "2", "4"]
    assert able((3, 24)) == ["1", "2"] and able((3, 12)) == []
    assert able((1, 9, 12, 16), (3, 3)) == ["2", "4"] and able((1, 9, 12, 16), (4, 4)) == ["2"]
    assert able((1, 9, 12, 16), (5, 5)) == able((1, 9, 12, 4), (3, 3)) == []
    assert able((3, 64), limits=Limits(precision="mediump")) == []  # whose loops are not written out
    assert able((3, 64), limits=Limits(float_target="rgba8", draw_buffers=1)) == []
    given, _ = dense(1, 2048)
    assert "#define GU 4\n" in texts_of(make_plan(given, {"x": (1, 2048)}, Limits()))[0].fragment
