"""Inputs that no texture holds: read where they are in the text, drawn first where a kernel or a device cannot."""

from __future__ import annotations

import pytest

from glnn.graph.graph import Graph
from glnn.kernels.virtual import Join, Of
from glnn.layout.limits import Limits
from glnn.plan.builder import PlanBuilder
from glnn.plan.drafts import DrawSpec, each_spec
from glnn.plan.weights import WeightStore
from glnn.primitives.base import Computed, Epilogue, Joined, Value
from glnn.primitives.expr import Apply, Expr, In
from glnn.primitives.operations import OPERATIONS

SHAPE = (2, 5, 12)


def builder(units: int = 16) -> PlanBuilder:
    return PlanBuilder(Limits(texture_units=units), WeightStore(Graph("g", (), (), ())))


def added(b: PlanBuilder, count: int) -> Computed:
    expr: Expr = In(0)
    for k in range(1, count):
        expr = Apply(OPERATIONS["add"], (expr, In(k)))
    return Computed(SHAPE, Epilogue(expr, {k: b.value(SHAPE) for k in range(count)}))


def drawn(b: PlanBuilder) -> list[tuple[str, int]]:
    return [(draft.kernel, len(draft.inputs)) for draft in each_spec(b.steps)]


def first(b: PlanBuilder) -> DrawSpec:
    return next(each_spec(b.steps))


def softmax(b: PlanBuilder, x: Computed | Joined | Value) -> None:
    b.draw("softmax_chunked", x.shape, {"x": x, "sums": b.value((2, 5, 4))}, const={"LOG": 0})


def test_a_kernel_of_texels_reads_what_is_computed() -> None:
    b = builder()
    softmax(b, added(b, 3))
    assert drawn(b) == [("softmax_chunked", 4)]
    (virtual,) = first(b).virtual.values()
    assert isinstance(virtual, Of) and set(virtual.names) | {"sums"} == set(first(b).inputs)


@pytest.mark.parametrize(("units", "count"), [(8, 8), (4, 4)])
def test_what_has_no_room_is_drawn_first(units: int, count: int) -> None:
    b = builder(units)
    softmax(b, added(b, count))
    assert drawn(b) == [("map", count), ("softmax_chunked", 2)]
    softmax(b, added(b, count - 1))
    assert drawn(b)[2:] == [("softmax_chunked", count)]


def test_a_blocked_kernel_gets_it_drawn() -> None:
    b = builder()
    b.draw(
        "maxpool",
        SHAPE,
        {"x": added(b, 2)},
        const={"KH": 1, "KW": 1, "SH": 1, "SW": 1, "DH": 1, "DW": 1, "PT": 0, "PL": 0},
    )
    assert [name for name, _ in drawn(b)] == ["map", "maxpool"]


@pytest.mark.parametrize(
    ("count", "draws"),
    [(2, [2]), (16, [16]), (17, [9, 8, 2]), (33, [11, 11, 11, 3]), (40, [14, 14, 12, 3])],
)
def test_a_concatenation_takes_the_fewest_draws(count: int, draws: list[int]) -> None:
    b = builder()
    joined = Joined(tuple(b.value((2, 5, 4)) for _ in range(count)), 2)
    b.draw("concat", joined.shape, {"x": joined})
    made = [reads for _, reads in drawn(b)]
    assert (
        max(made) <= 16 and sum(made) - len(made) + 1 == count
    )  # each is read once, and each draw's result but the last
    assert made == draws


@pytest.mark.parametrize(("sizes", "axis", "starts"), [((4, 8, 3), 2, ()), ((4, 3, 4), 2, (0, 4, 7)), ((3, 5), 1, ())])
def test_texels_of_several_tensors_are_known(sizes: tuple[int, ...], axis: int, starts: tuple[int, ...]) -> None:
    b = builder()
    values = tuple(b.value(tuple(size if k == axis else s for k, s in enumerate(SHAPE))) for size in sizes)
    b.draw("concat", Joined(values, axis).shape, {"x": Joined(values, axis)})
    virtual = first(b).virtual["x"]
    assert isinstance(virtual, Join) and (virtual.axis, virtual.starts) == (axis + 1, starts)
