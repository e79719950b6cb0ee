"""TensorFlow.js layers-models against Keras on the same, dequantized weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import called, functional, layer, sequential
from support.networks import scattered
from support.tfjs_files import (
    RNG,
    Codecs,
    chosen,
    converted,
    decoded,
    dense_group,
    draw,
    named,
    quantize,
    refused,
    small,
    through,
    two_layers,
    write_tfjs,
)

from glnn import passes
from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.formats.keras.keras1 import joined, turned
from glnn.graph import Graph
from glnn.graph.quantized import Quantized
from glnn.graph.reference import run
from glnn.show.summary import summary


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


@pytest.fixture
def cnn(keras: Any) -> Any:
    L = keras.layers
    x = y = L.Input((9, 7, 3), name="picture")
    y = L.Conv2D(5, 3, strides=2, padding="same", use_bias=False, name="conv")(y)
    y = L.ReLU(name="relu")(L.BatchNormalization(name="norm")(y))
    y = L.SeparableConv2D(6, 2, padding="same", name="apart")(y)
    y = L.BatchNormalization(name="norm2")(y)
    y = L.Conv2DTranspose(4, 3, strides=2, activation="tanh", name="up")(y)
    y = L.Dense(3, activation="softmax", name="scores")(L.GlobalAveragePooling2D(name="mean")(y))
    return scattered(keras.Model(x, y, name="cnn"))


def agree(model: Any, graph: Graph, codecs: Codecs = None) -> None:
    """The graph computes what Keras does with the weights that the file holds, before and after the passes."""
    through(model, codecs)
    x = [draw(2, *spec.shape[1:]) for spec in graph.inputs]  # type: ignore[arg-type]
    wanted = model.predict(x if len(x) > 1 else x[0], verbose=0)
    given = {spec.name: array for spec, array in zip(graph.inputs, x, strict=True)}
    for each in (graph, passes.optimize(graph)):
        found = run(each, given).values()
        for ours, theirs in zip(found, wanted if isinstance(wanted, list) else [wanted], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)


def check_stored(graph: Graph, weights: dict[str, np.ndarray], codecs: Codecs) -> None:
    """Every weight of the graph is what its codec made of it, the integers and halves bit for bit."""
    seen = 0
    for node in graph.nodes:
        for name, kept in node.weights.items():
            path = f"{node.label}/{name}"
            codec = chosen(codecs, path)
            if codec is None:
                assert isinstance(kept, np.ndarray) and kept.dtype == np.float32
                np.testing.assert_array_equal(kept, weights[path])
            else:
                codes, told = quantize(weights[path], codec)
                held = kept if codec == "float16" else kept.codes
                assert held.dtype == codes.dtype and held.shape == codes.shape and held.tobytes() == codes.tobytes()
                if codec != "float16":
                    assert isinstance(kept, Quantized) and kept.codec == codec and kept.per_tensor
                    assert kept.scale.flat[0] == np.float32(told["scale"]) and kept.low.flat[0] == np.float32(
                        told["min"]
                    )
            seen += 1
    assert seen == len(weights)


MIXED = {
    "conv/kernel": "uint8", "norm/gamma": "uint16", "norm/moving_mean": "float16", "apart/depthwise_kernel": "uint16",
    "apart/pointwise_kernel": "uint8", "apart/bias": "uint8", "up/kernel": "float16", "scores/kernel": "uint8",
}  # fmt: skip


@pytest.mark.parametrize("shard", [1, 101, 4 << 20])
@pytest.mark.parametrize("codecs", [None, "float16", "uint8", "uint16", pytest.param(MIXED, id="mixed")])
def test_every_codec_in_shards_of_any_size(cnn: Any, tmp_path: Path, codecs: Codecs, shard: int) -> None:
    """Shards of 101 bytes: the kernels span several, at odd places; of one byte: every value does."""
    weights = named(cnn)
    path = write_tfjs(tmp_path, converted(cnn), [weights], codecs, shard)
    graph = load(path)
    assert graph.name == "cnn" and [spec.shape for spec in graph.inputs] == [(None, 9, 7, 3)]
    check_stored(graph, weights, codecs)
    if shard != 1:
        agree(cnn, graph, codecs)


def test_a_weight_over_three_shards(cnn: Any, tmp_path: Path) -> None:
    weights = named(cnn)
    write_tfjs(tmp_path, converted(cnn), [weights], None, weights["conv/kernel"].nbytes // 2 - 3)
    check_stored(load(tmp_path), weights, None)


def test_several_groups_each_over_several_shards(cnn: Any, tmp_path: Path) -> None:
    weights = named(cnn)
    names = list(weights)
    groups = [{n: weights[n] for n in names[k::3]} for k in range(3)]  # and the layers' weights in different groups
    write_tfjs(tmp_path, converted(cnn), groups, MIXED, 77)
    graph = load(tmp_path)
    check_stored(graph, weights, MIXED)
    agree(cnn, graph, MIXED)


def test_integers_stay_the_same_through_the_passes(cnn: Any, tmp_path: Path) -> None:
    """Folding a normalisation gives a quantized kernel one scale per output channel, and leaves its codes."""
    graph = load(write_tfjs(tmp_path, converted(cnn), [named(cnn)], "uint8"))
    after = {node.label: node for node in passes.optimize(graph).nodes}
    folded = 0
    for node in graph.nodes:
        name, kernel = next(((k, w) for k, w in node.weights.items() if k.endswith("kernel")), (None, None))
        for one in after.values():
            if kernel is not None and one.label == node.label and name in one.weights:
                assert one.weights[name].codes.tobytes() == kernel.codes.tobytes()
                folded += not one.weights[name].per_tensor
    assert folded == 1 and not after["apart"].weights["pointwise_kernel"].per_tensor


def test_the_integers_outlive_their_files(cnn: Any, tmp_path: Path) -> None:
    weights = named(cnn)
    graph = load(write_tfjs(tmp_path, converted(cnn), [weights], "uint16"))
    for file in tmp_path.glob("*.bin"):
        file.write_bytes(b"")
    check_stored(graph, weights, "uint16")


# Topologies


def expected(weights: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    first, offset, second, end = weights.values()
    return np.maximum(x @ first + offset, 0) @ second + end


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("version", ["2.15.0", "tfjs-layers 4.22.0", None])
def test_sequential_whose_config_is_a_bare_list(tmp_path: Path, version: str | None, wrapped: bool) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    told = {"keras_version": version, "backend": "tensor_flow.js"} if version else {}
    topology = {"model_config": two_layers(), **told} if wrapped else {**two_layers(), **told}
    path = write_tfjs(tmp_path, topology, [weights], "uint8")
    x = draw(5, 4)
    wanted = expected({name: decoded(values, "uint8") for name, values in weights.items()}, x)
    for where in (path, tmp_path, str(path)):
        np.testing.assert_allclose(run(load(where), {"first_input": x})["second"], wanted, rtol=1e-5, atol=1e-6)


def test_nested_models(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    inner = keras.Sequential([L.Input((8,)), L.Dense(3, name="first"), L.BatchNormalization(name="norm")], name="inner")
    source = L.Input((8,), name="source")
    block = keras.Model(source, [L.Dense(3, name="side")(source), inner(source)], name="block")
    a, b = L.Input((8,), name="a"), L.Input((8,), name="b")
    left, right = block(a)
    other, _ = block(b)
    model = keras.Model([a, b], [L.Dense(4, name="out")(L.Add(name="sum")([left, right])), other], name="outer")
    scattered(model)
    plain = [variable.path.rsplit("/", 2)[-2:] for variable in model.weights]
    for prefix in ("", "block/", "outer/"):  # layers' names alone, as Keras 2 has them; all with a model before them
        names = [prefix + "/".join(name) for name in plain]
        weights = dict(zip(names, map(np.asarray, model.weights), strict=True))
        write_tfjs(tmp_path, converted(model), [weights], None, 50)
        agree(model, load(tmp_path))
    own = {"side": "block/side", "first": "block/inner/first", "norm": "block/inner/norm", "out": "out"}
    weights = {f"{own[n]}/{w}": np.asarray(v) for (n, w), v in zip(plain, model.weights, strict=True)}
    write_tfjs(tmp_path, converted(model), [weights], "uint8", 50)
    graph = load(tmp_path)
    check_stored(graph.with_(nodes=tuple({node.label: node for node in graph.nodes}.values())), weights, "uint8")


def test_a_layer_of_one_name_in_the_model_and_in_a_nested_one(tmp_path: Path) -> None:
    inner = functional(
        "inner", ["i"], ["d"],
        [called("InputLayer", "i", batch_input_shape=[None, 4]), called("Dense", "d", ("i", 0, 0), units=4)],
    )  # fmt: skip
    inner |= {"name": "inner", "inbound_nodes": [[["x", 0, 0, {}]]]}
    layers = [
        called("InputLayer", "x", batch_input_shape=[None, 4]), inner, called("Dense", "d", ("inner", 1, 0), units=4)
    ]  # fmt: skip
    weights = {**dense_group("d", 4, 4), **dense_group("inner/d", 4, 4)}
    graph = load(write_tfjs(tmp_path, functional("m", ["x"], ["d"], layers), [weights]))
    found = {node.label: node.weights["kernel"] for node in graph.nodes}
    np.testing.assert_array_equal(found["d"], weights["d/kernel"])
    np.testing.assert_array_equal(found["inner/d"], weights["inner/d/kernel"])


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"sequential_1/{name}",  # a model's name before all
        lambda name: f"{name}:0",
        lambda name: name.replace("/", "/cell/"),  # as TensorFlow 2.2 does for what a layer wraps
        lambda name: name.split("/")[1],  # twice the same: the order tells
        lambda name: name.replace("/", "_"),  # no layer's name at all: the order tells
    ],
    ids=["prefix", "colon", "cell", "same", "flat"],
)
def test_names_of_weights(tmp_path: Path, rename: Callable[[str], str]) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    path = write_tfjs(tmp_path, two_layers(), [weights])
    content = json.loads(path.read_text())
    for item in content["weightsManifest"][0]["weights"]:
        item["name"] = rename(item["name"])
    path.write_text(json.dumps(content))
    x = draw(3, 4)
    np.testing.assert_allclose(
        run(load(path), {"first_input": x})["second"], expected(weights, x), rtol=1e-5, atol=1e-6
    )


def test_names_that_differ_in_counters_alone(tmp_path: Path) -> None:
    names = ["dense_1", "dense_2"]
    model = sequential(*[layer("Dense", n, units=4, activation="linear", batch_input_shape=[None, 4]) for n in names])
    weights = {**dense_group("dense_2", 4, 4), **dense_group("dense_3", 4, 4)}
    graph = load(write_tfjs(tmp_path, model, [weights]))
    for node, name in zip(graph.nodes, ["dense_2", "dense_3"], strict=True):
        np.testing.assert_array_equal(node.weights["kernel"], weights[f"{name}/kernel"])


def test_weights_in_another_order_than_the_layer_takes_them(tmp_path: Path) -> None:
    model = sequential(layer("BatchNormalization", "n", axis=[1], batch_input_shape=[None, 4]))
    weights = {f"n/{name}": draw(4) for name in ("moving_variance", "beta", "moving_mean", "gamma")}
    graph = load(write_tfjs(tmp_path, model, [weights]))
    for name, values in weights.items():
        np.testing.assert_array_equal(graph.nodes[0].weights[name[2:]], values)


def test_weights_of_an_optimizer_are_passed_over(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), "Adam/m": draw(7), **dense_group("second", 3, 2)}
    path = write_tfjs(tmp_path, two_layers(), [weights])
    content = json.loads(path.read_text())
    content["weightsManifest"][0]["weights"][2]["group"] = "optimizer"
    path.write_text(json.dumps(content))
    del weights["Adam/m"]
    check_stored(load(path), weights, None)


def test_a_model_without_weights(tmp_path: Path) -> None:
    model = sequential(layer("Flatten", "flat", batch_input_shape=[None, 4, 2]))
    assert len(load(write_tfjs(tmp_path, model, [])).nodes) == 1
    assert len(load(write_tfjs(tmp_path, model, [{}])).nodes) == 1


# Types


def test_whole_numbers(tmp_path: Path) -> None:
    """As they are, and quantized: TensorFlow.js rounds those."""
    kernel = RNG.integers(-1000, 1000, (4, 3)).astype(np.int32)
    weights = {
        "first/kernel": kernel, "first/bias": np.array([True, False, True]),
        "second/kernel": kernel[:3, :2] * 7, "second/bias": np.array([3, 250], np.uint8),
    }  # fmt: skip
    graph = load(write_tfjs(tmp_path, two_layers(), [weights], {"second/kernel": "uint8"}))
    first, second = (node.weights for node in graph.nodes)
    for found, wanted in (
        (first["kernel"], kernel), (first["bias"], [1, 0, 1]),
        (second["kernel"], decoded(weights["second/kernel"], "uint8")), (second["bias"], [3, 250]),
    ):  # fmt: skip
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)


def test_whole_numbers_beyond_float32(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    weights["second/bias"] = np.array([0, 2**24 + 1], np.int32)
    refused(write_tfjs(tmp_path, two_layers(), [weights]), "second/bias", "16777217", "2^24")


def test_constant_weights(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2), "first/bias": np.full(3, 0.25, np.float32)}
    graph = load(write_tfjs(tmp_path, two_layers(), [weights], "uint8"))
    np.testing.assert_array_equal(np.asarray(graph.nodes[0].weights["bias"]), 0.25)


def test_the_summary_tells_the_bytes_as_stored(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    weights["first/kernel"] = draw(400, 300)
    weights["first/bias"] = draw(300)
    weights["second/kernel"] = draw(300, 2)
    model = two_layers()
    model["config"][0]["config"] |= {"units": 300, "batch_input_shape": [None, 400]}
    codecs = {"first/kernel": "uint8", "second/kernel": "float16"}
    graph = load(write_tfjs(tmp_path, model, [weights], codecs))
    assert summary(graph).splitlines()[-1] == "Parameters: 120,902 (0.12 MB stored; 0.48 MB as float32)"
    assert sum(w.nbytes for node in graph.nodes for w in node.weights.values()) == 120_000 + 8 + 1200 + 1200 + 8
    graph = load(write_tfjs(tmp_path, model, [weights]))
    assert summary(graph).splitlines()[-1] == "Parameters: 120,902 (0.48 MB as float32)"


def test_adapters_of_old_kernels_leave_integers() -> None:
    parts = [Quantized.make("uint8", RNG.integers(0, 256, (3, k)), 0.1 * k, -k) for k in (2, 4)]
    both = joined(parts)
    assert isinstance(both, Quantized) and both.codes.tobytes() == np.concatenate([p.codes for p in parts], 1).tobytes()
    np.testing.assert_array_equal(np.asarray(both), np.concatenate([np.asarray(p) for p in parts], 1))
    assert both.channels() is not None and both.nbytes == both.size + 2 * 4 * 6
    other = Quantized.make("uint16", parts[1].codes, 1, 0)
    assert joined([parts[0], other]).dtype == joined([parts[0], draw(3, 2)]).dtype == np.float32
    kernel = Quantized.make("uint8", RNG.integers(0, 256, (3, 3, 2, 2)), 0.5, 1)
    np.testing.assert_array_equal(turned(kernel).codes, kernel.codes[::-1, ::-1])


def test_kernels_of_the_theano_backend_keep_their_integers(tmp_path: Path) -> None:
    config: dict[str, Any] = dict(filters=2, kernel_size=[3, 3], strides=[1, 1], padding="valid", activation="linear")
    model = sequential(layer("Conv2D", "c", data_format="channels_last", batch_input_shape=[None, 6, 6, 1], **config))
    weights = {"c/kernel": draw(3, 3, 1, 2), "c/bias": draw(2)}
    topology = {"model_config": model, "keras_version": "2.1.0", "backend": "theano"}
    kept = load(write_tfjs(tmp_path, topology, [weights], "uint8")).nodes[0].weights["kernel"]
    assert kept.codes.flags.c_contiguous
    np.testing.assert_array_equal(kept.codes, quantize(weights["c/kernel"], "uint8")[0][::-1, ::-1])


# Places of shards


@pytest.mark.parametrize("name", ["a/b/shard{}.bin", "w{}", "./x/../shard{}", "a b%20c{}.bin", "größe{}.bin"])
def test_shards_in_other_places(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").mkdir()
    path, weights = small(tmp_path, name=lambda group, k, count: name.format(k))
    check_stored(load(path), weights, "uint8")


def test_names_in_url_quotes(tmp_path: Path) -> None:
    path, weights = small(tmp_path, name=lambda group, k, count: f"my shards/größe {k}.bin")
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)
    group = content["weightsManifest"][0]
    group["paths"] = [p.replace(" ", "%20").replace("ö", "%C3%B6") for p in group["paths"]]
    path.write_text(json.dumps(content))
    check_stored(load(path), weights, "uint8")


def test_weights_in_another_folder(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    path, weights = small(home, name=lambda group, k, count: f"a/shard{k}.bin")
    (home / "a").rename(other)
    refused(path, "a/shard0.bin", "missing", str(home), "weights=")
    check_stored(load(path, weights=other), weights, "uint8")  # by the last part of their paths
    (tmp_path / "third").mkdir()
    other.rename(tmp_path / "third" / "a")
    check_stored(load(home, weights=str(tmp_path / "third")), weights, "uint8")  # as the manifest says
    refused(path, "weights.bin", "no such file", weights=tmp_path / "weights.bin")
    refused(path, "one file", "shards", "give the folder", weights=tmp_path / "third" / "a" / "shard0.bin")


def test_two_shards_of_one_name_are_not_taken_for_one(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    path, weights = small(home, name=lambda group, k, count: f"{k}/shard.bin")
    check_stored(load(path), weights, "uint8")
    (home / "0").rename(other)
    refused(path, "0/shard.bin", "missing", weights=other)


def test_weights_in_one_file(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    path = write_tfjs(tmp_path, two_layers(), [weights], "uint16")
    (tmp_path / "group1-shard1of1.bin").rename(tmp_path / "elsewhere")
    check_stored(load(path, weights=tmp_path / "elsewhere"), weights, "uint16")


OUTSIDE = [
    "../secret.bin", "a/../../secret.bin", "%2e%2e/secret.bin", "/secret.bin", "https://host/secret.bin",
    "file:///secret.bin", "//host/secret.bin",
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_shards_outside_are_not_read(tmp_path: Path, name: str) -> None:
    """Not even where the file is there; a copy of it in a folder that the caller names is."""
    home = tmp_path / "home"
    home.mkdir()
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    path = write_tfjs(home, two_layers(), [weights])
    (home / "group1-shard1of1.bin").rename(tmp_path / "secret.bin")
    absolute = name.replace("/secret", f"{tmp_path}/secret") if name == "/secret.bin" else name
    path.write_text(path.read_text().replace("group1-shard1of1.bin", absolute))
    refused(path, absolute[:40], "outside of", str(home), "Copy all shards", "weights=")
    copies = tmp_path / "copies"
    copies.mkdir()
    (copies / absolute.rsplit("/", 1)[-1]).write_bytes((tmp_path / "secret.bin").read_bytes())
    check_stored(load(path, weights=copies), weights, None)


def test_shards_behind_links(tmp_path: Path) -> None:
    """As caches of downloads keep them: the folder holds links to files elsewhere."""
    home, blobs = tmp_path / "home", tmp_path / "blobs"
    home.mkdir(), blobs.mkdir()
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    path = write_tfjs(home, two_layers(), [weights])
    for number, file in enumerate(sorted(home.iterdir())):
        file.rename(blobs / str(number))
        file.symlink_to(Path("..", "blobs", str(number)))
    check_stored(load(path), weights, None)
    check_stored(load(home), weights, None)


def test_an_absolute_path_that_lies_inside(tmp_path: Path) -> None:
    path, weights = small(tmp_path, name=lambda group, k, count: str(tmp_path / f"s{k}"))
    check_stored(load(path), weights, "uint8")


# What TensorFlow.js itself saved


@pytest.mark.parametrize("name", ["images", "shared", "trained", "deeper", "words"])
def test_models_that_tensorflow_js_saved(root: Path, name: str) -> None:
    """Its layers in its own words; two inputs, nested models and a shared layer; an optimizer's weights."""
    folder = root / "tests" / "data" / "tfjs_saved" / name
    graph = load(folder)
    answers = json.loads((folder / "answers.json").read_text())
    given, wanted = (
        [np.reshape(item["values"], item["shape"]) for item in answers[key]] for key in ("inputs", "outputs")
    )
    x = {spec.name: array for spec, array in zip(graph.inputs, given, strict=True)}
    for each in (graph, passes.optimize(graph)):
        for ours, theirs in zip(run(each, x).values(), wanted, strict=True):
            assert np.std(theirs) > 0.05
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_what_tensorflow_js_leaves_out_is_refused(root: Path) -> None:
    path = root / "tests" / "data" / "tfjs_saved" / "dilated" / "model.json"
    refused(path, "DepthwiseConv2D", "dilation_rate=[2, 2]", "TensorFlow.js does not", error=UnsupportedError)


