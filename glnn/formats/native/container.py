"""The safetensors container in NumPy: named tensors and strings in one file, which is mapped, not read.

Eight bytes of header length (little-endian), a JSON header, then the bytes of the tensors, one after another. What is
written here begins its data at a multiple of 8 and puts wide types first, so that every tensor lies aligned.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, ModelFileError
from ...records import dataclass
from ..json_text import parse_json

HEADER_LIMIT = 100_000_000  # bytes: a damaged length may not ask for more memory than this
ALIGNMENT = 8
LARGEST = 2**63 - 1  # of a dimension or an offset
AXES = 32  # of a tensor
DTYPES: dict[str, Any] = {
    "F64": np.dtype("<f8"), "I64": np.dtype("<i8"), "U64": np.dtype("<u8"),
    "F32": np.dtype("<f4"), "I32": np.dtype("<i4"), "U32": np.dtype("<u4"),
    "F16": np.dtype("<f2"), "I16": np.dtype("<i2"), "U16": np.dtype("<u2"),
    "I8": np.dtype("i1"), "U8": np.dtype("u1"), "BOOL": np.dtype("?"),
}  # fmt: skip
NAMES = {dtype: name for name, dtype in DTYPES.items()}
AGAIN = "The file is damaged: copy or download it again"


@dataclass(frozen=True)
class TensorFile:
    """A file whose header was read: its strings, and its tensors as the header tells of them (not checked yet)."""

    path: Path
    metadata: Mapping[str, str]
    entries: Mapping[str, Any]
    begin: int  # byte at which the data begins
    size: int  # bytes of the file

    def tensors(self) -> dict[str, np.ndarray]:
        """All tensors by name, as read-only views of the mapped file; none of their bytes is read.

        Raises ModelFileError for dtypes that NumPy lacks, sizes that do not fit shapes, bytes that lie outside the
        file, twice or in no tensor.
        """
        places = {name: self._place(name, entry) for name, entry in self.entries.items()}
        reached, before = 0, ""
        for name, (_, _, first, last) in sorted(places.items(), key=lambda item: item[1][2:]):
            if first < reached:
                raise ModelFileError(f"{self.path}: tensors {before!r} and {name!r} overlap. {AGAIN}")
            if first > reached:
                raise ModelFileError(f"{self.path}: {first - reached} bytes before {name!r} belong to nothing. {AGAIN}")
            reached, before = last, name
        have = self.size - self.begin
        if have < reached:
            raise ModelFileError(
                f"{self.path}: the file is truncated: {reached} bytes of tensors are announced, {have} are there. "
                "Copy or download it again"
            )
        if have > reached:
            raise ModelFileError(
                f"{self.path}: {have - reached} bytes after the last tensor belong to nothing. {AGAIN}"
            )
        try:
            with self.path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ModelFileError(f"{self.path}: cannot be mapped: {error}") from error
        return {name: self._view(data, name, *place) for name, place in places.items()}

    def _place(self, name: str, entry: Any) -> tuple[Any, tuple[int, ...], int, int]:
        """Dtype, shape, first byte and the one after the last, counted from where the data begins."""
        where = f"{self.path}: tensor {name!r}"
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise ModelFileError(f"{where} needs dtype, shape and data_offsets. {AGAIN}")
        kind, shape, offsets = entry["dtype"], dimensions(entry["shape"]), dimensions(entry["data_offsets"])
        if not isinstance(kind, str) or kind not in DTYPES:
            raise ModelFileError(f"{where} is of dtype {kind!r}; glnn reads {', '.join(DTYPES)}")
        if shape is None or offsets is None or len(offsets) != 2:
            raise ModelFileError(
                f"{where} has shape {entry['shape']!r} and data_offsets {entry['data_offsets']!r}; whole numbers "
                f"from 0 on are needed, two of them as offsets. {AGAIN}"
            )
        need = math.prod(shape) * DTYPES[kind].itemsize
        if offsets[1] - offsets[0] != need:
            raise ModelFileError(
                f"{where} of shape {shape} and dtype {kind} takes {need} bytes, its data_offsets {offsets} span "
                f"{offsets[1] - offsets[0]}. {AGAIN}"
            )
        return DTYPES[kind], shape, offsets[0], offsets[1]

    def _view(
        self, data: mmap.mmap, name: str, dtype: Any, shape: tuple[int, ...], first: int, last: int
    ) -> np.ndarray:
        try:
            array: np.ndarray = np.ndarray(shape, dtype, data, self.begin + first)
        except ValueError as error:  # more axes than NumPy has, or huge ones beside a 0
            raise ModelFileError(f"{self.path}: tensor {name!r} of shape {shape}: {error}") from error
        if not array.flags.aligned:  # files of other writers
            array = array.copy()
            array.flags.writeable = False
        return array


def dimensions(value: Any) -> tuple[int, ...] | None:
    """A JSON array of up to 32 whole numbers from 0 to 2^63 - 1 as a tuple; None for anything else."""
    if (
        not isinstance(value, list)
        or len(value) > AXES
        or not all(type(size) is int and 0 <= size <= LARGEST for size in value)
    ):
        return None
    return tuple(value)


def looks_like_tensors(head: bytes) -> bool:
    """Whether the first bytes of a file are a header length below 4 GB and the brace of a JSON object."""
    return head[4:9] == b"\0\0\0\0{"


def open_tensors(path: Path) -> TensorFile:
    """The header of a file. Raises ModelFileError where it is cut short, too long, or not what safetensors says."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise ModelFileError(
                    f"{path}: the file is truncated or damaged: its header should take {length} bytes, the whole file "
                    f"has {size}. Copy or download it again"
                )
            if length > HEADER_LIMIT:
                raise ModelFileError(f"{path}: a header of {length} bytes; at most {HEADER_LIMIT} are read. {AGAIN}")
            raw = file.read(length)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    header = parse_json(raw, f"{path}: its header", AGAIN, infinities=False)
    if not isinstance(header, dict):
        raise ModelFileError(f"{path}: its header is not a JSON object. {AGAIN}")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ModelFileError(f"{path}: the __metadata__ of its header must hold strings. {AGAIN}")
    return TensorFile(path, metadata, header, 8 + length, size)


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Writes a file whole or not at all; the same tensors and strings, in the same order, make the same bytes.

    Raises InputError for dtypes that the container lacks, and for a place that cannot be written.
    """
    lacking = [name for name, array in tensors.items() if array.dtype.newbyteorder("<") not in NAMES]
    if lacking:
        raise InputError(
            f"{path}: tensor {lacking[0]!r} is of dtype {tensors[lacking[0]].dtype}, not of {list(DTYPES)}"
        )
    order = sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)  # stable; each then lies aligned
    entries: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in order:
        array = tensors[name]
        kind = NAMES[array.dtype.newbyteorder("<")]
        entries[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    try:
        header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{path}: a name in the model is not Unicode text: {error}") from error
    header += b" " * (-len(header) % ALIGNMENT)
    if len(header) > HEADER_LIMIT:
        raise InputError(f"{path}: the header takes {len(header)} bytes, more than the {HEADER_LIMIT} that are read")
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with partial.open("xb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for name in order:
                array = np.ascontiguousarray(tensors[name], tensors[name].dtype.newbyteorder("<"))
                file.write(array.reshape(-1).view(np.uint8).data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
