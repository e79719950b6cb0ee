"""The manifest of a TensorFlow.js model: groups of weights, each group's bytes laid end to end in its shards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ModelFileError
from ...graph.quantized import Quantized
from ...records import dataclass
from ..file import map_file
from ..keras.weights.entries import Stored
from ..keras.weights.named import NamedWeights
from .shards import Shards, no_shard, stretch

# dtype in a manifest -> of the bytes in a shard, which are little-endian
PLAIN = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "bool": "u1"}
QUANTIZED = {"float16": "<f2", "uint8": "u1", "uint16": "<u2"}
REAL, WHOLE = "float32", "int32"  # the dtypes that TensorFlow.js quantizes


@dataclass(frozen=True)
class Item:
    """One weight of a manifest. `codec` is how its values are quantized, as code * scale + low (float16: as halves)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    codec: str | None = None
    scale: float = 1.0
    low: float = 0.0
    optimizer: bool = False

    @property
    def stored(self) -> np.dtype:
        """The dtype of its bytes."""
        return np.dtype(QUANTIZED[self.codec] if self.codec else PLAIN[self.dtype])

    @property
    def nbytes(self) -> int:
        """How many bytes it takes in the shards."""
        return math.prod(self.shape) * self.stored.itemsize

    def typed(self, data: np.ndarray) -> Any:
        """Its values from its bytes: Quantized where they are, with the very integers of the file; else an array."""
        values = data.view(self.stored).reshape(self.shape)
        if self.codec in ("uint8", "uint16"):
            if self.dtype == REAL:
                return Quantized.make(self.codec, values, self.scale, self.low)
            values = np.floor(values * self.scale + self.low + 0.5)  # whole numbers, rounded as JavaScript does
            return values.astype(self.dtype)
        return values != 0 if self.dtype == "bool" else values

    def decode(self, data: np.ndarray, where: str) -> Any:
        """Its values from its bytes, whole numbers as the floats that layers compute with. Raises ModelFileError."""
        values = self.typed(data)
        if isinstance(values, Quantized) or values.dtype.kind == "f":
            return values
        exact = values.astype(np.float32)
        if not np.array_equal(exact.astype(np.float64), values.astype(np.float64)):
            worst = np.abs(values.astype(np.float64)).max()
            raise ModelFileError(
                f"{where}: weight {self.name!r} holds whole numbers up to {worst:.0f}, which float32 does not hold "
                "exactly (2^24 = 16777216 is the limit)"
            )
        return exact


def read_manifest(where: str, manifest: Any, places: Shards, typed: bool = False) -> NamedWeights:
    """The weights of a model, to be read when used, `typed` in their own types; those of an optimizer are left out.

    Raises ModelFileError for a manifest that is damaged, and for shards that are missing, cut short or too long.
    """
    groups = [parse_group(where, number, group) for number, group in enumerate(as_list(where, manifest))]
    sizes: dict[str, int] = {}
    for paths, items in groups:
        if size(items):
            sizes |= {path: max(size(items), sizes.get(path, 0)) for path in paths}
    files = places.find(sizes)
    stored: list[Stored] = []
    for number, (paths, items) in enumerate(groups):
        if size(items):
            stored += open_group(
                f"{where}: group {number} of 'weightsManifest'", [files[p] for p in paths], items, typed
            )
        else:
            stored += [to_stored(where, item, [], 0, typed) for item in items if not item.optimizer]
    return NamedWeights(where, stored)


def open_group(where: str, paths: Sequence[Path], items: Sequence[Item], typed: bool = False) -> list[Stored]:
    """The weights of one group. Raises ModelFileError where its shards hold more or fewer bytes than it needs."""
    shards = [map_file(path) for path in paths]
    found, needed = sum(shard.size for shard in shards), size(items)
    if found != needed:
        told = [f"{path} ({shard.size:,} bytes)" for path, shard in zip(paths[:4], shards[:4], strict=True)]
        raise ModelFileError(
            f"{where} needs {needed:,} bytes for its {len(items)} weights; its shards hold {found:,}: "
            f"{', '.join(told)}{', ...' if len(paths) > 4 else ''}. "
            + (
                f"A shard is cut short{no_shard(paths)}. Copy or download the shards again"
                if found < needed
                else "These are the shards of another model, or the manifest lacks weights or tells a wrong dtype"
            )
        )
    result, offset = [], 0
    for item in items:
        if not item.optimizer:
            result.append(to_stored(where, item, shards, offset, typed))
        offset += item.nbytes
    return result


