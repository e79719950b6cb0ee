"""Operators of TensorFlow.js' graph-models through the shaders, against TensorFlow.js."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.tensorflow import CASES, Case
from support import shares
from support.graph_model_cases import judge

import glnn

SHARE = 12
PARAMS = [
    pytest.param(case, id=case.name, marks=[pytest.mark.whole] if number % SHARE else [])
    for number, case in enumerate(CASES)
]


@pytest.fixture(scope="module")
def device() -> glnn.Device:
    return glnn.Device()


@pytest.mark.parametrize("case", shares.kept(PARAMS))
def test_case(case: Case, device: glnn.Device, tmp_path: Path) -> None:
    judge(case, device, tmp_path)
