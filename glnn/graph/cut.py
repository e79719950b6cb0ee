"""A graph with other outputs: what comes after them falls away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..errors import InputError
from .graph import Graph


def cut(graph: Graph, outputs: Sequence[str]) -> Graph:
    """The graph whose outputs are these: names of outputs, of tensors, or of layers (what a layer makes last).

    Raises InputError for a name that is none of these.
    """
    names = [outputs] if isinstance(outputs, str) else list(outputs)
    if not names:
        raise InputError("outputs: at least one name is needed")
    if graph.staging is not None:
        return graph.staging.cut(names)
    called = dict(zip(graph.output_names or graph.outputs, graph.outputs, strict=True))
    known = {spec.name for spec in graph.inputs}.union(*(node.outputs for node in graph.nodes))
    made = tuple(called.get(n) or (n if n in known else graph.find(n).outputs[-1]) for n in names)
    kinds = {name: kind for name, kind in graph.kinds.items() if name in names}
    whole = replace(graph, outputs=made, output_names=tuple(names), kinds=kinds)
    nodes = tuple(needed(whole.nodes, made))
    made_now = {name for node in nodes for name in (*node.inputs, *node.outputs)}.union(made)
    return whole.with_(nodes=nodes, activations={n: c for n, c in graph.activations.items() if n in made_now})


def needed(steps: Sequence[Any], outputs: Sequence[str], reads: str = "inputs") -> list[Any]:
    """The nodes, or calls, that these outputs depend on; `reads`: what of each names what it reads."""
    wanted, kept = set(outputs), []
    for step in reversed(steps):
        if wanted.intersection(step.outputs):
            kept.append(step)
            wanted.update(getattr(step, reads))
    return kept[::-1]
