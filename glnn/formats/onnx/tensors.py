"""Tensors of ONNX files -> arrays: in the file itself, or in files beside it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ModelFileError, UnsupportedError
from ...operators.types import TYPES
from ...records import dataclass
from ..file import map_file
from ..protobuf import AGAIN, Message

OTHERS = {
    8: "string", 14: "complex64", 15: "complex128", 17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2",
    20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2",
}  # fmt: skip
FIELDS = {  # where elements lie that are no raw bytes
    "float32": "float_data", "float64": "double_data", "int64": "int64_data", "uint32": "uint64_data",
    "uint64": "uint64_data",
}  # fmt: skip
EXTERNAL, BFLOAT16 = 1, 16
NIBBLES = {21: "uint4", 22: "int4"}  # weights alone may be of these


def type_name(number: int, where: str) -> str:
    """The type of this number. Raises UnsupportedError for one that glnn does not compute with."""
    if number in TYPES:
        return TYPES[number]
    raise UnsupportedError(where, [f"type {OTHERS.get(number, number)} (known are {', '.join(TYPES.values())})"])


@dataclass(frozen=True)
class Tensors:
    """The tensors of a file at `path`; what lies in files beside it is mapped, each once."""

    path: Path
    files: dict[Path, np.ndarray]

    def nibbles(self, tensor: Message, what: str) -> np.ndarray:
        """The elements of a tensor of 4 bits, one to a byte of the same sign. Raises ModelFileError."""
        signed, shape = tensor["data_type"] == 22, tuple(int(size) for size in tensor.get("dims", ()))
        count = (max(0, math.prod(shape)) + 1) // 2
        whole = {**tensor, "data_type": 2, "dims": (count,)}
        if "raw_data" not in tensor and tensor.get("data_location") != EXTERNAL:
            whole["int32_data"] = tuple(int(number) & 255 for number in tensor.get("int32_data", ()))
        packed = self.array(whole, what)
        apart = np.stack([packed & 15, packed >> 4], -1).reshape(-1)[: math.prod(shape)].reshape(shape)
        return ((apart.astype(np.int8) ^ 8) - 8).astype(np.int8) if signed else apart

    def array(self, tensor: Message, what: str) -> np.ndarray:
        """The elements; bfloat16 as float32. Raises ModelFileError where they are not all there."""
        where = f"{self.path}: {what}"
        kind = type_name(tensor.get("data_type", 0), where)
        shape = tuple(int(size) for size in tensor.get("dims", ()))
        count = math.prod(shape)
        if any(size < 0 for size in shape) or count > 1 << 40:
            raise ModelFileError(f"{where} has the shape {shape}. {AGAIN}")
        stored = np.dtype("<u2" if kind == "bfloat16" else kind).newbyteorder("<")
        if tensor.get("data_location") == EXTERNAL:
            data: Any = self.external(tensor.get("external_data", []), count * stored.itemsize, where)
        else:
            data = tensor.get("raw_data")
        if data is not None:
            need = count * stored.itemsize
            if len(data) != need:
                raise ModelFileError(
                    f"{where} of shape {shape} needs {need} bytes of {kind}, and has {len(data)}. {AGAIN}"
                )
            values = np.frombuffer(data, stored)
        else:
            values = np.asarray(tensor.get(FIELDS.get(kind, "int32_data"), ()))
            if values.size != count:
                raise ModelFileError(f"{where} of shape {shape} has {values.size} elements, not {count}. {AGAIN}")
            if kind == "float16":
                values = values.astype(np.uint16).view(np.float16)
            elif kind != "bfloat16":
                values = values.astype(stored)
        if kind == "bfloat16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return values.reshape(shape)

    def external(self, entries: list[Message], need: int, where: str) -> np.ndarray:
        """The bytes that lie in a file beside the model. Raises ModelFileError for one outside of its folder."""
        told: Mapping[str, Any] = {entry.get("key", ""): entry.get("value", "") for entry in entries}
        location, folder = told.get("location", ""), Path(os.path.abspath(self.path.parent))
        try:
            place = Path(os.path.normpath(folder / location))
            offset, length = int(told.get("offset") or 0), int(told.get("length") or need)
        except ValueError:
            raise ModelFileError(f"{where}: its external data are told by {dict(told)}. {AGAIN}") from None
        if not location or "\0" in location or not place.is_relative_to(folder) or place == folder:
            raise ModelFileError(
                f"{where}: its data lie in {location!r}, outside of the model's folder {folder}; they are not read"
            )
        if place not in self.files:
            if not place.is_file():
                near = ", ".join(sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))[:8])
                raise ModelFileError(
                    f"{where}: its data lie in {location!r}, which is missing in {folder} (it holds {near}). "
                    "Copy the file beside the model"
                )
            self.files[place] = map_file(place)
        data = self.files[place]
        if offset < 0 or length < 0 or offset + length > data.size:
            raise ModelFileError(
                f"{where}: its data end at byte {offset + length} of {location}, which has {data.size}. {AGAIN}"
            )
        return data[offset : offset + length]

    def dense(self, sparse: Message, what: str) -> np.ndarray:
        """A sparse tensor with its zeros."""
        where = f"{self.path}: {what}"
        values = self.array(sparse.get("values", {}), what)
        places = self.array(sparse.get("indices", {}), f"{what} (indices)")
        shape = tuple(int(size) for size in sparse.get("dims", ()))
        made = np.zeros(shape, values.dtype)
        if (places.size and (places.min() < 0 or places.max() >= max(1, made.size))) and places.ndim == 1:
            raise ModelFileError(f"{where}: indices beyond the shape {shape}. {AGAIN}")
        if places.ndim == 1:
            made.reshape(-1)[places] = values
        else:
            made[tuple(places.T)] = values
        return made
