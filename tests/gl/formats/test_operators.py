"""Operators of Keras 3 through shaders, from a model's file to its answer: a share of the cases, --whole all."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from cases.operators import CASES, Case
from support import operators

import glnn

keras = pytest.importorskip("keras")
SHARE = 16
PARAMS = [
    pytest.param(case, id=case[0], marks=[] if zlib.crc32(case[0].encode()) % SHARE == 0 else [pytest.mark.whole])
    for case in CASES
]


@pytest.fixture(scope="module")
def phone() -> glnn.Device:
    with glnn.Device(dialect="es100", max_texture_size=64) as device:
        yield device


@pytest.mark.parametrize("case", PARAMS)
def test_an_operator_agrees_with_keras(case: Case, device: glnn.Device, phone: glnn.Device, tmp_path: Path) -> None:
    path = operators.saved(keras, case, tmp_path)
    xs = operators.inputs(case, 3)
    expected = operators.answer(keras, case, xs)
    for where in (device, phone):
        with glnn.Model.load(path, device=where) as model:
            result = model.predict(xs if len(xs) > 1 else xs[0])
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=2e-4, atol=2e-4)
