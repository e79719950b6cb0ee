"""ONNX models with control flow, sequences and free sizes by the NumPy device, against onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases.onnx_control import FREE, MODELS
from support import shares
from support.onnx_nodes import compare, expected, same

import glnn

parser = pytest.importorskip("onnx.parser")
pytest.importorskip("onnxruntime")

PARAMS = shares.one_in(3, MODELS)


@pytest.mark.parametrize("name", shares.kept(PARAMS))
def test_model(name: str) -> None:
    text, given = MODELS[name]
    model = parser.parse_model(text)
    compare(model, given, expected(model, given), glnn.Device("numpy"))


@pytest.mark.parametrize("name", FREE)
def test_free_batch(name: str, tmp_path: Path) -> None:
    """Any batch goes; one graph does where that is sure."""
    text, one = FREE[name]
    model = parser.parse_model(text)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    rng = np.random.default_rng(0)
    with glnn.Model.load(tmp_path / "model.onnx", device=glnn.Device("numpy")) as loaded:
        assert (loaded.session.graph.staging is None) == one
        for batch in (1, 3):
            given = {
                info.name: rng.normal(size=[d.dim_value or batch for d in info.type.tensor_type.shape.dim])
                for info in model.graph.input
            }
            arrays = {key: array.astype(np.float32) for key, array in given.items()}
            same(list(loaded.predict(arrays).values()), expected(model, arrays))
