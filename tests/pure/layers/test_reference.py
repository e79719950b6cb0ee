"""The NumPy references of core, activation, normalization and merging layers against Keras, and their config."""

from __future__ import annotations

import dataclasses
import json
import os
import re

import numpy as np
import pytest
from cases import idle, words
from cases.case import SPECIAL, Case
from cases.keras import CASES
from support import shares

from glnn.errors import LimitError, UnsupportedError
from glnn.kernels.finish import LIBRARY
from glnn.layers import LAYERS
from glnn.layers.activation import LeakyReLU, PReLU, ReLU
from glnn.layers.base import Layer, resolve
from glnn.layers.core import Dense, Dropout, Identity, Permute, Reshape
from glnn.layers.merging import Add, Concatenate
from glnn.layers.normalization import BatchNormalization
from glnn.primitives.base import Value
from glnn.primitives.functions import FUNCTIONS
from glnn.primitives.operations import OPERATIONS
from glnn.primitives.reduce import Sparsemax

os.environ.setdefault("KERAS_BACKEND", "jax")

ELSEWHERE = ("conv", "pooling", "resizing", "recurrent", "conv_recurrent", "wrappers")  # test_conv_keras.py, ..
ELSEWHERE += ("adaptive", "attention", "einsum_dense", "multi_head_attention", "operation")  # test_attention_keras.py
DENORMAL = 1e-37  # around the smallest normal float32: what is below may be 0
LAYERED = [case for case in CASES if isinstance(case.layer, Layer)]
MINE = [
    case
    for case in LAYERED
    if type(case.layer).__module__.rpartition(".")[2] not in ELSEWHERE
    and "mask" not in getattr(case.layer, "given", ())
]


def locally_connected(case):
    """Keras 2's layer by its own definition: a matrix from all inputs to all outputs, entry by entry."""
    layer, x, kernel = case.layer, case.inputs[0], case.weights["kernel"]
    first = layer.data_format == "channels_first"
    sizes, channels = (x.shape[2:], x.shape[1]) if first else (x.shape[1:-1], x.shape[-1])
    out = layer.output_shape(x.shape)
    places = out[2:] if first else out[1:-1]
    matrix = np.zeros((x[0].size, int(np.prod(out[1:]))))
    pairs = {}
    for at in np.ndindex(*places):
        span = [k // 2 if layer.padding == "same" else 0 for k in layer.kernel_size]
        for tap in np.ndindex(*layer.kernel_size):
            spot = tuple(a * s + k - b for a, s, k, b in zip(at, layer.strides, tap, span, strict=True))
            if not all(0 <= p < n for p, n in zip(spot, sizes, strict=True)):
                continue
            for c, f in np.ndindex(channels, layer.filters):
                source = np.ravel_multi_index((c, *spot) if first else (*spot, c), x.shape[1:])
                goal = np.ravel_multi_index((f, *at) if first else (*at, f), out[1:])
                row = (c, *tap) if first else (*tap, c)
                shape = (channels, *layer.kernel_size) if first else (*layer.kernel_size, channels)
                pairs[goal, source] = np.ravel_multi_index(at, places), np.ravel_multi_index(row, shape), f
    for number, (goal, source) in enumerate(sorted(pairs)):
        if layer.implementation == 2:
            matrix[source, goal] = kernel.reshape(matrix.shape)[source, goal]
        else:
            matrix[source, goal] = kernel[pairs[goal, source] if layer.implementation == 1 else number]
    products = x.reshape(len(x), -1, 1).astype(np.float64) * matrix
    y = np.where(matrix == 0, 0, products).sum(1).reshape(len(x), *out[1:])
    if layer.use_bias:
        y += case.weights["bias"].reshape(out[1:])  # in rows, whatever the order of the axes
    return layer.activation(y)


IDLE = frozenset(kind.__name__ for kind in idle.KINDS)  # of one argument each, which says how much

# What layers without a twin in Keras 3 give for a case, said with other means than their reference. None: it has one.
ANSWERS = {
    "ElementMask": lambda case: told_apart(case.inputs[0], case.layer),
    "LocallyConnected1D": locally_connected,
    "LocallyConnected2D": locally_connected,
    **words.ANSWERS,
    "LayerScale": lambda case: np.einsum("...c,c->...c", case.inputs[0], case.weights["gamma"]),
    "StochasticDepth": lambda case: case.inputs[0],
    "CustomScaleLayer": lambda case: case.inputs[1] * np.float32(case.layer.scale) + case.inputs[0],
    "ThresholdedReLU": lambda case: np.where(case.inputs[0] > case.layer.theta, case.inputs[0], 0),
}


def not_training(case):
    """What Keras' layers of all the names of a class make of an input in turn when they do not train."""
    import keras

    (x,) = case.inputs
    for name in (name for name, kind in LAYERS.items() if kind is type(case.layer)):
        if f"{x.ndim - 2}D" in name or not name.endswith("D"):
            x = getattr(keras.layers, name)(0.5)(x, training=False)
    return np.asarray(x)


def told_apart(x, layer):
    """The mask of Keras' Masking or Embedding."""
    import keras

    made = keras.layers.Masking(layer.value) if layer.vectors else keras.layers.Embedding(1, 1, mask_zero=True)
    return np.asarray(made.compute_mask(x if layer.vectors else x - layer.value), np.float32)


def keras_function(function):
    """Keras' function of an activation function of glnn, with the same constants."""
    import keras

    own = {
        "gelu_tanh": lambda x: keras.activations.gelu(x, approximate=True),
        "hard_sigmoid_keras2": lambda x: keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0),
        "relu_threshold": keras.activations.relu,
        "relu_capped": keras.activations.relu,
        "sparsemax": projected_on_simplex,  # Keras 3.15 on JAX gives what does not add up to 1
        "squareplus": lambda x, b: (x + np.sqrt(np.square(x, dtype=np.float64) + b)) / 2,  # Keras' cancels in float32
    }
    call = own.get(function.name) or getattr(keras.activations, function.name)
    return lambda x: call(x, **dict(function.constants))


