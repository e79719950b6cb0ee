"""Inputs and outputs in dicts and lists, nested or outermost: numbered and named as Keras itself does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import write_model
from support.networks import scattered
from support.seeds import seeded

from glnn.errors import GraphError
from glnn.formats import load
from glnn.graph.reference import run

keras = pytest.importorskip("keras")
RNG = seeded(3)
Make = Callable[[], Any]
CASES: list[tuple[Make, str, str]] = []  # makes a model; names of its inputs, of its outputs


def case(inputs: str, outputs: str) -> Callable[[Make], Make]:
    """A model whose tensors have these names, in this order; the keys of dicts, where it is made of dicts."""

    def add(make: Make) -> Make:
        CASES.append((make, inputs, outputs))
        return make

    return add


def sources(names: str, size: int = 4) -> list[Any]:
    return [keras.layers.Input((size,), name=name) for name in names.split()]


def dense(units: int, tensor: Any) -> Any:
    return keras.layers.Dense(units)(tensor)


def joined(*tensors: Any) -> Any:
    return keras.layers.Concatenate(name="joined")(list(tensors))


def inner(first: str = "kz", second: str = "ka") -> Any:
    """A model of two inputs and outputs, in dicts whose keys are neither sorted nor the layers' names."""
    x, y = sources("x y")
    return keras.Model({first: x, second: y}, {"z": dense(2, x), "b": dense(3, y)}, name="inner")


@case("a b", "y z")
def dicts() -> Any:
    b, a = sources("b"), sources("a", 3)
    return keras.Model({"b": b[0], "a": a[0]}, {"z": dense(2, b[0]), "y": dense(5, joined(*a, *b))})


@case("first second", "b z")
def keys_that_are_not_the_layers_names() -> Any:
    x, y = sources("x y")
    return keras.Model({"second": x, "first": y}, {"z": dense(2, x), "b": dense(3, y)})


@case("only", "scores")
def dicts_of_one() -> Any:
    (x,) = sources("x")
    return keras.Model({"only": x}, {"scores": dense(3, x)})


@case("dense", "x")
def keys_that_are_names_of_other_layers() -> Any:
    (x,) = sources("x")
    return keras.Model({"dense": x}, {"x": keras.layers.Dense(3, name="dense")(x)})


@case("a.0 l.k l.m", "b.c b.w z.0 z.1")
def lists_and_dicts_in_dicts() -> Any:
    i, j, k = sources("i j k")
    outputs = {"z": [dense(2, i), dense(3, j)], "b": {"w": dense(4, k), "c": dense(1, k)}}
    made = keras.Model({"q": [i, j], "p": k}, outputs, name="inner")
    p, q, r = sources("p q r")
    o = made({"q": [p, q], "p": r})
    return keras.Model(
        {"l": {"m": p, "k": q}, "a": [r]},
        {"z": [o["b"]["c"], o["z"][1]], "b": {"w": o["z"][0], "c": o["b"]["w"]}},
    )


@case("a b k", "c z last")
def dicts_in_lists() -> Any:
    i, j, k = sources("i j k")
    return keras.Model(
        [{"b": i, "a": j}, k], [{"z": dense(2, i), "c": dense(3, j)}, keras.layers.Dense(4, name="last")(k)]
    )


@case("p q", "joined")
def nested_called_on_a_dict() -> Any:
    p, q = sources("p q")
    o = inner()({"kz": p, "ka": q})
    return keras.Model([p, q], joined(o["z"], o["b"]))


@case("p q", "joined")
def nested_called_on_a_dict_by_its_name() -> Any:
    p, q = sources("p q")
    o = inner()(inputs={"kz": p, "ka": q}, mask={"kz": None, "ka": None})
    return keras.Model([p, q], joined(o["b"], o["z"]))


@case("p q", "joined")
def nested_of_dicts_called_on_a_list() -> Any:
    p, q = sources("p q")
    o = inner("ka", "kz")([p, q])
    return keras.Model([p, q], joined(o["z"], o["b"]))


