"""Cases of the layers that models of keras.applications bring along: (layer, shapes of its inputs, kind of values)."""

from __future__ import annotations

from typing import Any

from glnn.layers.applications import CustomScaleLayer, LayerScale, StochasticDepth

SHAPES = ((1, 1, 1, 1), (3, 5, 7, 6), (2, 4, 9), (3, 5))

CASES: list[tuple[Any, tuple[tuple[int, ...], ...], str]] = [
    *((LayerScale(shape[-1]), (shape,), "normal") for shape in SHAPES),
    *((CustomScaleLayer(0.17), (shape, shape), "normal") for shape in SHAPES),
    (CustomScaleLayer(), ((2, 5, 3), (2, 5, 3)), "special"),
    (LayerScale(3), ((2, 5, 3),), "special"),
    (StochasticDepth(), ((2, 5, 3),), "normal"),
]
