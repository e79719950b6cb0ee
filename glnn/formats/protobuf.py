"""Protocol Buffers: a message's fields out of bytes that may be mapped, by a table of those that are wanted.

The wire format is that of https://protobuf.dev/programming-guides/encoding. Strings and numbers become Python's; bytes
and packed numbers of fixed size stay views of what is read. Fields that the table lacks are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import ModelFileError
from ..records import dataclass

DEPTH = 100  # messages in each other, as Google's own readers allow
MOST_FIELDS = 2_000_000  # of one file: what a damaged one can ask of time and memory
AGAIN = "The file is cut short or damaged: copy or download it again"

VARINT, FIXED64, LENGTH, GROUP, GROUP_END, FIXED32 = range(6)  # wire types
FIXED: dict[str, tuple[int, str]] = {  # kind -> wire type, dtype
    "float": (FIXED32, "<f4"), "fixed32": (FIXED32, "<u4"), "sfixed32": (FIXED32, "<i4"),
    "double": (FIXED64, "<f8"), "fixed64": (FIXED64, "<u8"), "sfixed64": (FIXED64, "<i8"),
}  # fmt: skip
VARINTS = ("uint", "int", "sint", "bool")  # of 32 or 64 bits; an enum is an int
TEXTS = ("string", "bytes")


@dataclass(frozen=True)
class Field:
    """A field of a message: its name, and its kind: of FIXED, VARINTS or TEXTS, else the name of a message.

    repeated: a list of all its values; of numbers an array, packed or not
    """

    name: str
    kind: str
    repeated: bool = False


Schema = Mapping[str, Mapping[int, Field]]  # message -> number of a field -> the field
Message = dict[str, Any]  # values by name; a field that the bytes lack is lacking here too


def read_message(data: Any, schema: Schema, name: str, where: str) -> Message:
    """The message `name` of the schema in a buffer of bytes.

    Raises ModelFileError, which begins with `where` and tells the byte, for what is cut short or damaged, or nested
    deeper than readers of the format allow.
    """
    made: Message = {}
    Reader(memoryview(data).cast("B"), schema, where).message(made, name, 0, len(data), 0)
    return made


@dataclass
class Reader:
    """Bytes that are read, and how many fields were found in them."""

    data: memoryview
    schema: Schema
    where: str
    count: int = 0

    def message(self, made: Message, name: str, at: int, end: int, depth: int) -> None:
        """The fields from `at` to `end` into `made`; of one that is not repeated the last counts, messages join."""
        if depth > DEPTH:
            raise self.damaged(at, f"messages are nested more than {DEPTH} deep")
        wanted = self.schema[name]
        arrays: dict[str, list[np.ndarray]] = {}
        for number, wire, first, last in self.fields(at, end):
            if number not in wanted:
                continue
            told = wanted[number]
            if told.kind in self.schema:
                self.expect(wire == LENGTH, first, name, told)
                inner: Message = {} if told.repeated else made.get(told.name, {})
                self.message(inner, told.kind, first, last, depth + 1)
                value: Any = inner
            elif told.kind in TEXTS:
                self.expect(wire == LENGTH, first, name, told)
                value = self.text(first, last) if told.kind == "string" else self.data[first:last]
            else:
                values = self.numbers(told, wire, first, last, name)
                if told.repeated:
                    arrays.setdefault(told.name, []).append(values)
                    continue
                if not values.size:
                    continue
                value = values[-1].item()
            if told.repeated:
                made.setdefault(told.name, []).append(value)
            else:
                made[told.name] = value
        for key, pieces in arrays.items():
            pieces = [made[key], *pieces] if key in made else pieces
            made[key] = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def fields(self, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, wire type and bytes (first, last) of each field; groups, which are old, are passed over."""
        open_groups: list[int] = []
        while at < end:
            start = at
            tag, at = self.varint(at, end)
            number, wire = tag >> 3, tag & 7
            self.count += 1
            if self.count > MOST_FIELDS:
                raise self.damaged(start, f"more than {MOST_FIELDS} fields")
            if not 0 < number < 1 << 29:
                raise self.damaged(start, f"field number {number}")
            if wire == VARINT:
                first, (_, at) = at, self.varint(at, end)
            elif wire in (FIXED32, FIXED64):
                first, at = at, at + (4 if wire == FIXED32 else 8)
            elif wire == LENGTH:
                size, first = self.varint(at, end)
                at = first + size
            elif wire == GROUP:
                open_groups.append(number)
                continue
            elif wire == GROUP_END and open_groups and open_groups[-1] == number:
                open_groups.pop()
                continue
            else:
                raise self.damaged(start, f"wire type {wire}")
            if at > end:
                raise self.damaged(start, f"field {number} ends at byte {at}, and what holds it at byte {end}")
            if not open_groups:
                yield number, wire, first, at
        if open_groups:
            raise self.damaged(end, f"group {open_groups[-1]} has no end")

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """A number of 7 bits a byte, and where what follows it begins."""
        value = shift = 0
        for place in range(at, min(end, at + 10)):
            byte = self.data[place]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value & (1 << 64) - 1, place + 1
        raise self.damaged(at, "a number has no end")

    def numbers(self, told: Field, wire: int, first: int, last: int, name: str) -> np.ndarray:
        """The value of a field of numbers, or those of a packed one, as an array."""
        if told.kind in FIXED:
            single, dtype = FIXED[told.kind]
            size = np.dtype(dtype).itemsize
            self.expect(wire == single or (wire == LENGTH and (last - first) % size == 0), first, name, told)
            return np.frombuffer(self.data[first:last], dtype)
        self.expect(wire in (VARINT, LENGTH), first, name, told)
        try:
            values = varints(np.frombuffer(self.data[first:last], np.uint8))
        except ValueError as error:
            raise self.damaged(first, f"{name}.{told.name}: {error}") from None
        if told.kind == "sint":
            return (values >> np.uint64(1)).view(np.int64) ^ -(values & np.uint64(1)).view(np.int64)
        if told.kind == "bool":
            return values != 0
        return values.view(np.int64) if told.kind == "int" else values

    def text(self, first: int, last: int) -> str:
        """Bytes as text."""
        try:
            return str(self.data[first:last], "utf-8")
        except UnicodeDecodeError as error:
            raise self.damaged(first + error.start, "text that is not UTF-8") from None

    def expect(self, fits: bool, at: int, name: str, told: Field) -> None:
        """Raise where a field's bytes are not of its kind."""
        if not fits:
            raise self.damaged(at, f"{name}.{told.name} is no {told.kind}")

    def damaged(self, at: int, what: str) -> ModelFileError:
        """The error for what is wrong at a byte."""
        return ModelFileError(f"{self.where}: {what} (at byte {at} of {len(self.data)}). {AGAIN}")


def varints(data: np.ndarray) -> np.ndarray:
    """Numbers of 7 bits a byte, one after another (bytes,) -> (numbers,) of uint64. Raises ValueError."""
    if not data.size:
        return np.empty(0, np.uint64)
    ends = np.flatnonzero(data < 0x80)
    if not ends.size or ends[-1] != data.size - 1:
        raise ValueError("a number has no end")
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > 10:
        raise ValueError("a number of more than 64 bits")
    values = np.zeros(ends.size, np.uint64)
    for k in range(int(lengths.max())):
        longer = lengths > k
        values[longer] |= (data[starts[longer] + k].astype(np.uint64) & np.uint64(0x7F)) << np.uint64(7 * k)
    return values
