"""An expression of more textures than a draw may read is drawn in parts."""

from __future__ import annotations

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn import quant
from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.reference import run
from glnn.primitives.expr import Apply, Constant, Expr, In
from glnn.primitives.map import Map
from glnn.primitives.operations import OPERATIONS

RNG = seeded(8)
SHAPE = (2, 3, 5, 6)


def graph(tensors: int, weights: int, codec: str) -> Graph:
    """A sum of tensors times weights, each of a shape of its own: most take a texture, codes two."""
    expr: Expr = In(0)
    arrays = {}
    for k in range(max(tensors, weights)):
        if k < weights:
            array = RNG.normal(size=(1, 3, 5, 6)[k % 2 :]).astype(np.float32)
            arrays[f"w{k}"] = quant.linear(array, codec) if codec else array
            expr = Apply(OPERATIONS["multiply"], (expr, Constant(f"w{k}", array.shape)))
        if 0 < k < tensors:
            expr = Apply(OPERATIONS["add"], (expr, In(k)))
    inputs = tuple(TensorSpec(f"x{k}", (None, *SHAPE[1:]) if k % 2 else (None, 1, *SHAPE[2:])) for k in range(tensors))
    names = tuple(spec.name for spec in inputs)
    return Graph("many", inputs, (Node("map", Map(expr), names, ("map",), arrays),), ("map",))


@pytest.mark.parametrize("units", [3, 8])
@pytest.mark.parametrize(
    ("tensors", "weights", "codec"), [(5, 0, ""), (9, 0, ""), (3, 7, ""), (2, 5, "uint8"), (5, 4, "uint4")]
)
def test_as_many_as_there_are(
    tensors: int, weights: int, codec: str, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLNN_TEXTURE_UNITS", str(units))
    many = graph(tensors, weights, codec)
    x = {s.name: RNG.normal(size=(2, *s.shape[1:])).astype(np.float32) for s in many.inputs}
    with glnn.Device() as device, glnn.Model(many, device=device) as model:
        assert all(len(draw.textures) <= units for draw in model.plan().draws)
        assert len(model.plan().draws) > 1 or units == 8
        np.testing.assert_allclose(model.predict(x)["map"], run(many, x)["map"], rtol=1e-4, atol=1e-4)
