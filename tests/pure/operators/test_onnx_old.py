"""Opset 6: an operand whose axes are those of the other from one on, and no broadcasting that nobody asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.onnx_nodes import Case, model_of
from support.seeds import seeded

import glnn
from glnn.errors import GlnnError

pytest.importorskip("onnx")
RNG = seeded(2)
X = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)


def predicted(folder: Path, case: Case) -> np.ndarray:
    from onnx import helper

    model, given = model_of(case)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y0", 1, X.shape))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with glnn.Model.load(folder / "model.onnx", device=glnn.Device("numpy")) as loaded:
        return loaded.predict(given)["y0"]


@pytest.mark.parametrize(("shape", "axis"), [((3, 4), 1), ((2,), 0), ((4, 5), None), ((5,), 3), ((), None)])
@pytest.mark.parametrize("known", [False, True])
def test_broadcasting(shape: tuple[int, ...], axis: int | None, known: bool, tmp_path: Path) -> None:
    y = np.asarray(RNG.normal(size=shape), np.float32)
    options: dict[str, Any] = {"broadcast": 1} if axis is None else {"broadcast": 1, "axis": axis}
    made = predicted(tmp_path, Case("Sub", 6, (X, (y,) if known else y), options))
    after = 0 if axis is None else 4 - axis - len(shape)
    np.testing.assert_allclose(made, X - y.reshape((*shape, *(1,) * after)), 1e-6)


@pytest.mark.parametrize("slopes", [1, 3])
def test_prelu_by_channel(slopes: int, tmp_path: Path) -> None:
    slope = RNG.normal(size=slopes).astype(np.float32)
    made = predicted(tmp_path, Case("PRelu", 6, (X, (slope,)), {}))
    np.testing.assert_allclose(made, np.where(X < 0, X * slope[:, None, None], X), 1e-6)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (Case("Add", 6, (X, X[0]), {}), "broadcast=0"),
        (Case("Dropout", 6, (X,), {}), "is_test=0"),
        (Case("BatchNormalization", 6, (X, *[np.ones(3, np.float32)] * 4), {}), "is_test=0"),
        (Case("Dropout", 13, (X, None, (np.asarray(True),)), {}), "training_mode"),
        (Case("Bernoulli", 15, (X,), {}), "random numbers"),
        (Case("LpNormalization", 13, (X,), {"p": 3}), "p=3"),
        (Case("Det", 13, (X,), {}), "square"),
        (Case("BitShift", 13, (X.astype(np.uint8), X.astype(np.uint8)), {"direction": "UP"}), "LEFT or RIGHT"),
        (Case("Trilu", 14, (X[0, 0, 0],), {}), "two axes"),
    ],
)
def test_refused_with_a_reason(case: Case, words: str, tmp_path: Path) -> None:
    with pytest.raises(GlnnError, match=words):
        predicted(tmp_path, case)
