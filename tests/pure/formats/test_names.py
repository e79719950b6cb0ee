"""Weights and the layers they belong to, as files name them: against what Keras computed, and by hand where it cannot.

A file whose weights lie in the wrong layers loads as well as any other, so every answer here is compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.keras_files import called, functional, layer, sequential, write_kerasjs, write_model, write_weights
from support.networks import scattered
from support.tfjs_files import write_tfjs

from glnn.errors import GlnnError, ModelFileError, WeightsMismatchError
from glnn.formats import load
from glnn.formats.keras.dealing import Lot
from glnn.formats.keras.places import in_order, orders
from glnn.formats.keras.spelling import keeps_order, pair_by_counters, pair_by_suffix, split
from glnn.formats.keras.weights import Entry, Stored
from glnn.graph import Graph
from glnn.graph.reference import run
from glnn.layers.base import WeightSpec

RNG = np.random.default_rng(23)
GOLDEN = Path(__file__).parents[2] / "golden" / "keras2"
Weights = dict[str, np.ndarray]


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def dense(name: str, suffix: str = ":0") -> Weights:
    """The weights of a Dense layer, 4 -> 4."""
    return {f"{name}/kernel{suffix}": draw(4, 4), f"{name}/bias{suffix}": draw(4)}


def chain(*names: str, inner: bool = False, frozen: str = "") -> dict[str, Any]:
    """A Sequential of Dense layers, 4 -> 4; `inner`: all in a model 'inner', which is then the only layer."""
    layers = [layer("Dense", n, units=4, activation="linear", trainable=n not in frozen.split()) for n in names]
    layers[0]["config"]["batch_input_shape"] = [None, 4]
    if not inner:
        return sequential(*layers)
    return sequential({"class_name": "Sequential", "config": {"name": "inner", "layers": layers}})


def kernels(graph: Graph) -> list[np.ndarray]:
    return [node.weights["kernel"] for node in graph.nodes]


def check_order(graph: Graph, groups: Mapping[str, np.ndarray], *names: str) -> None:
    """The layers of the graph, in their order, have the kernels and biases of these names."""
    assert len(graph.nodes) == len(names)
    stored = {name.split(":")[0]: values for name, values in groups.items()}
    for node, name in zip(graph.nodes, names, strict=True):
        np.testing.assert_array_equal(node.weights["kernel"], stored[f"{name}/kernel"])
        np.testing.assert_array_equal(node.weights["bias"], stored[f"{name}/bias"])


def refused(path: Path, *words: str, error: type[Exception] = WeightsMismatchError, **more: Any) -> None:
    with pytest.raises(error) as caught:
        load(path, **more)
    assert type(caught.value) is error
    for word in (f"{path.parent}/", *words):
        assert word in str(caught.value), str(caught.value)


# What Keras 2 wrote (tests/golden/make_keras2.py tells what is in the files)


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("*.h5")))
def test_files_of_keras2(name: str) -> None:
    stem = name.split(".")[0]
    whole = not name.endswith(".weights.h5")
    graph = load(GOLDEN / name) if whole else load(GOLDEN / f"{stem}.json", weights=GOLDEN / name)
    with np.load(GOLDEN / f"{stem}.npz") as told:
        (found,) = run(graph, {graph.inputs[0].name: told["x"]}).values()
        assert np.std(told["y"]) > 0.5
        np.testing.assert_allclose(found, told["y"], rtol=1e-4, atol=1e-4)


def test_statistics_of_renormalization_are_not_those_of_the_layer() -> None:
    (norm,) = (node for node in load(GOLDEN / "renorm-213.h5").nodes if node.label == "inner/batch_normalization")
    with h5py.File(GOLDEN / "renorm-213.h5") as file:
        group = file["model_weights/inner/batch_normalization"]
        assert "renorm_mean:0" in group and set(norm.weights) == {"gamma", "beta", "moving_mean", "moving_variance"}
        for key, values in norm.weights.items():
            np.testing.assert_array_equal(values, group[f"{key}:0"])


# What Keras 3 writes


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


def agree(model: Any, path: Path, *more: Path) -> None:
    graph = load(path, *more)
    x = draw(3, *model.input_shape[1:])
    (found,) = run(graph, {graph.inputs[0].name: x}).values()
    wanted = model.predict(x, verbose=0)
    assert np.std(wanted) > 1e-3
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def save_all(model: Any, folder: Path) -> list[tuple[Path, ...]]:
    """A model as Keras 3 saves it: whole, and as JSON with its weights; what to give to load."""
    model.save(folder / "m.h5")
    (folder / "m.json").write_text(model.to_json())
    model.save_weights(folder / "w.weights.h5")
    return [(folder / "m.h5",), (folder / "m.json", folder / "w.weights.h5"), (folder / "m.json", folder / "m.h5")]


@pytest.mark.parametrize("state", ["trained", "frozen", "thawed", "inner frozen", "first frozen"])
def test_nested_models_of_keras3_whose_layers_are_alike(keras: Any, tmp_path: Path, state: str) -> None:
    """Two layers of one name, one inside of a model inside: their paths tell them apart, whatever trains."""
    L = keras.layers
    deep = keras.Sequential([L.Dense(4, name="a"), L.BatchNormalization(name="n"), L.Dense(4, name="b")], name="deep")
    x = L.Input((4,))
    block = keras.Model(x, L.Dense(4, name="c")(L.Dense(4, name="a")(deep(x))), name="block")
    y = L.Input((4,))
    model = scattered(keras.Model(y, L.Dense(4, name="a")(L.Dropout(0.5)(block(y)))))
    if state in ("frozen", "thawed"):
        block.trainable = False
    if state == "thawed":
        deep.layers[-1].trainable = block.layers[-1].trainable = True
    if state == "inner frozen":
        deep.trainable = False
    if state == "first frozen":
        deep.layers[0].trainable = False
    for paths in save_all(model, tmp_path):
        agree(model, *paths)


def test_a_shared_layer_and_a_nested_model_called_twice(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    inner = keras.Sequential([L.Dense(4), L.Dense(4)], name="inner")
    shared = L.Dense(4)
    x = L.Input((4,))
    model = scattered(keras.Model(x, shared(inner(L.Dense(4)(inner(shared(x)))))))
    inner.layers[0].trainable = False
    for paths in save_all(model, tmp_path):
        agree(model, *paths)


def test_a_trained_model_with_what_only_training_needs(keras: Any, tmp_path: Path) -> None:
    """The states of the optimizer, of metrics and of random numbers lie beside the weights."""
    L = keras.layers
    model = keras.Sequential([L.Input((4,)), L.Dense(4), L.GaussianNoise(0.1), L.Dropout(0.5), L.Dense(4)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(draw(4, 4), draw(4, 4), verbose=0)
    for paths in save_all(scattered(model), tmp_path):
        agree(model, *paths)
    with h5py.File(tmp_path / "w.weights.h5", "a") as file:
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)
    agree(model, tmp_path / "m.json", tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "a") as file:
        file["layers/dense/something/vars/0"] = np.zeros(2)
    refused(tmp_path / "m.json", "'something'", weights=tmp_path / "w.weights.h5", error=ModelFileError)


def test_trees_name_their_layers(keras: Any, tmp_path: Path) -> None:
    """Keras 3 numbers layers by class and tells their names beside: names count where the order differs."""
    L = keras.layers
    model = scattered(keras.Sequential([L.Input((4,)), *(L.Dense(4, name=n) for n in ("a", "d_1", "d_2"))]))
    model.save_weights(tmp_path / "w.weights.h5")
    config = json.loads(model.to_json())
    layers = config["config"]["layers"]
    layers[-2:] = reversed(layers[-2:])
    (tmp_path / "m.json").write_text(json.dumps(config))
    graph = load(tmp_path / "m.json", weights=tmp_path / "w.weights.h5")
    x = draw(2, 4)
    (found,) = run(graph, {graph.inputs[0].name: x}).values()
    wanted = model.get_layer("d_1")(model.get_layer("d_2")(model.get_layer("a")(x)))
    np.testing.assert_allclose(found, np.asarray(wanted), rtol=1e-4, atol=1e-5)
    (tmp_path / "m.json").write_text(model.to_json())
    for names, fine in (
        (("x", "y", "z"), True), (("a", "x", "d_2"), True), (("a_4", "d", "d_1"), True),  # in Keras' order
        (("d_1", "x", "y"), False), (("a", "d_2", "d_2"), False), (("a_4", "d_3", "d_1"), False),
    ):  # fmt: skip
        with h5py.File(tmp_path / "w.weights.h5", "a") as file:
            for group, name in zip(("dense", "dense_1", "dense_2"), names, strict=True):
                file[f"layers/{group}/vars"].attrs["name"] = name
        if fine:
            agree(model, tmp_path / "m.json", tmp_path / "w.weights.h5")
        else:
            with pytest.raises(WeightsMismatchError, match=rf"w\.weights\.h5: which weights .*{', '.join(names)}"):
                load(tmp_path / "m.json", weights=tmp_path / "w.weights.h5")


# Groups by layer


def test_layers_in_another_order_than_their_groups(tmp_path: Path) -> None:
    groups = {name: dense(name) for name in ("c", "a", "b")}
    graph = load(write_model(tmp_path / "m.h5", chain("a", "b", "c"), groups))
    check_order(graph, {k: v for g in groups.values() for k, v in g.items()}, "a", "b", "c")


def test_a_group_is_its_layers_whatever_its_weights_are_called(tmp_path: Path) -> None:
    """A layer that was renamed, one of the second model of a session, and one of a name that another has."""
    groups = {"a": dense("old"), "b": dense("b_1"), "c": dense("a")}
    graph = load(write_model(tmp_path / "m.h5", chain("a", "b", "c"), groups))
    check_order(graph, {k: v for g in groups.values() for k, v in g.items()}, "old", "b_1", "a")


def test_weights_of_a_layer_in_another_order_than_it_takes_them(tmp_path: Path) -> None:
    model = sequential(layer("BatchNormalization", "n", axis=[1], batch_input_shape=[None, 4]))
    weights = {f"n/{name}:0": draw(4) for name in ("moving_variance", "beta", "moving_mean", "gamma")}
    (node,) = load(write_model(tmp_path / "m.h5", model, {"n": weights})).nodes
    for name, values in node.weights.items():
        np.testing.assert_array_equal(values, weights[f"n/{name}:0"])


@pytest.mark.parametrize(
    "names, words",
    [
        (("gamma", "moving_mean", "moving_variance"), ("gamma", "beta (4,)")),  # scale=False means no gamma
        (("beta", "beta", "moving_variance"), ("beta", "moving_mean (4,)")),
        (("beta", "renorm_mean", "moving_variance"), ("renorm_mean", "moving_mean (4,)")),
        (("beta", "moving_mean"), ("needs 3 weights", "the file has 2")),
        (("beta", "moving_mean", "moving_variance", "moving_stddev"), ("needs 3 weights", "the file has 4")),
    ],
)
def test_names_of_weights_that_a_layer_does_not_have(
    tmp_path: Path, names: tuple[str, ...], words: tuple[str, ...]
) -> None:
    model = sequential(layer("BatchNormalization", "n", axis=[1], scale=False, batch_input_shape=[None, 4]))
    weights = {f"n/{name}{k}:0".replace(f"{k}:", ":" if names.count(name) == 1 else f"_{k}:"): draw(4)
               for k, name in enumerate(names)}  # fmt: skip
    refused(write_model(tmp_path / "m.h5", model, {"n": weights}), "'n'", *words)
    path = write_tfjs(tmp_path, model, [{name.removesuffix(":0"): values for name, values in weights.items()}])
    refused(path, "'n'", *words)


def test_weights_that_say_nothing_come_in_the_order_of_the_layer(tmp_path: Path) -> None:
    weights = {"param_0": draw(4, 4), "param_1": draw(4)}
    (node,) = load(write_model(tmp_path / "m.h5", chain("a"), {"a": weights})).nodes
    np.testing.assert_array_equal(node.weights["bias"], weights["param_1"])


def test_low_rank_weights_are_not_left_out(tmp_path: Path) -> None:
    weights = dense("a", "") | {"a/lora_kernel_a": draw(4, 2), "a/lora_kernel_b": draw(2, 4)}
    refused(write_model(tmp_path / "m.h5", chain("a"), {"a": weights}), "lora_kernel_a", "the file has 4")


def test_weights_of_the_model_itself(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.h5", chain("a"), {"a": dense("a")})
    with h5py.File(path, "a") as file:
        write_weights(file.create_group("x"), {"top_level_model_weights": {"scale:0": draw(4)}})
        file.move("x/top_level_model_weights", "model_weights/top_level_model_weights")
    refused(path, "scale:0 (4,)", "model itself")


@pytest.mark.parametrize(
    "wanted, found, fine",
    [
        (("dense", "dense_1"), ("dense_1", "dense_2"), True),
        (("dense_9", "dense_10"), ("dense", "dense_1"), True),
        (("dense_1", "dense"), ("dense_4", "dense_3"), True),  # made in another order than called, in both
        (("dense", "dense_1"), ("dense_2", "dense_1"), False),
        (("dense_1", "dense"), ("dense_1", "dense_2"), False),
    ],
)
def test_counters_of_another_session(
    tmp_path: Path, wanted: tuple[str, ...], found: tuple[str, ...], fine: bool
) -> None:
    (tmp_path / "m.json").write_text(json.dumps({**chain(*wanted), "keras_version": "2.2.4"}))
    groups = {name: dense(name) for name in found}
    with h5py.File(tmp_path / "m_weights.h5", "w") as file:
        write_weights(file, groups)
    if fine:
        flat = {key: values for group in groups.values() for key, values in group.items()}
        check_order(load(tmp_path / "m.json"), flat, *found)
    else:
        with pytest.raises(WeightsMismatchError, match=f"m_weights.h5: which weights .* {found[0]}, {found[1]}"):
            load(tmp_path / "m.json")


def test_names_that_stand_twice(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.h5", chain("a", "b"), {"a": dense("a"), "b": dense("b")})
    with h5py.File(path, "a") as file:
        file["model_weights/b"].attrs["weight_names"] = [b"b/kernel:0", b"b/kernel:0"]
    refused(path, "'b/kernel:0' more than once", error=ModelFileError)
    with h5py.File(path, "a") as file:
        file["model_weights"].attrs["layer_names"] = [b"a", b"b", b"a"]
    refused(path, "'a' more than once", error=ModelFileError)


def test_keras_js_names(tmp_path: Path) -> None:
    """Layers and weights in another order than the model's: the metadata tells both by name."""
    groups = {"b": {"b_b": draw(4), "b_W": draw(4, 4)}, "a": {"a_b": draw(4), "a_W": draw(4, 4)}}
    graph = load(write_kerasjs(tmp_path, "net", {**chain("a", "b"), "keras_version": "1.2.2"}, groups))
    for node in graph.nodes:
        np.testing.assert_array_equal(node.weights["kernel"], groups[node.name][f"{node.name}_W"])
        np.testing.assert_array_equal(node.weights["bias"], groups[node.name][f"{node.name}_b"])


