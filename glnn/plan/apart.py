"""What one draw computes of more textures than a device has units: parts of it are drawn before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..graph.quantized import Quantized
from ..graph.shapes import Shape
from ..primitives.base import Epilogue
from ..primitives.expr import Apply, Constant, Expr, In, Index, has_long, inputs, leaves, replaced, without_spreads

if TYPE_CHECKING:
    from .builder import PlanBuilder


def in_parts(b: PlanBuilder, epilogue: Epilogue, shape: Shape) -> Epilogue:
    """The epilogue of a map, with parts of its expression drawn before it until its textures fit the device.

    What cannot be parted stays: the plan says that it does not fit.
    """
    while units(b, epilogue, epilogue.expr) > b.limits.texture_units:
        fitting = [part for part in parts(epilogue.expr) if 1 < units(b, epilogue, part) <= b.limits.texture_units]
        if not fitting:
            break
        part = max(fitting, key=lambda part: units(b, epilogue, part))
        of = Epilogue(part, epilogue.tensors, epilogue.weights)
        value = b.draw("map", broadcast(of, len(shape)), {}, finish=compact(of), looped=has_long(part))
        new = max(epilogue.tensors, default=0) + 1
        expr = replaced(epilogue.expr, lambda one, part=part, new=new: In(new) if one == part else None)  # type: ignore[misc]
        epilogue = compact(Epilogue(expr, {**epilogue.tensors, new: value}, epilogue.weights))
    return epilogue


def units(b: PlanBuilder, epilogue: Epilogue, expr: Expr) -> int:
    """How many texture units a part of an epilogue takes, with the scales of its weights."""
    count, vectors = 0, False
    for leaf in set(leaves(without_spreads(expr))):
        if isinstance(leaf, In) and leaf.number in epilogue.tensors:
            count += b.units(epilogue.tensors[leaf.number])
        elif isinstance(leaf, Constant):
            array = epilogue.weights[leaf.name]
            if array.size > 1 and array.size == array.shape[-1]:  # those by channel lie in one texture
                vectors = True
            elif array.size > 1:
                count += 1 + isinstance(getattr(array, "values", array), Quantized)
    return count + vectors


def parts(expr: Expr) -> Iterator[Apply]:
    """The parts of an expression that can be drawn by themselves, less the whole."""
    for arg in expr.args if isinstance(expr, Apply) else ():
        if isinstance(arg, Apply):
            if not any(isinstance(leaf, Index) for leaf in leaves(arg)):
                yield arg
            yield from parts(arg)


def broadcast(epilogue: Epilogue, rank: int) -> Shape:
    """The shape of a map, with axes of size 1 before it where it has fewer than `rank`."""
    read = [epilogue.tensors[number].shape for number in inputs(epilogue.expr)]
    read += [leaf.shape for leaf in leaves(epilogue.expr) if isinstance(leaf, Constant)]
    return tuple(np.broadcast_shapes((1,) * rank, *read))


def compact(epilogue: Epilogue) -> Epilogue:
    """The same with its tensors numbered from 0."""
    numbers = {number: k for k, number in enumerate(sorted(inputs(epilogue.expr)))}
    expr = replaced(epilogue.expr, lambda part: In(numbers[part.number]) if isinstance(part, In) else None)
    return Epilogue(expr, {k: epilogue.tensors[number] for number, k in numbers.items()}, epilogue.weights)
