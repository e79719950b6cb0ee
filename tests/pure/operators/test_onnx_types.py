"""Operators of elements and reductions in each type and opset that ONNX' schemas allow, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import shares
from support.onnx_nodes import Case, expected, judge, model_of

import glnn

defs = pytest.importorskip("onnx.defs")
ml_dtypes = pytest.importorskip("ml_dtypes")
pytest.importorskip("onnxruntime")

TYPES: dict[str, Any] = {
    "float": np.float32, "double": np.float64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16,
    "int8": np.int8, "int16": np.int16, "int32": np.int32, "int64": np.int64, "uint8": np.uint8,
    "uint16": np.uint16, "uint32": np.uint32, "uint64": np.uint64, "bool": np.bool_,
}  # fmt: skip
OPS = (
    "Add Sub Mul Div Pow Mod Neg Abs Sqrt Exp Log Reciprocal Floor Ceil Round Sign Min Max Sum Mean Relu LeakyRelu "
    "PRelu Elu Selu Celu Clip Sigmoid HardSigmoid HardSwish Swish Tanh Softplus Softsign Gelu Mish ThresholdedRelu "
    "Shrink Equal Less Greater LessOrEqual GreaterOrEqual And Or Not Xor BitwiseAnd BitwiseOr BitwiseXor BitwiseNot "
    "IsNaN IsInf Where Identity Trilu ReduceSum ReduceMean ReduceMax ReduceMin ReduceL1 ReduceL2 "
    "ArgMax ArgMin Softmax LogSoftmax LpNormalization Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Atanh"
).split()
RANGES = {
    "Sqrt": (0.1, 3),
    "Log": (0.1, 3),
    "Pow": (0.1, 3),
    "Asin": (-0.9, 0.9),
    "Acos": (-0.9, 0.9),
    "Atanh": (-0.9, 0.9),
}


def elements(rng: np.random.Generator, dtype: Any, shape: tuple[int, ...], op: str, number: int) -> np.ndarray:
    kind = np.dtype(dtype).kind
    if kind == "b":
        return np.asarray(rng.integers(0, 2, shape)).astype(bool)
    if kind in "iu":
        least = 1 if number and op in ("Div", "Mod", "Pow") else 0 if kind == "u" else -9
        return np.asarray(rng.integers(least, 4 if op == "Pow" else 10, shape)).astype(dtype)
    low, high = RANGES.get(op, (-3, 3))
    return np.asarray(rng.uniform(0.5 if number and op in ("Div", "Mod") else low, high, shape)).astype(dtype)


def cases(op: str) -> list[Case]:
    rng, made = np.random.default_rng(len(op)), []
    for opset in (9, 13, 21, 28):
        try:
            schema = defs.get_schema(op, opset)
        except defs.SchemaError:
            continue
        allowed = {one.type_param_str: one.allowed_type_strs for one in schema.type_constraints}
        first = schema.inputs[0].type_str
        for kind in [text[7:-1] for text in allowed.get(first, [first])]:
            if kind not in TYPES:
                continue
            shape = tuple(int(size) for size in rng.integers(1, 5, 3))
            inputs = []
            for number in range(
                min(schema.max_input, 2) if schema.min_input < 3 and op != "Clip" else schema.min_input
            ):
                formal = schema.inputs[min(number, len(schema.inputs) - 1)]
                kinds = [text[7:-1] for text in allowed.get(formal.type_str, [formal.type_str])]
                if formal.option == defs.OpSchema.FormalParameterOption.Optional:
                    continue
                inputs.append(elements(rng, TYPES[kind if kind in kinds else kinds[0]], shape, op, number))
            options = {"fmod": 1} if op == "Mod" and "float" in kind or kind == "double" and op == "Mod" else {}
            made.append(Case(op, opset, tuple(inputs), options, name=f"{op} {opset} {kind}"))
    return made


@pytest.mark.parametrize(
    "op",
    shares.kept(shares.one_in(20, OPS)),
)
def test_types(op: str) -> None:
    device, judged, all_cases = glnn.Device("numpy"), 0, cases(op)
    for case in all_cases:
        for reference in (False, True):  # neither oracle has all types
            oracle = case._replace(reference=reference)
            try:
                expected(*model_of(oracle), reference)
            except Exception:  # noqa: S112  (what they raise is theirs)
                continue
            judge(oracle, device)
            judged += 1
            break
    assert judged > len(all_cases) / 2
