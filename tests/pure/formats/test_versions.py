"""Options that versions and backends of Keras take differently: settled by who wrote the file, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import layer, sequential, write_model
from support.seeds import seeded

from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run

RNG = seeded(8)
SHAPES = {  # class -> options, weights of one tap for an input of 2 channels
    "Conv": (dict(filters=3), {"kernel": (2, 3)}),
    "DepthwiseConv": ({}, {"depthwise_kernel": (2, 1)}),
    "SeparableConv": (dict(filters=3), {"depthwise_kernel": (2, 1), "pointwise_kernel": (2, 3)}),
    "ConvTranspose": (dict(filters=3), {"kernel": (3, 2)}),
}
CONVOLUTIONS = [f"{kind}2D" for kind in ("Conv", "DepthwiseConv", "SeparableConv")]
CONVOLUTIONS += ["Conv1D", "Conv3D", "DepthwiseConv1D", "SeparableConv1D"]
CONVOLUTIONS += [f"Conv{axes}DTranspose" for axes in (1, 2, 3)]


def image(*sizes: int) -> dict[str, Any]:
    """What a config says besides options: images of 2 channels come in; `trainable` makes it that of a layer."""
    return {"batch_input_shape": [None, *sizes, 2], "trainable": True}


def convolution(path: Path, kind: str, version: str = "2.8.0", backend: str = "tensorflow", **options: Any) -> Path:
    """A model of one convolution of 3 taps along each axis without a bias, as Keras 2 writes it."""
    axes = next(int(letter) for letter in kind if letter in "123")
    more, shapes = SHAPES[kind.replace(f"{axes}D", "")]
    config = dict(kernel_size=[3] * axes, strides=[1] * axes, padding="valid", dilation_rate=[1] * axes, use_bias=False)
    options = {key: value[-axes:] if isinstance(value, list) else value for key, value in options.items()}
    options |= {key: [1, *value] for key, value in options.items() if isinstance(value, list) and len(value) < axes}
    item = layer(kind, "c", **{**image(*(9, 8, 7)[-axes:]), **config, **more, **options})
    size = {name: [1 if "pointwise" in name else 3] * axes for name in shapes}
    weights = {f"c/{name}:0": RNG.normal(size=(*size[name], *shape)) for name, shape in shapes.items()}
    return write_model(path, sequential(item), {"c": weights}, version, backend=backend)


def refused(path: Path, *words: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        load(path)
    assert all(word in str(caught.value) for word in (path.name, *words)), str(caught.value)


# Bilinear enlargement


def upsampling(path: Path, version: str | None, **attrs: str) -> Path:
    item = layer("UpSampling2D", "up", size=[3, 2], interpolation="bilinear", **image(4, 5))
    if version is not None:
        return write_model(path.with_suffix(".h5"), sequential(item), {"up": {}}, version, **attrs)
    path.with_suffix(".json").write_text(json.dumps(sequential(item)))
    return path.with_suffix(".json")


@pytest.mark.parametrize("version", ["2.2.3", "2.2.4", "2.3.1"])
def test_keras_itself_enlarged_from_corners_as_tensorflow_js_does(root: Path, tmp_path: Path, version: str) -> None:
    answers = json.loads((root / "tests/data/tfjs_saved/words/answers.json").read_text())
    x, y = (np.reshape(answers[key][0]["values"], answers[key][0]["shape"]) for key in ("inputs", "outputs"))
    graph = load(upsampling(tmp_path / "m", version))
    np.testing.assert_allclose(run(graph, {"up_input": x})["up"], y, rtol=0, atol=1e-6)


@pytest.mark.parametrize("version", ["2.2.4-tf", "2.3.0-tf", "2.4.0", "2.15.0", "3.0.0", "3.15.1"])
def test_later_ones_enlarge_from_centres(tmp_path: Path, version: str) -> None:
    keras = pytest.importorskip("keras")
    x = RNG.normal(size=(2, 4, 5, 2)).astype(np.float32)
    wanted = keras.layers.UpSampling2D((3, 2), interpolation="bilinear")(x)
    graph = load(upsampling(tmp_path / "m", version))
    np.testing.assert_allclose(run(graph, {"up_input": x})["up"], wanted, rtol=0, atol=1e-6)


def test_enlargement_by_nobody_knows_whom_is_refused(tmp_path: Path) -> None:
    refused(upsampling(tmp_path / "m", None), "up (UpSampling2D)", "interpolation='bilinear'", "keras_version")
    refused(upsampling(tmp_path / "m", "2.2.4", backend="theano"), "up (UpSampling2D)", "bilinear", "Theano")


# Activations


@pytest.mark.parametrize("kind", ["Dense", "Activation"])
def test_what_keras_calls_sparsemax_is_refused(tmp_path: Path, kind: str) -> None:
    """Keras' own value shows why: a projection on the simplex would add up to 1."""
    keras = pytest.importorskip("keras")
    assert float(np.sum(keras.activations.sparsemax(np.array([[0.2, 0.1, 0.0]], np.float32)))) < 0.9
    options = {"units": 3} if kind == "Dense" else {}
    layers = [keras.layers.Input((4,)), getattr(keras.layers, kind)(activation="sparsemax", name="s", **options)]
    keras.Sequential(layers).save(tmp_path / "m.h5")
    refused(tmp_path / "m.h5", f"s ({kind})", "activation='sparsemax'", "add up to 1")


