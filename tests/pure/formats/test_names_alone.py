"""Weights and their layers by names alone (TensorFlow.js), and in trees; what a name says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.keras_files import called, functional, write_model
from support.named_files import chain, check_order, dense, draw, kernels, refused
from support.tfjs_files import write_tfjs

from glnn.errors import GlnnError, ModelFileError, WeightsMismatchError
from glnn.formats import load
from glnn.formats.keras.weights.spelling import keeps_order, pair_by_counters, pair_by_suffix, split

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


def test_trees_that_are_damaged(tmp_path: Path) -> None:
    """Things of another kind, groups that hold each other, and links to other files."""
    (tmp_path / "m.json").write_text(json.dumps(chain("a", inner=True)))
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["layers/dense/vars/0"], file["layers/dense/vars/1"] = draw(4, 4), draw(4)
    path = tmp_path / "m.weights.h5"
    good = {"sequential/layers/dense": (draw(4, 4), draw(4))}
    load(tmp_path / "m.json", weights=write_tree(path, good, "layers"))

    def refuse(place: str, thing: Any, words: str) -> None:
        with h5py.File(write_tree(path, good, "layers"), "a") as file:
            if place in file:
                del file[place]
            file[place] = file[thing] if isinstance(thing, str) else thing
        with pytest.raises(ModelFileError, match=words) as caught:
            load(tmp_path / "m.json", weights=path)
        assert "m.weights.h5" in str(caught.value)

    inside = "layers/sequential/layers/dense"
    for place in ("layers", "layers/sequential", "layers/sequential/layers", f"{inside}/vars"):
        refuse(place, np.zeros(3), "should be a group")
        refuse(place, h5py.ExternalLink(str(tmp_path / "secret.h5"), "layers"), "lies in another file")
    refuse(f"{inside}/vars/0", h5py.ExternalLink(str(tmp_path / "secret.h5"), "layers/dense/vars/0"), "another file")
    refuse(f"{inside}/vars/0", h5py.SoftLink("/nowhere"), "link to another place")
    refuse(f"{inside}/cell", inside, "stands elsewhere too")


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
