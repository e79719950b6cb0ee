"""Which recipe draws each primitive, and in which blocks images lie: by measured tables, else by estimated costs."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any

from ..errors import LimitError
from ..graph.graph import ActivationCodec
from ..graph.quantized import codec_of
from ..graph.shapes import Shape
from ..graph.weight import Weight
from ..layout.limits import Limits
from ..layout.tiles import Layout
from ..primitives.base import Primitive, Recipe
from ..records import dataclass

LONGEST = 160  # characters of a primitive's options in a key; of longer ones a hash stands there
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Workload:
    """A primitive for inputs of these shapes and with these weights.

    blocks: of pixels, those that its inputs lie in, then that of what it makes
    lying:  how its inputs lie, None for one that is a section of another
    """

    primitive: Primitive
    shapes: tuple[Shape, ...]
    weights: Mapping[str, Any]
    blocks: tuple[Pair, ...] = ()
    lying: tuple[tuple[Layout, ActivationCodec] | None, ...] = ()

    @cached_property
    def key(self) -> str:
        """What measured tables call it: equal texts take the same time, whatever the weights and the finish are."""
        made = self.primitive
        options = ", ".join(
            f"{item.name}={getattr(made, item.name)!r}"
            for item in dataclasses.fields(made)  # type: ignore[arg-type]
            if item.name != "finish" and getattr(made, item.name) != item.default
        )
        if len(options) > LONGEST:
            options = hashlib.sha256(options.encode()).hexdigest()[:16]
        shapes = ", ".join("x".join(map(str, shape)) for shape in self.shapes)
        blocks = ", ".join(f"{h}x{w}" for h, w in self.blocks)
        return f"{type(made).__name__}({options}) of {shapes}; {codecs_of(self.weights)}; in blocks of {blocks}"


@dataclass(frozen=True)
class Choice:
    """What was measured: `recipes`, names by a workload's key, and `blocks` of pixels by image size, both as (h, w).

    forced: the name of a recipe that is taken wherever there is one of it, to try it
    fetch:  the form in which texels are fetched, one of those of `Limits.fetches`

    What it does not tell, what a device cannot draw, and names that there are no more, are left to estimated costs.
    """

    recipes: Mapping[str, str] = field(default_factory=dict)
    blocks: Mapping[Pair, Pair] = field(default_factory=dict)
    forced: str | None = None
    fetch: str | None = None

    def recipe(self, workload: Workload, recipes: Sequence[Recipe], limits: Limits) -> Recipe:
        """The one of a workload's recipes that is drawn. Raises LimitError where the device can draw none."""
        able = fitting(recipes, limits)
        if not able:
            raise LimitError(f"of {', '.join(r.name for r in recipes) or 'no recipes'} none fits a device of {limits}")
        if len(able) > 1 and (self.recipes or self.forced):
            named = self.forced or self.recipes.get(workload.key)
            for recipe in able:
                if recipe.name == named:
                    return recipe
        return cheapest(able, limits)

    def fetching(self, limits: Limits) -> str:
        """The form in which a plan for a device of these limits fetches texels."""
        return self.fetch if self.fetch in limits.fetches else limits.fetches[0]


BY_COST = Choice()


@dataclass(frozen=True, eq=False)
class Chosen:
    """A workload of a plan, the label of its layer, the recipe that was taken, and those that it could have been."""

    label: str
    workload: Workload
    recipe: str
    able: tuple[str, ...]


def fitting(recipes: Sequence[Recipe], limits: Limits) -> list[Recipe]:
    """Those of the recipes that a device of these limits can draw."""
    return [recipe for recipe in recipes if recipe.fits(limits)]


def cheapest(recipes: Sequence[Recipe], limits: Limits) -> Recipe:
    """The first, unless a later one's estimate is less than its estimate: what nobody estimated displaces nothing."""
    best = recipes[0]
    if len(recipes) == 1 or best.cost is None:
        return best
    least = best.cost(limits)
    for recipe in recipes[1:]:
        cost = None if recipe.cost is None else recipe.cost(limits)
        if cost is not None and cost < least:
            best, least = recipe, cost
    return best


def codecs_of(weights: Mapping[str, Any]) -> str:
    """How a primitive's weights of two axes and more are stored, each codec once."""
    values = (weight.values if isinstance(weight, Weight) else weight for weight in weights.values())
    return "+".join(dict.fromkeys(codec_of(array) for array in values if array.ndim > 1)) or "no weights"
