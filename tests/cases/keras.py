"""The table of cases that every suite runs: a layer, the shapes of its inputs, the kind of values in them.

A line `case(layer, shape, ...)` is all that a new layer needs. Inputs and weights are seeded by the case's name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np
from cases import (
    adaptive,
    applications,
    attention,
    conv,
    idle,
    primitives,
    primitives_index,
    primitives_sums,
    recurrent,
    volumes,
    words,
)

from glnn.graph.shapes import Shape
from glnn.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from glnn.layers.base import Layer
from glnn.layers.core import Dense, Flatten, Identity, Permute, RepeatVector, Reshape
from glnn.layers.embedding import Embedding
from glnn.layers.merging import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract
from glnn.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from glnn.layers.preprocessing import Normalization, Rescaling
from glnn.primitives.base import Primitive
from glnn.primitives.expr import Expr, told
from glnn.primitives.functions import FUNCTIONS, LINEAR
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


IMAGES = [(2, 5, 7, channels) for channels in (1, 3, 4, 5, 9)]
RANKS = [(3,), (2, 5), (2, 3, 9), (2, 7, 5, 4), (2, 2, 3, 5, 6), (2, 2, 3, 2, 4, 3)]

# Activation functions: each on values over the whole range, and on those where formulas break.
for function in FUNCTIONS.values():
    case(Activation(function), (2, 5, 3, 10), kind=WIDE)
    for adversarial in (LOW, LARGE, DENORMAL):
        case(Activation(function), (2, 6), kind=adversarial)
    if function.name != "sparsemax":  # which has no limit there
        case(Activation(function), (40, 4), kind=SPECIAL)
for shape in (*IMAGES, *RANKS):
    case(Activation("tanh"), shape)
for shape in IMAGES:
    case(Activation("softmax"), shape)
    case(PReLU(), shape)
    case(PReLU(shared_axes=(1, 2)), shape)
case(Activation(FUNCTIONS["threshold"].with_(threshold=0.3, default_value=-2)), (2, 9))
case(ThresholdedReLU(0.4), (2, 5, 3, 5))
case(ReLU(), (2, 9), kind=WIDE)
case(ReLU(max_value=6), (2, 3, 5, 9), kind=WIDE)
case(ReLU(max_value=1.5, negative_slope=0.1, threshold=0.5), (2, 3, 5, 9))
case(ReLU(threshold=0.5), (2, 3, 5))
case(ReLU(negative_slope=0.1, threshold=0.5), (2, 3, 5))
case(LeakyReLU(), (2, 5))
case(LeakyReLU(0.1), (2, 3, 5, 9))
case(ELU(), (2, 5), kind=WIDE)
case(ELU(0.5), (2, 3, 5, 9))
case(PReLU(), (2, 9))
case(PReLU(), (8, 3, 5), kind=SPECIAL)
case(PReLU(shared_axes=(1, 2)), (2, 3, 5, 6), kind=SPECIAL)
case(PReLU(), (2, 3, 5))
case(PReLU(shared_axes=(1,)), (2, 3, 5))
case(PReLU(shared_axes=(2, 3)), (2, 3, 5, 6))
case(PReLU(shared_axes=(1, 2, 3)), (2, 3, 5, 6))
case(PReLU(shared_axes=(2,)), (2, 2, 3, 4, 5))
for shape in RANKS[1:]:
    for axis in range(1, len(shape)):
        case(Softmax(axis), shape)
case(Softmax((1, 3)), (2, 3, 4, 5))
case(Softmax(), (2, 1))
for channels in (257, 1000, 2051):
    case(Activation("softmax"), (2, channels))
    case(Activation("log_softmax"), (2, 2, 3, channels))
case(Activation("softmax"), (2, 300), kind=LARGE)
case(Activation("softmax"), (2, 300), kind=LOW)
case(Activation("softmax"), (40, 3), kind=SPECIAL)  # some rows are -inf and numbers only
case(Activation("softmax"), (2, 2, 300), kind=SPECIAL)
case(Activation("sparsemax"), (2, 300))
case(Activation("sparsemax"), (2, 3, 1))
case(Activation("glu"), (2, 3, 2))
case(Activation("glu"), (2, 3, 5, 16))

# Dense
for channels, units in ((1, 4), (3, 5), (4, 1), (5, 9), (9, 3), (8, 8)):
    case(Dense(units), (2, channels))
for shape in RANKS[1:]:
    case(Dense(5, activation="relu"), shape)
for name in ("tanh", "softmax", "log_softmax", "sparsemax"):
    case(Dense(7, activation=name), (2, 3, 6))
case(Dense(10, activation="glu", use_bias=False), (3, 6))
case(Dense(6, use_bias=False), (7, 11))
case(Dense(3, activation="relu"), (2, 16390))  # in stages
case(Dense(5, activation="relu"), (40, 3), kind=SPECIAL)
case(Dense(300, activation="softmax"), (2, 5))

# Only moving
for shape in RANKS:
    case(Flatten(), shape)
    case(Identity(), shape)
for shape in RANKS[1:]:
    case(Flatten("channels_first"), shape)
case(Flatten(), (2, 3, 5, 8))
case(Reshape((6, 4)), (2, 3, 8))
case(Reshape((-1, 8)), (2, 3, 4, 4))
case(Reshape((5, -1)), (2, 3, 5, 7))
case(Reshape((2, 2, 3, 5)), (2, 60))
case(Reshape((2, 3, 2, 1, 5)), (2, 4, 15))
case(Reshape((-1,)), (2, 3, 2, 2, 5))
case(Reshape((1, 1, 9)), (3, 9))
for shape in RANKS[1:5]:
    for order in permutations(range(1, len(shape))):
        case(Permute(order), shape)
case(Permute((2, 1, 3)), (2, 5, 7, 8))
case(Permute((5, 2, 4, 1, 3)), RANKS[5])
case(Permute((3, 1, 4, 2, 5)), (2, 2, 3, 1, 4, 8))
case(Permute((2, 1)), (2, 3, 5), kind=SPECIAL)
case(Reshape((5, 3)), (2, 3, 5), kind=SPECIAL)
case(RepeatVector(3), (2, 5))
case(RepeatVector(2), (3, 8))

# Embedding
for shape in RANKS[:5]:
    case(Embedding(11, 6), shape, kind=ROWS)
    case(Embedding(11, 3), shape, kind=BEYOND)
for channels in (1, 4, 9):
    case(Embedding(11, channels), (2, 7), kind=ROWS)
case(Embedding(300, 5), (2, 9), kind=WIDE)
case(Embedding(1, 5), (2, 9))
case(Embedding(11, 5), (40, 3), kind=SPECIAL)

# Normalization
for shape in (*IMAGES, *RANKS[1:]):
    case(BatchNormalization(), shape)
for shape in RANKS[2:]:
    case(BatchNormalization(axis=1), shape)
case(BatchNormalization(axis=2), (2, 5, 4, 3))
case(BatchNormalization(center=False), (2, 3, 5, 6))
case(BatchNormalization(scale=False, epsilon=0.01), (2, 3, 5, 6))
case(BatchNormalization(center=False, scale=False), (2, 7))
case(BatchNormalization(), (2, 3, 5, 6), kind=CONSTANT)
case(BatchNormalization(), (2, 3, 5, 6), kind=LARGE)
case(BatchNormalization(), (2, 3, 5, 6), kind=SPECIAL)
for norm in (LayerNormalization, RMSNormalization, UnitNormalization):
    for shape in (*IMAGES, *RANKS[1:]):
        case(norm(), shape)
    case(norm(), (2, 3, 5, 6), kind=SPECIAL)
for axis in (1, 2, (1, 2), (1, 3), (1, 2, 3)):
    case(LayerNormalization(axis), (2, 3, 5, 6))
    case(UnitNormalization(axis), (2, 3, 5, 6))
case(LayerNormalization(axis=1), (2, 3, 2, 5, 6))
case(LayerNormalization(center=False, epsilon=0.1), (2, 3, 5, 6))
case(LayerNormalization(scale=False), (2, 3, 5, 6))
case(LayerNormalization(), (2, 4101))
case(LayerNormalization(), (2, 5, 9), kind=CONSTANT)
for shape in ((2, 6), (2, 5, 6), (2, 3, 5, 6), (2, 2, 3, 5, 6)):
    for groups in (1, 2, 3, 6, -1):
        case(GroupNormalization(groups), shape)
case(GroupNormalization(4), (2, 5, 7, 32))
case(GroupNormalization(2, axis=1), (2, 6, 5, 7))
case(GroupNormalization(2, center=False, scale=False), (2, 5, 7, 6))
case(Rescaling(1 / 127.5, -1.0), (2, 5, 7, 3), kind=LARGE)
case(Rescaling((1.0, 2.0, 0.5), 0.25), (2, 5, 7, 3))
case(Rescaling(2.0, (1.0, -2.0, 3.0)), (2, 3))
case(Normalization(), (2, 5, 7, 3))
case(Normalization((1, 3)), (2, 5, 7, 3))
case(Normalization(None), (2, 5, 7, 3))
case(Normalization(invert=True), (2, 7, 5))
case(Normalization(mean=(1.0, 2.0, 3.0), variance=(0.0, 4.0, 9.0)), (2, 5, 7, 3), kind=WIDE)  # beyond half precision

# Merging
for merge in (Add, Subtract, Multiply, Average, Maximum, Minimum):
    for shape in (*IMAGES, RANKS[1]):
        case(merge(), shape, shape)
    for shape in RANKS:
        case(merge(), shape, shape)
    case(merge(), (2, 3, 5, 6), (2, 1, 1, 6))
    case(merge(), (2, 3, 5, 6), (2, 3, 5, 1))
    case(merge(), (2, 3, 1, 6), (2, 1, 5, 1))
    case(merge(), (1, 2, 3, 5, 6), (1, 1, 3, 1, 6))
    case(merge(), (2, 6), (2, 3, 5, 6))
    case(merge(), (2, 5, 6), (2, 6))
    case(merge(), (2, 2, 3, 5, 6), (2, 1, 3, 1, 6))
    case(merge(), (2, 6), (2, 2, 3, 5, 6))
    case(merge(), (2, 3, 5), (2, 3, 5), kind=SPECIAL)
    if merge is not Subtract:
        case(merge(), *[(2, 3, 5)] * 5)
        case(merge(), (2, 3, 5, 6), (2, 6), (2, 1, 5, 6))
case(Add(), *[(2, 5, 7, 6)] * 3)
case(Dot(1), (2, 6), (2, 6))
case(Dot(1, normalize=True), (2, 6), (2, 6))
case(Dot((2, 1)), (2, 3, 5), (2, 5, 7))
case(Dot(2), (2, 3, 5), (2, 7, 5))
case(Dot((1, 2), normalize=True), (2, 5, 3), (2, 7, 5))
case(Dot((1, 1)), (2, 5), (2, 5, 7))
case(Dot((2, 1)), (2, 3, 5), (2, 5))
for shape in RANKS:
    for axis in range(len(shape)):
        case(Concatenate(axis), shape, (*shape[:axis], 5, *shape[axis + 1 :]))
for first, second in ((1, 3), (4, 5), (8, 4), (5, 9), (9, 1)):
    case(Concatenate(), (2, 5, 7, first), (2, 5, 7, second))
case(Concatenate(), *[(2, 3, channels) for channels in (1, 4, 2, 8, 3, 4, 1)])
case(Concatenate(), (2, 5, 3), (2, 5, 6), kind=SPECIAL)
case(Concatenate(1), *[(2, rows, 5, 3) for rows in (1, 4, 2)])

# Layers by family
for layer, shapes, kind in (*conv.CASES, *attention.CASES, *words.CASES, *applications.CASES, *idle.CASES):
    case(layer, *shapes, kind=kind)

# Recurrent layers and masks
for layer, shapes, kind in (*recurrent.CASES, *adaptive.CASES):
    case(layer, *shapes, kind=kind)

# What layers are made of
for primitive, shapes, kind, answer in (
    *primitives.CASES, *primitives_sums.CASES, *primitives_index.CASES, *volumes.CASES,
):  # fmt: skip
    case(primitive, *shapes, kind=kind, answer=answer)
