"""The references of matmul, concat and reduce against plain NumPy in float64, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from cases.case import values
from cases.primitives_sums import CASES, Answer, X, f

from glnn.formats.native.configs import config_json, layer_name, make_layer
from glnn.graph.shapes import Shape
from glnn.primitives import Sym, Trace
from glnn.primitives.base import Primitive
from glnn.primitives.expand import traced
from glnn.primitives.expr import In
from glnn.primitives.matmul import Matmul
from glnn.primitives.reduce import Reduce

IDS = [f"{number}-{type(c[0]).__name__}-{getattr(c[0], 'kind', '')}-{c[1][0]}" for number, c in enumerate(CASES)]


@pytest.mark.parametrize(("primitive", "shapes", "kind", "answer"), CASES, ids=IDS)
def test_a_reference_is_what_numpy_says(
    primitive: Primitive, shapes: tuple[Shape, ...], kind: str, answer: Answer
) -> None:
    rng = np.random.default_rng(len(shapes))
    inputs = [values(kind, shape, rng).astype(np.float64) for shape in shapes]
    weights = {spec.name: rng.standard_normal(spec.shape) for spec in primitive.weight_specs(*shapes)}
    with np.errstate(all="ignore"):
        want = np.asarray(answer(*inputs, **weights))
    got = primitive.reference(inputs, weights)
    assert got.shape == want.shape == primitive.output_shape(*shapes)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    free = primitive.output_shape(
        *((None, *shape[1:]) if k == 0 and shape[0] > 2 else shape for k, shape in enumerate(shapes))
    )
    assert all(a in (None, b) for a, b in zip(free, want.shape, strict=True))


@pytest.mark.parametrize("primitive", [c[0] for c in CASES[::5]], ids=IDS[::5])
def test_a_file_tells_it_again(primitive: Primitive) -> None:
    assert make_layer(layer_name(primitive), config_json(primitive)) == primitive


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Reduce("median", (1,)), "'median': allowed are sum"),
        (lambda: Reduce("argmax", (1, 2)), "one axis"),
        (lambda: Reduce("sum", (1,), of=In(1)), "without a gap"),
        (lambda: Reduce("sum", (2,)).output_shape((2, 3)), "rank 2"),
        (lambda: Reduce("sum", (1,), of=f("add", X, In(1))).output_shape((2, 3)), "2 inputs is given 1"),
        (lambda: Matmul().output_shape((2, 3), (4, 5)), "inner"),
        (lambda: Matmul().output_shape((), (4, 5)), "one axis or more"),
        (lambda: Matmul().output_shape((2, 3, 4), (3, 4, 5)), "do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(make, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=text):
        make()


class Layer:
    """A layer that builds what a function does."""

    def __init__(self, build):  # type: ignore[no-untyped-def]
        self.build = lambda t, *xs, w: build(t, *xs)

    def weight_specs(self, *shapes: Shape) -> list:
        return []


def test_a_transpose_before_a_product_costs_nothing() -> None:
    trace, (made,) = traced(Layer(lambda t, q, k: t.matmul(q, t.transpose(k, (0, 1, 3, 2)))), [(2, 3, 5, 4)] * 2)
    assert [node.layer for node in trace.nodes] == [Matmul(False, True)]
    assert made.shape == (2, 3, 5, 5)


def test_what_is_reduced_is_computed_while_it_is() -> None:
    def build(t: Trace, x: Sym, m: Sym) -> Sym:
        return t.reduce("mean", (x - m) * (x - m), (1, 2), keepdims=True)

    trace, (made,) = traced(Layer(build), [(2, 5, 7, 3), (2, 1, 1, 3)])
    (node,) = trace.nodes
    assert isinstance(node.layer, Reduce) and node.inputs == ("x0", "x1")
    assert made.shape == (2, 1, 1, 3)


def test_reducing_no_axes_named_is_reducing_all() -> None:
    _, (made,) = traced(Layer(lambda t, x: t.reduce("sum", x, None)), [(2, 5)])
    assert made.shape == ()


@pytest.mark.parametrize(
    ("shape", "weight", "left"),
    [
        ((2, 5, 4), (4, 3), False),
        ((2, 5, 4), (4,), False),
        ((2, 5, 4), (3, 5), True),
        ((2, 5, 4), (5,), True),
        ((4,), (3, 4), True),
    ],
)
def test_a_product_with_a_weight(shape: Shape, weight: Shape, left: bool) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(shape), rng.standard_normal(weight)
    pair = (lambda t, x: t.matmul(t.weight(w), x)) if left else (lambda t, x: t.matmul(x, t.weight(w)))
    trace, (made,) = traced(Layer(pair), [shape])
    name, _, order = trace.stored(made)
    held = {"x0": x}
    for node in trace.nodes:
        held[node.outputs[0]] = node.layer.reference([held[name] for name in node.inputs], node.weights)
    want = w @ x if left else x @ w
    assert made.shape == want.shape
    np.testing.assert_allclose(held[name].transpose(order), want, rtol=1e-12)
