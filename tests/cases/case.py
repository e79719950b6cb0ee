"""A case of the table that every suite runs: a layer, the shapes of its inputs, the kind of values in them.

Inputs and weights are seeded by the case's name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from glnn.graph.shapes import Shape
from glnn.layers.base import Layer
from glnn.primitives.base import Primitive
from glnn.primitives.expr import Expr, told
from glnn.primitives.functions import LINEAR
from glnn.primitives.move import Along

NORMAL, WIDE, LOW, LARGE, CONSTANT, DENORMAL, SPECIAL = "normal wide low large constant denormal special".split()
ROWS, BEYOND, TRUTH, RARE, KEPT = "rows beyond truth rare kept".split()


def values(kind: str, shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """float32 values of a shape: normal; wide (up to 120 either way); or adversarial.

    low: all below -88, where exp underflows. large: +-1e4. constant: one value per channel. denormal: too small for
    a normal float32. special: normal with NaN and both infinities strewn in. rows: numbers of a table of 11 rows, some
    with a fraction or from the end. beyond: those and numbers past its ends. truth: 0 and 1. rare: of three values.
    kept: 1 and, less often, 0, which is never all along the last axis.
    """
    x = rng.standard_normal(shape)
    if kind == WIDE:
        x = np.where(rng.random(shape) < 0.5, x * 3, rng.uniform(-120, 120, shape))
    elif kind == LOW:
        x = -88 - np.abs(x) * 20
    elif kind == LARGE:
        x = np.copysign(1e4, x)
    elif kind == CONSTANT:
        x = np.broadcast_to(rng.standard_normal(shape[-1:]), shape).copy()
    elif kind == DENORMAL:
        x = x * 1e-39
    elif kind in (ROWS, BEYOND):
        x = np.trunc(rng.uniform(-11.9, 11, shape) if kind == ROWS else rng.uniform(-30, 30, shape))
        x = np.where(rng.random(shape) < 0.3, x + np.copysign(rng.choice([0.25, 0.5, 0.875], shape), x), x)
    elif kind == TRUTH:
        x = rng.random(shape) < 0.6
    elif kind == KEPT:
        x = (x > -0.5) | (np.indices(shape)[-1] == 0)
    elif kind == RARE:
        x = rng.choice([0.0, 0.0, 2.0, -1.5], shape)
    elif kind == SPECIAL:
        x = np.where(rng.random(shape) < 0.3, rng.choice([np.nan, np.inf, -np.inf], shape), x)
    return x.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Case:
    """A layer or primitive with inputs (float32) and weights (float32, by name) for it.

    answer: what comes out, of the inputs and the weights by name, said in plain NumPy; None: its reference alone tells
    """

    name: str
    layer: Layer | Primitive
    shapes: tuple[Shape, ...]
    kind: str = NORMAL
    answer: Callable[..., Any] | None = None

    @cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(self.name.encode()))

    @cached_property
    def inputs(self) -> list[np.ndarray]:
        kinds = self.kind.split("|")  # one for all inputs, or each its own
        return [values(kinds[k % len(kinds)], shape, self._rng) for k, shape in enumerate(self.shapes)]

    @cached_property
    def weights(self) -> Mapping[str, np.ndarray]:
        rng = np.random.default_rng(zlib.crc32(b"weights" + self.name.encode()))
        made = {spec.name: rng.standard_normal(spec.shape) for spec in self.layer.weight_specs(*self.shapes)}
        for name, array in made.items():
            if "variance" in name:
                made[name] = np.abs(array) + 0.1
            elif array.ndim > 1:  # sums of many products stay near 1
                made[name] = array / np.sqrt(max(1, array[..., 0].size))
        return {name: array.astype(np.float32) for name, array in made.items()}


CASES: list[Case] = []
_taken: dict[str, int] = {}


def word(value: Any) -> str:
    """An option in a case's name."""
    if isinstance(value, Expr):
        return told(value, {}).replace("In(number=", "In(")
    if isinstance(value, tuple):
        return f"({','.join(map(word, value))}{',' * (len(value) == 1)})"
    if isinstance(value, Along):
        return f"[{','.join(f'{k}{v}' for k, v in vars(value).items() if v != getattr(Along, k, 'no default'))}]"
    return str(getattr(value, "name", value))


def case(
    layer: Layer | Primitive, *shapes: Shape, kind: str = NORMAL, answer: Callable[..., Any] | None = None
) -> None:
    """Add a case: the layer, the shapes of its inputs (batch first), and the kind of their values."""
    options = {k: v for k, v in vars(layer).items() if v not in (None, LINEAR) and v != getattr(type(layer), k, None)}
    words = [f"{k}={word(v)}".replace(" ", "") for k, v in options.items()]
    words = [type(layer).__name__, *words, "+".join("x".join(map(str, s)) for s in shapes)]
    words += [kind] if kind != NORMAL else []
    name = "-".join(words)
    _taken[name] = _taken.get(name, 0) + 1
    number = "" if _taken[name] == 1 else f"#{_taken[name]}"
    CASES.append(Case(f"{name}{number}", layer, tuple(shapes), kind, answer))
