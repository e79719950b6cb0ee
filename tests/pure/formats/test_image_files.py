"""Models of Keras 3 with the layers that change images, saved by it: what predict gives, whatever calls wrote down."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from support.keras_files import layer, sequential, write_model
from support.seeds import seeded

from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
L = keras.layers
RNG = seeded(6)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int32"])
def test_images_of_integers_stay_such_where_they_are_resized(tmp_path: Path, dtype: str) -> None:
    x = keras.Input((5, 7, 3), dtype=dtype)
    layers = [L.Resizing(4, 4), L.Resizing(3, 9, "bicubic"), L.Resizing(6, 6, pad_to_aspect_ratio=True)]
    layers += [L.CenterCrop(3, 3), L.CenterCrop(8, 8), L.RandomFlip(), L.AutoContrast(), L.RandomRotation(0.5)]
    model = keras.Model(x, [made(x) for made in layers])
    path = tmp_path / ("m.h5" if dtype == "uint8" else "m.keras")
    model.save(path)
    images = RNG.integers(0, 255, (2, 5, 7, 3)).astype(dtype)
    graph = load(path)
    made = run(graph, {graph.inputs[0].name: images.astype(np.float32)})
    for values, wanted in zip(made.values(), model.predict(images, verbose=0), strict=True):
        off = np.abs(values - wanted.astype(float))
        if wanted.dtype.kind in "iu":  # what lies on a half is rounded either way
            assert (values == np.rint(values)).all() and off.max() <= 1 and (off > 0).mean() < 0.03
        else:
            assert off.max() < 1e-3


def test_a_dropout_told_to_train_is_refused_and_a_flip_is_not(tmp_path: Path) -> None:
    x = keras.Input((5, 7, 3))
    keras.Model(x, L.RandomFlip()(x, training=True)).save(tmp_path / "m.h5")
    assert len(load(tmp_path / "m.h5").nodes) == 1
    keras.Model(x, L.Dropout(0.5)(x, training=True)).save(tmp_path / "n.h5")
    with pytest.raises(UnsupportedError, match="training=True"):
        load(tmp_path / "n.h5")


@pytest.mark.parametrize(
    ("version", "size"),
    [("2.9.0", (4, 2)), ("3.5.0", (4, 2)), ("3.6.0", (4, 2)), ("3.8.0", (6, 4)), ("3.15.1", (6, 4))],
)
def test_a_random_crop_goes_by_the_release(tmp_path: Path, version: str, size: tuple[int, int]) -> None:
    item = layer("RandomCrop", "c", height=4, width=2, seed=None, trainable=True, batch_input_shape=[None, 6, 4, 1])
    graph = load(write_model(tmp_path / "m.h5", sequential(item), {"c": {}}, version))
    assert run(graph, {"c_input": np.zeros((1, 6, 4, 1), np.float32)})["c"].shape == (1, *size, 1)


@pytest.mark.parametrize(
    ("version", "options", "words"),
    [
        ("3", dict(class_name="RandomCrop", height=4, width=2), "does not tell its own"),
        ("3.7.0", dict(class_name="Solarization"), "Keras 3.6 and 3.7"),
        ("tfjs-layers 4.2.0", dict(class_name="Resizing", height=4, width=2), "TensorFlow.js"),
        ("2.9.0", dict(class_name="Resizing", height=4, width=2, interpolation="spline"), "interpolation='spline'"),
        ("2.9.0", dict(class_name="Resizing", height=4, width=2, images_type="uint8"), "images_type='uint8'"),
        ("2.9.0", dict(class_name="Resizing", height=4, width=0), "width is 0"),
        ("2.9.0", dict(class_name="Discretization", num_bins=4, bin_boundaries=None), "bin_boundaries=None"),
        ("2.9.0", dict(class_name="CategoryEncoding", num_tokens=4, output_mode="tf_idf"), "output_mode='tf_idf'"),
        ("2.9.0", dict(class_name="IntegerLookup", vocabulary=None), "vocabulary=None"),
        ("2.9.0", dict(class_name="IntegerLookup", vocabulary=["a"]), "vocabulary"),
        ("2.9.0", dict(class_name="IntegerLookup", vocabulary=[1], num_oov_indices=0), "num_oov_indices=0"),
        ("2.9.0", dict(class_name="StringLookup", vocabulary=["a"]), "StringLookup"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, version: str, options: dict, words: str) -> None:
    kind = options.pop("class_name")
    item = layer(kind, "c", trainable=True, batch_input_shape=[None, 6, 4, 1], **options)
    path = write_model(tmp_path / "m.h5", sequential(item), {"c": {}}, version)
    with pytest.raises(UnsupportedError, match=rf"c \({kind}\)") as caught:
        load(path)
    assert words in str(caught.value)


def test_a_crop_of_images_of_free_size_says_what_to_do(tmp_path: Path) -> None:
    item = layer("CenterCrop", "c", height=4, width=2, trainable=True, batch_input_shape=[None, None, None, 1])
    with pytest.raises(Exception, match="depends on the size of the images.* give the model's input a height"):
        load(write_model(tmp_path / "m.h5", sequential(item), {"c": {}}, "2.9.0"))
