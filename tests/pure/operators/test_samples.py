"""Models of ONNX whose first axis is free: a batch is cut into pieces where samples do not meet, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn

pytest.importorskip("onnx")

Node = tuple[str, list[str], dict[str, Any]]
ALONE: dict[str, list[Node]] = {
    "elements": [("Mul", ["x", "v"], {}), ("Softmax", ["y0"], {"axis": -1})],
    "convolution": [
        ("Conv", ["x", "k"], {"pads": [1, 1, 1, 1]}),
        ("GlobalAveragePool", ["y0"], {}),
        ("Flatten", ["y1"], {}),
        ("Gemm", ["y2", "m"], {}),
    ],
    "attention": [
        ("Flatten", ["x"], {}),
        ("Reshape", ["y0", "rows"], {}),
        ("Transpose", ["y1"], {"perm": [0, 2, 1]}),
        ("MatMul", ["y1", "y2"], {}),
        ("ReduceMean", ["y3"], {"axes": [1], "keepdims": 0}),
    ],
    "places": [("ArgMax", ["x"], {"axis": 1}), ("CumSum", ["x", "two"], {}), ("Concat", ["y1", "x"], {"axis": 2})],
}
TOGETHER: dict[str, list[Node]] = {
    "softmax": [("Softmax", ["x"], {"axis": 0})],
    "running sums": [("CumSum", ["x", "zero"], {})],
    "mean": [("ReduceMean", ["x"], {"axes": [0], "keepdims": 1}), ("Sub", ["x", "y0"], {})],
    "turned": [("Slice", ["x", "last", "first", "zeros", "last"], {})],
    "products": [
        ("Flatten", ["x"], {}),
        ("Transpose", ["y0"], {"perm": [1, 0]}),
        ("MatMul", ["y1", "y0"], {}),
        ("MatMul", ["y0", "y2"], {}),
    ],
}


def saved(folder: Path, nodes: list[Node]) -> Path:
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(3)
    made = [helper.make_node(op, inputs, [f"y{k}"], **options) for k, (op, inputs, options) in enumerate(nodes)]
    arrays = {
        "v": rng.normal(size=(3, 1, 1)), "k": rng.normal(size=(5, 3, 3, 3)), "m": rng.normal(size=(5, 2)),
        "rows": np.array([-1, 3, 20]), "zero": np.array(0), "two": np.array(2), "zeros": np.array([0]),
        "last": np.array([-1]), "first": np.array([-(2**31)]),
    }  # fmt: skip
    known = [
        numpy_helper.from_array(a.astype(np.float32 if a.dtype.kind == "f" else np.int64), n)
        for n, a in arrays.items()
        if any(n in inputs for _, inputs, _ in nodes)
    ]
    x = helper.make_tensor_value_info("x", 1, ["N", 3, 4, 5])
    y = helper.make_tensor_value_info(f"y{len(nodes) - 1}", 1, None)
    graph = helper.make_graph(made, "samples", [x], [y], known)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("name", [*ALONE, *TOGETHER])
def test_pieces(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path, {**ALONE, **TOGETHER}[name])
    x = np.random.default_rng(5).normal(size=(7, 3, 4, 5)).astype(np.float32)
    with glnn.Model.load(path, device=glnn.Device("numpy")) as model:
        whole, pieces = model.predict(x), model.predict(x, batch_size=2)
        assert (model.graph.staging is None) == (name in ALONE)
    np.testing.assert_allclose(pieces, whole, 1e-5, 1e-5)
