"""Operators of TensorFlow.js' graph-models: an operator, its inputs (`In`: given when the model runs; arrays: constants
of the graph), its attributes. TensorFlow.js' answers lie in tests/golden/graph_models.npz."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from support.graph_models import GraphModel, Raw

Build = Callable[[], tuple[GraphModel, Sequence[str]]]


class Case(NamedTuple):
    """A model with inputs, made anew at each call of `build`."""

    name: str
    build: Build


class In(NamedTuple):
    """An input: normal numbers of a shape; "whole" ones from -5 to 5, "truth", "positive", "part" of -1 to 1."""

    shape: tuple[int, ...]
    kind: str = "normal"
    free: bool = False  # whether the model leaves the batch open

    def values(self, rng: np.random.Generator) -> np.ndarray:
        if self.kind == "whole":
            return rng.integers(-5, 6, self.shape).astype(np.int32)
        if self.kind == "truth":
            return rng.random(self.shape) < 0.5
        if self.kind == "positive":
            return (rng.random(self.shape) + 0.1).astype(np.float32)
        if self.kind == "part":
            return (rng.random(self.shape) * 1.8 - 0.9).astype(np.float32)
        if self.kind == "rows":
            return rng.integers(0, 3, self.shape).astype(np.int32)
        return rng.normal(size=self.shape).astype(np.float32)


CASES: list[Case] = []


def rng_of(name: str) -> np.random.Generator:
    """The random numbers of a case."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def case(name: str, op: str, *operands: Any, outputs: int = 1, **attributes: Any) -> None:
    """One operator."""

    def build() -> tuple[GraphModel, Sequence[str]]:
        rng, model = rng_of(name), GraphModel()
        given = []
        for operand in operands:
            if isinstance(operand, In):
                shape = (None, *operand.shape[1:]) if operand.free else None
                given.append(model.input(operand.values(rng), shape))
            else:
                given.append(operand)
        made = model.op(op, *given, name="made", **attributes)
        if outputs == 1:
            return model, [made]
        return model, [
            model.op("Identity", f"{made}:{k}") for k in range(outputs)
        ]  # TensorFlow.js has one of each node

    CASES.append(Case(name, build))


def model(name: str) -> Callable[[Callable[[GraphModel, np.random.Generator], Sequence[str]]], Any]:
    """Decorator: a case of several nodes."""

    def add(make: Callable[[GraphModel, np.random.Generator], Sequence[str]]) -> Any:
        def build() -> tuple[GraphModel, Sequence[str]]:
            made = GraphModel()
            return made, make(made, rng_of(name))

        CASES.append(Case(name, build))
        return make

    return add


def weight(*shape: int) -> np.ndarray:
    """A constant."""
    return np.random.default_rng(sum(shape) + len(shape)).normal(size=shape).round(3).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    """Whole numbers in a row."""
    return np.asarray(values, np.int32)


A, B, WHOLE = In((3, 4, 5)), In((4, 1)), In((3, 4), "whole")

for op in (
    "Abs Neg Exp Expm1 Floor Ceil Round Sign Erf Square Sin Cos Tan Sinh Cosh Asinh Atan Tanh Sigmoid Relu Relu6 Elu "
    "Selu Softplus IsNan IsInf IsFinite ZerosLike OnesLike Softmax LogSoftmax Identity"
).split():
    case(op, op, A)
for op in "Sqrt Rsqrt Log Log1p Reciprocal".split():
    case(op, op, In((2, 3), "positive"))
for op in "Asin Acos Atanh".split():
    case(op, op, In((2, 3), "part"))
case("Acosh", "Acosh", np.float32([1.0, 1.5, 7.0]))
for op in "Abs Neg Sign Square".split():
    case(f"{op} of integers", op, WHOLE)
for op in (
    "AddV2 Add Sub Mul Maximum Minimum RealDiv FloorDiv FloorMod Mod SquaredDifference Equal NotEqual Less LessEqual "
    "Greater GreaterEqual Atan2"
).split():
    if op != "FloorDiv":  # of floats TensorFlow.js makes integers
        case(op, op, A, B)
        case(f"{op} with a number", op, A, np.float32(1.5))
    if op != "Atan2":
        case(f"{op} of integers", op, WHOLE, ints(3))
        case(
            f"{op} of two integers",
            op,
            WHOLE,
            In((1, 4), "rows") if "Div" not in op and "Mod" not in op else ints(2, -3, 1, 5),
        )
