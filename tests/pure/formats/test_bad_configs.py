"""Configs that ask for what glnn lacks, do not hold together or are damaged: told by layer and option."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import pytest
from support.bad_files import GROUPS, dense, refused, two_layers
from support.keras_files import called, functional, layer, sequential, write_model, write_weights

from glnn.errors import GlnnError, GraphError, UnsupportedError
from glnn.formats import load


def test_everything_unsupported_is_told_at_once(tmp_path: Path) -> None:
    inner = {"class_name": "Sequential", "config": {"name": "inner", "layers": [layer("Nonsense", "odd")]}}
    model = sequential(
        layer("Dense", "d", units=3, activation="frobnicate", batch_input_shape=[None, 4]),
        layer("Lambda", "code", function=["4wEAAAA", None, None], function_type="lambda"),
        inner,
        layer("Dropout", "drop", rate=0.5, wobble=2),
    )
    with pytest.raises(UnsupportedError) as caught:
        load(write_model(tmp_path / "m.h5", model, {"d": dense("d", 4, 3)}))
    items = caught.value.items
    assert len(items) == 4 and str(tmp_path / "m.h5") in str(caught.value)
    for item, pattern in zip(
        items,
        [r"d \(Dense\).*frobnicate", r"code \(Lambda\).*never run", r"inner/odd \(Nonsense\)", r"drop .*wobble"],
        strict=True,
    ):
        assert re.search(pattern, item), item


@pytest.mark.parametrize(
    "class_name, config, word",
    [
        ("BatchNormalization", {"mode": 1, "axis": -1}, "mode=1"),
        ("Merge", {"mode": "min"}, "mode='min'"),
        ("Merge", {"mode": "x", "mode_type": "lambda"}, "never run"),
        ("Convolution2D", {"nb_filter": 2, "nb_row": 1, "nb_col": 1, "dim_ordering": "th"}, "which backend"),
    ],
)
def test_keras1_options_without_an_equal(tmp_path: Path, class_name: str, config: dict[str, Any], word: str) -> None:
    model = sequential(layer(class_name, "one", batch_input_shape=[None, 4, 4, 2], **config))
    refused(UnsupportedError, write_model(tmp_path / "m.h5", model, {}, "1.2.0"), f"one ({class_name})", word)


@pytest.mark.parametrize(
    "class_name, own",
    [
        ("Conv2DTranspose", {"output_size": [9, 9]}),
        ("UpSampling2D", {"half_pixel_centers": False}),
    ],
)
def test_what_only_glnn_sets_is_refused_in_a_file(tmp_path: Path, class_name: str, own: dict[str, Any]) -> None:
    options = {"filters": 2, "kernel_size": [3, 3]} if class_name.startswith("Conv") else {}
    model = sequential(layer(class_name, "one", batch_input_shape=[None, 4, 4, 2], **options, **own))
    path = write_model(tmp_path / "m.h5", model, {})
    (name,) = own
    refused(UnsupportedError, path, f"one ({class_name})", f"option {name}=", "no Keras layer of this kind has it")


@pytest.mark.parametrize(
    "class_name, own", [("Conv2D", {"residual": True}), ("BatchNormalization", {"activation": "relu"})]
)
def test_what_glnn_once_set_is_refused_in_a_file(tmp_path: Path, class_name: str, own: dict[str, Any]) -> None:
    options = {"filters": 2, "kernel_size": [3, 3]} if class_name.startswith("Conv") else {}
    model = sequential(layer(class_name, "one", batch_input_shape=[None, 4, 4, 2], **options, **own))
    (name,) = own
    refused(UnsupportedError, write_model(tmp_path / "m.h5", model, {}), f"one ({class_name})", f"option {name}=")


def test_a_sum_takes_no_activation_from_a_file(tmp_path: Path) -> None:
    start = called("InputLayer", "x", batch_input_shape=[None, 4])
    total = called("Add", "sum", ["x", 0, 0], ["x", 0, 0], activation="relu")
    path = write_model(tmp_path / "m.h5", functional("net", ["x"], ["sum"], [start, total]), {})
    refused(UnsupportedError, path, "sum (Add)", "option activation='relu'")


def test_custom_classes_do_not_pass_for_their_namesakes(tmp_path: Path) -> None:
    item = layer("Dense", "d", units=3, activation="relu", batch_input_shape=[None, 4])
    for more in ({"module": "mine.layers"}, {"module": None, "registered_name": "Custom>Dense"}):
        path = write_model(tmp_path / "m.h5", sequential({**item, **more}), {"d": dense("d", 4, 3)})
        refused(UnsupportedError, path, ">Dense", "custom class")


def test_calls_that_would_train_or_take_constants(tmp_path: Path) -> None:
    source = called("InputLayer", "x", batch_input_shape=[None, 4])
    drop = called("Dropout", "drop", rate=0.5)
    drop["inbound_nodes"] = [[["x", 0, 0, {"training": True}]]]
    path = write_model(tmp_path / "m.h5", functional("m", ["x"], ["drop"], [source, drop]), {})
    refused(UnsupportedError, path, "drop (Dropout)", "training=True")
    drop["inbound_nodes"] = [[["x", 0, 0, {"training": False}]]]
    assert len(load(write_model(tmp_path / "m.h5", functional("m", ["x"], ["drop"], [source, drop]), {})).nodes) == 1


def test_graphs_that_do_not_hold_together(tmp_path: Path) -> None:
    source = called("InputLayer", "x", batch_input_shape=[None, 4])
    loop = [called("Add", "p", ("x", 0, 0), ("q", 0, 0)), called("Dropout", "q", ("p", 0, 0), rate=0.1)]
    loop[0]["inbound_nodes"] = [[["x", 0, 0, {}], ["q", 0, 0, {}]]]
    refused(
        GraphError, write_model(tmp_path / "m.h5", functional("m", ["x"], ["q"], [source, *loop]), {}), "'p'", "'q'"
    )
    refused(GraphError, write_model(tmp_path / "m.h5", functional("m", ["x"], ["y"], [source]), {}), "output 'y'")
    y = called("InputLayer", "y", batch_input_shape=[None, 5])
    add = called("Add", "sum")
    add["inbound_nodes"] = [[["x", 0, 0, {}], ["y", 0, 0, {}]]]
    refused(
        GraphError,
        write_model(tmp_path / "m.h5", functional("m", ["x", "y"], ["sum"], [source, y, add]), {}),
        "'sum'",
        "5",
    )


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@pytest.mark.parametrize("junk", [None, "x", -3, [], {}, [[["x"]]], 1e400])
def test_damage_anywhere_in_a_config_has_a_name(tmp_path: Path, junk: Any) -> None:
    """Whatever stands in the wrong place: the model loads, or the exception is glnn's own."""
    nodes = [called("InputLayer", "x", batch_input_shape=[None, 4]), called("Dense", "d", ("x", 0, 0), units=2)]
    with_nodes = functional("m", ["x"], ["d"], nodes)
    for model in (two_layers(), with_nodes):
        groups = GROUPS if model is not with_nodes else {"d": dense("d", 4, 2)}
        with h5py.File(tmp_path / "w.h5", "w") as file:
            write_weights(file, groups)
        for number in range(len(places(model))):
            damaged = json.loads(json.dumps(model))
            container, key = places(damaged)[number]
            container[key] = junk
            (tmp_path / "m.json").write_text(json.dumps(damaged))
            try:
                load(tmp_path / "m.json", tmp_path / "w.h5")
            except GlnnError:
                pass