# A group of a nested model: which layer each weight belongs to

NESTED = [
    ("a b c", "", "c a b", "c a b", "names of another order"),
    ("a b c", "", "inner/c outer/inner/a inner/b", "c a b", "with the models around"),
    ("a b c", "", "c/cell a/cell b/cell", "c a b", "with parts of the layers"),
    ("a b c", "", "c a old", "c a b", "one renamed"),
    ("dense dense_1", "", "dense_4 dense_1_2", "dense dense_1", "TensorFlow's counters"),
    ("dense dense_1", "dense", "dense_1_2 dense_4", "dense_1 dense", "TensorFlow's counters, frozen"),
    ("dense dense_1", "", "dense_7 dense_8", "dense dense_1", "Keras' counters"),
    ("dense dense_1", "", "dense_1 dense_2", "dense dense_1", "either's counters, and the order is Keras'"),
    ("dense dense_1", "", "dense_2 dense_1", "dense dense_1", "either's counters, and the order is TensorFlow's"),
    ("dense_9 dense_10", "", "dense dense_1", "dense_9 dense_10", "counters of two digits"),
    ("dense", "", "anything", "dense", "one layer alone"),
    ("a b", "", "x y", "a b", "other names, in the only order"),
]


@pytest.mark.parametrize("layers, frozen, stored, belong", [c[:4] for c in NESTED], ids=[c[4] for c in NESTED])
def test_names_in_a_nested_model(tmp_path: Path, layers: str, frozen: str, stored: str, belong: str) -> None:
    """`stored`: names in the file, in its order; `belong`: the layers whose they are."""
    group = {key: values for name in stored.split() for key, values in dense(name).items()}
    model = chain(*layers.split(), inner=True, frozen=frozen)
    graph = load(write_model(tmp_path / "m.h5", model, {"inner": group}))
    of = dict(zip(belong.split(), stored.split(), strict=True))
    check_order(graph, group, *(of[name] for name in layers.split()))


