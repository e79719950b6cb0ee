"""From a kernel's .glsl file, the layouts it is bound to and a dialect to the text that a driver compiles. Pure text.

The kernel language is described in docs/kernels.md.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources

from . import unroll
from .accessors import Origin, Params, cells_text, inside_text, sampler, tap_text, tensor_text, uses, window_origin
from .codec import CODECS
from .errors import KernelError
from .layout import MAX_LOOP_TURNS, CellLayout, Layout

DIALECTS = ("es300", "es100", "gl330")
_PRAGMA = re.compile(r"^\s*#pragma\s+glnn\s+(\w+)\s*(.*)$")
_KINDS = ("input", "optional", "matrix", "vector", "const", "param", "unroll")
# Statements that may stand in one text after unrolling: beyond this, compilers take seconds.
MAX_LINES = 6000


@dataclass(frozen=True)
class KernelSource:
    """A kernel's file: its text with line marks, and what its pragmas declare."""

    name: str
    file: str
    body: str
    declared: dict[str, tuple[str, ...]] = field(hash=False)
    blocked: bool = False


@dataclass(frozen=True)
class Bound:
    """A tensor bound to a kernel's input: its layout, its codec, and for blocked kernels where windows start.

    `size` is the (width, height) of its textures where they are larger than the layout asks for (slots that tensors share).
    """

    layout: Layout
    codec: str = "float32"
    mul: tuple[int, int] = (1, 1)
    div: tuple[int, int] = (1, 1)
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Call:
    """One use of a kernel: everything its text depends on."""

    kernel: str
    out: Layout
    inputs: tuple[tuple[str, Bound], ...] = ()
    cells: tuple[tuple[str, CellLayout, str], ...] = ()  # name, layout, codec
    const: tuple[tuple[str, int | float], ...] = ()
    param: tuple[tuple[str, int], ...] = ()
    activation: str | None = None
    constants: tuple[tuple[str, float], ...] = ()  # of the activation
    out_codec: str = "float32"
    dialect: str = "es300"


@dataclass(frozen=True)
class ShaderText:
    """What a driver compiles, the samplers in the order of their units, and the values of the uniform arrays P and F.

    `origins` gives for each line of the fragment text the file and line that it came from. The integer uniform ROW0 (rows
    of tiles before this part of the output) is P[0].x.
    """

    kernel: str
    dialect: str
    vertex: str
    fragment: str
    samplers: tuple[str, ...]
    origins: tuple[tuple[str, int], ...]
    ints: tuple[int, ...]
    floats: tuple[float, ...]

    @cached_property
    def key(self) -> str:
        """SHA-256 of the fragment text: the cache key of the program."""
        return hashlib.sha256(self.fragment.encode()).hexdigest()

    def locate(self, line: int) -> tuple[str, int] | None:
        """The kernel file and line behind a line (from 1) of the fragment text."""
        return self.origins[line - 1] if 0 < line <= len(self.origins) else None


def read_shader(path: str) -> str:
    """The text of a file below shaders/. Raises KernelError where there is none."""
    try:
        return resources.files("glnn").joinpath("shaders", *path.split("/")).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KernelError(f"there is no kernel file shaders/{path}") from None


def kernel_names() -> list[str]:
    """All kernels in shaders/ops."""
    files = resources.files("glnn").joinpath("shaders", "ops").iterdir()
    return sorted(f.name[:-5] for f in files if f.name.endswith(".glsl"))


