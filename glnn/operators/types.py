"""The types of tensors by the numbers that ONNX files have for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .say import Misfit, plain_type

TYPES = {  # by the numbers of TensorProto.DataType
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip


def type_named(number: int) -> str:
    """The type of this number. Raises Misfit for one that is not computed with."""
    if number not in TYPES:
        raise Misfit(f"type {number} (known are {', '.join(f'{k} {name}' for k, name in TYPES.items())})")
    return TYPES[number]


def numpy_type(number: int) -> Any:
    """The type in NumPy that holds elements of the type of this number."""
    return np.dtype(plain_type(type_named(number)))
