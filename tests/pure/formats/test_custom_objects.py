"""Layers and functions that a user hands to one load, in real files of Keras and in such as older ones wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bad_files import GROUPS, refused
from support.custom_objects import same
from support.keras_files import draw, layer, sequential, write_model

import glnn
from glnn.errors import GraphError, InputError, UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run
from glnn.layers import LAYERS, Activated, Layer, WeightSpec, layer_of
from glnn.layers.core import Dense
from glnn.layers.preprocessing import Rescaling
from glnn.primitives import Sym, Trace
from glnn.primitives.functions import LINEAR, Function


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    kept = dict(LAYERS.data)
    yield
    LAYERS.data = kept


@dataclass(frozen=True)
class Wavy(Layer):
    """amount * sin(x)."""

    amount: float = 1.0

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return self.amount * t.apply("sin", x)


@dataclass(frozen=True)
class Gated(Activated):
    """Dense times what a layer inside it gives; `table` is a dict within a dict."""

    units: int
    inner: Layer
    activation: Function = LINEAR
    table: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        return layer_of(value) if key == "inner" else super().convert(key, value)

    def weight_specs(self, *inputs: Any) -> list[WeightSpec]:
        inner = self.inner.weight_specs(*inputs)
        return [WeightSpec("gain", (self.units,)), *(WeightSpec(f"inner/{s.name}", s.shape) for s in inner)]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        own = {name.removeprefix("inner/"): weight for name, weight in w.items()}
        y = self.inner.build(t, x, w=own) * w["gain"] + self.table["more"]["offset"]  # type: ignore[attr-defined]
        return t.activation(y, self.activation)


@pytest.fixture(scope="module")
def own_classes(keras: Any) -> dict[str, Any]:
    """What the author of the models below wrote for Keras."""

    @keras.saving.register_keras_serializable("mine", "Wavy")
    class KerasWavy(keras.layers.Layer):
        def __init__(self, amount: float = 1.0, **more: Any) -> None:
            super().__init__(**more)
            self.amount = amount

        def call(self, x: Any) -> Any:
            return keras.ops.sin(x) * self.amount

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "amount": self.amount}

    @keras.saving.register_keras_serializable("mine", "Gated")
    class KerasGated(keras.layers.Layer):
        def __init__(self, units: int, inner: Any, table: Any, activation: Any = None, **more: Any) -> None:
            super().__init__(**more)
            self.units, self.table = units, table
            self.inner = inner if isinstance(inner, keras.Layer) else keras.saving.deserialize_keras_object(inner)
            self.activation = keras.activations.get(activation)

        def build(self, shape: Any) -> None:
            self.gain = self.add_weight(shape=(self.units,), name="gain", initializer="random_normal")
            self.inner.build(shape)

        def call(self, x: Any) -> Any:
            return self.activation(self.inner(x) * self.gain + self.table["more"]["offset"])

        def get_config(self) -> dict[str, Any]:
            own = {"units": self.units, "inner": keras.saving.serialize_keras_object(self.inner), "table": self.table}
            return {**super().get_config(), **own, "activation": keras.activations.serialize(self.activation)}

    @keras.saving.register_keras_serializable("mine")
    def double_swish(x: Any) -> Any:
        return x * keras.ops.sigmoid(2 * x)

    return {"Wavy": KerasWavy, "Gated": KerasGated, "double_swish": double_swish}


def double_swish(t: Trace, x: Sym) -> Sym:
    return x * t.apply("sigmoid", 2 * x)


# ---- classes and functions, by their names


def custom(keras: Any, own: Mapping[str, Any]) -> Any:
    L = keras.layers
    gated = own["Gated"](3, L.Dense(3, activation=own["double_swish"]), {"more": {"offset": 0.5}}, own["double_swish"])
    x = keras.Input((5, 4))
    y = L.Activation(own["double_swish"])(own["Wavy"](2.0)(L.Dense(4, activation=own["double_swish"])(x)))
    return keras.Model(x, gated(y))


OBJECTS = {"Wavy": Wavy, "Gated": Gated, "double_swish": double_swish}


def test_weights_of_custom_layers_in_a_tree(keras: Any, own_classes: dict[str, Any], tmp_path: Path) -> None:
    """A tree of weights names layers by their classes in Python, whatever these are registered under."""

    @keras.saving.register_keras_serializable("mine", "Gain")
    class KerasGain(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.gain = self.add_weight(shape=shape[-1:], name="gain", initializer="random_normal")

        def call(self, x: Any) -> Any:
            return x * self.gain

    @dataclass(frozen=True)
    class Gain(Layer):
        def weight_specs(self, *inputs: Any) -> list[WeightSpec]:
            return [WeightSpec("gain", inputs[0][-1:])]

        def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
            return x * w["gain"]

    model = keras.Sequential([keras.Input((5, 4)), KerasGain(), keras.layers.Dense(3), KerasGain()])
    (tmp_path / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    same(model, tmp_path / "m.json", objects={"Gain": Gain})
    for path in (tmp_path / "m.h5", tmp_path / "m.keras"):
        model.save(path)
        same(model, path, objects={"mine>Gain": Gain})


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("package", ["", "mine>"])
def test_custom_layers_and_functions(
    keras: Any, own_classes: dict[str, Any], tmp_path: Path, package: str, suffix: str
) -> None:
    model, path = custom(keras, own_classes), tmp_path / f"m.{suffix}"
    model.save(path)
    same(model, path, objects={f"{package}{name}": thing for name, thing in OBJECTS.items()})
    assert "Wavy" not in LAYERS and "double_swish" not in LAYERS  # nothing of it stays
    words = ("wavy", "custom class", "activation 'mine>double_swish'", '"mine>Gated": ...', "units, inner, table")
    refused(UnsupportedError, path, *words)


def test_registered_layers_are_found_with_and_without_their_package(tmp_path: Path) -> None:
    assert glnn.register_layer("Wavy")(Wavy) is Wavy
    glnn.register_layer("other>Wave")(Wavy)
    glnn.register_layer("more>Dense")(Wavy)

    def loaded(name: str, **more: Any) -> Any:
        item = layer(name, "w", amount=3.0, batch_input_shape=[None, 4]) | more
        return load(write_model(tmp_path / "m.h5", sequential(item), {})).nodes[0].layer

    names = ["Wavy", "Custom>Wavy", "mine>Wavy", "other>Wave", "Wave"]
    assert [loaded(name) for name in names] == [Wavy(3.0)] * 5
    assert loaded("Wavy", module="mine.layers", registered_name="mine>Wavy") == Wavy(3.0)
    for name in ("Custom>Wave", "Custom>Dense", "mine>Dense"):  # another package's; glnn's own Dense
        with pytest.raises(UnsupportedError, match="custom class"):
            loaded(name)
    with pytest.raises(UnsupportedError, match="option units"):  # "Dense" stays Keras'
        load(
            write_model(
                tmp_path / "m.h5", sequential(layer("more>Dense", "d", units=3, batch_input_shape=[None, 4])), {}
            )
        )


def test_config_keys_of_custom_layers_are_their_own(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Sub(Layer):
        subsample: int
        stride: int
        table: Any = None

        def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
            return x * self.subsample

    item = layer("Sub", "s", subsample=2, stride=3, table={"a": [1, {"b": [2]}]}, batch_input_shape=[None, 4])
    graph = load(write_model(tmp_path / "m.h5", sequential(item), {}), custom_objects={"Sub": Sub})
    assert graph.nodes[0].layer == Sub(2, 3, {"a": (1, {"b": (2,)})})


def test_what_stands_for_a_name(tmp_path: Path) -> None:
    item = layer("Own", "own", by=2.0, batch_input_shape=[None, 3])
    path = write_model(tmp_path / "m.h5", sequential(item, layer("Dense", "d", units=2, activation="act")), dense())
    x = draw(2, 3)
    kernel = dense()["d"]["d/kernel:0"]
    for own, act, expected in [
        (lambda t, x, by: x * by, lambda t, x: x + 1, x * 2 @ kernel + 1),
        (lambda t, x, **options: x * options["by"], "linear", x * 2 @ kernel),
        (Rescaling(3.0), "relu", np.maximum(x * 3 @ kernel, 0)),
    ]:
        graph = load(path, custom_objects={"Own": own, "act": act})
        np.testing.assert_allclose(run(graph, {graph.inputs[0].name: x})["d"], expected, atol=1e-5)
    path = write_model(tmp_path / "m.h5", sequential(layer("Dense", "d", units=2, batch_input_shape=[None, 3])), {})
    graph = load(path, custom_objects={"Dense": lambda t, x, units: x * units})  # Keras' own names as well
    assert graph.nodes[0].kind == "Dense" and graph.nodes[0].layer.output_shape((None, 3)) == (None, 3)


def dense() -> dict[str, dict[str, np.ndarray]]:
    return {"d": {"d/kernel:0": GROUPS["first"]["first/kernel:0"][:3, :2], "d/bias:0": np.zeros(2)}}


def test_one_layer_of_a_class_with_a_package(tmp_path: Path) -> None:
    """The name of one layer alone is found with a package before its class as well, and without."""
    for written, given in (("mine>Own", "Own:o"), ("Own", "mine>Own:o"), ("mine>Own", "mine>Own:o")):
        item = layer(written, "o", by=2.0, batch_input_shape=[None, 3])
        path = write_model(tmp_path / "m.h5", sequential(item), {})
        graph = load(path, custom_objects={given: lambda t, x, by: x * by})
        x = draw(2, 3)
        np.testing.assert_allclose(run(graph, {graph.inputs[0].name: x})["o"], 2 * x, atol=1e-6)


def test_an_alias_of_a_layer(tmp_path: Path) -> None:
    item = layer("FixedDropout", "d", rate=0.5, seed=1, noise_shape=None, batch_input_shape=[None, 3])
    graph = load(write_model(tmp_path / "m.h5", sequential(item), {}), custom_objects={"FixedDropout": "Dropout"})
    assert type(graph.nodes[0].layer).__name__ == "Dropout"


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ([("a", Wavy)], "not list"),
        ({3: Wavy}, "names are text"),
        ({"a": 3}, "is 3; allowed is a class of glnn.layers.Layer"),
        ({"a": Layer}, "Put @dataclass"),
        ({"a": "nothing"}, "'nothing'"),
        ({"a": dict}, "allowed is"),
    ],
)
def test_wrong_custom_objects(objects: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load("none.h5", custom_objects=objects)


def test_functions_that_do_not_serve(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.h5", sequential(layer("Own", "own", batch_input_shape=[None, 3])), {})
    for function, words in [
        (lambda t, x: 3.0, "returns 3.0, which is no symbol"),
        (lambda t: t, "positional argument"),
    ]:
        with pytest.raises(GraphError, match=f"(?s)layer 'own'.*{words}"):
            load(path, custom_objects={"Own": function})


def test_what_a_function_says_is_in_no_file(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.h5", sequential(layer("Own", "own", batch_input_shape=[None, 3])), {})
    with glnn.Model.load(path, custom_objects={"Own": lambda t, x: x + 1}) as model:
        with pytest.raises(UnsupportedError, match="own.*which no file holds"):
            model.save(tmp_path / "m.glnn")
    item = layer("Activation", "a", activation="relu", batch_input_shape=[None, 3])
    path = write_model(tmp_path / "m.h5", sequential(item), {})
    with glnn.Model.load(path, custom_objects={"relu": lambda t, x: x + 1}) as model:
        with pytest.raises(InputError, match="none of glnn's own"):
            model.save(tmp_path / "m.glnn")


def test_a_class_of_one_load_reads_a_glnn_file(tmp_path: Path) -> None:
    glnn.register_layer("mine>Wavy")(Wavy)
    path = write_model(
        tmp_path / "m.h5", sequential(layer("mine>Wavy", "w", amount=2, batch_input_shape=[None, 3])), {}
    )
    with glnn.Model.load(path) as model:
        model.save(tmp_path / "m.glnn")
    del LAYERS["mine>Wavy"]
    with pytest.raises(UnsupportedError, match="mine>Wavy"):
        load(tmp_path / "m.glnn")
    assert load(tmp_path / "m.glnn", custom_objects={"mine>Wavy": Wavy}).nodes[0].layer == Wavy(2)


def test_anonymous_functions_go_by_their_layer(keras: Any, tmp_path: Path) -> None:
    x = keras.Input((4,))
    y = keras.layers.Dense(3, activation=lambda x: x * 2, name="a")(x)
    model = keras.Model(x, keras.layers.Dense(3, activation=lambda x: x + 1, name="b")(y))
    for path in (tmp_path / "m.h5", tmp_path / "m.keras"):
        model.save(path)
        same(model, path, objects={"<lambda>:a": lambda t, x: x * 2, "<lambda>:b": lambda t, x: x + 1})
        refused(UnsupportedError, path, "custom_objects={'<lambda>:a': lambda t, x: ...}")


def test_a_layer_with_an_inner_one_says_what_is_wrong_in_it(tmp_path: Path) -> None:
    for inner, words in [
        ({"class_name": "Dense", "config": {"units": 3, "strange": 1}}, "layer Dense in it: option strange=1"),
        ({"class_name": "Nothing", "config": {}}, "layer Nothing in it"),
        (3, "3, which is no layer"),
    ]:
        item = layer("Gated", "g", units=3, inner=inner, batch_input_shape=[None, 4])
        path = write_model(tmp_path / "m.h5", sequential(item), {})
        with pytest.raises(UnsupportedError, match=words):
            load(path, custom_objects={"Gated": Gated})
    assert isinstance(layer_of(Dense(3)), Dense)