def projected_on_simplex(x):
    """The nearest point of non-negative numbers that add up to 1, by bisection of what is taken from each."""
    x = np.asarray(x, np.float64)
    low, high = x.max(-1, keepdims=True) - 1, x.max(-1, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        above = np.maximum(x - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.maximum(x - low, 0)


def keras_answer(case: Case):
    """(output, Keras' config of the same layer or None) of Keras for a case."""
    import keras

    name = type(case.layer).__name__
    if name == "Activation" and case.kind == SPECIAL:
        pytest.skip("Keras gives NaN at infinity for functions that have a limit there")
    if name == "Embedding" and case.kind == SPECIAL:
        pytest.skip("Keras takes NaN for 0")
    own = case.layer.own_fields
    options = {f.name: getattr(case.layer, f.name) for f in dataclasses.fields(case.layer) if f.name not in own}
    if name in ANSWERS and (made := ANSWERS[name](case)) is not None:
        return made, None
    activation = options.pop("activation", FUNCTIONS["linear"])
    if isinstance(case.layer, Identity) and name in IDLE:
        return not_training(case), None
    if name == "Activation":
        return np.asarray(keras_function(activation)(case.inputs[0])), None
    twin = getattr(keras.layers, name)(**options)
    x = case.inputs if len(case.inputs) > 1 else case.inputs[0]
    twin.build([x.shape for x in case.inputs] if isinstance(x, list) else x.shape)
    if case.weights:
        twin.set_weights(list(case.weights.values()))
    if name == "Normalization":
        twin.finalize_state()
    return np.asarray(keras_function(activation)(twin(x))), None if activation.name != "linear" else twin.get_config()


@pytest.mark.parametrize("case", shares.kept(shares.one_in(2, MINE)))  # Keras compiles what each has of its own
def test_reference_agrees_with_keras(case):
    pytest.importorskip("keras")
    expected, config = keras_answer(case)
    wide = {name: array.astype(np.float64) for name, array in case.weights.items()}
    result = case.layer.reference([x.astype(np.float64) for x in case.inputs], wide)
    assert result.dtype == np.float64
    assert result.shape == expected.shape == tuple(case.layer.output_shape(*case.shapes))
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    with np.errstate(over="ignore"):
        same = result.astype(np.float32)  # where Keras' float32 overflows, so does this
    np.testing.assert_allclose(same, expected, rtol=1e-5, atol=1e-5 * scale + DENORMAL)
    narrow = case.layer.reference(case.inputs, case.weights)
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, expected, rtol=2e-5, atol=2e-5 * scale + DENORMAL)
    if config is not None:  # what Keras writes for it is read back as the same layer
        config = json.loads(json.dumps(config))
        if getattr(case.layer, "groups", 0) == -1:  # Keras writes how many these are
            config["groups"] = -1
        assert LAYERS[type(case.layer).__name__].from_config(config) == case.layer


@pytest.mark.parametrize("case", MINE, ids=lambda case: case.name)
def test_a_free_batch_stays_free(case):
    free = case.layer.output_shape(*[(None, *shape[1:]) for shape in case.shapes])
    expected = case.layer.output_shape(*case.shapes)
    concatenated = isinstance(case.layer, Concatenate) and case.layer.axis == 0
    assert free[0] is None or len(expected) == 1
    assert free[1:] == expected[1:] or concatenated


LIMITS = {  # at -inf and inf
    "linear": (-np.inf, np.inf), "relu": (0, np.inf), "relu6": (0, 6), "leaky_relu": (-np.inf, np.inf),
    "relu_threshold": (0, np.inf), "relu_capped": (0, 6), "threshold": (0, np.inf), "elu": (-1, np.inf),
    "celu": (-1, np.inf), "selu": (-1.7580993, np.inf), "sigmoid": (0, 1), "hard_sigmoid": (0, 1),
    "hard_sigmoid_keras2": (0, 1), "silu": (0, np.inf), "hard_silu": (0, np.inf), "log_sigmoid": (-np.inf, 0),
    "tanh": (-1, 1), "hard_tanh": (-1, 1), "tanh_shrink": (-np.inf, np.inf), "softplus": (0, np.inf),
    "softsign": (-1, 1), "exponential": (0, np.inf), "mish": (0, np.inf), "squareplus": (0, np.inf),
    "hard_shrink": (-np.inf, np.inf), "soft_shrink": (-np.inf, np.inf), "gelu": (0, np.inf), "gelu_tanh": (0, np.inf),
    "sparse_plus": (0, np.inf), "sparse_sigmoid": (0, 1),
}  # fmt: skip


@pytest.mark.parametrize("function", [f for f in FUNCTIONS.values() if f.pointwise], ids=lambda f: f.name)
def test_infinities_give_the_limit_and_nan_stays(function):
    low, high, nan = function(np.array([-np.inf, np.inf, np.nan]))
    np.testing.assert_allclose((low, high), LIMITS[function.name], rtol=1e-6)
    assert np.isnan(nan)


def test_every_function_has_its_shader(root):
    text = "".join((root / "glnn" / "shaders" / path).read_text() for path in LIBRARY)
    sections = dict(re.findall(r"(?ms)^// function: (\w+)\n(.*?)(?=^// function: |\Z)", text))
    functions = [f for f in (*FUNCTIONS.values(), *OPERATIONS.values()) if f.pointwise and not f.infix]
    wanted = [f for f in functions if f.name != "spread"]  # of which texts have the first argument alone
    for function in wanted:
        (given,) = re.findall(rf"float f_{function.name}\((.*?)\) \{{", sections[function.name])
        names = [argument.split()[-1] for argument in given.split(",")]
        assert len(names) == function.arity + len(function.constants), function
        assert [name.lower() for name in names[function.arity :]] == [name for name, _ in function.constants]


def test_activations_are_resolved_from_all_their_forms():
    assert resolve(None).name == resolve("linear").name == "linear"
    assert resolve("swish") is resolve("silu") is FUNCTIONS["silu"]
    assert resolve({"class_name": "function", "config": "relu", "module": "builtins"}).name == "relu"
    assert resolve({"module": "keras.activations", "class_name": "gelu", "config": None}).name == "gelu"
    leaky = {"module": "keras.layers", "class_name": "LeakyReLU", "config": {"name": "a", "negative_slope": 0.3}}
    assert resolve(leaky) == FUNCTIONS["leaky_relu"].with_(negative_slope=0.3)
    assert Dense(3, activation=leaky).activation.constants == (("negative_slope", 0.3),)
    assert resolve({"class_name": "Softmax", "config": {"axis": -1}}) is FUNCTIONS["softmax"]


@pytest.mark.parametrize(
    "value",
    [
        "snake",
        3,
        {"class_name": "Softmax", "config": {"axis": 1}},
        {"class_name": "Dense", "config": {"units": 3}},
    ],
)
def test_an_unknown_activation_is_refused_by_its_name(value):
    with pytest.raises(UnsupportedError, match="activation"):
        resolve(value)
    with pytest.raises(UnsupportedError, match="head"):
        Dense.from_config({"units": 3, "activation": value}, "head")


def test_older_spellings():
    assert LeakyReLU.from_config({"alpha": 0.1}) == LeakyReLU(0.1)
    assert LeakyReLU.from_config({"alpha": {"type": "ndarray", "value": 0.1}}) == LeakyReLU(0.1)
    assert Dense.from_config({"output_dim": 3, "bias": False, "init": "glorot_uniform"}) == Dense(3, use_bias=False)
    assert BatchNormalization.from_config({"axis": [3]}) == BatchNormalization(axis=3)
    assert Dense.from_config({"units": 3, "autocast": True}) == Dense(3)  # as a custom layer tells it
    assert Dropout.from_config({"p": 0.5}) == Dropout.from_config({"rate": 0.3, "noise_shape": None, "seed": 1})


@pytest.mark.parametrize(
    ("name", "config", "word"),
    [
        ("Dense", {"units": 0}, "units is 0"),
        ("Dense", {"units": 3, "bogus": 1}, "bogus"),
        ("ReLU", {"threshold": -1}, "threshold"),
        ("Permute", {"dims": [1, 3]}, "dims"),
        ("Reshape", {"target_shape": [-1, -1]}, "-1 more than once"),
        ("RepeatVector", {"n": "3"}, "n is '3'"),
        ("Flatten", {"data_format": "sideways"}, "sideways"),
    ],
)
def test_bad_options_are_refused(name, config, word):
    with pytest.raises(UnsupportedError, match=word):
        LAYERS[name].from_config(config, "a layer")


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (Dense(3), [(4,)]),
        (Reshape((5,)), [(2, 6)]),
        (Reshape((4, -1)), [(2, 6)]),
        (Permute((2, 1)), [(2, 3, 4, 5)]),
        (Add(), [(2, 3)]),
        (Add(), [(2, 3), (2, 4)]),
        (LAYERS["Subtract"](), [(2, 3)] * 3),
        (Concatenate(), [(2, 3, 4), (2, 4)]),
        (Concatenate(), [(2, 3, 4), (2, 4, 4)]),
        (BatchNormalization(axis=0), [(2, 3)]),
        (LAYERS["Softmax"](3), [(2, 3)]),
        (LAYERS["Activation"]("glu"), [(2, 3)]),
        (PReLU(), [(2,)]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(layer, shapes):
    with pytest.raises(ValueError):
        layer.output_shape(*shapes)


def test_free_dimensions_pass_where_they_can():
    assert Reshape((-1, 4)).output_shape((None, None, 8)) == (None, None, 4)
    assert Add().output_shape((None, None, 3), (None, 5, 1)) == (None, 5, 3)
    assert Concatenate().output_shape((None, None, 3), (None, 5, 2)) == (None, 5, 5)
    assert LAYERS["Flatten"]().output_shape((None, None, 3)) == (None, None)
    with pytest.raises(ValueError, match="must know"):
        Dense(3).weight_specs((None, None))


def test_sparsemax_over_too_many_channels_names_the_limit():
    with pytest.raises(LimitError, match="5000 channels"):
        Sparsemax().recipes([Value(0, (2, 5000))], {})


def test_constants_of_a_relu_choose_the_cheapest_function():
    assert ReLU().function.name == "relu"
    assert ReLU(max_value=6).function.name == "relu6"
    assert ReLU(negative_slope=0.1).function.name == "leaky_relu"
    assert ReLU(threshold=1).function.name == "relu_threshold"
    assert ReLU(max_value=3).function.name == "relu_capped"


def test_special_values_are_in_the_table():
    assert any(case.kind == SPECIAL and np.isnan(case.inputs[0]).any() for case in MINE)
