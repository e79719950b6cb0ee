"""Protocol Buffers written by hand: fields of a number, bytes or a text."""

from __future__ import annotations

import struct
from typing import Any


def varint(value: int) -> bytes:
    """A number of 7 bits a byte."""
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def encode(*fields: tuple[int, Any]) -> bytes:
    """A message of (number, value): an int as a varint, a float as float32, str and bytes with their length."""
    out = b""
    for number, value in fields:
        if isinstance(value, float):
            out += varint(number << 3 | 5) + struct.pack("<f", value)
        elif isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out
