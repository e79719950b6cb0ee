"""Cases of pooling to a given size, which cases/keras.py adds to the table."""

from __future__ import annotations

from glnn.graph.shapes import Shape
from glnn.layers.adaptive import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from glnn.layers.base import Layer

CASES: list[tuple[Layer, tuple[Shape, ...], str]] = []


def case(layer: Layer, *shapes: Shape, kind: str = "normal") -> None:
    CASES.append((layer, shapes, kind))


for Line, Image, Volume in (
    (AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D),
    (AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D),
):
    # sizes that divide, that do not, that are larger than the image's, sizes of 1
    for size, length in ((3, 6), (5, 7), (4, 10), (5, 3), (1, 7), (1, 1)):
        case(Line(size), (3, length, 5))
    for size, shape in (((3, 4), (1, 6, 9, 4)), ((5, 4), (3, 7, 9, 5)), (2, (1, 8, 6, 3)), ((1, 7), (1, 5, 4, 1))):
        case(Image(size), shape)
    case(Volume((2, 3, 4)), (1, 3, 5, 9, 5))
    case(Volume((2, 1, 5)), (3, 4, 3, 4, 1))
    case(Line(4, "channels_first"), (3, 5, 6))
    case(Image((3, 5), "channels_first"), (3, 5, 8, 7))
    case(Volume((2, 4, 3), "channels_first"), (1, 5, 3, 6, 5))
    case(Image((3, 5)), (1, 10, 11, 4), kind="special")
    case(Line(40), (1, 97, 3))
