"""Every public layer of the installed Keras: it is known, or why it is not; and so is every option that it has.

An option is changed to something else; then the loaded layer differs, or the option is among those that say nothing
about inference, or it is refused by its name.
"""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glnn.errors import UnsupportedError
from glnn.formats.keras.layers import REFUSED, build_layer
from glnn.formats.keras.masks import ENDS_MASKS
from glnn.formats.keras.weights.tree import CLASSES as CLASSES_IN_TREES
from glnn.layers.base import IGNORED_KEYS, LAYERS
from glnn.layers.wrappers import Unfold

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

BASES = frozenset(
    ("AbstractRNNCell", "ConvRecurrent2D", "InputSpec", "Layer", "Recurrent", "Wrapper")
)  # of others, no layers of their own
WRAPPING = frozenset(("SpectralNormalization", "TimeDistributed"))  # known to the loader: no layer of one call
GIVEN: dict[str, Any] = dict(  # what Keras must be told, by argument
    activation="relu", axes=1, dims=(2, 1), factor=0.5, filters=4, height=3, height_factor=0.2, input_dim=4,
    kernel_size=3, n=2, num_tokens=3, output_dim=3, output_size=2, pool_size=2, rate=0.5, scale=2.0, stddev=0.1,
    target_shape=(2,), units=3, value_range=(0, 255), width=4, width_factor=0.2, max_number=3,
)  # fmt: skip
OF_CLASS: dict[str, dict[str, Any]] = {
    "Discretization": {"bin_boundaries": [1.0, 2.0]},
    "CategoryEncoding": {"num_tokens": 3},
    "RandomPosterization": {"factor": 3},
    "SpectralNormalization": {"layer": lambda: keras.layers.Dense(3)},
    "RandomColorJitter": {"value_range": (0, 1)},
    **dict.fromkeys(("Bidirectional", "TimeDistributed"), {"layer": lambda: keras.layers.LSTM(3)}),
    "RNN": {"cell": lambda: keras.layers.GRUCell(3)},
    "StackedRNNCells": {"cells": lambda: [keras.layers.GRUCell(3), keras.layers.LSTMCell(2)]},
    "EinsumDense": {"equation": "abc,cd->abd", "output_shape": (None, 4)},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 3},
    "GroupedQueryAttention": {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
    "GroupQueryAttention": {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
}
OTHERS: dict[str, list[Any]] = {  # values of an option to try, by its name; else what follows from its type
    "activation": ["tanh", "hard_sigmoid"],
    "axes": [2, [1, 2]],
    "axis": [1, [1, 2]],
    "bin_boundaries": [[0.0, 7.0]],
    "data_format": ["channels_first"],
    "dims": [[1, 2]],
    "fill_mode": ["constant", "nearest"],
    "interpolation": ["nearest", "bicubic"],
    "kernel_size": [5, [2, 4]],
    "max_value": [3.0],
    "mean": [1.0],
    "mode": ["horizontal"],
    "output_mode": ["count", "one_hot"],
    "padding": ["same", 2, "causal"],
    "shared_axes": [[1]],
    "target_shape": [[3, 4]],
    "variance": [4.0],
    "vocabulary": [[7, 8]],
}
NOT_TRIED = frozenset("name dtype trainable layer quantization_config".split())


def public() -> dict[str, Any]:
    """The layers by the names that Keras writes into files."""
    found = (getattr(keras.layers, name) for name in dir(keras.layers))
    return {kind.__name__: kind for kind in found if inspect.isclass(kind) and issubclass(kind, keras.layers.Layer)}


CLASSES = public()


def made(name: str, **options: Any) -> Any:
    """A layer of Keras with what it must be told."""
    kind = CLASSES[name]
    parameters = inspect.signature(kind.__init__).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    given = {key: value() if callable(value) else value for key, value in OF_CLASS.get(name, {}).items()}
    return kind(**{key: GIVEN[key] for key in needed if key not in given} | given | options)


def loaded(layer: Any) -> Any:
    """What glnn makes of a layer of Keras as a file tells it."""
    item = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    return build_layer(item["class_name"], item["config"], 3, "jax", keras.__version__)[0]


def test_every_class_is_known_or_there_is_a_reason() -> None:
    lacking = {name for name in CLASSES if name not in LAYERS} - WRAPPING
    assert lacking <= REFUSED.keys() | BASES
    for name, words in REFUSED.items():
        with pytest.raises(UnsupportedError, match=name) as caught:
            build_layer(name, {}, 3, "jax")
        assert words in str(caught.value)


KNOWN = sorted((CLASSES.keys() & (LAYERS.keys() | {"SpectralNormalization"})) - {"InputLayer", "IntegerLookup"})
# IntegerLookup needs TensorFlow: a file of it is tests/golden/keras2_words/classes.h5


@pytest.mark.parametrize("name", KNOWN)
def test_what_keras_makes_by_default_is_read(name: str) -> None:
    loaded(made(name))


@pytest.mark.parametrize("name", sorted({*KNOWN, "TimeDistributed"}))
def test_the_class_in_python_is_known_by_the_name_in_files(name: str) -> None:
    """A tree of weights calls layers by their classes, which may have other names than Keras writes into configs."""
    layer = made(name)
    written = keras.saving.serialize_keras_object(layer)["class_name"]
    assert CLASSES_IN_TREES.get(written, written) == type(layer).__name__


SEVERAL = frozenset(  # layers of several tensors
    "Add AdditiveAttention Attention Average Concatenate Dot Maximum Minimum Multiply Subtract".split()
)


@pytest.mark.parametrize("name", sorted({*KNOWN, "TimeDistributed"}))
def test_masks_go_on_as_keras_hands_them_on(name: str) -> None:
    """What Keras' layer says of itself, and what it computes where it has a method of its own for it."""
    options = {"layer": keras.layers.LSTM(3, return_sequences=True)} if name == "Bidirectional" else {}
    if issubclass(CLASSES[name], keras.layers.RNN):
        options = {"return_sequences": True}
    layer = made(name, **options)
    x, mask = np.ones((2, 3, 4), np.float32), np.ones((2, 3), bool)
    passes = layer.supports_masking
    if passes and type(layer).compute_mask is not keras.layers.Layer.compute_mask:
        given = ([x, x], [mask, mask]) if name in SEVERAL else (x, mask)
        passes = layer.compute_mask(*given) is not None
    ours = Unfold() if name == "TimeDistributed" else loaded(layer)
    assert (ours.passes_mask and name not in ENDS_MASKS) == bool(passes)


def others(key: str, value: Any) -> list[Any]:
    """Other values of an option."""
    if key in OTHERS:
        return OTHERS[key]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value / 2]
    return [True, 2] if value is None else []


