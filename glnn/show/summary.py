"""What a person looks at: the summary of a graph."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..graph.graph import Graph, Node
from ..graph.shapes import shape_text
from .tables import Cell, as_html, as_text


class Summary:
    """The layers of a model as a table: `str()` and `print()` give text, a notebook shows HTML.

    One that is dropped before anything looked at it prints itself, so that `model.summary()` alone on a line shows the
    table, and `print(model.summary())` shows it once and no "None". Raises GraphError.
    """

    def __init__(self, graph: Graph):
        self._seen = True  # nothing to show yet
        self._parts = parts(graph)
        self._seen = False

    def __str__(self) -> str:
        self._seen = True
        title, header, rows, lines = self._parts
        return as_text(title, header, rows, after=lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        self._seen = True
        title, header, rows, lines = self._parts
        return as_html(title, header, rows, after=lines)

    def __del__(self) -> None:
        if self._seen or sys.is_finalizing():
            return
        try:
            print(self)
        except (OSError, ValueError):  # the output was closed: what it was piped to went away
            pass


def hand_on(made: Summary, print_fn: Callable[[str], Any] | None) -> Summary | None:
    """The summary itself, or None after its text was handed to print_fn."""
    if print_fn is None:
        return made
    print_fn(str(made))
    return None


def parameters(node: Node) -> int:
    """How many numbers the weights of a node hold."""
    return sum(int(w.size) for w in node.weights.values())


def summary(graph: Graph) -> str:
    """The layers of a graph as a table: name, type, output shape, parameters, inputs. Raises GraphError."""
    return str(Summary(graph))


def parts(graph: Graph) -> tuple[str, list[str], list[list[Cell]], list[str]]:
    """Title, header, rows and closing lines of the summary. Raises GraphError."""
    specs = graph.specs()
    maker = {name: node.label for node in graph.nodes for name in node.outputs}
    rows: list[list[Cell]] = [[spec.name, "Input", shape_text(spec.shape), "0", ""] for spec in graph.given]
    for node in graph.nodes:
        rows.append(
            [
                node.label,
                node.kind,
                ", ".join(shape_text(specs[name].shape) for name in node.outputs),
                f"{parameters(node):,}",
                ", ".join(maker.get(name, name) for name in node.inputs),
            ]
        )
    weights = graph.weights().values()  # those that layers share count once
    total, stored = sum(int(w.size) for w in weights), sum(int(w.nbytes) for w in weights)
    outputs = ", ".join(f"{spec.name} {shape_text(spec.shape)}" for spec in graph.output_specs())
    lines = [f"Outputs: {outputs}", f"Parameters: {total:,} ({sizes(total, stored)})"]
    if graph.staging is not None:
        sized = ", ".join(f"{spec.name} {shape_text(spec.shape)}" for spec in graph.inputs)
        lines.append(f"The graph is made for each size of inputs; this one is for {sized or 'no inputs'}")
        if graph.staging.hosts:
            lines.append(f"Computed by NumPy, of what is read back: {', '.join(graph.staging.hosts)}")
    return f"Model: {graph.name}", ["Layer", "Type", "Output shape", "Parameters", "Reads"], rows, lines


def sizes(count: int, stored: int) -> str:
    """The size of `count` parameters in words: `stored` bytes as they are, and as float32 where that differs."""
    wide = f"{count * 4 / 1e6:.2f} MB as float32"
    return wide if stored == count * 4 else f"{stored / 1e6:.2f} MB stored; {wide}"
