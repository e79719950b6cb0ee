"""A model as pure data: tensors, nodes, and the graph that joins them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from ..errors import GlnnError, GraphError, InputError
from ..records import dataclass
from .names import named
from .protocols import Op, Staging
from .shapes import Dims, shape_text


@dataclass(frozen=True)
class TensorSpec:
    """A named tensor: shape with the batch first, None where a dimension is free."""

    name: str
    shape: Dims
    dtype: str = "float32"

    def __repr__(self) -> str:
        return f"TensorSpec({self.name!r}, {self.shape}{'' if self.dtype == 'float32' else f', {self.dtype!r}'})"


ACTIVATION_CODECS = ("float32", "float16", "rgba8", "uint8")  # of tensors between layers; float32: the device's best


@dataclass(frozen=True)
class ActivationCodec:
    """How a tensor between layers is stored: one of ACTIVATION_CODECS; for uint8 the range that its codes span."""

    codec: str
    low: float = 0.0
    high: float = 0.0

    @property
    def fault(self) -> str:
        """What is wrong with it, in words; empty if nothing is."""
        if self.codec not in ACTIVATION_CODECS:
            return f"codec {self.codec!r}; known are {', '.join(ACTIVATION_CODECS)}"
        if not math.isfinite(self.low) or not math.isfinite(self.high):
            return f"a range from {self.low} to {self.high}; both must be finite"
        if self.codec == "uint8" and not (self.low <= 0 <= self.high and self.low < self.high):
            return f"codec uint8 with a range from {self.low} to {self.high}; it must hold 0 and have a positive width"
        return ""

    @property
    def scale(self) -> float:
        """What a step of a uint8 code is worth."""
        return (self.high - self.low) / 255

    @property
    def zero(self) -> int:
        """The uint8 code of 0: value = (code - zero) * scale."""
        return min(255, max(0, round(-self.low / self.scale)))


@dataclass(frozen=True, eq=False)
class Node:
    """One call of a layer or primitive. `name` is unique in the graph.

    `label` and `kind` are the layer's name and class in the user's model; in a nested model the label is a path. Where
    none is given they are the name and the class.
    Weights are arrays of float32 or float16, or Quantized. `origins` names them, the same for all nodes that share one;
    a Graph names those that have none (see names.named).
    """

    name: str
    layer: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)
        if not self.kind:
            object.__setattr__(self, "kind", type(self.layer).__name__)

    def __repr__(self) -> str:
        called = f" ({self.label!r})" if self.label != self.name else ""
        weights = ", ".join(
            f"{name} {getattr(w, 'codec', None) or w.dtype} {w.shape}" for name, w in self.weights.items()
        )
        reads, makes = (", ".join(names) or "nothing" for names in (self.inputs, self.outputs))
        return f"<Node {self.name!r}{called}: {self.layer!r}, {reads} -> {makes}{'; ' * bool(weights)}{weights}>"

    def with_(self, **changes: Any) -> Node:
        """A copy with some fields changed."""
        return Node(**{**vars(self), **changes})


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in the order in which they run; `outputs` are names of tensors, `output_names` what the user calls them.

    `activations` says how tensors are stored, by name; those that it does not name, as the device does best.
    `states` are inputs that nobody gives: each is what the output of its name was in the run before, at first 0.
    `kinds`: the types of outputs, by the names that the user has for them; float32 for those that it lacks.
    `held`: of tensors that hold the model's own with their axes in another order, what the model calls each, and which
    stored axis each of its axes is.
    `staging`: what makes a graph for inputs of other sizes, or in stages, where one graph does not do for all.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    output_names: tuple[str, ...] = ()
    activations: Mapping[str, ActivationCodec] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    staging: Staging | None = None
    _specs: dict[tuple, dict[str, TensorSpec]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", named(self.nodes))
        object.__setattr__(self, "_specs", {})

    def __repr__(self) -> str:
        inputs = ", ".join(f"{spec.name} {shape_text(spec.shape)}" for spec in self.inputs)
        outputs = ", ".join(self.output_names or self.outputs)
        return f"<Graph {self.name!r}: {len(self.nodes)} nodes, {inputs or 'nothing'} -> {outputs or 'nothing'}>"

    def with_(self, **changes: Any) -> Graph:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def specs(self, input_shapes: Mapping[str, Sequence[int | None]] | None = None) -> dict[str, TensorSpec]:
        """The spec of every tensor, by name. `input_shapes` replaces the inputs' own shapes. Raises GraphError.

        Shapes are inferred once for each set of input shapes; the dict is a copy.
        """
        key = tuple(sorted((name, tuple(shape)) for name, shape in (input_shapes or {}).items()))
        if key not in self._specs:
            self._specs[key] = self._inferred(input_shapes)
        return dict(self._specs[key])

    def of_shapes(self, shapes: Mapping[str, Dims]) -> Graph:
        """The graph itself, which from now on takes these as the shapes of what its nodes make."""
        names = [name for node in self.nodes for name in node.outputs]
        self._specs[()] = {s.name: s for s in self.inputs} | {name: TensorSpec(name, shapes[name]) for name in names}
        return self

    def _inferred(self, input_shapes: Mapping[str, Sequence[int | None]] | None) -> dict[str, TensorSpec]:
        check_tensors(self)
        known: dict[str, TensorSpec] = {}
        for spec in self.inputs:
            shape = tuple(input_shapes[spec.name]) if input_shapes and spec.name in input_shapes else spec.shape
            known[spec.name] = TensorSpec(spec.name, shape, spec.dtype)
        for node in self.nodes:
            try:
                shapes = as_tuple(node.layer.output_shape(*[known[name].shape for name in node.inputs]))
            except GlnnError:
                raise
            except Exception as error:
                given = ", ".join(str(known[name].shape) for name in node.inputs)
                raise GraphError(
                    f"{self.name}: layer {node.label!r} ({node.kind}) cannot take {given}: {error}"
                ) from error
            if len(shapes) != len(node.outputs):
                raise GraphError(
                    f"{self.name}: layer {node.name!r} makes {len(shapes)} tensors, {len(node.outputs)} are named"
                )
            for name, shape in zip(node.outputs, shapes, strict=True):
                known[name] = TensorSpec(name, tuple(shape))
        return known

    def weights(self) -> dict[str, Any]:
        """All weights by name, each once however many nodes share it."""
        return {node.origins[name]: weight for node in self.nodes for name, weight in node.weights.items()}

    @property
    def given(self) -> tuple[TensorSpec, ...]:
        """The inputs that somebody gives: all but the states."""
        if self.staging is not None:
            return self.staging.inputs
        return tuple(spec for spec in self.inputs if spec.name not in self.states)

    def output_specs(self, input_shapes: Mapping[str, Sequence[int | None]] | None = None) -> list[TensorSpec]:
        """The outputs but the states, under the names that the user calls them by."""
        if self.staging is not None and input_shapes is None:
            return list(self.staging.outputs)
        specs, names = self.specs(input_shapes), self.output_names or self.outputs
        pairs = zip(names, self.outputs, strict=True)
        return [
            TensorSpec(name, specs[tensor].shape, self.kinds.get(name, "float32"))
            for name, tensor in pairs
            if name not in self.states
        ]

    def find(self, name: str) -> Node:
        """The node of this name or label. Raises InputError, with names that are close."""
        for node in self.nodes:
            if name in (node.name, node.label):
                return node
        names = [node.label for node in self.nodes]
        close = difflib.get_close_matches(name, names, 3) or names[:5]
        raise InputError(
            f"model {self.name!r} has no layer {name!r}; there are {', '.join(map(repr, close))} and others"
        )

    def consumers(self) -> dict[str, list[Node]]:
        """The nodes that read each tensor, by tensor name."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers.setdefault(name, []).append(node)
        return readers