case("Pow", "Pow", In((2, 3), "positive"), A._replace(shape=(2, 3)))
case("Pow of integers", "Pow", WHOLE, ints(2))
case("DivNoNan", "DivNoNan", A, np.float32([0, 1, -2, 0, 3]))
for op in "LogicalAnd LogicalOr".split():
    case(op, op, In((3, 4), "truth"), In((4,), "truth"))
case("LogicalNot", "LogicalNot", In((3, 4), "truth"))
case("AddN", "AddN", A, A, A)
case("BiasAdd", "BiasAdd", A, weight(5))
case("LeakyRelu", "LeakyRelu", A, alpha=0.3)
case("Prelu", "Prelu", A, weight(5))
case("ClipByValue", "ClipByValue", A, np.float32(-0.5), np.float32(0.7))
case("Select, whole", "Select", In((3, 4, 5), "truth"), A, A)
case("SelectV2", "SelectV2", In((4, 1), "truth"), A, In((5,)))
for source, target in (
    ("normal", "DT_INT32"),
    ("normal", "DT_BOOL"),
    ("whole", "DT_FLOAT"),
    ("truth", "DT_FLOAT"),
    ("truth", "DT_INT32"),
):
    case(f"Cast {source} to {target}", "Cast", In((3, 4), source), DstT=target)

for op in "Sum Mean Max Min Prod".split():
    case(op, op, A, ints(1), keep_dims=False)
    case(f"{op}, several axes", op, A, ints(0, -1), keep_dims=True)
    case(f"{op}, all", op, In((2, 3, 4), free=True), ints(0, 1, 2), keep_dims=False)
case("Sum of integers", "Sum", WHOLE, ints(1), keep_dims=False)
case("Max of integers", "Max", WHOLE, ints(0), keep_dims=False)
case("Sum, no axis", "Sum", A, np.zeros((0,), np.int32), keep_dims=False)
for op in "All Any".split():
    case(op, op, In((3, 4), "truth"), ints(1), keep_dims=False)
case("ArgMax", "ArgMax", A, np.int32(-1))
case("ArgMin", "ArgMin", A, np.int32(1))
case("ArgMax of integers", "ArgMax", In((3, 7), "whole"), np.int32(1))
case("EuclideanNorm", "EuclideanNorm", A, ints(2), keep_dims=True)
for op in "Cumsum Cumprod".split():
    case(op, op, A, np.int32(1), exclusive=False, reverse=False)
    case(f"{op}, exclusive, reverse", op, A, np.int32(2), exclusive=True, reverse=True)
case("TopKV2", "TopKV2", A, np.int32(3), outputs=2, sorted=True)
case("TopKV2 of integers", "TopKV2", In((2, 9), "whole"), np.int32(4), outputs=2, sorted=True)

