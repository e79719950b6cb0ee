"""Operators that Keras 3 writes into functional models: read from its JSON, computed as Keras computes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.operators import CASES, Case
from support import operators, shares
from support.bad_files import refused

from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph import reference

keras_module = pytest.importorskip("keras")


# Saving and loading each takes Keras longer than the comparison.
@pytest.mark.parametrize("case", shares.kept(shares.one_in(2, CASES)))
def test_an_operator_agrees_with_keras(case: Case, tmp_path: Path) -> None:
    graph = load(operators.saved(keras_module, case, tmp_path))
    for batch in (1, 3):
        xs = operators.inputs(case, batch)
        found: Any = reference.run(graph, dict(zip([spec.name for spec in graph.inputs], xs, strict=True)))
        expected = operators.answer(keras_module, case, xs)
        (result,) = found.values()
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ["depth_to_space", "space_to_depth"])
def test_sub_pixels_of_channels_first_are_refused(name: str, tmp_path: Path) -> None:
    """Keras' JAX and TensorFlow give their channels in two orders, and the file does not tell which is meant."""
    x = keras_module.Input((12, 4, 6))
    model = keras_module.Model(x, getattr(keras_module.ops, name)(x, 2, data_format="channels_first"))
    (tmp_path / "m.json").write_text(model.to_json())
    refused(UnsupportedError, tmp_path / "m.json", f"keras.ops.{name}", "data_format='channels_first'", "transpose")
