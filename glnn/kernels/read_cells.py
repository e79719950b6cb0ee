"""The GLSL that reads weights in cells (layout.CellLayout): `weights_seek`, `weights_next`, `weights(t)`."""

from __future__ import annotations

from .fetches import Bound, affine_text, fetch_text, groups_text, part_text, sampler_lines
from .frame import codec_text
from .uniforms import Params


def cells_text(name: str, bound: Bound, matrix: bool, params: Params, dialect: str) -> tuple[str, str]:
    """`weights_seek(g, q)`, `weights_next()` for the next g, `mat4 weights(t)`; or `bias_seek(g)`, `vec4 bias(t)`.

    And statements for main. Cells that are quantized by channel read their scales from the cells `<name>_q`.
    """
    layout, p, x = bound.layout, params, name
    p.int(f"{x}_COLS", layout.columns), p.texel(f"{x}_IW", layout.size[0]), p.texel(f"{x}_IH", layout.size[1])
    if layout.parts > 1:
        p.int(f"{x}_ROWS", layout.part_rows)
    if matrix and not layout.aligned:
        p.int(f"{x}_R", layout.rows)
    run = float(layout.run_texels)
    part, select, next_part, layer = part_text(x, layout, 1)
    values, start, apply = affine_text(x, bound, params)
    base = f"{x}_base = (vec2({x}_at.x * {run!r}, {x}_at.y) + 0.5) * vec2({x}_IW, {x}_IH);"
    place = f"{select} {x}_at = vec2(float(col), float(row)); {base}"
    find = f"int row = idiv(run, {x}_COLS); int col = run - row * {x}_COLS; {place}"
    out = sampler_lines(x, layout, layout.depth > 0, bound.integer)
    out.append(f"vec2 {x}_base; vec2 {x}_at; {part} {values}")
    out.append(codec_text(x, bound.codec, dialect, decode=True))
    number, args, group = (f"q * {x}_R + g", "int g, int q", "q") if matrix else ("g", "int g", "g")
    scales = f"{x}_q_seek({group}); {x}_s = {x}_q(0); {x}_l = {x}_q(1);" if bound.quant == "channel" else ""
    step = ""
    if layout.run_taps != layout.taps:
        out.append(f"int {x}_run; void {x}_seek({args}) {{ {scales} {x}_run = ({number}) * {layout.taps}; }}")
        out.append(f"void {x}_next() {{ {x}_run += {layout.taps}; }}")
        step = f"int run = {x}_run + t; {find}"
        at = f"{x}_base"
    else:
        aligned = matrix and layout.aligned
        turn = f"if ({x}_at.y >= float({x}_ROWS)) {{ {x}_at.y = 0.0; {next_part} }}" if next_part else ""
        end = (
            f"bool end = {x}_at.x >= float({x}_COLS); "
            f"{x}_at = vec2(end ? 0.0 : {x}_at.x, end ? {x}_at.y + 1.0 : {x}_at.y); {turn}"
        )
        seek = f"int row = q; int col = g; {place}" if aligned else f"int run = {number}; {find}"
        out.append(f"void {x}_seek({args}) {{ {scales} {seek} }}")
        out.append(f"void {x}_next() {{ {x}_at.x += 1.0; {'' if aligned else end} {base} }}")
        at = f"{x}_base + vec2(float(t{f' * {layout.texels}' if layout.texels > 1 else ''}) * {x}_IW, 0.0)"

    def texel(number: int) -> str:
        where = f"at + vec2({float(number)!r} * {x}_IW, 0.0)" if number else "at"
        return fetch_text(x, layout.textures, where, layer if layout.depth else None)

    quantized = bound.quant is not None
    kind = "uvec4" if bound.integer else "vec4"
    fetches = " ".join(f"{kind} t{i} = {texel(i)};" for i in range(layout.texels))
    names = [f"t{i}" for i in range(layout.texels)]
    groups = [v + apply for v in groups_text(x, names, layout.lanes, quantized, 4 if matrix else 1)]
    value = bound.value(f"mat4({', '.join(groups)})" if matrix else groups[0])
    out.append(f"{'mat4' if matrix else 'vec4'} {x}(int t) {{ {step} vec2 at = {at}; {fetches} return {value}; }}")
    return "\n".join(out), start
