"""What a person looks at: the summary of a graph."""

from __future__ import annotations

from ..graph.graph import Graph, Node
from ..graph.shapes import shape_text
from .tables import table


def parameters(node: Node) -> int:
    """How many numbers the weights of a node hold."""
    return sum(int(w.size) for w in node.weights.values())


def summary(graph: Graph) -> str:
    """The layers of a graph as a table: name, type, output shape, parameters, inputs. Raises GraphError."""
    specs = graph.specs()
    maker = {name: node.label for node in graph.nodes for name in node.outputs}
    rows = [(spec.name, "Input", shape_text(spec.shape), "0", "") for spec in graph.inputs]
    for node in graph.nodes:
        rows.append(
            (
                node.label,
                type(node.layer).__name__,
                ", ".join(shape_text(specs[name].shape) for name in node.outputs),
                f"{parameters(node):,}",
                ", ".join(maker.get(name, name) for name in node.inputs),
            )
        )
    weights = graph.weights().values()  # those that layers share count once
    total, stored = sum(int(w.size) for w in weights), sum(int(w.nbytes) for w in weights)
    names = graph.output_names or graph.outputs
    outputs = ", ".join(
        f"{name} {shape_text(specs[out].shape)}" for name, out in zip(names, graph.outputs, strict=True)
    )
    return (
        f"Model: {graph.name}\n"
        + table(("Layer", "Type", "Output shape", "Parameters", "Reads"), rows, right=(3,))
        + f"\nOutputs: {outputs}\nParameters: {total:,} ({sizes(total, stored)})"
    )


def sizes(count: int, stored: int) -> str:
    """The size of `count` parameters in words: `stored` bytes as they are, and as float32 where that differs."""
    wide = f"{count * 4 / 1e6:.2f} MB as float32"
    return wide if stored == count * 4 else f"{stored / 1e6:.2f} MB stored; {wide}"