case("Reshape", "Reshape", A, ints(5, -1, 2))
case("Reshape, free batch", "Reshape", A._replace(free=True), ints(-1, 20))
case("Transpose", "Transpose", A, ints(2, 0, 1))
case("ExpandDims", "ExpandDims", A, np.int32(-2))
case("Squeeze", "Squeeze", In((1, 3, 1, 2)), squeeze_dims=[2])
case("Squeeze, all", "Squeeze", In((1, 3, 1, 2)), squeeze_dims=[])
case("Tile", "Tile", A, ints(1, 2, 3))
case("BroadcastTo", "BroadcastTo", In((1, 3, 1)), ints(2, 3, 4))
case("Pad", "Pad", A, np.int32([[0, 0], [1, 2], [3, 0]]))
case("PadV2", "PadV2", A, np.int32([[0, 1], [0, 0], [2, 2]]), np.float32(-1.5))
case("MirrorPad", "MirrorPad", A, np.int32([[0, 0], [1, 2], [2, 1]]), mode="reflect")
case("MirrorPad, symmetric", "MirrorPad", A, np.int32([[1, 2], [0, 0], [2, 1]]), mode="symmetric")
case("ReverseV2", "ReverseV2", A, ints(0, -1))
case("DepthToSpace", "DepthToSpace", In((2, 3, 2, 12)), block_size=2, data_format="NHWC")
case("SpaceToBatchND", "SpaceToBatchND", In((2, 4, 5, 3)), ints(2, 3), np.int32([[0, 0], [0, 1]]))
case("BatchToSpaceND", "BatchToSpaceND", In((12, 2, 2, 3)), ints(2, 3), np.int32([[0, 1], [1, 0]]))
case("ConcatV2", "ConcatV2", A, In((3, 2, 5)), A, np.int32(1), N=3)
case("ConcatV2, last", "ConcatV2", A, In((3, 4, 2)), np.int32(-1), N=2)
case("ConcatV2, a constant", "ConcatV2", A, weight(3, 4, 2), np.int32(2), N=2)
case("Pack", "Pack", A, A, axis=1, N=2)
case("Pack, last", "Pack", A, A, axis=-1, N=2)
case("Unpack", "Unpack", A, outputs=4, axis=1, num=4)
case("Split", "Split", np.int32(1), A, outputs=2, num_split=2)
case("SplitV", "SplitV", A, ints(1, -1, 2), np.int32(2), outputs=3, num_split=3)
case("Slice", "Slice", A, ints(1, 0, 2), ints(2, -1, 1))
MASKS = dict(begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)
for number, (begin, end, strides, masks) in enumerate(
    [
        ((0, 1, 0), (3, 3, 5), (1, 1, 2), {}),
        ((0, -1, 4), (0, -5, 0), (1, -2, -1), {"begin_mask": 1, "end_mask": 1}),
        ((1,), (2,), (1,), {"shrink_axis_mask": 1}),
        ((0, 0, 2), (0, 0, 3), (1, 1, 1), {"ellipsis_mask": 2, "shrink_axis_mask": 4, "begin_mask": 1, "end_mask": 1}),
        ((0, 0, 1), (0, 0, 3), (1, 1, 1), {"new_axis_mask": 1, "begin_mask": 2, "end_mask": 2}),
        ((0, 0), (0, 3), (1, 1), {"ellipsis_mask": 1}),
        ((-2, 0, 0), (2147483647, 4, 5), (1, 1, 1), {}),
    ]
):
    case(f"StridedSlice {number}", "StridedSlice", A, ints(*begin), ints(*end), ints(*strides), **(MASKS | masks))

case("GatherV2", "GatherV2", A, ints(2, 0, 2), np.int32(1))
case("GatherV2 by an input", "GatherV2", In((4, 6)), In((2, 3), "rows"), np.int32(0))
case("GatherV2, a table", "GatherV2", weight(4, 6), In((2, 3), "rows"), np.int32(0))
case("GatherV2, batch", "GatherV2", In((2, 5, 4)), In((2, 3), "rows"), np.int32(1), batch_dims=1)
case("GatherV2, batch, later axis", "GatherV2", In((2, 5, 4)), In((2, 3), "rows"), np.int32(2), batch_dims=1)
case("GatherV2, a number", "GatherV2", A, np.int32(1), np.int32(2))
case("GatherNd", "GatherNd", A, np.int32([[0, 1], [2, 3], [1, 1]]))
case("GatherNd by an input", "GatherNd", In((3, 3, 5)), In((4, 2), "rows"))
case("ScatterNd", "ScatterNd", np.int32([[1], [4], [1]]), In((3, 2)), ints(6, 2))
case("ScatterNd by an input", "ScatterNd", In((5, 2), "rows"), In((5,)), ints(3, 4))
case("TensorScatterUpdate", "TensorScatterUpdate", In((4, 3)), np.int32([[2], [0]]), In((2, 3)))
case("SparseToDense", "SparseToDense", np.int32([[0, 1], [2, 2]]), ints(3, 4), In((2,)), np.float32(-1))
case("OneHot", "OneHot", In((2, 3), "rows"), np.int32(4), np.float32(2), np.float32(-1), T="DT_FLOAT")
case("Fill", "Fill", ints(2, 3), np.float32(1.5))
case("Range", "Range", np.int32(1), np.int32(9), np.int32(3), Tidx="DT_INT32")
case("LinSpace", "LinSpace", np.float32(0), np.float32(1), np.int32(5))
case("Shape", "Shape", A)
case("Size", "Size", A)
case("Rank", "Rank", A)
case("BroadcastArgs", "BroadcastArgs", ints(3, 1), ints(2, 1, 4))
case("Where", "Where", In((3, 4), "truth"))
case("ListDiff", "ListDiff", ints(3, 5, 1, 7), ints(1, 3), outputs=2)
case("Unique", "Unique", In((9,), "whole"), outputs=2)
case("LowerBound", "LowerBound", np.float32([[0, 1, 2]]), In((1, 4)))

