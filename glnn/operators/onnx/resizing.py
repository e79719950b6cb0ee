"""Resize and Upsample, of all opsets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators.table import Free
from ...primitives import Sym
from ...primitives.taps import COORDINATES, ROUNDINGS
from ..say import Misfit, Say
from ..shared.resizing import cropped, resized
from . import onnx

METHODS = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}
CROP = "tf_crop_and_resize"
SMALLER, LARGER = "not_larger", "not_smaller"
# What the nearest was before opset 11, in onnxruntime: of what gets larger, and of what gets smaller.
OLD: dict[str, Callable[[float], bool]] = {"floor": lambda scale: scale > 1, "ceil": lambda scale: scale < 1}


def _scaled(size: int, scale: float) -> int:
    """A size times a scale, as float32 has it, rounded down."""
    return int(np.float32(size) * np.float32(scale))


def _method(mode: str) -> str:
    if mode not in METHODS:
        raise Misfit(f"mode {mode!r}; allowed are nearest, linear, cubic")
    return METHODS[mode]


def _by_scales(t: Say, x: Sym, scales: Sequence[float], mode: str) -> Sym:
    factors = {k: float(scale) for k, scale in enumerate(scales) if scale != 1}
    if len(scales) != x.rank:
        raise Misfit(f"{len(scales)} scales for {x.rank} axes")
    for rounding, chosen in OLD.items():
        some = {k: scale for k, scale in factors.items() if chosen(scale)}
        outs = {k: _scaled(t.static(x)[k], scale) for k, scale in some.items()}
        x = resized(t, x, outs, some, method=_method(mode), coordinates="asymmetric", rounding=rounding)
    return x


@onnx("Upsample", since=7)
def upsample_old(t: Say, x: Sym, *, scales: Any, mode: str = "nearest") -> Sym:
    """x larger by a factor along each axis; element i lies at i / factor."""
    return _by_scales(t, x, scales, mode)


@onnx("Upsample", since=9)
@onnx("Resize", since=10)
def upsample(t: Say, x: Sym, scales: Sym, *, mode: str = "nearest") -> Sym:
    return _by_scales(t, x, t.array(scales).tolist(), mode)


@onnx("Resize", since=19)
def resize_new(
    t: Say, x: Sym, roi: Sym | None = None, scales: Sym | None = None, sizes: Sym | None = None, *,
    mode: str = "nearest", coordinate_transformation_mode: str = "half_pixel", cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0, extrapolation_value: float = 0.0, nearest_mode: str = "round_prefer_floor",
    antialias: int = 0, axes: Any = None, keep_aspect_ratio_policy: str = "stretch",
) -> Sym:  # fmt: skip
    """resize; aligned corners are those of size * scale elements, as the standard's tests have it.

    PyTorch and onnxruntime align those of the whole ones among them: so it is in files of older opsets.
    """
    if coordinate_transformation_mode == "align_corners" and (sizes is None or sizes.shape == (0,)):
        coordinate_transformation_mode = "align_corners_scaled"
    return resize(
        t, x, roi, scales, sizes, mode=mode, coordinate_transformation_mode=coordinate_transformation_mode,
        cubic_coeff_a=cubic_coeff_a, exclude_outside=exclude_outside, extrapolation_value=extrapolation_value,
        nearest_mode=nearest_mode, antialias=antialias, axes=axes, keep_aspect_ratio_policy=keep_aspect_ratio_policy,
    )  # fmt: skip


@onnx("Resize", since=11)
def resize(
    t: Say, x: Sym, roi: Sym | None = None, scales: Sym | None = None, sizes: Sym | None = None, *,
    mode: str = "nearest", coordinate_transformation_mode: str = "half_pixel", cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0, extrapolation_value: float = 0.0, nearest_mode: str = "round_prefer_floor",
    antialias: int = 0, axes: Any = None, keep_aspect_ratio_policy: str = "stretch",
) -> Sym:  # fmt: skip
    """x in other sizes: these, or by factors; see Resample. tf_crop_and_resize: of a part of it."""
    places = list(range(x.rank)) if axes is None else [checked_axis(axis, x.rank) for axis in axes]
    outs, factors = _sizes(t, x, places, scales, sizes, keep_aspect_ratio_policy)
    options: dict[str, Any] = {"method": _method(mode), "cubic": cubic_coeff_a, "rounding": nearest_mode}
    options["exclude_outside"] = bool(exclude_outside)
    allowed = (*COORDINATES, CROP)
    if coordinate_transformation_mode not in allowed or nearest_mode not in ROUNDINGS:
        raise Misfit(
            f"coordinate_transformation_mode {coordinate_transformation_mode!r}, nearest_mode {nearest_mode!r}; "
            f"allowed are {', '.join(allowed)} and {', '.join(ROUNDINGS)}"
        )
    if coordinate_transformation_mode == CROP:
        made = _cropped(t, x, places, roi, outs, options, extrapolation_value)
    else:
        options["coordinates"] = coordinate_transformation_mode
        smaller = antialias and mode != "nearest"
        made = resized(t, x, outs, factors, **options, antialias=bool(smaller))
    return _whole(t, x, made) if mode != "nearest" else made


def _cropped(t: Say, x: Sym, places: Sequence[int], roi: Sym | None, outs: Any, options: Any, outside: float) -> Sym:
    if roi is None:
        raise Misfit(f"{CROP} needs the input roi")
    ends = t.array(roi).astype(np.float64).tolist()
    spans = {axis: (ends[k], ends[k + len(places)]) for k, axis in enumerate(places)}
    changed = {axis: out for axis, out in outs.items() if out != x.shape[axis] or spans[axis] != (0, 1)}
    return cropped(t, x, changed, spans, outside=outside, **options)


def _whole(t: Say, x: Sym, made: Sym) -> Sym:
    """Whole numbers of integers' types, within their bounds."""
    dtype = getattr(x, "dtype", "float32")
    if dtype.startswith(("float", "bfloat")):
        return made
    bounds = np.iinfo(dtype)
    return t.apply("round", t.minimum(t.maximum(made, float(bounds.min)), float(bounds.max)))


def _sizes(
    t: Say, x: Sym, places: Sequence[int], scales: Sym | None, sizes: Sym | None, policy: str
) -> tuple[dict[int, int], dict[int, float] | None]:
    """The size of each axis that is resized, and the factors where these say where elements lie."""
    if sizes is not None and sizes.shape != (0,):
        pairs = zip(places, t.sizes(sizes), strict=True)
        goal = {axis: out for axis, out in pairs if x.shape[axis] is not None or not isinstance(out, Free)}
        if policy == "stretch":
            return {axis: out for axis, out in goal.items() if out != x.shape[axis]}, None
        shape, choose = t.static(x), {SMALLER: min, LARGER: max}.get(policy)
        if choose is None:
            raise Misfit(f"keep_aspect_ratio_policy {policy!r}; allowed are stretch, {SMALLER}, {LARGER}")
        scale = choose(out / shape[axis] for axis, out in goal.items())
        return {axis: math.floor(scale * shape[axis] + 0.5) for axis in places}, dict.fromkeys(places, scale)
    if scales is None or scales.shape == (0,):
        raise Misfit("neither sizes nor scales are given")
    given = dict(zip(places, t.array(scales).tolist(), strict=True))
    factors = {axis: float(scale) for axis, scale in given.items() if scale != 1}
    if any(x.shape[axis] is None for axis in factors):
        t.static(x)
    return {axis: _scaled(int(x.shape[axis] or 0), scale) for axis, scale in factors.items()}, factors
