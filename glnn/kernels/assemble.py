"""From a kernel's .glsl file, the layouts it is bound to and a dialect to the text that a driver compiles. Pure text.

The kernel language is described in docs/kernels.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import field, replace
from functools import cached_property, lru_cache

from ..errors import KernelError
from ..layout.limits import FETCHES, MAX_LOOP_TURNS, TEXEL
from ..layout.tiles import Layout
from ..records import dataclass
from .expand import Expanded, block_consts, expand, written
from .fetches import Bound, held, sampler
from .files import KernelSource, kernel_names, load_kernel, parse, read_shader
from .finish import VECTORS, Finish, Read, calls, finish_lines, finish_text, functions_text
from .frame import (
    bare,
    codec_text,
    common_text,
    declare_out,
    globals_text,
    half_text,
    head_text,
    literal,
    main_text,
    vertex_text,
)
from .language.turns import loop_turns
from .parts import Parted, declare_parts, part_lines
from .read_cells import cells_text
from .read_rows import row_text
from .read_tensors import tensor_text
from .read_windows import Origin, inside_text, may_miss, moving_tap_text, row_tap_text, tap_text, window_origin
from .uniforms import READ, Params
from .virtual import Of, Virtual, virtual_text

__all__ = [
    "Bound", "Call", "KernelSource", "ShaderText",
    "assemble", "kernel_names", "literal", "load_kernel", "parse", "read_shader",
]  # fmt: skip
KEPT = 256  # texts; a model says the same of many layers, and again for other sizes of a few


@dataclass(frozen=True)
class Call:
    """One use of a kernel: everything its text depends on."""

    kernel: str
    out: Layout
    inputs: tuple[tuple[str, Bound], ...] = ()
    cells: tuple[tuple[str, Bound], ...] = ()  # those named <name>_q hold the scales of what is called <name>
    const: tuple[tuple[str, int | float], ...] = ()
    param: tuple[tuple[str, int], ...] = ()
    finish: Finish | None = None  # its tensors are among the inputs, its vectors cells
    out_codec: str = "float32"
    out_values: tuple[float, float] | None = None  # scale and zero of an output of codec uint8_range
    dialect: str = "es300"
    precision: str = "highp"  # "mediump": arithmetic in half floats
    looped: bool = False  # a blocked kernel for a pixel at a time, its marked loops left; consts may be params
    rolled: tuple[str, ...] = ()  # variables whose loops alone are left; what bounds them may be a param
    virtual: tuple[tuple[str, Virtual], ...] = ()  # inputs of the kernel that are made of others among the inputs
    uniform: tuple[tuple[str, float], ...] = ()  # floats that come with the draw
    parts: Parted | None = None  # what is made of parts of the channels
    edges: tuple[bool, bool] = (False, False)  # whether pixels below and beside images are cleared where there are none
    fetch: str | None = None  # one of the dialect's FETCHES; None: the first
    lanes: bool = False  # whether lanes past the last channel are, too

    @property
    def block(self) -> tuple[int, int]:
        """What its kernel takes for its block."""
        return self.parts.block(self.out) if self.parts else self.out.block

    @property
    def finishes(self) -> list[Finish]:
        """All that is computed besides the kernel."""
        return [*(v.finish for _, v in self.virtual if isinstance(v, Of)), *self.ends]

    @property
    def ends(self) -> list[Finish]:
        """What is computed of what the kernel makes."""
        return [one for one in (self.finish, self.parts.finish if self.parts else None) if one]


@dataclass(frozen=True)
class ShaderText:
    """What a driver compiles, the samplers in the order of their units, and the values of the uniform arrays P and F.

    `origins` gives for each line of the fragment text the file and line that it came from. The integer uniform ROW0
    (rows of tiles before this part of the output) is P[0].x; `names` says what all integers of P are called.
    """

    kernel: str
    dialect: str
    vertex: str
    fragment: str
    samplers: tuple[str, ...]
    origins: tuple[tuple[str, int], ...]
    ints: tuple[int, ...]
    floats: tuple[float, ...]
    names: tuple[str, ...] = ()
    float_names: tuple[str, ...] = ()  # what the floats of F are called, in their order

    def __repr__(self) -> str:
        lines = self.fragment.count("\n")
        return f"<ShaderText of kernel {self.kernel!r} in {self.dialect}: {lines} lines, {self.key[:12]}>"

    def _repr_html_(self) -> str:
        from ..show import html
        from ..show.views import plans

        return html.view(plans.text_html(self))

    @cached_property
    def key(self) -> str:
        """SHA-256 of the fragment text: the cache key of the program."""
        return hashlib.sha256(self.fragment.encode()).hexdigest()

    def locate(self, line: int) -> tuple[str, int] | None:
        """The kernel file and line behind a line (from 1) of the fragment text."""
        return self.origins[line - 1] if 0 < line <= len(self.origins) else None


def checked(source: KernelSource, call: Call) -> None:
    """Raises KernelError unless a call binds what the kernel declares."""
    declared, own = source.declared, _of_finish(call)
    kinds = {
        "input": (
            [name for name, _ in (*call.inputs, *call.virtual) if name not in own],
            (*declared["input"], *declared["optional"]),
        ),
        "const": ([name for name, _ in call.const], declared["const"]),
        "param": ([name for name, _ in call.param], declared["param"]),
        "cells": (
            [n for n, _ in call.cells if n not in own and not n.endswith("_q")],
            (*declared["matrix"], *declared["vector"]),
        ),
    }
    if call.looped or call.rolled:  # what loops and taps reckon with may come with the draw
        handed = [name for name, _ in call.param if name in declared["const"]]
        kinds["const"][0].extend(handed)
        kinds["param"] = ([n for n in kinds["param"][0] if n not in handed], declared["param"])
    for kind, (given, allowed) in kinds.items():
        extra = [n for n in given if n not in allowed]
        missing = [n for n in allowed if n not in given and n not in declared["optional"]]
        if extra or missing:
            raise KernelError(f"{source.file}: {kind} not declared: {extra}; not given: {missing}")


def _of_finish(call: Call) -> set[str]:
    """What is bound for the finish and for virtual inputs, of which the kernel knows nothing."""
    own = {name for _, virtual in call.virtual for name in virtual.names}
    return own | {spread.name for one in call.ends for spread in one.tensors} | ({VECTORS} if call.finish else set())


def assemble(call: Call, source: KernelSource | None = None) -> ShaderText:
    """The text of a kernel for its bindings, the last few kept. Raises KernelError for what the contract forbids."""
    source = source or load_kernel(call.kernel)
    numbers: list[tuple[float, ...]] = [bound.values for _, bound in (*call.inputs, *call.cells)]
    numbers += [finish.numbers for finish in call.finishes]
    return _assembled(_Key(call, repr((id(source), call.const, call.uniform, call.out_values, numbers)), source))


@dataclass(frozen=True)
class _Key:
    """A call as one that others are the same as; `told` tells 1 from 1.0, and 0.0 from -0.0."""

    call: Call
    told: str
    source: KernelSource = field(compare=False)


@lru_cache(KEPT)
def _assembled(key: _Key) -> ShaderText:
    call, source = key.call, key.source
    source = source.blocks(call.out.block) if source.blocks else source
    checked(source, call)
    const, out, dialect = dict(call.const), call.out, call.dialect
    if out.layers > 1 and (call.looped or not (source.blocked or source.each)):
        raise KernelError(f"{source.file}: makes one texel at a time; its output can't lie in blocks of {out.block}")
    # Where a value is read by sixteen fetches, or every statement rounded, the text written out takes compilers long.
    half = call.precision == "mediump"
    looped = call.looped or out.texels > 1 or half
    finish, finished, reads = call.finish, _of_finish(call), dict[str, Read]()
    given = frozenset(name for name, _ in (*call.inputs, *call.virtual) if name not in finished)
    expanded = expand(source, given, call.const, call.block, looped, call.rolled)
    fetch = call.fetch or FETCHES[dialect][0]
    params = Params(expanded.bounding if dialect == "es100" else frozenset(), fetch == TEXEL)
    params.int("ROW0", 0)
    for name, value in call.param:
        params.int(name, value)
    for name, number in call.uniform:
        params.float(name, number)
    flags: dict[str, str] = {}
    texts: list[tuple[str, str]] = []  # accessors, and what main starts with for them
    taps: list[tuple[tuple[str | int | None, ...], str]] = []
    called = expanded.called.union(*(calls(one, source.blocked) for one in call.ends))
    called |= {name for _, virtual in call.virtual for name in virtual.names}
    called |= {name for name, bound in call.inputs if f"{name}_row" in called and not held(bound)}
    called |= {f"{tap.removesuffix('_tap')}_line" for tap, i, _ in expanded.taps if i is None}
    for name, bound in sorted(call.cells, key=lambda cell: not cell[0].endswith("_q")):
        matrix = name in source.declared["matrix"]
        texts.append(cells_text(name, replace(bound, half=half), matrix, params, dialect))
    for name, bound in call.inputs:
        # The accessor finds the scales of a place, and what a section of a tensor is part of.
        moving = looped or bound.quant in ("tensor", "channel") or not bound.whole_images
        origin = window_origin(out, bound.layout, bound.mul, bound.div, moving) if source.blocked else None
        if origin is not None and call.looped:
            origin = replace(origin, uniform=True)
        size = bound.size or bound.layout.size
        texts.append(tensor_text(name, replace(bound, half=half), size, origin, called, params, dialect))
        if f"{name}_row" in called:
            texts.append((row_text(name, replace(bound, half=half), params), ""))
        if name in finished:
            reads[name] = Read(bound, origin, may_miss(bound.layout, origin, out))
        elif origin is not None:
            taps += _taps(expanded, name, bound, origin, out, flags)
    texts.append(encoding(call, params))
    parts = [text for text, _ in texts]
    start = " ".join([f"{READ}();"] * looped + [statements for _, statements in texts if statements])
    if half:
        params.int("HALF_ZERO", 0)
    body, lines, words = written(expanded, tuple(taps), half)
    epilogue: list[str] = []
    parts.append(functions_text(call.finishes, half))
    parts += [virtual_text(name, virtual, called, params, half) for name, virtual in call.virtual]
    if finish is not None:
        parts.append(finish_text(finish, params, half))
    if call.parts:
        declare_parts(call.parts, params)
        epilogue = part_lines(call.parts, finish, reads, out, flags)
    elif finish is not None:
        epilogue = finish_lines(finish, reads, out.block, [f"y_{k}" for k in range(out.layers)], flags)
    declare_out(out, params)
    env = {**params.ints, **const, **dict(block_consts(call.block))}
    turns = loop_turns(expanded.tree, env, expanded.outlines)
    if turns > MAX_LOOP_TURNS:
        raise KernelError(
            f"{source.file}: an invocation would take {turns} loop turns, at most {MAX_LOOP_TURNS} are safe "
            "on every driver: lower this layer in stages"
        )
    defines = "\n".join(f"#define {k} {literal(v)}" for k, v in (*call.const, *block_consts(call.block)))
    tail = bare(main_text(out, flags, source.blocked, dialect, start, epilogue, call.edges, call.lanes))
    rounding = half_text(dialect) if half else ""
    params.keep("\n".join([rounding, *parts, tail]), words)
    pieces = [
        head_text(dialect, fetch, out.layers, call.out_codec),
        common_text("\n".join([rounding, *parts, body, tail])),
        defines,
        params.declare(looped),
        rounding,
        globals_text(call.parts.values(out) if call.parts else out.layers, flags),
        *parts,
    ]
    head = bare("\n".join(pieces))
    count = (head.count("\n") + 1, tail.count("\n") + 1)
    origins = [("generated", i + 1) for i in range(count[0])] + [(source.file, line) for line in lines]
    origins += [("generated", len(origins) + i + 1) for i in range(count[1])]
    samplers = tuple(sampler(n, i) for n, bound in (*call.inputs, *call.cells) for i in range(bound.layout.textures))
    ints, floats = params.values()
    return ShaderText(
        source.name, dialect, vertex_text(dialect), f"{head}\n{body}\n{tail}\n",
        samplers, tuple(origins), tuple(ints), tuple(floats), params.names, params.float_names,
    )  # fmt: skip


def encoding(call: Call, params: Params) -> tuple[str, str]:
    """The functions that encode the output, and statements for main that set what they need."""
    text = codec_text("y", call.out_codec, call.dialect, decode=False)
    if "HALF_ZERO" in text:
        params.int("HALF_ZERO", 0)
    if call.out_values is None:
        return text, ""
    scale, zero = call.out_values
    inverse, zero_name = params.float("y_R", 1 / scale), params.float("y_Z", zero)
    return f"float y_r; float y_z;\n{text}", f"y_r = {inverse}; y_z = {zero_name};"


def _taps(
    expanded: Expanded, name: str, bound: Bound, origin: Origin, out: Layout, flags: dict[str, str]
) -> list[tuple[tuple[str | int | None, ...], str]]:
    """What stands for the taps into an input: by name and constants, or by name alone a text with i and j in it."""
    layout, check_zero = bound.layout, may_miss(bound.layout, origin, out)
    inside = ((f"{name}_inside",), inside_text(name, "i", "j"))
    if not origin.static:
        down = f"i + {bound.row}" if bound.row else "i"
        return [((f"{name}_tap",), moving_tap_text(name, bound, down, "j")), inside]
    made: list[tuple[tuple[str | int | None, ...], str]] = [inside]
    for tap, i, j in expanded.taps:
        if tap == f"{name}_tap" and i is None:
            made.append(((tap, i, j), row_tap_text(name, layout, origin, j, flags, check_zero[1])))
        elif tap == f"{name}_tap" and i is not None:
            made.append(((tap, i, j), tap_text(name, layout, origin, i + bound.row, j, flags, check_zero)))
    return made