def parse(name: str, text: str, file: str) -> KernelSource:
    """A kernel from its text. Raises KernelError, with file and line, for pragmas or a signature that are not known."""
    declared: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        pragma = _PRAGMA.match(line)
        if pragma and pragma.group(1) not in _KINDS:
            raise KernelError(f"{file}:{number}: unknown pragma {pragma.group(1)!r}; known are {', '.join(_KINDS)}")
        if pragma:
            declared[pragma.group(1)] += pragma.group(2).split()
        lines.append("" if pragma else line)
    body = unroll.mark("\n".join(lines))
    blocked = re.search(r"\bvoid\s+kernel\s*\(([^)]*)\)", body)
    if blocked:
        signature = re.sub(r",\s*out\s+vec4\s+y\s*\[\s*BLOCK\s*\]", "", blocked.group(0))
        if signature == blocked.group(0):
            raise KernelError(f"{file}: a blocked kernel ends its arguments with 'out vec4 y[BLOCK]'")
        body = body.replace(blocked.group(0), signature)
    elif not re.search(r"\bvec4\s+kernel\s*\(", body):
        raise KernelError(f"{file}: defines neither 'vec4 kernel(int n, int h, int w, int c)' nor the blocked form")
    return KernelSource(name, file, body, {k: tuple(v) for k, v in declared.items()}, bool(blocked))


@lru_cache(256)
def load_kernel(name: str) -> KernelSource:
    """The kernel shaders/ops/<name>.glsl. Raises KernelError."""
    return parse(name, read_shader(f"ops/{name}.glsl"), f"shaders/ops/{name}.glsl")


@lru_cache(1024)
def _expand(source: KernelSource, given: frozenset[str], const: tuple[tuple[str, int | float], ...], block: tuple[int, int]) -> str:
    """The body with its #ifdefs resolved and its marked loops written out; calls of x_tap keep constant arguments."""
    env: dict[str, int | float] = dict(const) | {"BH": block[0], "BW": block[1], "BLOCK": block[0] * block[1]}
    text = unroll.resolve_ifdefs(source.body, {f"HAS_{name}" for name in given})
    text = unroll.unroll(text, set(source.declared["unroll"]), env)
    text = unroll.fold_conditions(text, env)
    text = unroll.scalar_arrays(text, env)
    if source.blocked:
        text = unroll.calls(text, "y_reset", lambda _: "")
        text = re.sub(r"\by\[([^\[\]]+)\]", lambda m: f"y_{_constant(source, m.group(1), env)}", text)
    for name in (*source.declared["input"], *source.declared["optional"]):
        for what in ("tap", "inside"):
            text = unroll.calls(
                text, f"{name}_{what}", lambda args, f=f"{name}_{what}": f"{f}({', '.join(str(_constant(source, a, env)) for a in args)})"
            )
    if text.count("\n") > MAX_LINES:
        raise KernelError(f"{source.file}: {text.count(chr(10))} lines after unrolling, at most {MAX_LINES}: lower it with fewer taps a draw")
    return text


def _constant(source: KernelSource, text: str, env: unroll.Env) -> int:
    value = unroll.evaluate(text, env)
    if value is None:
        marks = unroll.MARK.findall(text)
        line = f":{marks[0]}" if marks else ""
        raise KernelError(f"{source.file}{line}: {unroll.MARK.sub('', text).strip()!r} must be constant after unrolling")
    return int(value)


def literal(value: int | float) -> str:
    """A number as GLSL writes it."""
    if isinstance(value, int):
        return str(value)
    text = repr(float(value))
    if text in ("inf", "-inf", "nan"):
        raise KernelError(f"{text} can't stand in a shader text")
    return text


def _check(source: KernelSource, call: Call) -> None:
    declared = source.declared
    wanted = {"input": dict(call.inputs), "const": dict(call.const), "param": dict(call.param)}
    allowed = {"input": (*declared["input"], *declared["optional"]), "const": declared["const"], "param": declared["param"]}
    wanted["cells"], allowed["cells"] = {c[0]: 0 for c in call.cells}, (*declared["matrix"], *declared["vector"])
    for kind, given in wanted.items():
        extra = [n for n in given if n not in allowed[kind]]
        missing = [n for n in allowed[kind] if n not in given and n not in declared["optional"]]
        if extra or missing:
            raise KernelError(f"{source.file}: {kind} not declared: {extra}; not given: {missing}")


