"""Decoding token by token, each with keys and values one longer: a graph for each length, of the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.run.resident import Bank, Resident, Uploaded

onnx = pytest.importorskip("onnx")
parser = pytest.importorskip("onnx.parser")
runtime = pytest.importorskip("onnxruntime")

CALLS = """
    h = Gather(table, ids)  q = MatMul(h, wq)  k = MatMul(h, wk)  v = MatMul(h, wv)
    a, nk, nv = Attention<is_causal = 1, q_num_heads = 2, kv_num_heads = 2>(q, k, v, , pk, pv)
    o = MatMul(a, wo)  s = Add(h, o)  logits = MatMul(s, wh)"""
ENDS = """(int64[N, L] ids, float[N, 2, P, 4] pk, float[N, 2, P, 4] pv)
    => (float[N, L, 20] logits, float[N, 2, Q, 4] nk, float[N, 2, Q, 4] nv)"""


def write(folder: Path) -> Path:
    rng = np.random.default_rng(2)
    model = parser.parse_model(f'<ir_version: 10, opset_import: ["" : 23]> agraph {ENDS} {{ {CALLS} }}')
    shapes = {"table": (20, 8), "wh": (8, 20)} | {f"w{n}": (8, 8) for n in "qkvo"}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in arrays.items())
    onnx.save(model, folder / "m.onnx")
    return folder / "m.onnx"


def decoded(run: Any, steps: int) -> list[np.ndarray]:
    ids, past = np.int64([[3, 1, 4]]), dict.fromkeys(("pk", "pv"), np.zeros((1, 2, 0, 4), np.float32))
    made = []
    for _ in range(steps):
        logits, past["pk"], past["pv"] = run({"ids": ids, **past})
        made.append(logits)
        ids = logits[:, -1:].argmax(-1)
    return made


def test_weights_are_uploaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, uploads = write(tmp_path), []
    upload = Resident._upload
    monkeypatch.setattr(Resident, "_upload", lambda self, plan: (uploads.append(plan.key), upload(self, plan))[1])
    oracle = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    model = glnn.Model.load(path, device=glnn.Device("numpy"))
    expected = decoded(lambda feeds: oracle.run(None, feeds), 12)  # more than plans are kept
    got = decoded(lambda feeds: list(model.predict(feeds).values()), 12)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for name in ("wq", "wk", "wv", "wo", "wh"):
        assert sum(key.startswith(name) for key in uploads) == 1, name
    bank = model.session.bank
    assert {kept.users for several in bank._kept.values() for kept in several} >= {8}
    model.close()
    assert not any(bank._kept.values())


def test_a_bank_tells_values_apart() -> None:
    bank, w = Bank(), np.arange(6, dtype=np.float32)
    kept = bank.put("w", Uploaded([], w, 0))
    assert bank.take("w", w[:], 0) is kept and kept.users == 2
    assert all(bank.take("w", other, 0) is None for other in (w.copy(), w[1:], w[::-1], w.reshape(2, 3), w.view("i4")))
    assert bank.take("w", w, 1) is None and bank.take("v", w, 0) is None
    bank.put("w", later := Uploaded([], w, 1))
    assert bank.take("w", w, 0) is None and bank.take("w", w, 1) is later
    bank.drop("w", kept)
    for _ in range(2):
        bank.drop("w", later)
    assert bank.take("w", w, 1) is None
