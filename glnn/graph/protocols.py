"""What a graph asks of what it holds and does not know: what a node computes, what makes graphs in stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from .shapes import Dims

if TYPE_CHECKING:
    from .graph import Graph, TensorSpec


class Op(Protocol):
    """What a node computes: a layer is one."""

    @property
    def exact_inputs(self) -> tuple[int, ...]:
        """Inputs, by number, that hold whole numbers, which no codec may round."""

    def weight_specs(self, *inputs: Dims) -> Sequence[Any]:
        """The weights, name and shape, for inputs of these shapes."""

    def output_shape(self, *inputs: Dims) -> Any:
        """The shape that comes out for inputs of these shapes; several as a list."""

    def reference(self, inputs: Sequence[Any], weights: Mapping[str, Any]) -> Any:
        """The values that come out, in NumPy."""

    def lower(self, b: Any, inputs: Sequence[Any], weights: Mapping[str, Any]) -> Any:
        """The draws that compute it, made through the Builder b."""


class Stage(Protocol):
    """A part of a model's work: a graph to be drawn, None where nothing is.

    wants: names of the tensors that the next stage must know the elements of; the last stage has none, it has outputs
    known: outputs that are known without drawing, by name; kinds: the types of all outputs
    """

    graph: Graph | None
    wants: tuple[str, ...]
    known: Mapping[str, Any]
    kinds: Mapping[str, str]


class Staging(Protocol):
    """What makes graphs of a model for inputs that are there; `inputs` and `outputs` as it declares them."""

    model: Any

    @property
    def inputs(self) -> tuple[TensorSpec, ...]: ...
    @property
    def outputs(self) -> tuple[TensorSpec, ...]: ...
    @property
    def hosts(self) -> Sequence[str]: ...
    def stage(self, arrays: Mapping[str, Any], answers: Mapping[str, Any]) -> Stage:
        """The next stage for inputs by name, and tensors that earlier stages were to make known."""

    def cut(self, names: Sequence[str]) -> Graph:
        """The model with these outputs: names of tensors, or labels of calls. Raises InputError."""

    def fixed(self, shapes: Mapping[str, Any], arrays: Mapping[str, Any] | None = None) -> Graph:
        """The one graph for inputs of these shapes, and of values where they count. Raises UnsupportedError."""