case("MatMul", "MatMul", In((3, 4)), In((4, 5)), transpose_a=False, transpose_b=False)
case("MatMul, weights", "MatMul", In((3, 4), free=True), weight(5, 4), transpose_a=False, transpose_b=True)
case("MatMul, turned", "MatMul", In((4, 3)), In((5, 4)), transpose_a=True, transpose_b=True)
case("BatchMatMulV2", "BatchMatMulV2", In((2, 3, 4)), In((2, 4, 5)), adj_x=False, adj_y=False)
case("BatchMatMulV2, turned", "BatchMatMulV2", In((2, 3, 4, 3)), In((2, 3, 5, 4)), adj_x=True, adj_y=True)
case("Einsum", "Einsum", In((2, 3, 4)), In((4, 5)), equation="abc,cd->abd", N=2)
case("Einsum of two", "Einsum", In((2, 3, 2, 4)), In((2, 5, 2, 4)), equation="bthd,bshd->bhts", N=2)
for op in ("FusedBatchNorm", "FusedBatchNormV3"):
    case(
        op,
        op,
        In((2, 3, 4, 5)),
        weight(5),
        weight(5),
        weight(5),
        abs(weight(5)),
        epsilon=0.01,
        data_format="NHWC",
        is_training=False,
    )
case("LRN", "LRN", In((2, 3, 2, 7)), depth_radius=2, bias=1.5, alpha=0.3, beta=0.75)
FUSED: list[tuple[list[str], list[np.ndarray]]] = [
    (["BiasAdd"], [weight(6)]),
    (["BiasAdd", "Relu"], [weight(6)]),
    (["BiasAdd", "Relu6"], [weight(6)]),
    (["BiasAdd", "Elu"], [weight(6)]),
    (["BiasAdd", "Sigmoid"], [weight(6)]),
    (["BiasAdd", "LeakyRelu"], [weight(6)]),
    (["BiasAdd", "Prelu"], [weight(6), weight(6) * 0.1]),
]
for names, more in FUSED:
    tail, options = (
        ", ".join(names),
        {"fused_ops": names, "num_args": len(more), "epsilon": 0.0, "leakyrelu_alpha": 0.1},
    )
    steps = dict(strides=[1, 1, 1, 1], padding="SAME", data_format="NHWC", dilations=[1, 1, 1, 1])
    case(f"_FusedConv2D {tail}", "_FusedConv2D", In((1, 5, 4, 3)), weight(3, 3, 3, 6), *more, **steps, **options)
    case(
        f"_FusedMatMul {tail}",
        "_FusedMatMul",
        In((2, 5)),
        weight(5, 6),
        *more,
        transpose_a=False,
        transpose_b=False,
        **options,
    )
    depth = [np.tile(one, 1) for one in more]
    if "LeakyRelu" not in names:  # whose factor TensorFlow.js does not pass on
        case(
            f"FusedDepthwiseConv2dNative {tail}",
            "FusedDepthwiseConv2dNative",
            In((1, 5, 4, 3)),
            weight(3, 3, 3, 2),
            *depth,
            **steps,
            **options,
        )


def conv(
    name: str, op: str, *operands: Any, stride: int = 1, padding: str = "SAME", dilation: int = 1, **more: Any
) -> None:
    """An operator with windows over images."""
    strides, dilations = [1, stride, stride, 1], [1, dilation, dilation, 1]
    case(name, op, *operands, strides=strides, padding=padding, data_format="NHWC", dilations=dilations, **more)


