"""Input shapes as Keras configs tell them, or as the first weights do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...graph.shapes import Dims
from ...layers.base import Layer
from .layers import CONTAINERS, full_name
from .weights.entries import Stored


def input_shape(item: Mapping[str, Any]) -> Dims | None:
    """The shape, batch first, that a layer's or Sequential's config was built for; None where it does not tell."""
    config = item.get("config")
    if isinstance(config, list):
        return input_shape(config[0]) if config else None
    if not isinstance(config, Mapping):
        return None
    for key in ("batch_input_shape", "batch_shape"):
        if config.get(key) is not None:
            if (shape := single(config[key])) is None:
                raise ValueError(f"{key}={config[key]!r} is no shape")
            return shape
    layers = config.get("layers")
    if isinstance(layers, list) and layers and "input_layers" not in config and (shape := input_shape(layers[0])):
        return shape
    build = item.get("build_config")
    for value in (build.get("input_shape") if isinstance(build, Mapping) else None, config.get("build_input_shape")):
        if shape := single(value):
            return shape
    if isinstance(config.get("input_shape"), list):
        return (None, *config["input_shape"])
    if item.get("class_name") == "Embedding":
        return (None, config["input_length"]) if isinstance(config.get("input_length"), int) else None
    if isinstance(config.get("input_dim"), int):
        return (
            (None, config["input_length"], config["input_dim"])
            if config.get("input_length")
            else (None, config["input_dim"])
        )
    return None


def tells_input(item: Mapping[str, Any]) -> bool:
    """Whether a model says in its config what it takes: functional ones do, Sequentials by a shape or a first layer."""
    config = item["config"]
    layers = config if isinstance(config, list) else config.get("layers")
    if isinstance(config, Mapping) and "input_layers" in config:
        return True
    return input_shape(item) is not None or bool(
        isinstance(layers, list) and layers and full_name(layers[0]) in CONTAINERS and tells_input(layers[0])
    )


def single(value: Any) -> Dims | None:
    """One shape of sizes and None, also where it stands alone in a list; None for anything else."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if isinstance(value, list) and value and all(size is None or isinstance(size, int) for size in value):
        return tuple(value)
    return None


def implied_shape(layer: Layer | None, stored: Stored | None) -> Dims | None:
    """The input shape that a first layer's kernel implies, its sizes free; None where that is not sure.

    Dense (in, out): (None, in). Convolutions (*taps, in, out): (None, *free, in).
    """
    kind = type(layer).__name__
    if (
        stored is None
        or (kind == "Dense") != (len(stored.shape) == 2)
        or not kind.startswith(("Dense", "Conv", "Depthwise"))
    ):
        return None
    if (
        kind.endswith("Transpose")
        or getattr(layer, "data_format", None) == "channels_first"
        or getattr(layer, "groups", 1) != 1
    ):
        return None
    return (None, *[None] * (len(stored.shape) - 2), stored.shape[-2])


def input_dtype(value: Any) -> str:
    """The dtype of an input as NumPy names it: integers and bool as the file says, all else float32."""
    return value if isinstance(value, str) and value.startswith(("int", "uint", "bool")) else "float32"
