"""The GLSL around a kernel: head, codecs, and the main() that finishes and writes what the kernel made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from ..errors import KernelError
from ..layout.limits import COMPUTE
from ..layout.tiles import Layout
from . import stages
from .files import read_library, read_shader
from .language.glsl import printed
from .language.rewrite import renamed, resolve_ifdefs
from .language.tree import Function, Tree
from .uniforms import Params


def literal(value: int | float) -> str:
    """A number as GLSL writes it."""
    if isinstance(value, int):
        return str(value)
    text = repr(float(value))
    if text in ("inf", "-inf", "nan"):
        raise KernelError(f"{text} can't stand in a shader text")
    return text


def dialect_text(dialect: str, fetch: str) -> str:
    """What a text begins with in a dialect, and how it fetches texels."""
    return f"{library_text(f'dialects/{dialect}.glsl')}\n{library_text(f'fetch/{fetch}.glsl')}"


def head_text(dialect: str, fetch: str, outputs: int, codec: str) -> str:
    """The dialect, and what a text writes to: so many layers of this codec."""
    return dialect_text(dialect, fetch) + "\n" + stages.outputs_text(dialect, outputs, codec)


def bare(text: str) -> str:
    """The text without comments, margins and empty lines."""
    if "//" in text:
        text = re.sub("//.*", "", text)
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))


COMMON = "lib/common.glsl"


@lru_cache(16)
def library_text(path: str) -> str:
    """A file of shaders/, bare."""
    return bare(read_shader(path))


@lru_cache(1)
def _common() -> tuple[tuple[str, str], ...]:
    """The functions of lib/common.glsl, names and texts; each calls none but those before it."""
    parts = re.split(r"^\w+ (\w+)(?=\()", text := read_shader(COMMON), flags=re.M)
    starts = [found.start() for found in re.finditer(r"^\w+ \w+\(", text, re.M)]
    ends = [*starts[1:], len(text)]
    return tuple((name, bare(text[a:b])) for name, a, b in zip(parts[1::2], starts, ends, strict=True))


def common_text(texts: str) -> str:
    """The functions of lib/common.glsl that texts call, with those that these call: the others take time to compile."""
    words, kept = set(re.findall(r"\w+", texts)), list[str]()
    for name, text in reversed(_common()):
        if name in words:
            words.update(re.findall(r"\w+", text))
            kept.append(text)
    return "\n".join(reversed(kept))


def _for_dialect(path: str, dialect: str) -> Tree:
    """One of glnn's own files as this dialect can have it."""
    return resolve_ifdefs(read_library(path), frozenset({"HAS_PACK_HALF", "HAS_BITS"} if dialect != "es100" else ()))


@lru_cache(16)
def half_text(dialect: str) -> str:
    """The functions `half_of` of shaders/lib/half.glsl."""
    return printed(_for_dialect("lib/half.glsl", dialect))[0]


@lru_cache(256)
def codec_text(name: str, codec: str, dialect: str, decode: bool) -> str:
    """The functions <name>_decode of a file in shaders/codecs, or <name>_encode; S, Z, R there become variables."""
    tree = _for_dialect(f"codecs/{codec}.glsl", dialect)
    functions = [f for f in tree.items if isinstance(f, Function)]
    wanted = tree.having(tuple(f for f in functions if f.name.startswith("decode") == decode))
    names = {f.name: f"{name}_{f.name}" for f in functions} | {v: f"{name}_{v.lower()}" for v in "SZR"}
    return printed(renamed(wanted, names))[0]


def globals_text(values: int, flags: dict[str, str]) -> str:
    names = ", ".join(f"y_{i}" for i in range(values))
    bools = f"bool {', '.join(flags)};" if flags else ""
    return f"int block_y; int block_x; vec4 {names}; {bools}"