IMAGE = In((2, 7, 6, 3), free=True)
conv("Conv2D", "Conv2D", IMAGE, weight(3, 3, 3, 4))
conv("Conv2D, strides", "Conv2D", IMAGE, weight(3, 2, 3, 4), stride=2)
conv("Conv2D, valid, dilated", "Conv2D", IMAGE, weight(2, 3, 3, 4), padding="VALID", dilation=2)
conv(
    "Conv2D, explicit",
    "Conv2D",
    IMAGE,
    weight(3, 3, 3, 4),
    stride=2,
    padding="EXPLICIT",
    explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0],
)
conv("Conv2D, 1x1", "Conv2D", IMAGE, weight(1, 1, 3, 5))
conv("DepthwiseConv2dNative", "DepthwiseConv2dNative", IMAGE, weight(3, 3, 3, 1))
conv("DepthwiseConv2dNative, multiplier", "DepthwiseConv2dNative", IMAGE, weight(3, 2, 3, 2), stride=2, padding="VALID")
conv("DepthwiseConv2dNative, dilated", "DepthwiseConv2dNative", IMAGE, weight(2, 2, 3, 1), dilation=2)
conv("Conv2DBackpropInput", "Conv2DBackpropInput", ints(2, 7, 6, 4), weight(3, 3, 4, 3), In((2, 4, 3, 3)), stride=2)
conv(
    "Conv2DBackpropInput, odd", "Conv2DBackpropInput", ints(2, 8, 5, 4), weight(3, 2, 4, 3), In((2, 4, 3, 3)), stride=2
)
conv(
    "Conv2DBackpropInput, valid",
    "Conv2DBackpropInput",
    ints(2, 9, 7, 4),
    weight(3, 3, 4, 3),
    In((2, 4, 3, 3)),
    stride=2,
    padding="VALID",
)
for op in ("MaxPool", "AvgPool"):
    for padding in ("SAME", "VALID"):
        case(
            f"{op}, {padding}", op, IMAGE, ksize=[1, 3, 2, 1], strides=[1, 2, 1, 1], padding=padding, data_format="NHWC"
        )
    case(
        f"{op}3D",
        f"{op}3D",
        In((1, 4, 5, 4, 2)),
        ksize=[1, 2, 3, 2, 1],
        strides=[1, 2, 2, 1, 1],
        padding="SAME",
        data_format="NDHWC",
    )
case(
    "Conv3D",
    "Conv3D",
    In((1, 4, 5, 4, 2)),
    weight(2, 3, 2, 2, 3),
    strides=[1, 1, 2, 1, 1],
    padding="SAME",
    data_format="NDHWC",
    dilations=[1, 1, 1, 1, 1],
)
case("Conv1D", "Conv1D", In((2, 7, 3)), weight(3, 3, 4), stride=2, padding="SAME", data_format="NWC", dilation=1)
for batch in (False, True):
    case(
        f"MaxPoolWithArgmax {batch}",
        "MaxPoolWithArgmax",
        In((2, 5, 4, 3)),
        outputs=2,
        ksize=[1, 2, 2, 1],
        strides=[1, 2, 2, 1],
        padding="SAME",
        include_batch_in_index=batch,
    )
for op in ("ResizeBilinear", "ResizeNearestNeighbor"):
    for align, half in ((False, False), (True, False), (False, True)):
        for size in ((9, 11), (3, 4), (1, 5)):
            case(f"{op} {align} {half} {size}", op, IMAGE, ints(*size), align_corners=align, half_pixel_centers=half)
BOXES = np.float32([[0, 0, 1, 1], [0.2, 0.1, 0.72, 0.9], [-0.3, 0.2, 1.2, 0.8], [0.91, 0.8, 0.12, 0.2]])
for method in ("bilinear", "nearest"):
    case(
        f"CropAndResize {method}",
        "CropAndResize",
        In((2, 6, 7, 3)),
        BOXES,
        ints(0, 1, 1, 0),
        ints(4, 5),
        method=method,
        extrapolation_value=0.5,
    )
case(
    "CropAndResize, one pixel",
    "CropAndResize",
    In((1, 6, 7, 3)),
    In((3, 4), "positive"),
    ints(0, 0, 0),
    ints(1, 1),
    method="bilinear",
    extrapolation_value=0.0,
)

