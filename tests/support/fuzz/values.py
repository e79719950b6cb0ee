"""What is done to bytes, and to values of JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

EDGES = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
)
NUMBERS: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 7, -3, 255, 65536, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53 + 1, 2**63, -(2**63) - 1, 10**30,
    0.5, -0.0, 1e-45, 1e39, 1e308, -1e308, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
OTHERS: tuple[Any, ...] = (
    None, True, False, "", "x", "0", "relu", "__proto__", "../../etc/passwd", "/etc/passwd", "\0", "\ud800", "a/b:0",
    [], [[]], [None], [0], [-1], [1, 2, 3], [10**12, 10**12], {}, {"a": 1}, {"class_name": "x", "config": {}},
    {"class_name": "Lambda", "config": {"name": "l", "function": ["eA==", None, None]}},
)  # fmt: skip


# ---- bytes


def _flip(data: bytearray, at: int, rng: random.Random) -> None:
    data[at] ^= 1 << rng.randrange(8)


def _byte(data: bytearray, at: int, rng: random.Random) -> None:
    data[at] = rng.choice((0, 0xFF, 0x7F, 0x80, rng.randrange(256)))


def _number(data: bytearray, at: int, rng: random.Random) -> None:
    size = rng.choice((2, 4, 8))
    data[at : at + size] = (rng.choice(EDGES) % (1 << 8 * size)).to_bytes(size, rng.choice(("little", "big")))


def _insert(data: bytearray, at: int, rng: random.Random) -> None:
    data[at:at] = rng.randbytes(rng.choice((1, 2, 8, 300)))


def _delete(data: bytearray, at: int, rng: random.Random) -> None:
    del data[at : at + rng.choice((1, 2, 8, 300))]


def _double(data: bytearray, at: int, rng: random.Random) -> None:
    data[at:at] = data[at : at + rng.choice((1, 8, 64, 1000))]


def _zeros(data: bytearray, at: int, rng: random.Random) -> None:
    size = min(len(data) - at, rng.choice((4, 16, 512)))
    data[at : at + size] = bytes(size)


def _noise(data: bytearray, at: int, rng: random.Random) -> None:
    size = min(len(data) - at, rng.choice((4, 16, 512)))
    data[at : at + size] = rng.randbytes(size)


def _cut(data: bytearray, at: int, rng: random.Random) -> None:
    del data[at:]


def _copied(data: bytearray, at: int, rng: random.Random) -> None:
    size, other = rng.choice((4, 32, 256)), rng.randrange(len(data))
    data[at : at + size] = data[other : other + size]


BYTES: tuple[Callable[[bytearray, int, random.Random], None], ...] = (
    _flip, _flip, _byte, _byte, _number, _number, _insert, _delete, _double, _zeros, _noise, _cut, _copied,
)  # fmt: skip


def bytes_changed(data: bytes, rng: random.Random) -> bytes:
    """The bytes after one to four changes; half of them near the beginning, where headers are."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if made:
            at = rng.randrange(min(len(made), 600) if rng.random() < 0.5 else len(made))
            rng.choice(BYTES)(made, at, rng)
    return bytes(made)


# ---- JSON


def places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a value of JSON, not deeper than Python's own writer goes."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        if depth < 60:
            yield from places(value[key], depth + 1)


def other_value(value: Any, rng: random.Random) -> Any:
    """Another value in place of one: mostly of its kind, on the edge of what goes."""
    draw = rng.random()
    if draw < 0.08:
        return _deep(value, rng)
    if isinstance(value, bool) or value is None:
        return rng.choice((not value, *NUMBERS, *OTHERS))
    if isinstance(value, int | float) and draw < 0.7:
        return rng.choice((*NUMBERS, value + 1, value - 1, -value, value * 2, value * 1000, float(value), str(value)))
    if isinstance(value, str) and draw < 0.6:
        if value[:1] in ("{", "["):
            inner = json_text_changed(value, rng)
            return value if inner is None else inner
        raw = value.encode("utf-8", "surrogatepass").hex()
        return rng.choice((value + "_", value[:-1], value * 2, value.upper(), "x" * 100_000, raw, "é"))
    if isinstance(value, list) and value and draw < 0.6:
        return rng.choice((value[:-1], value[1:], value + value[:1], value * 2, value[::-1], [value], value * 300))
    if isinstance(value, dict) and value and draw < 0.4:
        key = rng.choice(list(value))
        return rng.choice(({k: v for k, v in value.items() if k != key}, {**value, "new": 1}, {key: value[key]}))
    return copy.deepcopy(rng.choice((*NUMBERS, *OTHERS)))


def _deep(value: Any, rng: random.Random) -> Any:
    for _ in range(rng.choice((1, 3, 30, 200))):
        value = [value] if rng.random() < 0.5 else {"config": value, "class_name": "Sequential"}
    return value


def json_changed(value: Any, rng: random.Random) -> Any:
    """A value of JSON after one to three changes of what it holds."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        known = list(places(value))
        if not known or rng.random() < 0.01:
            return other_value(value, rng)
        holder, key = rng.choice(known)
        draw = rng.random()
        if draw < 0.6:
            holder[key] = other_value(holder[key], rng)
        elif draw < 0.72:
            del holder[key]
        elif draw < 0.82:
            source, name = rng.choice(known)
            try:
                holder[key] = copy.deepcopy(source[name])
            except (KeyError, IndexError):
                continue
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[rng.choice(("", "name", "config", "shape", key + "_", key.upper()))] = holder.pop(key)
    return value


def json_text_changed(text: str | bytes, rng: random.Random) -> str | None:
    """A text of JSON after changes of its value; None where it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if rng.random() < 0.02:
        return "[" * 100_000 if rng.random() < 0.5 else '{"a":' * 20_000 + "1" + "}" * 20_000
    return json.dumps(json_changed(value, rng))
