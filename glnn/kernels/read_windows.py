"""The GLSL that reads a tensor through a window: `x_seek` and `x_next`, and what stands for a tap.

Where blocks of output and input match, a tap has a constant phase and offset from the window's base; elsewhere the
window may start anywhere in a block of the input, and a tap computes its place.
"""

from __future__ import annotations

from ..layout.tiles import Layout
from ..records import dataclass
from .fetches import Bound, fetch_text, groups_text, held, part_text
from .uniforms import Params


@dataclass(frozen=True)
class Origin:
    """Where the window of an output block lies in an input.

    static:  every block starts at a block of the input, so phases and offsets of taps are constants
    scale:   static: input blocks per output block; else mul and div of pixels
    uniform: mul is handed over at the draw, so that it needs no program of its own
    """

    static: bool
    scale: tuple[int, int] = (1, 1)
    mul: tuple[int, int] = (1, 1)
    div: tuple[int, int] = (1, 1)
    uniform: bool = False


def window_origin(
    out: Layout, layout: Layout, mul: tuple[int, int], div: tuple[int, int], looped: bool = False
) -> Origin:
    """How taps into `layout` are found for blocks of `out` whose origin is output pixel * mul // div.

    looped: the taps stand in loops, so their places are no numbers
    """
    scale = []
    for axis in (0, 1):
        pixels, rest = divmod(out.block[axis] * mul[axis], div[axis])
        if rest or pixels % layout.block[axis] or out.flat or layout.flat or layout.texels > 1 or looped:
            return Origin(False, mul=mul, div=div)
        scale.append(pixels // layout.block[axis])
    return Origin(True, (scale[0], scale[1]), mul, div)


def may_miss(layout: Layout, origin: Origin | None, out: Layout) -> tuple[bool, bool]:
    """Along height and width: whether the block where a window starts may lie beyond the tensor."""
    if origin is None or not origin.static:
        return False, False
    tile, scale = layout.tile, origin.scale
    return (out.tile[0] - 1) * scale[0] >= tile[0], (out.tile[1] - 1) * scale[1] >= tile[1]


def seek_text(x: str, bound: Bound, origin: Origin, params: Params) -> str:
    """`x_seek(n, h, w, g)`: the window of the block at (h, w), group g; `x_next()`: the same of the next group."""
    layout = bound.layout
    (dh, dw), (mh, mw) = origin.div, map(str, origin.mul)
    if origin.uniform:
        mh, mw = (params.int(f"{x}_M{axis}", m) for axis, m in zip("HW", origin.mul, strict=True))
    corner = [
        f"{axis} * {m}" if d == 1 else f"idiv({axis} * {m}, {d})" for axis, m, d in (("h", mh, dh), ("w", mw, dw))
    ]
    if not origin.static and not held(bound):
        return f"""int {x}_n; int {x}_h; int {x}_w; int {x}_c;
void {x}_seek(int n, int h, int w, int g) {{ {x}_n = n; {x}_h = {corner[0]}; {x}_w = {corner[1]}; {x}_c = g * 4; }}
void {x}_next() {{ {x}_c += 4; }}"""
    step_h, step_w = origin.scale
    scaled = f" * vec2({x}_IW, {x}_IH)" if origin.static else ""  # else by each tap, which adds its place
    base = f"{x}_base = ({x}_at * vec2(float({x}_PW), float({x}_PH)) + {x}_corner){scaled};"
    _, select, step, _ = part_text(x, layout, layout.layers)
    turn = f"if ({x}_at.y >= float({x}_ROWS)) {{ {x}_at.y = 0.0; {step} }}" if step else ""
    block = f"vec2(float(block_x * {step_w}), float(block_y * {step_h}))" if origin.static else "vec2(0.0)"
    tile = bound.tile(x, bound.first_image(x), "g")
    # The place of the tile is kept in whole numbers, so that stepping through many groups adds up no rounding.
    return f"""vec2 {x}_base; vec2 {x}_at; vec2 {x}_corner; int {x}_h; int {x}_w;
void {x}_seek(int n, int h, int w, int g) {{ {x}_h = {corner[0]}; {x}_w = {corner[1]};
int tile = {tile}; int row = idiv(tile, {x}_COLS); int col = tile - row * {x}_COLS; {select}
{x}_at = vec2(float(col), float(row)); {x}_corner = {block} + 0.5; {base} }}
void {x}_next() {{ {x}_at.x += 1.0; bool end = {x}_at.x >= float({x}_COLS);
{x}_at = vec2(end ? 0.0 : {x}_at.x, end ? {x}_at.y + 1.0 : {x}_at.y); {turn} {base} }}"""


def moved_text(x: str, bound: Bound, apply: str) -> str:
    """`x_moved(i, j)`: the tap of a window that may start anywhere in a block; zero outside the image."""
    layout, (bh, bw) = bound.layout, bound.layout.block
    find, layer = "int by = h; int bx = w;", "0.0"
    if layout.layers > 1:
        find = f"int by = idiv(h, {bh}); int bx = idiv(w, {bw});"
        layer = f"float((h - by * {bh}) * {bw} + w - bx * {bw})"
    first = part_text(x, layout, layout.layers)[3]
    fetch = fetch_text(x, layout.textures, "at", layer if first == "0.0" else f"{first} + {layer}")
    value = groups_text(x, [fetch], 4, bound.integer or bound.quant in ("tensor", "channel"), 1)[0] + apply
    return f"""vec4 {x}_moved(int i, int j) {{ int h = {x}_h + i; int w = {x}_w + j; {find}
vec2 at = ({x}_base + vec2(float(bx), float(by))) * vec2({x}_IW, {x}_IH); vec4 v = {bound.value(value)};
return (h < 0 || h >= {x}_H) || (w < 0 || w >= {x}_W) ? vec4(0.0) : v; }}"""


def tap_text(
    x: str, layout: Layout, origin: Origin, i: int, j: int, flags: dict[str, str], check_zero: tuple[bool, bool]
) -> str:
    """The expression for x_tap(i, j) of constants i, j; adds to `flags` the conditions that it needs, by name."""
    (bh, bw), (ph, pw) = layout.block, (f"{x}_PH", f"{x}_PW")
    dy, dx = i // bh, j // bw
    conditions = []
    for axis, d, size, step, zero in (
        ("y", dy, ph, origin.scale[0], check_zero[0]),
        ("x", dx, pw, origin.scale[1], check_zero[1]),
    ):
        if d or zero:
            flag = f"{x}_{axis}{'m' if d < 0 else ''}{abs(d)}"
            at = f"block_{axis} * {step}{d:+d}"
            flags[flag] = f"({at}) >= 0 && ({at}) < {size}"
            conditions.append(flag)
    at = f"{x}_base" if not (dy or dx) else f"{x}_base + vec2({float(dx)!r} * {x}_IW, {float(dy)!r} * {x}_IH)"
    first, phase = part_text(x, layout, layout.layers)[3], repr(float((i % bh) * bw + j % bw))
    text = f"{x}_decode({fetch_text(x, layout.textures, at, phase if first == '0.0' else f'{first} + {phase}')})"
    # Fetched first, selected afterwards: a fetch inside the selection becomes a branch, five times as slow on llvmpipe.
    return f"only({' && '.join(conditions)}, {text})" if conditions else text


def row_tap_text(x: str, layout: Layout, origin: Origin, j: int, flags: dict[str, str], check_zero: bool) -> str:
    """The expression for x_tap(i, j) of a constant j and of an i that varies; adds to `flags` as tap_text does."""
    bw = layout.block[1]
    dx = j // bw
    text = f"{x}_line(i, {float(dx)!r}, {float(j % bw)!r})"
    if not dx and not check_zero:
        return text
    flag = f"{x}_x{'m' if dx < 0 else ''}{abs(dx)}"
    at = f"block_x * {origin.scale[1]}{dx:+d}"
    flags[flag] = f"({at}) >= 0 && ({at}) < {x}_PW"
    return f"only({flag}, {text})"


def line_text(x: str, layout: Layout, origin: Origin) -> str:
    """`x_line(i, dx, column)`: what row_tap_text reads, at a column of the block dx blocks right of the window's."""
    bh, bw = layout.block
    row, layer = ("i", "column") if bh == 1 else (f"idiv(i, {bh})", f"float((i - by * {bh}) * {bw}) + column")
    first = part_text(x, layout, layout.layers)[3]
    at = f"{x}_base + vec2(dx * {x}_IW, float(by) * {x}_IH)"
    fetch = fetch_text(x, layout.textures, at, layer if first == "0.0" else f"{first} + {layer}")
    return f"""vec4 {x}_line(int i, float dx, float column) {{ int by = {row};
int at = block_y * {origin.scale[0]} + by; vec4 v = {x}_decode({fetch}); return only(at >= 0 && at < {x}_PH, v); }}"""


def moving_tap_text(x: str, bound: Bound, i: str, j: str) -> str:
    """The expression for x_tap(i, j) where the block's window may start anywhere in a block of the input."""
    if held(bound):
        return f"{x}_moved({i}, {j})"
    return f"{x}_or({x}_n, {x}_h + ({i}), {x}_w + ({j}), {x}_c, 0.0)"


def inside_text(x: str, i: str, j: str) -> str:
    """The expression for x_inside(i, j): whether that tap lies in the image."""
    return f"({x}_h + ({i}) >= 0 && {x}_h + ({i}) < {x}_H && {x}_w + ({j}) >= 0 && {x}_w + ({j}) < {x}_W)"
