"""One layer's Keras config -> Layer: which class is meant, in which version's words, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import layers  # noqa: F401  (fills the registry)
from ...errors import UnsupportedError
from ...layers.base import LAYERS, Layer
from . import gates, keras1
from .keras1 import Adapter
from .versions import settled

CONTAINERS = frozenset(("Sequential", "Model", "Functional"))
PUBLISHED = frozenset(("Addons",))  # packages whose layers are known by their class name
CODE = "holds Python code, which is never run; rebuild the model with a layer that does the same"


def full_name(item: Mapping[str, Any]) -> str:
    """A layer's class name, with its package in front ('Custom>Dense') where it is not one of Keras' own."""
    name, registered = str(item.get("class_name")), item.get("registered_name")
    if isinstance(registered, str) and ">" in registered:
        name = registered
    package, _, short = name.rpartition(">")
    if package in PUBLISHED:
        return short
    module = item.get("module")
    if (
        isinstance(module, str)
        and not package
        and module.split(".")[0] not in ("keras", "tf_keras", "tensorflow", "builtins")
    ):
        return f"{module}>{name}"
    return name


def build_layer(
    name: str, config: Mapping[str, Any], version: int, backend: str | None, release: str = ""
) -> tuple[Layer, Adapter | None]:
    """The Layer of a class name and config as a file holds them, and how its stored weights are to be turned.

    version, backend, release: the major version of Keras that wrote the file, its backend, its keras_version in full

    Raises UnsupportedError whose items name the layer's class or the options.
    """
    problems = []
    policy = config.get("dtype")
    if isinstance(policy, Mapping) and "Quantized" in str(policy.get("class_name")):
        problems.append(
            f"dtype policy {policy.get('class_name')} (quantized weights; save the model before quantizing)"
        )
    written = config
    if version == 1 or keras1.is_keras1(name, config):
        name, config = keras1.translate(name, config)
        version = 1
    stored_as, (name, config) = name, gates.renamed(name, config)
    if name not in LAYERS:
        reason = CODE if name == "Lambda" else "custom class" if ">" in name else "no such layer in glnn"
        raise UnsupportedError(name, [*problems, reason])
    own = sorted(LAYERS[name].own_fields & written.keys())
    problems += [f"option {key}={written[key]!r} (no Keras layer of this kind has it)" for key in own]
    adapter = keras1.adapter(stored_as, config, version, backend)
    config, disputed = settled(name, config, version, release, backend)
    problems += disputed
    try:
        layer = LAYERS[name].from_config(modernise(config, version), name)
    except UnsupportedError as error:
        raise UnsupportedError(name, [*problems, *error.items]) from error
    if problems:
        raise UnsupportedError(name, problems)
    return layer, adapter


def unused_weights(name: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The weights that Keras keeps for a layer behind those it computes with: renormalisation acts in training only."""
    if name.startswith("BatchNormalization") and config.get("renorm"):
        return ("moving_stddev", "renorm_mean", "renorm_stddev")
    return ()


def modernise(config: Mapping[str, Any], version: int) -> dict[str, Any]:
    """The config with its activation functions named as glnn names them, those of wrapped layers and cells too.

    Raises UnsupportedError for functions that are Python code.
    """
    new = dict(config)
    for key, value in config.items():
        if key.endswith("activation"):
            new[key] = function_name(key, value, version)
        elif isinstance(value, Mapping) and isinstance(value.get("config"), Mapping):
            inner = value["config"]
            name = str(value.get("class_name"))
            if version == 1:
                name, inner = keras1.translate(name, inner)
            name, inner = gates.renamed(name, inner)
            new[key] = {**value, "class_name": name, "config": modernise(inner, version)}
        elif key == "cells" and isinstance(value, list):
            new[key] = [{**cell, "config": modernise(cell.get("config", {}), version)} for cell in value]
    return new


def function_name(key: str, value: Any, version: int) -> Any:
    """An activation as the layers take it. Keras 1 and 2 mean another hard_sigmoid than Keras 3.

    Raises UnsupportedError for functions that are Python code, and for what Keras calls sparsemax.
    """
    if isinstance(value, Mapping):
        module = value.get("module")
        foreign = isinstance(module, str) and module.split(".")[0] not in (
            "keras",
            "builtins",
            "tf_keras",
            "tensorflow",
        )
        if "class_name" not in value or value["class_name"] == "__lambda__" or foreign:
            raise UnsupportedError("activation", [f"{key} {CODE}"])
        if value["class_name"] == "function":
            value = value.get("config")
    if value == "<lambda>":
        raise UnsupportedError("activation", [f"{key} {CODE}"])
    if value == "sparsemax":
        raise UnsupportedError("activation", [f"{key}='sparsemax' (what Keras 3 computes for it does not add up to 1)"])
    return "hard_sigmoid_keras2" if value == "hard_sigmoid" and version < 3 else value
