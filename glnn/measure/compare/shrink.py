"""Delta debugging of guilty layers: smaller inputs, weights and options, simpler values, while they stay guilty."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import GlnnError
from ...graph.graph import Graph, Node, TensorSpec, validate

SECONDS, RUNS = 60.0, 400  # the most that shrinking takes
SMALL = 64  # an array of no more values is tried value by value


@dataclass(frozen=True)
class Failure:
    """Layers, one after another, with weights, and inputs by name on which they are guilty."""

    nodes: tuple[Node, ...]
    inputs: Mapping[str, np.ndarray]

    @property
    def graph(self) -> Graph:
        """The layers as a graph; what no layer reads comes out. Raises GraphError where shapes do not fit."""
        specs = tuple(TensorSpec(name, tuple(array.shape)) for name, array in self.inputs.items())
        read = {name for node in self.nodes for name in node.inputs}
        outputs = tuple(name for node in self.nodes for name in node.outputs if name not in read)
        return validate(Graph(self.nodes[-1].label, specs, self.nodes, outputs))

    @property
    def size(self) -> int:
        """How many values it takes to write it down."""
        weights = (np.asarray(w) for node in self.nodes for w in node.weights.values())
        return sum(array.size for array in (*self.inputs.values(), *weights))


Fails = Callable[[Failure], bool]


def shrunk(failure: Failure, fails: Fails) -> Failure:
    """The smallest that still fails, as far as it is found in the time: no step of those tried makes it smaller."""
    tried = _Tried(fails)
    while not tried.spent:
        before = failure
        for ways in (_samples, _sizes, _options):
            failure = _first(failure, ways, tried)
        if failure is before:
            break
    failure = _zeroed(failure, tried)
    return _rounded(failure, tried)


class _Tried:
    def __init__(self, fails: Fails):
        self._fails, self._runs, self._until = fails, 0, time.monotonic() + SECONDS

    @property
    def spent(self) -> bool:
        return self._runs >= RUNS or time.monotonic() > self._until

    def __call__(self, failure: Failure) -> bool:
        """Whether it fails as well; what cannot be drawn does not."""
        if self.spent:
            return False
        self._runs += 1
        try:
            return self._fails(failure)
        except (GlnnError, ValueError, IndexError, TypeError, KeyError, ArithmeticError):
            return False


def _first(failure: Failure, ways: Callable[[Failure], Iterator[Failure]], tried: _Tried) -> Failure:
    """Goes on with the first smaller one that fails, until none does."""
    found = True
    while found and not tried.spent:
        found = False
        for smaller in ways(failure):
            if tried(smaller):
                failure, found = smaller, True
                break
    return failure


# ---- shapes


def _samples(failure: Failure) -> Iterator[Failure]:
    count = len(next(iter(failure.inputs.values())))
    if count > 1 and all(len(array) == count for array in failure.inputs.values()):
        for k in range(count):
            yield _fitted(failure, failure.nodes, {n: a[k : k + 1] for n, a in failure.inputs.items()})


def _sizes(failure: Failure) -> Iterator[Failure]:
    """An axis of half its size, or of one less; the same axis of all inputs that have this size there."""
    axes = {(k, a.shape[k]) for a in failure.inputs.values() for k in range(1, a.ndim) if a.shape[k] > 1}
    for axis, size in sorted(axes, key=lambda pair: -pair[1]):
        for less in dict.fromkeys((1, size // 2, size - 1)):
            inputs = {
                name: a.take(range(less), axis) if a.ndim > axis and a.shape[axis] == size else a
                for name, a in failure.inputs.items()
            }
            yield _fitted(failure, failure.nodes, inputs)


def _options(failure: Failure) -> Iterator[Failure]:
    """A layer with a whole number of its options, or one of several, halved or less by one."""
    for place, node in enumerate(failure.nodes):
        if not dataclasses.is_dataclass(node.layer):
            continue
        for field in dataclasses.fields(node.layer):
            for value in _smaller(getattr(node.layer, field.name)):
                try:
                    layer: Any = dataclasses.replace(node.layer, **{field.name: value})
                except (GlnnError, ValueError, TypeError):
                    continue
                nodes = (*failure.nodes[:place], node.with_(layer=layer), *failure.nodes[place + 1 :])
                yield _fitted(failure, nodes, failure.inputs)


def _smaller(value: Any) -> Iterator[Any]:
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        yield from dict.fromkeys((1, value // 2, value - 1))
    elif isinstance(value, tuple):
        for k, item in enumerate(value):
            for less in _smaller(item):
                yield (*value[:k], less, *value[k + 1 :])


def _fitted(failure: Failure, nodes: Sequence[Node], inputs: Mapping[str, np.ndarray]) -> Failure:
    """Layers whose weights are cut to what these inputs and options ask for; itself unchanged where that is unknown."""
    shapes: dict[str, Any] = {name: tuple(array.shape) for name, array in inputs.items()}
    made: list[Node] = []
    try:
        for node in nodes:
            given = [shapes[name] for name in node.inputs]
            wanted = {spec.name: spec.shape for spec in node.layer.weight_specs(*given)}
            weights = {name: _cut(np.asarray(w), wanted.get(name, w.shape)) for name, w in node.weights.items()}
            made.append(node.with_(weights=weights, origins={}))
            outs = node.layer.output_shape(*given)
            shapes |= dict(zip(node.outputs, outs if isinstance(outs, list) else [outs], strict=True))
    except (GlnnError, ValueError, IndexError, TypeError, KeyError, AttributeError):
        return dataclasses.replace(failure, nodes=(), inputs={})  # fails to be drawn
    return Failure(tuple(made), dict(inputs))


def _cut(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    if array.ndim != len(shape) or any(n > have for n, have in zip(shape, array.shape, strict=True)):
        raise ValueError("no part of the weight has this shape")
    return array[tuple(slice(n) for n in shape)]


# ---- values


def _arrays(failure: Failure) -> Iterator[tuple[np.ndarray, Callable[[np.ndarray], Failure]]]:
    """Each array, and the failure with another in its place; the largest first."""
    for name, array in failure.inputs.items():

        def other(new: np.ndarray, name: str = name) -> Failure:
            return dataclasses.replace(failure, inputs={**failure.inputs, name: new})

        yield array, other
    for place, node in enumerate(failure.nodes):
        for name, weight in node.weights.items():

            def change(new: np.ndarray, place: int = place, node: Node = node, name: str = name) -> Failure:
                other = node.with_(weights={**node.weights, name: new}, origins={})
                nodes = (*failure.nodes[:place], other, *failure.nodes[place + 1 :])
                return dataclasses.replace(failure, nodes=nodes)

            yield np.asarray(weight), change


def _zeroed(failure: Failure, tried: _Tried) -> Failure:
    """As many values 0 as possible: halves, quarters and so on of each array (Zeller's ddmin)."""
    for number in range(len(list(_arrays(failure)))):
        size = list(_arrays(failure))[number][0].size
        step = size
        while step and not tried.spent and (size // step <= 8 or size <= SMALL):
            for first in range(0, size, step):
                array, change = list(_arrays(failure))[number]
                new = array.copy().reshape(-1)
                if np.any(new[first : first + step]):
                    new[first : first + step] = 0
                    other = change(new.reshape(array.shape))
                    failure = other if tried(other) else failure
            step //= 2
    return failure


def _rounded(failure: Failure, tried: _Tried) -> Failure:
    """Values with as few digits as possible."""
    for number in range(len(list(_arrays(failure)))):
        for digits in range(4):
            array, change = list(_arrays(failure))[number]
            with np.errstate(invalid="ignore"):
                new = np.round(array, digits)
            other = change(new)
            if np.array_equal(new, array, equal_nan=True) or tried(other):
                failure = other
                break
    return failure
