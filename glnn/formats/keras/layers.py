"""One layer's Keras config -> Layer: which class is meant, in which version's words, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import layers  # noqa: F401  (fills the registry)
from ...errors import UnsupportedError
from ...layers.base import LAYERS, Layer
from ...layers.registry import is_own
from . import gates, keras1, wrapped
from .keras1 import Adapter
from .versions import settled

CONTAINERS = frozenset(("Sequential", "Model", "Functional"))
PUBLISHED = frozenset(("Addons",))  # packages whose layers are known by their class name
# Of TensorFlow Addons, which calls some by the names of others.
ADDONS = {
    "Addons>gelu": "gelu_tanh",
    "Addons>hardshrink": "hard_shrink",
    "Addons>softshrink": "soft_shrink",
    "Addons>tanhshrink": "tanh_shrink",
    "Addons>mish": "mish",
    "Addons>sparsemax": "sparsemax",
}
CODE = "holds Python code, which is never run"
CUSTOM = "custom class"

STRINGS = (
    "takes strings or hashes, which no texture holds: apply the layer before, and hand the numbers that it gives to a "
    "model of what follows it"
)
SOUNDS = "makes a spectrum of sounds: apply the layer before, and hand the spectrum to a model of what follows it"
REFUSED = {  # what to say of Keras' layers that glnn will not have
    **dict.fromkeys("Hashing HashedCrossing StringLookup TextVectorization".split(), STRINGS),
    **dict.fromkeys("MelSpectrogram STFTSpectrogram".split(), SOUNDS),
    **dict.fromkeys("FlaxLayer JaxLayer Lambda TFSMLayer TorchModuleWrapper".split(), CODE),
    "ContrastLimitedAdaptiveHistogramEqualization": "counts values in tiles: apply the layer to the images before",
    "Pipeline": "applies layers to data before a model: put them into the model one after the other",
    "DenseFeatures": "takes the columns of a table by name: hand their numbers to a model of what follows it",
}


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
    name: str, config: Mapping[str, Any], version: int, backend: str | None, release: str = "", path: str = ""
) -> tuple[Layer, Adapter | None]:
    """The Layer of a class name and config as a file holds them, and how its stored weights are to be turned.

    version, backend, release: the major version of Keras that wrote the file, its backend, its keras_version in full
    path: the layer's name, with those of the models around it

    Raises UnsupportedError whose items name the layer's class or the options.
    """
    inner = wrapped.wrapped(name, config)
    if inner is not None:
        layer, turned = build_layer(full_name(inner), inner["config"], version, backend, release)
        return layer, wrapped.adapter(name, config) or turned
    problems = []
    policy = config.get("dtype")
    if isinstance(policy, Mapping) and "Quantized" in str(policy.get("class_name")):
        problems.append(
            f"dtype policy {policy.get('class_name')} (quantized weights; save the model before quantizing)"
        )
    name, written = wanted_name(name, path, str(config.get("name"))), config
    if not is_custom(name) and (version == 1 or keras1.is_keras1(name, config)):
        name, config = keras1.translate(name, config)
        version = 1
    stored_as, (name, config) = name, gates.renamed(name, config)
    if name not in LAYERS:
        reason = CUSTOM if ">" in name else REFUSED.get(name, "no such layer in glnn")
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


def is_custom(name: str) -> bool:
    """Whether a file's name means a layer of the user's, in whose config nothing is known of Keras' versions."""
    return name in LAYERS and not (LAYERS.key(name) == name and is_own(LAYERS[name]))


def wanted_name(class_name: str, *names: str) -> str:
    """The name by which LAYERS has a layer: its class, or the class and one of the names of this layer alone."""
    return next((key for name in names if (key := f"{class_name}:{name}") in LAYERS), class_name)


def unused_weights(name: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The weights that Keras keeps for a layer beside those it computes with, for training alone."""
    if name.startswith("BatchNormalization") and config.get("renorm"):
        return ("moving_stddev", "renorm_mean", "renorm_stddev")
    return wrapped.unused(name)


def modernise(config: Mapping[str, Any], version: int) -> dict[str, Any]:
    """The config with its activation functions named as glnn names them, those of wrapped layers and cells too.

    Raises UnsupportedError for functions that are Python code.
    """
    new = dict(config)
    for key, value in config.items():
        if key.endswith("activation"):
            new[key] = function_name(key, value, version, config.get("name"))
        elif isinstance(value, Mapping) and isinstance(value.get("config"), Mapping):
            inner = value["config"]
            if value.get("class_name") in ("__lambda__", "function"):
                continue
            name = wanted_name(full_name(value), str(inner.get("name")))
            if version == 1:
                name, inner = keras1.translate(name, inner)
            name, inner = gates.renamed(name, inner)
            new[key] = {**value, "class_name": name, "config": modernise(inner, version)}
        elif key == "cells" and isinstance(value, list):
            new[key] = [{**cell, "config": modernise(cell.get("config", {}), version)} for cell in value]
    return new


def function_name(key: str, value: Any, version: int, layer: Any = None) -> Any:
    """An activation as the layers take it. Keras 1 and 2 mean another hard_sigmoid than Keras 3.

    layer: the name of the layer that has it

    Raises UnsupportedError for functions that are Python code, and for what Keras calls sparsemax.
    """
    if own := own_function(value, layer):
        return own
    if isinstance(value, Mapping):
        module = value.get("module")
        foreign = isinstance(module, str) and module.split(".")[0] not in (
            "keras",
            "builtins",
            "tf_keras",
            "tensorflow",
        )
        if "class_name" not in value or value["class_name"] == "__lambda__" or foreign:
            raise UnsupportedError("activation", [f"{key} {CODE}{replacement(value, layer)}"])
        if value["class_name"] == "function":
            value = value.get("config")
    if value == "<lambda>":
        raise UnsupportedError("activation", [f"{key} {CODE}{replacement(value, layer)}"])
    if value == "sparsemax":
        raise UnsupportedError("activation", [f"{key}='sparsemax' (what Keras 3 computes for it does not add up to 1)"])
    if isinstance(value, str) and value in ADDONS:
        return ADDONS[value]
    return "hard_sigmoid_keras2" if value == "hard_sigmoid" and version < 3 else value


def function_names(value: Any, layer: Any) -> tuple[str, ...]:
    """The names by which a function of a config may be given: its own; one without a name by that of its layer."""
    if value == "<lambda>" or (isinstance(value, Mapping) and value.get("class_name") in (None, "__lambda__")):
        return (f"<lambda>:{layer}",)
    if isinstance(value, Mapping):
        names = (value.get("registered_name"), value.get("config"))
        return tuple(name for name in names if isinstance(name, str)) if value.get("class_name") == "function" else ()
    return (value,) if isinstance(value, str) else ()


def own_function(value: Any, layer: Any) -> str | None:
    """The name by which the user gave this function; None where there is none."""
    return next((name for name in function_names(value, layer) if name in LAYERS and is_custom(name)), None)


def replacement(value: Any, layer: Any) -> str:
    """What to do about a function that is Python code."""
    names = function_names(value, layer)
    return f". Say it in a Trace's words: custom_objects={{{names[-1]!r}: lambda t, x: ...}}" if names else ""