@case("p q", "joined")
def nested_of_a_list_called_on_a_dict() -> Any:
    x, y = sources("x y")
    made = keras.Model([y, x], [dense(2, y), dense(3, x)], name="inner")
    p, q = sources("p q")
    return keras.Model([p, q], joined(*made({"x": p, "y": q, "not used": p})))


@case("p", "out")
def nested_of_one_tensor_called_on_a_dict() -> Any:
    (x,) = sources("x")
    made = keras.Model(x, {"o": dense(3, x)}, name="inner")
    (p,) = sources("p")
    return keras.Model({"p": p}, {"out": made({"x": p})["o"]})


@case("p q", "joined")
def nested_in_tuples() -> Any:
    x, y = sources("x y")
    made = keras.Model((y, x), (dense(2, y), dense(3, x)), name="inner")
    p, q = sources("p q")
    return keras.Model((p, q), joined(*made((q, p))))


@case("q x", "b z")
def nested_called_twice() -> Any:
    made = inner()
    p, q = sources("p q")
    one, two = made({"kz": p, "ka": q}), made({"ka": p, "kz": q})
    return keras.Model({"x": p, "q": q}, {"z": one["z"], "b": joined(two["b"], two["z"], one["b"])})


@case("r s", "s t")
def nested_twice_over() -> Any:
    p, q = sources("p q")
    o = inner()({"kz": p, "ka": q})
    middle = keras.Model({"y": p, "x": q}, {"u": o["b"], "t": o["z"]}, name="middle")
    r, s = sources("r s")
    o = middle({"y": r, "x": s})
    return keras.Model([r, s], {"t": o["t"], "s": o["u"]})


@pytest.mark.parametrize("form", ["h5", "keras", "json"])
@pytest.mark.parametrize(("make", "inputs", "outputs"), CASES, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.filterwarnings("ignore")  # Keras would rather have keys and names be the same
def test_tensors_are_numbered_as_keras_does(make: Make, inputs: str, outputs: str, form: str, tmp_path: Path) -> None:
    model = scattered(make())
    arrays = [RNG.normal(size=(2, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]
    wanted = keras.tree.flatten(model.predict(keras.tree.pack_sequence_as(model.input, arrays), verbose=0))
    if form != "json":
        model.save(tmp_path / f"m.{form}")
    else:
        (tmp_path / "m.json").write_text(model.to_json())
        model.save_weights(tmp_path / "m.weights.h5")
    graph = load(tmp_path)
    assert [spec.name for spec in graph.inputs] == inputs.split()
    assert list(graph.output_names) == outputs.split()
    found = run(graph, dict(zip(inputs.split(), arrays, strict=True)))
    for ours, theirs in zip(found.values(), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("on_a_dict", "first second", "b z"),
        ("of_a_list_on_a_dict", "p q", "concatenate_1"),
        ("lists_in_dicts", "a.0 l.k l.m", "b.c b.w z.0 z.1"),
    ],
)
def test_tensors_are_numbered_as_keras_2_does(root: Path, tmp_path: Path, name: str, inputs: str, outputs: str) -> None:
    """As tf_keras writes them, with its own answers; a nested model takes a dict's tensors by key, some not at all."""
    told = json.loads((root / "tests/golden/keras2/structures.json").read_text())[name]
    groups = {key: {k: np.array(w) for k, w in group.items()} for key, group in told["weights"].items()}
    graph = load(write_model(tmp_path / "m.h5", told["model"], groups, told["model"]["keras_version"]))
    assert [spec.name for spec in graph.inputs] == inputs.split()
    assert list(graph.output_names) == outputs.split()
    found = run(graph, dict(zip(inputs.split(), map(np.array, told["inputs"]), strict=True)))
    for ours, theirs in zip(found.values(), told["outputs"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_a_dict_with_a_key_too_many_is_refused(tmp_path: Path) -> None:
    """Keras 3 takes the first two of the sorted keys then, whatever they are called."""
    p, q = sources("p q")
    o = inner()({"kz": p, "ka": q, "a": p})
    keras.Model([p, q], [o["z"], o["b"]]).save(tmp_path / "m.h5")
    with pytest.raises(GraphError, match="'inner' has 2 inputs and is called on 3"):
        load(tmp_path / "m.h5")