UNDECIDED = [
    ("a b c", "a", "x y z", "several ways", "other names, and one layer is frozen"),
    ("a b c", "a", "x y b", "no way", "two other names, and the third is of another place"),
    ("dense dense_1", "dense", "dense_1 dense_2", "several ways", "either's counters, and one layer is frozen"),
    ("dense dense_1", "", "dense_8 dense_7", "no way", "Keras' counters, in another order"),
    ("dense dense_1", "", "dense_1 old", "no way", "a name that another layer has"),
]


@pytest.mark.parametrize("layers, frozen, stored, why", [c[:4] for c in UNDECIDED], ids=[c[4] for c in UNDECIDED])
def test_names_in_a_nested_model_that_do_not_tell(
    tmp_path: Path, layers: str, frozen: str, stored: str, why: str
) -> None:
    group = {key: values for name in stored.split() for key, values in dense(name).items()}
    path = write_model(tmp_path / "m.h5", chain(*layers.split(), inner=True, frozen=frozen), {"inner": group})
    refused(path, "'inner' (Sequential)", "is not known", why, f"inner/{layers.split()[0]}", *stored.split())


@pytest.mark.parametrize("alike", [False, True])
def test_a_layer_of_several_parts(alike: bool) -> None:
    """A layer that wraps others has its weights in their folders, of the same names; the file's order is its own."""
    both = [WeightSpec(f"{way}_{part}", shape) for way in ("forward", "backward") for part, shape in
            (("kernel", (4, 4)), ("bias", (4,)))]  # fmt: skip
    two = Entry("two", "inner/two", "Bidirectional", specs=both)
    one = Entry("one", "inner/one", "Dense", specs=[WeightSpec("kernel", (4, 4)), WeightSpec("bias", (4,))])
    unit = Entry("inner", "inner", "Sequential", children=[two, one])
    names = ["one" if not alike else "two_1", "two/forward_two/cell", "two/backward_two/cell"]
    if alike:
        one.name, one.path = "two_1", "inner/two_1"
    stored = [Stored(key, values.shape, lambda: None) for name in names for key, values in dense(name).items()]
    dealt = dict(Lot(unit, stored, orders(unit), "f.h5", True).deal())
    assert [w.name for w in in_order(one, dealt[one], "f.h5")] == [w.name for w in stored[:2]]
    assert [w.name for w in in_order(two, dealt[two], "f.h5")] == [w.name for w in stored[2:]]


