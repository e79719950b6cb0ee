"""An ONNX file -> Graph."""

from __future__ import annotations

from ...errors import ModelFileError
from ...graph.graph import Graph
from ..file import Source
from ..protobuf import LENGTH, VARINT, Reader
from ..registry import loader

IR_VERSION, OPSETS, GRAPH = 1, 8, 7  # numbers of fields
OTHERS = {2: LENGTH, 3: LENGTH, 4: LENGTH, 5: VARINT, 6: LENGTH}  # producer, version, domain, model version, doc string


def is_onnx(source: Source) -> bool:
    """Whether the file begins as a ModelProto does: its version, then texts of its producer, opsets, or the graph."""
    head, seen = memoryview(source.head), False
    suffix = source.path.suffix == ".onnx"
    try:
        for number, wire, first, _ in Reader(head, {}, "").fields(0, len(head) * 1_000_000_000):
            if number == IR_VERSION and wire == VARINT:
                seen = True
            elif number in (GRAPH, OPSETS) and wire == LENGTH:
                return seen or suffix
            elif OTHERS.get(number) != wire or (wire == LENGTH and head[first] == 0x0A):  # a message, not a text
                return False
    except (ModelFileError, IndexError):
        pass
    return seen or suffix


@loader("ONNX", is_onnx)
def load_onnx(source: Source) -> Graph:
    """The Graph of an ONNX model. Raises ModelFileError, UnsupportedError, GraphError."""
    from ...operators import as_graph
    from ..surveys import operators_seen
    from .model import operators

    for name, given in (("weights", source.weights), ("metadata", source.metadata)):
        if given is not None:
            raise ModelFileError(
                f"{source.path}: an ONNX file tells where its data lie; load it without {name}={given}"
            )
    model = operators(source)
    operators_seen(model)
    return as_graph(model, source.host)
