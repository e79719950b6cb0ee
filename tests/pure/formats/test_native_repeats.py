"""Repeats in glnn's own file: bodies come back exactly, nested ones too, and each damage to one has a named error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bodies import apart, body, repeated, run
from support.formats import assert_refused, damaged, parts, places, put, same_graph
from support.loops import CASES as LOOPS
from support.repeats import CASES

import glnn
from glnn import passes
from glnn.errors import GlnnError, GraphError, InputError, ModelFileError, UnsupportedError, WeightsMismatchError
from glnn.formats import load
from glnn.formats.native.entries import DEEPEST
from glnn.formats.native.write import save
from glnn.graph import Graph, Node, Quantized, TensorSpec, reference
from glnn.layers.activation import Activation
from glnn.layers.base import Layer
from glnn.primitives.loop import MOST_TURNS, Repeat
from glnn.quant import Encoder
from glnn.testing import layer_graph


def same(graph: Graph, loaded: Graph) -> None:
    """The same graphs, their bodies as well."""
    same_graph(graph, loaded)
    for one, other in zip(graph.nodes, loaded.nodes, strict=True):
        if isinstance(one.layer, Repeat):
            assert isinstance(other.layer, Repeat)
            kept = ("count", "carried", "sliced", "stacked")
            assert all(getattr(one.layer, name) == getattr(other.layer, name) for name in kept)
            assert list(one.weights) == list(other.weights)
            same(one.layer.body, other.layer.body)
            origins = [[dict(node.origins) for node in layer.body.nodes] for layer in (one.layer, other.layer)]
            assert origins[0] == origins[1]


def stated(name: str, count: int) -> Graph:
    """The graph of a case with inputs of known shapes, which the weights of a Dense follow from."""
    graph, given = CASES[name].graph(count), CASES[name].inputs(count)
    return graph.with_(inputs=tuple(TensorSpec(spec.name, given[spec.name].shape) for spec in graph.inputs))


@pytest.mark.parametrize("change", [lambda g: g, passes.optimize, apart], ids=["plain", "optimized", "apart"])
@pytest.mark.parametrize("name", CASES)
def test_a_repeat_comes_back(tmp_path: Path, name: str, change: Callable[[Graph], Graph]) -> None:
    graph, given = change(stated(name, 3)), CASES[name].inputs(3)
    saved = save(graph, tmp_path / "m.glnn")
    loaded = load(saved)
    same(graph, loaded)
    for key, wanted in reference.run(graph, given).items():
        np.testing.assert_array_equal(reference.run(loaded, given)[key], wanted)
    assert saved.read_bytes() == save(loaded, tmp_path / "again.glnn").read_bytes()


@pytest.mark.parametrize("codec", ["float32", "float16", "uint8", "uint4"])
@pytest.mark.parametrize("name", ["lstm", "nested"])
def test_a_loop_of_a_layer_gives_the_same_bits_from_its_file(tmp_path: Path, name: str, codec: str) -> None:
    case = LOOPS[name]
    graph = passes.optimize(layer_graph(case.layer, case.shapes, case.values()))
    if codec != "float32":
        loops = [node.name for node in graph.nodes if isinstance(node.layer, Repeat)]
        graph = Encoder(graph).apply(dict.fromkeys(loops, codec))
        held = [w for node in graph.nodes if isinstance(node.layer, Repeat) for w in node.weights.values()]
        assert any(isinstance(w, Quantized) or w.dtype == np.float16 for w in held)
    saved = save(graph, tmp_path / "m.glnn")
    loaded = load(saved)
    same(graph, loaded)
    given = {f"x{k}": x for k, x in enumerate(case.inputs())}
    with glnn.Device("numpy") as device:
        made = [list(run(one, given, device).outputs.values()) for one in (graph, loaded)]
    for one, other in zip(*made, strict=True):
        np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


def deep(depth: int) -> Graph:
    """Repeats in repeats, so many."""
    node = Node("t", Activation("tanh"), ("h",), ("h2",))
    for k in range(depth):
        node = repeated(f"r{k}", body({"h": 2}, (node,), node.outputs), ("h",), (f"o{k}",), carried=1, count=1)
    return Graph("deep", CASES["iterated"].graph(1).inputs, (node,), node.outputs)


def test_the_deepest_that_is_saved_can_be_read(tmp_path: Path) -> None:
    same(deep(DEEPEST), load(save(deep(DEEPEST), tmp_path / "m.glnn")))
    with pytest.raises(InputError, match=r"layer 'r8' \(Repeat\).*nested more than 8 deep"):
        save(deep(DEEPEST + 1), tmp_path / "m.glnn")


def test_a_class_that_is_not_registered_is_told_of(tmp_path: Path) -> None:
    class Mine(Layer):
        def build(self, t: Any, x: Any, w: Any) -> Any:
            return x * 2.0

    what = body({"h": 2}, (Node("inner", Mine(), ("h",), ("h2",)),), ("h2",))
    node = repeated("r", what, ("h",), ("y",), carried=1, count=2)
    graph = Graph("g", CASES["iterated"].graph(1).inputs, (node,), ("y",))
    with pytest.raises(UnsupportedError, match="layer 'r'.*layer 'inner'.*not registered"):
        save(graph, tmp_path / "m.glnn")


# ---- damages


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(stated("nested", 2), tmp_path / "m.glnn")


def loop(graph: dict[str, Any]) -> dict[str, Any]:
    """The config of the only repeat of a graph, or of a body."""
    (found,) = (kind for kind in graph["layers"] if kind["class"] == "repeat")
    return found["config"]


def outer(graph: dict[str, Any]) -> dict[str, Any]:
    return loop(graph)["body"]["graph"]


def inner(graph: dict[str, Any]) -> dict[str, Any]:
    return outer(outer(graph))


def node(graph: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in graph["nodes"] if item["name"] == name)


def wrapped(depth: int) -> Callable[[dict[str, Any]], Any]:
    """The inner body put into so many repeats more."""

    def change(graph: dict[str, Any]) -> None:
        for _ in range(depth):
            around = json.loads(json.dumps(outer(graph)))
            loop(outer(graph))["body"] = {"graph": around}

    return change


def swapped(graph: dict[str, Any]) -> None:
    """The node that makes what the others read comes last: a circle, as a file can tell one."""
    nodes = inner(graph)["nodes"]
    nodes[0]["inputs"], nodes[-1]["inputs"] = ["h2"], ["a"]


Damage = tuple[Callable[[dict[str, Any]], Any], type[GlnnError], tuple[str, ...]]
DAMAGES: dict[str, Damage] = {
    "no body": (lambda g: loop(g).pop("body"), UnsupportedError, ("'r'", "body")),
    "a body that is a text": (lambda g: loop(g).update(body="x"), UnsupportedError, ("'r'", "body")),
    "a body that is a number": (lambda g: loop(g).update(body=3), UnsupportedError, ("'r'", "body")),
    "a body of nothing": (lambda g: loop(g).update(body={"graph": {}}), ModelFileError, ("its body", "lacks 'name'")),
    "a body that is an array": (lambda g: loop(g).update(body={"graph": []}), ModelFileError, ("its body", "[]")),
    "a field more in a body": (lambda g: outer(g).update(more=1), ModelFileError, ("its body", "'more'")),
    "a version in a body": (lambda g: outer(g).update(version=2), ModelFileError, ("its body", "'version'")),
    "a circle": (swapped, GlnnError, ("reads ['h2'], which nothing before it makes",)),
    "a node that reads itself": (
        lambda g: node(outer(g), "tanh").update(inputs=["t"]), GlnnError, ("'r'", "reads ['t'], which nothing")),
    "a node that reads what is outside": (
        lambda g: node(outer(g), "tanh").update(inputs=["end"]), GlnnError, ("'r'", "reads ['end'], which nothing")),
    "a tensor made twice": (
        lambda g: node(outer(g), "tanh").update(outputs=["g2"]), GlnnError, ("'r'", "two tensors are called 'g2'")),
    "two nodes of one name": (
        lambda g: node(outer(g), "tanh").update(name="more"), GlnnError, ("'r'", "two layers are called 'more'")),
    "an output that is not made": (
        lambda g: outer(g)["outputs"].__setitem__(0, "zz"), GlnnError, ("'r'", "output 'zz' is made by no layer")),
    "an output less": (lambda g: outer(g)["outputs"].pop(), GlnnError, ("'r'", "3 outputs")),
    "an input less": (lambda g: outer(g)["inputs"].pop(), GlnnError, ("'r'", "which nothing before it makes")),
    "an input more": (
        lambda g: outer(g)["inputs"].append({"name": "z", "shape": [None]}), GlnnError, ("'r'", "4 are needed")),
    "an input of another rank": (
        lambda g: outer(g)["inputs"][0].update(shape=[None] * 5), GraphError, ("'r'", "input 'h' of rank 5")),
    "an input of texts": (lambda g: outer(g)["inputs"][0].update(shape=["x"]), ModelFileError, ("its body: input 0",)),
    "a node of the outer graph that reads less": (
        lambda g: node(g, "r").update(inputs=["h", "x"]), GraphError, ("'r'", "2 inputs; 3 are needed")),
    "a node of the outer graph that makes less": (
        lambda g: (node(g, "r")["outputs"].pop(), g["outputs"].pop()), GraphError, ("'r'", "makes 4 tensors, 3 are")),
    "more carried": (lambda g: loop(g).update(carried=2), GlnnError, ("'r'", "4 outputs; 2 carried tensors")),
    "less than none carried": (lambda g: loop(g).update(carried=-1), UnsupportedError, ("'r'", "carried=-1")),
    "carried as a text": (lambda g: loop(g).update(carried="1"), UnsupportedError, ("'r'", "carried", "'1'")),
    "carried true": (lambda g: loop(g).update(carried=True), UnsupportedError, ("'r'", "carried", "True")),
    "a count below 0": (lambda g: loop(g).update(count=-1), UnsupportedError, ("'r'", "count=-1")),
    "a count with a fraction": (lambda g: loop(g).update(count=2.0), UnsupportedError, ("'r'", "count", "2.0")),
    "a count that is true": (lambda g: loop(g).update(count=True), UnsupportedError, ("'r'", "count", "True")),
    "a count without end": (
        lambda g: loop(g).update(count=MOST_TURNS + 1), UnsupportedError, ("'r'", "from 0 to 16,777,216")),
    "a count of a hundred digits": (lambda g: loop(g).update(count=10**99), UnsupportedError, ("'r'", "count=1000")),
    "no count and no slices": (
        lambda g: (loop(g).update(count=None, sliced=[]), outer(g)["inputs"].pop(1)), GlnnError, ("'r'",)),
    "slices of a number": (lambda g: loop(g).update(sliced=[0]), UnsupportedError, ("'r'", "sliced")),
    "slices that are no array": (
        lambda g: loop(g).update(sliced={"slices": 0, "reverse": False}), UnsupportedError, ("'r'", "sliced")),
    "slices along a text": (
        lambda g: loop(g)["sliced"][0].update(slices="0"), UnsupportedError, ("'r'", "axis", "'0'")),
    "slices along an axis that is none": (
        lambda g: loop(g)["sliced"][0].update(slices=9), GraphError, ("'r'", "axis 9")),
    "slices reversed by a number": (
        lambda g: loop(g)["sliced"][0].update(reverse=1), UnsupportedError, ("'r'", "reverse")),
    "slices of more": (lambda g: loop(g)["sliced"][0].update(more=1), UnsupportedError, ("'r'", "more")),
    "stacks along an axis that is none": (
        lambda g: loop(g)["stacked"][0].update(slices=-9), GraphError, ("'r'", "axis -9")),
    "an unknown class in a body": (
        lambda g: inner(g)["layers"][0].update({"class": "Evil"}), UnsupportedError, ("'r'", "'in'", "'Evil'")),
    "an option in a body": (
        lambda g: inner(g)["layers"][0].setdefault("config", {}).update(more=1), UnsupportedError, ("'in'", "more=1")),
    "a body where none belongs": (
        lambda g: inner(g)["layers"][0]["config"].update(activation={"graph": {}}), ModelFileError, ("lacks 'name'",)),
    "a weight by the name of a tensor": (
        lambda g: node(inner(g), "w").update(weights=["0", "1"]), ModelFileError, ("'w'", "'kernel'", "not an object")),
    "a weight without a shape": (
        lambda g: node(inner(g), "w")["weights"][0].pop("shape"), ModelFileError, ("'w'", "'kernel'", "shape")),
    "a weight less": (lambda g: node(inner(g), "w")["weights"].pop(), ModelFileError, ("'w'", "1 weights")),
    "a weight of another name": (
        lambda g: node(inner(g), "w")["weights"][0].update(weight="v/kernel"), WeightsMismatchError,
        ("'in'", "'v/kernel'")),
    "a weight without a name": (
        lambda g: node(inner(g), "w")["weights"][0].update(weight=""), ModelFileError, ("'w'", "'kernel'")),
    "a weight of another shape": (
        lambda g: node(inner(g), "w")["weights"][0].update(shape=[6, 7]), WeightsMismatchError, ("(6, 7)",)),
    "a weight of no shape": (
        lambda g: node(inner(g), "w")["weights"][0].update(shape=[-6, 6]), ModelFileError, ("'w'", "'kernel'")),
    "a weight larger than any memory": (
        lambda g: node(inner(g), "w")["weights"][0].update(shape=[2**62, 2**62]), ModelFileError, ("'w'", "'kernel'")),
    "one weight of two shapes": (
        lambda g: node(inner(g), "w")["weights"][0].update(node(inner(g), "w")["weights"][1], shape=[6, 6]),
        ModelFileError, ("'w'", "another shape elsewhere")),
    "a weight that the node lacks": (
        lambda g: (g["layers"][0]["weights"].pop(), node(g, "r")["weights"].pop()), GlnnError, ("m.glnn",)),
    "units that do not fit the weights": (
        lambda g: inner(g)["layers"][0]["config"].update(units=7), GlnnError, ("'r'",)),
    "a codec of no tensor": (
        lambda g: outer(g).update(activations={"zz": {"codec": "float16"}}), GlnnError, ("'r'", "'zz'")),
    "a codec that is none": (
        lambda g: outer(g).update(activations={"t": {"codec": "zip"}}), UnsupportedError, ("'r'", "'zip'")),
    "repeats within repeats": (wrapped(9), ModelFileError, ("nested more than 8 deep",)),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damages_have_names(saved: Path, name: str) -> None:
    change, error, words = DAMAGES[name]
    assert_refused(damaged(saved, change), error, words)


@pytest.mark.parametrize("junk", [None, "x", -3, 0, [], {}, {"graph": {}}, True], ids=str)
def test_damage_anywhere_in_a_body_has_a_name(saved: Path, junk: Any) -> None:
    """Whatever stands in the wrong place: the model loads, or the exception is glnn's own, and names the file."""
    header, graph, data = parts(saved)
    refused = 0
    for number in range(len(places(graph["layers"]))):
        damaged = json.loads(json.dumps(graph))
        container, key = places(damaged["layers"])[number]
        container[key] = junk
        header["__metadata__"]["glnn"] = json.dumps(damaged)
        try:
            load(put(saved, header, data))
        except GlnnError as error:
            refused += 1
            assert saved.name in str(error)
    assert refused > 50
