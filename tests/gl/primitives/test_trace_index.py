"""The words of a Trace that pick, put, sort and number: in any order of axes, fused, saved and read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.errors import LimitError
from glnn.formats.native.values import check_types, decoded, encoded
from glnn.layers.base import Layer
from glnn.passes import optimize
from glnn.plan import make_plan
from glnn.primitives.base import PRIMITIVES
from glnn.primitives.expand import computed, expand
from glnn.primitives.order import TopK
from glnn.primitives.scatter import Scatter
from glnn.testing import layer_graph, run_layer

RNG = seeded(3)


@dataclass(frozen=True, eq=False)
class Built(Layer):
    """A layer that builds what a function says."""

    arity = None
    make: Any = None

    def build(self, t: Any, *xs: Any, w: Any) -> Any:
        return self.make(t, *xs)


@pytest.fixture(scope="module")
def device() -> Iterator[glnn.Device]:
    with glnn.Device() as made:
        yield made


def numbered(shape: tuple, rows: int) -> np.ndarray:
    return RNG.integers(0, rows, shape).astype(np.float32)


X = RNG.standard_normal((2, 5, 4, 3)).astype(np.float32)
TURNED = X.transpose(0, 3, 1, 2)
P = numbered((6,), 5)
WORDS = {
    "take": (lambda t, x: t.take(t.transpose(x, (0, 3, 1, 2)), t.weight(P), 2), np.take(TURNED, P.astype(int), 2)),
    "take, both known": (lambda t, x: x + t.take(t.weight(X[0]), t.weight(P[:1]), 0), X + X[0, int(P[0])]),
    "a known table": (
        lambda t, x: t.take(t.weight(TURNED[0]), t.index(t.reduce("sum", x, (1, 2)), 1), 1),
        TURNED[0][:, [[0, 1, 2]] * 2],
    ),
    "sort": (lambda t, x: t.sort(t.transpose(x, (0, 3, 1, 2)), 2, True), -np.sort(-TURNED, 2)),
    "argsort": (lambda t, x: t.argsort(t.transpose(x, (0, 3, 1, 2)), 1), np.argsort(TURNED, 1, kind="stable")),
    "cumulate": (lambda t, x: t.cumulate("sum", t.transpose(x, (0, 3, 1, 2)), 1), np.cumsum(TURNED, 1)),
    "index": (
        lambda t, x: (y := t.transpose(x, (0, 3, 1, 2))) * 2.0 + t.index(y, 1) * 10.0,
        TURNED * 2 + 10 * np.arange(3)[:, None, None],
    ),
    "index, before sums": (
        lambda t, x: t.reduce("sum", t.apply("multiply", t.index(x, 2), x), 2),
        (X * np.arange(4)[:, None]).sum(2),
    ),
    "causal": (
        lambda t, x: t.where(t.apply("less_equal", t.index(x, 3), t.index(x, 2)), x, 0.0),
        np.tril(X),
    ),
    "onto zeros": (
        lambda t, x: t.scatter(t.weight(np.zeros((9, 4, 3))), t.weight(P[:5]), t.reduce("sum", x, 0), "add"),
        np.add.reduce([np.eye(9)[int(p)][:, None, None] * X.sum(0)[k] for k, p in enumerate(P[:5])]),
    ),
    "topk by name": (lambda t, x: t.apply("exp", t.topk(x, 2, 1)[0]), np.exp(-np.sort(-X, 1)[:, :2])),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_a_word(device: glnn.Device, name: str) -> None:
    make, want = WORDS[name]
    layer = Built(make=make)
    (reference,) = computed(layer, [X.astype(np.float64)], {})
    np.testing.assert_allclose(reference, want, rtol=1e-6, atol=1e-6)
    (got,) = run_layer(device, layer, [X]).outputs
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_both_outputs_of_a_node_are_used(device: glnn.Device) -> None:
    def make(t: Any, x: Any) -> list:
        values, places = t.topk(x, 3, 1)
        return [t.apply("relu", values), places, values + places]

    values = -np.sort(-X, 1)[:, :3]
    places = np.argsort(-X, 1, kind="stable")[:, :3]
    for model in (Built(make=make),):
        graph = layer_graph(model, [X.shape], {})
        plan = make_plan(graph, {"x0": X.shape}, device.limits)
        assert [t.shape for t in plan.outputs] == [(2, 3, 4, 3)] * 3
        with glnn.Model(graph, device) as ready:
            made = [np.asarray(y) for y in ready.predict(X, verbose=0)]
        for got, want in zip(made, (np.maximum(values, 0), places, values + places), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-6)


def test_one_output_alone(device: glnn.Device) -> None:
    for k, want in ((0, np.sort(X, 1)), (1, np.argsort(X, 1, kind="stable"))):
        (got,) = run_layer(device, Built(make=lambda t, x, k=k: t.topk(x, None, 1, False)[k]), [X]).outputs
        np.testing.assert_array_equal(got, want)


def test_numbers_go_into_the_draw_before(device: glnn.Device) -> None:
    """An index fuses as any function does, and means the same there."""
    layer = Built(make=lambda t, x: t.cumulate("sum", x, 1) + t.index(x, 1) * 10.0)
    assert len(make_plan(layer_graph(layer, [X.shape], {}), {"x0": X.shape}, device.limits).draws) == 1
    np.testing.assert_allclose(
        run_layer(device, layer, [X]).outputs[0], np.cumsum(X, 1) + 10 * np.arange(5)[:, None, None], rtol=1e-5
    )


def test_a_known_operand_is_a_weight_that_no_codec_rounds() -> None:
    graph = expand(layer_graph(Built(make=WORDS["take"][0]), [X.shape], {}))
    (node,) = [node for node in optimize(graph).nodes if node.weights]
    assert {name: w.ndim for name, w in node.weights.items()} == {"places": 1}


def test_primitives_are_saved_and_read() -> None:
    import cases.primitives_index as table

    for primitive, *_ in table.CASES:
        config = {field.name: getattr(primitive, field.name) for field in fields(primitive)}  # type: ignore[arg-type]
        read = {name: decoded(encoded(value, "here")) for name, value in config.items()}
        check_types(type(primitive), read)
        assert type(primitive)(**read) == primitive
        assert type(primitive) in PRIMITIVES.values()
    with pytest.raises(ValueError, match="-6 to -1"):
        decoded({"index": 0})


def test_many_updates_are_put_in_bands(device: glnn.Device) -> None:
    """More than one draw looks through; the last of several for one place stays."""
    count = 15000
    p, u = numbered((count,), 3), RNG.standard_normal(count).astype(np.float32)
    x = np.zeros(3, np.float32)
    for kind in ("set", "max"):
        run = run_layer(device, Scatter("axis", 0, kind), [x, p, u])
        assert len(run.plan.draws) == 3
        np.testing.assert_array_equal(run.outputs[0], Scatter("axis", 0, kind).reference([x, p, u], {}))


def test_what_would_take_forever_is_refused(device: glnn.Device) -> None:
    with pytest.raises(LimitError, match="compared with all others"):
        make_plan(layer_graph(TopK(3), [(1, 70000)], {}), {"x0": (1, 70000)}, device.limits)
    shapes = [(5, 5), (448001, 1), (448001,)]
    layer = Scatter("nd", 0, "add")
    with pytest.raises(LimitError, match="looked through"):
        make_plan(layer_graph(layer, [(5,), *shapes[1:]], {}),
                  {"x0": (5,), "x1": shapes[1], "x2": shapes[2]}, device.limits)  # fmt: skip


def test_long_axes(device: glnn.Device) -> None:
    x = RNG.integers(-3, 4, (2, 5000)).astype(np.float32)
    (got,) = run_layer(device, Built(make=lambda t, x: t.cumulate("sum", x)), [x]).outputs
    np.testing.assert_array_equal(got, np.cumsum(x, 1))
    values, places = run_layer(device, TopK(7), [x[:, :3000]]).outputs
    np.testing.assert_array_equal(places, np.argsort(-x[:, :3000], 1, kind="stable")[:, :7])
    np.testing.assert_array_equal(values, -np.sort(-x[:, :3000], 1)[:, :7])


def test_half_targets_keep_numbers_of_elements() -> None:
    x = RNG.permutation(5000).astype(np.float32)[None] / 8
    with glnn.Device(float_targets=["float16"]) as half:
        exact = x.astype(np.float16).astype(np.float32)
        places = run_layer(half, TopK(9), [x]).outputs[1]
    np.testing.assert_array_equal(places, np.argsort(-exact, 1, kind="stable")[:, :9])


def test_an_enlarged_constant_stays_finite(device: glnn.Device) -> None:
    from glnn.primitives.resample import Resample

    x = np.full((1, 7, 5, 3), np.finfo("f").max, np.float32)
    for sizes in ((9, 13), (3, 2), (20, 4)):
        (got,) = run_layer(device, Resample(sizes=sizes, antialias=True), [x]).outputs
        np.testing.assert_allclose(got, x[0, 0, 0, 0], rtol=1e-6)
