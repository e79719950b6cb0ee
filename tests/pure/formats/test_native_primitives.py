"""Graphs of primitives in glnn's own file: they come back exactly, and each damage to one has a named error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.keras import CASES
from support.formats import assert_refused, damaged, parts, places, put, same_graph
from support.passes import CONV, NORM, SAME, build

from glnn import passes, quant
from glnn.errors import GlnnError, GraphError, UnsupportedError, WeightsMismatchError
from glnn.formats import load
from glnn.formats.native.write import save
from glnn.graph import Graph, reference
from glnn.layers.activation import LeakyReLU, PReLU, ReLU
from glnn.layers.core import Dense, Permute
from glnn.layers.merging import Add, Concatenate
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import GlobalAveragePooling2D, MaxPooling2D
from glnn.layers.resizing import UpSampling2D, ZeroPadding2D
from glnn.primitives.base import Primitive
from glnn.testing import layer_graph


def network() -> Graph:
    """Many primitives, with all kinds of ends; kernels of integers."""
    graph = passes.optimize(
        build(
            [
                ("p", ZeroPadding2D(((1, 2), (0, 3))), "x", "1"), ("a", CONV, "1", "2"), ("n", NORM, "2", "3"),
                ("r", PReLU(), "3", "4"), ("m", MaxPooling2D(2), "4", "5"), ("u", UpSampling2D(2), "5", "6"),
                ("l", LeakyReLU(0.1), "6", "7"), ("b", BatchNormalization(axis=1), "7", "8"),
                ("s", Add(), ("7", "8"), "9"), ("c", Concatenate(), ("9", "7"), "10"),
                ("q", Permute((2, 1, 3)), "10", "11"), ("w", ReLU(6.0), "11", "12"),
                ("g", GlobalAveragePooling2D(), "12", "13"), ("d", Dense(5, activation="softmax"), "13", "y"),
                ("e", SAME, "x", "z"),
            ],
            "y z",
        )
    )  # fmt: skip
    return quant.Encoder(graph).apply({node.name: "uint8" for node in graph.nodes if node.label in ("a", "d")})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(network(), tmp_path / "m.glnn")


def test_a_graph_of_primitives_comes_back(saved: Path, tmp_path: Path) -> None:
    graph, loaded = network(), load(saved)
    same_graph(graph, loaded)
    assert all(isinstance(node.layer, Primitive) for node in loaded.nodes)
    for one, other in zip(graph.nodes, loaded.nodes, strict=True):
        assert one.layer == other.layer and hash(one.layer) == hash(other.layer)
    x = np.random.default_rng(0).normal(size=(2, 9, 8, 3))
    for name, value in reference.run(graph, {"x": x}).items():
        np.testing.assert_array_equal(reference.run(loaded, {"x": x})[name], value)
    again = passes.optimize(loaded)
    assert [(n.name, n.layer) for n in again.nodes] == [(n.name, n.layer) for n in loaded.nodes]
    assert saved.read_bytes() == save(loaded, tmp_path / "again.glnn").read_bytes()


def test_a_primitive_of_every_case_comes_back(tmp_path: Path) -> None:
    for case in [case for case in CASES if isinstance(case.layer, Primitive)][::7]:
        graph = layer_graph(case.layer, case.shapes, case.weights)
        loaded = load(save(graph, tmp_path / "m.glnn"))
        same_graph(graph, loaded)
        (node,) = loaded.nodes
        np.testing.assert_array_equal(
            node.layer.reference(case.inputs, node.weights), case.layer.reference(case.inputs, case.weights)
        )


def node(graph: dict[str, Any], name: str) -> dict[str, Any]:
    """The node whose layer was called so."""
    return next(item for item in graph["nodes"] if item.get("source", item["name"]) == name)


def config(graph: dict[str, Any], name: str) -> dict[str, Any]:
    """All options of its primitive, those that the class has in common as well."""
    kind = graph["layers"][node(graph, name)["layer"]]
    kind["config"] = {**graph.get("options", {}).get(kind["class"], {}), **kind.get("config", {})}
    return kind["config"]


def changed(name: str, **options: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda graph: config(graph, name).update(options)


def nested(depth: int) -> Any:
    made: Any = {"in": 0}
    for _ in range(depth):
        made = {"apply": {"function": "relu"}, "args": [made]}
    return made


RELU = {"function": "relu"}
DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], Any], type[GlnnError], tuple[str, ...]]] = {
    "a primitive that is none": (
        lambda g: g["layers"][node(g, "e")["layer"]].update({"class": "evil"}), UnsupportedError, ("'e'", "'evil'")),
    "its class in Python": (
        lambda g: g["layers"][node(g, "e")["layer"]].update({"class": "Conv"}), UnsupportedError, ("'Conv'",)),
    "an option": (changed("e", more=1), UnsupportedError, ("conv", "option more=1")),
    "filters as text": (changed("e", filters="3"), UnsupportedError, ("filters", "'3'")),
    "filters true": (changed("e", filters=True), UnsupportedError, ("filters", "True")),
    "filters with a fraction": (changed("e", filters=3.0), UnsupportedError, ("filters", "3.0")),
    "a kernel of texts": (changed("e", kernel_size=["3", "3"]), UnsupportedError, ("kernel_size",)),
    "a kernel as a number": (changed("e", kernel_size=3), UnsupportedError, ("kernel_size",)),
    "padding of three": (changed("e", padding=[[1, 1, 1], [0, 0, 0]]), UnsupportedError, ("padding",)),
    "no finish": (changed("e", finish=None), UnsupportedError, ("finish",)),
    "a function as a finish": (changed("e", finish=RELU), UnsupportedError, ("finish",)),
    "a number as a finish": (changed("e", finish=3), UnsupportedError, ("finish",)),
    "an unknown function": (
        changed("e", finish={"apply": {"function": "eval"}, "args": [{"in": 0}]}), UnsupportedError, ("'eval'",)),
    "a function along an axis": (
        changed("e", finish={"apply": {"function": "softmax"}, "args": [{"in": 0}]}), UnsupportedError, ("softmax",)),
    "too many arguments": (
        changed("e", finish={"apply": RELU, "args": [{"in": 0}] * 2}), UnsupportedError, ("2 arguments",)),
    "no arguments": (changed("e", finish={"apply": RELU, "args": []}), UnsupportedError, ("0 arguments",)),
    "arguments of other kinds": (changed("e", finish={"apply": RELU, "args": [RELU]}), UnsupportedError, ("relu",)),
    "a text as an argument": (changed("e", finish={"apply": RELU, "args": ["x"]}), UnsupportedError, ("relu",)),
    "a negative input": (changed("e", finish={"in": -1}), UnsupportedError, ("-1",)),
    "an input that is true": (changed("e", finish={"in": True}), UnsupportedError, ("True",)),
    "constants that it lacks": (
        changed("e", finish={"apply": {"function": "elu", "constants": {"a": 1}}, "args": [{"in": 0}]}),
        UnsupportedError, ("elu takes numbers for",)),
    "deep nesting": (changed("e", finish=nested(150)), UnsupportedError, ("nested more than",)),
    "a number that is a text": (changed("e", finish={"number": "3"}), UnsupportedError, ("'3'",)),
    "a weight of a negative shape": (
        changed("e", finish={"weight": "w0", "shape": [-3]}), UnsupportedError, ("-3",)),
    "a weight that it has not": (
        changed("e", finish={"weight": "w0", "shape": [3]}), WeightsMismatchError, ("a weight 'w0' of shape (3,)",)),
    "an input that nobody gives": (
        changed("e", finish={"apply": {"function": "add"}, "args": [{"in": 0}, {"in": 1}]}),
        GlnnError, ("'e'",)),
    "fewer filters": (changed("e", filters=2), WeightsMismatchError, ("'e'", "(3, 3, 3, 2)")),
    "another kernel": (changed("e", kernel_size=[3, 1]), WeightsMismatchError, ("'e'", "(3, 1, 3, 3)")),
    "no bias": (changed("e", use_bias=False), WeightsMismatchError, ("'bias', which it does not use",)),
    "groups": (changed("e", groups=2), GraphError, ("'e'", "2 groups")),
    "no groups": (changed("e", groups=0), UnsupportedError, ("'e'",)),
    "no strides": (changed("e", strides=[]), UnsupportedError, ("'e'",)),
    "strides of nothing": (changed("e", strides=[0, 0]), UnsupportedError, ("'e'",)),
    "negative strides": (changed("e", strides=[-1, 1]), UnsupportedError, ("'e'",)),
    "a negative kernel": (changed("e", kernel_size=[-3, 3]), GlnnError, ("'e'",)),
    "no dilation": (changed("e", dilation=[0, 1]), UnsupportedError, ("'e'",)),
    "a padding of no name": (changed("e", padding="sideways"), UnsupportedError, ("'e'", "sideways")),
    "a kind of windows": (changed("m", kind="median"), UnsupportedError, ("'m'", "median")),
    "a kind of sums": (changed("g", kind="product"), UnsupportedError, ("'g'", "product")),
    "axes that are none": (changed("g", axes=[1, 9]), GraphError, ("'g'", "9")),
    "axes twice": (changed("g", axes=[1, 1]), GraphError, ("'g'",)),
    "an axis of another kind": (changed("g", axes=[1.0]), UnsupportedError, ("axes",)),
    "an edge of no name": (
        lambda g: config(g, "u")["axes"][1]["along"].__setitem__(6, "sticky"), GlnnError, ("'u'", "sticky")),
    "no division": (lambda g: config(g, "u")["axes"][1]["along"].__setitem__(4, 0), GlnnError, ("'u'",)),
    "an axis of another tensor": (
        lambda g: config(g, "u")["axes"][1]["along"].__setitem__(0, 7), GraphError, ("'u'", "7")),
    "an axis cut short": (lambda g: config(g, "u")["axes"][1]["along"].pop(), UnsupportedError, ("along",)),
    "an axis of texts": (
        lambda g: config(g, "u")["axes"][1]["along"].__setitem__(2, "1"), UnsupportedError, ("mul", "'1'")),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damages_have_names(saved: Path, name: str) -> None:
    change, error, words = DAMAGES[name]
    assert_refused(damaged(saved, change), error, words)


def test_an_expression_too_deep_for_json_has_a_name(saved: Path) -> None:
    header, graph, data = parts(saved)
    config(graph, "e")["finish"] = "HERE"
    deep = '{"apply":{"function":"relu"},"args":[' * 50_000 + '{"in":0}' + "]}" * 50_000
    header["__metadata__"]["glnn"] = json.dumps(graph).replace('"HERE"', deep)
    with pytest.raises(GlnnError, match="m.glnn"):
        load(put(saved, header, data))


def test_the_deepest_that_passes_make_is_saved(tmp_path: Path) -> None:
    """A long chain of functions is one expression: what is saved can be read."""
    steps: list[Any] = [("a", SAME, "x", "t0"), *((f"r{k}", LeakyReLU(0.9), f"t{k}", f"t{k + 1}") for k in range(150))]
    graph = passes.optimize(build(steps, "t150"))
    same_graph(graph, load(save(graph, tmp_path / "m.glnn")))


def test_damage_anywhere_in_a_config_has_a_name(saved: Path) -> None:
    """Whatever stands in the wrong place: the model loads, or the exception is glnn's own, and names the file."""
    header, graph, data = parts(saved)
    count = len(places(graph["layers"]))
    for junk in (None, "x", -3, 0, [], {}, {"in": 5}):
        for number in range(0, count, 5):
            damaged = json.loads(json.dumps(graph))
            container, key = places(damaged["layers"])[number]
            container[key] = junk
            header["__metadata__"]["glnn"] = json.dumps(damaged)
            try:
                load(put(saved, header, data))
            except GlnnError as error:
                assert saved.name in str(error)