case("AddV2 of six axes", "AddV2", In((1, 2, 1, 3, 2, 2)), In((2, 1, 1, 2, 1)))
case("AddV2 of numbers", "AddV2", In(()), In(()))
case("Mul by a number that is given", "Mul", A, In(()))
case("Max of a row", "Max", In((7,)), ints(0), keep_dims=False)
case("Sum of five axes", "Sum", In((2, 1, 3, 2, 2)), ints(1, 3), keep_dims=True)
case("Transpose of five axes", "Transpose", In((2, 1, 3, 2, 4)), ints(4, 0, 3, 1, 2))
case("ConcatV2 of five axes", "ConcatV2", In((2, 1, 3, 2, 2)), In((2, 1, 1, 2, 2)), np.int32(2), N=2)
case("Tile of a row", "Tile", In((3,)), ints(4))
case("Softmax of a row", "Softmax", In((7,)))
case("Pack of numbers", "Pack", In(()), In(()), axis=0, N=2)
case("GatherNd of rows", "GatherNd", In((4, 3, 2)), In((2, 1), "rows"))
case("Pad of a row", "Pad", In((3,)), np.int32([[2, 1]]))
case("ArgMax of a row", "ArgMax", In((9,)), np.int32(0))
case("Cast to integers and back", "Cast", In((2, 3), "truth"), DstT="DT_INT32")


case("BatchMatMul", "BatchMatMul", In((2, 3, 4)), In((2, 5, 4)), adj_x=False, adj_y=True)
case("Bincount", "Bincount", In((9,), "rows"), np.int32(4), np.zeros((0,), np.float32))
case("DenseBincount", "DenseBincount", In((2, 5), "rows"), np.int32(2), weight(2, 5), binary_output=False)
case("Concat", "Concat", np.int32(1), A, A, N=2)
case("Div", "Div", A, B)
case("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVars", A, np.float32(-1), np.float32(1), num_bits=8)
case("FusedBatchNormV2", "FusedBatchNormV2", In((2, 3, 4, 5)), weight(5), weight(5), weight(5), abs(weight(5)))
case("Gather", "Gather", A, ints(2, 0), validate_indices=True)
case("IdentityN", "IdentityN", A, B, outputs=2)
case("MatrixBandPart", "MatrixBandPart", In((2, 4, 5)), np.int32(1), np.int32(1))
case("Ones", "Ones", ints(2, 3), T="DT_FLOAT")
case("Zeros", "Zeros", ints(2, 3), T="DT_FLOAT")
case("Reverse", "Reverse", A, np.asarray([True, False, True]))
case("Snapshot", "Snapshot", A)
case("StopGradient", "StopGradient", A)
case("UniqueV2", "UniqueV2", In((5, 2), "rows"), ints(0), outputs=2)
case("UpperBound", "UpperBound", np.float32([[0, 1, 2]]), In((1, 4)))


@model("identities")
def identities(g: GraphModel, rng: np.random.Generator) -> Sequence[str]:
    """What changes nothing, and an input that has a value of its own."""
    x = g.input(rng.normal(size=(2, 3)).astype(np.float32))
    own = g.op("PlaceholderWithDefault", weight(3), dtype="DT_FLOAT", shape=Raw(shape={"dim": [{"size": "3"}]}))
    done = g.op("NoOp")
    g.nodes[-1]["input"] = [f"^{x}"]
    told = g.op("Print", x, x, message="x")
    g.nodes[-1]["input"].append(f"^{done}")
    return [g.op("AddV2", told, own)]


@model("boxes")
def boxes(g: GraphModel, rng: np.random.Generator) -> Sequence[str]:
    """NonMaxSuppression of all versions."""
    low = rng.random((12, 2)).astype(np.float32)
    places = g.input(np.concatenate([low, low + 0.3 + 0.2 * rng.random((12, 2)).astype(np.float32)], 1))
    scores = g.input(rng.random(12).astype(np.float32))
    most, overlap, least = np.int32(5), np.float32(0.3), np.float32(0.2)
    v3 = g.op("NonMaxSuppressionV3", places, scores, most, overlap, least)
    v4 = g.op("NonMaxSuppressionV4", places, scores, np.int32(9), overlap, least, pad_to_max_output_size=True)
    v5 = g.op("NonMaxSuppressionV5", places, scores, np.int32(9), overlap, least, np.float32(0.5))
    v2 = g.op("NonMaxSuppressionV2", places, scores, most, overlap)
    second = [g.op("Identity", f"{one}:1") for one in (v4, v5)]
    return [v2, v3, v4, v5, *second, g.op("GatherV2", places, v3, np.int32(0))]


