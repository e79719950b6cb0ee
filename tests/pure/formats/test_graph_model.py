"""TensorFlow.js graph-models: names, weights, and files that are wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.graph_models import GraphModel, Raw
from support.seeds import seeded
from support.tfjs_files import quantize, refused

import glnn
from glnn.errors import GraphError, ModelFileError, UnsupportedError
from glnn.formats import load
from glnn.graph.quantized import Quantized

RNG = seeded(4)
KERNEL = RNG.normal(size=(4, 3)).astype(np.float32)
X = RNG.normal(size=(2, 4)).astype(np.float32)


def small() -> tuple[GraphModel, list[str]]:
    """x KERNEL + 1, and its largest."""
    g = GraphModel()
    product = g.op("MatMul", g.input(X, (None, 4), "x"), KERNEL, name="product", transpose_a=False, transpose_b=False)
    added = g.op("AddV2", product, np.float32([1, 1, 1]), name="added")
    return g, [added, g.op("Max", added, np.int32([1]), name="most", keep_dims=False)]


def written(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda content: None, **more: Any) -> Path:
    """`small` with its JSON changed."""
    g, outputs = small()
    path = g.write(folder, outputs, **more)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def predicted(path: Path, x: Any = X) -> dict[str, np.ndarray]:
    """The outputs by name."""
    with glnn.Model.load(path, device=glnn.Device("numpy")) as model:
        made: dict[str, np.ndarray] = model.predict({model.inputs[0].name: x})
    return made


def test_names_are_those_of_the_signature(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["signature"]["inputs"] = {"picture": {"name": "x:0"}}
        content["signature"]["outputs"] = {"most": {"name": "most:0"}, "all": {"name": "added:0"}}

    path = written(tmp_path, change)
    with glnn.Model.load(path, device=glnn.Device("numpy")) as model:
        assert [spec.name for spec in model.inputs] == ["picture"]
        made = model.predict({"picture": X})
    assert list(made) == ["most", "all"]
    np.testing.assert_allclose(made["all"], X @ KERNEL + 1, rtol=1e-5)


def test_structured_keys_name_outputs(tmp_path: Path) -> None:
    path = written(tmp_path, userDefinedMetadata={"structuredOutputKeys": ["scores", "best"]})
    assert list(predicted(path)) == ["scores", "best"]


def test_signature_may_be_in_the_metadata(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        del content["format"]
        content["userDefinedMetadata"] = {"signature": content.pop("signature")}

    assert list(predicted(written(tmp_path, change))) == ["y0", "y1"]


def test_without_a_signature_outputs_are_what_nothing_reads(tmp_path: Path) -> None:
    assert list(predicted(written(tmp_path, lambda content: content.pop("signature")))) == ["most"]


def test_shards_elsewhere(tmp_path: Path) -> None:
    path = written(tmp_path / "model")
    place = tmp_path / "other"
    place.mkdir()
    (tmp_path / "model" / "weights.bin").rename(place / "weights.bin")
    graph = load(path, weights=place)
    assert [spec.name for spec in graph.inputs] == ["x"]


@pytest.mark.parametrize("codec", ["uint8", "uint16", "float16"])
def test_quantized_weights_stay(tmp_path: Path, codec: str) -> None:
    codes, told = quantize(KERNEL, codec)

    def change(content: dict[str, Any]) -> None:
        (group,) = content["weightsManifest"]
        (kernel,) = (item for item in group["weights"] if item["shape"] == [4, 3])
        kernel["quantization"] = told

    path = written(tmp_path, change)
    stored = (tmp_path / "weights.bin").read_bytes()
    (tmp_path / "weights.bin").write_bytes(codes.tobytes() + stored[KERNEL.nbytes :])
    weights = [w for w in load(path).weights().values() if w.shape == (4, 3)]
    assert len(weights) == 1
    kept = weights[0]
    if codec == "float16":
        assert kept.dtype == np.float16
    else:
        assert isinstance(kept, Quantized)
        np.testing.assert_array_equal(kept.codes, codes)
    made = predicted(path)["y0"]
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, X @ np.asarray(kept, np.float32) + 1, rtol=1e-5)


def test_rows_picked_by_a_condition(tmp_path: Path) -> None:
    """TensorFlow's Select with a condition of one axis, which TensorFlow.js broadcasts."""
    g = GraphModel()
    x, truth = g.input(X), np.asarray([True, False])
    path = g.write(tmp_path, [g.op("Select", truth, x, g.op("Neg", x))])
    np.testing.assert_array_equal(predicted(path)["y0"], np.where(truth[:, None], X, -X))


