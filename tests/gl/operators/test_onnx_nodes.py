"""Nodes of ONNX through the shaders, against onnxruntime."""

from __future__ import annotations

import pytest
from cases.onnx_all import CASES
from support import shares
from support.onnx_nodes import Case, judge

import glnn

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SHARE = 16
PARAMS = [
    pytest.param(case, id=case.name, marks=[pytest.mark.whole] if number % SHARE else [])
    for number, case in enumerate(CASES)
]


@pytest.fixture(scope="module")
def device() -> glnn.Device:
    return glnn.Device()


@pytest.mark.parametrize("case", shares.kept(PARAMS))
def test_node(case: Case, device: glnn.Device) -> None:
    judge(case, device)
