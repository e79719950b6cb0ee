"""What a config holds as JSON, and back: numbers, texts, tuples, functions, expressions of elements, axes."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError
from ...layers.base import LAYERS, Layer
from ...primitives.expr import Apply, Constant, Expr, In, Index, Number
from ...primitives.functions import FUNCTIONS, Function
from ...primitives.loop import Slices
from ...primitives.move import Along, Size
from ...primitives.operations import OPERATIONS

NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
AXIS = ("source", "size", "mul", "add", "div", "extra", "edge")  # of an Along, in the order of a file
DEEPEST = 100  # nested expressions


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
        known = FUNCTIONS.get(value.name) or OPERATIONS.get(value.name)
        if known is None or [k for k, _ in known.constants] != [k for k, _ in value.constants]:
            raise InputError(f"{where}: activation {value.name!r} is none of glnn's own; it cannot be saved")
        constants = {k: encoded(v, where) for k, v in value.constants}
        return {"function": value.name} | ({"constants": constants} if constants else {})
    if isinstance(value, Layer) and LAYERS.get(type(value).__name__) is type(value):  # a cell, a layer that is wrapped
        config = {f.name: encoded(getattr(value, f.name), where) for f in dataclasses.fields(value)}  # type: ignore
        return {"layer": type(value).__name__, "config": config}
    made = _told(value, where)
    if made is not None:
        return made
    raise InputError(
        f"{where} holds {value!r}, a {type(value).__name__}; what can be saved is numbers, strings, bools, None, "
        "tuples of these and activation functions"
    )


def _told(value: Any, where: str) -> dict[str, Any] | None:
    """An expression or an axis as JSON; None for anything else."""
    if isinstance(value, In):
        return {"in": value.number}
    if isinstance(value, Number):
        return {"number": encoded(float(value.value), where)}
    if isinstance(value, Constant):
        return {"weight": value.name, "shape": list(value.shape)}
    if isinstance(value, Index):
        return {"index": value.axis}
    if isinstance(value, Apply):
        return {"apply": encoded(value.function, where), "args": [encoded(arg, where) for arg in value.args]}
    if isinstance(value, Size):
        return {"size": value.axis}
    if isinstance(value, Along):
        return {"along": [getattr(value, name) for name in AXIS]}
    if isinstance(value, Slices):
        return {"slices": value.axis, "reverse": value.reverse}
    return None


def decoded(value: Any, depth: int = 0) -> Any:
    """What `encoded` made JSON of. Raises ValueError for an object that is none of these."""
    if depth > DEEPEST:
        raise ValueError(f"values are nested more than {DEEPEST} deep")
    if isinstance(value, list):
        return tuple(decoded(item, depth + 1) for item in value)
    if not isinstance(value, dict):
        return value
    keys = set(value)
    if keys == {"float"} and isinstance(value["float"], str) and value["float"] in NOT_FINITE:
        return NOT_FINITE[value["float"]]
    if keys == {"in"} and _whole(value["in"]):
        return In(value["in"])
    if keys == {"index"} and type(value["index"]) is int:
        return Index(value["index"])
    if keys == {"number"}:
        number = decoded(value["number"], depth + 1)
        if isinstance(number, float):
            return Number(number)
    if keys == {"weight", "shape"} and isinstance(value["weight"], str) and _wholes(value["shape"]):
        return Constant(value["weight"], tuple(value["shape"]))
    if keys == {"apply", "args"} and isinstance(value["args"], list):
        return _apply(value, depth)
    if keys == {"size"} and _whole(value["size"]):
        return Size(value["size"])
    if keys == {"along"} and isinstance(value["along"], list) and len(value["along"]) == len(AXIS):
        options = dict(zip(AXIS, value["along"], strict=True))
        check_types(Along, options)
        return Along(**options)
    if keys == {"slices", "reverse"}:
        check_types(Slices, {"axis": value["slices"], "reverse": value["reverse"]})
        return Slices(value["slices"], value["reverse"])
    if keys == {"layer", "config"} and value["layer"] in LAYERS and isinstance(value["config"], dict):
        config = {key: decoded(item, depth + 1) for key, item in value["config"].items()}
        return LAYERS[value["layer"]](**config)
    return _function(value)


def _whole(value: Any) -> bool:
    return type(value) is int and value >= 0


def _wholes(values: Any) -> bool:
    return isinstance(values, list) and all(map(_whole, values))


def _apply(value: Mapping[str, Any], depth: int) -> Apply:
    function = decoded(value["apply"], depth + 1)
    args = tuple(decoded(arg, depth + 1) for arg in value["args"])
    if not isinstance(function, Function) or not function.pointwise or len(args) != function.arity:
        raise ValueError(f"{value['apply']!r} of {len(args)} arguments is no function of elements")
    if not all(isinstance(arg, Expr) for arg in args):
        raise ValueError(f"the arguments of {function.name} are no expressions: {value['args']!r:.80}")
    return Apply(function, args)


def _function(value: Mapping[str, Any]) -> Function:
    name, constants = value.get("function"), value.get("constants", {})
    if not isinstance(name, str) or not isinstance(constants, dict) or not set(value) <= {"function", "constants"}:
        raise ValueError(f"{value!r} is neither a float nor a function")
    known = FUNCTIONS.get(name) or OPERATIONS.get(name)
    if known is None:
        raise ValueError(f"activation {name!r} is not known; known are {', '.join(sorted(FUNCTIONS))}")
    numbers = {key: decoded(number) for key, number in constants.items()}
    wrong = [key for key, number in numbers.items() if isinstance(number, bool) or not isinstance(number, int | float)]
    if wrong or not numbers.keys() <= dict(known.constants).keys():
        raise ValueError(f"activation {name} takes numbers for {dict(known.constants)}, not {constants!r}")
    return known.with_(**numbers) if numbers else known


def check_types(kind: type, options: Mapping[str, Any]) -> None:
    """Raises ValueError for options of a dataclass that are not of the types that its fields state."""
    hints = typing.get_type_hints(kind)
    for name, value in options.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} is {value!r:.60}, not of type {hints[name]}")


def _fits(value: Any, hint: Any) -> bool:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, arg) for arg in args)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if args[-1] is Ellipsis:
            return all(_fits(item, args[0]) for item in value)
        return len(value) == len(args) and all(map(_fits, value, args))
    if hint is type(None):
        return value is None
    return type(value) is hint
