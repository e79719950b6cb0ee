"""The GLSL that reads tensors and weights for a kernel, made from layouts: no kernel does texture arithmetic.

Sizes become uniforms (`Params`), so that one text serves all shapes; what the text holds is structure alone: phases,
whether there are parts, codec. A kernel reads either a pixel by its axes, `x(n, h, w, c)`, or, when blocked, a window:
`x_seek` finds the window of the block once per group, `x_tap(i, j)` reads from it with constant phase and offset.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from ..layout.cells import CellLayout
from ..layout.tiles import Layout
from .frame import codec_text
from .uniforms import Params


@dataclass(frozen=True)
class Bound:
    """A tensor or cells bound to a kernel's input: the layout, how texels hold values, and where windows start.

    codec:   the file in shaders/codecs that decodes; `integer`: it reads an integer texture
    quant:   how codes become values, code * scale + low: "tensor" by `values`, "channel" by cells bound as <name>_q,
             "range" for a tensor of codec uint8_range, whose `values` are scale and zero; None: they are values
    mul, div: for blocked kernels, see primitives.base.Window
    size:    (width, height) of the textures where they are larger than the layout asks for, as shared slots are
    half:    what is read is rounded to half precision
    """

    layout: Any  # Layout | CellLayout
    codec: str = "float32"
    mul: tuple[int, int] = (1, 1)
    div: tuple[int, int] = (1, 1)
    size: tuple[int, int] | None = None
    integer: bool = False
    quant: str | None = None
    values: tuple[float, float] = (1.0, 0.0)
    half: bool = False

    def value(self, text: str) -> str:
        """The text of a value that was read, rounded where arithmetic is in half floats."""
        return f"half_of({text})" if self.half else text


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


def sampler(name: str, part: int) -> str:
    """The sampler of one part of a tensor."""
    return f"{name}_t{part}"


def fetch_text(name: str, textures: int, at: str, layer: str | None) -> str:
    """An expression that fetches from a layer (None: of a plain texture); from the texture <name>_part of several."""

    def fetch(part: int) -> str:
        s = sampler(name, part)
        return f"FETCH2({s}, {at})" if layer is None else f"FETCH({s}, {at}, {layer})"

    text = fetch(textures - 1)
    for part in range(textures - 2, -1, -1):
        text = f"({name}_part == {part} ? {fetch(part)} : {text})"
    return text


def part_text(name: str, layout: Layout | CellLayout, layers: int) -> tuple[str, str, str, str]:
    """What finds the part that a row lies in: (globals, selection from `row`, step to the next part, first layer).

    Where the parts are layers of one texture the first layer of the part is kept, else the texture's number.
    """
    if layout.parts == 1:
        return "", "", "", "0.0"
    find = f"int part = idiv(row, {name}_ROWS); row -= part * {name}_ROWS;"
    if layout.stacked:
        find += f" {name}_layer = float(part * {layers});"
        return f"float {name}_layer;", find, f"{name}_layer += {float(layers)!r};", f"{name}_layer"
    return f"int {name}_part;", f"{find} {name}_part = part;", f"{name}_part++;", "0.0"


def sampler_lines(name: str, layout: Layout | CellLayout, array: bool, integer: bool) -> list[str]:
    """The declarations of a tensor's samplers."""
    kind = f"{'u' if integer else ''}sampler2D{'Array' if array else ''}"
    return [f"uniform {kind} {sampler(name, i)};" for i in range(layout.textures)]


def affine_text(name: str, bound: Bound, params: Params) -> tuple[str, str, str]:
    """How codes become values: (globals, statements for main, what stands after a vec4 of codes)."""
    if bound.quant == "channel":
        return f"vec4 {name}_s; vec4 {name}_l;", "", f" * {name}_s + {name}_l"
    if bound.quant is None:
        return "", "", ""
    names = ("s", "l") if bound.quant == "tensor" else ("s", "z")
    # In variables: llvmpipe reads a uniform as slowly as a texel, and a loop would read it at every turn.
    pairs = zip(names, bound.values, strict=True)
    start = [f"{name}_{n} = {params.float(f'{name}_{n.upper()}', v)};" for n, v in pairs]
    after = f" * {name}_s + {name}_l" if bound.quant == "tensor" else ""
    return f"float {name}_{names[0]}; float {name}_{names[1]};", " ".join(start), after


def groups_text(name: str, texels: list[str], lanes: int, quantized: bool, count: int) -> list[str]:
    """`count` vec4 of values or codes, from texels of so many lanes."""
    if lanes >= 4:
        per = lanes // 4
        number = lambda k: f", {k % per}" if quantized else ""  # noqa: E731
        return [f"{name}_decode({texels[k // per]}{number(k)})" for k in range(count)]
    call = f"{name}_decode{lanes}"
    per = 4 // lanes
    return [f"vec4({', '.join(f'{call}({t})' for t in texels[per * k : per * k + per])})" for k in range(count)]


