"""Model.predict: what goes in, what comes out, what is refused, and what is left behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.device.context import package_line
from glnn.errors import ClosedError, DeviceError, InputError, KernelError, LimitError
from glnn.graph import Graph, Node, TensorSpec
from glnn.kernels import assemble as kernels
from glnn.layers.activation import Activation, ReLU, Softmax
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense, Flatten
from glnn.layers.merging import Add
from glnn.layers.pooling import GlobalAveragePooling2D, MaxPooling2D
from glnn.layers.resizing import UpSampling2D
from glnn.model import Model
from glnn.testing import assert_close

RNG = np.random.default_rng(5)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def conv_net(name: str = "net", size: int | None = 9, filters: int = 6) -> Graph:
    """x (?, size, 7, 3) -> convolution, ReLU, pooling, Dense, softmax -> y (?, 5)."""
    kernel = {"kernel": draw(3, 3, 3, filters) / 5, "bias": draw(filters)}
    nodes = (
        Node("conv", Conv2D(filters, (3, 3), padding="same"), ("x",), ("c",), kernel),
        Node("relu", ReLU(), ("c",), ("r",)),
        Node("pool", MaxPooling2D(2), ("r",), ("p",)),
        Node("mean", GlobalAveragePooling2D(), ("p",), ("m",)),
        Node("dense", Dense(5), ("m",), ("d",), {"kernel": draw(filters, 5), "bias": draw(5)}),
        Node("softmax", Softmax(), ("d",), ("y",)),
    )
    return Graph(name, (TensorSpec("x", (None, size, 7, 3)),), nodes, ("y",))


def forked() -> Graph:
    """a (?, 4), b (?, 4) -> sum (?, 4), scores (?, 3)."""
    nodes = (
        Node("add", Add(), ("a", "b"), ("s",)),
        Node("dense", Dense(3), ("s",), ("d",), {"kernel": draw(4, 3), "bias": draw(3)}),
    )
    specs = (TensorSpec("a", (None, 4)), TensorSpec("b", (None, 4)))
    return Graph("forked", specs, nodes, ("s", "d"), ("sum", "scores"))


def one(layer: Any, *shapes: tuple, **weights: np.ndarray) -> Graph:
    """A graph of a single layer called 'layer', its inputs x0, x1, ..."""
    specs = tuple(TensorSpec(f"x{i}", (None, *shape)) for i, shape in enumerate(shapes))
    return Graph("one", specs, (Node("layer", layer, tuple(s.name for s in specs), ("y",), weights),), ("y",))


@pytest.fixture(scope="module")
def device() -> Iterator[glnn.Device]:
    with glnn.Device() as made:
        yield made


@pytest.fixture(autouse=True)
def no_gl_error(device: glnn.Device) -> Iterator[None]:
    assert device.error() == "GL_NO_ERROR"
    yield
    if not device.closed:
        assert device.error() == "GL_NO_ERROR"


@pytest.fixture(scope="module")
def net(device: glnn.Device) -> Iterator[Model]:
    with Model(conv_net(), device) as model:
        yield model


@pytest.fixture(scope="module")
def fork(device: glnn.Device) -> Iterator[Model]:
    with Model(forked(), device) as model:
        yield model


# ---- batches


@pytest.mark.parametrize("size", [1, 2, 5, 7, 100, np.int64(3)])
def test_pieces_equal_the_whole(net: Model, size: int) -> None:
    x = draw(7, 9, 7, 3)
    whole = net.predict(x, batch_size=7)
    assert whole.dtype == np.float32 and whole.shape == (7, 5)
    np.testing.assert_allclose(net.predict(x, batch_size=size), whole, rtol=0, atol=1e-6)
    assert_close(whole, net.reference(x), 1e-5)


def test_more_than_the_default_batch(net: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glnn.run.session.BATCH", 32)
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


# ---- several models, devices, threads


def test_two_models_on_one_device(device: glnn.Device) -> None:
    first, second = Model(conv_net("first"), device), Model(conv_net("second", filters=9), device)
    x = draw(2, 9, 7, 3)
    with first, second:
        for _ in range(2):
            for model in (first, second):
                assert_close(model.predict(x), model.reference(x), 1e-5)
        first.close()
        assert_close(second.predict(x), second.reference(x), 1e-5)


def test_one_model_on_two_devices() -> None:
    graph, x = conv_net(), draw(2, 9, 7, 3)
    with glnn.Device() as here, glnn.Device(max_texture_size=64, draw_buffers=1) as there:
        with Model(graph, here) as a, Model(graph, there) as b:
            for _ in range(2):
                np.testing.assert_allclose(a.predict(x), b.predict(x), rtol=0, atol=1e-6)
            assert_close(a.predict(x), a.reference(x), 1e-5)


def in_thread(call: Callable[[], Any], name: str) -> Any:
    """What a call gives, or the exception that it raises, in a thread of this name."""
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(call())
        except Exception as error:
            result.append(error)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    thread.join()
    return result[0]


def test_a_model_serves_any_thread(net: Model) -> None:
    x = draw(1, 9, 7, 3)
    expected = net.predict(x)
    np.testing.assert_array_equal(in_thread(lambda: net.predict(x), "worker-7"), expected)
    np.testing.assert_array_equal(net.predict(x), expected)


def test_a_model_of_a_thread_with_its_own_device() -> None:
    x = draw(2, 9, 7, 3)

    def work() -> np.ndarray:
        with glnn.Device() as own, Model(conv_net(), own) as model:
            return model.predict(x) - model.reference(x)

    assert np.abs(in_thread(work, "own")).max() < 1e-5


# ---- what is left behind


def test_close_frees_everything(device: glnn.Device) -> None:
    before = device.counts()
    model = Model(conv_net(filters=17), device)  # programs that no other model here has
    model.predict(draw(3, 9, 7, 3)), model.predict(draw(1, 9, 7, 3))
    assert device.counts() != before
    model.close()
    model.close()
    assert device.counts() == before
    assert "closed" in repr(model)
    for call in (lambda: model.predict(draw(1, 9, 7, 3)), lambda: model.device):
        with pytest.raises(ClosedError, match="'net' is closed"):
            call()
    with pytest.raises(RuntimeError), Model(conv_net(), device) as model:
        model.predict(draw(1, 9, 7, 3))
        raise RuntimeError
    assert device.counts() == before


def test_a_model_on_a_closed_device() -> None:
    own = glnn.Device()
    model = Model(conv_net(), own)
    model.predict(draw(1, 9, 7, 3))
    own.close()
    with pytest.raises(ClosedError):
        model.predict(draw(1, 9, 7, 3))
    model.close()


def resident_bytes() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to read the process's memory")
@pytest.mark.parametrize("batches", [(2,), (1, 4, 7)], ids=["one batch size", "three batch sizes"])
def test_500_predictions_leave_nothing_behind(net: Model, batches: tuple[int, ...]) -> None:
    x = draw(7, 9, 7, 3)
    for i in range(500):
        net.predict(x[: batches[i % len(batches)]])
        if i == 9:
            gc.collect()
            counts, memory = net.device.counts(), resident_bytes()
    gc.collect()
    assert net.device.counts() == counts
    assert resident_bytes() - memory < 4 << 20  # one leaked texture of these sizes a prediction would be more


def test_many_shapes_keep_a_bounded_number_of_textures(device: glnn.Device) -> None:
    with Model(conv_net(size=None), device) as model:
        seen = []
        for size in range(4, 44):
            model.predict(draw(1, size, 7, 3))
            seen.append(device.counts()["textures"])
        assert max(seen[20:]) < 1.3 * max(seen[:20])


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


# ---- what a device cannot hold


def test_a_tensor_that_does_not_fit_names_the_layer() -> None:
    with glnn.Device(max_texture_size=8, texture_units=4, dialect="es100") as tiny:
        with Model(one(UpSampling2D(4), (8, 8, 4)), tiny) as model, pytest.raises(LimitError) as caught:
            model.predict(draw(1, 8, 8, 4))
        told = str(caught.value)
        assert "layer 'layer'" in told and "(1, 32, 32, 4)" in told and "8 x 8" in told and "smaller" in told
        with Model(one(ReLU(), (40, 40, 4)), tiny) as model, pytest.raises(LimitError, match="input 'x0': .*40, 40"):
            model.predict(draw(1, 40, 40, 4))
        with Model(one(Dense(900), (16,), kernel=draw(16, 900), bias=draw(900)), tiny) as model:
            with pytest.raises(LimitError, match=r"layer .layer.: .*weights"):
                model.predict(draw(1, 16))
        assert tiny.error() == "GL_NO_ERROR"


def test_predict_halves_the_batch_that_does_not_fit() -> None:
    with glnn.Device(max_texture_size=16, texture_units=4, dialect="es100") as tiny:
        layer, weights = Conv2D(8, (3, 3), padding="same"), {"kernel": draw(3, 3, 4, 8), "bias": draw(8)}
        with Model(one(layer, (12, 12, 4), **weights), tiny) as model:
            x = draw(11, 12, 12, 4)
            assert_close(model.predict(x), model.reference(x), 1e-5)
            with pytest.raises(LimitError):  # the user's own batch size is not changed behind his back
                model.predict(x, batch_size=11)


# ---- a kernel that is wrong


@pytest.fixture
def broken_relu(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """shaders/kernels/pointwise.glsl with an unknown function in it; the number of that line."""
    lines = kernels.read_shader("kernels/pointwise.glsl").split("\n")
    place = next(i for i, line in enumerate(lines) if "kernel(" in line and "pragma" not in line)
    lines.insert(place, "vec4 own(vec4 v) { return frobnicate(v); }")
    source = kernels.parse("pointwise", "\n".join(lines), "shaders/kernels/pointwise.glsl")
    original = kernels.load_kernel
    monkeypatch.setattr(kernels, "load_kernel", lambda name: source if name == "pointwise" else original(name))
    yield place + 1


def test_a_kernel_error_points_at_the_line_of_its_own_file(device: glnn.Device, broken_relu: int) -> None:
    before = device.counts()
    with Model(one(ReLU(), (5,)), device) as model:
        with pytest.raises(
            KernelError, match=rf"shaders/kernels/pointwise\.glsl:{broken_relu}: .*frobnicate"
        ) as caught:
            model.predict(draw(2, 5))
    assert "    vec4 own(vec4 v) { return frobnicate(v); }\n" in str(caught.value) and "^" in str(caught.value)
    assert device.counts() == before
    device.error()


def test_a_plan_that_fails_half_way_leaves_nothing(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    before = device.counts()
    with Model(conv_net(filters=19), device) as model, monkeypatch.context() as patch:
        original, made = device.texture, []

        def texture(*arguments: Any) -> Any:
            if len(made) == 2:
                raise DeviceError("no memory")
            made.append(original(*arguments))
            return made[-1]

        patch.setattr(device, "texture", texture)
        with pytest.raises(DeviceError, match="no memory"):
            model.predict(draw(2, 9, 7, 3))
        assert device.counts()["textures"] == before["textures"] and len(made) == 2
        patch.undo()
        assert model.predict(draw(2, 9, 7, 3)).shape == (2, 5)
    assert device.counts() == before


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


# ---- without OpenGL

NO_GL = """
import sys, numpy as np, moderngl
def fail(**settings): raise Exception("library not loaded")
moderngl.create_context = fail
import glnn
from glnn.layout import Limits
model = glnn.Model.load(sys.argv[1])
model.summary()
x = np.zeros((2, 8, 8, 1))
print("reference", model.reference(x).shape)
print("draws", [len(model.plan(limits=Limits(dialect=d)).draws) > 0 for d in ("es300", "es100", "gl330")])
print("refused", end=" ")
try:
    model.predict(x[0])
except glnn.errors.InputError as error:
    print("x[None]" in str(error))
model.close() if "--close" in sys.argv else model.predict(x)
"""


@pytest.mark.parametrize("closing", [False, True])
def test_without_opengl_only_predict_fails(root: Path, closing: bool) -> None:
    arguments = [sys.executable, "-c", NO_GL, str(root / "examples" / "digits.h5"), *(["--close"] if closing else [])]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert "reference (2, 10)\ndraws [True, True, True]\nrefused True\n" in done.stdout, done.stderr
    assert done.returncode == (0 if closing else 1)
    if not closing:
        last = done.stderr[done.stderr.index("NoDeviceError") :]
        assert "library not loaded" in last and package_line() in last
