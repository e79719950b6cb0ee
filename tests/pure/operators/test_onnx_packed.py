"""MultiHeadAttention of queries, keys and values in one tensor, which onnxruntime lacks on CPUs, as with them apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.onnx_nodes import Case, model_of
from support.seeds import seeded

import glnn

pytest.importorskip("onnx")
RNG = seeded(4)
N, L, HEADS, D = 2, 3, 4, 6


def predicted(folder: Path, *inputs: np.ndarray | None) -> np.ndarray:
    from onnx import helper

    model, given = model_of(Case("MultiHeadAttention", 20, inputs, {"num_heads": HEADS}, domain="com.microsoft"))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y0", 1, (N, L, HEADS * D)))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with glnn.Model.load(folder / "model.onnx", device=glnn.Device("numpy")) as loaded:
        return loaded.predict(given)["y0"]


@pytest.mark.parametrize("bias", [None, RNG.normal(size=3 * HEADS * D).astype(np.float32)])
def test_packed(bias: np.ndarray | None, tmp_path: Path) -> None:
    q, k, v = (RNG.normal(size=(N, L, HEADS, D)).astype(np.float32) for _ in range(3))
    apart = predicted(tmp_path, *(x.reshape(N, L, -1) for x in (q, k, v)), bias)
    np.testing.assert_allclose(predicted(tmp_path, np.stack([q, k, v], 3), None, None, bias), apart, 1e-5, 1e-6)
    pair = np.stack([k, v], 3)
    np.testing.assert_allclose(predicted(tmp_path, q.reshape(N, L, -1), pair, None, bias), apart, 1e-5, 1e-6)
