"""Repeat: a graph run again and again, each turn on what the one before made. Recurrence, scans, iterations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import GraphError, InputError
from ..graph import reference
from ..graph.exact import whole_numbers
from ..graph.graph import Graph, Node, check_names
from ..graph.shapes import Dims, checked_axis, shape_text
from ..graph.weight import WeightSpec
from ..records import dataclass
from .base import Primitive, Value
from .move import permute
from .turns import Sliced, Turn, TurnBuilder

MOST_TURNS = 2**24  # the numbers of turns are exact in float32


@dataclass(frozen=True)
class Slices:
    """How turns go through a tensor: a slice each along an axis, from the first on or, in reverse, from the last."""

    axis: int = 0
    reverse: bool = False

    def order(self, count: int) -> range:
        """The slice of each turn."""
        return range(count - 1, -1, -1) if self.reverse else range(count)


@dataclass(frozen=True, eq=False)
class Repeat(Primitive):
    """A body graph, run in `count` turns.

    Inputs: `carried` tensors as they are before the first turn; tensors of which each turn sees a slice, as `sliced`
    says for each; then what is the same in all turns. Those are the body's inputs in this order (slices lack the axis).
    Outputs: the carried tensors as they are after the last turn, then stacks of what each turn gives, as `stacked` says
    for each. The body's outputs are, in this order, the carried tensors after a turn, in the shapes that they have
    before it, and what is stacked.

    count: None: as many turns as the sliced tensors have slices

    The weights of the body's nodes are those of the node that repeats it, under the names that the body calls them by
    (Graph.weights): so they are named, shared, quantized and uploaded like any others, and the body itself holds
    shapes alone. `Repeat.node` makes such a node from a body with weights.

    It has no finish: what is computed of its outputs is drawn after the last turn. A body may be said in layers; passes
    go through it as through the graph around it (bodies.throughout), and as in any graph its inputs state the sizes
    that layers need to be known.

    Raises InputError for a count that is none, GraphError for a body with other inputs or outputs.
    """

    arity = None  # as many as the body has
    body: Graph
    count: int | None = None
    carried: int = 0
    sliced: tuple[Slices, ...] = ()
    stacked: tuple[Slices, ...] = ()

    def __post_init__(self) -> None:
        count, body = self.count, self.body
        whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
        if count is not None and not (whole and 0 <= count <= MOST_TURNS):
            raise InputError(
                f"Repeat: count={count!r}: a whole number of turns is needed, from 0 to {MOST_TURNS:,}, or None"
            )
        if count is None and not self.sliced:
            raise InputError(
                "Repeat: count=None: no input is sliced, so nothing says how many turns there are. Give a count"
            )
        if isinstance(self.carried, bool) or not isinstance(self.carried, int | np.integer) or self.carried < 0:
            raise InputError(f"Repeat: carried={self.carried!r}: a number of tensors is needed, 0 or more")
        check_names(body)
        if len(body.inputs) < self.carried + len(self.sliced):
            raise GraphError(
                f"Repeat: body {body.name!r} has {len(body.inputs)} inputs; {self.carried} carried and "
                f"{len(self.sliced)} sliced tensors need one each"
            )
        if len(body.outputs) != self.carried + len(self.stacked):
            raise GraphError(
                f"Repeat: body {body.name!r} has {len(body.outputs)} outputs; {self.carried} carried tensors and "
                f"{len(self.stacked)} stacks are needed"
            )

    def __repr__(self) -> str:
        turns = "a turn for each slice" if self.count is None else f"{self.count} turns"
        numbers = f"{self.carried} carried, {len(self.sliced)} sliced, {len(self.stacked)} stacked"
        return f"Repeat({self.body!r}, {turns}, {numbers})"

    @classmethod
    def node(
        cls,
        name: str,
        body: Graph,
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        label: str = "",
        origins: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Node:
        """A node that repeats a body, with the body's weights. options: those of Repeat; origins: see Node."""
        bare, weights = lifted(body)
        return Node(name, cls(bare, **options), tuple(inputs), tuple(outputs), weights, label, origins or {})

    # ---- as an Op

    @property
    def exact_inputs(self) -> tuple[int, ...]:  # type: ignore[override]  # they follow from the body
        """Inputs that hold whole numbers which the body looks up by, at once or in a later turn."""
        found = whole_numbers(self.body, self._exact)
        return tuple(k for k, spec in enumerate(self.body.inputs) if spec.name in found)

    @cached_property
    def _exact(self) -> frozenset[str]:
        """The carried outputs of the body that must be whole numbers, since a later turn looks up by them."""
        carried = list(zip(self.body.inputs[: self.carried], self.body.outputs, strict=False))
        exact: frozenset[str] = frozenset()
        while True:
            found = whole_numbers(self.body, exact)
            more = exact | {out for spec, out in carried if spec.name in found}
            if more == exact:
                return exact
            exact = more

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        """The weights of the body's nodes."""
        return [WeightSpec(name, tuple(weight.shape)) for name, weight in self.body.weights().items()]

    def turns(self, *inputs: Dims) -> int | None:
        """How many turns inputs of these shapes take; None where that is free. Raises ValueError."""
        if len(inputs) != len(self.body.inputs):
            raise ValueError(f"{len(inputs)} inputs; {len(self.body.inputs)} are needed, as the body has")
        lengths: dict[int, int] = {}
        for k, item in enumerate(self.sliced, self.carried):
            length = inputs[k][checked_axis(item.axis, len(inputs[k]))]
            if length is not None:
                lengths[k] = length
        wanted = self.count if self.count is not None else next(iter(lengths.values()), None)
        wrong = {k: length for k, length in lengths.items() if length != wanted}
        if wrong:
            told = ", ".join(
                f"input {k} has {length} slices along axis {self._of_input(k).axis}" for k, length in lengths.items()
            )
            raise ValueError(f"{wanted} turns need as many slices of each sliced input: {told}")
        if wanted == 0 and self.stacked:
            raise ValueError("0 turns make nothing that could be stacked")
        return wanted

    def _of_input(self, number: int) -> Slices:
        return self.sliced[number - self.carried]

    def _slice_shape(self, number: int, shape: Dims) -> Dims:
        """The shape that the body sees of an input."""
        if not self.carried <= number < self.carried + len(self.sliced):
            return shape
        axis = checked_axis(self._of_input(number).axis, len(shape))
        return shape[:axis] + shape[axis + 1 :]

    def seen(self, *inputs: Dims) -> dict[str, Dims]:
        """The shapes that the body sees of inputs of these, by its names for them; what is free as it states that."""
        shapes = [self._slice_shape(k, inputs[k]) for k in range(len(self.body.inputs))]
        for spec, shape in zip(self.body.inputs, shapes, strict=True):
            if len(shape) != len(spec.shape):
                raise ValueError(f"the body has an input {spec.name!r} of rank {len(spec.shape)}, and gets {shape}")
        return {spec.name: _known(shape, spec.shape) for spec, shape in zip(self.body.inputs, shapes, strict=True)}

    def output_shape(self, *inputs: Dims) -> list[Dims]:  # type: ignore[override]  # it makes several
        """The shapes of the carried tensors, which stay as they are, and of the stacks. Raises ValueError."""
        count = self.turns(*inputs)
        try:
            specs = self.body.specs(self.seen(*inputs))
        except GraphError as error:
            raise ValueError(str(error)) from error  # which the graph around tells with the layer's name
        made = [specs[name].shape for name in self.body.outputs]
        for k, (before, after) in enumerate(zip(inputs[: self.carried], made, strict=False)):
            if len(before) != len(after) or not all(
                None in (a, b) or a == b for a, b in zip(before, after, strict=True)
            ):
                raise ValueError(
                    f"carried tensor {k} has shape {shape_text(before)} before a turn and {shape_text(after)} after "
                    "it; a turn must leave shapes as they are"
                )
        stacks = []
        for item, shape in zip(self.stacked, made[self.carried :], strict=True):
            axis = checked_axis(item.axis, len(shape) + 1)
            stacks.append((*shape[:axis], count, *shape[axis:]))
        return [*inputs[: self.carried], *stacks]

    def reference(  # type: ignore[override]
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]
    ) -> list[np.ndarray]:
        """The turns one by one in NumPy, in float64; what comes out has the type of the first input."""
        count = self.turns(*(np.shape(x) for x in inputs))
        assert count is not None
        nodes = tuple(node.with_(weights=self.weights_of(node, weights)) for node in self.body.nodes)
        body, names = self.body.with_(nodes=nodes, output_names=()), [spec.name for spec in self.body.inputs]
        state = [np.asarray(x, np.float64) for x in inputs[: self.carried]]
        same = list(inputs[self.carried + len(self.sliced) :])
        made: list[list[np.ndarray]] = [[] for _ in self.stacked]
        for turn in range(count):
            slices = [
                np.take(inputs[k], item.order(count)[turn], item.axis)
                for k, item in enumerate(self.sliced, self.carried)
            ]
            out = reference.run(body, dict(zip(names, [*state, *slices, *same], strict=True)))
            values = [out[name] for name in body.outputs]
            state = values[: self.carried]
            for stack, value in zip(made, values[self.carried :], strict=True):
                stack.append(value)
        stacks = [np.stack([s[t] for t in a.order(count)], a.axis) for s, a in zip(made, self.stacked, strict=True)]
        return [value.astype(np.asarray(inputs[0]).dtype, copy=False) for value in (*state, *stacks)]

    def lower(  # type: ignore[override]
        self, b: TurnBuilder, inputs: Sequence[Value], weights: Mapping[str, Any]
    ) -> list[Value]:
        """A repeat of the body's draws."""
        count = self.turns(*(value.shape for value in inputs))
        assert count is not None
        first, names = self.carried + len(self.sliced), [spec.name for spec in self.body.inputs]

        def body(turn: Turn) -> tuple[list[Value], list[Value]]:
            values = dict(zip(names, [*turn.carried, *turn.sliced, *inputs[first:]], strict=True))
            made = b.graph(self.body, values, lambda node: self.weights_of(node, weights), self._exact)
            return made[: self.carried], made[self.carried :]

        pairs = zip(inputs[self.carried : first], self.sliced, strict=True)
        slices = [Sliced(x, checked_axis(item.axis, len(x.shape)), item.reverse) for x, item in pairs]
        reverse = [item.reverse for item in self.stacked]
        made = b.repeat(count, body, inputs[: self.carried], slices, reverse)
        stacks = [
            moved(b, value, checked_axis(item.axis, len(value.shape)))
            for value, item in zip(made[self.carried :], self.stacked, strict=True)
        ]
        return [*made[: self.carried], *stacks]

    def weights_of(self, node: Node, weights: Mapping[str, Any]) -> dict[str, Any]:
        """A body node's weights among those of the node that repeats it. Raises GraphError where one is lacking."""
        lacking = [origin for origin in node.origins.values() if origin not in weights]
        if lacking:
            raise GraphError(
                f"Repeat: weight {lacking[0]!r} of body {self.body.name!r} is not among the node's, {sorted(weights)}. "
                "Make the node by Repeat.node"
            )
        return {name: weights[origin] for name, origin in node.origins.items()}


def _known(shape: Dims, stated: Dims) -> Dims:
    """A shape, what is free in it as the body states it."""
    return tuple(s if size is None else size for size, s in zip(shape, stated, strict=True))


def lifted(body: Graph) -> tuple[Graph, dict[str, Any]]:
    """A body whose nodes hold the shapes of their weights alone, and the weights by name."""
    weights = body.weights()
    shapes = {name: np.broadcast_to(np.float32(0), weight.shape) for name, weight in weights.items()}
    nodes = (node.with_(weights={name: shapes[origin] for name, origin in node.origins.items()}) for node in body.nodes)
    return body.with_(nodes=tuple(nodes)), weights


def moved(b: TurnBuilder, value: Value, axis: int) -> Value:
    """The first axis moved to another place."""
    order = list(range(1, len(value.shape)))
    order.insert(axis, 0)
    return permute(b, value, order)
