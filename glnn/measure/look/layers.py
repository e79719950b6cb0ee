"""The layers of a user's model and the tensors that they make, for those who look at them one by one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import numpy as np

from ... import tensor
from ...errors import InputError
from ...graph.graph import ActivationCodec, Graph
from ...layout.codec import activation_storage
from ...plan.plan import Made, TensorPlan
from ...primitives.bodies import throughout
from ...records import dataclass
from ...run.executor import Executor


@dataclass(frozen=True)
class Layer:
    """A layer of a trace: its label in the user's model, its class, its tensors by name, their shapes.

    turns: how many of the axes in front count turns of repeats, in which it is made
    """

    label: str
    kind: str
    tensors: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    turns: int = 0


def apart(graph: Graph) -> Graph:
    """The graph with every tensor kept: what has a codec goes into no other draw. Codecs that it has stay."""

    def kept(graph: Graph) -> Graph:
        all_ = {name: ActivationCodec("float32") for node in graph.nodes for name in node.outputs}
        return graph.with_(activations={**all_, **graph.activations})

    return throughout(kept, graph)


def given(spec: TensorPlan) -> Made:
    """An input, as it lies before the first step."""
    return Made(spec.name, spec.shape, spec.layout, ActivationCodec(spec.codec), spec.slots, 0, spec.name)


def values_of(executor: Executor, item: Made) -> np.ndarray:
    """The values of a tensor while it lies in its textures, codes decoded."""
    whole = tensor.read(executor.textures(item), item.layout, activation_storage(item.codec.codec))
    if item.codec.codec == "uint8":
        whole = (whole.astype(np.float32) - np.float32(item.codec.zero)) * np.float32(item.codec.scale)
    return item.section.cut(whole) if item.section else whole.reshape(item.shape)


def named(layers: Mapping[str, Layer], label: str) -> Layer:
    """The layer of this label. Raises InputError, with labels that are close."""
    if label not in layers:
        close = difflib.get_close_matches(str(label), layers, 3) or list(layers)[:5]
        raise InputError(f"trace: no layer {label!r} was traced; there are {', '.join(map(repr, close))}")
    return layers[label]
