"""Floating-point operations, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from support.models import conv_net, one

from glnn.layers.activation import Softmax
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.core import Dense, Flatten
from glnn.layers.pooling import MaxPooling2D
from glnn.layers.recurrent import SimpleRNN
from glnn.measure.look.operations import by_label
from glnn.passes import optimize


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("layer", "shapes", "weights", "flop"),
    [
        (Dense(5, use_bias=False), [(7,)], {"kernel": zeros(7, 5)}, 2 * 3 * 7 * 5),
        (Conv2D(4, 3, padding="same", use_bias=False), [(8, 9, 2)], {"kernel": zeros(3, 3, 2, 4)}, 6 * 72 * 9 * 2 * 4),
        (DepthwiseConv2D(3, use_bias=False), [(8, 9, 2)], {"depthwise_kernel": zeros(3, 3, 2, 1)}, 2 * 3 * 42 * 9 * 2),
        (Conv2D(4, 3, 2, groups=2, use_bias=False), [(9, 9, 4)], {"kernel": zeros(3, 3, 2, 4)}, 6 * 16 * 9 * 2 * 4),
        (MaxPooling2D(2), [(8, 8, 2)], {}, 3 * 16 * 2 * 4),
        (Softmax(), [(10,)], {}, 4 * 3 * 10),
        (Flatten(), [(4, 4, 2)], {}, 0),
    ],
)  # fmt: skip
def test_by_hand(layer: object, shapes: list, weights: dict, flop: float) -> None:
    graph = one(layer, *shapes, **weights)
    given = {f"x{k}": (3, *shape) for k, shape in enumerate(shapes)}
    assert by_label(graph, given)["layer"] == flop
    assert by_label(optimize(graph), given)["layer"] == flop  # the same of what runs


def test_turns_count() -> None:
    weights = {"kernel": zeros(3, 4), "recurrent_kernel": zeros(4, 4), "bias": zeros(4)}
    graph = one(SimpleRNN(4), (11, 3), **weights)
    flop = by_label(graph, {"x0": (2, 11, 3)})["layer"]
    products = 2 * 2 * 11 * (3 * 4 + 4 * 4)
    assert products <= flop <= 1.3 * products  # and sums, and tanh


def test_layers_by_label() -> None:
    found = by_label(conv_net(), {"x": (2, 9, 7, 3)})
    assert found["conv"] == 2 * 2 * 63 * 9 * 3 * 6 + 2 * 63 * 6  # relu ends in its draw
    assert found["dense"] >= 2 * 2 * 6 * 5
