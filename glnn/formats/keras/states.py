"""Stateful layers: their states become inputs and outputs of the model that nobody gives or sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...graph.graph import TensorSpec, as_tuple
from ...graph.shapes import Dims
from ...layers.base import Layer
from .steps import Step
from .walk import Builder


def keep(builder: Builder, step: Step, shapes: Mapping[str, Dims]) -> dict[str, str]:
    """Gives the states of a stateful layer to it as inputs -> by the name of each, what it becomes.

    A layer that is called on states takes these, as Keras does. shapes: those of the step's inputs, by name
    """
    layer, entry = step.layer, step.entry
    if layer is None or not layer.by_steps or not is_stateful(layer) or states_given(layer, step):
        return {}
    if Counter(id(other.entry) for other in builder.steps)[id(entry)] > 1:
        builder.problems.append(
            f"{entry.path} ({entry.class_name}): option stateful=True in a layer that is called twice"
        )
        return {}
    wide = with_states(layer)
    made = as_tuple(wide.output_shape(*(shapes[name] for name in step.inputs)))
    first = 2 if getattr(layer, "merge_mode", "") is None else 1
    ends: dict[str, str] = {}
    names = []
    for k, shape in enumerate(made[first:]):
        name = builder.unique(f"{entry.path}/state{k}")
        if None in shape[1:]:
            builder.problems.append(
                f"{entry.path} ({entry.class_name}): option stateful=True with states of free sizes {shape[1:]}"
            )
            return {}
        builder.inputs.append(TensorSpec(name, (None, *shape[1:])))
        names.append(name)
        ends[name] = builder.output(step, first + k)
    step.inputs[1:1], step.made = names, wide
    return ends


def is_stateful(layer: Layer) -> bool:
    """Whether a layer keeps its states."""
    return bool(getattr(getattr(layer, "layer", layer), "stateful", False))


def states_given(layer: Any, step: Step) -> bool:
    """Whether a layer is called on states."""
    return len(step.inputs) > 1 + layer.masked


def with_states(layer: Any) -> Any:
    """The layer with its states as outputs."""
    if hasattr(layer, "backward_layer"):
        parts = (layer.layer, layer.backward_layer)
        one, other = (replace(part, return_state=True) for part in parts if part is not None)
        return replace(layer, layer=one, backward_layer=other)
    return replace(layer, return_state=True)
