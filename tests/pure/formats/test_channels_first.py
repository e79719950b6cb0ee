"""Models of channels_first: inputs, results and the shapes of a summary have the axes as the file has them."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import called, draw, functional, layer, sequential, write_model
from support.networks import scattered

import glnn
from glnn.formats import load
from glnn.graph.reference import run
from glnn.layers import LAYERS

# Options of each layer that has a data_format, by its class in Keras.
OPTIONS: dict[str, dict[str, Any]] = {
    **{f"Conv{n}D": {"filters": 3, "kernel_size": 2, "padding": "same", "strides": 2} for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": {"filters": 3, "kernel_size": 3, "strides": 2} for n in (1, 2, 3)},
    **{f"DepthwiseConv{n}D": {"kernel_size": 3, "depth_multiplier": 2} for n in (1, 2)},
    **{f"SeparableConv{n}D": {"filters": 3, "kernel_size": 2} for n in (1, 2)},
    **{f"{kind}Pooling{n}D": {"pool_size": 2, "padding": "same"} for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pooling{n}D": {"output_size": 4} for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"Global{kind}Pooling{n}D": {} for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"ZeroPadding{n}D": {"padding": 2} for n in (1, 2, 3)},
    **{f"Cropping{n}D": {"cropping": 1} for n in (1, 2, 3)},
    **{f"UpSampling{n}D": {"size": 2} for n in (1, 2, 3)},
    **{f"ConvLSTM{n}D": {"filters": 2, "kernel_size": 2, "return_sequences": True} for n in (1, 2, 3)},
    "Flatten": {},
    "Resizing": {"height": 4, "width": 9},
    "CenterCrop": {"height": 4, "width": 3},
    "RandomCrop": {"height": 4, "width": 3},
}
KERAS_2 = frozenset(("LocallyConnected1D", "LocallyConnected2D"))  # Keras 3 has them no more: judged elsewhere
SHAPE = (3, 5, 6, 7)  # channels, sizes


def rank(name: str) -> int:
    """How many axes beside the batch and the channels a layer's images have."""
    return int(name[-2]) if name[-2].isdigit() else int(name[name.index("D") - 1]) if "DTr" in name else 2


def with_format() -> list[str]:
    """The names of glnn's layers, as Keras calls them today, that have a data_format."""
    today = inspect.getmembers(__import__("keras").layers, inspect.isclass)
    known = {name for name, _ in today}
    return sorted(
        name
        for name, kind in LAYERS.items()
        if name in known | KERAS_2
        and "Convolution" not in name
        and "data_format" in {field.name for field in dataclasses.fields(kind)}
    )


def test_every_layer_with_a_data_format_is_judged(keras: Any) -> None:
    assert set(with_format()) - KERAS_2 == OPTIONS.keys()


def told_to_keras(keras: Any, name: str) -> bool:
    """Whether Keras' layer itself takes a data_format: of those on sequences some do not."""
    return "data_format" in inspect.signature(getattr(keras.layers, name).__init__).parameters


@pytest.mark.parametrize("name", OPTIONS)
def test_a_layer(keras: Any, tmp_path: Path, name: str) -> None:
    if problems := refused(name):
        pytest.skip(f"{name} is refused: {problems}")
    told = told_to_keras(keras, name)
    made = getattr(keras.layers, name)(**OPTIONS[name], **({"data_format": "channels_first"} if told else {}))
    steps = (4,) if "LSTM" in name else ()
    shape = (*steps, *SHAPE[: 1 + rank(name)])
    x = draw(2, *shape)
    if told:
        model = scattered(keras.Sequential([keras.Input(shape), made]))
        model.save(tmp_path / "m.h5")
        graph, expected = load(tmp_path / "m.h5"), model.predict(x, verbose=0)
    else:  # what a file says of it all the same, and Keras on the other order of axes
        config = {**OPTIONS[name], "data_format": "channels_first", "batch_input_shape": [None, *shape]}
        graph = load(write_model(tmp_path / "m.h5", sequential(layer(name, "a", **config)), {}))
        expected = np.moveaxis(np.asarray(made(np.moveaxis(x, 1, -1))), -1, 1)
    (y,) = run(graph, {graph.inputs[0].name: x}).values()
    assert graph.inputs[0].shape == (None, *shape)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def refused(name: str) -> str:
    """Why glnn has no such layer, whatever its order of axes; empty where it has."""
    try:
        LAYERS[name].from_config(OPTIONS[name], name)
    except glnn.errors.UnsupportedError as error:
        return str(error)
    return ""


def network(keras: Any) -> Any:
    """An image network of channels_first from end to end, statistics along axis 1, two results."""
    L, first = keras.layers, {"data_format": "channels_first"}
    x = keras.Input((3, 9, 7), name="image")
    y = L.Conv2D(5, 3, padding="same", activation="relu", **first)(x)
    y = L.BatchNormalization(axis=1)(y)
    z = L.MaxPooling2D(2, **first)(L.Concatenate(axis=1)([y, L.DepthwiseConv2D(3, padding="same", **first)(y)]))
    flat = L.Dense(4, activation="softmax", name="classes")(L.Flatten(**first)(z))
    return scattered(keras.Model(x, [L.UpSampling2D(2, **first)(z), flat]))


def test_a_network(keras: Any, tmp_path: Path) -> None:
    model = network(keras)
    model.save(tmp_path / "m.h5")
    model.save(tmp_path / "m.keras")
    for source in (tmp_path / "m.h5", tmp_path / "m.keras", model):
        with glnn.Model.load(source, device=glnn.Device("numpy")) as ours:
            x = draw(2, 3, 9, 7)
            for y, expected in zip(ours.predict(x), model.predict(x, verbose=0), strict=True):
                assert y.shape == expected.shape
                np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
            assert [spec.shape for spec in ours.outputs] == [(None, 10, 8, 6), (None, 4)]
            text = str(ours.summary())
            assert "(?, 3, 9, 7)" in text and "(?, 5, 9, 7)" in text and "(?, 10, 4, 3)" in text
            with pytest.raises(glnn.errors.InputError, match="image"):
                ours.predict(draw(2, 9, 7, 3))


@pytest.mark.parametrize(("version", "key", "value"), [("1.2.2", "dim_ordering", "th"), ("2.2.4", "data_format", None)])
def test_old_files(tmp_path: Path, version: str, key: str, value: Any) -> None:
    """Keras 1's dim_ordering; an option that is null means the default, channels_last."""
    shape = [None, 2, 5, 4] if value == "th" else [None, 5, 4, 2]
    one = called("InputLayer", "x", batch_input_shape=shape)
    pool = called("MaxPooling2D", "p", ("x", 0, 0), pool_size=[2, 2], **{key: value})
    model = functional("m", ["x"], ["p"], [one, pool])
    graph = load(write_model(tmp_path / "m.h5", {**model, "backend": "theano"}, {}, version))
    x = draw(2, *shape[1:])
    moved = x if value == "th" else x.transpose(0, 3, 1, 2)
    expected = moved[:, :, :4].reshape(2, 2, 2, 2, 2, 2).max((3, 5))
    (y,) = run(graph, {"x": x}).values()
    np.testing.assert_array_equal(y if value == "th" else y.transpose(0, 3, 1, 2), expected)


def test_a_data_format_that_is_none_is_refused(tmp_path: Path) -> None:
    item = layer("MaxPooling2D", "p", data_format="channels_third", batch_input_shape=[None, 4, 4, 2])
    with pytest.raises(glnn.errors.UnsupportedError, match="data_format='channels_third'"):
        load(write_model(tmp_path / "m.h5", sequential(item), {}))
