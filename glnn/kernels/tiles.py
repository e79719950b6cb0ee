"""Kernels of tiles: compute shaders whose workgroups hold what they multiply in shared memory. See shaders/tiles.

Their files are GLSL as it is compiled, but for `#include NAME` and loops that are written out before any driver sees
them: `#unroll i COUNT` repeats the lines up to its `#end`, with the number in the place of `@i`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from ..errors import KernelError
from ..graph.shapes import ceil_div
from ..layout.limits import COMPUTE, TEXEL
from ..layout.tiles import Layout
from ..layout.tiling import Grid, Tiling
from . import stages
from .assemble import Call, ShaderText, checked, declare_out, encoding
from .fetches import held, sampler
from .files import KernelSource, read_shader
from .finish import finish_text, functions_text
from .frame import bare, dialect_text, library_text, literal
from .language.tree import Tree
from .read_cells import cells_text
from .read_tensors import affine_text, tensor_text
from .read_tiles import QUOTIENT, pixels_text, rows_text, texel_rows, written_text
from .uniforms import Params

GROUPED = ("MT", "NTG", "SPLIT", "INVOCATIONS")  # what says how many workgroups there are
Lines = list[tuple[str, tuple[str, int]]]  # each with its file and line


@lru_cache(16)
def load_tiles(name: str) -> KernelSource:
    """The kernel shaders/tiles/<name>.glsl. Raises KernelError."""
    file = f"shaders/tiles/{name}.glsl"
    text = read_shader(f"tiles/{name}.glsl")
    declared: dict[str, list[str]] = {kind: [] for kind in ("input", "optional", "matrix", "vector", "const", "param")}
    for kind, words in re.findall(r"^#pragma glnn (\w+) (.*)$", text, re.M):
        declared[kind] += words.split()
    declared["const"] += Tiling(8, 8, 1, 1).consts if "#include product" in text else GROUPED
    source = {kind: tuple(words) for kind, words in declared.items()}
    return KernelSource(f"tiles of {name}", file, text, Tree((), (), file, text), source, tiled=True)


def invocations(const: Mapping[str, int | float], out: Layout, grid: Grid) -> tuple[int, int]:
    """How many invocations, along x and y, a draw of tiles takes; those of a workgroup follow each other along x."""
    across = grid.tiles(out, int(const["MT"])) * int(const["INVOCATIONS"])
    return across, ceil_div(out.groups, int(const["NTG"])) * int(const["SPLIT"])


def unrolled(lines: Lines, const: Mapping[str, int | float]) -> Lines:
    """The lines with their marked loops written out. Raises KernelError for a loop without an end."""
    made: Lines = []
    rest = iter(lines)
    for text, place in rest:
        words = text.split()
        if words[:1] != ["#unroll"]:
            made.append((text, place))
            continue
        body = _body(rest, place)
        for number in range(int(const[words[2]]) if words[2] in const else int(words[2])):
            made += unrolled([(t.replace(f"@{words[1]}", str(number)), at) for t, at in body], const)
    return made


def _body(rest: Iterator[tuple[str, tuple[str, int]]], place: tuple[str, int]) -> Lines:
    body: Lines = []
    depth = 1
    for text, at in rest:
        depth += text.startswith("#unroll") - (text == "#end")
        if not depth:
            return body
        body.append((text, at))
    raise KernelError(f"{place[0]}:{place[1]}: #unroll without its #end")


def _lines(text: str, file: str) -> Lines:
    """A file's lines, bare, with those of what it includes."""
    made: Lines = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.split("//")[0].strip()
        if line.startswith("#include"):
            name = f"tiles/{line.split()[1]}.glsl"
            made += _lines(read_shader(name), f"shaders/{name}")
        elif line and not line.startswith("#pragma glnn"):
            made.append((line, (file, number)))
    return made


def assemble_tiles(call: Call, source: KernelSource, grid: Grid) -> ShaderText:
    """The text of a kernel of tiles for its bindings. Raises KernelError for what the contract forbids."""
    checked(source, call)
    if call.dialect != COMPUTE:
        raise KernelError(f"{source.file}: is a compute shader, dialect {call.dialect} has none")
    params, out = Params(whole=True), call.out
    params.int("ROW0", 0)
    for name, value in call.param:
        params.int(name, value)
    parts, start = [QUOTIENT], list[str]()
    for name, bound in sorted(call.cells, key=lambda cell: not cell[0].endswith("_q")):
        matrix = name in source.declared["matrix"]
        if matrix:
            text, begin = rows_text(name, bound, params, call.dialect)
        else:
            text, begin = cells_text(name, bound, False, params, call.dialect)
        parts.append(text)
        start.append(begin)
    for name, bound in call.inputs:
        needed = set() if held(bound) else {name}
        size = bound.size or bound.layout.size
        text, begin = tensor_text(name, bound, size, None, needed, params, call.dialect)
        parts.append(text)
        start.append(begin)
        parts.append(pixels_text(name, bound, affine_text(name, bound, params)[2], params))
    text, begin = encoding(call, params)
    parts.append(text)
    start.append(begin)
    if call.finish is not None:
        parts += [functions_text([call.finish], False), finish_text(call.finish, params, False)]
    declare_out(out, params)
    parts.append(written_text(out, grid, call.finish, start, params))
    const = {**dict(call.const), **_loads(call, source)}
    body = unrolled(_lines(source.text, source.file), const)
    params.keep("\n".join([*parts, *(line for line, _ in body)]))
    head = bare("\n".join(_head(call, const, params, parts)))
    origins = [("generated", i + 1) for i in range(head.count("\n") + 1)] + [place for _, place in body]
    samplers = tuple(sampler(n, i) for n, bound in (*call.inputs, *call.cells) for i in range(bound.layout.textures))
    ints, floats = params.values()
    return ShaderText(
        source.name, call.dialect, "", "\n".join([head, *(line for line, _ in body), ""]), samplers, tuple(origins),
        tuple(ints), tuple(floats), params.names, params.float_names,
    )  # fmt: skip


def _loads(call: Call, source: KernelSource) -> dict[str, int]:
    """Of a product: the rows that a texel of its right side holds, and how many texels an invocation loads a step."""
    const = dict(call.const)
    if "BKG" not in const:
        return {}
    each = max((texel_rows(bound) for name, bound in call.cells if name in source.declared["matrix"]), default=1)
    rows = 4 * int(const["BKG"]) * int(const["NTG"])
    return {"TEXEL_ROWS": each, "RIGHT_LOADS": ceil_div(rows, each * int(const["INVOCATIONS"]))}


def _head(call: Call, const: Mapping[str, int | float], params: Params, parts: Sequence[str]) -> list[str]:
    size = int(const["INVOCATIONS"])
    return [
        dialect_text(call.dialect, TEXEL),
        stages.outputs_text(call.dialect, 1, call.out_codec, (size, 1)),
        library_text("lib/common.glsl"),
        *(f"#define {name} {literal(value)}" for name, value in const.items()),
        params.declare(),
        *parts,
    ]