def assemble(call: Call, source: KernelSource | None = None) -> ShaderText:
    """The text of a kernel for its bindings. Raises KernelError for what the contract forbids."""
    source = source or load_kernel(call.kernel)
    _check(source, call)
    const, out, dialect = dict(call.const), call.out, call.dialect
    if out.layers > 1 and not source.blocked:
        raise KernelError(f"{source.file}: makes one texel at a time; its output can't lie in blocks of {out.block}")
    body = _expand(source, frozenset(dict(call.inputs)), call.const, out.block)
    heads = " ".join(re.findall(r"\bfor\s*\([^{]*?\)", body))
    bounds = frozenset(re.findall(r"\b[A-Za-z]\w*\b", heads)) if dialect == "es100" else frozenset()
    params = Params(bounds)
    params.int("ROW0", 0)
    for name, value in call.param:
        params.int(name, value)
    flags: dict[str, str] = {}
    parts, samplers = [], []
    for name, bound in call.inputs:
        origin = window_origin(out, bound.layout, bound.mul, bound.div) if source.blocked else None
        parts.append(_codec_text(name, bound.codec, dialect, decode=True))
        parts.append(tensor_text(name, bound.layout, bound.size or bound.layout.size, origin, body, params, dialect))
        samplers += [sampler(name, i) for i in range(bound.layout.parts)]
        if origin is not None:
            body = _taps(body, name, bound.layout, origin, out, flags)
    for name, layout, codec in call.cells:
        parts.append(_codec_text(name, codec, dialect, decode=True))
        parts.append(cells_text(name, layout, name in source.declared["matrix"], params))
        samplers += [sampler(name, i) for i in range(layout.parts)]
    parts.append(_codec_text("y", call.out_codec, dialect, decode=False))
    parts.append(_activation_text(call))
    _declare_out(out, params)
    env = {**params.ints, **const, "BH": out.block[0], "BW": out.block[1]}
    turns = unroll.loop_turns(body, env)
    if turns > MAX_LOOP_TURNS:
        raise KernelError(
            f"{source.file}: an invocation would take {turns} loop turns, at most {MAX_LOOP_TURNS} are safe on every driver: "
            "lower this layer in stages"
        )
    defines = "\n".join(f"#define {k} {literal(v)}" for k, v in (*call.const, *_block_consts(out)))
    tail, _ = unroll.finish(_main(out, flags, source.blocked, dialect))
    params.keep("\n".join([*parts, body, tail]))
    pieces = [_head(dialect, out.layers), read_shader("lib/common.glsl"), defines, params.declare(), _globals(out, flags), *parts]
    head, _ = unroll.finish(unroll.mark("\n".join(pieces)))
    middle, lines = unroll.finish(body)
    count = (head.count("\n") + 1, tail.count("\n") + 1)
    origins = [("generated", i + 1) for i in range(count[0])] + [(source.file, line) for line in lines]
    origins += [("generated", len(origins) + i + 1) for i in range(count[1])]
    ints, floats = params.values()
    return ShaderText(
        source.name, dialect, vertex_text(dialect), f"{head}\n{middle}\n{tail}\n",
        tuple(samplers), tuple(origins), tuple(ints), tuple(floats),
    )  # fmt: skip


def _block_consts(out: Layout) -> tuple[tuple[str, int], ...]:
    return ("BH", out.block[0]), ("BW", out.block[1]), ("BLOCK", out.layers)


def _taps(body: str, name: str, layout: Layout, origin: Origin, out: Layout, flags: dict[str, str]) -> str:
    tile, scale = layout.tile, origin.scale
    zero = tuple((out.tile[a] - 1) * scale[a] >= tile[a] for a in (0, 1))
    body = unroll.calls(body, f"{name}_tap", lambda a: tap_text(name, layout, origin, int(a[0]), int(a[1]), flags, zero))  # type: ignore[arg-type]
    return unroll.calls(body, f"{name}_inside", lambda a: inside_text(name, int(a[0]), int(a[1])))


def _declare_out(out: Layout, params: Params) -> None:
    n, h, w, c = out.dims
    for key, value in zip("NHWCG", (n, h, w, c, out.groups), strict=True):
        params.int(f"y_{key}", value)
    params.int("y_COLS", out.columns)
    if not out.flat:
        params.int("y_PH", out.tile[0]), params.int("y_PW", out.tile[1])