@model("shape arithmetic")
def shape_arithmetic(g: GraphModel, rng: np.random.Generator) -> Sequence[str]:
    """A shape put together of another's sizes."""
    x = g.input(rng.normal(size=(2, 4, 6, 3)).astype(np.float32), (None, None, None, 3))
    shape = g.op("Shape", x)
    sizes = [
        g.op("StridedSlice", shape, ints(k), ints(k + 1), ints(1), **(MASKS | {"shrink_axis_mask": 1}))
        for k in range(3)
    ]
    area = g.op("Mul", sizes[1], sizes[2])
    flat = g.op("Reshape", x, g.op("Pack", sizes[0], area, np.int32(3), axis=0, N=3))
    half = g.op("FloorDiv", sizes[1], np.int32(2))
    small = g.op(
        "ResizeBilinear", x, g.op("Pack", half, sizes[2], axis=0, N=2), align_corners=False, half_pixel_centers=True
    )
    filled = g.op("Fill", g.op("Pack", sizes[0], area, axis=0, N=2), np.float32(2))
    both = g.op("ShapeN", flat, small, N=2)
    return [flat, small, filled, g.op("Reshape", flat, f"{both}:0")]


@model("loop of TensorFlow 1")
def loop(g: GraphModel, rng: np.random.Generator) -> Sequence[str]:
    """Enter, Merge, Switch, NextIteration, Exit, and a TensorArray."""
    x = g.input(rng.normal(size=(4, 3)).astype(np.float32))
    array = g.op("TensorArrayV3", np.int32(4), name="array", dtype="DT_FLOAT", dynamic_size=False)
    rows = g.op("TensorArrayV3", np.int32(4), name="rows", dtype="DT_FLOAT", dynamic_size=False)
    filled = g.op("TensorArrayScatterV3", rows, g.op("Range", np.int32(0), np.int32(4), np.int32(1)), x, f"{rows}:1")
    frame = dict(frame_name="while", parallel_iterations=10)
    first = [
        g.op("Enter", value, is_constant=False, **frame)
        for value in (np.int32(0), f"{array}:1", np.zeros(3, np.float32))
    ]
    same = [g.op("Enter", value, is_constant=True, **frame) for value in (np.int32(4), rows, filled, array)]
    merges = [g.op("Merge", one, f"next{k}", N=2) for k, one in enumerate(first)]
    goes = g.op("LoopCond", g.op("Less", merges[0], same[0]))
    switches = [g.op("Switch", one, goes) for one in merges]
    inside = [g.op("Identity", f"{one}:1") for one in switches]
    row = g.op("TensorArrayReadV3", same[1], inside[0], same[2], dtype="DT_FLOAT")
    total = g.op("AddV2", g.op("Mul", inside[2], np.float32(0.5)), row)
    written = g.op("TensorArrayWriteV3", same[3], inside[0], total, inside[1])
    after = [g.op("AddV2", inside[0], np.int32(1)), written, total]
    for k, value in enumerate(after):
        g.op("NextIteration", value, name=f"next{k}")
    exits = [g.op("Exit", one) for one in switches]
    size = g.op("TensorArraySizeV3", array, exits[1])
    order = g.op("Range", np.int32(0), size, np.int32(1))
    return [exits[2], g.op("TensorArrayGatherV3", array, order, exits[1], dtype="DT_FLOAT")]


@model("choice of TensorFlow 1")
def choice(g: GraphModel, rng: np.random.Generator) -> Sequence[str]:
    """Switch and Merge, by a condition that is computed."""
    x = g.input(rng.normal(size=(2, 3)).astype(np.float32))
    asked = g.op("Greater", g.op("Sum", x, ints(0, 1), keep_dims=False), np.float32(0))
    parted = g.op("Switch", x, asked)
    merged = g.op("Merge", g.op("Neg", parted), g.op("Mul", f"{parted}:1", np.float32(3)), N=2)
    return [g.op("AddV2", merged, np.float32(1))]


