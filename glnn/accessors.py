"""The GLSL that reads tensors and weights for a kernel, made from layouts: no kernel does texture arithmetic.

Sizes become uniforms (`Params`), so that one text serves all shapes; what the text holds is structure alone: phases,
parts, codec. A kernel reads either a pixel by its axes, `x(n, h, w, c)`, or, when blocked, a window: `x_seek` finds the
window of the block once per group, `x_tap(i, j)` reads from it with constant phase and offset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .layout import CellLayout, Layout

Uniforms = tuple[list[int], list[float]]  # the values of P and F


@dataclass
class Params:
    """Integers and floats that a text gets at the draw, in order of first use; `constant` ones stand in the text."""

    constant: frozenset[str] = frozenset()
    ints: dict[str, int] = field(default_factory=dict)
    floats: dict[str, float] = field(default_factory=dict)

    def int(self, name: str, value: int) -> str:
        """The name, known from now on as an integer of this value."""
        self.ints[name] = int(value)
        return name

    def float(self, name: str, value: float) -> str:
        """The name, known from now on as a float of this value."""
        self.floats[name] = float(value)
        return name

    def keep(self, text: str) -> None:
        """Forgets the names that do not stand in the text (ROW0 stays first: executors set it for each part)."""
        words = set(re.findall(r"[A-Za-z_]\w*", text)) | {"ROW0"}
        self.ints = {n: v for n, v in self.ints.items() if n in words}
        self.floats = {n: v for n, v in self.floats.items() if n in words}

    def declare(self) -> str:
        """Uniform arrays P and F with a macro for each name; constants for those that bound loops in es100."""
        out = []
        uniform = [n for n in self.ints if n not in self.constant]
        for array, kind, names in (("P", "ivec4", uniform), ("F", "vec4", list(self.floats))):
            if names:
                out.append(f"uniform {kind} {array}[{-(-len(names) // 4)}];")
                out += [f"#define {n} {array}[{i // 4}].{'xyzw'[i % 4]}" for i, n in enumerate(names)]
        out += [f"const int {n} = {self.ints[n]};" for n in self.ints if n in self.constant]
        return "\n".join(out)

    def values(self) -> Uniforms:
        """The values of P and F, padded to whole vectors."""
        ints = [v for n, v in self.ints.items() if n not in self.constant]
        floats = list(self.floats.values())
        return ints + [0] * (-len(ints) % 4), floats + [0.0] * (-len(floats) % 4)


@dataclass(frozen=True)
class Origin:
    """Where the window of an output block lies in an input.

    static:  every block starts at a block of the input, so phases and offsets of taps are constants
    scale:   static: input blocks per output block; else mul and div of pixels
    """

    static: bool
    scale: tuple[int, int] = (1, 1)
    mul: tuple[int, int] = (1, 1)
    div: tuple[int, int] = (1, 1)


def window_origin(out: Layout, layout: Layout, mul: tuple[int, int], div: tuple[int, int]) -> Origin:
    """How taps into `layout` are found for blocks of `out` whose origin is output pixel * mul // div."""
    scale = []
    for axis in (0, 1):
        pixels, rest = divmod(out.block[axis] * mul[axis], div[axis])
        if rest or pixels % layout.block[axis] or out.flat or layout.flat or layout.texels > 1:
            return Origin(False, mul=mul, div=div)
        scale.append(pixels // layout.block[axis])
    return Origin(True, (scale[0], scale[1]), mul, div)


def uses(body: str, *names: str) -> bool:
    """Whether any of these functions or names stands in the text."""
    return any(re.search(rf"\b{name}\b", body) for name in names)


def sampler(name: str, part: int) -> str:
    """The sampler of one part of a tensor."""
    return f"{name}_t{part}"


def _fetch_parts(name: str, parts: int, call: str) -> str:
    """An expression that fetches from the part numbered `<name>_part`."""
    text = call.format(s=sampler(name, parts - 1))
    for part in range(parts - 2, -1, -1):
        text = f"({name}_part == {part} ? {call.format(s=sampler(name, part))} : {text})"
    return text


def tensor_text(
    name: str, layout: Layout, size: tuple[int, int], origin: Origin | None, body: str, params: Params, dialect: str
) -> str:
    """Accessors for a tensor in textures of `size` (width, height), as far as the body uses them.

    They are x, x_or, x_fill, x_at, x_flat, x_seek and x_next (taps are expressions: see `tap_text`).
    """
    n, h, w, c = layout.dims
    p, x = params, name
    array = dialect != "es100"
    for key, value in zip("NHWCG", (n, h, w, c, layout.groups), strict=True):
        p.int(f"{x}_{key}", value)
    p.int(f"{x}_COLS", layout.columns), p.float(f"{x}_IW", 1 / size[0]), p.float(f"{x}_IH", 1 / size[1])
    (bh, bw), (ph, pw) = layout.block, layout.tile
    if not layout.flat:
        p.int(f"{x}_PH", ph), p.int(f"{x}_PW", pw)
    if layout.parts > 1:
        p.int(f"{x}_ROWS", layout.part_rows)
    out = [f"uniform {'sampler2DArray' if array else 'sampler2D'} {sampler(x, i)};" for i in range(layout.parts)]
    if origin is not None and uses(body, f"{x}_seek"):
        out.append(_seek_text(x, layout, origin, params))
    dynamic = origin is not None and not origin.static and uses(body, f"{x}_tap")
    if not dynamic and not re.search(rf"\b{x}(_or|_fill|_at|_flat)?\s*\(", body):
        return "\n".join(out)
    split = layout.parts > 1
    select = f"int {x}_part = idiv(row, {x}_ROWS); row -= {x}_part * {x}_ROWS;" if split else ""
    tile_h, tile_w = ("1", "1") if layout.flat else (f"{x}_PH", f"{x}_PW")
    out.append(f"""vec4 {x}_texel(int tile, int by, int bx, float layer) {{
int row = idiv(tile, {x}_COLS); int col = tile - row * {x}_COLS; {select}
vec2 at = (vec2(float(col * {tile_w} + bx), float(row * {tile_h} + by)) + 0.5) * vec2({x}_IW, {x}_IH);
return {_fetch_parts(x, layout.parts, "FETCH({s}, at, layer)")}; }}""")

    def read(tile: str, by: str, bx: str, layer: str) -> str:
        if layout.texels == 1:
            return f"{x}_decode({x}_texel({tile}, {by}, {bx}, {layer}))"
        lanes = (f"{x}_decode1({x}_texel(({tile}) * 4 + {i}, {by}, {bx}, {layer}))" for i in range(4))
        return f"vec4({', '.join(lanes)})"

    if layout.flat:
        texel = read(f"((n * {x}_H + h) * {x}_W + w) * {x}_G + c / 4", "0", "0", "0.0")
        out.append(f"vec4 {x}(int n, int h, int w, int c) {{ return {texel}; }}")
    elif layout.layers == 1:
        out.append(f"vec4 {x}(int n, int h, int w, int c) {{ return {read(f'n * {x}_G + c / 4', 'h', 'w', '0.0')}; }}")
    else:
        out.append(f"""vec4 {x}(int n, int h, int w, int c) {{ int by = idiv(h, {bh}); int bx = idiv(w, {bw});
return {read(f"n * {x}_G + c / 4", "by", "bx", f"float((h - by * {bh}) * {bw} + w - bx * {bw})")}; }}""")
    if uses(body, f"{x}_or") or dynamic:
        out.append(f"""vec4 {x}_or(int n, int h, int w, int c, float fill) {{
if (h < 0 || w < 0 || h >= {x}_H || w >= {x}_W) return vec4(fill);
return {x}(n, h, w, c); }}""")
    if uses(body, f"{x}_fill"):
        out.append(f"""vec4 {x}_fill(int n, int h, int w, int c, float fill) {{ vec4 v = {x}(n, h, w, c);
return vec4(v.x, c + 1 < {x}_C ? v.y : fill, c + 2 < {x}_C ? v.z : fill, c + 3 < {x}_C ? v.w : fill); }}""")
    if uses(body, f"{x}_at", f"{x}_flat"):
        body_text = f"int g = c / 4; return lane({x}(n, h, w, g * 4), c - g * 4);"
        out.append(f"float {x}_at(int n, int h, int w, int c) {{ {body_text} }}")
    if uses(body, f"{x}_flat"):
        out.append(f"""float {x}_flat(int i) {{ int q = idiv(i, {x}_C); int r = idiv(q, {x}_W); int n = idiv(r, {x}_H);
return {x}_at(n, r - n * {x}_H, q - r * {x}_W, i - q * {x}_C); }}""")
    return "\n".join(out)


def _seek_text(x: str, layout: Layout, origin: Origin, params: Params) -> str:
    """`x_seek(n, h, w, g)`: the window of the block at (h, w), group g; `x_next()`: the same of the next group."""
    (mh, mw), (dh, dw) = origin.mul, origin.div
    corner = [
        f"{axis} * {m}" if d == 1 else f"idiv({axis} * {m}, {d})" for axis, m, d in (("h", mh, dh), ("w", mw, dw))
    ]
    if not origin.static:
        return f"""int {x}_n; int {x}_h; int {x}_w; int {x}_c;
void {x}_seek(int n, int h, int w, int g) {{ {x}_n = n; {x}_h = {corner[0]}; {x}_w = {corner[1]}; {x}_c = g * 4; }}
void {x}_next() {{ {x}_c += 4; }}"""
    step_h, step_w = origin.scale
    split = layout.parts > 1
    part = f"{x}_part = idiv(row, {x}_ROWS); row -= {x}_part * {x}_ROWS;" if split else ""
    turn = f"if ({x}_at.y >= float({x}_ROWS)) {{ {x}_at.y = 0.0; {x}_part++; }}" if split else ""
    base = f"{x}_base = ({x}_at * vec2(float({x}_PW), float({x}_PH)) + {x}_corner) * vec2({x}_IW, {x}_IH);"
    corner_text = f"{x}_corner = vec2(float(block_x * {step_w}), float(block_y * {step_h})) + 0.5;"
    # The place of the tile is kept in whole numbers, so that stepping through many groups adds up no rounding.
    return f"""vec2 {x}_base; vec2 {x}_at; vec2 {x}_corner; int {x}_h; int {x}_w; {f"int {x}_part;" if split else ""}
void {x}_seek(int n, int h, int w, int g) {{ {x}_h = {corner[0]}; {x}_w = {corner[1]};
int tile = n * {x}_G + g; int row = idiv(tile, {x}_COLS); int col = tile - row * {x}_COLS; {part}
{x}_at = vec2(float(col), float(row)); {corner_text} {base} }}
void {x}_next() {{ {x}_at.x += 1.0; bool end = {x}_at.x >= float({x}_COLS);
{x}_at = vec2(end ? 0.0 : {x}_at.x, end ? {x}_at.y + 1.0 : {x}_at.y); {turn} {base} }}"""


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
    call = f"FETCH({{s}}, {at}, {float((i % bh) * bw + j % bw)!r})"
    text = f"{x}_decode({_fetch_parts(x, layout.parts, call)})"
    # Fetched first, selected afterwards: a fetch inside the selection becomes a branch, five times as slow on llvmpipe.
    return f"only({' && '.join(conditions)}, {text})" if conditions else text


def moving_tap_text(x: str, i: str, j: str) -> str:
    """The expression for x_tap(i, j) where the block's window may start anywhere in a block of the input."""
    return f"{x}_or({x}_n, {x}_h + ({i}), {x}_w + ({j}), {x}_c, 0.0)"


def inside_text(x: str, i: str, j: str) -> str:
    """The expression for x_inside(i, j): whether that tap lies in the image."""
    return f"({x}_h + ({i}) >= 0 && {x}_h + ({i}) < {x}_H && {x}_w + ({j}) >= 0 && {x}_w + ({j}) < {x}_W)"


def cells_text(name: str, layout: CellLayout, matrix: bool, params: Params) -> str:
    """`weights_seek(g, q)`, `weights_next()` for the next g, `mat4 weights(t)`; or `bias_seek(g)`, `vec4 bias(t)`."""
    p, x = params, name
    p.int(f"{x}_COLS", layout.columns), p.float(f"{x}_IW", 1 / layout.size[0]), p.float(f"{x}_IH", 1 / layout.size[1])
    split = layout.parts > 1
    if split:
        p.int(f"{x}_ROWS", layout.part_rows)
    if matrix and not layout.aligned:
        p.int(f"{x}_R", layout.rows)
    run = float(layout.run_texels)
    select = f"{x}_part = idiv(row, {x}_ROWS); row -= {x}_part * {x}_ROWS;" if split else ""
    base = f"{x}_base = (vec2({x}_at.x * {run!r}, {x}_at.y) + 0.5) * vec2({x}_IW, {x}_IH);"
    place = f"{select} {x}_at = vec2(float(col), float(row)); {base}"
    find = f"int row = idiv(run, {x}_COLS); int col = run - row * {x}_COLS; {place}"
    out = [f"uniform sampler2D {sampler(x, i)};" for i in range(layout.parts)]
    out.append(f"vec2 {x}_base; vec2 {x}_at;" + (f" int {x}_part;" if split else ""))
    number = f"q * {x}_R + g" if matrix else "g"
    args = "int g, int q" if matrix else "int g"
    step = ""
    if layout.run_taps != layout.taps:
        out.append(f"int {x}_run; void {x}_seek({args}) {{ {x}_run = ({number}) * {layout.taps}; }}")
        out.append(f"void {x}_next() {{ {x}_run += {layout.taps}; }}")
        step = f"int run = {x}_run + t; {find}"
        at = f"{x}_base"
    else:
        aligned = matrix and layout.aligned
        turn = f"if ({x}_at.y >= float({x}_ROWS)) {{ {x}_at.y = 0.0; {x}_part++; }}" if split else ""
        end = (
            f"bool end = {x}_at.x >= float({x}_COLS); "
            f"{x}_at = vec2(end ? 0.0 : {x}_at.x, end ? {x}_at.y + 1.0 : {x}_at.y); {turn}"
        )
        seek = f"int row = q; int col = g; {place}" if aligned else f"int run = {number}; {find}"
        out.append(f"void {x}_seek({args}) {{ {seek} }}")
        out.append(f"void {x}_next() {{ {x}_at.x += 1.0; {'' if aligned else end} {base} }}")
        at = f"{x}_base + vec2(float(t{f' * {layout.texels}' if layout.texels > 1 else ''}) * {x}_IW, 0.0)"

    def texel(number: int) -> str:
        where = f"at + vec2({float(number)!r} * {x}_IW, 0.0)" if number else "at"
        return _fetch_parts(x, layout.parts, f"FETCH2({{s}}, {where})")

    def fetch(vector: int) -> str:
        if layout.lanes == 4:
            return f"{x}_decode({texel(vector)})"
        return f"vec4({', '.join(f'{x}_decode1({texel(4 * vector + lane)})' for lane in range(4))})"

    value = f"mat4({', '.join(map(fetch, range(4)))})" if matrix else fetch(0)
    out.append(f"{'mat4' if matrix else 'vec4'} {x}(int t) {{ {step} vec2 at = {at}; return {value}; }}")
    return "\n".join(out)
