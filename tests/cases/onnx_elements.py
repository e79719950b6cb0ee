"""Nodes of ONNX' operators of elements, reductions, normalizations and signals, with what the suite's own lack."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.onnx_nodes import Case
from support.seeds import seeded

CASES: list[Case] = []
RNG = seeded(11)
INF = float("inf")
SPECIAL = np.array([[np.nan, INF, -INF, 0.0], [1.5, -2.5, 0.5, -0.5], [3e38, -3e38, 1e-30, 1.0]], np.float32)


def case(
    op: str, *inputs: Any, opset: int = 20, outputs: int = 1, domain: str = "", name: str = "", **options: Any
) -> None:
    reference = options.pop("reference", False)
    count = sum(c.op == op for c in CASES)
    arrays = tuple(_array(x) for x in inputs)
    small = op == "Cast" and options["to"] in (2, 3, 4, 5) or any(_small(x) for x in arrays)
    CASES.append(Case(op, opset, arrays, options, outputs, domain, name or f"{op}-{count}", reference, small))


def _small(x: Any) -> bool:
    return getattr(x, "dtype", np.dtype(bool)).kind in "iu" and x.dtype.itemsize < 4


def _array(x: Any) -> Any:
    return tuple(map(np.asarray, x)) if isinstance(x, tuple) else None if x is None else np.asarray(x)


def f(*shape: int, low: float = -3, high: float = 3, dtype: Any = np.float32) -> np.ndarray:
    return RNG.uniform(low, high, shape).astype(dtype)


def i(*shape: int, low: int = -100, high: int = 100, dtype: Any = np.int32) -> np.ndarray:
    kind = np.iinfo(dtype)
    return RNG.integers(max(low, kind.min), min(high, kind.max) + 1, shape).astype(dtype)


# ---- one operand
for op in "Abs Neg Sqrt Exp Log Reciprocal Floor Ceil Round Sign Erf Sin Cos Tan Atan Sinh Cosh Asinh Tanh".split():
    case(op, f(2, 3, 5))
for op in "Sigmoid Relu Softplus Softsign HardSwish Elu Selu LeakyRelu HardSigmoid Celu ThresholdedRelu Mish".split():
    case(op, f(3, 7))
for op in "Abs Neg Sqrt Exp Log Reciprocal Floor Ceil Round Sign Erf Relu Sigmoid Tanh Elu Selu Celu".split():
    case(op, SPECIAL, name=f"{op}-special")
for op in "Asin Acos Atanh".split():
    case(op, f(5, low=-1, high=1))
case("Acosh", f(2, 1, 3, low=1, high=9))
for op in ("Relu", "Sigmoid", "Abs"):
    case(op, f(), name=f"{op}-rank0")
    case(op, f(2, 1, 3, 1, 2, 3), name=f"{op}-rank6")
for kind in (np.int8, np.int16, np.int32, np.int64):
    case("Abs", i(3, 5, dtype=kind))
    case("Neg", i(3, 5, dtype=kind))
    case("Sign", i(3, 5, dtype=kind))
case("Abs", np.array([-128, 127, 0], np.int8), name="Abs-wraps")
case("Neg", np.array([-128, 127, 0], np.int8), name="Neg-wraps")
case("Elu", f(4, 3), alpha=0.3)
case("Selu", f(4, 3), alpha=2.0, gamma=0.5)
case("Celu", f(4, 3), alpha=0.7)
case("LeakyRelu", f(4, 3), alpha=0.3)
case("ThresholdedRelu", f(4, 3), alpha=0.7)
case("HardSigmoid", f(4, 3), alpha=0.4, beta=0.1)
case("Shrink", f(4, 3), bias=0.2, lambd=0.7)
case("Shrink", i(4, 3, low=-5, high=5), bias=1.0, lambd=2.0)
case("Gelu", f(4, 3))
case("Gelu", f(4, 3), approximate="tanh")
case("IsNaN", SPECIAL)
case("IsInf", SPECIAL)
case("IsInf", SPECIAL, detect_negative=0)
case("IsInf", SPECIAL, detect_positive=0)
case("Not", i(3, 4, low=0, high=1).astype(bool))
case("PRelu", f(2, 3, 4), f(3, 1))
case("PRelu", f(2, 3, 4), (f(4),))
case("PRelu", f(5), (f(1),), opset=7)
for opset in (6, 11, 13):
    pair: Any = ((np.float32(-1),), (np.float32(0.5),)) if opset > 6 else ()
    case("Clip", f(3, 5), *pair, opset=opset, **({} if opset > 6 else {"min": -1.0, "max": 0.5}))
case("Clip", f(3, 5), None, np.float32(0.5))
case("Clip", f(3, 5), np.float32(1), np.float32(0.5))
case("Clip", i(3, 5, dtype=np.int64), (np.int64(-3),))
case("Clip", SPECIAL, (np.float32(-1),), (np.float32(1),))

# ---- two operands
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((2, 3, 5), (3, 1)), ((5,), ()), ((1, 4, 1), (3, 1, 2)), ((2, 1, 3, 1, 2, 2), (2, 1, 5, 1, 2)),
]  # fmt: skip
for op in "Add Sub Mul Div Pow".split():
    for one, two in SHAPES:
        case(op, f(*one, low=0.1), f(*two, low=0.5))
for op in "Less Greater Equal LessOrEqual GreaterOrEqual".split():
    case(op, i(2, 3, 5, low=-2, high=2), i(3, 1, low=-2, high=2))
    case(op, SPECIAL, SPECIAL[:1])
for op in "And Or Xor".split():
    case(op, i(3, 1, 4, low=0, high=1).astype(bool), i(2, 1, low=0, high=1).astype(bool), opset=7)
for kind in (np.int32, np.int64):
    for op in "Add Sub Mul Div".split():
        case(op, i(3, 7, dtype=kind), i(7, low=1, high=9, dtype=kind))
    case("Div", i(3, 7, dtype=kind), -i(7, low=1, high=9, dtype=kind))
for kind in (np.int8, np.uint8, np.int16, np.uint16):
    for op in "Add Sub Mul".split():
        case(op, i(3, 7, low=-40000, high=70000, dtype=kind), i(7, low=-40000, high=70000, dtype=kind), reference=True)
for kind in (np.uint32, np.uint64):
    for op in "Add Mul Div".split():
        case(op, i(3, 7, low=1, dtype=kind), i(7, low=1, high=9, dtype=kind))
for kind in (np.int8, np.uint8, np.int32, np.int64, np.float32):
    for fmod in (0, 1) if kind != np.float32 else (1,):
        case(
            "Mod",
            i(4, 5, dtype=kind) if kind != np.float32 else f(4, 5),
            i(5, low=1, high=9, dtype=np.int8).astype(kind),
            fmod=fmod,
        )
case("Mod", i(4, 5, low=-(2**24), high=2**24), i(5, low=-9999, high=-1))
for exponent in (0.5, -0.5, 1, 2, 3, -1, 0, 2.7):
    case("Pow", f(3, 4, low=0.1), (np.float32(exponent),))
case("Pow", f(3, 4), (np.float32(3),))
case("Pow", i(3, 4, low=-9, high=9), i(4, low=0, high=5))
case("Pow", i(3, 4, low=1, high=9), f(4, low=0.5, high=3))
case("Pow", f(3, 4), i(4, low=-3, high=3))
case("Pow", i(3, 4, low=-9, high=9, dtype=np.int64), (np.int64(2),))
for op in "Max Min".split():
    case(op, f(3, 1, 4), f(2, 1), f(4))
    case(op, SPECIAL, SPECIAL[::-1].copy())
    case(op, i(3, 4, dtype=np.uint8), i(4, dtype=np.uint8))
    case(op, i(3, 4, dtype=np.int64))
for op in "Sum Mean".split():
    case(op, f(3, 1, 4), f(2, 1), f(4))
    case(op, f(3, 4), f(3, 4), f(3, 4), f(3, 4), f(3, 4), f(3, 4), f(3, 4))
case("Where", i(3, 1, low=0, high=1).astype(bool), f(3, 4), f(2, 1, 1))
case("Where", i(3, 1, low=0, high=1).astype(bool), i(3, 4, dtype=np.int64), i(2, 1, 1, dtype=np.int64))
case("Where", i(3, 4, low=0, high=1).astype(bool), np.full((3, 4), np.nan, np.float32), f(3, 4))
for kind in (np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint64):
    for op in "BitwiseAnd BitwiseOr BitwiseXor".split():
        case(op, i(3, 7, low=-(2**31), high=2**31, dtype=kind), i(7, low=-(2**31), high=2**31, dtype=kind))
    case("BitwiseNot", i(3, 7, low=-(2**31), high=2**31, dtype=kind))
for kind in (np.uint8, np.uint16, np.uint32):
    for direction in ("LEFT", "RIGHT"):
        case(
            "BitShift",
            i(3, 8, low=0, high=70000, dtype=kind),
            np.arange(8, dtype=kind),
            direction=direction,
            reference=kind == np.uint16,
        )

# ---- types
TYPES = dict(zip((1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13), "f4 u1 i1 u2 i2 i4 i8 ? f2 f8 u4 u8".split(), strict=True))
for number, kind in TYPES.items():
    case("Cast", np.array([0.0, 1.7, 2.0, 100.9], np.float32), to=number)
    case("Cast", np.array([0, 1, 100], np.int32), to=number)
    case("Cast", np.array([True, False]), to=number)
    case("CastLike", np.array([0, 1, 100], np.uint8), np.zeros((2,), kind), reference=True)
for number in (2, 3, 4, 5):
    case("Cast", np.array([-300, -129, -1, 127, 128, 255, 256, 40000, 70000], np.int32), to=number)
    case("Cast", np.array([-1.5, -100.7, 99.9], np.float32), to=6)
case("Cast", SPECIAL, to=9)
case("Cast", SPECIAL[1], to=10)
for upper in (0, 1):
    for k in (-1, 0, 2, 9):
        case("Trilu", f(2, 3, 4), (np.int64(k),), upper=upper)
case("Dropout", f(3, 4), opset=7, ratio=0.3)
case("Dropout", f(3, 4), opset=10)
case("Dropout", f(3, 4), (np.float32(0.4),), opset=13, outputs=2)
case("Identity", i(2, 0, 3))

# ---- reductions
AXES: list[Any] = [None, (0,), (1, -1), (-2,), (0, 1, 2)]
for op in "Sum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare".split():
    for axes in AXES:
        keep = len(CASES) % 2
        given = () if axes is None else ((np.array(axes, np.int64),),)
        case(f"Reduce{op}", f(3, 4, 5, low=0.1), *given, opset=18, keepdims=keep)
        case(
            f"Reduce{op}", f(3, 4, 5, low=0.1), opset=11, keepdims=1 - keep, **({} if axes is None else {"axes": axes})
        )
    case(f"Reduce{op}", f(3, 4), opset=18, noop_with_empty_axes=1, reference=True)
    case(f"Reduce{op}", f(2, 1, 3, 2, 2, 3, low=0.2), (np.array([1, 3, 5], np.int64),), opset=18)
    case(f"Reduce{op}", f(low=0.5), opset=18)
    case(f"Reduce{op}", np.zeros((2, 0, 4), np.float32), np.array([1], np.int64), opset=20, reference=True)
for op in "Sum Max Min Prod".split():
    for kind in (np.int32, np.int64):
        case(f"Reduce{op}", i(3, 5, low=-4, high=4, dtype=kind), (np.array([1], np.int64),), opset=18)
case("ReduceMean", i(3, 5, dtype=np.int32), (np.array([1], np.int64),), opset=18)
case("ReduceMax", i(3, 4, low=0, high=1).astype(bool), (np.array([1], np.int64),), opset=20)
case("ReduceMax", i(3, 4, dtype=np.uint8), (np.array([0], np.int64),), opset=20)
case("ReduceMax", SPECIAL[:, 1:], (np.array([1], np.int64),), opset=20)
case("ReduceLogSumExp", SPECIAL[:2, 1:], (np.array([1], np.int64),), opset=20, reference=True)
for op in "ArgMax ArgMin".split():
    for axis in (0, 1, -1):
        for last in (0, 1):
            case(op, i(3, 4, 5, low=0, high=3).astype(np.float32), axis=axis, select_last_index=last, keepdims=last)
    case(op, i(4, 5, dtype=np.int32), opset=11)
    case(op, f(7))
for op in "Softmax LogSoftmax Hardmax".split():
    for opset in (11, 13):
        for axis in (None, 0, 2, -1):
            case(op, f(2, 3, 4, 5), opset=opset, **({} if axis is None else {"axis": axis}))
    case(op, f(6), opset=13)
    case(op, f(2, 3, 1, 2, 2, 3), axis=-3)
for exclusive in (0, 1):
    for reverse in (0, 1):
        for axis in (0, -1):
            case("CumSum", f(3, 4, 37), (np.int64(axis),), exclusive=exclusive, reverse=reverse)
            case("CumProd", f(3, 4), np.int64(axis), exclusive=exclusive, reverse=reverse, opset=26, reference=True)
case("CumSum", i(5, dtype=np.int64), np.array(0, np.int32))

# ---- normalizations
C3 = (f(3), f(3), f(3), f(3, low=0.5))
for shape in ((2, 3), (2, 3, 5), (2, 3, 4, 5), (1, 3, 2, 3, 4)):
    for opset in (7, 9, 14, 15):
        case("BatchNormalization", f(*shape), *((w,) for w in C3), opset=opset, epsilon=1e-3)
case("BatchNormalization", f(2, 3, 4), *C3)
case("BatchNormalization", f(4, 3, 5), *C3, opset=15, outputs=3, training_mode=1, momentum=0.7, reference=True)
for shape in ((2, 3, 5), (2, 3, 4, 5), (1, 3, 2, 3, 4)):
    case("InstanceNormalization", f(*shape), (f(3),), (f(3),), epsilon=1e-2)
for shape in ((2, 6, 5), (3, 6, 4, 5), (1, 6, 2, 3, 2)):
    case("GroupNormalization", f(*shape), (f(6),), (f(6),), num_groups=3, opset=21)
    case("GroupNormalization", f(*shape), (f(6),), f(6), num_groups=1, opset=21)
    case("GroupNormalization", f(*shape), (f(2),), (f(2),), num_groups=2, opset=18, reference=True)
for axis in (-1, 1, 0):
    size = (2, 3, 5)[axis:] if axis >= 0 else (5,)
    case("LayerNormalization", f(2, 3, 5), (f(*size),), (f(*size),), axis=axis, outputs=3)
    case("LayerNormalization", f(2, 3, 5), f(*size), axis=axis)
    case("RMSNormalization", f(2, 3, 5), (f(*size),), axis=axis, opset=23)
    case("SimplifiedLayerNormalization", f(2, 3, 5), (f(*size),), axis=axis)
for size in (1, 3, 5):
    case("LRN", f(2, 7, 3, 4), size=size, alpha=0.2, beta=0.6, bias=1.5)
case("LRN", f(5, 5, 3, 4), size=4, reference=True)  # which counts channels by samples
for p in (1, 2):
    case("LpNormalization", f(3, 4, 5), p=p, axis=1)
    case("LpNormalization", np.zeros((3, 4), np.float32), p=p)
case("MeanVarianceNormalization", f(2, 3, 4, 5))
case("MeanVarianceNormalization", f(2, 3, 4, 5), axes=[1, 3])

# ---- com.microsoft
MS: dict[str, Any] = {"domain": "com.microsoft"}
case("Gelu", f(3, 4), **MS)
case("BiasGelu", f(2, 3, 8), (f(8),), **MS)
case("FastGelu", f(2, 3, 8), (f(8),), **MS)
case("FastGelu", f(2, 3, 8), **MS)
case("QuickGelu", f(2, 3, 8), alpha=1.5, **MS)
case("SkipLayerNormalization", f(2, 3, 8), f(2, 3, 8), (f(8),), (f(8),), (f(8),), outputs=4, **MS)
case("SkipLayerNormalization", f(2, 3, 8), f(2, 3, 8), (f(8),), epsilon=1e-3, **MS)
case("SkipSimplifiedLayerNormalization", f(2, 3, 8), f(2, 3, 8), (f(8),), (f(8),), **MS)

# ---- losses
for reduction in ("none", "mean", "sum"):
    for shape in ((4, 5), (2, 5, 3), (2, 5, 3, 2)):
        target = i(shape[0], *shape[2:], low=0, high=4, dtype=np.int64)
        case("NegativeLogLikelihoodLoss", f(*shape), target, f(5, low=0.1), reduction=reduction, ignore_index=2)
        case("SoftmaxCrossEntropyLoss", f(*shape), target, (f(5, low=0.1),), reduction=reduction, outputs=2)
    case("NegativeLogLikelihoodLoss", f(4, 5), i(4, low=0, high=4), reduction=reduction)

# ---- signals
for opset in (17, 20):
    axis_of: Any = (lambda k: ((), {"axis": k})) if opset == 17 else (lambda k: (((np.int64(k),),), {}))
    for axis in (1, 2):
        more, options = axis_of(axis)
        case("DFT", f(2, 5, 8, 1), None, *more, opset=opset, reference=True, **options)
        case("DFT", f(2, 5, 8, 2), (np.int64(7),), *more, opset=opset, reference=True, **options)
        case("DFT", f(2, 5, 8, 1), None, *more, opset=opset, onesided=1, reference=True, **options)
        case("DFT", f(2, 5, 8, 2), None, *more, opset=opset, inverse=1, reference=True, **options)
case("DFT", f(2, 5, 2), None, (np.int64(1),), opset=20, inverse=1, onesided=1, reference=True)
case("DFT", f(2, 5, 2), (np.int64(9),), (np.int64(1),), opset=20, inverse=1, onesided=1, reference=True)
case("STFT", f(2, 50, 1), (np.int64(7),), (f(16, low=0.1),), opset=17, reference=True)
case("STFT", f(1, 50, 1), (np.int64(5),), None, (np.int64(9),), opset=17, onesided=0, reference=True)
for op in "HannWindow HammingWindow BlackmanWindow".split():
    for periodic in (0, 1):
        case(op, (np.int64(10),), opset=17, periodic=periodic)
        case(op, np.int64(7), opset=17, periodic=periodic, output_datatype=11, reference=True)
case("MelWeightMatrix", *(np.int64(k) for k in (8, 64, 8000)), np.float32(10), np.float32(3000), opset=17)
for size in (1, 2, 3, 5):
    case("Det", f(2, 3, size, size))
case("Det", np.array([[0, 2, 1], [3, 0, 0], [0, 0, 0]], np.float32))

# ---- as opset 6 has them
for op in "Add Sub Mul Div".split():
    case(op, f(2, 3, 4, low=0.1), f(4, low=0.5), opset=6, broadcast=1, reference=True)

# ---- what is known before inputs come is exact in its own type
BIG = np.array([2**40 + 1, -(2**33) - 5, 2**24 + 1, 7, -7], np.int64)
for op in "Add Sub Mul Div Mod Equal Less Greater Max Min BitwiseAnd BitwiseOr BitwiseXor".split():
    case(op, (BIG,), (np.array([3, 5, 7, -2, 3], np.int64),), name=f"{op}-known")
for op in "Abs Neg Identity ReduceSum ReduceMax ReduceMin ArgMax".split():
    case(op, (BIG,), name=f"{op}-known")
case("Cast", (BIG,), to=11, name="Cast-known")
case("Where", (BIG > 0,), (BIG,), (BIG + 1,), name="Where-known")
case("CumSum", (BIG,), (np.int64(0),), name="CumSum-known")
case("Clip", (BIG,), (np.int64(-(2**32)),), (np.int64(2**32),), name="Clip-known")
case("ReduceProd", (BIG[2:],), name="ReduceProd-known")
case("Softmax", (f(3, 90),), name="Softmax-known")
case("LayerNormalization", (f(3, 90),), (f(90),), name="LayerNormalization-known")