def test_nested_weights_missing_or_of_another_shape(tmp_path: Path) -> None:
    model = chain("a", "b", inner=True)
    refused(write_model(tmp_path / "m.h5", model, {"inner": dense("a")}), "'inner'", "needs 4 weights", "has 2")
    few = dense("a") | {"b/kernel:0": draw(4, 4)}
    refused(write_model(tmp_path / "m.h5", model, {"inner": few}), "'inner/b'", "needs 2 weights", "b/kernel:0")
    more = dense("a") | dense("b") | dense("c")
    refused(write_model(tmp_path / "m.h5", model, {"inner": more}), "'inner'", "needs 4 weights", "has 6")
    wide = dense("a") | {"b/kernel:0": draw(4, 5), "b/bias:0": draw(5)}
    refused(write_model(tmp_path / "m.h5", model, {"inner": wide}), "'inner/b'", "'kernel'", "(4, 4)", "(4, 5)")


def test_keras1_names_in_a_nested_model(tmp_path: Path) -> None:
    """Its names have no folders; a model in it is a group, or gives groups to its layers."""
    model = chain("a_1", "a_12", inner=True)
    group = {
        f"{name}_{part}:0": draw(*shape) for name in ("a_12", "a_1") for part, shape in (("W", (4, 4)), ("b", (4,)))
    }
    for groups in (
        {"inner": group},
        {
            name: {key: values for key, values in group.items() if key.startswith(f"{name}_")}
            for name in ("a_1", "a_12")
        },
    ):
        graph = load(write_model(tmp_path / "m.h5", model, groups, "1.2.2"))
        for node, name in zip(graph.nodes, ("a_1", "a_12"), strict=True):
            np.testing.assert_array_equal(node.weights["kernel"], group[f"{name}_W:0"])


