"""The goals: shares of the time of TensorFlow.js' WebGL backend in its faster form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BASE = ("tfjs-webgl-layers", "tfjs-webgl-graph")
OURS = ("glnn-page", "glnn-python")
GOALS = {"mnist": 0.25, "squeezenet": 0.3, "mobilenetv2": 0.45, "resnet50": 0.35, "style": 0.1, "lstm": 0.1}
FIRST_GOAL = 0.25


def fastest(figures: Mapping[str, Any]) -> str | None:
    """The faster of the two forms among a network's figures by contestant, None where neither ran."""
    there = [name for name in BASE if "ms" in figures.get(name, {})]
    return min(there, key=lambda name: figures[name]["ms"]["median"], default=None)
