"""A finish in a loop over a block's values: each is finished once, and stays in its place."""

from __future__ import annotations

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense
from glnn.testing import check_layer

RNG = seeded(3)
DEVICES: dict[str, dict[str, object]] = {
    "es300": {},
    "four": {"draw_buffers": 4},
    "gl330": {"dialect": "gl330"},
    "compute": {"stage": "compute"},
    "numpy": {"index": "numpy"},
}


@pytest.mark.parametrize("activation", ["gelu", "tanh", "softplus"])
@pytest.mark.parametrize("name", DEVICES)
def test_a_loop_finishes_every_value_of_a_block(name: str, activation: str) -> None:
    with glnn.Device(**DEVICES[name]) as device:  # type: ignore[arg-type]
        for layer, shape in (
            (Conv2D(6, (3, 3), padding="same", activation=activation), (2, 7, 11, 5)),
            (Dense(12, activation), (1, 19, 8)),
        ):
            weights = {s.name: RNG.normal(size=s.shape).astype(np.float32) for s in layer.weight_specs(shape)}
            check_layer(device, layer, [RNG.normal(size=shape).astype(np.float32)], weights)
