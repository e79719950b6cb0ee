"""Layers and primitives as JSON and back, exactly: the name under which a class is registered, and its config.

A file names classes of LAYERS and PRIMITIVES and functions of their tables, nothing else: reading one runs no code but
theirs.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import InputError, UnsupportedError
from ...graph.protocols import Op
from ...graph.shapes import Dims
from ...layers.base import LAYERS, Layer
from ...layers.custom import Said
from ...primitives.base import PRIMITIVES, Primitive
from . import values

NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def layer_name(layer: Op) -> str:
    """The name in LAYERS under which a file tells of this layer. Raises UnsupportedError for a class not registered."""
    kind = type(layer)
    if isinstance(layer, Primitive):
        for name, registered in PRIMITIVES.items():
            if registered is kind:
                return name
        raise UnsupportedError(repr(layer), ["a kernel of one's own, which no file holds; export it as a page"])
    if LAYERS.data.get(kind.__name__) is kind:
        return kind.__name__
    for name, registered in LAYERS.data.items():
        if registered is kind:
            return name
    if isinstance(layer, Said):
        raise UnsupportedError(
            layer.name,
            [
                "a function given as custom_objects, which no file holds; save before you "
                "replace it, or give a class that is registered with @glnn.register_layer"
            ],
        )
    raise UnsupportedError(kind.__name__, ["the class is not registered; put @glnn.register_layer(...) before it"])


def config_json(layer: Op, told: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The config as JSON values, every option of it: what a class takes by default may change, a file may not.

    told: options that are JSON already

    Raises InputError for a field that holds anything but numbers, strings, bools, None, tuples and Functions.
    """
    kind: Any = type(layer)
    options = {field.name: getattr(layer, field.name) for field in dataclasses.fields(kind) if field.init}
    told = told or {}
    whole = {name: values.encoded(v, f"{kind.__name__}.{name}") for name, v in options.items() if name not in told}
    made = kind(**options)  # told by its text, which tells 1 from 1.0
    if json.dumps({name: values.encoded(getattr(made, name), name) for name in whole}) != json.dumps(whole):
        raise InputError(f"layer {layer!r} does not come out the same from its own config; it cannot be saved")
    return {name: told[name] if name in told else whole[name] for name in options}


def make_layer(name: str, config: Mapping[str, Any]) -> Layer | Primitive:
    """The layer or primitive of a name and a config as JSON. Raises UnsupportedError with all that is not known."""
    kind: Any = PRIMITIVES.get(name) or LAYERS.get(name)
    if kind is None:
        raise UnsupportedError(name, [f"layer class {name!r}"])
    known = {field.name for field in dataclasses.fields(kind) if field.init}
    items = [f"{name}: option {key}={value!r}" for key, value in config.items() if key not in known]
    if items:
        raise UnsupportedError(name, items)
    try:
        options = {key: values.decoded(value) for key, value in config.items()}
        if name in PRIMITIVES:
            values.check_types(kind, options)
        layer = kind(**options)
        items = layer.unsupported() if isinstance(layer, Layer) else []
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
