"""Layers in glnn's own file: configs that go to JSON and come back exactly."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from cases.keras import CASES
from hypothesis import given
from hypothesis import strategies as st

from glnn.errors import InputError, UnsupportedError
from glnn.formats.native.configs import config_json, layer_name, make_layer
from glnn.formats.native.values import decoded, encoded
from glnn.layers.activation import ELU, Activation, LeakyReLU, ReLU
from glnn.layers.base import Layer
from glnn.layers.core import Dense
from glnn.layers.pooling import MaxPooling2D
from glnn.primitives.functions import FUNCTIONS, Function


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_layer_comes_back(case: Any) -> None:
    config = json.loads(json.dumps(config_json(case.layer), allow_nan=False))
    made = make_layer(layer_name(case.layer), config)
    assert made == case.layer and type(made) is type(case.layer)
    assert repr(made) == repr(case.layer)  # 1 is not 1.0, () is not []
    if isinstance(getattr(made, "activation", None), Function):
        assert made.activation.formula is case.layer.activation.formula


def test_every_option_is_told_and_may_be_missing() -> None:
    """A default that changes later must not change what a file means; an option that comes later has its default."""
    assert config_json(Dense(3)) == {"units": 3, "activation": {"function": "linear"}, "use_bias": True}
    told = config_json(MaxPooling2D(3))
    assert told["pool_size"] == told["strides"] == [3, 3]
    assert make_layer("MaxPooling2D", told) == make_layer("MaxPooling2D", {"pool_size": [3, 3]}) == MaxPooling2D(3)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -0.0, 0.1, 1e-310, 3, True, None, 'a"b', ((1,), ())])
def test_values_come_back(value: Any) -> None:
    text = json.dumps(encoded(value, ""), allow_nan=False)
    assert repr(decoded(json.loads(text))) == repr(value)


def test_functions_come_back() -> None:
    for function in (*FUNCTIONS.values(), FUNCTIONS["elu"].with_(alpha=math.inf), FUNCTIONS["celu"].with_(alpha=2)):
        made = decoded(json.loads(json.dumps(encoded(function, ""), allow_nan=False)))
        assert made == function and made.formula is function.formula
    assert encoded(FUNCTIONS["elu"], "") == {"function": "elu", "constants": {"alpha": 1.0}}


def test_what_is_not_glnns_is_not_saved() -> None:
    @dataclasses.dataclass(frozen=True)
    class Mine(Layer):
        pass

    with pytest.raises(UnsupportedError, match="Mine(.|\n)*not registered"):
        layer_name(Mine())
    with pytest.raises(InputError, match="'mine' is none of glnn's own"):
        config_json(Activation(Function("mine", (), np.tanh)))
    layer_ = LeakyReLU(0.5)
    object.__setattr__(layer_, "negative_slope", [1])  # what no config makes
    with pytest.raises(InputError, match="LeakyReLU.negative_slope holds .1., a list"):
        config_json(layer_)


@given(inf=st.floats(), slope=st.floats(allow_nan=False))
def test_numbers_of_configs_come_back(inf: float, slope: float) -> None:
    for layer_ in (ELU(inf), LeakyReLU(slope), ReLU(max_value=abs(slope))):
        made = make_layer(layer_name(layer_), json.loads(json.dumps(config_json(layer_), allow_nan=False)))
        assert repr(made) == repr(layer_)
