"""Operators that Keras 3 writes into functional models: read from its JSON, computed as Keras computes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.operators import CASES, Case
from support import operators

from glnn.formats import load
from glnn.graph import reference

keras_module = pytest.importorskip("keras")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_an_operator_agrees_with_keras(case: Case, tmp_path: Path) -> None:
    graph = load(operators.saved(keras_module, case, tmp_path))
    for batch in (1, 3):
        xs = operators.inputs(case, batch)
        found: Any = reference.run(graph, dict(zip([spec.name for spec in graph.inputs], xs, strict=True)))
        expected = operators.answer(keras_module, case, xs)
        (result,) = found.values()
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=2e-5, atol=2e-5)