@pytest.mark.parametrize("name", KNOWN)
def test_every_option_is_kept_or_ignored_or_refused_by_its_name(name: str) -> None:
    default = made(name)
    plain, config = loaded(default), default.get_config()
    ignored = IGNORED_KEYS | LAYERS.get(name, type(plain)).ignored | {"power_iterations"}  # of SpectralNormalization
    for key, value in config.items():
        for other in [] if key in NOT_TRIED or key.endswith(("initializer", "constraint")) else others(key, value):
            try:
                layer = made(name, **{key: other})
                if layer.get_config()[key] == value:
                    continue  # another way to say the same
            except Exception:  # whatever Keras refuses does not come in a file
                continue
            try:
                changed = loaded(layer)
            except UnsupportedError as error:
                assert key in str(error), f"{name}: {key}={other!r} is refused by another name: {error}"
            else:
                assert key in ignored or changed != plain, f"{name}: {key}={other!r} changes nothing"


# ---- what earlier ones write, of which tests/golden/make_configs.py has made a list


def earlier() -> list[Any]:
    """(version, class, config) of every layer that an earlier Keras has."""
    found = []
    for path in sorted(Path(__file__).parents[2].glob("golden/configs-*.json")):
        file = json.loads(path.read_text())
        found += [(file["version"], name, config) for name, config in file["layers"].items()]
    return found


@pytest.mark.parametrize(("version", "name", "config"), [pytest.param(*e, id=f"{e[1]}-{e[0]}") for e in earlier()])
def test_what_earlier_ones_write_is_read(version: str, name: str, config: dict[str, Any]) -> None:
    try:
        build_layer(name, config, int(version[0]), None, version)
    except UnsupportedError as error:
        words = REFUSED.get(name, "no such layer")
        assert words in str(error), f"{name} of Keras {version}: {error}"
        assert name in REFUSED or name in BASES, f"{name} of Keras {version} is not known"
