"""Nodes of ONNX' operators that multiply and pool, of floats and of integers, with what the suite's own lack."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.onnx_nodes import Case
from support.seeds import seeded

CASES: list[Case] = []
RNG = seeded(12)
MICROSOFT = "com.microsoft"


def case(op: str, *inputs: Any, opset: int = 21, outputs: int = 1, domain: str = "", **attributes: Any) -> None:
    count = sum(c.op == op for c in CASES)
    arrays = tuple(tuple(map(np.asarray, x)) if isinstance(x, tuple) else x for x in inputs)
    given = tuple(x if x is None or isinstance(x, tuple) else np.asarray(x) for x in arrays)
    CASES.append(Case(op, opset, given, attributes, outputs, domain, f"{op}-{count}"))


def f(*shape: int) -> np.ndarray:
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def q(kind: Any, *shape: int) -> np.ndarray:
    """All integers of a type."""
    info = np.iinfo(kind)
    return np.asarray(RNG.integers(info.min, info.max + 1, shape), kind)


def s(*shape: int) -> np.ndarray:
    """Scales."""
    return np.asarray(RNG.uniform(0.001, 0.05, shape), np.float32)


# ---- convolutions: every padding, in 1 to 3 axes, with strides, dilation, groups, a kernel that is an input
for _axes in (1, 2, 3):
    _sizes, _ones = (7, 6, 5)[:_axes], (1,) * _axes
    case(
        "Conv", f(2, 4, *_sizes), (f(6, 2, *(3, 2, 3)[:_axes]),), (f(6),), group=2, pads=[1, 0, 2, 2, 1, 0][: 2 * _axes]
    )
    case(
        "Conv",
        f(1, 3, *_sizes),
        f(5, 3, *(2, 3, 1)[:_axes]),
        f(5),
        strides=[2, 3, 1][:_axes],
        dilations=[2, 1, 3][:_axes],
    )
    for _auto in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        case("Conv", f(2, 3, *_sizes), (f(4, 3, *(2, 3, 2)[:_axes]),), auto_pad=_auto, strides=[2, 1, 3][:_axes])
    case("Conv", f(3, 4, *_sizes), (f(8, 1, *(3, 3, 2)[:_axes]),), group=4, pads=[1] * 2 * _axes)
    case("Conv", f(3, 1, *_ones), (f(1, 1, *_ones),), (f(1),))
    case("ConvTranspose", f(2, 3, *_sizes), (f(3, 4, *(3, 2, 2)[:_axes]),), (f(4),), strides=[2, 3, 1][:_axes])
    case(
        "ConvTranspose", f(2, 4, *_sizes), (f(4, 3, *(3, 4, 3)[:_axes]),), (f(6),), group=2,
        strides=[2, 3, 2][:_axes], pads=[1, 0, 1, 0, 2, 1][: 2 * _axes], output_padding=[1, 2, 0][:_axes],
    )  # fmt: skip
    case(
        "ConvTranspose",
        f(1, 2, *_sizes),
        f(2, 3, *(3, 2, 2)[:_axes]),
        dilations=[2, 1, 2][:_axes],
        pads=[1] * 2 * _axes,
    )
    for _auto in ("SAME_UPPER", "SAME_LOWER"):
        case("ConvTranspose", f(1, 2, *_sizes), (f(2, 3, *(3, 3, 3)[:_axes]),), strides=[2] * _axes, auto_pad=_auto)
case("ConvTranspose", f(1, 2, 4, 5), (f(2, 3, 3, 3),), strides=[3, 2], output_shape=[11, 10])
case("ConvTranspose", f(1, 3, 4, 5), (f(3, 1, 4, 4),), group=3, strides=[2, 2], pads=[1, 1, 1, 1])
for _groups in (1, 2):
    case(
        "DeformConv", f(2, 4, 6, 5), (f(6, 4 // _groups, 3, 2),), f(2, 2 * 12, 6, 5), (f(6,),), f(2, 2 * 6, 6, 5),
        group=_groups, offset_group=2, pads=[1, 0, 1, 1], kernel_shape=[3, 2], opset=19,
    )  # fmt: skip

# ---- pools: windows that are not whole, pads, dilation, places
for _axes in (1, 2, 3):
    _x, _taps = f(2, 3, *(9, 7, 6)[:_axes]), [3, 2, 2][:_axes]
    for _more in (
        {"pads": [1, 1, 0, 1, 0, 1][: 2 * _axes], "ceil_mode": 1, "strides": [2, 3, 2][:_axes]},
        {
            "dilations": [2, 3, 1][:_axes],
            "ceil_mode": 1,
            "strides": [2, 1, 3][:_axes],
            "pads": [0, 1, 1, 1, 0, 0][: 2 * _axes],
        },
        {"auto_pad": "SAME_UPPER", "strides": [2, 1, 2][:_axes]},
        {"auto_pad": "SAME_LOWER"},
    ):
        case("MaxPool", _x, kernel_shape=_taps, **_more)
        case("MaxPool", _x, kernel_shape=_taps, outputs=2, storage_order=_axes % 2, **_more)
        case("AveragePool", _x, kernel_shape=_taps, count_include_pad=1, opset=19, **_more)
        case("AveragePool", _x, kernel_shape=_taps, opset=19, **_more)
        case("LpPool", _x, kernel_shape=_taps, p=_axes, opset=18, **_more)
    for _op in ("GlobalMaxPool", "GlobalAveragePool"):
        case(_op, _x)
    case("GlobalLpPool", _x, p=3)
case("MaxPool", q(np.uint8, 2, 3, 5, 5), kernel_shape=[2, 2])
case("MaxPool", q(np.int8, 1, 3, 5, 5), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)

# ---- matrices: all ranks, factors known on either side
for _a, _b in (
    ((3, 4), (4, 5)), ((4,), (4, 5)), ((3, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (3, 4, 5)), ((2, 1, 2, 1, 3, 4), (2, 1, 3, 4, 2)), ((4,), (2, 3, 4, 2)), ((1, 3, 4), (1, 4, 2)),
):  # fmt: skip
    case("MatMul", f(*_a), f(*_b))
    case("MatMul", (f(*_a),), f(*_b))
    case("MatMul", f(*_a), (f(*_b),))
for _c in ((5,), (1, 5), (3, 1), (3, 5), (1,), ()):
    case("Gemm", f(4, 3), (f(5, 4),), (f(*_c),), transA=1, transB=1, alpha=0.5, beta=0.3)
    case("Gemm", f(3, 4), (f(4, 5),), (f(*_c),))
case("Gemm", (f(3, 4),), f(4, 5))
for _equation, _shapes in (
    ("bij,bjk->bik", ((2, 3, 4), (2, 4, 5))), ("...ij,kj->...ik", ((2, 3, 4), (5, 4))), ("ii->i", ((3, 3),)),
    ("ij->", ((2, 3),)), ("ab, bc ,cd", ((2, 3), (3, 4), (4, 2))), ("i,j->ij", ((2,), (3,))),
):  # fmt: skip
    case("Einsum", *(f(*shape) for shape in _shapes), equation=_equation)

# ---- integers with scales
for _kind, _other in ((np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8)):
    _zero = np.zeros(4, np.int8) if _other is np.int8 else q(_other, 4)
    for _known in (True, False):
        _w = q(_other, 4, 3, 2, 3)
        _inputs = [q(_kind), _w, s(4), _zero, s() * 300, q(_kind), RNG.integers(-999, 999, 4).astype(np.int32)]
        _z, *_rest = [(x,) for x in _inputs] if _known else _inputs
        case("QLinearConv", q(_kind, 2, 3, 5, 6), s(), _z, *_rest, pads=[1, 0, 0, 2], strides=[2, 1])
    case(
        "QLinearMatMul", q(_kind, 2, 3, 7), s(), q(_kind), (q(_other, 7, 5),), (s(),), (q(_other),), s() * 99, q(_kind)
    )
    case("MatMulInteger", q(_kind, 2, 3, 700), (q(_other, 700, 5),), (q(_kind),), (q(_other),))  # in two digits
    case("MatMulInteger", q(_kind, 2, 3, 400), q(_other, 2, 400, 5), q(_kind), q(_other))
    case("QuantizeLinear", f(2, 3, 4) * 5, s(3), q(_kind, 3), axis=1)
    case("DequantizeLinear", (q(_kind, 2, 3, 4),), (s(4),), (q(_kind, 4),), axis=-1)
    for _op in ("QLinearAdd", "QLinearMul"):
        case(
            _op,
            q(_kind, 2, 3, 4),
            (s(),),
            (q(_kind),),
            q(_kind, 3, 1),
            (s(),),
            (q(_kind),),
            (s(),),
            (q(_kind),),
            domain=MICROSOFT,
        )
    for _op, _more in (("QLinearSigmoid", {}), ("QLinearLeakyRelu", {"alpha": 0.1}), ("QLinearGlobalAveragePool", {})):
        case(_op, q(_kind, 2, 3, 4, 5), (s(),), (q(_kind),), (s(),), (q(_kind),), domain=MICROSOFT, **_more)
    case(
        "QGemm", q(_kind, 3, 9), (s(),), (q(_kind),), (q(_kind, 5, 9),), (s(),), (q(_kind),), None, (s() * 9,),
        (q(_kind),), domain=MICROSOFT, transB=1,
    )  # fmt: skip
case(
    "ConvInteger",
    q(np.uint8, 2, 90, 4, 5),
    (q(np.uint8, 3, 90, 3, 3),),
    (q(np.uint8),),
    (q(np.uint8),),
    pads=[1, 1, 0, 0],
)
case("ConvInteger", q(np.uint8, 2, 4, 4, 5), q(np.int8, 6, 2, 2, 2), q(np.uint8), group=2)
case("DynamicQuantizeLinear", f(3, 5) * 9, outputs=3)
case("DequantizeLinear", (q(np.int8, 6, 4),), (s(3, 4),), (q(np.int8, 3, 4),), axis=0, block_size=2)
case("QuantizeLinear", f(5, 4), s(5, 2), None, axis=1, block_size=2)
case("DynamicQuantizeMatMul", f(2, 3, 9), (q(np.int8, 9, 5),), (s(5),), (q(np.int8, 5),), (f(5),), domain=MICROSOFT)
for _bits, _size, _k in ((4, 16, 40), (4, 32, 32), (8, 16, 64)):
    _blocks = -(-_k // _size)
    _b, _zeros = q(np.uint8, 5, _blocks, _size * _bits // 8), q(np.uint8, 5 * -(-_blocks * _bits // 8))
    for _z in (None, (_zeros,)):
        case(
            "MatMulNBits",
            f(2, 3, _k),
            (_b,),
            (s(5 * _blocks),),
            _z,
            domain=MICROSOFT,
            K=_k,
            N=5,
            bits=_bits,
            block_size=_size,
        )
# ---- products with what follows them
for _name, _constants in (("LeakyRelu", [0.2]), ("Clip", [-0.5, 0.5]), ("HardSigmoid", [0.3, 0.4])):
    _more = {"domain": MICROSOFT, "activation": _name, "activation_params": _constants}
    case("FusedConv", f(2, 3, 4, 5), (f(4, 3, 3, 3),), (f(4),), **_more)
_z = f(2, 4, 2, 3)
case("FusedConv", f(2, 3, 4, 5), (f(4, 3, 3, 3),), (f(4),), _z, domain=MICROSOFT, activation="Relu")
case("FusedGemm", f(3, 4), (f(4, 5),), (f(5),), domain=MICROSOFT, activation="LeakyRelu", activation_alpha=0.2)
case("FusedMatMul", f(2, 3, 5, 4), f(2, 3, 6, 5), domain=MICROSOFT, transA=1, transB=1, alpha=0.5)
case("FusedMatMul", f(4, 2, 3, 5), f(2, 3, 5, 6), domain=MICROSOFT, transBatchA=1)

# ---- more of integers with scales
for _kind in (np.uint8, np.int8):
    case(
        "QLinearWhere", f(3, 1, 5) > 0, q(_kind, 2, 1, 4, 5), (s(),), (q(_kind),), q(_kind, 3, 4, 1), (s(),),
        (q(_kind),), (s() * 2,), (q(_kind),), domain=MICROSOFT,
    )  # fmt: skip
for _bits, _size, _last, _zero in ((4, 16, 40, 0), (4, 16, 48, 1), (4, 32, 64, 1), (8, 16, 40, 0), (8, 16, 32, 1)):
    _count = -(-_last // _size)
    case(
        "GatherBlockQuantized", (q(np.uint8, 6, 5, _last * _bits // 8),), RNG.integers(0, 6, (2, 3)),
        (s(6, 5, _count),), (q(np.uint8, 6, 5, -(-_count * _bits // 8)),) if _zero else None, domain=MICROSOFT,
        bits=_bits, block_size=_size, gather_axis=0, quantize_axis=2,
    )  # fmt: skip