def test_boxes_of_all_classes(tmp_path: Path) -> None:
    """CombinedNonMaxSuppression, which TensorFlow.js does not have."""
    places = np.float32([[[0, 0, 1, 1], [0, 0, 1, 0.9], [2, 2, 3, 3]]])[:, :, None]
    scores = np.float32([[[0.9, 0.1], [0.8, 0.7], [0.3, 0.6]]])
    g = GraphModel()
    given = [np.int32(2), np.int32(4), np.float32(0.5), np.float32(0.2)]
    made = g.op("CombinedNonMaxSuppression", g.input(places), g.input(scores), *given, clip_boxes=False)
    path = g.write(tmp_path, [made, f"{made}:1", f"{made}:2", f"{made}:3"])
    with glnn.Model.load(path, device=glnn.Device("numpy")) as model:
        boxes, worth, kinds, count = model.predict(g.feeds).values()
    np.testing.assert_allclose(worth, [[0.9, 0.7, 0.6, 0.3]])
    np.testing.assert_array_equal(kinds, [[0, 1, 1, 0]])
    np.testing.assert_allclose(boxes[0], places[0, [0, 1, 2, 2], 0])
    np.testing.assert_array_equal(count, [4])


def test_parts_are_joined(tmp_path: Path) -> None:
    """A TensorArray and a TensorList of parts, which TensorFlow.js does not take from this converter."""
    g = GraphModel()
    x, kind = g.input(X), {"element_dtype": "DT_FLOAT"}
    array = g.op("TensorArrayV3", np.int32(2), dtype="DT_FLOAT")
    parts = g.op("TensorArraySplitV3", array, x, np.int32([0, 2]), f"{array}:1")
    rows = g.op("TensorListSplit", x, np.int32([-1, 4]), np.int32([1, 1]), **kind)
    both = g.op("TensorListConcatV2", rows, np.int32([-1, 4]), np.int32([1, 1]), **kind)
    last = g.op("TensorListPopBack", rows, np.int32([1, 4]), **kind)
    outputs = [g.op("TensorArrayConcatV3", array, parts), both, f"{both}:1", g.op("EnsureShape", x), f"{last}:1"]
    one, two, lengths, same, row = predicted(g.write(tmp_path, outputs)).values()
    np.testing.assert_array_equal(row, X[1:])
    for made in (one, two, same):
        np.testing.assert_array_equal(made, X)
    np.testing.assert_array_equal(lengths, [1, 1])


def test_channels_first(tmp_path: Path) -> None:
    """Convolutions and pooling with data_format NCHW are those of images with channels last."""
    g = GraphModel()
    x = g.input(RNG.normal(size=(2, 3, 6, 5)).astype(np.float32))
    kernel, deep = (RNG.normal(size=shape).astype(np.float32) for shape in ((3, 2, 3, 4), (2, 2, 4, 1)))
    bias, options = np.float32([1, 2, 3, 4]), {"padding": "SAME"}

    def said(image: str, data_format: str, strides: list[int]) -> str:
        more: dict[str, Any] = {"data_format": data_format, **options}
        made = g.op("BiasAdd", g.op("Conv2D", image, kernel, strides=strides, **more), bias, data_format=data_format)
        made = g.op("DepthwiseConv2dNative", made, deep, strides=[1, 1, 1, 1], **more)
        return g.op("MaxPool", made, ksize=strides, strides=strides, **more)

    first = said(x, "NCHW", [1, 1, 2, 1])
    last = said(g.op("Transpose", x, np.int32([0, 2, 3, 1])), "NHWC", [1, 2, 1, 1])
    one, two = predicted(
        g.write(tmp_path, [first, g.op("Transpose", last, np.int32([0, 3, 1, 2]))]), g.feeds["x0"]
    ).values()
    assert one.shape == (2, 4, 2, 5)
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_blocks_of_pixels_are_put_into_channels(tmp_path: Path) -> None:
    """SpaceToDepth, which TensorFlow.js does not have, is undone by DepthToSpace."""
    g = GraphModel()
    x = RNG.normal(size=(2, 4, 6, 3)).astype(np.float32)
    deep = g.op("SpaceToDepth", g.input(x), block_size=2, data_format="NHWC")
    path = g.write(tmp_path, [deep, g.op("DepthToSpace", deep, block_size=2, data_format="NHWC")])
    made, back = predicted(path, x).values()
    np.testing.assert_array_equal(made[0, 1, 2], np.concatenate([x[0, 2, 4], x[0, 2, 5], x[0, 3, 4], x[0, 3, 5]]))
    np.testing.assert_array_equal(back, x)


def test_functions_that_are_called(tmp_path: Path) -> None:
    """PartitionedCall, whose function has values of its own by name and number."""
    g = GraphModel()
    halves = g.function("halves", ["a"], lambda f, a: [f"{f.op('Split', np.int32(1), a, num_split=2)}:output:1", a])
    made = g.op("StatefulPartitionedCall", g.input(X), f=halves)
    one, two = predicted(g.write(tmp_path, [made, f"{made}:1"])).values()
    np.testing.assert_array_equal(one, X[:, 2:])
    np.testing.assert_array_equal(two, X)


def node(content: dict[str, Any], name: str) -> dict[str, Any]:
    """A node by name."""
    return next(item for item in content["modelTopology"]["node"] if item["name"] == name)


