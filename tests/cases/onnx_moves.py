"""Nodes of ONNX' operators that move, pick, put, resize and sample, with what the suite's own lack."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from cases.onnx_elements import CASES, case, f, i

__all__ = ["CASES"]


def n(*values: Any) -> np.ndarray:
    """Whole numbers, as shapes and axes have them."""
    return np.array(values, np.int64)


def b(*shape: int) -> np.ndarray:
    return i(*shape, low=0, high=1).astype(bool)


RANKS: tuple[tuple[int, ...], ...] = ((), (5,), (1, 7), (3, 1, 5), (2, 3, 5, 1), (2, 1, 3, 2, 3), (1, 2, 1, 3, 2, 2))

# ---- shapes
for shape in RANKS:
    case("Transpose", f(*shape))
    case("Reshape", f(*shape), n(-1))
    case("Shape", f(*shape))
    case("Size", f(*shape))
    case("Unsqueeze", f(*shape[:4]), n(0, -1))
    if shape:
        case("Transpose", f(*shape), perm=[*range(1, len(shape)), 0])
        case("Reshape", f(*shape), n(0, *([1] * (5 - len(shape))), -1))
        case("Squeeze", f(*shape))
        case("Flatten", f(*shape), axis=len(shape) - 1)
        case("Flatten", f(*shape), axis=0)
        case("Flatten", f(*shape), axis=-1)
for axes in ((0,), (-1,), (0, 2), None):
    for opset in (11, 13):
        given: Any = () if opset == 11 or axes is None else (n(*axes),)
        options: Any = {"axes": list(axes)} if opset == 11 and axes else {}
        case("Squeeze", f(1, 3, 1), *given if axes != (0, 2) else (), opset=opset, **(options if axes != (0,) else {}))
case("Unsqueeze", f(2, 3), opset=11, axes=[0, 3])
case("Reshape", f(0, 3), n(3, 0), allowzero=1)
case("Reshape", f(2, 3, 4), n(0, 0, 2, 2), allowzero=0)
case("Reshape", f(0, 3, 4), n(0, 12))
case("Reshape", i(2, 3, 4, dtype=np.int64), (n(4, 6),))
case("Shape", f(2, 3, 5, 7), start=1, end=-1)
case("Shape", f(2, 3, 5, 7), start=-9, end=9)
for shape, goal in (
    ((3, 1), (2, 1, 6)), ((1,), (3, 4)), ((3, 4), (1,)), ((), (2, 3)), ((2, 1, 3), (1, 5, 1)), ((1, 3), (0, 3)),
    ((1, 1, 1, 2, 1, 1), (2, 3, 1, 1, 2, 3)),
):  # fmt: skip
    case("Expand", f(*shape), n(*goal))
    case("Expand", f(*shape), (n(*goal),))
for value in (None, np.array([2.5], np.float32), np.array([7], np.int64), np.array([1], bool), np.array([3], np.uint8)):
    for shape in ((2, 3), (1,), (), (0, 2)):
        case("ConstantOfShape", n(*shape), **({} if value is None else {"value": value}))
for start, limit, delta, kind in (
    (0, 5, 1, np.int64), (5, -4, -2, np.int32), (0.5, 3.2, 0.3, np.float32), (3, 3, 1, np.int64), (1, 0, 1, np.float32),
    (-3, 7, 3, np.int16),
):  # fmt: skip
    case("Range", kind(start), kind(limit), kind(delta))
    case("Range", (kind(start),), (kind(limit),), (kind(delta),))
for k in (-4, -1, 0, 2):
    case("EyeLike", f(3, 5), k=k)
    case("EyeLike", i(4, 2), k=k, dtype=1)

# ---- joining and cutting
for shape in RANKS[1:]:
    for axis in range(-len(shape), len(shape)):
        other = list(shape)
        other[axis] = 4
        case("Concat", f(*shape), f(*other), (f(*shape),), axis=axis)
case("Concat", f(2, 0), f(2, 3), axis=1)
case("Concat", i(3, dtype=np.int64), (n(4, 5),), axis=0)
case("Concat", f(2, 3), axis=0)
for opset in (11, 13, 18):
    sizes: Any = {"split": [2, 1, 4]} if opset < 13 else {}
    case("Split", f(3, 7), *(() if opset < 13 else (n(2, 1, 4),)), opset=opset, outputs=3, axis=1, **sizes)
    case("Split", f(6, 2), opset=opset, outputs=3, axis=0, **({"num_outputs": 3} if opset == 18 else {}))
case("Split", f(2, 7), opset=18, outputs=3, axis=-1, num_outputs=3)
case("Split", f(2, 5), n(0, 5), outputs=2, axis=1)
for starts, ends, axes, steps in (
    ((0,), (2,), (0,), (1,)), ((1, -3), (9, -1), (0, 1), (1, 1)), ((-1,), (-99,), (1,), (-1,)),
    ((-1, 0), (-(2**63), 2**63 - 1), (1, 2), (-2, 2)), ((4,), (1,), (2,), (-1,)), ((1,), (1,), (0,), (1,)),
    ((20,), (30,), (1,), (1,)), ((99,), (-99,), (-1,), (-3,)), ((-99, -2), (2, 99), (0, -1), (1, 1)),
):  # fmt: skip
    case("Slice", f(3, 4, 5), n(*starts), n(*ends), n(*axes), n(*steps))
    case("Slice", i(3, 4, 5, dtype=np.int64), *((n(*v),) for v in (starts, ends, axes, steps)))
case("Slice", f(3, 4), n(1, 1), n(3, 3))
case("Slice", f(3, 4, 5), opset=9, starts=[0, 1], ends=[2, 100], axes=[0, 2])
case("Slice", f(3, 4, 5), opset=9, starts=[0, 1, -2], ends=[2, 100, -1])
case("Slice", f(1, 2, 1, 3, 2, 4), n(1, 0), n(3, -1), n(3, 5), n(2, 2))
for shape, repeats in (
    ((3,), (4,)),
    ((2, 3), (1, 2)),
    ((2, 1, 3), (3, 2, 1)),
    ((2, 3), (0, 1)),
    ((1, 2, 1, 2, 1, 2), (2, 1, 3, 1, 1, 2)),
):
    case("Tile", f(*shape), n(*repeats))
PADS = ((1, 2, 0, 3), (0, 0, 1, 0), (-1, 0, 2, -1), (0, -1, -1, 2), (0, 0, 0, 0))
for mode, pads in product(("constant", "reflect", "edge", "wrap"), PADS):
    case("Pad", f(4, 5), n(*pads), mode=mode, opset=19)
for pads in PADS:
    case("Pad", f(4, 5), n(*pads), np.float32(-1.5), opset=13)
    case("Pad", i(4, 5), n(*pads), np.int32(7), opset=13)
    case("Pad", f(4, 5), n(*pads), np.float32(np.inf), opset=13)
    case("Pad", f(4, 5), opset=10, pads=list(pads), value=2.0)
case("Pad", f(2, 3, 4, 5), n(1, 2, 0, 1), None, n(-1, 1), opset=18, mode="reflect")
case("Pad", f(2, 3, 4), n(1, 2), np.float32(3), n(-2), opset=18)
case("Pad", f(1, 2, 1, 3, 2, 2), n(0, 1, 0, 0, 1, 0, 1, 0, 2, 0, 0, 1), opset=18)
for shape, axes in (((5, 2, 7), None), ((4, 8), (2, 0)), ((3,), (-1,)), ((6, 4), (1, 2))):
    case("CenterCropPad", f(4, 3, 6), n(*shape), opset=18, **({"axes": list(axes)} if axes else {}))
for blocksize, mode in product((1, 2, 3), ("DCR", "CRD")):
    case("DepthToSpace", f(2, 36, 3, 2), blocksize=blocksize, mode=mode)
    case("SpaceToDepth", f(2, 3, 6, 12), blocksize=blocksize)
for time in (0, 1):
    case("ReverseSequence", f(5, 5), n(1, 3, 5, 2, 4), time_axis=time, batch_axis=1 - time)
case("ReverseSequence", f(4, 3, 2), (n(1, 4, 2),), time_axis=0, batch_axis=1)
case("ReverseSequence", f(2, 4, 1, 3), n(3, 4), time_axis=1, batch_axis=0)

# ---- picking and putting
for shape in RANKS[1:]:
    for axis in range(-1, len(shape)):
        size = shape[axis]
        case("Gather", f(*shape), i(2, 3, low=-size, high=size - 1), axis=axis)
        case("Gather", f(*shape), (i(low=-size, high=size - 1, dtype=np.int64),), axis=axis)
        case("GatherElements", f(*shape), i(*shape, low=-size, high=size - 1), axis=axis)
        case("ScatterElements", f(*shape), np.argsort(f(*shape), axis=axis), f(*shape), axis=axis)
for places in ((0, 1, 2), (3, 1), (-1,), (2, 2), (4, 3, 2, 1, 0), (-1, -3)):
    case("Gather", f(3, 5), (n(*places),), axis=1)
    case("Gather", i(3, 5, dtype=np.int64), (n(*places),), axis=1)
case("Gather", f(3, 5), np.zeros((0,), np.int64), axis=1)
case("Gather", (f(7, 4),), i(3, 2, low=0, high=6), axis=0)
case("GatherElements", f(4, 5), i(2, 3, low=-4, high=3), axis=0)
case("GatherElements", f(4, 5), i(2, 9, low=-5, high=4), axis=1)
for shape, places, batch in (
    ((3, 4), (5, 2), 0), ((3, 4, 5), (2, 3, 1), 0), ((2, 3, 4), (2, 1), 1), ((2, 3, 4), (2, 5, 2), 1),
    ((2, 3, 4, 5), (2, 3, 1), 2), ((2, 2, 2, 2, 2, 2), (4, 6), 0), ((2, 3), (0, 1), 0),
    ((2, 2, 2, 2, 2, 2), (2, 3, 5), 1),
):  # fmt: skip
    bound = min(shape[batch : batch + places[-1]])
    case("GatherND", f(*shape), i(*places, low=-bound, high=bound - 1, dtype=np.int64), batch_dims=batch)
for reduction in ("none", "add", "mul", "max", "min"):
    same = {"reduction": reduction}
    places = np.array([[2, 0], [0, 1], [1, 2]]) if reduction == "none" else i(3, 2, low=-5, high=4, dtype=np.int64)
    case("ScatterElements", f(5, 2), places, f(3, 2), opset=18, axis=0, **same)
    case("ScatterElements", f(2, 5), i(2, 1, low=0, high=4, dtype=np.int64), f(2, 1), opset=18, axis=1, **same)
    case("ScatterElements", i(5, 2, dtype=np.int32, high=9, low=-9), places, i(3, 2, low=-9, high=9), opset=18, **same)
    numbers = n([2], [0], [1]) if reduction == "none" else i(4, 1, low=-3, high=2, dtype=np.int64)
    case("ScatterND", f(3, 4), numbers, f(len(numbers), 4), opset=18, **same)
    numbers = n([[0, 1]], [[2, 3]]) if reduction == "none" else i(2, 3, 2, low=0, high=2, dtype=np.int64)
    case("ScatterND", f(3, 4, 2), numbers, f(*numbers.shape[:2], 2), opset=18, **same)
    case("ScatterND", f(3, 4, 2), (n([0, -1, 1], [2, 0, 0]),), f(2), opset=18, **same)
    case("ScatterND", f(3, 4, 2), (n([[2, -3]], [[0, 0]]),), f(2, 1, 2), opset=18, **same)
    case("ScatterND", f(3, 4), (n([2], [0], [2]),), f(3, 4), opset=18, **same)
    case("ScatterElements", f(5, 3), (np.array([[2, 0], [-1, 1], [1, 4]]),), f(3, 2), opset=18, axis=0, **same)
case("ScatterND", f(2, 2, 2, 2, 2, 2), n([0, 1, 0, 1, 0, 1], [1, 1, 1, 1, 1, 1]), f(2), opset=18)
case("ScatterND", f(3), (n(1),), f(), opset=18)
case("ScatterND", f(3, 2), n(1, 1), f(), opset=18)
case("ScatterND", f(3, 4), np.zeros((0, 1), np.int64), f(0, 4), opset=18)
case("Scatter", f(3, 4), i(2, 4, low=0, high=0, dtype=np.int64), np.ones((2, 4), np.float32), opset=9, axis=0)
for axis in (-1, 0, 1):
    case("OneHot", i(3, 2, low=-6, high=7, dtype=np.int64), n(5), f(2), axis=axis)
    case("OneHot", i(3, low=-2, high=4).astype(np.float32), np.float32(4), f(2), axis=0)
for axis, k, largest in product((0, -1), (1, 3), (0, 1)):
    case("TopK", f(5, 4), n(k), outputs=2, axis=axis, largest=largest, sorted=1)
    case("TopK", i(5, 4, low=0, high=3, dtype=np.int64), (n(k),), outputs=2, axis=axis, largest=largest)
case("TopK", f(2, 3, 1, 5), n(2), outputs=2, axis=1)
case("TopK", f(3, 5), n(0), outputs=2)
case("TopK", f(3, 5), opset=9, outputs=2, k=2, axis=0)
case("TopK", f(3, 5), (n(2),), opset=10, outputs=2)

# ---- what depends on values
for shape in ((), (5,), (3, 4), (2, 3, 2), (0, 3)):
    case("NonZero", i(*shape, low=0, high=1).astype(np.float32))
for axis, ordered in product((None, 0, -1), (0, 1)):
    options = {"sorted": ordered} | ({} if axis is None else {"axis": axis})
    case("Unique", i(6, 2, low=0, high=1).astype(np.float32), outputs=4, **options)
for axis in (None, 0, 1, -1):
    case("Compress", f(3, 4), np.array([True, False, True]), **({} if axis is None else {"axis": axis}))
    case("Compress", f(3, 4), (np.array([False, True, True]),), **({} if axis is None else {"axis": axis}))
case("Compress", f(3, 4), np.zeros(3, bool), axis=0)


def boxes(*shape: int) -> np.ndarray:
    corner = f(*shape, 2, low=0, high=6)
    return np.concatenate([corner, corner + f(*shape, 2, low=-1, high=5)], -1)


for center in (0, 1):
    for limits in ((n(3), np.float32(0.4), np.float32(0.2)), (n(20), np.float32(0.6)), (n(2),), ()):
        case("NonMaxSuppression", boxes(2, 9), f(2, 3, 9, low=0, high=1), *limits, center_point_box=center)

# ---- resizing
MODES = ("nearest", "linear", "cubic")
WAYS = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
for mode, way in product(MODES, WAYS):
    case("Resize", f(2, 3, 5, 6), None, None, n(2, 3, 7, 4), mode=mode, coordinate_transformation_mode=way, opset=19)
    scales = np.array([1, 1, 2, 0.5] if way == "align_corners" else [1, 1, 1.7, 0.6], np.float32)
    case("Resize", f(1, 2, 5, 6), None, (scales,), mode=mode, coordinate_transformation_mode=way, opset=19)
    scales = np.array([1, 1, 1.7, 0.6], np.float32)
    case("Resize", f(1, 2, 5, 6), None, (scales,), mode=mode, coordinate_transformation_mode=way, opset=18)
for rounding, way in product(("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"), WAYS[:4]):
    options = {"nearest_mode": rounding, "coordinate_transformation_mode": way}
    case("Resize", f(1, 2, 3, 4), None, None, (n(1, 2, 8, 3),), opset=13, **options)
for mode, sizes in product(MODES[:2], ((2, 1, 9), (2, 3, 1), (2, 3, 20))):
    case("Resize", f(2, 3, 5), None, None, n(2, 3, sizes[-1]), mode=mode, opset=13)
for mode in MODES[:2]:
    case("Resize", f(1, 2, 3, 4, 5), None, None, n(1, 2, 5, 4, 9), mode=mode, opset=13)
    case("Resize", f(7), None, (np.array([2.0], np.float32),), mode=mode, opset=13, reference=mode == "linear")
    case("Resize", f(4, 5), None, (np.array([2.0, 3.0], np.float32),), mode=mode, opset=13)
    case("Resize", f(1, 4, 5, 3), None, (np.array([1, 2, 2, 1], np.float32),), mode=mode, opset=13)
for mode, smaller in product(("linear", "cubic"), (0, 1)):
    case("Resize", f(1, 2, 9, 8), None, None, n(1, 2, 4, 5), mode=mode, antialias=1, exclude_outside=smaller, opset=19)
    case("Resize", f(1, 2, 5, 8), None, None, n(1, 2, 7, 3), mode=mode, antialias=1, exclude_outside=1, opset=19)
case("Resize", f(1, 2, 5, 6), None, None, n(1, 2, 8, 3), mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1, opset=13)
for policy in ("not_larger", "not_smaller", "stretch"):
    case("Resize", f(1, 2, 5, 6), None, None, n(7, 4), axes=[2, 3], keep_aspect_ratio_policy=policy, opset=19)
    case(
        "Resize",
        f(1, 2, 5, 6),
        None,
        None,
        n(7, 4),
        axes=[3, 2],
        keep_aspect_ratio_policy=policy,
        mode="linear",
        opset=19,
    )
ROI = np.array([0, 0, 0.1, 0.4, 1, 1, 1.2, 0.9], np.float32)
for mode in MODES[:2]:
    crop = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 9.0}
    case("Resize", f(1, 2, 5, 6), ROI, None, n(1, 2, 4, 7), mode=mode, opset=13, **crop)
    case("Resize", f(1, 2, 5, 6), (ROI,), None, (n(1, 2, 1, 7),), mode=mode, opset=13, **crop)
case(
    "Resize",
    f(1, 2, 4, 5),
    np.zeros(0, np.float32),
    (np.array([1, 1, 2, 2], np.float32),),
    opset=11,
    mode="nearest",
    nearest_mode="floor",
    coordinate_transformation_mode="tf_half_pixel_for_nn",
)
case("Resize", i(1, 2, 4, 4, low=0, high=255, dtype=np.uint8), None, None, n(1, 2, 3, 6), mode="nearest", opset=13)
for mode in MODES[:2]:
    case("Resize", f(1, 2, 4, 3), (np.array([1, 1, 2, 3], np.float32),), mode=mode, opset=10)
    case("Resize", f(1, 2, 4, 6), (np.array([1, 1, 0.5, 0.6], np.float32),), mode=mode, opset=10)
    case("Upsample", f(1, 2, 4, 3), (np.array([1, 1, 2, 3], np.float32),), mode=mode, opset=9)
    case("Upsample", f(1, 2, 4, 3), opset=7, mode=mode, scales=[1.0, 1.0, 2.0, 1.5])

# ---- sampling
for mode, padding, align in product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (0, 1)):
    options = {"mode": mode, "padding_mode": padding, "align_corners": align}
    case("GridSample", f(2, 3, 4, 5), f(2, 3, 6, 2, low=-1.6, high=1.6), opset=16, **options)
for mode, padding, align in product(("linear", "nearest"), ("zeros", "border", "reflection"), (0, 1)):
    options = {"mode": mode, "padding_mode": padding, "align_corners": align}
    case("GridSample", f(1, 2, 3, 4, 5), f(1, 2, 3, 2, 3, low=-1.5, high=1.5), opset=20, **options)
case("GridSample", f(1, 2, 1, 3), f(1, 2, 2, 2), opset=16, padding_mode="reflection")
for align in (0, 1):
    case("AffineGrid", f(2, 2, 3), n(2, 3, 4, 5), opset=20, align_corners=align)
    case("AffineGrid", f(1, 3, 4), n(1, 3, 2, 4, 3), opset=20, align_corners=align)
BOXES = np.array([[0.5, 0.2, 5.5, 4.1], [-1, 0, 3, 9], [2, 2, 2.1, 2.2], [1, 1, 7, 5]], np.float32)
for ratio, way, opset in product((0, 2), ("half_pixel", "output_half_pixel"), (16,)):
    options = {"output_height": 3, "output_width": 2, "sampling_ratio": ratio, "spatial_scale": 0.8}
    case("RoiAlign", f(2, 3, 6, 7), BOXES, n(0, 1, 1, 0), opset=opset, coordinate_transformation_mode=way, **options)
case("RoiAlign", f(2, 3, 6, 7), (BOXES,), n(0, 1, 1, 0), opset=10, output_height=2, output_width=3, sampling_ratio=3)
case("RoiAlign", f(1, 3, 6, 7), f(0, 4), np.zeros(0, np.int64), opset=16, output_height=2, output_width=3)
EDGES = np.array([[0, 0, 8, 6], [-4, -2, 12, 10], [6, 4, 22, 20], [-6, -6, 2, 2]], np.float32)  # samples at borders
for ratio, scale, given in product((0, 1, 2), (0.5, 1.0), (EDGES, (EDGES,))):
    options = {"output_height": 2, "output_width": 2, "sampling_ratio": ratio, "spatial_scale": scale}
    case("RoiAlign", f(2, 3, 6, 8), given, n(0, 1, 1, 0), opset=16, **options)
ROIS = np.array([[0, 0, 0, 4, 3], [1, 2, 1, 6, 5], [0, 5, 5, 9, 9], [1, 3, 3, 3, 3]], np.float32)
case("MaxRoiPool", f(2, 3, 6, 7), ROIS, pooled_shape=[2, 3])
case("MaxRoiPool", f(2, 3, 6, 7), ROIS * np.float32(1), pooled_shape=[3, 2], spatial_scale=0.5)
for options in (
    {}, {"strides": [2, 2]}, {"pads": [1, 0, 1, 1]}, {"dilations": [2, 1]},
):  # fmt: skip
    steps, sides, apart = options.get("strides", [1, 1]), options.get("pads", [0] * 4), options.get("dilations", [1, 1])
    count = [(s + sides[k] + sides[k + 2] - (2 - 1) * apart[k] - 1) // steps[k] + 1 for k, s in enumerate((6, 5))]
    case("Col2Im", f(2, 12, count[0] * count[1]), n(6, 5), n(2, 2), opset=18, **options)
case("Col2Im", f(1, 6, 5), n(7), n(3), opset=18)
case("MaxUnpool", f(2, 1, 2, 2), n([[[0, 6], [8, 15]]], [[[16, 19], [26, 29]]]), kernel_shape=[2, 2], strides=[2, 2])
case("MaxUnpool", f(1, 1, 3), n([[1, 2, 5]]), opset=11, kernel_shape=[2], strides=[2])
