"""The references of attention layers and of EinsumDense against Keras' own layers, and what they refuse."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from cases.case import Case
from cases.keras import CASES

from glnn.errors import UnsupportedError
from glnn.layers import LAYERS
from glnn.layers.attention import Attention
from glnn.layers.einsum_dense import EinsumDense
from glnn.layers.multi_head_attention import MultiHeadAttention

keras = pytest.importorskip("keras")

MODULES = ("attention", "einsum_dense", "multi_head_attention")
MINE = [
    case
    for case in CASES
    if type(case.layer).__module__.rpartition(".")[2] in MODULES or "mask" in getattr(case.layer, "given", ())
]
NAMES = {"GroupedQueryAttention": "GroupQueryAttention"}
CALL = ("use_causal_mask", "return_attention_scores")


def keras_answer(case: Case) -> tuple[list[Any], None]:
    """(outputs, no config) of Keras' layer, called as the case says."""
    layer: Any = case.layer
    options = {f.name: getattr(layer, f.name) for f in dataclasses.fields(layer) if f.name not in layer.own_fields}
    options = {"output_shape" if name == "sizes" else name: value for name, value in options.items()}
    if "activation" in options:
        options["activation"] = layer.activation.name
    if isinstance(layer, LAYERS["AdditiveAttention"]):
        options.pop("score_mode")
    if isinstance(layer, MultiHeadAttention) and layer.value_dim not in (None, layer.key_dim) and not layer.dropout:
        options["dropout"] = 0.1  # JAX computes no other width at once
    twin = getattr(keras.layers, NAMES.get(type(layer).__name__, type(layer).__name__))(**options)
    call = {name: True for name in CALL if getattr(layer, name, False)}
    arguments: dict[str, Any] = {}
    for name, x in zip(getattr(layer, "given", ("inputs",)), case.inputs, strict=True):
        first, _, place = name.partition(".")
        value = x.astype(bool) if "mask" in name else x
        if place:
            arguments.setdefault(first, [None] * (3 if first == "inputs" else 2))[int(place)] = value
        else:
            arguments[first] = value
    if isinstance(layer, Attention):
        arguments["inputs"] = [x for x in arguments["inputs"] if x is not None]
        twin.build([x.shape for x in arguments["inputs"]])
    elif isinstance(layer, MultiHeadAttention | LAYERS["GroupedQueryAttention"]):
        twin.build(*(arguments[name].shape for name in ("query", "value", "key") if name in arguments))
    elif not isinstance(layer, LAYERS["Softmax"]):
        twin.build(case.shapes[0])
    if case.weights:
        twin.set_weights(list(case.weights.values()))
    masks = {name: arguments.pop(name) for name in ("query_mask", "value_mask") if name in arguments}
    for name, mask in masks.items():
        arguments[name.removesuffix("_mask")] = with_mask(arguments[name.removesuffix("_mask")], mask)
    made = twin(arguments.pop("inputs"), **arguments, **call) if "inputs" in arguments else twin(**arguments, **call)
    return [np.asarray(one) for one in (made if isinstance(made, list | tuple) else [made])], None


def with_mask(x: np.ndarray, mask: np.ndarray) -> Any:
    """A tensor with the mask that Keras hands on with it."""
    tensor = keras.ops.convert_to_tensor(x)
    keras.src.backend.set_keras_mask(tensor, keras.ops.convert_to_tensor(mask))
    return tensor


@pytest.mark.parametrize("case", MINE, ids=lambda case: case.name)
def test_reference_agrees_with_keras(case: Case) -> None:
    expected, _ = keras_answer(case)
    wide = {name: array.astype(np.float64) for name, array in case.weights.items()}
    found = case.layer.reference([x.astype(np.float64) for x in case.inputs], wide)
    found = found if isinstance(found, list) else [found]
    shapes = case.layer.output_shape(*case.shapes)
    shapes = shapes if isinstance(shapes, list) else [shapes]
    assert len(found) == len(expected) == len(shapes)
    for result, answer, shape in zip(found, expected, shapes, strict=True):
        assert result.shape == answer.shape == tuple(shape)
        np.testing.assert_allclose(result, answer, rtol=2e-5, atol=2e-5)


def test_a_row_that_is_masked_as_a_whole_is_as_keras_gives_it() -> None:
    rng = np.random.default_rng(2)
    q, v = (rng.normal(size=(2, rows, 4)).astype(np.float32) for rows in (5, 7))
    mask = rng.random((2, 5, 7)) > 0.4
    mask[0, 2] = mask[1] = False
    given = ("query", "value", "attention_mask")
    for options in ({}, {"dropout": 0.1}):
        twin = keras.layers.MultiHeadAttention(2, 3, **options)
        twin.build(q.shape, v.shape)
        layer = MultiHeadAttention(2, 3, given=given, **options)
        specs = layer.weight_specs(q.shape, v.shape, mask.shape)
        weights = {spec.name: rng.normal(size=spec.shape).astype(np.float32) for spec in specs}
        twin.set_weights(list(weights.values()))
        result = layer.reference([q, v, mask.astype(np.float32)], weights)
        np.testing.assert_allclose(result, np.asarray(twin(q, v, attention_mask=mask)), rtol=2e-5, atol=2e-5)
    of_value = np.zeros((2, 7), bool)
    of_value[0, 3] = True
    result = Attention(given=("inputs.0", "inputs.1", "mask.1")).reference([q, v, of_value.astype(np.float32)], {})
    answer = keras.layers.Attention()([q, v], mask=[None, of_value])
    np.testing.assert_allclose(result, np.asarray(answer), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "config", "word"),
    [
        ("EinsumDense", {"equation": "ab->a", "output_shape": [3]}, "equation"),
        ("Attention", {"score_mode": "luong"}, "score_mode"),
        (
            "GroupedQueryAttention",
            {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 3},
            "num_key_value_heads",
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_option(name: str, config: dict[str, Any], word: str) -> None:
    with pytest.raises(UnsupportedError, match=word):
        LAYERS[name].from_config(config, "a layer")


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        EinsumDense("abc,cd->abd", (5,)).weight_specs((2, 4, 6))
    with pytest.raises(ValueError, match="one attention axis"):
        MultiHeadAttention(2, 3, use_causal_mask=True).output_shape((2, 3, 4, 6), (2, 3, 4, 6))
    with pytest.raises(ValueError, match="a query and a value"):
        MultiHeadAttention(2, 3, given=("query",)).output_shape((2, 3, 4))