def input_of(content: dict[str, Any], **attributes: Any) -> None:
    """Changes attributes of the input."""
    node(content, "x")["attr"].update(attributes)


Wrong = tuple[str, Callable[[dict[str, Any]], Any], type[Exception], tuple[str, ...]]
WRONG: list[Wrong] = [
    ("operator", lambda c: node(c, "most").update(op="Maxx"), UnsupportedError, ("operator Maxx", "there is Max")),
    ("table", lambda c: node(c, "most").update(op="LookupTableFindV2"), UnsupportedError, ("LookupTableFindV2",)),
    ("attribute", lambda c: node(c, "most")["attr"].update(wide={"b": True}), UnsupportedError, ("wide", "most")),
    ("inputs", lambda c: node(c, "most").update(input=["added"]), UnsupportedError, ("'most'", "1 inputs")),
    ("unknown", lambda c: node(c, "most").update(input=["gone", "added"]), GraphError, ("'gone'",)),
    ("cycle", lambda c: node(c, "product").update(input=["x", "added"]), GraphError, ("cycle",)),
    ("twice", lambda c: node(c, "most").update(name="added"), ModelFileError, ("two nodes", "'added'")),
    ("no name", lambda c: node(c, "most").pop("op"), ModelFileError, ("'name' and 'op'",)),
    ("text", lambda c: node(c, "most").update(input="added"), ModelFileError, ("'most'", "'input'")),
    ("attr", lambda c: node(c, "most").update(attr=[1]), ModelFileError, ("'attr'", "list")),
    ("value", lambda c: node(c, "most")["attr"].update(keep_dims={"i": "x"}), ModelFileError, ("keep_dims", "'x'")),
    ("list", lambda c: node(c, "most")["attr"].update(keep_dims={"list": [1]}), ModelFileError, ("keep_dims",)),
    ("base64", lambda c: node(c, "most")["attr"].update(mode={"s": "?"}), ModelFileError, ("mode", "'?'")),
    ("topology", lambda c: c.update(modelTopology=[]), ModelFileError, ("'modelTopology'",)),
    ("manifest", lambda c: c.pop("weightsManifest"), ModelFileError, ("weightsManifest",)),
    ("weights", lambda c: c.update(weightsManifest=[]), ModelFileError, ("lacks the values of 3 nodes",)),
    ("type", lambda c: input_of(c, dtype={"type": "DT_STRING"}), UnsupportedError, ("DT_STRING", "'x'")),
    ("shape", lambda c: input_of(c, shape={"shape": {"dim": [{"size": "y"}]}}), ModelFileError, ("'x'",)),
    ("fit", lambda c: input_of(c, shape={"shape": {"dim": [{"size": "5"}] * 2}}), GraphError, ("product", "(5, 5)")),
    ("switch", lambda c: node(c, "most").update(op="Merge", input=["added", "x"]), GraphError, ("Switch", "'most'")),
    ("frame", lambda c: node(c, "most").update(op="Enter", input=["added"]), GraphError, ("'most'", "Merge")),
    ("function", lambda c: node(c, "most")["attr"].update(f={"func": {"name": "g"}}), GraphError, ("'g'", "library")),
]  # fmt: skip


@pytest.mark.parametrize("case", WRONG, ids=[case[0] for case in WRONG])
def test_files_that_are_wrong(tmp_path: Path, case: Wrong) -> None:
    _, change, error, words = case
    path = written(tmp_path, change)
    refused(path, "model.json", *words, error=error)


def test_everything_unknown_is_told_at_once(tmp_path: Path) -> None:
    g = GraphModel()
    x = g.input(X)
    path = g.write(tmp_path, [g.op("One", x), g.op("Two", x), g.op("Relu", x, wide=True)])
    refused(path, "operator One", "operator Two", "attribute wide", error=UnsupportedError)


def test_functions_that_call_themselves(tmp_path: Path) -> None:
    g = GraphModel()
    again = g.function("again", ["a"], lambda f, a: [f.op("PartitionedCall", a, f=Raw(func={"name": "again"}))])
    refused(g.write(tmp_path, [g.op("PartitionedCall", g.input(X), f=again)]), "'again'", "itself", error=GraphError)


def test_host_steps_are_refused_by_name(tmp_path: Path) -> None:
    g = GraphModel()
    path = g.write(tmp_path, [g.op("Where", g.input(X), name="found")])
    with pytest.raises(UnsupportedError, match="found"):
        glnn.Model.load(path, device=glnn.Device("numpy"), host=False).predict(X)
    np.testing.assert_array_equal(predicted(path)["y0"], np.argwhere(X))


def test_loops_of_huge_sizes_are_refused(tmp_path: Path) -> None:
    g = GraphModel()
    path = g.write(tmp_path, [g.op("Fill", np.int32([100000, 100000]), g.input(np.float32(1)))])
    with pytest.raises(GraphError, match="elements"):
        predicted(path, np.float32(1))
