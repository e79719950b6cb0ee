"""The backend tests of the package onnx, each through the shaders: a share on a push, all with --whole.

tests/data/onnx-refused.json names those that glnn refuses, with its reason: they must go on to be refused so.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import onnx_suite, shares

from glnn.errors import GlnnError

pytest.importorskip("onnx")

TOLD = json.loads((Path(__file__).parents[2] / "data" / "onnx-refused.json").read_text())
REFUSED = {name: why for why, names in TOLD.items() for name in names}
SHARE = 12
CASES = onnx_suite.every_case()
KNOWN = [name for name in CASES if name not in REFUSED and name not in onnx_suite.DIFFERING]
PARAMS = [
    pytest.param(name, id=name, marks=[pytest.mark.whole] if number % SHARE else [])
    for number, name in enumerate(KNOWN)
]


@pytest.mark.parametrize("name", shares.kept(PARAMS))
def test_case(name: str) -> None:
    onnx_suite.judge(onnx_suite.read(CASES[name]))


@pytest.mark.parametrize(
    "name", [name for number, name in enumerate(sorted(REFUSED)) if shares.whole or not number % SHARE]
)
def test_refused(name: str) -> None:
    with pytest.raises(GlnnError) as told:
        onnx_suite.judge(onnx_suite.read(CASES[name]))
    assert REFUSED[name] in str(told.value)


def test_more_than_onnxruntime() -> None:
    """The public scoreboard has 1,571 of its 1,914 cases for the CPU build of onnxruntime."""
    assert len(KNOWN) > 1571