# Convolution


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("version", ["2.8.0", "3.8.0"])
def test_strides_with_dilation_are_refused(tmp_path: Path, kind: str, version: str) -> None:
    path = convolution(tmp_path / "m.h5", kind, version, strides=[2, 2], dilation_rate=[1, 2])
    refused(path, f"c ({kind})", "strides=[", "dilation_rate=[")
    load(convolution(tmp_path / "m.h5", kind, version, strides=[2, 2]))
    load(convolution(tmp_path / "m.h5", kind, version, dilation_rate=[2, 2]))


def test_strides_with_dilation_in_what_keras_writes(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    options = dict(strides=2, dilation_rate=2, name="deep")
    model = keras.Sequential([keras.layers.Input((9, 9, 2)), keras.layers.DepthwiseConv2D(3, **options)])
    model.save(tmp_path / "m.h5")
    refused(tmp_path / "m.h5", "deep (DepthwiseConv2D)", "strides")


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_padding_of_theano_is_tensorflows_where_it_is_symmetric(tmp_path: Path, kind: str) -> None:
    if kind.startswith(("Depthwise", "Separable")) or kind in ("Conv1DTranspose", "Conv3DTranspose"):
        refused(convolution(tmp_path / "m.h5", kind, "2.1.0", "theano"), kind, "turned around")
        return  # whatever the padding: their kernels are turned around in ways of their own
    load(convolution(tmp_path / "m.h5", kind, "2.1.0", "theano", padding="same"))
    refused(convolution(tmp_path / "m.h5", kind, "2.1.0", "theano", padding="same", strides=[1, 2]), "same", "theano")


@pytest.mark.parametrize("axes", [1, 3])
def test_padding_along_one_axis_and_three_by_backend(tmp_path: Path, axes: int) -> None:
    for kind, backend, fits in (
        ("Average", "torch", False), ("Max", "torch", True), ("Max", "theano", False), ("Average", "jax", True),
    ):  # fmt: skip
        kind = f"{kind}Pooling{axes}D"
        item = layer(kind, "p", pool_size=[2] * axes, strides=[1] * axes, padding="same", **image(*(6, 7, 5)[:axes]))
        path = write_model(tmp_path / "m.h5", sequential(item), {"p": {}}, "3.8.0", backend=backend)
        load(path) if fits else refused(path, f"p ({kind})", "padding='same'", backend)
    path = convolution(tmp_path / "m.h5", f"Conv{axes}DTranspose", "3.8.0", "torch", padding="same", strides=[2] * axes)
    refused(path, f"c (Conv{axes}DTranspose)", "padding='same'", "torch")


@pytest.mark.parametrize(
    ("kind", "size", "strides", "backend", "fits"),
    [
        ("MaxPooling2D", 2, 2, "tensorflow", True),
        ("AveragePooling2D", 2, 2, "tensorflow", True),
        ("MaxPooling2D", 2, 2, "torch", True),
        ("AveragePooling2D", 3, 1, "torch", True),
        ("AveragePooling2D", 2, 1, "torch", False),
        ("AveragePooling2D", 3, 2, "torch", False),
        ("AveragePooling2D", 3, None, "torch", False),
        ("MaxPooling2D", 3, 2, "theano", False),
        ("AveragePooling2D", 3, 1, "theano", False),
    ],
)
def test_padding_of_pooling_by_backend(
    tmp_path: Path, kind: str, size: int, strides: int | None, backend: str, fits: bool
) -> None:
    item = layer(kind, "p", pool_size=size, strides=strides, padding="same", **image(6, 7))
    path = write_model(tmp_path / "m.h5", sequential(item), {"p": {}}, "3.8.0", backend=backend)
    if fits:
        load(path)
    else:
        refused(path, f"p ({kind})", "padding='same'", backend)


@pytest.mark.parametrize(
    ("size", "strides", "extra", "version", "fits"),
    [
        (3, 2, None, "3.8.0", False),
        (3, 2, 1, "3.14.0", False),
        (3, [1, 2], None, "3.8.0", False),
        (3, 2, None, "3.15.0", True),
        (4, 2, None, "3.8.0", True),
        (3, 1, None, "3.8.0", True),
        (2, 2, None, "3.8.0", True),
        (3, 2, 0, "3.8.0", True),
    ],
)
def test_padding_of_transposed_convolutions_of_torch(
    tmp_path: Path, size: int, strides: Any, extra: int | None, version: str, fits: bool
) -> None:
    config = dict(filters=3, kernel_size=size, strides=strides, padding="same", output_padding=extra, use_bias=False)
    weights = {"c": {"c/kernel:0": RNG.normal(size=(size, size, 3, 2))}}
    item = layer("Conv2DTranspose", "c", **image(6, 7), **config)
    for backend in ("torch", "tensorflow", "jax"):
        path = write_model(tmp_path / "m.h5", sequential(item), weights, version, backend=backend)
        if fits or backend != "torch":
            load(path)
        else:
            refused(path, "c (Conv2DTranspose)", "padding='same'", "torch")


def test_a_shape_that_lies_deeper(tmp_path: Path) -> None:
    """Sequential in Sequential without a shape: told by the parent, by what lies within, or by weights."""
    dense = {"d/kernel:0": RNG.normal(size=(4, 3)), "d/bias:0": RNG.normal(size=3)}
    for model in (
        sequential(named_sequential(layer("Dense", "d", units=3), batch_input_shape=[None, 4])),
        sequential(named_sequential(named_sequential(layer("Dense", "d", units=3, batch_input_shape=[None, 4])))),
        sequential(named_sequential(named_sequential(layer("Dense", "d", units=3)))),
    ):
        graph = load(write_model(tmp_path / "m.h5", model, {"inner": dense}))
        assert graph.inputs[0].shape == (None, 4)
        x = RNG.normal(size=(2, 4))
        found = run(graph, {graph.inputs[0].name: x}).popitem()[1]
        np.testing.assert_allclose(found, x @ dense["d/kernel:0"] + dense["d/bias:0"], rtol=1e-5)


def named_sequential(*layers: Any, **config: Any) -> dict[str, Any]:
    """A Sequential as a layer of another one."""
    return {"class_name": "Sequential", "config": {"name": "inner", "layers": list(layers), **config}}
