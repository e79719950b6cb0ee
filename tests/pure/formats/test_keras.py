"""Loaders against Keras itself, and against files made by hand in the layouts of older versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.keras_files import called, functional, layer, sequential, write_kerasjs, write_model, write_weights
from support.networks import scattered

from glnn.errors import ModelFileError, UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run

RNG = np.random.default_rng(7)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


def agree(model: Any, path: Path, *more: Any, as_dict: bool = False) -> Any:
    """Load the file and compare all outputs with Keras' own, batch 2; the graph."""
    graph = load(path, *more)
    arrays = [draw(2, *[size or 5 for size in spec.shape[1:]]) for spec in graph.inputs]
    given = dict(zip([spec.name for spec in graph.inputs], arrays, strict=True))
    wanted = model.predict(given if as_dict else arrays if len(arrays) > 1 else arrays[0], verbose=0)
    found = run(graph, given)
    if isinstance(wanted, dict):
        assert set(wanted) == set(found)
        pairs = [(found[key], wanted[key]) for key in wanted]
    else:
        pairs = list(zip(found.values(), wanted if isinstance(wanted, list) else [wanted], strict=True))
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    return graph


def small_cnn(keras: Any) -> Any:
    L = keras.layers
    return scattered(
        keras.Sequential(
            [
                L.Input((9, 7, 3), name="picture"),
                L.Conv2D(5, 3, strides=2, padding="same", activation="relu", name="conv"),
                L.BatchNormalization(name="norm"),
                L.DepthwiseConv2D(3, name="deep"),
                L.SeparableConv2D(4, 2, padding="same", activation="hard_sigmoid", name="apart"),
                L.Dropout(0.4, name="drop"),
                L.GlobalAveragePooling2D(name="mean"),
                L.Dense(3, activation="softmax", name="scores"),
            ],
            name="cnn",
        )
    )


def test_sequential_of_keras3_in_hdf5(keras: Any, tmp_path: Path) -> None:
    model = small_cnn(keras)
    model.save(tmp_path / "cnn.h5")
    graph = agree(model, tmp_path / "cnn.h5")
    assert graph.name == "cnn"
    assert [(spec.name, spec.shape) for spec in graph.inputs] == [("picture", (None, 9, 7, 3))]
    assert [node.name for node in graph.nodes] == ["conv", "norm", "deep", "apart", "drop", "mean", "scores"]
    assert graph.output_names == ("scores",)
    for node in graph.nodes:
        for array in node.weights.values():
            assert array.dtype == np.float32 and array.flags.c_contiguous


def test_json_with_keras3_weights_beside_it(keras: Any, tmp_path: Path) -> None:
    model = small_cnn(keras)
    (tmp_path / "cnn.json").write_text(model.to_json())
    model.save_weights(tmp_path / "cnn.weights.h5")
    agree(model, tmp_path / "cnn.json")
    (tmp_path / "cnn.weights.h5").rename(tmp_path / "other.h5")
    agree(model, tmp_path / "cnn.json", tmp_path / "other.h5")
    agree(model, tmp_path)  # the folder holds one model


def test_json_with_weights_of_a_whole_model(keras: Any, tmp_path: Path) -> None:
    model = small_cnn(keras)
    model.save(tmp_path / "whole.h5")
    (tmp_path / "cnn.json").write_text(model.to_json())
    agree(model, tmp_path / "cnn.json", tmp_path / "whole.h5")


def nested(keras: Any) -> Any:
    """Two inputs, three outputs as a dict, a shared layer, a nested model called twice that holds another."""
    L = keras.layers
    inner = keras.Sequential(
        [L.Input((8,)), L.Dense(3, name="first"), L.BatchNormalization(name="norm"), L.Dense(3, name="second")],
        name="inner",
    )
    source = L.Input((8,), name="source")
    block = keras.Model(source, [L.Dense(3, name="side")(source), inner(source)], name="block")
    a, b = L.Input((8,), name="a"), L.Input((8,), name="b")
    left, right = block(a)
    other, _ = block(b)
    shared = L.Dense(4, name="shared")
    added = L.Add(name="added")([left, right])
    joined = L.Concatenate(name="joined")([right, other])
    return scattered(keras.Model([a, b], [shared(added), shared(other), joined], name="outer"))


