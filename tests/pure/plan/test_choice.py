"""Which recipe is drawn, and in which blocks: by order, by estimated costs, by what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from glnn.errors import LimitError
from glnn.graph import Graph, Node, TensorSpec
from glnn.layout import Limits
from glnn.layout.blocks import Blocks, own_block
from glnn.plan import make_plan
from glnn.plan.choice import Choice, Workload
from glnn.primitives.base import Recipe
from glnn.primitives.conv import Conv
from glnn.primitives.expr import RESULT, Apply
from glnn.primitives.functions import FUNCTIONS
from glnn.quant import linear

SHAPE = (1, 12, 20, 8)
CONV = Conv(8, (3, 3), (1, 1), (1, 1), "same", use_bias=False)
KERNEL = np.ones((3, 3, 8, 8), np.float32)


def recipe(name: str, cost: float | None = None, fits: bool = True) -> Recipe:
    return Recipe(name, lambda b, _: None, lambda limits: fits, None if cost is None else lambda limits: cost)


def network() -> Graph:
    nodes = (
        Node("a", CONV, ("x",), ("y",), {"kernel": KERNEL}),
        Node("b", CONV, ("y",), ("z",), {"kernel": KERNEL}),
    )
    return Graph("net", (TensorSpec("x", (None, *SHAPE[1:])),), nodes, ("z",))


def plan(choice: Choice | None = None, limits: Limits | None = None):  # type: ignore[no-untyped-def]
    return make_plan(network(), {"x": SHAPE}, limits or Limits(), choice=choice or Choice())


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ([recipe("a"), recipe("b")], "a"),
        ([recipe("a", fits=False), recipe("b")], "b"),
        ([recipe("a", 2.0), recipe("b", 1.0)], "b"),
        ([recipe("a", 1.0), recipe("b", 1.0)], "a"),
        ([recipe("a", 2.0), recipe("b"), recipe("c", 1.0)], "c"),
        ([recipe("a"), recipe("b", 1.0)], "a"),  # nobody knows what the first costs
        ([recipe("a", 2.0), recipe("b", 1.0, fits=False)], "a"),
    ],
)
def test_by_order_and_cost(given: list[Recipe], taken: str) -> None:
    workload = Workload(CONV, (SHAPE,), {"kernel": KERNEL})
    assert Choice().recipe(workload, given, Limits()).name == taken


def test_what_was_measured_comes_first_where_it_can_be_drawn() -> None:
    workload = Workload(CONV, (SHAPE,), {"kernel": KERNEL})
    cheap, fast, large = recipe("cheap", 1.0), recipe("fast", 9.0), recipe("large", 5.0, fits=False)
    for name, taken in (("fast", "fast"), ("large", "cheap"), ("gone", "cheap")):
        choice = Choice({workload.key: name})
        assert choice.recipe(workload, [cheap, fast, large], Limits()).name == taken
    with pytest.raises(LimitError, match="large"):
        Choice().recipe(workload, [large], Limits())


def test_a_key_tells_what_takes_time_and_nothing_else() -> None:
    key = Workload(CONV, (SHAPE,), {"kernel": KERNEL}, ((1, 1), (2, 4))).key
    assert key == (
        "Conv(filters=8, kernel_size=(3, 3), strides=(1, 1), dilation=(1, 1), padding='same', use_bias=False) "
        "of 1x12x20x8; float32; in blocks of 1x1, 2x4"
    )
    relu = Conv(8, (3, 3), (1, 1), (1, 1), "same", use_bias=False, finish=Apply(FUNCTIONS["relu"], (RESULT,)))
    assert Workload(relu, (SHAPE,), {"kernel": KERNEL}, ((1, 1), (2, 4))).key == key
    codes = linear(KERNEL, "uint8")
    assert "; uint8;" in Workload(CONV, (SHAPE,), {"kernel": codes}).key
    assert Workload(CONV, ((2, *SHAPE[1:]),), {"kernel": KERNEL}, ((1, 1), (2, 4))).key != key


def test_a_plan_tells_what_was_chosen() -> None:
    first, second = plan().chosen
    assert (first.label, first.recipe) == ("a", "conv")
    assert first.able == ("conv", "conv, row by row", "winograd", "conv in loops", "2 groups a turn")
    assert first.workload.key == second.workload.key  # the input of the network lies in blocks, as what follows
    assert len(plan().draws) == 2
    chosen = plan(Choice({second.workload.key: "conv, row by row"}))
    assert [item.recipe for item in chosen.chosen] == ["conv, row by row"] * 2
    assert [draw.label for draw in chosen.draws] == ["a", "b"]


def test_blocks_of_a_size() -> None:
    usual = own_block(12, 20, None, 8)
    other = (1, 4) if usual != (1, 4) else (1, 2)
    assert plan().outputs[0].layout.block == usual
    assert plan(Choice(blocks={(12, 20): other})).outputs[0].layout.block == other
    assert plan(Choice(blocks={(20, 12): other})).outputs[0].layout.block == usual
    few = Limits(draw_buffers=2)
    assert (
        plan(Choice(blocks={(12, 20): (1, 4)}), few).outputs[0].layout.block == plan(None, few).outputs[0].layout.block
    )
    assert Blocks(None, (((12, 20), (2, 4)),)).of(12, 20, 8, rows=1)[0] == 1
    es100 = Limits(dialect="es100", draw_buffers=1)
    assert plan(Choice(blocks={(12, 20): (1, 4)}), es100).outputs[0].layout.block == (1, 1)
