"""The GLSL that reads a row of pixels: `x_row` finds it once, `x_col(w)` reads from it wherever its pixels lie."""

from __future__ import annotations

from ..layout.tiles import Layout
from .fetches import Bound, affine_text, fetch_text, groups_text, held, part_text
from .uniforms import Params


def row_text(x: str, bound: Bound, params: Params) -> str:
    """`x_row(n, h, c)`: the row h of pixels in the channels from c; `x_down()`: the same row in the next four channels;
    `vec4 x_col(w)`: the pixel w of it.

    Beyond the row x_col reads anything. Where pixels are tiles of their own, or a texel holds less than four channels,
    it is the accessor of single pixels.
    """
    if not held(bound):
        return f"""int {x}_rn; int {x}_rh; int {x}_rc;
void {x}_row(int n, int h, int c) {{ {x}_rn = n; {x}_rh = h; {x}_rc = c; }}
void {x}_down() {{ {x}_rc += 4; }}
vec4 {x}_col(int w) {{ return {x}({x}_rn, {x}_rh, w < {x}_W ? w : {x}_W - 1, {x}_rc); }}"""
    layout: Layout = bound.layout
    bh, bw = layout.block
    _, select, step, first = part_text(x, layout, layout.layers)
    by, inside, column, phase = "h", "0.0", "w", ""
    if layout.layers > 1:
        by = f"(h / {bh})" if bh > 1 else "h"
        inside = f"float((h - {by} * {bh}) * {bw})"
        column = f"(w / {bw})" if bw > 1 else "w"
        phase = f" + float(w - {column} * {bw})" if bw > 1 else ""
    layer = f"{x}_rl" if first == "0.0" else f"{first} + {x}_rl"
    turn = f"if ({x}_rt.y >= float({x}_ROWS)) {{ {x}_rt.y = 0.0; {step} }}" if step else ""
    place = f"{x}_rx = {x}_rt.x * float({x}_PW) + 0.5; {x}_ry = ({x}_rt.y * float({x}_PH) + {x}_rh) * {x}_IH;"
    _, _, apply = affine_text(x, bound, params)
    fetch = fetch_text(x, layout.textures, f"vec2(({x}_rx + float({column})) * {x}_IW, {x}_ry)", f"{layer}{phase}")
    value = groups_text(x, [fetch], 4, bound.integer or bound.quant in ("tensor", "channel"), 1)[0] + apply
    return f"""float {x}_rx; float {x}_ry; float {x}_rh; float {x}_rl; vec2 {x}_rt;
void {x}_row(int n, int h, int c) {{ int tile = {bound.tile(x, bound.first_image(x), "c / 4")};
int row = idiv(tile, {x}_COLS); int col = tile - row * {x}_COLS; {select}
{x}_rt = vec2(float(col), float(row)); {x}_rh = float({by}) + 0.5; {x}_rl = {inside}; {place} }}
void {x}_down() {{ {x}_rt.x += 1.0; bool end = {x}_rt.x >= float({x}_COLS);
{x}_rt = vec2(end ? 0.0 : {x}_rt.x, end ? {x}_rt.y + 1.0 : {x}_rt.y); {turn} {place} }}
vec4 {x}_col(int w) {{ return {bound.value(value)}; }}"""
