"""Whole numbers beyond those that float32 tells apart: what comes out, and the warnings that tell of it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn

parser = pytest.importorskip("onnx.parser")


def made(folder: Path, ends: str, calls: str, x: Any) -> tuple[Any, list[Any]]:
    """What a model of these calls makes of x, and the warnings."""
    text = f'<ir_version: 8, opset_import: ["" : 18]> agraph {ends} {{ {calls} }}'
    (folder / "m.onnx").write_bytes(parser.parse_model(text).SerializeToString())
    with (
        warnings.catch_warnings(record=True) as said,
        glnn.Model.load(folder / "m.onnx", device=glnn.Device("numpy")) as model,
    ):
        warnings.simplefilter("always")
        return model.predict(x), said


@pytest.mark.parametrize("size", ["2", "N"])
def test_each_output_is_told(size: str, tmp_path: Path) -> None:
    """5001 * 5001 is odd and more than 2^24: a warning for each output that holds such, at the caller's line."""
    model = f"(int32[{size}] x) => (int32[{size}] y, int32[{size}] z)", "y = Mul(x, x)  z = Neg(y)"
    (y, z), said = made(tmp_path, *model, np.int32([4096, -4000]))
    assert (y.tolist(), z.tolist(), said) == ([2**24, 16_000_000], [-(2**24), -16_000_000], [])
    (y, _), said = made(tmp_path, *model, np.int32([5001, -2]))
    assert y.dtype == np.int32 and y[0] in (25_010_000, 25_010_002)
    assert [str(one.message).partition(":")[0] for one in said] == ["output 'y'", "output 'z'"]
    assert "up to 25010000 came out as int32" in str(said[0].message) and "2^24" in str(said[0].message)
    assert {one.filename for one in said} == {__file__}


def test_ends_floats_and_what_is_exact_are_not_told(tmp_path: Path) -> None:
    calls = """
        whole = Cast<to = 7>(x)  one = Constant<value = int64 {1}>()  a = Add(whole, one)
        low = Constant<value = int64[2] {-9223372036854775808, 5}>()  b = Min(a, low)
        big = Constant<value = float {1e20}>()  c = Mul(x, big)
        exact = Constant<value = int64 {1099511627777}>()  d = Add(exact, one)"""
    ends = "(float[2] x) => (int64[2] a, int64[2] b, float[2] c, int64 d)"
    (a, b, c, d), said = made(tmp_path, ends, calls, np.float32([3, 9]))
    assert (a.tolist(), b.tolist(), d.tolist(), said) == ([4, 10], [-(2**63), 5], 2**40 + 2, [])
    np.testing.assert_allclose(c, [3e20, 9e20], rtol=1e-6)


def test_a_cast_of_large_floats_is_told(tmp_path: Path) -> None:
    y, said = made(tmp_path, "(float[2] x) => (int64[2] y)", "y = Cast<to = 7>(x)", np.float32([1e10, np.inf]))
    assert y[0] == 10**10 and "output 'y': whole numbers up to 10000000000" in str(said[0].message)


def test_what_a_host_step_reads_is_told(tmp_path: Path) -> None:
    ends, calls = "(int32[3] x) => (int32[M] y)", "square = Mul(x, x)  y = Unique(square)"
    y, said = made(tmp_path, ends, calls, np.int32([5001, 3, 3]))
    assert y[0] == 9 and len(y) == 2 and len(said) == 1
    assert str(said[0].message).startswith("'square', which ")
    assert "(Unique) reads: whole numbers up to 25010000" in str(said[0].message)