def test_nested_shared_several_inputs_and_outputs(keras: Any, tmp_path: Path) -> None:
    model = nested(keras)
    model.save(tmp_path / "m.h5")
    graph = agree(model, tmp_path / "m.h5")
    by_name = {node.name: node for node in graph.nodes}
    assert by_name["block/inner/first"].label == by_name["block/inner/first:1"].label == "block/inner/first"
    assert by_name["shared"].weights["kernel"] is by_name["shared:1"].weights["kernel"]
    assert by_name["block/side"].weights["bias"] is by_name["block/side:1"].weights["bias"]
    assert graph.output_names == ("shared", "shared:1", "joined")


def test_nested_in_keras3_json(keras: Any, tmp_path: Path) -> None:
    model = nested(keras)
    (tmp_path / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    agree(model, tmp_path / "m.json")


def test_inputs_and_outputs_as_dicts(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
    model = scattered(keras.Model({"a": a, "b": b}, {"sum": L.Add()([a, b]), "one": L.Dense(2)(b)}))
    model.save(tmp_path / "m.h5")
    assert set(agree(model, tmp_path / "m.h5", as_dict=True).output_names) == {"sum", "one"}


@pytest.mark.parametrize("frozen", ["norm", "first", "all"])
def test_weights_of_a_nested_model_with_frozen_layers(keras: Any, tmp_path: Path, frozen: str) -> None:
    """Keras keeps the trainable weights of a nested model before the rest, so freezing changes their order."""
    L = keras.layers
    inner = keras.Sequential(
        [L.Input((5,)), L.Dense(5, name="first"), L.BatchNormalization(name="norm"), L.Dense(5, name="second")],
        name="inner",
    )
    model = scattered(keras.Sequential([L.Input((5,)), inner, L.Dense(2, name="top")]))
    (inner if frozen == "all" else inner.get_layer(frozen)).trainable = False
    model.save(tmp_path / "m.h5")
    agree(model, tmp_path / "m.h5")


def test_operators_between_tensors_and_what_is_refused(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    x = L.Input((6,), name="x")
    model = keras.Model(x, L.Dense(2)(x) * L.Dense(2)(x))
    model.save(tmp_path / "times.h5")
    agree(model, tmp_path / "times.h5")
    keras.Model(x, keras.ops.cumsum(x + 1.0)).save(tmp_path / "no.h5")
    with pytest.raises(UnsupportedError) as caught:
        load(tmp_path / "no.h5")
    assert "constant 1.0" in str(caught.value) and "cumsum" in str(caught.value)


@pytest.mark.parametrize("name, nodes", [("MobileNetV2", 150), pytest.param("ResNet50", 170, marks=pytest.mark.whole)])
def test_large_models_of_keras_applications_load(keras: Any, tmp_path: Path, name: str, nodes: int) -> None:
    model = getattr(keras.applications, name)(weights=None)
    model.save(tmp_path / "m.h5")
    graph = load(tmp_path / "m.h5")
    (tmp_path / "m.h5").unlink()
    specs = graph.specs()
    assert len(graph.nodes) == len(model.layers) - 1 > nodes
    for found in model.layers[1:]:
        assert specs[found.name].shape == tuple(found.output.shape), found.name
    assert sum(array.size for node in graph.nodes for array in node.weights.values()) == model.count_params()


# Files made by hand


def dense(name: str, inputs: int, units: int, keras1: bool = False) -> dict[str, np.ndarray]:
    names = (f"{name}_W", f"{name}_b") if keras1 else (f"{name}/kernel:0", f"{name}/bias:0")
    return dict(zip(names, (draw(inputs, units), draw(units)), strict=True))


def test_sequential_as_a_bare_list(tmp_path: Path) -> None:
    model = sequential(
        layer("Dense", "d", units=3, activation="relu", use_bias=True, batch_input_shape=[None, 4]),
        layer("Dropout", "drop", rate=0.5),
        layer("Activation", "soft", activation="hard_sigmoid"),
    )
    weights = dense("d", 4, 3)
    path = write_model(tmp_path / "m.h5", model, {"d": weights, "drop": {}, "soft": {}}, "2.0.8")
    graph = load(path)
    assert graph.inputs[0].name == "d_input" and graph.inputs[0].shape == (None, 4)
    x = draw(2, 4)
    kernel, bias = weights.values()
    wanted = np.clip(np.maximum(x @ kernel + bias, 0) * 0.2 + 0.5, 0, 1)  # hard_sigmoid as Keras 2 means it
    np.testing.assert_allclose(run(graph, {"d_input": x})["soft"], wanted, rtol=1e-5)


def test_names_in_pieces_and_halves_and_doubles(tmp_path: Path) -> None:
    names = [f"d{i}" for i in range(5)]
    layers = [layer("Dense", n, units=4, activation="linear", batch_input_shape=[None, 4]) for n in names]
    types = [np.float16, np.float64, np.float32, ">f4", ">f8"]
    groups = {n: {k: v.astype(t) for k, v in dense(n, 4, 4).items()} for n, t in zip(names, types, strict=True)}
    graph = load(write_model(tmp_path / "m.h5", sequential(*layers), groups, pieces=2))
    for node in graph.nodes:
        stored = groups[node.name][f"{node.name}/kernel:0"]
        kept = np.float16 if stored.dtype == np.float16 else np.float32
        assert node.weights["kernel"].dtype == kept and node.weights["kernel"].dtype.isnative
        np.testing.assert_array_equal(node.weights["kernel"], stored.astype(np.float32))


def test_input_shape_from_the_first_weights(tmp_path: Path) -> None:
    model = sequential(layer("Dense", "d", units=3, activation="linear"))
    assert load(write_model(tmp_path / "m.h5", model, {"d": dense("d", 6, 3)})).inputs[0].shape == (None, 6)
    with pytest.raises(ModelFileError, match="shape of input 'flat_input' is not in the file"):
        model = sequential(layer("Flatten", "flat"), layer("Dense", "d", units=3, activation="linear"))
        load(write_model(tmp_path / "n.h5", model, {"flat": {}, "d": dense("d", 6, 3)}))


def test_nested_model_of_keras2_whose_calls_count_from_one(tmp_path: Path) -> None:
    inner = functional(
        "inner", ["i"], ["e"],
        [
            called("InputLayer", "i", batch_input_shape=[None, 4]),
            called("Dense", "e", ("i", 0, 0), units=4, activation="linear"),
        ],
    )  # fmt: skip
    nodes = [[["x", 0, 0, {}]], [["y", 0, 0, {}]]]
    model = functional(
        "outer", ["x", "y"], ["sub"],
        [
            called("InputLayer", "x", batch_input_shape=[None, 4]),
            called("InputLayer", "y", batch_input_shape=[None, 4]),
            {**inner, "name": "inner", "inbound_nodes": nodes},
            called("Subtract", "sub", ("inner", 1, 0), ("inner", 2, 0)),
        ],
    )  # fmt: skip
    weights = dense("e", 4, 4)
    groups = {"x": {}, "y": {}, "inner": weights, "sub": {}}
    graph = load(write_model(tmp_path / "m.h5", model, groups))
    x, y = draw(3, 4), draw(3, 4)
    np.testing.assert_allclose(
        run(graph, {"x": x, "y": y})["sub"], (x - y) @ weights["e/kernel:0"], rtol=1e-4, atol=1e-6
    )


def test_counters_in_names_may_differ_by_session(tmp_path: Path) -> None:
    model = sequential(
        layer("Dense", "dense_1", units=5, activation="linear", batch_input_shape=[None, 4]),
        layer("Dense", "dense_2", units=2, activation="linear"),
    )
    (tmp_path / "model.json").write_text(json.dumps({**model, "keras_version": "2.2.4"}))
    groups = {"dense_2": dense("dense_2", 4, 5), "dense_3": dense("dense_3", 5, 2)}
    with h5py.File(tmp_path / "model_weights.h5", "w") as file:
        write_weights(file, groups)
    graph = load(tmp_path / "model.json")
    np.testing.assert_array_equal(graph.nodes[0].weights["kernel"], groups["dense_2"]["dense_2/kernel:0"])


def keras1_cnn() -> tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]:
    common: dict[str, Any] = dict(init="glorot_uniform", W_regularizer=None, b_constraint=None, trainable=True)
    conv: dict[str, Any] = dict(nb_row=3, nb_col=2, activation="relu", bias=True, dim_ordering="tf", **common)
    model = sequential(
        layer(
            "Convolution2D",
            "c1",
            nb_filter=4,
            border_mode="same",
            subsample=[2, 1],
            batch_input_shape=[None, 8, 7, 3],
            **conv,
        ),
        layer("BatchNormalization", "bn", epsilon=1e-3, mode=0, axis=-1, momentum=0.99),
        layer("ZeroPadding2D", "pad", padding=[1, 0, 2, 1], dim_ordering="tf"),
        layer(
            "AtrousConvolution2D", "c2", nb_filter=5, border_mode="valid", subsample=[1, 1], atrous_rate=[1, 2], **conv
        ),
        layer("MaxPooling2D", "pool", pool_size=[2, 2], strides=[2, 2], border_mode="valid", dim_ordering="tf"),
        layer("Dropout", "drop", p=0.5),
        layer("Flatten", "flat"),
        layer("Dense", "scores", output_dim=3, activation="softmax", bias=True, input_dim=None, **common),
    )
    mean, variance = draw(4), np.abs(draw(4)) + 0.5
    groups = {
        "c1": {"c1_W:0": draw(3, 2, 3, 4), "c1_b:0": draw(4)},
        "bn": {"bn_gamma:0": draw(4), "bn_beta:0": draw(4), "bn_running_mean:0": mean, "bn_running_std:0": variance},
        "pad": {},
        "c2": {"c2_W:0": draw(3, 2, 4, 5), "c2_b:0": draw(5)},
        "pool": {},
        "drop": {},
        "flat": {},
        "scores": {k + ":0": v for k, v in dense("scores", 20, 3, keras1=True).items()},
    }
    return model, groups


def test_keras1_names_mean_what_keras3_computes(keras: Any, tmp_path: Path) -> None:
    model, groups = keras1_cnn()
    graph = load(write_model(tmp_path / "m.h5", model, groups, "1.2.2"))
    L = keras.layers
    same = keras.Sequential(
        [
            L.Input((8, 7, 3)),
            L.Conv2D(4, (3, 2), strides=(2, 1), padding="same", activation="relu"),
            L.BatchNormalization(epsilon=1e-3),
            L.ZeroPadding2D(((1, 0), (2, 1))),
            L.Conv2D(5, (3, 2), dilation_rate=(1, 2), activation="relu"),
            L.MaxPooling2D(),
            L.Flatten(),
            L.Dense(3, activation="softmax"),
        ]
    )
    same.set_weights([array for group in groups.values() for array in group.values()])
    x = draw(2, 8, 7, 3)
    np.testing.assert_allclose(run(graph, {"c1_input": x})["scores"], same.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "mode, layer_name",
    [("sum", "Add"), ("mul", "Multiply"), ("concat", "Concatenate"), ("ave", "Average"), ("max", "Maximum")],
)
def test_keras1_merge(tmp_path: Path, mode: str, layer_name: str) -> None:
    branches = [
        sequential(layer("Dense", n, output_dim=3, activation="linear", bias=True, batch_input_shape=[None, 4]))
        for n in "pq"
    ]
    merged = layer("Merge", "merge_1", mode=mode, mode_type="raw", concat_axis=-1, dot_axes=-1, layers=branches)
    size = 6 if mode == "concat" else 3
    model = sequential(merged, layer("Dense", "out", output_dim=2, activation="linear", bias=True))
    groups = {
        "p": dense("p", 4, 3, True),
        "q": dense("q", 4, 3, True),
        "merge_1": {},
        "out": dense("out", size, 2, True),
    }
    graph = load(write_model(tmp_path / "m.h5", model, groups, "1.1.0"))
    x, y = draw(2, 4), draw(2, 4)
    p, q = (v @ groups[n][f"{n}_W"] + groups[n][f"{n}_b"] for v, n in ((x, "p"), (y, "q")))
    both = {
        "sum": p + q,
        "mul": p * q,
        "concat": np.concatenate([p, q], 1),
        "ave": (p + q) / 2,
        "max": np.maximum(p, q),
    }
    wanted = both[mode] @ groups["out"]["out_W"] + groups["out"]["out_b"]
    np.testing.assert_allclose(run(graph, {"p_input": x, "q_input": y})["out"], wanted, rtol=1e-4, atol=1e-5)
    assert type(graph.nodes[2].layer).__name__ == layer_name


def test_keras1_transposed_convolution(keras: Any, tmp_path: Path) -> None:
    options: dict[str, Any] = dict(
        nb_filter=2, nb_row=3, nb_col=3, border_mode="same", subsample=[2, 2], dim_ordering="tf"
    )
    model = sequential(
        layer(
            "Deconvolution2D",
            "up",
            output_shape=[None, 8, 10, 2],
            activation="linear",
            bias=True,
            batch_input_shape=[None, 4, 5, 3],
            **options,
        )
    )
    groups = {"up": {"up_W": draw(3, 3, 3, 2), "up_b": draw(2)}}
    graph = load(write_model(tmp_path / "m.h5", model, groups, "1.2.0"))
    same = keras.Sequential(
        [keras.layers.Input((4, 5, 3)), keras.layers.Conv2DTranspose(2, 3, strides=2, padding="same")]
    )
    same.set_weights([groups["up"]["up_W"].transpose(0, 1, 3, 2), groups["up"]["up_b"]])
    x = draw(2, 4, 5, 3)
    np.testing.assert_allclose(run(graph, {"up_input": x})["up"], same.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    model["config"][0]["config"]["output_shape"] = [None, None, None, 2]
    load(write_model(tmp_path / "f.h5", model, groups, "1.2.0"))
    for shape in ([None, 9, 10, 2], [8, 10, 2], 3):
        model["config"][0]["config"]["output_shape"] = shape
        with pytest.raises(UnsupportedError, match="output_shape"):
            load(write_model(tmp_path / "n.h5", model, groups, "1.2.0"))


def test_kernels_of_the_theano_backend_are_turned_around(tmp_path: Path) -> None:
    config: dict[str, Any] = dict(filters=2, kernel_size=[3, 3], strides=[1, 1], padding="valid", activation="linear")
    model = sequential(layer("Conv2D", "c", data_format="channels_last", batch_input_shape=[None, 6, 6, 1], **config))
    groups = {"c": {"c/kernel:0": draw(3, 3, 1, 2), "c/bias:0": draw(2)}}
    graph = load(write_model(tmp_path / "m.h5", model, groups, "2.1.0", backend="theano"))
    np.testing.assert_array_equal(graph.nodes[0].weights["kernel"], groups["c"]["c/kernel:0"][::-1, ::-1])


def test_kerasjs(tmp_path: Path) -> None:
    model, groups = keras1_cnn()
    whole = load(write_model(tmp_path / "m.h5", model, groups, "1.2.2"))
    (tmp_path / "m.h5").unlink()
    path = write_kerasjs(tmp_path, "cnn", {**model, "keras_version": "1.2.2"}, groups)
    x = draw(2, 8, 7, 3)
    for source in (path, tmp_path):
        graph = load(source)
        np.testing.assert_array_equal(run(graph, {"c1_input": x})["scores"], run(whole, {"c1_input": x})["scores"])
    (tmp_path / "cnn_weights.buf").rename(tmp_path / "w")
    (tmp_path / "cnn_metadata.json").rename(tmp_path / "d")
    load(path, weights=tmp_path / "w", metadata=str(tmp_path / "d"))


@pytest.mark.parametrize("picture", ["paper", "scissors"])
def test_rock_paper_scissors(models: Path, picture: str) -> None:
    folder = models / "rps"
    graph = load(folder)
    x = np.load(folder / picture / "inputs.npz")["input_0"]
    wanted = np.load(folder / picture / "expected.npz")["output_0"]
    np.testing.assert_allclose(run(graph, {"input_1": x})["loss"], wanted, atol=1e-4)