def test_a_group_is_not_taken_for_two_layers(tmp_path: Path) -> None:
    """The model inside has lost its group, and its layer bears the name of one outside."""
    model = chain("d", inner=True)
    model["config"].append(layer("Dense", "d", units=4, activation="linear"))
    groups = {"inner": dense("d"), "d": dense("d")}
    graph = load(write_model(tmp_path / "m.h5", model, groups))
    for found, group in zip(kernels(graph), groups.values(), strict=True):
        np.testing.assert_array_equal(found, group["d/kernel:0"])
    refused(write_model(tmp_path / "m.h5", model, {"d": groups["d"]}), "no weights for layer", "(Dense)")


# TensorFlow.js: names alone


def outer_and_inner() -> dict[str, Any]:
    """A Dense 'd', a model 'inner' that holds another 'd', each 4 -> 4."""
    inner = functional(
        "inner", ["i"], ["d"],
        [called("InputLayer", "i", batch_input_shape=[None, 4]), called("Dense", "d", ("i", 0, 0), units=4)],
    )  # fmt: skip
    inner |= {"name": "inner", "inbound_nodes": [[["d", 0, 0, {}]]]}
    layers = [called("InputLayer", "x", batch_input_shape=[None, 4]), called("Dense", "d", ("x", 0, 0), units=4), inner]
    return functional("m", ["x"], ["inner"], layers) | {
        "config": functional("m", ["x"], ["inner"], layers)["config"] | {"output_layers": [["inner", 1, 0]]}
    }


