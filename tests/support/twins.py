"""Options of layers as Keras' layers of the same names take them."""

from __future__ import annotations

from typing import Any

from glnn.layers.base import Layer


def of_keras(layer: Layer, options: dict[str, Any]) -> dict[str, Any]:
    """The options where Keras says them otherwise: bare numbers and pairs along one axis, no order unless asked."""
    told = dict(options)
    if told.get("data_format", "") is None:  # which not all layers on sequences have
        del told["data_format"]
    for name in ("padding", "cropping", "size"):
        if getattr(layer, "axes", 2) == 1 and isinstance(told.get(name), tuple):
            told[name] = told[name][0]
    return told
