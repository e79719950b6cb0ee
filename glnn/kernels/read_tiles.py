"""The GLSL that a kernel of tiles reads and writes tensors with: a pixel is sought once for all of its channels."""

from __future__ import annotations

from collections.abc import Sequence

from ..layout.cells import CellLayout
from ..layout.tiles import Layout
from ..layout.tiling import Grid
from .fetches import Bound, affine_text, fetch_text, groups_text, held, part_text, sampler_lines
from .finish import VECTORS, Finish, place_text
from .frame import codec_text
from .uniforms import Params

# Exact for numbers below layout.tiling.MAX_NUMBER.
QUOTIENT = "int quotient(int a, float inverse) { return int((float(a) + 0.5) * inverse); }"


LOAD = """bool x_has(int g) { return x_there && g < x_G; }
vec4 x_load(int g) { vec4 v = x_fetch(g); return x_has(g) ? v : vec4(0.0); }"""


def pixels_text(x: str, bound: Bound, apply: str, params: Params) -> str:
    """`x_pixel(n, h, w)`, outside of the tensor where n is negative or h or w are; `vec4 x_load(g)` of that pixel.

    x_load is zero outside of the tensor and past its last group, where `x_has(g)` is false. x_fetch is anything there:
    for whoever selects later, when the texel has come.
    """
    layout: Layout = bound.layout
    place = """int x_pn; int x_ph; int x_pw; bool x_there;
void x_pixel(int n, int h, int w) { x_there = n >= 0 && h >= 0 && h < x_H && w >= 0 && w < x_W;
x_pn = x_there ? n : 0; x_ph = x_there ? h : 0; x_pw = x_there ? w : 0;"""
    if not held(bound):
        text = f"""{place} }}
vec4 x_fetch(int g) {{ return x(x_pn, x_ph, x_pw, g < x_G ? g * 4 : 0); }}
{LOAD}"""
        return text.replace("x_", f"{x}_").replace(" x(", f" {x}(")
    bh, bw = layout.block
    params.float(f"{x}_IC", 1 / layout.columns)
    _, select, _, first = part_text(x, layout, layout.layers)
    fetch = fetch_text(x, layout.textures, "at", "x_phase" if first == "0.0" else f"{first} + x_phase")
    value = groups_text(x, [fetch], 4, bound.integer or bound.quant in ("tensor", "channel"), 1)[0] + apply
    tile = bound.tile(x, bound.first_image(x, "x_pn"), "0")
    text = f"""int x_tile; int x_phase; {place}
x_tile = {tile}; int by = x_ph / {bh}; int bx = x_pw / {bw};
x_phase = (x_ph - by * {bh}) * {bw} + x_pw - bx * {bw}; x_ph = by; x_pw = bx; }}
vec4 x_fetch(int g) {{ int tile = x_tile + (g < x_G ? g : 0);
int row = quotient(tile, x_IC); int col = tile - row * x_COLS; {select}
ivec2 at = ivec2(col * x_PW + x_pw, row * x_PH + x_ph); return {value}; }}
{LOAD}"""
    return text.replace("x_", f"{x}_") if x != "x" else text


