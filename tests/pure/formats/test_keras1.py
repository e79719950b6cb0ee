"""Files made by hand in the layouts of Keras 1, in HDF5 and for Keras.js, against Keras itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import (
    dense,
    draw,
    layer,
    sequential,
    write_kerasjs,
    write_model,
)

from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run


def keras1_cnn() -> tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]:
    common: dict[str, Any] = dict(init="glorot_uniform", W_regularizer=None, b_constraint=None, trainable=True)
    conv: dict[str, Any] = dict(nb_row=3, nb_col=2, activation="relu", bias=True, dim_ordering="tf", **common)
    model = sequential(
        layer(
            "Convolution2D",
            "c1",
            nb_filter=4,
            border_mode="same",
            subsample=[2, 1],
            batch_input_shape=[None, 8, 7, 3],
            **conv,
        ),
        layer("BatchNormalization", "bn", epsilon=1e-3, mode=0, axis=-1, momentum=0.99),
        layer("ZeroPadding2D", "pad", padding=[1, 0, 2, 1], dim_ordering="tf"),
        layer(
            "AtrousConvolution2D", "c2", nb_filter=5, border_mode="valid", subsample=[1, 1], atrous_rate=[1, 2], **conv
        ),
        layer("MaxPooling2D", "pool", pool_size=[2, 2], strides=[2, 2], border_mode="valid", dim_ordering="tf"),
        layer("Dropout", "drop", p=0.5),
        layer("Flatten", "flat"),
        layer("Dense", "scores", output_dim=3, activation="softmax", bias=True, input_dim=None, **common),
    )
    mean, variance = draw(4), np.abs(draw(4)) + 0.5
    groups = {
        "c1": {"c1_W:0": draw(3, 2, 3, 4), "c1_b:0": draw(4)},
        "bn": {"bn_gamma:0": draw(4), "bn_beta:0": draw(4), "bn_running_mean:0": mean, "bn_running_std:0": variance},
        "pad": {},
        "c2": {"c2_W:0": draw(3, 2, 4, 5), "c2_b:0": draw(5)},
        "pool": {},
        "drop": {},
        "flat": {},
        "scores": {k + ":0": v for k, v in dense("scores", 20, 3, keras1=True).items()},
    }
    return model, groups


def test_keras1_names_mean_what_keras3_computes(keras: Any, tmp_path: Path) -> None:
    model, groups = keras1_cnn()
    graph = load(write_model(tmp_path / "m.h5", model, groups, "1.2.2"))
    L = keras.layers
    same = keras.Sequential(
        [
            L.Input((8, 7, 3)),
            L.Conv2D(4, (3, 2), strides=(2, 1), padding="same", activation="relu"),
            L.BatchNormalization(epsilon=1e-3),
            L.ZeroPadding2D(((1, 0), (2, 1))),
            L.Conv2D(5, (3, 2), dilation_rate=(1, 2), activation="relu"),
            L.MaxPooling2D(),
            L.Flatten(),
            L.Dense(3, activation="softmax"),
        ]
    )
    same.set_weights([array for group in groups.values() for array in group.values()])
    x = draw(2, 8, 7, 3)
    np.testing.assert_allclose(run(graph, {"c1_input": x})["scores"], same.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "mode, layer_name",
    [("sum", "Add"), ("mul", "Multiply"), ("concat", "Concatenate"), ("ave", "Average"), ("max", "Maximum")],
)
def test_keras1_merge(tmp_path: Path, mode: str, layer_name: str) -> None:
    branches = [
        sequential(layer("Dense", n, output_dim=3, activation="linear", bias=True, batch_input_shape=[None, 4]))
        for n in "pq"
    ]
    merged = layer("Merge", "merge_1", mode=mode, mode_type="raw", concat_axis=-1, dot_axes=-1, layers=branches)
    size = 6 if mode == "concat" else 3
    model = sequential(merged, layer("Dense", "out", output_dim=2, activation="linear", bias=True))
    groups = {
        "p": dense("p", 4, 3, True),
        "q": dense("q", 4, 3, True),
        "merge_1": {},
        "out": dense("out", size, 2, True),
    }
    graph = load(write_model(tmp_path / "m.h5", model, groups, "1.1.0"))
    x, y = draw(2, 4), draw(2, 4)
    p, q = (v @ groups[n][f"{n}_W"] + groups[n][f"{n}_b"] for v, n in ((x, "p"), (y, "q")))
    both = {
        "sum": p + q,
        "mul": p * q,
        "concat": np.concatenate([p, q], 1),
        "ave": (p + q) / 2,
        "max": np.maximum(p, q),
    }
    wanted = both[mode] @ groups["out"]["out_W"] + groups["out"]["out_b"]
    np.testing.assert_allclose(run(graph, {"p_input": x, "q_input": y})["out"], wanted, rtol=1e-4, atol=1e-5)
    assert type(graph.nodes[2].layer).__name__ == layer_name


def test_keras1_transposed_convolution(keras: Any, tmp_path: Path) -> None:
    options: dict[str, Any] = dict(
        nb_filter=2, nb_row=3, nb_col=3, border_mode="same", subsample=[2, 2], dim_ordering="tf"
    )
    model = sequential(
        layer(
            "Deconvolution2D",
            "up",
            output_shape=[None, 8, 10, 2],
            activation="linear",
            bias=True,
            batch_input_shape=[None, 4, 5, 3],
            **options,
        )
    )
    groups = {"up": {"up_W": draw(3, 3, 3, 2), "up_b": draw(2)}}
    graph = load(write_model(tmp_path / "m.h5", model, groups, "1.2.0"))
    same = keras.Sequential(
        [keras.layers.Input((4, 5, 3)), keras.layers.Conv2DTranspose(2, 3, strides=2, padding="same")]
    )
    same.set_weights([groups["up"]["up_W"].transpose(0, 1, 3, 2), groups["up"]["up_b"]])
    x = draw(2, 4, 5, 3)
    np.testing.assert_allclose(run(graph, {"up_input": x})["up"], same.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    model["config"][0]["config"]["output_shape"] = [None, None, None, 2]
    load(write_model(tmp_path / "f.h5", model, groups, "1.2.0"))
    for shape in ([None, 9, 10, 2], [8, 10, 2], 3):
        model["config"][0]["config"]["output_shape"] = shape
        with pytest.raises(UnsupportedError, match="output_shape"):
            load(write_model(tmp_path / "n.h5", model, groups, "1.2.0"))


def test_kerasjs(tmp_path: Path) -> None:
    model, groups = keras1_cnn()
    whole = load(write_model(tmp_path / "m.h5", model, groups, "1.2.2"))
    (tmp_path / "m.h5").unlink()
    path = write_kerasjs(tmp_path, "cnn", {**model, "keras_version": "1.2.2"}, groups)
    x = draw(2, 8, 7, 3)
    for source in (path, tmp_path):
        graph = load(source)
        np.testing.assert_array_equal(run(graph, {"c1_input": x})["scores"], run(whole, {"c1_input": x})["scores"])
    (tmp_path / "cnn_weights.buf").rename(tmp_path / "w")
    (tmp_path / "cnn_metadata.json").rename(tmp_path / "d")
    load(path, weights=tmp_path / "w", metadata=str(tmp_path / "d"))