@pytest.mark.parametrize("prefix", ["", "m/", "d/"])  # of the model's own name
@pytest.mark.parametrize("order", [("d", "inner/d"), ("inner/d", "d")])
def test_tfjs_layers_of_one_name(tmp_path: Path, order: tuple[str, str], prefix: str) -> None:
    weights = {f"{prefix}{key}": values for name in order for key, values in dense(name, "").items()}
    graph = load(write_tfjs(tmp_path, outer_and_inner(), [weights]))
    for node in graph.nodes:
        np.testing.assert_array_equal(node.weights["kernel"], weights[f"{prefix}{node.label}/kernel"])


def test_tfjs_weights_in_the_order_of_training(tmp_path: Path) -> None:
    """TensorFlow.js itself saves what trains before the rest, through the whole model."""
    model = chain("a", "b", "c", frozen="a b")
    weights = dense("c", "") | dense("a", "") | dense("b", "")
    check_order(load(write_tfjs(tmp_path, model, [weights])), weights, "a", "b", "c")


def test_tfjs_names_that_do_not_tell(tmp_path: Path) -> None:
    weights = {f"{part}{k}": draw(*shape) for k in range(3) for part, shape in (("w", (4, 4)), ("v", (4,)))}
    graph = load(write_tfjs(tmp_path, chain("a", "b", "c"), [weights]))  # all train: there is one order
    np.testing.assert_array_equal(kernels(graph)[1], weights["w1"])
    refused(write_tfjs(tmp_path, chain("a", "b", "c", frozen="a"), [weights]), "is not known", "several ways")


def test_tfjs_bundles_that_are_lacking_or_too_many(tmp_path: Path) -> None:
    model = chain("dense", "dense_1")
    refused(write_tfjs(tmp_path, model, [dense("dense", "")]), "no weights for layer 'dense_1'", "dense")
    three = dense("dense", "") | dense("dense_1", "") | dense("dense_2", "")
    refused(write_tfjs(tmp_path, model, [three]), "weights for layer 'dense_2'", "no such layer")


# Trees


def write_tree(path: Path, groups: Mapping[str, tuple[np.ndarray, ...]], key: str) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("vars")
        for name, arrays in groups.items():
            for number, values in enumerate(arrays):
                file[f"{key}/{name}/vars/{number}"] = values
    return path


