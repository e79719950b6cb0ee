"""Nodes of ONNX by the NumPy device, against onnxruntime."""

from __future__ import annotations

import pytest
from cases.onnx_all import CASES
from support import shares
from support.onnx_nodes import Case, judge

import glnn

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

PARAMS = shares.one_in(8, CASES)


@pytest.fixture(scope="module")
def device() -> glnn.Device:
    return glnn.Device("numpy")


@pytest.mark.parametrize("case", shares.kept(PARAMS))
def test_node(case: Case, device: glnn.Device) -> None:
    judge(case, device)
