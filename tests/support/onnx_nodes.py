"""Models of one ONNX node, judged by onnxruntime, or by onnx' own reference where that lacks a type."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import glnn

TOLERANCES = {"float16": (2e-3, 1e-3), "bfloat16": (2e-2, 1e-2)}  # of oracles that round on the way


class Case(NamedTuple):
    """A node by its operator, with its inputs: arrays, None where left out, (array,) for an initializer."""

    op: str
    opset: int
    inputs: tuple[Any, ...]
    attributes: dict[str, Any]
    outputs: int = 1
    domain: str = ""
    name: str = ""
    reference: bool = False  # by onnx' reference
    floats: bool = False  # what comes out is cast to float32: reading it back would wrap small integers around


def model_of(case: Case) -> tuple[Any, dict[str, np.ndarray]]:
    """The model, and the arrays that it is given by name."""
    from onnx import TensorProto, helper, numpy_helper

    given: dict[str, np.ndarray] = {}
    known, names = [], []
    for k, value in enumerate(case.inputs):
        names.append("" if value is None else f"x{k}")
        if isinstance(value, tuple):
            known.append(numpy_helper.from_array(value[0], f"x{k}"))
        elif value is not None:
            given[f"x{k}"] = value
    made = [f"y{k}" for k in range(case.outputs)]
    options = {
        name: numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for name, value in case.attributes.items()
    }
    nodes = [helper.make_node(case.op, names, made, domain=case.domain, **options)]
    if case.floats:
        nodes.append(helper.make_node("Cast", made[:1], ["floats"], to=TensorProto.FLOAT))
        made[0] = "floats"
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in given.items()
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in made]
    for info in outputs:
        info.ClearField("type")
    graph = helper.make_graph(nodes, "one", infos, outputs, known)
    opsets = [helper.make_opsetid("", case.opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8 if case.opset < 21 else 10), given


def expected(model: Any, given: Mapping[str, np.ndarray], reference: bool = False) -> list[np.ndarray]:
    """What the oracle makes of arrays: onnxruntime, or onnx' own reference."""
    if reference:
        from onnx.reference import ReferenceEvaluator

        return ReferenceEvaluator(model).run(None, given)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, given)


def judge(case: Case, device: glnn.Device) -> None:
    """Compares what glnn makes with the oracle: shapes, types, values."""
    from onnx import helper

    model, given = model_of(case)
    wanted = expected(model, given, case.reference)
    for info, array in zip(model.graph.output, wanted, strict=True):
        info.CopyFrom(
            helper.make_tensor_value_info(info.name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        )
    compare(model, given, wanted, device)


def compare(model: Any, given: Mapping[str, np.ndarray], wanted: Sequence[np.ndarray], device: glnn.Device) -> None:
    """Compares what glnn makes of a model, twice, with arrays: shapes, types, values."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        with glnn.Model.load(path, device=device) as loaded:
            for _ in range(2):
                same(list(loaded.predict(dict(given)).values()), wanted)


def same(made: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> None:
    """Compares arrays."""
    for one, other in zip(made, wanted, strict=True):
        kind = other.dtype.name
        assert (one.shape, one.dtype.name) == (other.shape, "float32" if kind == "bfloat16" else kind)
        rtol, atol = TOLERANCES.get(kind, (1e-4, 1e-5))
        np.testing.assert_allclose(one.astype(np.float64), other.astype(np.float64), rtol, atol)
