"""The inputs of a draw: tensors as they are, and those that no texture holds as what stands for them in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..graph.shapes import canonical
from ..kernels.virtual import Join, Of, Virtual, number_of
from ..primitives.base import Computed, Joined, Source, Value
from .epilogue import BoundFinish, bind

if TYPE_CHECKING:
    from .builder import PlanBuilder

FEW = 2  # joined tensors: a block of a text that picks one of six takes 0.4 s more to compile


@dataclass
class BoundSources:
    """By name the tensors and weights that a draw binds for its inputs, and the inputs that are made of these."""

    inputs: dict[str, Value] = field(default_factory=dict)
    tensors: dict[str, Any] = field(default_factory=dict)
    virtual: dict[str, Virtual] = field(default_factory=dict)


def bind_sources(b: PlanBuilder, given: Mapping[str, Source], blocked: bool, taken: int) -> BoundSources:
    """What a draw binds for its inputs, beside which `taken` texture units are in use.

    What a blocked kernel reads, and what the texture units have no room for, is drawn first.
    """
    units = taken + sum(b.units(source) for source in given.values() if isinstance(source, Value))
    made = BoundSources()
    for name, source in given.items():
        if isinstance(source, Joined):
            source = _fewer(b, source, b.limits.texture_units - units)
        if isinstance(source, Value):
            made.inputs[name] = source
        elif blocked:
            made.inputs[name] = drawn(b, source)
        elif isinstance(source, Joined):
            names = [f"{name}_of{k}" for k in range(1, len(source.values) + 1)]
            made.inputs |= dict(zip(names, source.values, strict=True))
            made.virtual[name] = join(source, tuple(names))
        else:
            bound = bind(b, source.of, source.shape, f"{name}_of", number_of(name), by_channel=False)
            if units + sum(map(b.units, bound.inputs.values())) + 2 * len(bound.tensors) > b.limits.texture_units:
                made.inputs[name] = drawn(b, source)
                continue
            made.inputs |= bound.inputs
            made.tensors |= bound.tensors
            made.virtual[name] = Of(canonical(source.shape), bound.finish)
    return made


def short(sources: BoundSources, finish: BoundFinish | None) -> bool:
    """Whether a draw reads by so little text that it may stand there for each pixel of a block."""
    joins = [one for one in sources.virtual.values() if isinstance(one, Join) and not one.starts]
    reads = finish is not None and finish.finish.tensors
    return not reads and len(joins) == len(sources.virtual) and all(len(join.names) <= FEW for join in joins)


def drawn(b: PlanBuilder, source: Source) -> Value:
    """A tensor of what an input is made of."""
    if isinstance(source, Computed):
        return b.draw("map", source.shape, {}, finish=source.of)
    return source if isinstance(source, Value) else b.draw("concat", source.shape, {"x": source})


def join(source: Joined, names: tuple[str, ...]) -> Join:
    """How an accessor reads tensors that are bound under these names, one after the other."""
    shape = source.shape
    axis = max(0, source.axis + 4 - len(shape))
    sizes = [value.shape[source.axis] for value in source.values]
    starts = tuple(sum(sizes[:k]) for k in range(len(sizes)))
    mixed = axis == 3 and any(start % 4 for start in starts)
    return Join(canonical(shape), names, axis, starts if mixed else ())


def _fewer(b: PlanBuilder, source: Joined, units: int) -> Joined | Value:
    """The same tensors, as many drawn into one before as it takes for them to fit so many texture units."""
    values = list(source.values)
    while len(values) > 1 and sum(map(b.units, values)) > units:
        groups = _groups(b, values)
        if len(groups) == len(values):  # none of which fits beside another: the plan says so
            break
        values = [drawn(b, Joined(tuple(group), source.axis)) if len(group) > 1 else group[0] for group in groups]
    return Joined(tuple(values), source.axis) if len(values) > 1 else values[0]


def _groups(b: PlanBuilder, values: Sequence[Value]) -> list[list[Value]]:
    """Neighbours that fit the texture units of one draw; none of more of them than an even share needs."""
    units = sum(map(b.units, values))
    share = -(-units // -(-units // b.limits.texture_units))
    groups: list[list[Value]] = [[]]
    for value in values:
        taken = sum(map(b.units, groups[-1]))
        if groups[-1] and (taken >= share or taken + b.units(value) > b.limits.texture_units):
            groups.append([])
        groups[-1].append(value)
    return groups