@pytest.mark.parametrize("key", ["layers", "_layer_checkpoint_dependencies"])
@pytest.mark.parametrize("numbers", [("dense", "dense_1", "dense_2"), ("dense", "dense_2", "dense_4")])
def test_trees_that_count_layers_once_or_twice(tmp_path: Path, key: str, numbers: tuple[str, ...]) -> None:
    (tmp_path / "m.json").write_text(json.dumps(chain("a", "b", "c")))
    groups = {name: (draw(4, 4), draw(4)) for name in numbers}
    path = write_tree(tmp_path / "m.weights.h5", groups, key)
    for found, wanted in zip(kernels(load(tmp_path / "m.json")), groups.values(), strict=True):
        np.testing.assert_array_equal(found, wanted[0])
    more = write_tree(path, groups | {"dense_9": (draw(4, 4), draw(4))}, key)
    with pytest.raises(WeightsMismatchError, match=r"weights for /.*/dense_\d, which the model does not have|dense_9"):
        load(tmp_path / "m.json", weights=more)
    few = write_tree(path, dict([*groups.items()][:2]), key)
    with pytest.raises(WeightsMismatchError, match="no weights for layer '[bc]'"):
        load(tmp_path / "m.json", weights=few)


def test_trees_of_model_classes(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(chain("a")))
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        file["my_first_layer/vars/0"] = draw(4, 4)
    with pytest.raises(ModelFileError, match=r"m\.weights\.h5: .*attributes of a model class.*my_first_layer"):
        load(tmp_path / "m.json")
    path = write_tree(tmp_path / "m.weights.h5", {"dense": (draw(4, 4), draw(4))}, "layers")
    with h5py.File(path, "a") as file:
        file["vars/0"] = draw(3)
    with pytest.raises(WeightsMismatchError, match=r"weights of the model itself \(0 \(3,\)\)"):
        load(tmp_path / "m.json")


# What names say


@pytest.mark.parametrize(
    "name, folder, part",
    [
        ("dense/kernel:0", "dense", "kernel"), ("a/b/bias", "a/b", "bias"), ("dense_1_W", "dense_1", "W"),
        ("bn_running_std:0", "bn", "running_std"), ("dense_1_W_1:0", "dense_1", "W"), ("kernel", "", "kernel"),
        ("depthwise_kernel", "", "depthwise_kernel"), ("apart_depthwise_kernel", "apart", "depthwise_kernel"),
        ("lstm_1_U_f:0", "lstm_1", "U_f"), ("anything", "", "anything"), ("/d/kernel", "d", "kernel"), ("", "", ""),
    ],
)  # fmt: skip
def test_parts_of_names(name: str, folder: str, part: str) -> None:
    assert split(name) == (tuple(filter(None, folder.split("/"))), part)


def test_pairs_of_names() -> None:
    assert pair_by_counters(["d", "d_1", "c"], ["c_4", "d_8", "d_9"]) == ({0: 1, 1: 2, 2: 0}, True)
    assert pair_by_counters(["d", "d_1"], ["d_1", "d"]) == ({0: 1, 1: 0}, False)
    assert pair_by_counters(["d", "d_1"], ["d_1"]) == ({}, False)
    assert pair_by_counters(["d", "d"], ["d", "d_1"]) == ({}, False)
    assert pair_by_suffix(["d", "d_1"], ["d_1_2", "d_4", ""]) == {1: 0, 0: 1}
    assert pair_by_suffix(["d", "d_1"], ["d_1", "d_2"]) == {1: 0, 0: 1}
    assert pair_by_suffix(["d", "d_1"], ["d_1", "e"]) == {}
    assert keeps_order(["d_1", "c", "d"], {0: 0, 1: 5, 2: 1}) and not keeps_order(["d_1", "d"], {0: 1, 1: 0})


def test_damage_to_names_has_a_name(tmp_path: Path) -> None:
    """Any one name in a file replaced: it loads as before, or the exception is glnn's own."""
    group = dense("a") | dense("b") | dense("c")
    model = chain("a", "b", "c", inner=True, frozen="b")
    wanted = kernels(load(write_model(tmp_path / "m.h5", model, {"inner": group})))
    loaded = 0
    for number, key in enumerate(group):
        for word in ("x/kernel:0", "kernel", "", "a/gamma:0", "c_1/kernel:0", "b/a/c/bias:0", "a_1_W"):
            names = [*group]
            names[number] = word
            if len(set(names)) < len(names) or not word:
                continue
            path = tmp_path / "n.h5"
            write_model(path, model, {"inner": dict(zip(names, group.values(), strict=True))})
            try:
                found = kernels(load(path))
            except GlnnError as error:
                assert "n.h5" in str(error), key
                continue
            loaded += 1
            for ours, theirs in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(ours, theirs)
    assert loaded
