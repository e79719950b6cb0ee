"""The backend tests of the package onnx: models with their inputs and outputs, and what glnn makes of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

KINDS = ("node", "simple", "pytorch-operator", "pytorch-converted")
RTOL, ATOL = 1e-3, 1e-7  # the suite's own, where a case has none
BFLOAT16 = 2**-6  # ... and for outputs of this type

NOISE = "what is expected holds the noise of another float32 transform where 0 is right, above the suite's 1e-7"
DIFFERING = {"test_dft_inverse": NOISE, "test_dft_inverse_opset19": NOISE}


class Case(NamedTuple):
    """One model and its data sets: (inputs, outputs) each."""

    name: str
    kind: str
    model: Any
    sets: tuple[tuple[list[Any], list[Any]], ...]
    rtol: float
    atol: float


@lru_cache(1)
def every_case(kinds: tuple[str, ...] = KINDS) -> dict[str, Any]:
    """The suite's cases by name; their models are read when they are asked for (`read`)."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {case.name: case for kind in kinds for case in load_model_tests(kind=kind)}


def read(test: Any) -> Case:
    """A case with its model and its arrays."""
    import onnx
    from onnx import numpy_helper

    def array(value: Any) -> Any:
        return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value

    rtol, atol = max(test.rtol or 0, RTOL), max(test.atol or 0, ATOL)
    if test.model is not None:
        sets = [([array(x) for x in ins], [array(x) for x in outs]) for ins, outs in test.data_sets]
        return Case(test.name, test.kind, test.model, tuple(sets), rtol, atol)
    folder = Path(test.model_dir)
    model = onnx.load(folder / "model.onnx")
    folders = sorted(folder.glob("test_data_set_*"))
    sets = [
        (list(_arrays(one, "input", model.graph.input)), list(_arrays(one, "output", model.graph.output)))
        for one in folders
    ]
    return Case(test.name, test.kind, model, tuple(sets), rtol, atol)


def _arrays(folder: Path, role: str, infos: Any) -> Iterator[Any]:
    import onnx
    from onnx import numpy_helper

    for number in range(len(list(folder.glob(f"{role}_*.pb")))):
        data, kind = (folder / f"{role}_{number}.pb").read_bytes(), infos[number].type.WhichOneof("value")
        if kind == "sequence_type":
            yield numpy_helper.to_list(onnx.SequenceProto.FromString(data))
        elif kind == "optional_type":
            yield numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
        else:
            yield numpy_helper.to_array(onnx.TensorProto.FromString(data))


def judge(case: Case, device: str = "CPU") -> float:
    """Runs a case -> the largest difference in float32 steps of the largest expected value.

    Raises AssertionError for a wrong value, shape or type; glnn's errors.
    """
    from glnn import onnx_backend

    worst = 0.0
    prepared = onnx_backend.prepare(case.model, device)
    try:
        names = [info.name for info in case.model.graph.input]
        for given, expected in case.sets:
            inputs = {n: x for n, x in zip(names, given, strict=False) if n in prepared.inputs}
            made = list(prepared.run(inputs))
            assert len(made) == len(expected)
            for got, want in zip(made, expected, strict=True):
                worst = max(worst, differing(got, want, case))
    finally:
        prepared.close()
    return worst


def differing(got: Any, want: Any, case: Case) -> float:
    """How far apart two values are, in float32 steps of the largest. Raises AssertionError."""
    if isinstance(want, list):
        assert len(got) == len(want)
        return max((differing(g, w, case) for g, w in zip(got, want, strict=True)), default=0.0)
    if want is None:
        assert got is None
        return 0.0
    want, rtol = np.asarray(want), case.rtol
    assert got.shape == want.shape, f"shape {got.shape}, expected {want.shape}"
    assert got.dtype == want.dtype, f"type {got.dtype}, expected {want.dtype}"
    if want.dtype.name == "bfloat16":
        got, want, rtol = got.astype(np.float32), want.astype(np.float32), max(rtol, BFLOAT16)
    if got.dtype.kind not in "f":
        np.testing.assert_array_equal(got, want)
        return 0.0
    wide, right = got.astype(np.float64), want.astype(np.float64)
    np.testing.assert_allclose(wide, right, rtol=rtol, atol=case.atol)
    finite = np.isfinite(right)
    if not finite.any():
        return 0.0
    largest = np.abs(right[finite]).max()
    step = float(np.spacing(np.float32(max(largest, np.finfo(np.float32).tiny))))
    return float(np.abs(wide[finite] - right[finite]).max() / step)
