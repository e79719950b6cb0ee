"""Whole models through the shaders, against Keras' own answers and against the NumPy reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.networks import randomise

import glnn

LOGITS = 1e-4  # relative to the largest: some fifty layers of float32, summed in another order than Keras'
DEVICES: dict[str, dict[str, Any]] = {
    "default": {},
    "es100": {"dialect": "es100"},
    "4-buffers-4096": {"draw_buffers": 4, "max_texture_size": 4096},
}
_devices: dict[str, glnn.Device] = {}


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    """Devices of this module, made when first asked for."""
    yield
    for device in _devices.values():
        device.close()
    _devices.clear()


def device_for(config: str) -> glnn.Device:
    if config not in _devices:
        _devices[config] = glnn.Device(**DEVICES[config])
    return _devices[config]


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


def close(got: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Same shape, float32, and every value within tolerance times the largest."""
    assert got.shape == expected.shape and got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * float(np.abs(expected).max()))


# ---- a real trained model, Keras.js' own answers


@pytest.mark.parametrize("picture", ["scissors", "paper"])
def test_rock_paper_scissors_is_recognised(models: Path, picture: str) -> None:
    folder = models / "rps"
    if not (folder / picture / "expected.npz").is_file():
        pytest.skip("the rock-paper-scissors model is not in the folder of models")
    with np.load(folder / picture / "inputs.npz") as given, np.load(folder / picture / "expected.npz") as told:
        (x,), (expected,) = [list(file.values()) for file in (given, told)]
    x, expected = x.reshape(-1, 227, 227, 3), expected.reshape(-1, 4)
    with glnn.Model.load(folder, device=device_for("default")) as model:
        got = model.predict(x)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)
    assert ["null", "paper", "rock", "scissors"][got[0].argmax()] == picture


@pytest.mark.parametrize("config", DEVICES)
def test_a_character_model_gives_its_authors_answer(models: Path, config: str) -> None:
    """128 steps of an LSTM of Keras 2.0.8, whose gates are the hard sigmoids of that time."""
    folder = models / "char_lstm"
    if not (folder / "expected.npz").is_file():
        pytest.skip("the character model is not in the folder of models")
    with np.load(folder / "inputs.npz") as given, np.load(folder / "expected.npz") as told:
        with glnn.Model.load(folder / "scifi-128.hdf5", device=device_for(config)) as model:
            np.testing.assert_allclose(model.predict(given["input_0"]), told["output_0"], rtol=0, atol=1e-4)


def test_soft_float_is_float(models: Path) -> None:
    """Where a device renders to bytes alone, within 1e-5 of what float32 textures give."""
    folder = models / "rps"
    if not (folder / "scissors" / "inputs.npz").is_file():
        pytest.skip("the rock-paper-scissors model is not in the folder of models")
    with np.load(folder / "scissors" / "inputs.npz") as given:
        x = next(iter(given.values())).reshape(-1, 227, 227, 3)
    with glnn.Model.load(folder, device=device_for("default")) as model:
        expected = model.predict(x)
        with glnn.Device(profile="webgl1-phone") as phone, glnn.Model(model.graph, phone) as soft:
            assert soft.plan().limits.float_target == "rgba8"
            np.testing.assert_allclose(soft.predict(x), expected, rtol=0, atol=1e-5)


# ---- large models of keras.applications


@pytest.fixture(scope="module")
def application(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple]:
    """name -> (file, three images, Keras' logits), each made once."""
    made: dict[str, tuple] = {}

    def get(name: str) -> tuple:
        if name not in made:
            model = randomise(getattr(keras.applications, name)(weights=None, classifier_activation=None))
            path = tmp_path_factory.mktemp("models") / f"{name}.h5"
            model.save(path)
            x = np.random.default_rng(1).normal(0, 1, (3, 224, 224, 3)).astype(np.float32)
            made[name] = path, x, model.predict(x, verbose=0)
        return made[name]

    return get


WHOLE = pytest.mark.whole
APPLICATIONS = [
    pytest.param(name, config, batch, marks=[] if push else WHOLE, id=f"{name}-{config}-{batch}")
    for name, pushed in (("MobileNetV2", {("default", 3), ("es100", 1)}), ("ResNet50", {("default", 1)}))
    for config in DEVICES
    for batch in (1, 3)
    for push in [(config, batch) in pushed]
]