def _head(dialect: str, outputs: int) -> str:
    text = read_shader(f"dialects/{dialect}.glsl")
    outs = "".join(f"layout(location = {i}) out vec4 out_{i};\n" for i in range(outputs))
    return text + (outs if dialect != "es100" else "#define out_0 gl_FragColor\n")


@lru_cache(64)
def _codec_text(name: str, codec: str, dialect: str, decode: bool) -> str:
    text = read_shader(f"codecs/{CODECS[codec].name}.glsl")
    text = unroll.resolve_ifdefs(unroll.mark(text), {"HAS_PACK_HALF"} if dialect != "es100" else set())
    wanted = ("decode", "decode1") if decode else ("encode", "encode1")
    pieces = re.split(r"(?=^(?:vec4|float) \w+code1?\()", unroll.MARK.sub("", text), flags=re.M)
    return "\n".join(
        re.sub(r"\b(decode1?|encode1?)\b", rf"{name}_\1", p) for p in pieces if p.strip() and any(re.match(rf"\w+ {f}\(", p) for f in wanted)
    )


def _activation_text(call: Call) -> str:
    if call.activation is None:
        return "#define activate(v) (v)"
    text = read_shader("lib/activations.glsl")
    sections = {m.group(1): m.group(2) for m in re.finditer(r"^// act: (\w+)\n(.*?)(?=^// act: |\Z)", text, re.M | re.S)}
    done: list[str] = []

    def need(name: str) -> None:
        if name not in sections:
            raise KernelError(f"shaders/lib/activations.glsl has no section '// act: {name}'")
        for other in re.findall(r"^// needs: (.*)$", sections[name], re.M):
            for word in other.replace(",", " ").split():
                need(word)
        if name not in done:
            done.append(name)

    need(call.activation)
    consts = [f"#define {k} {literal(float(v))}" for k, v in call.constants]
    return "\n".join([*consts, *(sections[name] for name in done), f"#define activate(v) act_{call.activation}(v)"])


def _globals(out: Layout, flags: dict[str, str]) -> str:
    names = ", ".join(f"y_{i}" for i in range(out.layers))
    bools = f"bool {', '.join(flags)};" if flags else ""
    return f"int block_y; int block_x; vec4 {names}; {bools}"


def _main(out: Layout, flags: dict[str, str], blocked: bool, dialect: str) -> str:
    n, h, w, c = out.dims
    bh, bw = out.block
    lines = ["void main() {", "int row = int(gl_FragCoord.y); int col = int(gl_FragCoord.x);"]
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
    lines += ["kernel(n, h, w, c);" if blocked else "y_0 = kernel(n, h, w, c);"]
    if c % 4:
        dead = [f"{v}.{lane} = c + {k} < y_C ? {v}.{lane} : 0.0;" for v in y for k, lane in ((1, "y"), (2, "z"), (3, "w"))]
        lines += ["if (g == y_G - 1) {", *dead, "}"]
    for v, (i, j) in zip(y, ((i, j) for i in range(bh) for j in range(bw)), strict=True):
        edges = ([f"h + {i} >= y_H"] if i and h % bh else []) + ([f"w + {j} >= y_W"] if j and w % bw else [])
        lines += [f"if ({' || '.join(edges)}) {v} = vec4(0.0);"] if edges else []
    lines += ["}"]
    if out.texels == 1:
        # es100: gl_FragColor is mediump, and Mesa rounds to half what reaches it from a branch, but not what a selection
        # brings (docs/driver-notes.md).
        live = "n < y_N ? {} : vec4(0.0)" if dialect == "es100" else "{}"
        lines += [f"out_{i} = {live.format(f'y_encode({v})')};" for i, v in enumerate(y)]
    else:
        lines += ["out_0 = y_encode1(lane(y_0, pick));"]
    return "\n".join([*lines, "}"])


def vertex_text(dialect: str) -> str:
    """The vertex shader of every pass: one triangle over the target."""
    return read_shader(f"dialects/{dialect}.vert.glsl")
