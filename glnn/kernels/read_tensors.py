"""The GLSL that reads tensors and weights for a kernel, made from layouts: no kernel does texture arithmetic.

Sizes become uniforms (`Params`), so that one text serves all shapes; what the text holds is structure alone: phases,
whether there are parts, codec. A kernel reads either a pixel by its axes, `x(n, h, w, c)`, or, when blocked, a window:
`x_seek` finds the window of the block once per group, `x_tap(i, j)` reads from it with constant phase and offset.
"""

from __future__ import annotations

from collections.abc import Set

from ..graph.shapes import canonical, ceil_div
from .fetches import Bound, affine_text, fetch_text, groups_text, held, part_text, sampler_lines, section_starts
from .frame import codec_text
from .read_windows import Origin, line_text, moved_text, seek_text
from .uniforms import Params


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
    layout, seen = bound.layout, bound.section
    n, h, w, c = layout.dims if seen is None else canonical(seen.shape)
    p, x = params, name
    if seen is not None:
        for number, begin in zip(section_starts(x), seen.starts, strict=True):
            p.int(number, begin or 0)
        if seen.group is not None:
            p.int(f"{x}_GA", layout.groups), p.int(f"{x}_G0", seen.group)
    for key, value in zip("NHWCG", (n, h, w, c, ceil_div(c, 4)), strict=True):
        p.int(f"{x}_{key}", value)
    p.int(f"{x}_COLS", layout.columns), p.texel(f"{x}_IW", size[0]), p.texel(f"{x}_IH", size[1])
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
        out.append(seek_text(x, bound, origin, params))
    if origin is not None and origin.static and f"{x}_line" in called:
        out.append(line_text(x, layout, origin))
    moving = origin is not None and not origin.static and f"{x}_tap" in called
    dynamic = moving and not held(bound)
    if moving and held(bound):
        out.append(moved_text(x, bound, apply))
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

    whole, height, width = x, f"{x}_H", f"{x}_W"
    if seen is not None:
        whole, height, width = f"{x}_whole", p.int(f"{x}_HA", layout.dims[1]), p.int(f"{x}_WA", layout.dims[2])
    tile = bound.tile(x, "n", "c / 4")
    if layout.flat:
        body_text = read(bound.tile(x, f"((n * {height} + h) * {width} + w)", "c / 4"), "0", "0", "0.0")
        out.append(f"vec4 {whole}(int n, int h, int w, int c) {{ {body_text} }}")
    elif layout.layers == 1:
        out.append(f"vec4 {whole}(int n, int h, int w, int c) {{ {read(tile, 'h', 'w', '0.0')} }}")
    else:
        out.append(f"""vec4 {whole}(int n, int h, int w, int c) {{ int by = idiv(h, {bh}); int bx = idiv(w, {bw});
{read(tile, "by", "bx", f"float((h - by * {bh}) * {bw} + w - bx * {bw})")} }}""")
    if seen is not None:
        at = ", ".join(seen.at(section_starts(x)))
        out.append(f"vec4 {x}(int n, int h, int w, int c) {{ return {whole}({at}, c); }}")
    out += more_text(x, {*called, f"{x}_or"} if dynamic else called, layout.texels > 1)
    return "\n".join(out), start


def more_text(x: str, called: Set[str], costly: bool = False) -> list[str]:
    """Those of x_or, x_fill, x_at and x_flat that are called: they read through the accessor x(n, h, w, c).

    A read that is `costly` stands behind a branch: SwiftShader takes minutes to compile nine that decode floats from
    bytes one after another.
    """
    out = []
    if f"{x}_or" in called:
        outside = f"(h < 0 || h >= {x}_H) || (w < 0 || w >= {x}_W)"
        early, late = (f"if ({outside}) return vec4(fill);", "v") if costly else ("", f"{outside} ? vec4(fill) : v")
        out.append(f"""vec4 {x}_or(int n, int h, int w, int c, float fill) {{ {early}
vec4 v = {x}(n, h, w, c); return {late}; }}""")
    if f"{x}_fill" in called:
        out.append(f"""vec4 {x}_fill(int n, int h, int w, int c, float fill) {{ vec4 v = {x}(n, h, w, c);
return vec4(v.x, c + 1 < {x}_C ? v.y : fill, c + 2 < {x}_C ? v.z : fill, c + 3 < {x}_C ? v.w : fill); }}""")
    if not called.isdisjoint({f"{x}_at", f"{x}_flat"}):
        body_text = f"int g = c / 4; return lane({x}(n, h, w, g * 4), c - g * 4);"
        out.append(f"float {x}_at(int n, int h, int w, int c) {{ {body_text} }}")
    if f"{x}_flat" in called:
        out.append(f"""float {x}_flat(int i) {{ int q = idiv(i, {x}_C); int r = idiv(q, {x}_W); int n = idiv(r, {x}_H);
return {x}_at(n, r - n * {x}_H, q - r * {x}_W, i - q * {x}_C); }}""")
    return out