@pytest.mark.parametrize(("name", "config", "batch"), APPLICATIONS)
def test_applications_give_keras_logits(application: Callable, name: str, config: str, batch: int) -> None:
    path, x, expected = application(name)
    assert expected.std(axis=0).max() > 1e-3 * np.abs(expected).max()  # the answer does depend on the image
    device = device_for(config)
    with glnn.Model.load(path, device=device) as model:
        close(model.predict(x[:batch]), expected[:batch], LOGITS)
    assert device.error() == "GL_NO_ERROR"


# ---- the example


def test_digits_agree_with_keras_and_the_reference(keras: Any, root: Path) -> None:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        x, labels = (data["images"] / 16).astype(np.float32)[..., None], data["labels"]
    path = root / "examples" / "digits.h5"
    with glnn.Model.load(path, device=device_for("default")) as model:
        got = model.predict(x)
        np.testing.assert_allclose(got, model.reference(x), rtol=0, atol=1e-5)
    expected = keras.saving.load_model(path, compile=False).predict(x, verbose=0)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    assert np.mean(got.argmax(axis=1) == labels) >= 0.97


# ---- functional models


def agree(model: Any, x: Any, tmp_path: Path, tolerance: float = 1e-5) -> Any:
    """Save, load, and compare with Keras and the reference, for inputs x (array, list or dict); what predict gave."""
    path = tmp_path / "model.h5"
    model.save(path)
    expected = model.predict(x, verbose=0)
    with glnn.Model.load(path, device=device_for("default")) as loaded:
        got, reference = loaded.predict(x), loaded.reference(x)
    assert type(got) is type(reference)
    keys: Any = range(len(got)) if isinstance(got, list) else got if isinstance(got, dict) else None
    if keys is None:
        got, reference, expected, keys = [got], [reference], [expected], [0]
    elif isinstance(got, dict) and not isinstance(expected, dict):
        expected = dict(zip(got, expected, strict=True))
    assert len(expected) == len(got) == len(reference)
    for key in keys:
        close(got[key], expected[key], tolerance)
        close(got[key], reference[key], tolerance)
    return got