def as_tuple(value: Any) -> tuple:
    """A layer returns one shape, array or value, or a list of several: here always a tuple of them."""
    return tuple(value) if isinstance(value, list) else (value,)


def validate(graph: Graph) -> Graph:
    """The graph itself, if names are unique, every tensor is made before it is read, shapes fit. Raises GraphError."""
    check_names(graph)
    graph.specs()
    return graph


def check_tensors(graph: Graph) -> None:
    """Raises GraphError where two tensors have one name, and where one is read before it is made."""
    known: set[str] = set()

    def make(names: Iterable[str]) -> None:
        for name in names:
            if name in known:
                raise GraphError(f"{graph.name}: two tensors are called {name!r}")
            known.add(name)

    make(spec.name for spec in graph.inputs)
    for node in graph.nodes:
        missing = [name for name in node.inputs if name not in known]
        if missing:
            raise GraphError(f"{graph.name}: layer {node.name!r} reads {missing}, which nothing before it makes")
        make(node.outputs)


def check_names(graph: Graph) -> None:
    """Raises GraphError for whatever is wrong with a graph that can be told without its shapes."""
    seen: set[str] = set()
    for node in graph.nodes:
        if node.name in seen:
            raise GraphError(f"{graph.name}: two layers are called {node.name!r}")
        seen.add(node.name)
    check_tensors(graph)
    known = {spec.name for spec in graph.inputs}.union(*(node.outputs for node in graph.nodes))
    for name in graph.outputs:
        if name not in known:
            raise GraphError(f"{graph.name}: output {name!r} is made by no layer")
    lost = [name for name in graph.activations if name not in known]
    if lost:
        raise GraphError(f"{graph.name}: a codec is given for tensor {lost[0]!r}, which no layer makes")
    for name, codec in graph.activations.items():
        if codec.fault:
            raise GraphError(f"{graph.name}: tensor {name!r}: {codec.fault}")
    if graph.output_names and len(graph.output_names) != len(graph.outputs):
        raise GraphError(f"{graph.name}: {len(graph.outputs)} outputs but {len(graph.output_names)} names for them")
    both = {spec.name for spec in graph.inputs} & set(graph.output_names or graph.outputs)
    if not both >= set(graph.states):
        name = min(set(graph.states) - both)
        raise GraphError(f"{graph.name}: state {name!r} is not an input and the name of an output as well")


def without_unread(graph: Graph, kinds: type | tuple[type, ...], kept: Iterable[str] = ()) -> Graph:
    """The graph without nodes of these kinds whose outputs nobody reads any more, and without their codecs.

    kept: names of tensors that stay, besides the outputs
    """
    kept = {*graph.outputs, *kept}
    while True:
        read = {name for node in graph.nodes for name in node.inputs} | kept
        nodes = tuple(n for n in graph.nodes if not isinstance(n.layer, kinds) or read & {*n.outputs})
        if len(nodes) == len(graph.nodes):
            return graph
        gone = {name for node in graph.nodes for name in node.outputs} - {name for n in nodes for name in n.outputs}
        codecs = {name: codec for name, codec in graph.activations.items() if name not in gone}
        graph = graph.with_(nodes=nodes, activations=codecs)
