"""Weights of plans: keys by name and view, the same for a copy of a graph, for every shape and every device."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glnn.graph import Graph, Node, TensorSpec, validate
from glnn.graph.quantized import Quantized
from glnn.graph.weight import Weight
from glnn.layers.activation import PReLU
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D
from glnn.layers.core import Dense, Flatten
from glnn.layers.normalization import BatchNormalization
from glnn.layout.limits import Limits
from glnn.model import Model
from glnn.passes import optimize
from glnn.plan import make_plan
from glnn.plan.weights import WeightStore
from glnn.quant import linear

SHAPE = {"x": (1, 12, 12, 4)}
CONV = Conv2D(4, (3, 3), padding="same", use_bias=False)


def chain(*layers: tuple[str, Any]) -> Graph:
    """A graph of layers one after the other, with seeded weights; a repeated name is a layer called again."""
    rng = np.random.default_rng(3)
    spec, nodes = TensorSpec("x", (None, *SHAPE["x"][1:])), list[Node]()
    weights: dict[str, dict[str, np.ndarray]] = {}
    for k, (name, layer) in enumerate(layers):
        read = nodes[-1].outputs[0] if nodes else "x"
        shape = Graph("part", (spec,), tuple(nodes), ()).specs()[read].shape
        if name not in weights:
            made = {s.name: rng.normal(size=s.shape).astype("f4") for s in layer.weight_specs(shape)}
            weights[name] = {key: np.abs(w) + 0.5 if "variance" in key else w for key, w in made.items()}
        nodes.append(Node(f"{name}:{k}", layer, (read,), (f"t{k}",), weights[name], name))
    return validate(Graph("net", (spec,), tuple(nodes), nodes[-1].outputs))


def zoo() -> Graph:
    """Kernels whole, in bands of rows, turned, by phases, in groups, spread along axes; shared layers; folded norms."""
    return chain(
        ("shared", CONV), ("norm", BatchNormalization()), ("shared", CONV), ("norm", BatchNormalization()),
        ("shared", CONV), ("large", Conv2D(4, (9, 9), padding="same")), ("groups", Conv2D(6, (3, 3), groups=2)),
        ("deep", DepthwiseConv2D((3, 3), depth_multiplier=2)), ("slopes", PReLU(shared_axes=(1,))),
        ("up", Conv2DTranspose(3, (3, 3), (2, 2), "same")), ("wide", Conv2DTranspose(2, (5, 5), dilation_rate=2)),
        ("flat", Flatten()), ("dense", Dense(5)),
    )  # fmt: skip


def coded(graph: Graph, codec: str) -> Graph:
    """The graph with its kernels in a codec, one scale for each channel; what layers share stays shared."""
    if codec == "float32":
        return graph
    made = {name: linear(w, codec, (w.ndim - 1,)) if w.ndim > 1 else w for name, w in graph.weights().items()}
    return graph.with_(
        nodes=tuple(n.with_(weights={key: made[name] for key, name in n.origins.items()}) for n in graph.nodes)
    )


def through(graph: Graph, change: Callable[[np.ndarray], np.ndarray]) -> Graph:
    """The graph with every array replaced."""

    def changed(weight: Any) -> Any:
        if isinstance(weight, Quantized):
            return replace(weight, codes=change(weight.codes), scale=change(weight.scale), low=change(weight.low))
        return change(weight)

    return graph.with_(
        nodes=tuple(n.with_(weights={key: changed(w) for key, w in n.weights.items()}) for n in graph.nodes)
    )


def in_one_memory(graph: Graph) -> Graph:
    """Every array a view of one buffer, as those of a file that is mapped."""
    memory = np.zeros(1 << 20, np.uint8)
    reached = 0

    def placed(array: np.ndarray) -> np.ndarray:
        nonlocal reached
        view = memory[reached : reached + array.nbytes].view(array.dtype).reshape(array.shape)
        view[...] = array
        reached += -(-array.nbytes // 4) * 4
        return view

    return through(graph, placed)


COPIES: dict[str, Callable[[Graph], Graph]] = {
    "deepcopy": copy.deepcopy,
    "copies": lambda graph: through(graph, np.copy),
    "turned memory": lambda graph: through(graph, np.asfortranarray),
    "one memory": in_one_memory,
}


@pytest.mark.parametrize("codec", ["float32", "uint8", "uint4"])
@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_copy_makes_the_same_plans_and_the_same_page(
    change: Callable[[Graph], Graph], codec: str, tmp_path: Path
) -> None:
    graph = coded(zoo(), codec)
    models = [Model(graph), Model(change(graph))]
    for limits in (Limits(), Limits(64, 4, dialect="es100")):
        texts = [model.plan(SHAPE, limits).to_json() for model in models]
        assert texts[0] == texts[1]
    files = pages(models, tmp_path)
    assert files[0] == files[1] and len(files[0]) > 7


@pytest.mark.parametrize("codec", ["float32", "uint8"])
def test_shared_layers_share_what_is_folded_into_them(codec: str) -> None:
    """The first two calls with their norm are one weight; the third, without a norm, is another."""
    graph = optimize(coded(zoo(), codec))
    names = [n.origins["kernel"] for n in graph.nodes[:3]]
    assert names == ["shared:0/kernel*norm:1", "shared:0/kernel*norm:1", "shared:0/kernel"]
    assert graph.nodes[0].origins["bias"] == graph.nodes[1].origins["bias"] == "shared:0/bias*norm:1"
    plan = make_plan(graph, SHAPE, Limits())
    assert sum(w.key.startswith("shared:0/kernel*norm:1[") for w in plan.weights) == 1


@pytest.mark.parametrize("codec", ["float32", "uint8"])
def test_one_kernel_under_two_norms_is_two_weights(codec: str) -> None:
    """The same codes, of another worth in each."""
    graph = coded(chain(("a", CONV), ("n", BatchNormalization()), ("a", CONV), ("m", BatchNormalization())), codec)
    graph = optimize(graph)
    one, other = graph.nodes
    assert (one.origins["kernel"], other.origins["kernel"]) == ("a:0/kernel*n:1", "a:0/kernel*m:3")
    store = WeightStore(graph)
    kernels = [w.key for w in make_plan(graph, SHAPE, Limits(), store).weights if "/kernel*" in w.key]
    assert len(kernels) == 2
    first, second = (np.asarray(store.values[key]) for key in kernels)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("codec", ["uint8", "uint4"])
def test_every_draw_reads_the_scales_of_its_codes(codec: str) -> None:
    """Bands of one kernel share their scales, which then do not lie beside each."""
    graph = optimize(coded(zoo(), codec))
    store = WeightStore(graph)
    plan = make_plan(graph, SHAPE, Limits(), store)
    checked = []
    for draw in plan.draws:
        read = zip(plan.programs[draw.program].samplers, draw.textures, strict=True)
        values = {name: store.values[plan.weights[n].key] for name, (kind, n, _) in read if kind == "weight"}
        for name, held in values.items():
            if isinstance(held, Quantized) and not held.per_tensor:
                np.testing.assert_array_equal(values[name.replace("_t0", "_q_t0")], held.channels() or ())
                checked.append(name)
    assert len(checked) > sum(w.quant == "channel" for w in plan.weights) > 5


def test_one_call_of_a_shared_layer_in_another_codec() -> None:
    model = Model(chain(("a", CONV), ("a", CONV), ("a", CONV))).quantize({"a:1": "uint8"}, verbose=0)
    names = [n.origins["kernel"] for n in model.optimized.nodes]
    assert names == ["a:0/kernel", "a:0/kernel~1", "a:0/kernel"]
    store = WeightStore(model.optimized)
    keys = [w.key for w in make_plan(model.optimized, SHAPE, Limits(), store).weights if w.key[0] != "~"]
    assert [type(store.values[key]) for key in keys] == [np.ndarray, Quantized]


def test_views_have_keys_of_their_own() -> None:
    kernel = np.arange(16, dtype=np.float32).reshape(4, 4)
    store = WeightStore(Graph("net", (), (), ()))
    root = Weight.root("a/kernel", kernel)
    views = [root, root.T, root[1:3, 1:3], root[1:3, 1:3].T, root[:2, :2], root[::2, ::2], root[::-1]]
    keys = [store.add(view, "cells") for view in views]
    assert len(set(keys)) == len(views)
    for key, view in zip(keys, views, strict=True):
        np.testing.assert_array_equal(store.values[key], view.values)
    assert store.add(root[::-1][::-1].T, "cells") == keys[1] != store.add(root.T)


def test_what_a_layer_computes_is_named_by_its_values() -> None:
    store = WeightStore(Graph("net", (), (), ()))
    zeros = [store.add(np.zeros(n, np.float32)) for n in (4, 4, 5)]
    assert zeros[0] == zeros[1] != zeros[2]
    codes = np.arange(4, dtype=np.uint8)
    keys = {store.add(Quantized.make(codec, codes, s, 0)) for codec in ("uint4", "uint8") for s in (1, 2)}
    assert len(keys | {store.add(codes.astype("f4")), store.add(codes.astype("f2"))}) == 6


def test_channels_that_a_layer_mixes_are_decoded_and_named_apart() -> None:
    values = Quantized.make("uint8", np.arange(6).reshape(2, 3), np.array([[1], [2]], "f4"), 0)
    store = WeightStore(Graph("net", (), (), ()))
    weight = Weight.root("a/kernel", values)
    mixed, turned = store.add(weight), store.add(weight.T)
    assert isinstance(store.values[mixed], np.ndarray) and isinstance(store.values[turned], Quantized)
    np.testing.assert_array_equal(store.values[mixed], [[0, 1, 2], [6, 8, 10]])


@pytest.mark.parametrize("codec", ["float32", "uint8", "uint4"])
def test_every_key_stands_for_one_value_for_every_shape_and_device(codec: str) -> None:
    """One store that saw all of them holds under each key what a store holds that saw one alone."""
    layers = [Conv2D(4, (9, 9)), CONV, DepthwiseConv2D((3, 3)), Conv2DTranspose(3, (3, 3), (2, 2), "same")]
    graph = coded(chain(*((f"layer{k}", layer) for k, layer in enumerate(layers))), codec)
    shared, seen = WeightStore(graph), list[str]()
    for limits in (Limits(), Limits(64, 8, dialect="es100", float_target="rgba8")):
        for side in (12, 20):
            alone = WeightStore(graph)
            for store in (alone, shared):
                plan = make_plan(graph, {"x": (1, side, side, 4)}, limits, store)
            seen += [weight.key for weight in plan.weights]
            for key, values in alone.values.items():
                np.testing.assert_array_equal(np.asarray(values), np.asarray(shared.values[key]), key)
    assert len(shared.values) == len(set(seen)) and len(seen) >= 3 * len(set(seen))


def pages(models: list[Model], folder: Path) -> list[dict[str, bytes]]:
    """The files of each model's page, by name."""
    variants = {"wide": Limits(), "narrow": Limits(64, 8, dialect="es100", float_target="rgba8")}
    folders = [m.export_web(folder / str(k), SHAPE["x"], variants) for k, m in enumerate(models)]
    return [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]


def test_a_saved_model_makes_the_same_page(tmp_path: Path) -> None:
    """Also where names differ: a file holds the folded kernels, which are then its own."""
    model = Model(zoo()).quantize("uint4", verbose=0)
    loaded = Model.load(model.save(tmp_path / "m.glnn"))
    assert loaded.graph.nodes[0].origins["kernel"] == "shared:0/kernel" != model.graph.nodes[0].origins["kernel"]
    assert len(loaded.graph.weights()) == len(model.graph.weights())
    files = pages([model, loaded], tmp_path)
    assert files[0] == files[1]


def test_a_large_kernel_in_bands_lies_in_the_page_once(tmp_path: Path) -> None:
    graph = chain(("large", Conv2D(4, (129, 129), padding="same")))
    model = Model(graph)
    model.export_web(tmp_path, SHAPE["x"], {"wide": Limits()})
    bands = [w.key for w in model.plan(SHAPE, Limits()).weights if w.key.startswith("large:0/kernel[")]
    assert len(bands) > 1
    shards = sum(path.stat().st_size for path in tmp_path.glob("*.bin"))
    assert shards <= sum(w.nbytes for w in graph.weights().values()) + 16  # and zeros, where a band has no bias