def images(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def two_by_two(keras: Any) -> Any:
    """Two inputs, two outputs, a convolution shared by both, a nested model called twice."""
    L = keras.layers
    left, right = keras.Input((9, 7, 3), name="left"), keras.Input((9, 7, 3), name="right")
    inner_in = keras.Input((9, 7, 5), name="inner_in")
    separable = L.SeparableConv2D(6, 3, padding="same")(inner_in)
    inner = keras.Model(inner_in, L.BatchNormalization()(separable), name="inner")
    shared = L.Conv2D(5, 3, padding="same", activation="relu", name="shared")
    a, b = inner(shared(left)), inner(shared(right))
    both = L.Add(name="both")([a, b])
    score = L.Dense(4, activation="softmax", name="score")(L.GlobalAveragePooling2D()(both))
    grow = L.Conv2DTranspose(2, 3, strides=2, padding="same", activation="sigmoid", name="mask")
    mask = grow(L.Concatenate()([a, both]))
    return randomise(keras.Model([left, right], [score, mask], name="two_by_two"))


def test_several_inputs_and_outputs_in_a_list(two_by_two: Any, tmp_path: Path) -> None:
    got = agree(two_by_two, [images(2, 9, 7, 3), images(2, 9, 7, 3, seed=1)], tmp_path)
    assert isinstance(got, list) and [y.shape for y in got] == [(2, 4), (2, 18, 14, 2)]


def test_several_inputs_and_outputs_in_a_dict(two_by_two: Any, tmp_path: Path) -> None:
    got = agree(two_by_two, {"right": images(2, 9, 7, 3), "left": images(2, 9, 7, 3, seed=1)}, tmp_path)
    assert isinstance(got, dict) and got["score"].shape == (2, 4) and got["mask"].shape == (2, 18, 14, 2)


def test_a_tuple_counts_as_a_list(two_by_two: Any, tmp_path: Path) -> None:
    two_by_two.save(tmp_path / "m.h5")
    x = images(2, 9, 7, 3), images(2, 9, 7, 3, seed=1)
    with glnn.Model.load(tmp_path / "m.h5", device=device_for("default")) as model:
        for a, b in zip(model.predict(x), model.predict(list(x)), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_layer_that_reads_its_own_output_twice_over(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    x = keras.Input((6, 5, 4))
    again = L.Conv2D(4, 3, padding="same", activation="tanh")
    agree(randomise(keras.Model(x, again(again(again(x))))), images(3, 6, 5, 4), tmp_path)


def test_nested_in_nested_with_two_inputs(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    p, q = keras.Input((6,), name="p"), keras.Input((3,), name="q")
    deep = keras.Sequential([keras.Input((6,)), L.Dense(3, activation="relu"), L.Dropout(0.5)], name="deep")
    joined = keras.Model([p, q], [L.Multiply()([deep(p), q]), L.Maximum()([deep(p), q])], name="joined")
    a, b = keras.Input((6,), name="a"), keras.Input((3,), name="b")
    product, largest = joined([a, b])
    swapped, _ = joined([L.Dense(6)(largest), product])
    outputs = [L.Dense(2)(product), largest, swapped, L.ReLU()(swapped)]
    agree(randomise(keras.Model([a, b], outputs)), [images(4, 6), images(4, 3)], tmp_path)


def test_a_nested_model_whose_first_call_only_the_outputs_name(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    x = keras.Input((4,), name="x")
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, L.Dense(4, activation="tanh")(inner_in), name="inner")
    stack = keras.Sequential([keras.Input((4,)), L.Dense(4)], name="stack")
    first, second = inner(x), inner(L.Dense(4)(x))
    outputs = [first, L.ReLU()(second), stack(x), L.ReLU()(stack(second))]
    agree(randomise(keras.Model(x, outputs)), images(3, 4), tmp_path)


def test_an_output_that_other_layers_read_and_an_input_that_is_an_output(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    x = keras.Input((5, 4, 3), name="x")
    middle = L.Conv2D(6, 3, name="middle")(x)
    last = L.ReLU(name="last")(middle)
    got = agree(randomise(keras.Model(x, [middle, last, L.Dropout(0.3, name="same")(x)])), images(2, 5, 4, 3), tmp_path)
    assert got[0].min() < 0 and got[1].min() == 0
    np.testing.assert_array_equal(got[2], images(2, 5, 4, 3))


def test_one_image_size_after_another(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    x = keras.Input((None, None, 3))
    y = L.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    y = L.MaxPooling2D(3, 2, padding="same")(L.ReLU(6.0)(L.BatchNormalization()(y)))
    y = L.UpSampling2D(2, interpolation="bilinear")(L.DepthwiseConv2D(3, padding="same")(y))
    model = randomise(keras.Model(x, [y, L.GlobalMaxPooling2D()(y)]))
    model.save(tmp_path / "m.h5")
    with glnn.Model.load(tmp_path / "m.h5", device=device_for("default")) as loaded:
        assert loaded.inputs[0].shape == (None, None, None, 3) and loaded.outputs[0].shape == (None, None, None, 8)
        for height, width in ((33, 20), (8, 61), (33, 20), (1, 1), (130, 7)):
            x = images(2, height, width, 3)
            expected = zip(model.predict(x, verbose=0), loaded.reference(x), strict=True)
            for got, (theirs, ours) in zip(loaded.predict(x), expected, strict=True):
                close(got, theirs, 1e-5)
                close(got, ours, 1e-5)


def test_style_transfer_of_an_onnx_file(models: Path) -> None:
    """Fast style transfer with instance normalization, channels first: what onnxruntime makes, kept as float16."""
    folder = models / "style_wave"
    with np.load(folder / "inputs.npz") as given, np.load(folder / "expected.npz") as told:
        content, expected = given["content"], told["stylized"].astype(np.float32)
    with glnn.Model.load(folder / "wave_256_nchw.onnx", device=device_for("default")) as model:
        close(model.predict(content), expected, 1e-3)
