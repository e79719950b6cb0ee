"""What is done to the fields of Protocol Buffers, whatever their schema is."""

from __future__ import annotations

import random
from typing import Any

from support.fuzz.values import EDGES, bytes_changed, json_text_changed
from support.protobuf import varint

Item = tuple[int, int, Any]  # number of the field, wire type, value: a number, bytes


def fields(data: bytes) -> list[Item] | None:
    """The fields of a message; None where the bytes are none."""
    at, made = 0, list[Item]()

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 70:
                return value

    try:
        while at < len(data):
            tag = number()
            wire = tag & 7
            if not 0 < tag >> 3 < 1000:
                return None
            if wire == 0:
                value: Any = number()
            elif wire in (1, 5):
                size = 8 if wire == 1 else 4
                value, at = data[at : at + size], at + size
            elif wire == 2:
                size = number()
                value, at = data[at : at + size], at + size
            else:
                return None
            if at > len(data):
                return None
            made.append((tag >> 3, wire, value))
    except IndexError:
        return None
    return made


def written(items: list[Item]) -> bytes:
    """The bytes of fields."""
    out = []
    for number, wire, value in items:
        out.append(varint(number << 3 | wire))
        if wire == 0:
            out.append(varint(value % (1 << 64)))
        elif wire == 2:
            out += [varint(len(value)), value]
        else:
            out.append(value)
    return b"".join(out)


def message_changed(data: bytes, rng: random.Random, depth: int = 0) -> bytes:
    """A message with one of its fields, or one of a message in it, changed, left out, doubled or renumbered."""
    items = fields(data)
    if not items:
        return bytes_changed(data, rng)
    at = rng.randrange(len(items))
    number, wire, value = items[at]
    draw = rng.random()
    inner = fields(value) if wire == 2 and len(value) > 1 else None
    if inner and depth < 12 and draw < 0.8:
        items[at] = number, wire, message_changed(value, rng, depth + 1)
    elif draw < 0.5 or (inner and draw < 0.85):
        items[at] = number, wire, _other(wire, value, rng)
    elif draw < 0.65:
        del items[at]
    elif draw < 0.75:
        items.insert(rng.randrange(len(items) + 1), items[at])
    elif draw < 0.85:
        other = rng.randrange(len(items))
        items[at], items[other] = items[other], items[at]
    elif draw < 0.95:
        items[at] = rng.choice((number + 1, max(1, number - 1), rng.randrange(1, 30))), wire, value
    else:
        deep = value if wire == 2 else b""
        for _ in range(rng.choice((3, 50, 200))):
            deep = written([(number, 2, deep)])
        items[at] = number, 2, deep
    return written(items)


def _other(wire: int, value: Any, rng: random.Random) -> Any:
    if wire == 0:
        return rng.choice((*EDGES, value + 1, max(0, value - 1), value * 2, rng.randrange(40)))
    if wire in (1, 5):
        return rng.choice((rng.randbytes(len(value)), b"\xff" * len(value), bytes(len(value))))
    if value[:1] in (b"{", b"[") and (changed := json_text_changed(value, rng)) is not None:
        return changed.encode("utf-8", "surrogatepass")
    some = (b"", value * 2, value[:-1], b"x" * 70_000, b"\xff\xfe", b"../../etc/passwd", b"/etc/passwd", b"9" * 30)
    return rng.choice((*some, bytes_changed(value, rng)))
