"""The report on quantized models of operators that are drawn anew for each size: drift layer by layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import glnn

onnx = pytest.importorskip("onnx")
parser = pytest.importorskip("onnx.parser")

PLAIN = ("(float[N, M, 8] x) => (float[N, M, 4] y)", "a = MatMul(x, u) b = Relu(a) y = MatMul(b, v)")
STAGED = (
    "(float[N, M, 8] x) => (float[K] y)",
    "a = MatMul(x, u) b = Relu(a) c = MatMul(b, v) one = Constant<value = int64[1] {-1}>() i = NonZero(b) "
    "k = Size(i) s = Reshape(k, one) o = ConstantOfShape<value = float[1] {2}>(s) m = ReduceMean<keepdims = 0>(c) "
    "p = Mul(o, w) y = Add(p, m)",
)


@pytest.mark.parametrize("model", [PLAIN, STAGED], ids=["free", "host step"])
def test_drift_by_layer(model: tuple[str, str], tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    ends, calls = model
    made = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> agraph {ends} {{ {calls} }}')
    arrays = {"u": rng.normal(size=(8, 16)), "v": rng.normal(size=(16, 4)), "w": np.ones(1)}
    made.graph.initializer.extend(onnx.numpy_helper.from_array(a.astype(np.float32), n) for n, a in arrays.items())
    onnx.save(made, tmp_path / "m.onnx")
    x = rng.normal(size=(2, 5, 8)).astype(np.float32)
    with (
        glnn.Model.load(tmp_path / "m.onnx", device=glnn.Device("numpy")) as full,
        full.quantize("uint8", calibrate=x) as small,
        full.quantize("uint8") as unmeasured,
    ):
        assert full.graph.staging is not None and small.report is not None and unmeasured.report is not None
        drifts = {row.name: row.drift for row in small.report.layers if row.type == "MatMul"}
        assert len(drifts) == 2 and {row.drift for row in unmeasured.report.layers} == {None}
        assert (small.report.drift == np.inf) == (model is STAGED)  # other elements are 0: it has another size
        u = small.graph.nodes[0].weights
        (codes,) = u.values()
        exact, got = x @ arrays["u"].astype(np.float32), x @ np.asarray(codes, np.float32)
        own = float(np.sqrt(np.square(got - exact).sum() / np.square(exact).sum()))
        assert next(iter(drifts.values())) == pytest.approx(own, rel=1e-3)
        assert all(drift is not None and 1e-4 < drift < 0.02 for drift in drifts.values())
