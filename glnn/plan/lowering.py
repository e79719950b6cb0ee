"""A graph's nodes drawn into a builder, and the codecs of what they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import GraphError, KernelError, LimitError, UnsupportedError
from ..graph.exact import whole_numbers
from ..graph.graph import ActivationCodec, Graph, Node, as_tuple
from ..primitives.base import Value

if TYPE_CHECKING:
    from .builder import PlanBuilder


def draw_nodes(
    b: PlanBuilder, graph: Graph, inputs: Mapping[str, Value], weights: Callable[[Node], Mapping[str, Any]]
) -> dict[str, Value]:
    """The draws of all nodes -> the values of all tensors by name. weights: what a node's layer draws with.

    Raises, naming the layer, LimitError, UnsupportedError, KernelError, GraphError (see `make_plan`).
    """
    values = dict(inputs)
    for node in graph.nodes:
        b.begin(node)
        try:
            made = as_tuple(node.layer.lower(b, [values[name] for name in node.inputs], weights(node)))
        except NotImplementedError as error:
            raise UnsupportedError(graph.name, [f"layer {node.label!r}: {error}"]) from None
        except (KernelError, LimitError) as error:
            raise type(error)(f"layer {node.label!r}: {error}") from error
        values.update(zip(node.outputs, _checked(node, made), strict=True))
    return values


def path(outer: Node, inner: Node) -> str:
    """The label of a node in the body of another: the layer's that made both, else the path to it."""
    return outer.label if inner.label == outer.label else f"{outer.label}/{inner.label}"


def _checked(node: Node, made: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a layer's `lower` returned, if it is a tensor for each output. Raises GraphError."""
    if len(made) == len(node.outputs) and all(isinstance(value, Value) for value in made):
        return made
    got = ", ".join(type(value).__name__ for value in made) or "nothing"
    raise GraphError(
        f"layer {node.label!r}: {type(node.layer).__name__}.lower returned {got}; a tensor that b.draw made is needed "
        f"for each of {len(node.outputs)} output{'s' * (len(node.outputs) > 1)}, several as a list"
    )


def store_activations(b: PlanBuilder, graph: Graph, values: Mapping[str, Value], also: Iterable[str] = ()) -> None:
    """Codecs that the graph names for its tensors; its inputs and outputs stay as precise as the device can.

    also: tensors that hold whole numbers, besides those that nodes ask for
    """
    kept = {values[name].id for name in (*(spec.name for spec in graph.inputs), *graph.outputs)}
    for name in whole_numbers(graph, also):
        if b.limits.float_target == "float16":
            b.store_as(values[name], ActivationCodec("rgba8"))
        kept.add(values[name].id)
    for name, codec in graph.activations.items():
        if b.is_part(values[name]) and b.home(values[name]).id not in b.stacks:  # of one that has a codec itself
            continue
        best = codec.codec == "float32" or (codec.codec == "float16" and b.limits.float_target == "rgba8")
        if values[name].id not in kept and not best:
            b.store_as(values[name], codec)
