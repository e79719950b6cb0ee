"""Operators of TensorFlow.js' graph-models in NumPy, against TensorFlow.js."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.tensorflow import CASES, Case
from support import shares
from support.graph_model_cases import answers, judge

import glnn

PARAMS = shares.one_in(4, CASES)


@pytest.mark.parametrize("case", shares.kept(PARAMS))
def test_case(case: Case, tmp_path: Path) -> None:
    judge(case, glnn.Device("numpy"), tmp_path)


def test_answers_belong_to_cases() -> None:
    assert set(answers()) == {case.name for case in CASES}
