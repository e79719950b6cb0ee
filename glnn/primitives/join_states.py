"""What one draw of a turn makes and the next turn reads, carried on as one tensor with the states as its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..graph.graph import Graph, Node, TensorSpec, without_unread
from ..graph.shapes import Dims
from ..records import dataclass
from .blank import Blank
from .bodies import with_weights
from .expr import Apply, Constant, Expr, In
from .fuse_gates import fuse_gates
from .gates import Gates
from .loop import Repeat, Slices
from .map import Map
from .operations import OPERATIONS
from .pick import Pick


def join_states(graph: Graph) -> Graph:
    """In turns, dense layers with what is computed of their parts as one draw each; and where such a draw makes several
    tensors that are carried on, these are carried as one: what was theirs is picked out of it.

    It is the graph itself where no body of a repeat has such a layer.
    """
    if not any(isinstance(node.layer, Repeat) for node in graph.nodes):
        return graph
    specs = graph.specs()
    blanks = {node.outputs[0]: node for node in graph.nodes if isinstance(node.layer, Blank)}
    made = [_joined(node, [specs[name].shape for name in node.inputs], blanks) for node in graph.nodes]
    same = all(len(nodes) == 1 and nodes[0] is node for nodes, node in zip(made, graph.nodes, strict=True))
    return graph if same else without_unread(graph.with_(nodes=tuple(node for nodes in made for node in nodes)), Blank)


def _joined(node: Node, shapes: Sequence[Dims], blanks: Mapping[str, Node]) -> list[Node]:
    """What stands for a node. blanks: by what they make."""
    if not isinstance(node.layer, Repeat):
        return [node]
    body = with_weights(node, shapes)
    inner = fuse_gates(join_states(body))
    if inner is body:
        return [node]
    states = _states(node.layer, inner)
    if not states:
        return [_again(node, inner, node.layer)]
    return _Join(node, inner, states, blanks).nodes()


def _again(node: Node, body: Graph, loop: Repeat, **options: object) -> Node:
    """The node with another body and other options of its loop."""
    fields = {"count": loop.count, "carried": loop.carried, "sliced": loop.sliced, "stacked": loop.stacked} | options
    made = Repeat.node(
        node.name, body, node.inputs, node.outputs, label=node.label,
        origins={name: name for name in body.weights()}, **fields,
    )  # fmt: skip
    return made.with_(kind=node.kind)


def _alike(a: Node, b: Node | None) -> bool:
    """Whether two nodes make the same."""
    return b is not None and (a.layer, a.inputs) == (b.layer, b.inputs)


@dataclass(frozen=True)
class _State:
    """A tensor (R, N, U) that a turn makes: what is made of its rows, and for each the number of the state or None."""

    whole: str
    rows: tuple[str, ...]
    carried: tuple[int | None, ...]


def _states(loop: Repeat, body: Graph) -> list[_State]:
    """The draws of several results of which some are carried on."""
    after = list(body.outputs[: loop.carried])
    states = []
    for node in body.nodes:
        if not isinstance(node.layer, Gates) or len(node.layer.results) < 2:
            continue
        whole = node.outputs[0]
        rows = tuple(
            other.outputs[0] for other in body.nodes if isinstance(other.layer, Pick) and other.inputs == (whole,)
        )
        carried = tuple(after.index(name) if name in after else None for name in rows)
        if any(k is not None for k in carried):
            states.append(_State(whole, rows, carried))
    return states


class _Join:
    """A node that repeats a body, whose states are to be carried as one tensor for each draw that makes them."""

    def __init__(self, node: Node, body: Graph, states: list[_State], blanks: Mapping[str, Node]):
        self.node, self.body, self.states, self.blanks = node, body, states, blanks
        self.loop: Repeat = node.layer  # type: ignore[assignment]
        gone = {k for state in states for k in state.carried if k is not None}
        self.left = [k for k in range(self.loop.carried) if k not in gone]

    def nodes(self) -> list[Node]:
        """The states joined, the repeat of the joined ones, and what it made picked apart."""
        node, loop, left, states = self.node, self.loop, self.left, self.states
        first = loop.carried + len(loop.sliced)
        starts = [f"{node.name}~{state.whole}" for state in states]
        finals = [f"{start}~final" for start in starts]
        stacks, stacked, picks = self._stacks()
        inputs = (*(node.inputs[k] for k in left), *starts, *node.inputs[loop.carried :])
        outputs = (*(node.outputs[k] for k in left), *finals, *stacks)
        options = {"carried": len(left) + len(states), "stacked": stacked}
        made = _again(node.with_(inputs=inputs, outputs=outputs), self._body(first), loop, **options)
        for state, final in zip(states, finals, strict=True):
            picks += [self._pick(final, row, node.outputs[k]) for row, k in enumerate(state.carried) if k is not None]
        return [*(self._start(*pair) for pair in zip(states, starts, strict=True)), made, *picks]

    def _start(self, state: _State, name: str) -> Node:
        """What joins states as they are before the first turn; rows that are not carried begin as the first that is."""
        some = next(k for k in state.carried if k is not None)
        reads = [self.node.inputs[some if k is None else k] for k in state.carried]
        first = self.blanks.get(reads[0])
        if first is not None and all(_alike(first, self.blanks.get(name)) for name in reads):
            blank: Blank = first.layer  # type: ignore[assignment]
            whole = replace(blank, target=(len(reads), *blank.target), alone=True)
            return Node(name, whole, first.inputs, (name,), label=self.node.label, kind=self.node.kind)
        expr: Expr = In(len(reads) - 1)
        weights = {}
        for k in range(len(reads) - 1):
            here = np.arange(len(reads)).reshape(-1, 1, 1) == k
            weights[f"row{k}"] = here.astype(np.float32)
            expr = Apply(OPERATIONS["where"], (Constant(f"row{k}", here.shape), In(k), expr))
        origins = {n: f"~{n} of {len(reads)}" for n in weights}
        return Node(name, Map(expr), tuple(reads), (name,), weights, self.node.label, origins, self.node.kind)

    def _stacks(self) -> tuple[list[str], tuple[Slices, ...], list[Node]]:
        """What the repeat stacks, how, and what takes the old stacks out of it."""
        node, loop = self.node, self.loop
        rows = {row: state for state in self.states for row in state.rows}
        names: dict[tuple[str, Slices], str] = {}
        stacked: list[Slices] = []
        picks: list[Node] = []
        pairs = zip(self.body.outputs[loop.carried :], node.outputs[loop.carried :], loop.stacked, strict=True)
        for inner, outer, item in pairs:
            state = rows.get(inner)
            if state is None or item.axis:
                names[outer, item] = outer
                stacked.append(item)
                continue
            if (state.whole, item) not in names:
                names[state.whole, item] = f"{outer}~stack"
                stacked.append(item)
            picks.append(self._pick(names[state.whole, item], state.rows.index(inner), outer, 1))
        self.stacked = [key for key, _ in names]
        return list(names.values()), tuple(stacked), picks

    def _body(self, first: int) -> Graph:
        """The body that carries what draws make as it is."""
        body, loop, left = self.body, self.loop, self.left
        specs = body.specs()
        called = list(body.output_names or body.outputs)
        starts = [f"{state.whole}~before" for state in self.states]
        picks, names = [], dict[str, str]()
        for state, start in zip(self.states, starts, strict=True):
            for row, k in enumerate(state.carried):
                if k is not None:
                    picks.append(self._pick(start, row, body.inputs[k].name))
                    names[body.outputs[k]] = called[k]
        inputs = (
            *(body.inputs[k] for k in left),
            *(TensorSpec(start, specs[state.whole].shape) for state, start in zip(self.states, starts, strict=True)),
            *body.inputs[loop.carried :],
        )
        inner = {
            outer: name
            for name, outer in zip(body.outputs[loop.carried :], self.node.outputs[loop.carried :], strict=True)
        }
        stacks = [inner.get(key, key) for key in self.stacked]
        outputs = (*(body.outputs[k] for k in left), *(state.whole for state in self.states), *stacks)
        words = (
            (*(called[k] for k in left), *(state.whole for state in self.states), *stacks) if body.output_names else ()
        )
        nodes = [_called(node, names) for node in body.nodes]
        return body.with_(inputs=inputs, nodes=(*picks, *nodes), outputs=outputs, output_names=words)

    def _pick(self, whole: str, number: int, name: str, axis: int = 0) -> Node:
        return Node(f"{name}~pick", Pick(number, axis), (whole,), (name,), label=self.node.label, kind=self.node.kind)


def _called(node: Node, names: dict[str, str]) -> Node:
    """What picks a state, called as the state is."""
    name = names.get(node.outputs[0])
    if name is None or not isinstance(node.layer, Pick):
        return node
    return node.with_(layer=replace(node.layer, called=name))