@model("functions")
def functions(g: GraphModel, rng: np.random.Generator) -> Sequence[str]:
    """While and If with functions, and a TensorList."""
    x = g.input(rng.normal(size=(2, 3)).astype(np.float32))
    cond = g.function("cond", ["n", "v", "l"], lambda f, n, v, items: [f.op("Less", n, np.int32(3))])
    body = g.function(
        "body", ["n", "v", "l"],
        lambda f, n, v, items: [
            f.op("AddV2", n, np.int32(1)),
            f.op("Mul", v, np.float32(2)),
            f.op("TensorListSetItem", items, n, v, element_dtype="DT_FLOAT"),
        ],
    )  # fmt: skip
    items = g.op("TensorListReserve", ints(2, 3), np.int32(3), element_dtype="DT_FLOAT", shape_type="DT_INT32")
    loop = g.op("StatelessWhile", np.int32(0), x, items, cond=cond, body=body)
    stacked = g.op("TensorListStack", f"{loop}:2", ints(2, 3), element_dtype="DT_FLOAT", num_elements=3)
    yes = g.function("yes", ["a"], lambda f, a: [f.op("Square", a)])
    no = g.function("no", ["a"], lambda f, a: [f.op("Neg", a)])
    chosen = g.op(
        "StatelessIf",
        g.op("Greater", g.op("Max", x, ints(0, 1), keep_dims=False), np.float32(9)),
        x,
        then_branch=yes,
        else_branch=no,
    )
    return [g.op("Identity", f"{loop}:1"), stacked, chosen]


@model("lists")
def lists(g: GraphModel, rng: np.random.Generator) -> Sequence[str]:
    """TensorLists without a loop."""
    x = g.input(rng.normal(size=(4, 3)).astype(np.float32))
    rows = g.op("TensorListFromTensor", x, ints(3), element_dtype="DT_FLOAT", shape_type="DT_INT32")
    one = g.op("TensorListGetItem", rows, np.int32(2), ints(3), element_dtype="DT_FLOAT")
    some = g.op("TensorListGather", rows, ints(3, 0), ints(3), element_dtype="DT_FLOAT")
    return [
        one,
        some,
        g.op("TensorListLength", rows),
        g.op("TensorListStack", rows, ints(3), element_dtype="DT_FLOAT", num_elements=4),
    ]


@model("lists that grow")
def lists_that_grow(g: GraphModel, rng: np.random.Generator) -> Sequence[str]:
    """Lists to which elements are added, and of rows put at places."""
    x = g.input(rng.normal(size=(4, 3)).astype(np.float32))
    y = g.input(rng.normal(size=(4, 3)).astype(np.float32))
    kind: dict[str, Any] = {"element_dtype": "DT_FLOAT", "shape_type": "DT_INT32"}
    none = g.op("EmptyTensorList", ints(4, 3), np.int32(-1), **kind)
    two = g.op("TensorListPushBack", g.op("TensorListPushBack", none, x, **kind), y, **kind)
    put = g.op("TensorListScatterV2", x, ints(3, 1, 0, 2), ints(3), np.int32(4), **kind)
    old = g.op("TensorListScatter", x, ints(1, 0, 3, 2), ints(3), **kind)
    shorter = g.op("TensorListResize", put, np.int32(2), **kind)
    stacked = [g.op("TensorListStack", one, ints(3), num_elements=-1, **kind) for one in (put, old, shorter)]
    return [g.op("TensorListLength", two), *stacked]


@model("functions with state")
def functions_with_state(g: GraphModel, rng: np.random.Generator) -> Sequence[str]:
    """While and If, of which the condition is computed."""
    x = g.input(rng.normal(size=(2, 3)).astype(np.float32))
    cond = g.function(
        "small", ["v"], lambda f, v: [f.op("Less", f.op("Max", v, ints(0, 1), keep_dims=False), np.float32(9))]
    )
    body = g.function("more", ["v"], lambda f, v: [f.op("AddV2", f.op("Mul", v, np.float32(1.5)), np.float32(1))])
    loop = g.op("While", x, cond=cond, body=body)
    yes = g.function("yes2", ["a"], lambda f, a: [f.op("Square", a)])
    no = g.function("no2", ["a"], lambda f, a: [f.op("Neg", a)])
    asked = g.op("Greater", g.op("Sum", x, ints(0, 1), keep_dims=False), np.float32(100))
    return [loop, g.op("If", asked, x, then_branch=yes, else_branch=no)]
