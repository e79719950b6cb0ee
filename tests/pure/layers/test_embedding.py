"""Embedding in model files of Keras 1 to 3, what of it is refused, and indices as inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import layer, sequential, write_model
from support.seeds import seeded

from glnn.errors import InputError, UnsupportedError
from glnn.formats import load
from glnn.graph import Graph, TensorSpec
from glnn.graph.quantized import Quantized
from glnn.graph.reference import run
from glnn.layers.embedding import Embedding
from glnn.run.inputs import named_inputs

RNG = seeded(11)
TABLE, KERNEL, BIAS = (RNG.normal(size=shape).astype(np.float32) for shape in ((9, 3), (15, 2), (2,)))
INDICES = np.array([[0, 8, 3, 3, 1], [7, 2, 0, 5, 8]])
EXPECTED = TABLE[INDICES].reshape(2, 15) @ KERNEL + BIAS


def check(graph: Graph, dtype: str = "float32") -> None:
    assert isinstance(graph.nodes[0].layer, Embedding) and graph.inputs[0].shape[1:] == (5,)
    assert graph.inputs[0].dtype == dtype
    x = named_inputs(INDICES, graph.inputs)
    np.testing.assert_allclose(next(iter(run(graph, x).values())), EXPECTED, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("functional", [False, True])
def test_keras3(tmp_path: Path, dtype: str, functional: bool) -> None:
    keras = pytest.importorskip("keras")
    start = keras.Input((5,), dtype=dtype)
    layers = [keras.layers.Embedding(9, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([start, *layers])
    if functional:
        y = start
        for each in layers:
            y = each(y)
        model = keras.Model(start, y)
    model.set_weights([TABLE, KERNEL, BIAS])
    np.testing.assert_allclose(model.predict(INDICES, verbose=0), EXPECTED, rtol=1e-5)
    for name in ("model.h5", "model.keras"):
        model.save(tmp_path / name)
        check(load(tmp_path / name), dtype)


WEIGHTS = {
    "rows": {"rows/embeddings:0": TABLE},
    "flat": {},
    "dense": {"dense/kernel:0": KERNEL, "dense/bias:0": BIAS},
}


def keras2(**options: Any) -> Any:
    """The JSON of Embedding, Flatten, Dense as Keras 2 writes it."""
    zeros = {"class_name": "Zeros", "config": {}}
    config = {
        "input_dim": 9, "output_dim": 3, "input_length": 5, "mask_zero": False, "dtype": "float32", "trainable": True,
        "embeddings_initializer": zeros, "embeddings_regularizer": None, "embeddings_constraint": None,
        "activity_regularizer": None,
    }  # fmt: skip
    first = layer("Embedding", "rows", **{**config, **options})
    return sequential(first, layer("Flatten", "flat"), layer("Dense", "dense", units=2))


@pytest.mark.parametrize(
    "options", [{}, {"batch_input_shape": [None, 5]}, {"batch_input_shape": [None, 5], "input_length": None}]
)
def test_keras2(tmp_path: Path, options: dict[str, Any]) -> None:
    check(load(write_model(tmp_path / "model.h5", keras2(**options), WEIGHTS)))


@pytest.mark.parametrize("shape", [{}, {"batch_input_shape": [None, 5], "input_dtype": "int32"}])
def test_keras1(tmp_path: Path, shape: dict[str, Any]) -> None:
    config = {
        "input_dim": 9, "output_dim": 3, "input_length": 5, "init": "uniform", "W_regularizer": None,
        "W_constraint": None, "activity_regularizer": None, "mask_zero": False, "dropout": 0.2, "trainable": True,
    }  # fmt: skip
    dense = layer("Dense", "dense", output_dim=2, input_dim=None, bias=True, activation="linear", init="glorot_uniform")
    model = sequential(layer("Embedding", "rows", **config, **shape), layer("Flatten", "flat"), dense)
    weights = {"rows": {"rows_W": TABLE}, "flat": {}, "dense": {"dense_W": KERNEL, "dense_b": BIAS}}
    check(load(write_model(tmp_path / "model.h5", model, weights, version="1.2.2")))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"input_dim": 0}, "input_dim is 0"),
        ({"output_dim": "3"}, "output_dim is '3'"),
        ({"input_dim": (1 << 24) + 1}, "input_dim=16777217"),
        ({"bogus": 1}, "bogus"),
    ],
)
def test_what_is_refused_by_name(tmp_path: Path, options: dict[str, Any], word: str) -> None:
    with pytest.raises(UnsupportedError, match=f"rows.*{word}"):
        load(write_model(tmp_path / "model.h5", keras2(**options), WEIGHTS))


def test_shapes() -> None:
    assert Embedding(9, 3).output_shape((None, None)) == (None, None, 3)
    assert Embedding(9, 3).output_shape((None,)) == (None, 3)
    for shape in ((), (2,) * 6):
        with pytest.raises(ValueError, match="1 to 5 dimensions"):
            Embedding(9, 3).output_shape(shape)


def test_numbers_mean_what_they_mean_to_keras_on_jax() -> None:
    numbers = np.array([-9.9, -9, -1.5, -0.5, 0.9, 8.9, 9, -10, np.nan, np.inf, -np.inf, 1e30])
    got = Embedding(9, 3).reference([numbers], {"embeddings": TABLE})
    np.testing.assert_array_equal(got[:6], TABLE[[0, 0, 8, 0, 0, 8]])
    assert np.isnan(got[6:]).all()


def test_a_quantized_table() -> None:
    table = Quantized.make("uint8", RNG.integers(0, 256, (9, 3)), [[0.1, 0.2, 0.3]], -1)
    got = Embedding(9, 3).reference([INDICES], {"embeddings": table})
    np.testing.assert_array_equal(got, np.asarray(table)[INDICES])


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint64", "float64"])
def test_indices_of_every_kind_are_taken(dtype: str) -> None:
    x = named_inputs(INDICES.astype(dtype), [TensorSpec("words", (None, 5), "int32")])["words"]
    assert x.dtype == np.float32 and (x == INDICES).all()


@pytest.mark.parametrize(
    ("dtype", "value"), [("int32", 2**24 + 1), ("int64", -(2**40)), ("uint64", 2**64 - 1), ("int64", -(2**63))]
)
def test_integers_that_float32_cannot_tell_apart_are_refused_by_name(dtype: str, value: int) -> None:
    specs = [TensorSpec("words", (None, 2))]
    with pytest.raises(InputError, match=f"'words'.*{abs(value)}"):
        named_inputs(np.array([[1, value]], dtype), specs)
    np.testing.assert_array_equal(named_inputs(np.array([[2**24, -(2**24)]]), specs)["words"], [[2**24, -(2**24)]])
    named_inputs(np.zeros((0, 2), dtype), specs)