def declare_out(out: Layout, params: Params) -> None:
    """Makes the sizes of what is made known."""
    n, h, w, c = out.dims
    for key, value in zip("NHWCG", (n, h, w, c, out.groups), strict=True):
        params.int(f"y_{key}", value)
    params.int("y_COLS", out.columns)
    if not out.flat:
        params.int("y_PH", out.tile[0]), params.int("y_PW", out.tile[1])


def main_text(
    out: Layout, flags: dict[str, str], blocked: bool, dialect: str, start: str = "", finish: Sequence[str] = (),
    edges: tuple[bool, bool] = (False, False), lanes: bool = False,
) -> str:  # fmt: skip
    """main(): `start`, which block this is, the kernel, `finish`, dead lanes and pixels cleared, the values encoded.

    edges: whether pixels below and beside the image are cleared, too, where it fills its blocks
    lanes: whether lanes past the last channel are, where the last group is full
    """
    n, h, w, c = out.dims
    bh, bw = out.block
    lines = ["void main() {", start, stages.place_text(dialect)]
    if out.flat:
        lines += ["int tile = (row + ROW0) * y_COLS + col;"]
        if out.texels > 1:
            lines += ["int pick = imod(tile, 4); tile = idiv(tile, 4);"]
        lines += [
            "int q = idiv(tile, y_G); int g = tile - q * y_G; int r = idiv(q, y_W); int n = idiv(r, y_H);",
            "block_y = r - n * y_H; block_x = q - r * y_W;",
        ]
    else:
        lines += [
            "int ty = idiv(row, y_PH); int tx = idiv(col, y_PW); block_y = row - ty * y_PH; block_x = col - tx * y_PW;",
            "int tile = (ty + ROW0) * y_COLS + tx;",
        ]
        if out.texels > 1:
            lines += ["int pick = imod(tile, 4); tile = idiv(tile, 4);"]
        lines += ["int n = idiv(tile, y_G); int g = tile - n * y_G;"]
    y = [f"y_{i}" for i in range(out.layers)]
    lines += [f"{' = '.join(y)} = vec4(0.0);", "if (n < y_N) {", "int c = g * 4;"]
    lines += [f"{name} = {condition};" for name, condition in flags.items()]
    lines += [f"int h = block_y{f' * {bh}' if bh > 1 else ''}; int w = block_x{f' * {bw}' if bw > 1 else ''};"]
    pixels = [(i, j) for i in range(bh) for j in range(bw)]
    if blocked:
        lines += ["kernel(n, h, w, c);"]
    else:
        at = ((f"h + {i}" if i else "h", f"w + {j}" if j else "w") for i, j in pixels)
        lines += [f"{v} = kernel(n, {down}, {across}, c);" for v, (down, across) in zip(y, at, strict=True)]
    lines += finish
    if c % 4 or lanes:
        dead = [
            f"{v}.{lane} = c + {k} < y_C ? {v}.{lane} : 0.0;" for v in y for k, lane in ((1, "y"), (2, "z"), (3, "w"))
        ]
        lines += ["if (g == y_G - 1) {", *dead, "}"]
    for v, (i, j) in zip(y, pixels, strict=True):
        beyond = [f"h + {i} >= y_H"] if i and (h % bh or edges[0]) else []
        beyond += [f"w + {j} >= y_W"] if j and (w % bw or edges[1]) else []
        lines += [f"if ({' || '.join(beyond)}) {v} = vec4(0.0);"] if beyond else []
    lines += ["}"]
    encoded = [f"y_encode({v})" for v in y] if out.texels == 1 else ["y_encode1(lane(y_0, pick))"]
    return "\n".join([*lines, *stages.write_lines(dialect, encoded, out.texels == 1), "}"])


@lru_cache(4)
def vertex_text(dialect: str) -> str:
    """The vertex shader of every pass: one triangle over the target. A compute shader has none."""
    return "" if dialect == COMPUTE else read_shader(f"dialects/{dialect}.vert.glsl")
