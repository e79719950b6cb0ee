"""Models whose JSON or config is broken."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.bad_files import two_layers
from support.broken_files.table import HUGE, Made, case, h5
from support.keras_files import called, functional, layer, sequential


def raw(text: str | bytes) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        (folder / "m.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder / "m.json"

    return make


TEXT = json.dumps(two_layers())
for name, text in {
    "JSON nested 100,000 deep": '{"class_name": "Sequential", "config": ' + "[" * 100_000,
    "objects nested 100,000 deep": '{"a": ' * 100_000 + "1" + "}" * 100_000,
    "NaN as a number of units": TEXT.replace('"units": 3', '"units": NaN'),
    "infinite units": TEXT.replace('"units": 3', '"units": Infinity'),
    "1e999 units": TEXT.replace('"units": 3', '"units": 1e999'),
    "5000 digits of units": TEXT.replace('"units": 3', '"units": ' + "9" * 5000),
    "negative units": TEXT.replace('"units": 3', '"units": -3'),
    "a million million units": TEXT.replace('"units": 3', f'"units": {HUGE}'),
    "units twice": TEXT.replace('"units": 3', '"units": 3, "units": 4'),
    "a text as units": TEXT.replace('"units": 3', '"units": "3"'),
    "true as units": TEXT.replace('"units": 3', '"units": true'),
    "2.5 units": TEXT.replace('"units": 3', '"units": 2.5'),
    "a negative input": TEXT.replace("[null, 4]", "[null, -4]"),
    "an input of texts": TEXT.replace("[null, 4]", '[null, "4"]'),
    "an input of 100 axes": TEXT.replace("[null, 4]", str([None, *[4] * 100]).replace("None", "null")),
    "an input of numbers beyond 64 bits": TEXT.replace("[null, 4]", f"[null, {10**30}]"),
    "a lone half of a character": TEXT.replace('"first"', '"\\ud800"'),
    "bytes that are no UTF-8": TEXT.encode().replace(b"first", b"fi\xffst"),
    "UTF-16": TEXT.encode("utf-16"),
    "a number alone": "3",
    "a text of JSON of a text": json.dumps(json.dumps(json.dumps(TEXT))),
    "a megabyte of brackets": "[" * 1_000_000,
}.items():
    case(f"json: {name}")(raw(text))


DENSE = {"units": 4}


def changed(change: Callable[[Any], Any]) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        model = copy.deepcopy(two_layers())
        change(model)
        return h5(folder, model)

    return make


for key, value in {
    "name": ["x"], "units": [3], "activation": 7, "use_bias": "no", "batch_input_shape": "none",
}.items():  # fmt: skip
    case(f"config: {key} is {value!r}")(changed(lambda m, k=key, v=value: m["config"][0]["config"].update({k: v})))

case("config: a layer without class")(changed(lambda m: m["config"][0].pop("class_name")))
case("config: a layer without config")(changed(lambda m: m["config"][0].pop("config")))
case("config: a layer of numbers")(changed(lambda m: m["config"].append(7)))
case("config: layers are an object")(changed(lambda m: m.update(config={"layers": {"a": 1}})))
case("config: two layers of one name")(changed(lambda m: m["config"][1]["config"].update(name="first")))
case("config: a Lambda")(changed(lambda m: m["config"].append(layer("Lambda", "l", function=["aW1wb3J0", None, None]))))
case("config: a class that Python would import")(changed(lambda m: m["config"].append(layer("os>system", "rm -rf /"))))


def graph(*layers: Any, inputs: Any = ("x",), outputs: Any = ("b",)) -> Callable[[Path], Made]:
    """A functional model in HDF5 without weights."""
    source = called("InputLayer", "x", batch_input_shape=[None, 4])
    return lambda folder: h5(folder, functional("m", inputs, outputs, [source, *layers]), {})


case("graph: two layers read each other")(
    graph(
        called("Activation", "a", ["b", 0, 0], activation="relu"),
        called("Activation", "b", ["a", 0, 0], activation="relu"),
    )
)
case("graph: a layer reads itself")(graph(called("Activation", "b", ["b", 0, 0], activation="relu")))
case("graph: a layer that is not there")(graph(called("Activation", "b", ["c", 0, 0], activation="relu")))
case("graph: the output is not there")(graph(called("Activation", "a", ["x", 0, 0], activation="relu")))
case("graph: the input is not there")(graph(called("Activation", "b", ["x", 0, 0], activation="relu"), inputs=("y",)))
case("graph: output a million of a layer")(graph(called("Activation", "b", ["x", 0, 10**6], activation="relu")))
case("graph: call minus one")(graph(called("Activation", "b", ["x", -1, 0], activation="relu")))
case("graph: a call that is a text")(graph(called("Activation", "b", activation="relu") | {"inbound_nodes": "x"}))
case("graph: a call of numbers")(graph(called("Activation", "b", activation="relu") | {"inbound_nodes": [[[1, 2, 3]]]}))
case("graph: two layers of one name")(graph(*[called("Activation", "b", ["x", 0, 0], activation="relu")] * 2))
case("graph: shapes that do not fit")(graph(called("Reshape", "b", ["x", 0, 0], target_shape=[5])))
case("graph: no inputs")(graph(called("Activation", "b", ["x", 0, 0], activation="relu"), inputs=()))
case("graph: 3000 layers called in the wrong order")(
    graph(*(called("Activation", f"a{k}" if k else "b", [f"a{k + 1}" if k < 2999 else "x", 0, 0], activation="relu")
            for k in range(2999)))
)  # fmt: skip


def nested(depth: int) -> str:
    """A model in models, as JSON: Python's own writer does not go so deep."""
    model = json.dumps(sequential(layer("Dense", "d", units=4, batch_input_shape=[None, 4])))
    inner = "".join(f'{{"class_name": "Sequential", "config": {{"name": "s{k}", "layers": [' for k in range(depth))
    return inner + model + "]}}" * depth


for depth in (300, 900, 10_000):

    @case(f"json: models nested {depth} deep")
    def _(folder: Path, depth: int = depth) -> Made:
        (folder / "m.json").write_text(nested(depth))
        return folder / "m.json"


@case("config: models called in each other 2^40 times")
def _(folder: Path) -> Made:
    """Each model calls the one inside of it twice: small to say, endless to do."""
    model: Any = None
    for k in range(40):
        source = called("InputLayer", "x", batch_input_shape=[None, 4])
        inner = model or layer("Activation", "act", activation="relu")
        both = inner | {"name": "b", "inbound_nodes": [[["x", 0, 0, {}]], [["b", int(model is not None), 0, {}]]]}
        both["config"] = dict(both["config"], name="b")
        model = functional(f"m{k}", ["x"], ["b"], [source, both])
        model["config"]["output_layers"] = [["b", 1 + int(k > 0), 0]]
    return h5(folder, model, {})
