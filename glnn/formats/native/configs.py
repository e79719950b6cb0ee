"""Layers as JSON and back, exactly: the name under which a class is registered, and its config.

A file names classes of LAYERS and functions of FUNCTIONS, nothing else: reading one runs no code but theirs.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import InputError, UnsupportedError
from ...graph.graph import Op
from ...graph.shapes import Dims
from ...layers.base import LAYERS, Layer
from ...primitives.functions import FUNCTIONS, Function

NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def layer_name(layer: Op) -> str:
    """The name in LAYERS under which a file tells of this layer. Raises UnsupportedError for a class not registered."""
    kind = type(layer)
    if LAYERS.get(kind.__name__) is kind:
        return kind.__name__
    for name, registered in LAYERS.items():
        if registered is kind:
            return name
    raise UnsupportedError(kind.__name__, ["the class is not registered; put @register(...) before it"])


def config_json(layer: Op) -> dict[str, Any]:
    """The config as JSON values, every option of it: what a class takes by default may change, a file may not.

    Raises InputError for a field that holds anything but numbers, strings, bools, None, tuples and Functions.
    """
    kind: Any = type(layer)
    values = {field.name: getattr(layer, field.name) for field in dataclasses.fields(kind) if field.init}
    whole = {name: encoded(value, f"{kind.__name__}.{name}") for name, value in values.items()}
    made = kind(**values)  # told by its text, which tells 1 from 1.0
    if json.dumps({name: encoded(getattr(made, name), name) for name in whole}) != json.dumps(whole):
        raise InputError(f"layer {layer!r} does not come out the same from its own config; it cannot be saved")
    return whole


def encoded(value: Any, where: str) -> Any:
    """A field's value as JSON. Raises InputError for one of another kind."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, tuple):
        return [encoded(item, where) for item in value]
    if isinstance(value, Function):
        known = FUNCTIONS.get(value.name)
        if known is None or [k for k, _ in known.constants] != [k for k, _ in value.constants]:
            raise InputError(f"{where}: activation {value.name!r} is none of glnn's own; it cannot be saved")
        constants = {k: encoded(v, where) for k, v in value.constants}
        return {"function": value.name} | ({"constants": constants} if constants else {})
    raise InputError(
        f"{where} holds {value!r}, a {type(value).__name__}; what can be saved is numbers, strings, bools, None, "
        "tuples of these and activation functions"
    )


def decoded(value: Any) -> Any:
    """What `encoded` made JSON of. Raises ValueError for an object that is neither a float nor a function."""
    if isinstance(value, list):
        return tuple(decoded(item) for item in value)
    if not isinstance(value, dict):
        return value
    if set(value) == {"float"} and isinstance(value["float"], str) and value["float"] in NOT_FINITE:
        return NOT_FINITE[value["float"]]
    name, constants = value.get("function"), value.get("constants", {})
    if not isinstance(name, str) or not isinstance(constants, dict) or not set(value) <= {"function", "constants"}:
        raise ValueError(f"{value!r} is neither a float nor a function")
    if name not in FUNCTIONS:
        raise ValueError(f"activation {name!r} is not known; known are {', '.join(sorted(FUNCTIONS))}")
    numbers = {key: decoded(number) for key, number in constants.items()}
    wrong = [key for key, number in numbers.items() if isinstance(number, bool) or not isinstance(number, int | float)]
    if wrong or not numbers.keys() <= dict(FUNCTIONS[name].constants).keys():
        raise ValueError(f"activation {name} takes numbers for {dict(FUNCTIONS[name].constants)}, not {constants!r}")
    return FUNCTIONS[name].with_(**numbers) if numbers else FUNCTIONS[name]


def make_layer(name: str, config: Mapping[str, Any]) -> Layer:
    """The layer of a registered name and a config as JSON. Raises UnsupportedError that lists all that is not known."""
    kind: Any = LAYERS.get(name)
    if kind is None:
        raise UnsupportedError(name, [f"layer class {name!r}"])
    known = {field.name for field in dataclasses.fields(kind) if field.init}
    items = [f"{name}: option {key}={value!r}" for key, value in config.items() if key not in known]
    if items:
        raise UnsupportedError(name, items)
    try:
        layer: Layer = kind(**{key: decoded(value) for key, value in config.items()})
        items = layer.unsupported()
    except UnsupportedError as error:
        items = list(error.items)
    except Exception as error:  # whatever a config of wrong types makes a class stumble over
        items = [f"config {dict(config)!r}: {error}"]
    if items:
        raise UnsupportedError(name, [f"{name}: {item}" for item in items])
    return layer


def misfit(layer: Op, inputs: Sequence[Dims], weights: Mapping[str, Any]) -> str | None:
    """How weights do not fit a layer that takes inputs of these shapes, in words; None where they do."""
    specs = {spec.name: tuple(spec.shape) for spec in layer.weight_specs(*inputs)}
    for name, shape in specs.items():
        if name not in weights:
            return f"it needs a weight {name!r} of shape {shape}, and has {sorted(weights) or 'none'}"
        if tuple(weights[name].shape) != shape:
            return f"its weight {name!r} has shape {tuple(weights[name].shape)}, {shape} is needed"
    extra = sorted(weights.keys() - specs.keys())
    return f"it has a weight {extra[0]!r}, which it does not use" if extra else None
