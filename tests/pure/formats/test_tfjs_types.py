"""Types of a TensorFlow.js model's weights: whole numbers, constants, and integers that stay what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from support.keras_files import layer, sequential
from support.tfjs_files import (
    RNG,
    decoded,
    dense_group,
    draw,
    quantize,
    refused,
    two_layers,
    write_tfjs,
)

from glnn.formats import load
from glnn.formats.keras.gates import joined, turned
from glnn.graph.quantized import Quantized
from glnn.show.summary import summary


def test_whole_numbers(tmp_path: Path) -> None:
    """As they are, and quantized: TensorFlow.js rounds those."""
    kernel = RNG.integers(-1000, 1000, (4, 3)).astype(np.int32)
    weights = {
        "first/kernel": kernel, "first/bias": np.array([True, False, True]),
        "second/kernel": kernel[:3, :2] * 7, "second/bias": np.array([3, 250], np.uint8),
    }  # fmt: skip
    graph = load(write_tfjs(tmp_path, two_layers(), [weights], {"second/kernel": "uint8"}))
    first, second = (node.weights for node in graph.nodes)
    for found, wanted in (
        (first["kernel"], kernel), (first["bias"], [1, 0, 1]),
        (second["kernel"], decoded(weights["second/kernel"], "uint8")), (second["bias"], [3, 250]),
    ):  # fmt: skip
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)


def test_whole_numbers_beyond_float32(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    weights["second/bias"] = np.array([0, 2**24 + 1], np.int32)
    refused(write_tfjs(tmp_path, two_layers(), [weights]), "second/bias", "16777217", "2^24")


def test_constant_weights(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2), "first/bias": np.full(3, 0.25, np.float32)}
    graph = load(write_tfjs(tmp_path, two_layers(), [weights], "uint8"))
    np.testing.assert_array_equal(np.asarray(graph.nodes[0].weights["bias"]), 0.25)


def test_the_summary_tells_the_bytes_as_stored(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    weights["first/kernel"] = draw(400, 300)
    weights["first/bias"] = draw(300)
    weights["second/kernel"] = draw(300, 2)
    model = two_layers()
    model["config"][0]["config"] |= {"units": 300, "batch_input_shape": [None, 400]}
    codecs = {"first/kernel": "uint8", "second/kernel": "float16"}
    graph = load(write_tfjs(tmp_path, model, [weights], codecs))
    assert summary(graph).splitlines()[-1] == "Parameters: 120,902 (0.12 MB stored; 0.48 MB as float32)"
    assert sum(w.nbytes for node in graph.nodes for w in node.weights.values()) == 120_000 + 8 + 1200 + 1200 + 8
    graph = load(write_tfjs(tmp_path, model, [weights]))
    assert summary(graph).splitlines()[-1] == "Parameters: 120,902 (0.48 MB as float32)"


def test_adapters_of_old_kernels_leave_integers() -> None:
    parts = [Quantized.make("uint8", RNG.integers(0, 256, (3, k)), 0.1 * k, -k) for k in (2, 4)]
    both = joined(parts)
    assert isinstance(both, Quantized) and both.codes.tobytes() == np.concatenate([p.codes for p in parts], 1).tobytes()
    np.testing.assert_array_equal(np.asarray(both), np.concatenate([np.asarray(p) for p in parts], 1))
    assert both.channels() is not None and both.nbytes == both.size + 2 * 4 * 6
    other = Quantized.make("uint16", parts[1].codes, 1, 0)
    assert joined([parts[0], other]).dtype == joined([parts[0], draw(3, 2)]).dtype == np.float32
    kernel = Quantized.make("uint8", RNG.integers(0, 256, (3, 3, 2, 2)), 0.5, 1)
    np.testing.assert_array_equal(turned(kernel).codes, kernel.codes[::-1, ::-1])


def test_kernels_of_the_theano_backend_keep_their_integers(tmp_path: Path) -> None:
    config: dict[str, Any] = dict(filters=2, kernel_size=[3, 3], strides=[1, 1], padding="valid", activation="linear")
    model = sequential(layer("Conv2D", "c", data_format="channels_last", batch_input_shape=[None, 6, 6, 1], **config))
    weights = {"c/kernel": draw(3, 3, 1, 2), "c/bias": draw(2)}
    topology = {"model_config": model, "keras_version": "2.1.0", "backend": "theano"}
    kept = load(write_tfjs(tmp_path, topology, [weights], "uint8")).nodes[0].weights["kernel"]
    assert kept.codes.flags.c_contiguous
    np.testing.assert_array_equal(kept.codes, quantize(weights["c/kernel"], "uint8")[0][::-1, ::-1])
