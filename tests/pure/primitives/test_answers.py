"""Primitives against what their cases say in plain NumPy; shapes, weights and free sizes of all of them."""

from __future__ import annotations

import numpy as np
import pytest
from cases.case import SPECIAL, Case
from cases.keras import CASES

from glnn.graph import as_tuple
from glnn.primitives.base import PRIMITIVES, Primitive, finish_of
from glnn.primitives.expr import RESULT, inputs
from glnn.primitives.loop import Repeat

MINE = [case for case in CASES if isinstance(case.layer, Primitive)]
ANSWERED = [case for case in MINE if case.answer]


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case.name)
def test_a_reference_is_what_numpy_says(case: Case) -> None:
    assert case.answer is not None
    wide = {name: w.astype(np.float64) for name, w in case.weights.items()}
    with np.errstate(all="ignore"):
        want = np.asarray(case.answer(*(x.astype(np.float64) for x in case.inputs), **wide))
    got = case.layer.reference([x.astype(np.float64) for x in case.inputs], wide)
    assert got.dtype == np.float64 and got.shape == want.shape == case.layer.output_shape(*case.shapes)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)
    narrow = case.layer.reference(case.inputs, case.weights)
    assert narrow.dtype == np.float32
    scale = float(np.abs(want[np.isfinite(want)]).max(initial=0))
    np.testing.assert_allclose(narrow, want, rtol=2e-5, atol=2e-5 * scale)


@pytest.mark.parametrize("case", MINE, ids=lambda case: case.name)
def test_shapes_are_those_of_what_comes_out(case: Case) -> None:
    made = as_tuple(case.layer.reference(case.inputs, case.weights))
    assert as_tuple(case.layer.output_shape(*case.shapes)) == tuple(array.shape for array in made)
    assert {name: w.shape for name, w in case.weights.items()} == {
        spec.name: tuple(spec.shape) for spec in case.layer.weight_specs(*case.shapes)
    }


def test_every_primitive_has_cases_of_its_own_and_of_what_is_fused_into_it() -> None:
    kinds = {type(case.layer) for case in MINE}
    assert kinds | {Repeat} == set(PRIMITIVES.values())  # whose cases are graphs: tests/support/repeats.py
    fused = {type(case.layer) for case in MINE if finish_of(case.layer) != RESULT}
    assert fused == {kind for kind in kinds if hasattr(kind, "finish") or "finish" in kind.__dataclass_fields__}
    further = {type(case.layer) for case in MINE if len(inputs(finish_of(case.layer))) > 1}
    assert further == fused


def test_special_values_are_in_the_table() -> None:
    special = [case for case in MINE if case.kind == SPECIAL]
    assert sum(bool(np.isnan(case.inputs[0]).any()) for case in special) > 40
