"""Weights and their layers by the names in files made by hand: groups by layer, and groups of models inside."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.keras_files import layer, sequential, write_kerasjs, write_model, write_weights
from support.named_files import chain, check_order, dense, draw, kernels, refused
from support.tfjs_files import write_tfjs

from glnn.errors import ModelFileError, WeightsMismatchError
from glnn.formats import load
from glnn.formats.keras.weights.dealing import Lot
from glnn.formats.keras.weights.entries import Entry, Stored
from glnn.formats.keras.weights.places import in_order, orders
from glnn.layers.base import WeightSpec

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
