"""Keras 1's layers on sequences and volumes, in files made by hand in its layouts, against Keras itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import draw, layer, sequential, write_model

from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run

COMMON: dict[str, Any] = dict(init="glorot_uniform", W_regularizer=None, b_constraint=None, trainable=True, bias=True)


def same(path: Path, twin: Any, weights: list[np.ndarray], x: np.ndarray) -> None:
    """A file gives what a model of Keras gives with these weights."""
    graph = load(path)
    twin.set_weights(weights)
    (made,) = run(graph, {graph.inputs[0].name: x}).values()
    np.testing.assert_allclose(made, twin(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("old", [False, True])
def test_sequences(keras: Any, tmp_path: Path, old: bool) -> None:
    conv = dict(nb_filter=4, border_mode="same", activation="relu", input_dim=None, input_length=None, **COMMON)
    model = sequential(
        layer("ZeroPadding1D", "pad", padding={"left_pad": 2, "right_pad": 1}, batch_input_shape=[None, 13, 3]),
        layer("Convolution1D", "c1", filter_length=3, subsample_length=1, **conv),
        layer("MaxPooling1D", "max", stride=2, pool_length=3, border_mode="same"),
        layer("AtrousConvolution1D", "c2", filter_length=1, subsample_length=1, atrous_rate=2, **conv),
        layer("AtrousConvolution1D", "c3", filter_length=2, subsample_length=1, atrous_rate=2, **conv),
        layer("UpSampling1D", "up", length=3),
        layer("AveragePooling1D", "mean", stride=None, pool_length=2, border_mode="valid"),
        layer("Cropping1D", "crop", cropping=[1, 2]),
        layer("GlobalAveragePooling1D", "all"),
    )
    kernels = {"c1": draw(3, 3, 4), "c2": draw(1, 4, 4), "c3": draw(2, 4, 4)}
    biases = {name: draw(4) for name in kernels}
    stored = {  # Keras 1.1 and 1.2 have (length, 1, in, out), 1.0 (out, in, length, 1)
        name: kernel.transpose(2, 1, 0)[..., None] if old else kernel[:, None] for name, kernel in kernels.items()
    }
    groups: dict[str, Any] = {item["config"]["name"]: {} for item in model["config"]}
    groups |= {name: {f"{name}_W:0": stored[name], f"{name}_b:0": biases[name]} for name in kernels}
    L = keras.layers
    twin = keras.Sequential([
        L.Input((13, 3)), L.ZeroPadding1D((2, 1)), L.Conv1D(4, 3, padding="same", activation="relu"),
        L.MaxPooling1D(3, 2, "same"), L.Conv1D(4, 1, padding="same", activation="relu"),
        L.Conv1D(4, 2, padding="same", dilation_rate=2, activation="relu"), L.UpSampling1D(3), L.AveragePooling1D(2),
        L.Cropping1D((1, 2)), L.GlobalAveragePooling1D(),
    ])  # fmt: skip
    path = write_model(tmp_path / "m.h5", model, groups, "1.0.8" if old else "1.2.2")
    same(path, twin, [array for name in kernels for array in (kernels[name], biases[name])], draw(3, 13, 3))


def test_a_sequence_of_one_channel_in_the_oldest_order(keras: Any, tmp_path: Path) -> None:
    """(1, 1, length, 1) is one filter of many taps, not one tap of many channels."""
    item = layer("Convolution1D", "c", nb_filter=1, filter_length=5, border_mode="valid", subsample_length=2,
                 batch_input_shape=[None, 9, 1], activation="linear", **COMMON)  # fmt: skip
    kernel, bias = draw(5, 1, 1), draw(1)
    groups = {"c": {"c_W": kernel.transpose(2, 1, 0)[..., None], "c_b": bias}}
    twin = keras.Sequential([keras.layers.Input((9, 1)), keras.layers.Conv1D(1, 5, strides=2)])
    same(write_model(tmp_path / "m.h5", sequential(item), groups, "1.0.8"), twin, [kernel, bias], draw(3, 9, 1))


@pytest.mark.parametrize("order", ["tf", "th"])
@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_volumes(keras: Any, tmp_path: Path, order: str, backend: str) -> None:
    shape = (5, 6, 7, 2) if order == "tf" else (2, 5, 6, 7)
    more, th = dict(dim_ordering=order), order == "th"
    conv: dict[str, Any] = dict(kernel_dim1=3, kernel_dim2=1, kernel_dim3=3, activation="tanh", **more, **COMMON)
    strides = [1, 1, 1] if backend == "theano" else [2, 1, 1]
    pooling = dict(border_mode="valid", **more)
    model = sequential(
        layer("ZeroPadding3D", "pad", padding=[1, 0, 2], batch_input_shape=[None, *shape], **more),
        layer("Convolution3D", "c1", nb_filter=3, border_mode="same", subsample=strides, **conv),
        layer("MaxPooling3D", "max", pool_size=[1, 2, 2], strides=[1, 2, 1], **pooling),
        layer("Convolution3D", "c2", nb_filter=4, border_mode="valid", subsample=[1, 1, 2], **conv),
        layer("UpSampling3D", "up", size=[2, 1, 2], **more),
        layer("Cropping3D", "crop", cropping=[[1, 0], [0, 1], [0, 0]], **more),
        layer("AveragePooling3D", "mean", pool_size=[1, 2, 1], strides=None, **pooling),
        layer("GlobalMaxPooling3D", "all", **more),
    )
    kernels, biases = {"c1": draw(3, 1, 3, 2, 3), "c2": draw(3, 1, 3, 3, 4)}, {"c1": draw(3), "c2": draw(4)}
    groups: dict[str, Any] = {item["config"]["name"]: {} for item in model["config"]}
    for name, kernel in kernels.items():
        turned = kernel[::-1, ::-1, ::-1] if backend == "theano" else kernel  # Theano convolves
        groups[name] = {f"{name}_W": turned.transpose(4, 3, 0, 1, 2) if th else turned, f"{name}_b": biases[name]}
    L, way = keras.layers, {"data_format": "channels_first" if th else "channels_last"}
    twin = keras.Sequential([
        L.Input(shape), L.ZeroPadding3D((1, 0, 2), **way),
        L.Conv3D(3, (3, 1, 3), strides, "same", activation="tanh", **way),
        L.MaxPooling3D((1, 2, 2), (1, 2, 1), **way), L.Conv3D(4, (3, 1, 3), (1, 1, 2), activation="tanh", **way),
        L.UpSampling3D((2, 1, 2), **way), L.Cropping3D(((1, 0), (0, 1), (0, 0)), **way),
        L.AveragePooling3D((1, 2, 1), **way), L.GlobalMaxPooling3D(**way),
    ])  # fmt: skip
    path = write_model(tmp_path / "m.h5", model, groups, "1.2.2", backend=backend)
    same(path, twin, [array for name in kernels for array in (kernels[name], biases[name])], draw(3, *shape))


def test_kernels_in_theanos_order_of_nobody_knows_whom_are_refused(tmp_path: Path) -> None:
    item = layer("Convolution3D", "c", nb_filter=3, kernel_dim1=1, kernel_dim2=1, kernel_dim3=1, dim_ordering="th",
                 border_mode="valid", subsample=[1, 1, 1], batch_input_shape=[None, 2, 3, 3, 3], **COMMON)  # fmt: skip
    groups = {"c": {"c_W": draw(3, 2, 1, 1, 1), "c_b": draw(3)}}
    with pytest.raises(UnsupportedError, match="which backend"):
        load(write_model(tmp_path / "m.h5", sequential(item), groups, "1.2.2"))


@pytest.mark.parametrize("order", ["tf", "th"])
@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_locally_connected_images(tmp_path: Path, order: str, backend: str) -> None:
    """Weights of each place apart, (taps, channels) or (channels, taps) of each; no backend turns them around."""
    shape, th = ((4, 5, 2) if order == "tf" else (2, 4, 5)), order == "th"
    item = layer("LocallyConnected2D", "c", nb_filter=3, nb_row=3, nb_col=2, border_mode="valid", subsample=[1, 2],
                 dim_ordering=order, batch_input_shape=[None, *shape], activation="linear", **COMMON)  # fmt: skip
    kernel, bias, x = draw(4, 12, 3), draw(*((3, 2, 2) if th else (2, 2, 3))), draw(3, *shape)
    groups = {"c": {"c_W": kernel, "c_b": bias}}
    graph = load(write_model(tmp_path / "m.h5", sequential(item), groups, "1.2.2", backend=backend))
    expected = np.zeros((3, *bias.shape), np.float32)
    for number, (i, j) in enumerate(np.ndindex(2, 2)):
        rows, columns = slice(i, i + 3), slice(2 * j, 2 * j + 2)
        seen = x[:, :, rows, columns] if th else x[:, rows, columns]
        expected[(slice(None), *((slice(None), i, j) if th else (i, j)))] = seen.reshape(3, -1) @ kernel[number]
    (made,) = run(graph, {graph.inputs[0].name: x}).values()
    np.testing.assert_allclose(made, expected + bias, rtol=1e-4, atol=1e-5)


def test_locally_connected_sequences(tmp_path: Path) -> None:
    item = layer("LocallyConnected1D", "c", nb_filter=3, filter_length=4, border_mode="valid", subsample_length=2,
                 batch_input_shape=[None, 9, 2], activation="linear", input_dim=2, **COMMON)  # fmt: skip
    kernel, bias, x = draw(3, 8, 3), draw(3, 3), draw(3, 9, 2)
    graph = load(write_model(tmp_path / "m.h5", sequential(item), {"c": {"c_W": kernel, "c_b": bias}}, "1.2.2"))
    expected = [x[:, 2 * k : 2 * k + 4].reshape(3, -1) @ kernel[k] + bias[k] for k in range(3)]
    (made,) = run(graph, {graph.inputs[0].name: x}).values()
    np.testing.assert_allclose(made, np.stack(expected, 1), rtol=1e-4, atol=1e-5)


def test_zeros_around_images_by_name(keras: Any, tmp_path: Path) -> None:
    padding = {"top_pad": 1, "left_pad": 2, "right_pad": 3}
    item = layer("ZeroPadding2D", "p", padding=padding, dim_ordering="tf", batch_input_shape=[None, 2, 3, 2])
    twin = keras.Sequential([keras.layers.Input((2, 3, 2)), keras.layers.ZeroPadding2D(((1, 0), (2, 3)))])
    same(write_model(tmp_path / "m.h5", sequential(item), {"p": {}}, "1.2.2"), twin, [], draw(1, 2, 3, 2))
    item["config"]["padding"] = {"front_pad": 1}
    with pytest.raises(UnsupportedError, match="top_pad, bottom_pad, left_pad, right_pad"):
        load(write_model(tmp_path / "n.h5", sequential(item), {"p": {}}, "1.2.2"))