def tensor_text(
    name: str,
    bound: Bound,
    size: tuple[int, int],
    origin: Origin | None,
    called: Set[str],
    params: Params,
    dialect: str,
) -> tuple[str, str]:
    """Accessors for a tensor in textures of `size` (width, height), those that are `called`; and statements for main.

    They are x, x_or, x_fill, x_at, x_flat, x_seek and x_next (taps are expressions: see `tap_text`).
    """
    layout = bound.layout
    n, h, w, c = layout.dims
    p, x = params, name
    for key, value in zip("NHWCG", (n, h, w, c, layout.groups), strict=True):
        p.int(f"{x}_{key}", value)
    p.int(f"{x}_COLS", layout.columns), p.float(f"{x}_IW", 1 / size[0]), p.float(f"{x}_IH", 1 / size[1])
    (bh, bw), (ph, pw) = layout.block, layout.tile
    if not layout.flat:
        p.int(f"{x}_PH", ph), p.int(f"{x}_PW", pw)
    if layout.parts > 1:
        p.int(f"{x}_ROWS", layout.part_rows)
    part, select, _, first = part_text(x, layout, layout.layers)
    values, start, apply = affine_text(x, bound, params)
    out = [*sampler_lines(x, layout, dialect != "es100", bound.integer), f"{part} {values}"]
    out.append(codec_text(x, bound.codec, dialect, decode=True))
    if origin is not None and f"{x}_seek" in called:
        out.append(_seek_text(x, bound, origin, params))
    moving = origin is not None and not origin.static and f"{x}_tap" in called
    dynamic = moving and not held(bound)
    if moving and held(bound):
        out.append(_moved_text(x, bound, apply))
    if not dynamic and called.isdisjoint({x, f"{x}_or", f"{x}_fill", f"{x}_at", f"{x}_flat"}):
        return "\n".join(out), start
    tile_h, tile_w = ("1", "1") if layout.flat else (f"{x}_PH", f"{x}_PW")
    layer = "layer" if first == "0.0" else f"{first} + layer"
    out.append(f"""{"uvec4" if bound.integer else "vec4"} {x}_texel(int tile, int by, int bx, float layer) {{
int row = idiv(tile, {x}_COLS); int col = tile - row * {x}_COLS; {select}
vec2 at = (vec2(float(col * {tile_w} + bx), float(row * {tile_h} + by)) + 0.5) * vec2({x}_IW, {x}_IH);
return {fetch_text(x, layout.textures, "at", layer)}; }}""")

    def read(tile: str, by: str, bx: str, layer: str) -> str:
        count = layout.texels
        tiles = [tile] if count == 1 else [f"({tile}) * {count} + {i}" for i in range(count)]
        texels = [f"{x}_texel({t}, {by}, {bx}, {layer})" for t in tiles]
        value = groups_text(x, texels, 4 // count, bound.integer or bound.quant in ("tensor", "channel"), 1)[0] + apply
        found = f"{x}_q_seek(c / 4); {x}_s = {x}_q(0); {x}_l = {x}_q(1); " if bound.quant == "channel" else ""
        return f"{found}return {bound.value(value)};"

    if layout.flat:
        body_text = read(f"((n * {x}_H + h) * {x}_W + w) * {x}_G + c / 4", "0", "0", "0.0")
        out.append(f"vec4 {x}(int n, int h, int w, int c) {{ {body_text} }}")
    elif layout.layers == 1:
        out.append(f"vec4 {x}(int n, int h, int w, int c) {{ {read(f'n * {x}_G + c / 4', 'h', 'w', '0.0')} }}")
    else:
        out.append(f"""vec4 {x}(int n, int h, int w, int c) {{ int by = idiv(h, {bh}); int bx = idiv(w, {bw});
{read(f"n * {x}_G + c / 4", "by", "bx", f"float((h - by * {bh}) * {bw} + w - bx * {bw})")} }}""")
    if f"{x}_or" in called or dynamic:
        out.append(f"""vec4 {x}_or(int n, int h, int w, int c, float fill) {{ vec4 v = {x}(n, h, w, c);
return (h < 0 || h >= {x}_H) || (w < 0 || w >= {x}_W) ? vec4(fill) : v; }}""")
    if f"{x}_fill" in called:
        out.append(f"""vec4 {x}_fill(int n, int h, int w, int c, float fill) {{ vec4 v = {x}(n, h, w, c);
return vec4(v.x, c + 1 < {x}_C ? v.y : fill, c + 2 < {x}_C ? v.z : fill, c + 3 < {x}_C ? v.w : fill); }}""")
    if not called.isdisjoint({f"{x}_at", f"{x}_flat"}):
        body_text = f"int g = c / 4; return lane({x}(n, h, w, g * 4), c - g * 4);"
        out.append(f"float {x}_at(int n, int h, int w, int c) {{ {body_text} }}")
    if f"{x}_flat" in called:
        out.append(f"""float {x}_flat(int i) {{ int q = idiv(i, {x}_C); int r = idiv(q, {x}_W); int n = idiv(r, {x}_H);
return {x}_at(n, r - n * {x}_H, q - r * {x}_W, i - q * {x}_C); }}""")
    return "\n".join(out), start


def held(bound: Bound) -> bool:
    """Whether a window that may start anywhere knows the place of its tile: where a tile is a group of channels."""
    return not bound.layout.flat and bound.layout.texels == 1 and bound.quant != "channel"


def _seek_text(x: str, bound: Bound, origin: Origin, params: Params) -> str:
    """`x_seek(n, h, w, g)`: the window of the block at (h, w), group g; `x_next()`: the same of the next group."""
    layout = bound.layout
    (mh, mw), (dh, dw) = origin.mul, origin.div
    times = (params.int(f"{x}_MH", mh), params.int(f"{x}_MW", mw)) if origin.uniform else (mh, mw)
    corner = [
        f"{axis} * {m}" if d == 1 else f"idiv({axis} * {m}, {d})"
        for axis, m, d in (("h", times[0], dh), ("w", times[1], dw))
    ]
    if not origin.static and not held(bound):
        return f"""int {x}_n; int {x}_h; int {x}_w; int {x}_c;
void {x}_seek(int n, int h, int w, int g) {{ {x}_n = n; {x}_h = {corner[0]}; {x}_w = {corner[1]}; {x}_c = g * 4; }}
void {x}_next() {{ {x}_c += 4; }}"""
    step_h, step_w = origin.scale
    place, size = f"({x}_at * vec2(float({x}_PW), float({x}_PH)) + {x}_corner)", f"vec2({x}_IW, {x}_IH)"
    base = f"{x}_base = {place} * {size};" if origin.static else f"{x}_base = {place};"
    _, select, step, _ = part_text(x, layout, layout.layers)
    turn = f"if ({x}_at.y >= float({x}_ROWS)) {{ {x}_at.y = 0.0; {step} }}" if step else ""
    corner_text = f"{x}_corner = vec2(float(block_x * {step_w}), float(block_y * {step_h})) + 0.5;"
    corner_text = corner_text if origin.static else f"{x}_corner = vec2(0.5);"
    # The place of the tile is kept in whole numbers, so that stepping through many groups adds up no rounding.
    return f"""vec2 {x}_base; vec2 {x}_at; vec2 {x}_corner; int {x}_h; int {x}_w;
void {x}_seek(int n, int h, int w, int g) {{ {x}_h = {corner[0]}; {x}_w = {corner[1]};
int tile = n * {x}_G + g; int row = idiv(tile, {x}_COLS); int col = tile - row * {x}_COLS; {select}
{x}_at = vec2(float(col), float(row)); {corner_text} {base} }}
void {x}_next() {{ {x}_at.x += 1.0; bool end = {x}_at.x >= float({x}_COLS);
{x}_at = vec2(end ? 0.0 : {x}_at.x, end ? {x}_at.y + 1.0 : {x}_at.y); {turn} {base} }}"""


def _moved_text(x: str, bound: Bound, apply: str) -> str:
    """`x_moved(i, j)`: the tap of a window that may start anywhere in a block; zero outside the image."""
    layout, (bh, bw) = bound.layout, bound.layout.block
    if layout.layers == 1:
        find, layer = "int by = h; int bx = w;", "0.0"
    else:
        find, layer = (
            f"int by = idiv(h, {bh}); int bx = idiv(w, {bw});",
            f"float((h - by * {bh}) * {bw} + w - bx * {bw})",
        )
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


def moving_tap_text(x: str, bound: Bound, i: str, j: str) -> str:
    """The expression for x_tap(i, j) where the block's window may start anywhere in a block of the input."""
    if held(bound):
        return f"{x}_moved({i}, {j})"
    return f"{x}_or({x}_n, {x}_h + ({i}), {x}_w + ({j}), {x}_c, 0.0)"


def inside_text(x: str, i: str, j: str) -> str:
    """The expression for x_inside(i, j): whether that tap lies in the image."""
    return f"({x}_h + ({i}) >= 0 && {x}_h + ({i}) < {x}_H && {x}_w + ({j}) >= 0 && {x}_w + ({j}) < {x}_W)"
