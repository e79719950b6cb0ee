"""A whole model's files -> broken ones, out of a seed: by their bytes, or by the fields that they hold."""

from __future__ import annotations

import random

from support.fuzz.inside import archive_changed, hdf5_changed, safetensors_changed
from support.fuzz.values import bytes_changed, json_text_changed
from support.fuzz.wire import message_changed

HDF5 = b"\x89HDF\r\n\x1a\n"
BYTEWISE = 0.35  # the part of files that are changed byte by byte


def fields_changed(data: bytes, rng: random.Random) -> bytes:
    """A file with fields of its own format changed; bytes where it has no fields."""
    if data.startswith(HDF5):
        return hdf5_changed(data, rng)
    if data.startswith(b"PK\x03\x04"):
        return archive_changed(data, rng, lambda d, r: changed(d, r)[1])
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data):
        return safetensors_changed(data, rng)
    if data[:1] in (b"{", b"["):
        text = json_text_changed(data, rng)
        return bytes_changed(data, rng) if text is None else text.encode("utf-8", "surrogatepass")
    return message_changed(data, rng)


def changed(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """How a file was changed ("bytes" or "fields"), and what came of it."""
    if rng.random() < BYTEWISE:
        return "bytes", bytes_changed(data, rng)
    return "fields", fields_changed(data, rng)


def broken(files: dict[str, bytes], rng: random.Random) -> tuple[str, dict[str, bytes]]:
    """How a folder of files was broken, in words, and the files: one of them changed, missing, or swapped."""
    names, draw = sorted(files), rng.random()
    name = rng.choice(names)
    if len(names) > 1 and draw < 0.03:
        return f"{name} missing", {key: data for key, data in files.items() if key != name}
    if len(names) > 1 and draw < 0.06:
        other = rng.choice(names)
        return f"{name} and {other} swapped", {**files, name: files[other], other: files[name]}
    how, data = changed(files[name], rng)
    return f"{how} of {name}", {**files, name: data}