# A real model


def test_face_landmarks_keep_their_integers(models: Path) -> None:
    folder = models / "face_landmark68_tiny"
    if not folder.is_dir():
        pytest.skip("the face landmark model is not in the folder of models")
    graph = load(folder)
    items = json.loads((folder / "model.json").read_text())["weightsManifest"][0]["weights"]
    data = (folder / "group1-shard1of1.bin").read_bytes()
    starts = dict(
        zip([i["name"] for i in items], np.cumsum([0] + [int(np.prod(i["shape"])) for i in items]), strict=False)
    )
    for each in (graph, passes.optimize(graph)):
        kernels = {f"{n.label}/{k}": w for n in each.nodes for k, w in n.weights.items()}
        assert set(kernels) == set(starts)
        for name, kept in kernels.items():
            assert isinstance(kept, Quantized) and kept.codec == "uint8"
            assert kept.codes.tobytes() == data[starts[name] : starts[name] + kept.size]
    assert "77,224 (0.08 MB stored; 0.31 MB as float32)" in summary(graph)
    with np.load(folder / "inputs.npz") as given, np.load(folder / "expected.npz") as told:
        (x,), (wanted,) = [list(file.values()) for file in (given, told)]
    np.testing.assert_allclose(run(graph, {"image": x})["fc"], wanted, rtol=0, atol=1e-4)
