"""Cases of layers that do nothing at inference, which cases/keras.py adds to the table."""

from __future__ import annotations

from glnn.graph.shapes import Shape
from glnn.layers.base import Layer
from glnn.layers.core import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)

KINDS = (Dropout, SpatialDropout, GaussianDropout, GaussianNoise, AlphaDropout, ActivityRegularization)
CASES: list[tuple[Layer, tuple[Shape, ...], str]] = [  # layer, shapes, kind of values
    (kind(), (shape,), "normal") for kind in KINDS for shape in ((2, 5, 3), (1, 5, 7, 4), (2, 2, 3, 5, 6))
]
CASES += [(kind(), ((2, 5, 3),), "special") for kind in KINDS]
