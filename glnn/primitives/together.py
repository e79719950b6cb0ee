"""What workgroups of compute shaders do together: norms and softmax of what a few hundred invocations can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..graph.shapes import canonical, ceil_div
from ..layout.tiling import MAX_NUMBER, MULTIPROCESSORS, Grid
from .base import Builder, Epilogue, Value

MOST_GROUPS = 65535  # of work along an axis of a dispatch, on every device
AT_ONCE = 4096  # texels that one workgroup reads three times; of more, it would wait longer than a draw takes
LEAST_PART = 512  # pixels of a part
MOST_PARTS = 256


def lanes_of(texels: int, least: int, most: int) -> int:
    """A power of two of invocations for so many texels."""
    return min(most, max(least, 1 << (max(1, texels) - 1).bit_length()))


def consts(lanes: int, invocations: int, groups: int, tile: int = 1) -> dict[str, int]:
    """What a text is told of its workgroup: `lanes` of its invocations work together on so many groups of channels."""
    return {"LANES": lanes, "INVOCATIONS": invocations, "NTG": groups, "MT": tile, "SPLIT": 1}


def pixels_fit(b: Builder, shape: Sequence[int], *read: Value) -> bool:
    """Whether a draw can take each pixel of a tensor by itself: the numbers of pixels stay exact."""
    n, h, w, _ = canonical(tuple(shape))
    return n * (h + 8) * (w + 8) < MAX_NUMBER and b.tiles(tuple(shape), *read)


def draw_rows(
    b: Builder, kernel: str, x: Value, const: Mapping[str, Any], param: Mapping[str, int], finish: Epilogue | None
) -> Value | None:
    """A kernel over the channels of each pixel; None where there are too many."""
    n, h, w, c = canonical(x.shape)
    groups = ceil_div(c, 4)
    lanes = lanes_of(groups, 8, 128)
    if groups > AT_ONCE or n * (h + 8) * (w + 8) > MOST_GROUPS or not pixels_fit(b, x.shape, x):
        return None
    own = consts(lanes, 128, groups, 128 // lanes)
    return b.draw(kernel, x.shape, {"x": x}, const=own | dict(const), param=param, finish=finish, grid=Grid((n, h, w)))


def draw_standardized(
    b: Builder, finish: Epilogue | None, x: Value, axes: Sequence[int], groups: int, epsilon: float
) -> Value | None:
    """What Standardize makes along axes, counted from the front; None where they are not such as are drawn so."""
    n, h, w, c = canonical(x.shape)
    rank, channels = len(x.shape), len(x.shape) - 1 in axes
    before = tuple(axis for axis in axes if axis < rank - 1)
    const = {"WHOLE": 0, "ACROSS": int(channels), "PARTED": 0, "EPSILON": float(epsilon)}
    param = {"SIZE": c, "CHUNKS": 1, "PARTS": 1, "PART": 1}
    if not before:
        return draw_rows(b, "standardize", x, const, param, finish) if channels and groups == 1 else None
    size = c // groups
    if channels and groups > 1 and size % 4:
        return None
    each = ceil_div(size, 4) if channels else 1  # groups of four channels
    if rank == 4 and before == (1, 2):
        const["WHOLE"], pixels, sets = 2, h * w, n
    elif rank == 3 and before == (1,):
        const["WHOLE"], pixels, sets = 1, w, h
    else:
        return None
    if not pixels_fit(b, x.shape, x) or sets > MOST_GROUPS:
        return None
    param["SIZE"] = pixels * size if channels else pixels
    if pixels * each <= AT_ONCE:
        lanes = lanes_of(ceil_div(pixels * each, 4), 64, 1024)
        grid = Grid((n, h, w), images=1) if const["WHOLE"] == 2 else Grid((n, h, w), rows=True)
        own = consts(lanes, lanes, each, MAX_NUMBER)
        return b.draw("standardize", x.shape, {"x": x}, const=own | const, param=param, finish=finish, grid=grid)
    if const["WHOLE"] == 1 or (channels and size % 4):
        return None
    return _in_parts(b, finish, x, const, param, each)


def _in_parts(
    b: Builder, finish: Epilogue | None, x: Value, const: dict[str, Any], param: dict[str, int], each: int
) -> Value:
    """Moments of parts of each image, then what follows from them."""
    n, h, w, c = canonical(x.shape)
    count, wanted = h * w, ceil_div(2 * MULTIPROCESSORS, n * ceil_div(c, 4))
    parts = max(1, min(wanted, MOST_PARTS, ceil_div(count, LEAST_PART)))
    part = ceil_div(count, parts)
    parts = ceil_div(count, part)
    moments = b.draw(
        "moments", (2 * n, 1, parts, c), {"x": x}, const=consts(256, 256, 1), param={"PART": part, "SIZE": count},
        grid=Grid((n, 1, parts)),
    )  # fmt: skip
    chunks = max(1, min(ceil_div(wanted * each, 1), ceil_div(count * each, 1024)))
    param = param | {"CHUNKS": chunks, "PARTS": parts, "PART": part}
    return b.draw(
        "standardize", x.shape, {"x": x, "m": moments}, const=consts(256, 256, each) | const | {"PARTED": 1},
        param=param, finish=finish, grid=Grid((n, h, w), images=chunks),
    )  # fmt: skip
