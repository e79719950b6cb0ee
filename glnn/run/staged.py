"""Models whose graph is made once inputs are there, in stages where NumPy computes between draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..graph.graph import Graph
from .inputs import tell_rounded, typed
from .pieces import Arrays


def run(staging: Any, arrays: Mapping[str, np.ndarray], draw: Callable[[Graph, Arrays], Arrays]) -> Arrays:
    """The outputs by name, in the types that the model declares, for arrays by input name.

    draw: what runs a graph on arrays by the names of its inputs
    """
    answers: Arrays = {}
    while True:
        stage = staging.stage(arrays, answers)
        made: Arrays = {}
        if stage.graph is not None:
            given = {**arrays, **answers}
            made = draw(stage.graph, {spec.name: given[spec.name] for spec in stage.graph.inputs})
        if stage.wants:
            for name in stage.wants:
                tell_rounded(made[name], stage.kinds[name], f"{name!r}, which {stage.asks} reads")
            answers |= made
            continue
        whole = {**made, **stage.known}
        return {s.name: _typed(whole[s.name], stage.kinds[s.name], f"output {s.name!r}") for s in staging.outputs}


def _typed(value: Any, kind: Any, what: str) -> Any:
    """An array in its type; those of a sequence; None, where nothing is there."""
    if isinstance(value, list):
        return [_typed(one, each, what) for one, each in zip(value, kind, strict=True)]
    return None if value is None else typed(value, kind, what)
