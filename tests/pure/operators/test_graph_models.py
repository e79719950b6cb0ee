"""Operators of TensorFlow.js' graph-models in NumPy, against TensorFlow.js."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.tensorflow import CASES, Case
from support import shares
from support.graph_model_cases import answers, judge

import glnn

SHARE = 4
PARAMS = [
    pytest.param(case, id=case.name, marks=[pytest.mark.whole] if number % SHARE else [])
    for number, case in enumerate(CASES)
]


@pytest.mark.parametrize("case", shares.kept(PARAMS))
def test_case(case: Case, tmp_path: Path) -> None:
    judge(case, glnn.Device("numpy"), tmp_path)


def test_answers_belong_to_cases() -> None:
    assert set(answers()) == {case.name for case in CASES}
