"""The nodes of a TensorFlow graph in JSON -> calls: names of values, attributes, the order of control."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...errors import ModelFileError
from ...graph.shapes import ANY, Dims
from ...operators import Call
from ...operators.tensorflow import SILENT
from ...records import dataclass

# TensorFlow's types -> those that TensorFlow.js computes with.
FLOATS, INTEGERS = "FLOAT HALF DOUBLE BFLOAT16".split(), "INT32 INT64 INT16 INT8 UINT8 UINT16 UINT32 UINT64".split()
TYPES = {f"DT_{n}": k for names, k in ((FLOATS, "float32"), (INTEGERS, "int32"), (["BOOL"], "bool")) for n in names}
NUMBERS = "INVALID FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL".split()  # of types, in types.proto
# The outputs of operators that functions of a library know by name; others have one, or one list.
OUTPUTS = {
    "Switch": "output_false output_true",
    "Merge": "output value_index",
    "TopKV2": "values indices",
    "Unique": "y idx",
    "UniqueV2": "y idx",
    "ListDiff": "out idx",
    "FusedBatchNorm": "y batch_mean batch_variance reserve_space_1 reserve_space_2",
    "MaxPoolWithArgmax": "output argmax",
    "NonMaxSuppressionV4": "selected_indices valid_outputs",
    "NonMaxSuppressionV5": "selected_indices selected_scores valid_outputs",
    "CombinedNonMaxSuppression": "nmsed_boxes nmsed_scores nmsed_classes valid_detections",
    "TensorArrayV3": "handle flow",
    "TensorListPopBack": "output_handle tensor",
}
AGAIN = "The file is damaged; convert the model again"


@dataclass(frozen=True)
class Function:
    """The value of an attribute that names a function of the graph's library."""

    name: str


@dataclass(frozen=True)
class Nodes:
    """Calls by name, and which of them must come before others without giving them anything."""

    calls: Mapping[str, Call]
    before: Mapping[str, Sequence[str]]


def read_nodes(
    items: Any, where: str, wanted: Iterable[str] = (), what: str = "'node' of 'modelTopology'"
) -> Nodes:  # fmt: skip
    """The calls of a graph, of which values are `wanted`. Raises ModelFileError where the JSON is not that of nodes."""
    if not isinstance(items, list):
        raise ModelFileError(f"{where}: {what} should be a list, it is a {type(items).__name__}. {AGAIN}")
    ops: dict[str, str] = {}
    for number, item in enumerate(items):
        if not isinstance(item, Mapping) or not all(isinstance(item.get(k), str) for k in ("name", "op")):
            raise ModelFileError(f"{where}: entry {number} of {what} is no node with 'name' and 'op'. {AGAIN}")
        if item["name"] in ops:
            raise ModelFileError(f"{where}: two nodes of {what} are called {item['name']!r}. {AGAIN}")
        ops[item["name"]] = item["op"]
    most: dict[str, int] = {}  # the last output of each node that is read
    read: dict[str, list[str]] = {}
    for item in items:
        inputs = item.get("input") or []
        if not isinstance(inputs, list) or not all(isinstance(name, str) for name in inputs):
            raise ModelFileError(
                f"{where}: node {item['name']!r}: 'input' is {inputs!r:.60}, no list of names. {AGAIN}"
            )
        read[item["name"]] = [value(name, ops) for name in inputs if not name.startswith("^")]
    for name in (*(name for names in read.values() for name in names), *(value(name, ops) for name in wanted)):
        node, _, port = name.partition(":")
        most[node] = max(most.get(node, 0), int(port or 0))
    calls, before = {}, {}
    for item in items:
        name, op = item["name"], item["op"]
        told = f"{where}: node {name!r}"
        ports = max(most.get(name, 0) + 1, len(OUTPUTS.get(op, "").split()))
        outputs = (name, *(f"{name}:{port}" for port in range(1, ports)))
        calls[name] = Call(op, tuple(read[name]), outputs, attributes(item.get("attr"), told), name)
        before[name] = [other[1:] for other in item.get("input") or [] if other.startswith("^")]
    return Nodes(calls, before)


def value(name: str, ops: Mapping[str, str]) -> str:
    """A value by one name: "node:1", of "node:1" and "node:output:1"; its first is "node"."""
    node, *rest = name.split(":")
    port = int(rest[-1]) if rest and rest[-1].isascii() and rest[-1].isdigit() else 0
    op = ops.get(node, "").removesuffix("V2").removesuffix("V3")
    names = (OUTPUTS.get(ops.get(node, "")) or OUTPUTS.get(op, "")).split()
    if len(rest) > 1 and rest[0] in names:
        port += names.index(rest[0])
    return f"{node}:{min(port, 9999)}" if port else node


def attributes(given: Any, where: str) -> dict[str, Any]:
    """The attributes of a node that tell what it computes. Raises ModelFileError."""
    if given is not None and not isinstance(given, Mapping):
        raise ModelFileError(f"{where}: 'attr' should be an object, it is a {type(given).__name__}. {AGAIN}")
    found = {}
    for name, item in (given or {}).items():
        if not name.startswith("_") and item and name != "value" and name not in SILENT:
            found[name] = attribute(item, f"{where}: attribute {name!r}")
    return {name: item for name, item in found.items() if item is not None}


def attribute(item: Any, where: str) -> Any:
    """The value of one AttrValue."""
    kind, given = next(iter(item.items())) if isinstance(item, Mapping) and len(item) == 1 else (None, item)
    if kind == "list" and (given is None or isinstance(given, Mapping)):
        return tuple(
            one(key, element, where)
            for key, some in (given or {}).items()
            if isinstance(some, list)
            for element in some
        )
    return one(kind, given, where)


def one(kind: str | None, given: Any, where: str) -> Any:
    """A value of a kind of AttrValue, none of a list."""
    try:
        if kind == "s":
            return text(given)
        if kind == "i":
            return int(given)
        if kind == "f":
            return float(given)
        if kind == "b":
            return given is True or given == "true"
        if kind == "type":
            return type_name(given)
        if kind == "shape":
            return dims(given)
        if kind == "func":
            return Function(str(given["name"]))
        if kind in ("tensor", "placeholder"):
            return None
    except (TypeError, ValueError, KeyError, OverflowError, AttributeError, binascii.Error):
        pass
    raise ModelFileError(f"{where} is {given!r:.80}, which is no value of kind {kind!r}. {AGAIN}")


def text(given: Any) -> str:
    """A text, of base64 or of the numbers of its bytes."""
    data = bytes(given) if isinstance(given, list) else base64.b64decode(given, validate=True)
    return data.decode("utf-8", "replace")


def type_name(given: Any) -> str:
    """The type that TensorFlow.js has for one of TensorFlow's, which may be told by its number; others as they are."""
    name = f"DT_{NUMBERS[given]}" if isinstance(given, int) and 0 <= given < len(NUMBERS) else str(given)
    return TYPES.get(name, name)


def dims(given: Any) -> Dims:
    """A shape; None where a size is free."""
    if given is None or given.get("unknownRank"):
        return ANY
    sizes = [int(dim.get("size", 0)) for dim in given.get("dim") or []]
    return tuple(None if size < 0 else size for size in sizes)
