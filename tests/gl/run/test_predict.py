"""Model.predict: what goes in, what comes out, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.models import RNG, conv_net, draw, one

import glnn
from glnn.errors import InputError
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import Activation, ReLU, Softmax
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense, Flatten
from glnn.layers.merging import Add
from glnn.layers.pooling import MaxPooling2D
from glnn.model import Model
from glnn.testing import assert_close

pytestmark = pytest.mark.usefixtures("no_gl_error")


# ---- batches


@pytest.mark.parametrize("size", [1, 2, 5, 7, 100, np.int64(3)])
def test_pieces_equal_the_whole(net: Model, size: int) -> None:
    x = draw(7, 9, 7, 3)
    whole = net.predict(x, batch_size=7)
    assert whole.dtype == np.float32 and whole.shape == (7, 5)
    np.testing.assert_allclose(net.predict(x, batch_size=size), whole, rtol=0, atol=1e-6)
    assert_close(whole, net.reference(x), 1e-5)


def test_more_than_the_default_batch(net: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glnn.run.pieces.BATCH", 32)
    x = draw(71, 9, 7, 3)
    assert_close(net.predict(x), net.reference(x), 1e-5)


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "all", (1,)])
def test_a_batch_size_that_makes_no_sense(net: Model, wrong: Any) -> None:
    with pytest.raises(InputError, match="batch_size="):
        net.predict(draw(2, 9, 7, 3), batch_size=wrong)


def test_a_batch_of_zero(net: Model, fork: Model) -> None:
    empty = net.predict(np.zeros((0, 9, 7, 3)))
    assert empty.shape == (0, 5) and empty.dtype == np.float32
    a = np.zeros((0, 4))
    listed, named = fork.predict([a, a]), fork.predict({"b": a, "a": a})
    assert [y.shape for y in listed] == [(0, 4), (0, 3)]
    assert {key: y.shape for key, y in named.items()} == {"sum": (0, 4), "scores": (0, 3)}
    assert all(y.dtype == np.float32 for y in (*listed, *named.values()))


# ---- arrays of many kinds


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", "int8", "uint8", "int64", "uint64", "bool"])
def test_dtypes(net: Model, dtype: str) -> None:
    x = np.abs(draw(2, 9, 7, 3) * 3).astype(dtype)
    assert_close(net.predict(x), net.reference(x.astype(np.float64)), 1e-5)


def test_arrays_that_lie_oddly_in_memory(net: Model) -> None:
    x = draw(4, 9, 7, 3)
    wide = np.zeros((8, 9, 14, 6), np.float32)
    wide[::2, :, ::2, ::2] = x
    expected = net.predict(x)
    flipped = np.ascontiguousarray(x[:, ::-1, ::-1, ::-1])[:, ::-1, ::-1, ::-1]
    assert flipped.strides[1] < 0
    read_only = x.copy()
    read_only.flags.writeable = False
    for same in (np.asfortranarray(x), wide[::2, :, ::2, ::2], flipped, x.tolist(), read_only, x.astype(">f8")):
        np.testing.assert_array_equal(net.predict(same), expected)
    np.testing.assert_array_equal(net.predict(np.broadcast_to(x[:1], x.shape)), net.predict(np.repeat(x[:1], 4, 0)))


def test_the_input_is_left_as_it_was(net: Model) -> None:
    x = draw(2, 9, 7, 3)
    before = x.copy()
    net.predict(x)
    np.testing.assert_array_equal(x, before)


def test_a_list_of_one_array(net: Model) -> None:
    x = draw(2, 9, 7, 3)
    np.testing.assert_array_equal(net.predict([x]), net.predict(x))
    assert list(net.predict({"x": x})) == ["y"]


def test_lists_and_dicts(fork: Model) -> None:
    a, b = draw(3, 4), draw(3, 4)
    total, scores = fork.predict([a, b])
    named = fork.predict({"b": b, "a": a})
    np.testing.assert_array_equal(total, a + b)
    np.testing.assert_array_equal(named["sum"], total)
    np.testing.assert_array_equal(named["scores"], scores)


# ---- inputs that are refused

X = np.zeros((2, 9, 7, 3), np.float32)
WRONG = {
    "no batch axis": (X[0], r"(?s)\(9, 7, 3\).*\(\?, 9, 7, 3\).*x\[None\]"),
    "rank too low, not a sample": (X[0, 0], r"\(7, 3\) was given, expected \(\?, 9, 7, 3\)$"),
    "rank too high": (X[None], r"\(1, 2, 9, 7, 3\) was given"),
    "a number": (1.5, r"shape \(\) was given"),
    "none": (None, "dtype object"),
    "other size": (X[:, :8], r"\(2, 8, 7, 3\) was given, expected \(\?, 9, 7, 3\)"),
    "channels first": (X.transpose(0, 3, 1, 2), r"transpose\(0, 2, 3, 1\)"),
    "object": (X.astype(object), "dtype object"),
    "str": (X.astype(str), "dtype <U"),
    "complex": (X.astype(complex), "dtype complex128"),
    "datetime": (X.astype("M8[s]"), r"dtype datetime64\[s\]"),
    "ragged": ([[1, 2], [3]], "not an array of one shape|dtype object"),
    "beyond float32": (X + np.float64(1e39), r"3\.4e38"),
    "too many": ([X, X], r"expected|takes 1"),
    "unknown name": ({"image": X}, r"unknown \['image'\], missing \['x'\]"),
    "nothing": ([], r"\(0,\) was given"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_input_is_named(net: Model, name: str) -> None:
    value, message = WRONG[name]
    for call in (net.predict, net.reference):
        with pytest.raises(InputError, match=message) as caught:
            call(value)
        assert "'x'" in str(caught.value)


WRONG_PAIRS = {
    "one array for two": (np.zeros((2, 4)), "this model has 2 inputs"),
    "too few": ([np.zeros((2, 4))], "1 arrays were given; this model takes 2"),
    "too many": ([np.zeros((2, 4))] * 3, "3 arrays were given; this model takes 2"),
    "other batch": ([np.zeros((2, 4)), np.zeros((3, 4))], r"batch sizes: \{'a': 2, 'b': 3\}"),
    "a name missing": ({"a": np.zeros((2, 4))}, r"missing \['b'\]"),
    "a name too many": (dict.fromkeys("abc", np.zeros((2, 4))), r"unknown \['c'\]"),
    "second wrong": ([np.zeros((2, 4)), np.zeros((2, 5))], r"input 'b': an array of shape \(2, 5\)"),
}


@pytest.mark.parametrize("name", WRONG_PAIRS)
def test_wrong_inputs_of_a_model_of_two(fork: Model, name: str) -> None:
    value, message = WRONG_PAIRS[name]
    with pytest.raises(InputError, match=message):
        fork.predict(value)


def test_a_fixed_batch(device: glnn.Device) -> None:
    graph = conv_net()
    with Model(graph.with_(inputs=(TensorSpec("x", (2, 9, 7, 3)),)), device) as model:
        assert model.predict(X).shape == (2, 5)
        with pytest.raises(InputError, match="a batch of 3 was given, the model is fixed to 2"):
            model.predict(draw(3, 9, 7, 3))


def test_a_fixed_batch_that_shapes_are_made_of(device: glnn.Device, root: Path) -> None:
    """Reshapes of this model hold the batch as a number, so that no other batch may be asked for."""
    x = draw(2, 1, 8, 8)
    with Model.load(root / "examples" / "patches.onnx", device=device) as free, free.fixed({"x": x.shape}) as fixed:
        np.testing.assert_allclose(fixed.predict(x), free.predict(x), rtol=1e-5, atol=1e-5)


# ---- NaN and infinities


def special(*shape: int) -> np.ndarray:
    x = draw(*shape)
    places = RNG.choice(x.size, 6, replace=False)
    x.reshape(-1)[places] = [np.nan, np.inf, -np.inf, np.nan, np.inf, -np.inf]
    return x


@pytest.mark.parametrize(
    ("layer", "shapes", "weights"),
    [
        (ReLU(), [(6, 5, 5)], {}),
        (Activation("relu6"), [(6, 5, 5)], {}),
        (MaxPooling2D(2), [(6, 6, 5)], {}),
        (MaxPooling2D(3, 2, "same"), [(7, 6, 3)], {}),
        (Conv2D(5, (3, 3), padding="same"), [(9, 9, 3)], {"kernel": draw(3, 3, 3, 5), "bias": draw(5)}),
        (Add(), [(5, 7), (5, 7)], {}),
        (Softmax(), [(9,)], {}),
        (Dense(6), [(9,)], {"kernel": draw(9, 6), "bias": draw(6)}),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list | dict) else "",
)
def test_nan_and_infinities_pass_through_as_in_numpy(
    device: glnn.Device, layer: Any, shapes: list, weights: dict
) -> None:
    with Model(one(layer, *shapes, **weights), device) as model, np.errstate(all="ignore"):
        x = [special(24, *shape) for shape in shapes]
        got, expected = model.predict(x), model.reference(x)
    assert np.isnan(expected).any() and np.isfinite(expected).any()
    assert_close(got, expected, 1e-5)


# ---- looking at it


def test_progress_bar(net: Model, capsys: pytest.CaptureFixture) -> None:
    x = draw(6, 9, 7, 3)
    net.predict(x, batch_size=2, verbose=1)
    shown = capsys.readouterr()
    assert "2/6 samples" in shown.err and "6/6 samples in" in shown.err and shown.err.endswith("\n") and not shown.out
    for quiet in (0, False, "auto"):
        net.predict(x, batch_size=2, verbose=quiet)
    assert capsys.readouterr() == ("", "")


def test_summary_layers_and_repr(net: Model, capsys: pytest.CaptureFixture) -> None:
    lines: list[str] = []
    net.summary(lines.append)
    net.summary()
    assert capsys.readouterr().out == "\n".join(lines) + "\n"
    assert all(word in lines[0] for word in ("conv", "Conv2D", "(?, 9, 7, 6)", "softmax", "Parameters: 203"))
    assert [node.name for node in net.layers] == ["conv", "relu", "pool", "mean", "dense", "softmax"]
    assert repr(net) == "<glnn.Model 'net': 6 layers>"
    assert [(s.name, s.shape) for s in net.inputs] == [("x", (None, 9, 7, 3))]
    assert [(s.name, s.shape) for s in net.outputs] == [("y", (None, 5))]


def test_get_layer(net: Model) -> None:
    assert net.get_layer("dense").layer == Dense(5)
    with pytest.raises(InputError, match=r"no layer 'sofmax'; there are 'softmax'"):
        net.get_layer("sofmax")
    with pytest.raises(InputError, match=r"no layer 'zzz'; there are 'conv', 'relu'"):
        net.get_layer("zzz")


# ---- what is flattened or large


def test_a_flattened_image_feeds_dense(device: glnn.Device) -> None:
    nodes = (
        Node("flat", Flatten(), ("x",), ("f",)),
        Node("dense", Dense(3), ("f",), ("y",), {"kernel": draw(5 * 7 * 6, 3), "bias": draw(3)}),
    )
    graph = Graph("flat", (TensorSpec("x", (None, 5, 7, 6)),), nodes, ("y",))
    with Model(graph, device) as model:
        x = draw(3, 5, 7, 6)
        assert_close(model.predict(x), model.reference(x), 1e-5)
