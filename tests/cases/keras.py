"""The table of cases that every suite runs: a layer, the shapes of its inputs, the kind of values in them.

A line `case(layer, shape, ...)` is all that a new layer needs. Inputs and weights are seeded by the case's name.
"""

from __future__ import annotations

from itertools import permutations

from cases import (
    adaptive,
    applications,
    attention,
    conv,
    idle,
    primitives,
    primitives_index,
    primitives_sums,
    primitives_windows,
    recurrent,
    volumes,
    words,
)
from cases.case import BEYOND, CASES, CONSTANT, DENORMAL, LARGE, LOW, ROWS, SPECIAL, WIDE, case

from glnn.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
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
from glnn.primitives.functions import FUNCTIONS

__all__ = ["CASES"]

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
    *primitives.CASES, *primitives_windows.CASES, *primitives_sums.CASES, *primitives_index.CASES, *volumes.CASES,
):  # fmt: skip
    case(primitive, *shapes, kind=kind, answer=answer)
