"""Whole models on volumes and sequences, saved by Keras, through the shaders: against Keras' own answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.networks import randomise

import glnn

DEVICES: dict[str, Any] = {
    "default": {},
    "es100": {"dialect": "es100"},
    "split": {"max_texture_size": 16, "array_layers": 256},
    "numpy": "numpy",
}


def volumes(keras: Any, order: str) -> Any:
    """A U-Net over three axes: two levels, of which the deeper is strided, then pooled; skips, normalization."""
    L, axis = keras.layers, -1 if order == "channels_last" else 1
    way: dict[str, Any] = dict(padding="same", data_format=order)

    def block(x: Any, filters: int) -> Any:
        x = L.Conv3D(filters, 3, use_bias=False, **way)(x)
        return L.ReLU()(L.BatchNormalization(axis=axis)(x))

    x = L.Input((8, 12, 10, 2) if axis < 0 else (2, 8, 12, 10))
    top = block(x, 5)
    middle = block(L.MaxPooling3D(2, data_format=order)(top), 8)
    deep = block(L.Conv3D(8, 2, 2, **way)(middle), 12)
    up = L.Concatenate(axis)(
        [L.Conv3DTranspose(8, 3, 2, **way)(deep), L.ZeroPadding3D(((0, 0), (0, 0), (0, 1)), order)(middle)]
    )
    up = L.Cropping3D(((0, 0), (0, 0), (0, 1)), order)(block(up, 8))
    up = L.Concatenate(axis)([L.UpSampling3D(2, order)(up), top])
    return keras.Model(x, L.Conv3D(3, 1, activation="tanh", data_format=order)(block(up, 5)), name="unet")


def sequences(keras: Any, order: str) -> Any:
    """A network over one axis: causal and dilated, depthwise, separable, transposed; two heads."""
    L, axis = keras.layers, -1 if order == "channels_last" else 1
    way: dict[str, Any] = dict(data_format=order)
    x = L.Input((41, 3) if axis < 0 else (3, 41))
    y = L.Conv1D(8, 5, padding="causal", dilation_rate=2, activation="relu", **way)(x)
    y = L.MaxPooling1D(3, 2, "same", **way)(L.BatchNormalization(axis=axis)(y))
    skip = y = L.SeparableConv1D(9, 3, padding="same", activation="gelu", **way)(y)
    y = L.Add()([skip, L.DepthwiseConv1D(4, padding="same", activation="relu6", **way)(y)])
    y = L.Conv1DTranspose(6, 4, 2, "same", activation="leaky_relu", **way)(L.AveragePooling1D(2, **way)(y))
    scores = L.Dense(4, activation="softmax")(L.GlobalAveragePooling1D(**way)(y))
    return keras.Model(x, [scores, L.GlobalMaxPooling1D(keepdims=True, **way)(y)], name="sequences")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
@pytest.mark.parametrize("make", [volumes, sequences])
def test_model_of_keras(tmp_path: Path, make: Any, order: str, device: str) -> None:
    keras = pytest.importorskip("keras")
    model = make(keras, order)
    randomise(model, 4)
    path = tmp_path / {"default": "model.json", "es100": "model.keras"}.get(device, "model.h5")
    if path.suffix != ".json":
        model.save(path)
    else:
        path.write_text(model.to_json())
        model.save_weights(tmp_path / "model.weights.h5")
    options = DEVICES[device]
    with glnn.Device(options) if isinstance(options, str) else glnn.Device(**options) as on:
        with glnn.Model.load(path, device=on) as loaded:
            for batch in (1, 3):
                x = np.random.default_rng(batch).normal(size=(batch, *model.input_shape[1:])).astype(np.float32)
                given, expected = loaded.predict(x, verbose=0), model.predict(x, verbose=0)
                given = (
                    list(given.values()) if isinstance(given, dict) else given if isinstance(given, list) else [given]
                )
                expected = expected if isinstance(expected, list) else [expected]
                for got, wanted in zip(given, expected, strict=True):
                    assert got.shape == wanted.shape
                    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_zeros_norm_and_activation_go_into_the_convolution(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    L = keras.layers
    model = keras.Sequential([
        L.Input((3, 4, 5, 2)), L.ZeroPadding3D(((1, 0), (0, 2), (1, 1))), L.Conv3D(4, 3), L.BatchNormalization(),
        L.ReLU(),
    ])  # fmt: skip
    randomise(model, 4)
    x = np.random.default_rng(1).normal(size=(3, 3, 4, 5, 2)).astype(np.float32)
    model.save(tmp_path / "m.h5")
    with glnn.Model.load(tmp_path / "m.h5") as loaded:
        assert [draw.kernel for draw in loaded.plan().draws] == ["conv"]
        np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("codec", ["float16", "uint8"])
def test_quantized(tmp_path: Path, codec: str) -> None:
    keras = pytest.importorskip("keras")
    model = volumes(keras, "channels_last")
    randomise(model, 4)
    model.save(tmp_path / "m.h5")
    x = np.random.default_rng(1).normal(size=(1, *model.input_shape[1:])).astype(np.float32)
    with glnn.Model.load(tmp_path / "m.h5") as loaded:
        before = loaded.predict(x, verbose=0)
        small = loaded.quantize(codec)
        after = small.predict(x, verbose=0)
        assert 0 < np.linalg.norm(after - before) < 0.05 * np.linalg.norm(before)
        small.save(tmp_path / "m.glnn")
        with glnn.Model.load(tmp_path / "m.glnn") as again:
            np.testing.assert_array_equal(again.predict(x, verbose=0), after)
        small.close()
