"""A case of a graph-model: written, loaded, run on a device, and compared with what TensorFlow.js answered."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from cases.tensorflow import Case

import glnn

GOLDEN = Path(__file__).parents[1] / "golden" / "graph_models.npz"


@lru_cache
def answers() -> dict[str, list[np.ndarray]]:
    """TensorFlow.js' outputs by case."""
    with np.load(GOLDEN) as stored:
        arrays = dict(stored)
    found: dict[str, list[np.ndarray]] = {}
    for key in sorted(arrays, key=lambda k: (k.rpartition("/")[0], int(k.rpartition("/")[2]))):
        found.setdefault(key.rpartition("/")[0], []).append(arrays[key])
    return found


def judge(case: Case, device: glnn.Device, folder: Path) -> None:
    """The outputs are TensorFlow.js', in shape, type and value."""
    model, outputs = case.build()
    path = model.write(folder, outputs)
    with glnn.Model.load(path, device=device) as loaded:
        made = list(loaded.predict(model.feeds).values()) if model.feeds else list(loaded.predict({}).values())
    wanted = answers()[case.name]
    assert len(made) == len(wanted)
    for one, other in zip(made, wanted, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one.astype(np.float64), other.astype(np.float64), rtol=1e-4, atol=2e-5)
