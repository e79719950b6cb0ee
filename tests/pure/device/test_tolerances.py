"""What a layer may be off by where its terms cancel: more than usual, and no more than rounding explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from support.seeds import seeded

from glnn.device import Device
from glnn.layers.base import Layer
from glnn.layout.codec import CODECS
from glnn.primitives.reduce import Reduce
from glnn.records import dataclass
from glnn.testing import check_layer
from glnn.testing.layers import CANCEL, cancelled

USUAL = CODECS["float16"].tolerance
AXES = (0, 1, 2, 3)
RNG = seeded(6)
POSITIVE = RNG.uniform(0.5, 1.5, (2, 3, 5, 4)).astype(np.float32)
CENTRED = POSITIVE - np.float32(POSITIVE.mean() - 0.004)  # the mean is a hundredth of the terms


@dataclass(frozen=True)
class Off(Reduce, filed=False):
    """A mean beside a reference that is `by` of it away: as if the shader were wrong by that."""

    by: float = 0.0

    def reference(self, inputs: Sequence[Any], weights: Mapping[str, Any]) -> Any:
        return super().reference(inputs, weights) * (1 + self.by)


@pytest.fixture(scope="module")
def device() -> Device:
    return Device("numpy", float_targets="float16")


def passes(device: Device, layer: Any, x: np.ndarray) -> bool:
    try:
        check_layer(device, layer, [x])
    except AssertionError as error:
        assert "not equal to tolerance" in str(error).lower()
        return False
    return True


def room(layer: Layer | Any, *inputs: np.ndarray) -> float:
    return cancelled(lambda given: [np.asarray(layer.reference(given, {}))], inputs, 0, USUAL)


def test_room_where_terms_cancel() -> None:
    assert USUAL < room(Reduce("mean", AXES), CENTRED) <= CANCEL * USUAL
    assert room(Reduce("mean", AXES), POSITIVE) < USUAL / 4
    assert room(Reduce("max", AXES), CENTRED) < USUAL
    assert room(Reduce("sum", (3,)), POSITIVE) < USUAL
    assert room(Reduce("mean", AXES), np.rint(CENTRED * 9)) < 1e-6  # whole numbers are what they are
    assert room(Reduce("mean", AXES), np.zeros((1, 1, 1, 1), np.float32)) == 0


def test_wrong_results_stay_wrong(device: Device) -> None:
    assert passes(device, Off("mean", AXES), POSITIVE) and passes(device, Off("mean", AXES), CENTRED)
    for by in (1.5 * USUAL, -1.5 * USUAL):
        assert not passes(device, Off("mean", AXES, by=by), POSITIVE)
    for by in ((CANCEL + 2) * USUAL, -(CANCEL + 2) * USUAL):
        assert not passes(device, Off("mean", AXES, by=by), CENTRED)
    with pytest.raises(AssertionError):
        check_layer(device, Off("mean", AXES, by=0.4 * USUAL), [CENTRED], tolerance=USUAL / 100)