def texel_rows(bound: Bound) -> int:
    """How many rows of a cell of weights a texel holds."""
    return max(1, bound.layout.lanes // 4)


def rows_text(x: str, bound: Bound, params: Params, dialect: str) -> tuple[str, str]:
    """`x_texel x_fetch(t, g, q, lane)`, what holds rows of a cell of weights: of tap t and the inputs in group g from
    a lane on, for the outputs of group q; `vec4 x_row(texel, k)`, the k-th row of `texel_rows`, for when the texel has
    come. `x_scales(q)` comes first: the scales of these, where each has its own. And statements for main.
    """
    layout: CellLayout = bound.layout
    part, select, _, layer = part_text(x, layout, 1)
    values, start, apply = affine_text(x, bound, params)
    scales = f"{x}_q_seek(q); {x}_s = {x}_q(0); {x}_l = {x}_q(1);" if bound.quant == "channel" else ""
    (
        params.int(f"{x}_R", layout.rows),
        params.int(f"{x}_COLS", layout.columns),
        params.int(f"{x}_RUN", layout.run_texels),
    )
    if layout.parts > 1:
        params.int(f"{x}_ROWS", layout.part_rows)
    find, tap = "int row = q; int col = g;", f" + t * {layout.texels}"
    if not layout.aligned:
        run = f"q * {x}_R + g"
        if layout.run_taps != layout.taps:
            params.int(f"{x}_TAPS", layout.taps)
            run, tap = f"({run}) * {x}_TAPS + t", ""
        find = f"int run = {run}; int row = run / {x}_COLS; int col = run - row * {x}_COLS;"
    lanes = layout.lanes

    def texel(number: str) -> str:
        at = f"ivec2(col * {x}_RUN{tap} + {number}, row)"
        return fetch_text(x, layout.textures, at, layer if layout.depth else None)

    if lanes >= 4:
        number = ", k" if bound.integer or bound.quant is not None else ""
        kind, value = "uvec4" if bound.integer else "vec4", f"{x}_decode(v{number})"
        fetched = texel(f"lane / {texel_rows(bound)}")
    else:
        texels = [texel(f"lane * {4 // lanes} + {k}") for k in range(4 // lanes)]
        kind, fetched, value = "vec4", f"vec4({', '.join(f'{x}_decode{lanes}({one})' for one in texels)})", "v"
    return (
        f"""{" ".join(sampler_lines(x, layout, layout.depth > 0, bound.integer))} {part} {values}
{codec_text(x, bound.codec, dialect, decode=True)}
void {x}_scales(int q) {{ {scales} }}
#define {x}_texel {kind}
{x}_texel {x}_fetch(int t, int g, int q, int lane) {{ {find} {select} return {fetched}; }}
vec4 {x}_row({x}_texel v, int k) {{ return {value}{apply}; }}""",
        start,
    )


def written_text(out: Layout, grid: Grid, finish: Finish | None, start: Sequence[str], params: Params) -> str:
    """`y_pixel(m)`, the place (y_n, y_h, y_w) of a number, and `y_row(r, w)`, that in row r of all; `y_seek()`: it is
    written next; `y_write(share, g, v)`: a group of it, finished, written.

    `begin()`: what main starts with.
    """
    bh, bw = out.block
    (n, rows, columns), (_, h, w) = grid.across(out), grid.sizes
    params.int("y_GN", n), params.int("y_GH", rows), params.int("y_GW", columns)
    params.float("y_IGH", 1 / rows), params.float("y_IGW", 1 / columns), params.float("y_IC", 1 / out.columns)
    seeks, lines = _finished(finish) if finish is not None else ([], list[str]())
    if out.dims[3] % 4:
        lanes = ((1, "y"), (2, "z"), (3, "w"))
        lines += [f"v.{lane} = c + {k} < y_C ? v.{lane} : 0.0;" for k, lane in lanes]
    if (rows, columns) != (h, w):
        lines.append("if (h >= y_H || w >= y_W) v = vec4(0.0);")
    tile, across, down, phase = "(n * y_H + h) * y_W + w", "col", "row", "0"
    if not out.flat:
        phase = f"(h % {bh}) * {bw} + w % {bw}" if out.layers > 1 else "0"
        tile, across, down = "n", f"col * y_PW + w / {bw}", f"row * y_PH + h / {bh}"
    part = ""
    if out.parts > 1:
        params.int("y_ROWS", out.part_rows)
        part, phase = "int part = row / y_ROWS; row -= part * y_ROWS;", f"part * {out.layers} + {phase}"
    store = f"int row = quotient(tile, y_IC); int col = tile - row * y_COLS; {part}"
    texel = f"ivec3({across}, {down}, {phase})"
    if out.texels == 1:
        stored = f"{store} imageStore(y_image, {texel}, y_encode(v));"
    else:
        stored = f"for (int k = 0; k < 4; k++, tile++) {{ {store} imageStore(y_image, {texel}, y_encode1(v[k])); }}"
    return f"""int y_n; int y_h; int y_w; bool y_live;
void y_pixel(int m) {{ int r = quotient(m, y_IGW); y_w = m - r * y_GW; y_n = quotient(r, y_IGH); y_h = r - y_n * y_GH;
y_live = y_n < y_GN; }}
void y_row(int r, int w) {{ y_w = w; y_n = quotient(r, y_IGH); y_h = r - y_n * y_GH; y_live = y_n < y_GN && w < y_GW; }}
void y_seek() {{ {" ".join(seeks)} }}
void y_write(int share, int g, vec4 v) {{ if (!y_live) return;
int n = y_n + share * y_GN; int h = y_h; int w = y_w; int c = g * 4;
{" ".join(lines)}
int tile = (({tile}) * y_G + g) * {out.texels}; {stored} }}
void begin() {{ {" ".join(start)} }}"""


def _finished(finish: Finish) -> tuple[list[str], list[str]]:
    """Statements that seek a pixel in the tensors that a finish reads, and those that finish a group `v` of it."""
    seeks, lines, args = list[str](), list[str](), ["v"]
    for spread in finish.tensors:
        axes = zip(("n", "h", "w"), (spread.n, spread.h, spread.w), strict=True)
        seeks.append(f"{spread.name}_pixel({', '.join(f'y_{axis}' if whole else '0' for axis, whole in axes)});")
        args.append(f"{spread.name}_load({'g' if spread.c else '0'}){'' if spread.c else '.xxxx'}")
    if finish.vectors:
        lines.append(f"{VECTORS}_seek(g);")
        args += [f"{VECTORS}({k})" for k in range(finish.vectors)]
    args += [place_text(place, "finish_", k) for k, place in enumerate(finish.places)]
    return seeks, [*lines, f"v = finish({', '.join(args)});"]
