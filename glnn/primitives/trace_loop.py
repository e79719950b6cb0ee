"""The word of a Trace that says a loop: a Python function of symbols of one turn becomes the body of a Repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ..graph.graph import Graph, Node, TensorSpec
from ..graph.shapes import Dims, checked_axis, shape_text
from .expr import In
from .loop import Repeat, Slices, lifted
from .symbols import Order, Sym
from .trace_nodes import Nodes

Step = Callable[..., Sequence[Sym]]


class LoopWords(Nodes):
    """A part of Trace."""

    def repeat(
        self,
        step: Step,
        carried: Sequence[Sym] = (),
        sliced: Sequence[Sym] = (),
        *,
        axis: int = 1,
        reverse: bool = False,
        stack_reverse: bool = False,
        count: int | None = None,
        names: Sequence[str] = (),
    ) -> tuple[Sym, ...]:
        """`step` taken turn by turn -> the carried symbols as they are after the last turn, then the stacks.

        step:    (*carried, *slices) -> [*carried as they are after a turn, in the same shapes, *what is stacked]
        carried: tensors as they are before the first turn
        sliced:  tensors of which each turn sees a slice along `axis`, which the slice lacks
        axis:    of slices, and of what each turn gives in the stacks
        reverse: the first turn sees the last slice; stack_reverse: it gives the last of the stack
        count:   how many turns; None: as many as there are slices
        names:   what the carried tensors are called, for those who look at turns

        `step` is called once, with all words of the trace. What was made before it reads as it is: tensors are the same
        in all turns, weights are those of the layer. What it makes is read in it alone. See Repeat.

        Raises ValueError for a step that changes shapes, and for a weight where a tensor is needed.
        """
        axes = [checked_axis(axis, x.rank) for x in sliced]
        reads = [self._number(x) for x in (*carried, *sliced)]
        with self._turn() as nodes:
            seen = [self._seen(x) for x in carried]
            seen += [self._seen(x, at) for x, at in zip(sliced, axes, strict=True)]
            made = list(step(*seen))
            _check(made, carried)
            made[: len(carried)] = [self.transposed(y, x.order) for x, y in zip(carried, made, strict=False)]
            results = [self._number(y) for y in made]
            known = {self.tensors[number][0] for number in map(self._number, seen)}
        same = self._read_from_outside(nodes, results, known)
        reads_ = [self.tensors[number] for number in (*map(self._number, seen), *same)]
        specs = tuple(TensorSpec(name, shape) for name, shape in reads_)
        outputs = tuple(self.tensors[number][0] for number in results)
        called = (*names, *outputs[len(carried) :]) if names else ()
        bare, weights = lifted(Graph(self.name, specs, tuple(nodes), outputs, called))
        loop = Repeat(
            bare,
            count,
            len(carried),
            tuple(Slices(x.order[at], reverse) for x, at in zip(sliced, axes, strict=True)),
            tuple(Slices(0, stack_reverse) for _ in made[len(carried) :]),
        )
        first = self._node(loop, [*reads, *same], weights, {name: name for name in weights})
        finals = [Sym(self, In(first + k), x.shape, x.order) for k, x in enumerate(carried)]
        stacks = [self._stacked(first + k, made[k].order, axis) for k in range(len(carried), len(made))]
        return (*finals, *stacks)

    @contextmanager
    def _turn(self) -> Iterator[list[Node]]:
        """What is said meanwhile is said in a turn -> its nodes."""
        nodes, stored, first = self.nodes, self._stored, len(self.tensors)
        self.nodes, self._stored = [], dict(stored)
        try:
            yield self.nodes
        finally:
            self.nodes, self._stored = nodes, stored
            self._over.append(range(first, len(self.tensors)))

    def _seen(self, x: Sym, axis: int | None = None) -> Sym:
        """A tensor as a turn sees it: whole, or without an axis."""
        _, shape, order = self.stored(x)
        if axis is not None:
            gone = order[axis]
            shape = shape[:gone] + shape[gone + 1 :]
            order = tuple(at - (at > gone) for at in order if at != gone)
        self._count += 1
        return self.tensor(f"{self.name}~{self._count - 1}", shape, order)

    def _read_from_outside(self, nodes: Sequence[Node], results: Sequence[int], known: set[str]) -> list[int]:
        """The tensors made before a turn that its nodes read or give."""
        numbers = {name: number for number, (name, _) in enumerate(self.tensors)}
        inside = known.union(*(node.outputs for node in nodes))
        reads = [name for node in nodes for name in node.inputs] + [self.tensors[number][0] for number in results]
        return [numbers[name] for name in dict.fromkeys(reads) if name not in inside]

    def _stacked(self, number: int, order: Order, axis: int) -> Sym:
        """What a repeat stacked: stored with the turns in front, whatever axis that is."""
        axis = checked_axis(axis, len(order) + 1)
        whole = [at + 1 for at in order]
        whole.insert(axis, 0)
        shape = self.tensors[number][1]
        return Sym(self, In(number), tuple(shape[at] for at in whole), tuple(whole))


def _check(made: Sequence[Sym], carried: Sequence[Sym]) -> None:
    """Raises ValueError for what a turn must not give."""
    if len(made) < len(carried):
        raise ValueError(f"a turn gives {len(made)} symbols; one for each of {len(carried)} carried ones is needed")
    for k, (before, after) in enumerate(zip(carried, made, strict=False)):
        if not _alike(before.shape, after.shape):
            raise ValueError(
                f"carried tensor {k} has shape {shape_text(before.shape)} before a turn and "
                f"{shape_text(after.shape)} after it; a turn must leave shapes as they are"
            )


def _alike(one: Dims, other: Dims) -> bool:
    return len(one) == len(other) and all(None in (a, b) or a == b for a, b in zip(one, other, strict=True))
