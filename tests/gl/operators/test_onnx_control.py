"""ONNX models with control flow and sequences through the shaders, against onnxruntime."""

from __future__ import annotations

import pytest
from cases.onnx_control import MODELS
from support import shares
from support.onnx_nodes import compare, expected

import glnn

parser = pytest.importorskip("onnx.parser")
pytest.importorskip("onnxruntime")

SHARE = 5
PARAMS = [
    pytest.param(name, id=name, marks=[pytest.mark.whole] if number % SHARE else [])
    for number, name in enumerate(MODELS)
]


@pytest.fixture(scope="module")
def device() -> glnn.Device:
    return glnn.Device()


@pytest.mark.parametrize("name", shares.kept(PARAMS))
def test_model(name: str, device: glnn.Device) -> None:
    text, given = MODELS[name]
    model = parser.parse_model(text)
    compare(model, given, expected(model, given), device)