def to_stored(where: str, item: Item, shards: Sequence[np.ndarray], offset: int, typed: bool = False) -> Stored:
    """The weight at this byte of its shards, not read yet."""

    def read() -> Any:
        data = stretch(shards, offset, offset + item.nbytes)
        return item.typed(data) if typed else item.decode(data, where)

    return Stored(item.name, item.shape, read)


def size(items: Sequence[Item]) -> int:
    """Bytes of weights laid end to end."""
    return sum(item.nbytes for item in items)


def as_list(where: str, value: Any, what: str = "'weightsManifest'") -> list[Any]:
    """The value, if it is a list. Raises ModelFileError."""
    if not isinstance(value, list):
        raise ModelFileError(f"{where}: {what} should be a list, it is a {type(value).__name__}; the file is damaged")
    return value


def parse_group(where: str, number: int, group: Any) -> tuple[list[str], list[Item]]:
    """The paths and the weights of one group. Raises ModelFileError where it is damaged."""
    what = f"group {number} of 'weightsManifest'"
    if not isinstance(group, Mapping):
        raise ModelFileError(f"{where}: {what} should be an object, it is a {type(group).__name__}")
    paths = as_list(where, group.get("paths"), f"'paths' of {what}")
    for path in paths:
        if not isinstance(path, str) or not path:
            raise ModelFileError(f"{where}: 'paths' of {what} holds {path!r}, which is no path of a shard")
    weights = as_list(where, group.get("weights"), f"'weights' of {what}")
    return paths, [parse_item(f"{where}: entry {k} of {what}", item) for k, item in enumerate(weights)]


def parse_item(where: str, item: Any) -> Item:
    """One weight of a manifest. Raises ModelFileError that names it, what is wrong, and what is allowed."""
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
        raise ModelFileError(f"{where} is {str(item)[:80]!r}; a weight with 'name', 'shape' and 'dtype' is needed")
    name, shape, dtype = item["name"], item.get("shape"), item.get("dtype")
    where = f"{where}, weight {name!r}"
    if not isinstance(shape, list) or not all(is_whole(axis) and axis >= 0 for axis in shape):
        raise ModelFileError(f"{where}: shape {shape!r} is no list of sizes")
    quantization = item.get("quantization")
    allowed = tuple(PLAIN) if quantization is None else (REAL, WHOLE)
    if not isinstance(dtype, str) or dtype not in allowed:
        raise ModelFileError(
            f"{where}: dtype {dtype!r} is not read{'' if quantization is None else ' where a weight is quantized'}; "
            f"allowed are {', '.join(allowed)}"
        )
    optimizer = item.get("group") == "optimizer"
    made = partial(Item, name, tuple(shape), dtype, optimizer=optimizer)
    return made() if quantization is None else made(**parse_quantization(where, dtype, quantization))


def parse_quantization(where: str, dtype: str, given: Any) -> dict[str, Any]:
    """codec, scale and low. `original_dtype` repeats the weight's dtype and is not looked at, as by TensorFlow.js."""
    codec = given.get("dtype") if isinstance(given, Mapping) else None
    if not isinstance(codec, str) or codec not in QUANTIZED:
        raise ModelFileError(f"{where}: quantization {given!r}; its dtype may be {', '.join(QUANTIZED)}")
    if codec == "float16":
        if dtype != REAL:
            raise ModelFileError(f"{where}: dtype {dtype!r} is quantized as float16; only float32 can be")
        return {"codec": codec}
    scale, low = given.get("scale"), given.get("min")
    for key, value in (("scale", scale), ("min", low)):
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= FLOAT32_MAX:
            raise ModelFileError(f"{where}: quantization has {key} {value!r}; a number within float32 is needed")
    if not np.float32(scale) > 0:
        raise ModelFileError(
            f"{where}: quantization has scale {scale!r}, a range of no width; a scale above 0 is needed (1 for a "
            "constant weight)"
        )
    top = scale * (2 ** (8 * np.dtype(QUANTIZED[codec]).itemsize) - 1) + low
    if not abs(top) <= FLOAT32_MAX:
        raise ModelFileError(f"{where}: quantization with scale {scale!r} and min {low!r} reaches beyond float32")
    return {"codec": codec, "scale": float(scale), "low": float(low)}


FLOAT32_MAX = float(np.finfo(np.float32).max)


def is_whole(value: Any) -> bool:
    """Whether this is a whole number of JSON (true and false are not)."""
    return isinstance(value, int) and not isinstance(value, bool)
