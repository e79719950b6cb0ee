"""How often a weight is copied between the array (that of a mapped file) and the texels of its textures."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glnn import tensor
from glnn.formats import load
from glnn.formats.native.write import save
from glnn.graph import Graph
from glnn.graph.quantized import Quantized
from glnn.layers.conv import Conv2D, Conv2DTranspose
from glnn.layers.core import Dense
from glnn.layout.cells import choose_cells
from glnn.layout.codec import CODECS, storage
from glnn.layout.limits import Limits
from glnn.layout.tiles import choose_layout
from glnn.plan import make_plan
from glnn.plan.weights import WeightStore
from glnn.testing import layer_graph


def copies(array: Any, layout: Any, stored: Any) -> float:
    """The most memory that packing takes at once, over what the textures have room for, a code to a byte or two."""
    tracemalloc.start()
    made = tensor.texels(array, layout, stored)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / sum(texels.nbytes for texels in made) / (2 if stored.codec == "uint4" else 1)


@pytest.mark.parametrize("shape", [(9, 128, 256), (9, 127, 250), (1, 512, 512), (9, 20000)], ids=str)
@pytest.mark.parametrize("codec", ["float32", "float16", "uint16", "uint8", "uint4"])
def test_cells_are_filled_where_they_lie(codec: str, shape: tuple[int, ...]) -> None:
    values = np.ones(shape, CODECS[codec].dtype)
    array = Quantized.make(codec, values, 1, 0) if CODECS[codec].quantized else values
    stored = storage(codec, len(shape) == 3)
    for limits in (Limits(8192), Limits(256)):
        layout = choose_cells(shape, limits, "w", stored.lanes)
        once = layout.aligned and layout.parts == 1 and codec != "uint4"
        assert once or limits.max_texture_size == 256 or codec == "uint4"
        assert copies(array, layout, stored) < (1.1 if once else 2.1)  # 2: rows of cells that are cut, codes in pairs


@pytest.mark.parametrize("codec", ["float32", "float16", "uint8"])
def test_tensors_are_put_in_order_then_in_place(codec: str) -> None:
    values = np.ones((3000, 130), CODECS[codec].dtype)
    array = Quantized.make(codec, values, 1, 0) if CODECS[codec].quantized else values
    stored = storage(codec, False)
    assert copies(array, choose_layout(values.shape, Limits(), False, 4 // stored.lanes), stored) < 2.2


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv2D(8, (9, 9), padding="same"), (1, 16, 16, 8)),  # in bands
        (Conv2DTranspose(8, (1, 1)), (1, 8, 8, 8)),  # turned
        (Dense(8), (1, 5000)),  # in parts
    ],
    ids=lambda v: type(v).__name__,
)
@pytest.mark.parametrize("codec", ["float32", "uint8"])
def test_what_is_drawn_with_is_the_mapped_file(layer: Any, shape: tuple[int, ...], codec: str, tmp_path: Path) -> None:
    """Neither the loader nor the plan copies a weight."""
    rng = np.random.default_rng(0)
    weights = {s.name: rng.normal(size=s.shape).astype("f4") for s in layer.weight_specs(shape)}
    if codec == "uint8":
        weights["kernel"] = Quantized.make("uint8", rng.integers(0, 255, weights["kernel"].shape), 1, 0)
    graph: Graph = load(save(layer_graph(layer, [shape], weights), tmp_path / "m.glnn"))
    store = WeightStore(graph)
    plan = make_plan(graph, {"x0": shape}, Limits(), store)
    held = {name: getattr(w, "codes", w) for name, w in graph.weights().items()}
    drawn = [w for w in plan.weights if w.key[0] != "~"]
    assert len(drawn) >= 2 and not any(w.flags.writeable for w in held.values())
    for weight in drawn:
        values: Any = store.values[weight.key]
        root = store.weights[weight.key].name.partition("[")[0]  # of which it is a view
        assert np.shares_memory(getattr(values, "codes", values), held[root])
