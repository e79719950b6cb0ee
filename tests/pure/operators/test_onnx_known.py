"""What an ONNX file computes of constants: rounded operator by operator, as runtimes round it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import glnn

parser = pytest.importorskip("onnx.parser")
# The buckets of relative positions, as T5 has them: 16, 32 and 64 are right at a border.
BUCKETS = """<ir_version: 8, opset_import: ["" : 18]> agraph (int64[N] x) => (int64[N] y) {
    none = Constant<value = int64 {0}>()
    one = Constant<value = int64 {1}>()
    many = Constant<value = int64 {100}>()
    numbers = Range(none, many, one)
    places = Cast<to = 1>(numbers)
    eight = Constant<value = float {8.0}>()
    parts = Div(places, eight)
    logs = Log(parts)
    whole = Constant<value = float {2.7725887}>()
    shares = Div(logs, whole)
    steps = Mul(shares, eight)
    rounded = Cast<to = 7>(steps)
    y = Add(x, rounded)
}"""


def test_a_floor_right_at_a_border(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(parser.parse_model(BUCKETS).SerializeToString())
    with np.errstate(divide="ignore"):
        logs = np.log(np.arange(100, dtype=np.float32) / np.float32(8))
    expected = (logs / np.float32(2.7725887) * np.float32(8))[8:].astype(np.int64)
    assert expected[[16 - 8, 32 - 8, 64 - 8]].tolist() == [2, 4, 6]
    with glnn.Model.load(tmp_path / "model.onnx", device=glnn.Device("numpy")) as model:
        (made,) = model.predict({"x": np.zeros(100, np.int64)}).values()
    np.testing.assert_array_equal(made[8:], expected)
