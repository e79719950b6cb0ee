"""What a draw computes with each value before it is written: the text of `finish`, and of what it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ..errors import KernelError
from ..records import dataclass
from .fetches import Bound
from .files import read_shader
from .language.glsl import printed
from .language.halves import rounded
from .language.parse import parse_file
from .read_windows import Origin, moving_tap_text, tap_text
from .uniforms import Params

LIBRARY = ("lib/functions.glsl", "lib/operations.glsl", "lib/angles.glsl")
NUMBER = "finish_n"  # the numbers of a text are finish_n0, finish_n1, ...
VECTORS = "finish_c"  # its weights by channel lie in cells of this name
ROLLED = 4  # values of a block from which on a long finish is a loop over them
# What drivers in software write out as a polynomial: for eight values it is half of a text's time to compile.
LONG = re.compile(r"\b(exp|log|pow|sin|cos|tan|asin|acos|atan|sinh|cosh)2?\(")


@dataclass(frozen=True)
class Spread:
    """A tensor that a finish reads, by the name it is bound under: along which of n, h, w, c it has more than one."""

    name: str
    n: bool = True
    h: bool = True
    w: bool = True
    c: bool = True


@dataclass(frozen=True)
class Place:
    """The number of an element along an axis: n, h, w or c; of the axes that n holds, n / div, and of that modulo size.

    size: 0 for the first axis, which needs no modulo
    """

    axis: str
    div: int = 1
    size: int = 0


@dataclass(frozen=True)
class Finish:
    """Statements over v (what the kernel made), t0, .. (tensors), c0, .. (weights by channel) and i0, .. (numbers).

    functions: those of the library that they call: name, number of arguments and of constants after them
    numbers:   the values of finish_n0, finish_n1, ...
    """

    text: str
    functions: tuple[tuple[str, int, int], ...] = ()
    numbers: tuple[float, ...] = ()
    tensors: tuple[Spread, ...] = ()
    vectors: int = 0
    places: tuple[Place, ...] = ()
    chosen: int | None = None  # 1, or 0 where a draw by the same text leaves it out; None: no draw does


def finish_text(finish: Finish, params: Params, half: bool) -> str:
    """The function `finish`; half: its arithmetic is in half floats."""
    for k, value in enumerate(finish.numbers):
        params.float(f"{NUMBER}{k}", value)
    declare_places(finish, "finish_", params)
    if finish.chosen is not None:
        params.int("finish_on", finish.chosen)
    counts = {"t": len(finish.tensors), "c": finish.vectors, "i": len(finish.places)}
    args = ["v", *(f"{letter}{k}" for letter, count in counts.items() for k in range(count))]
    return body_text("finish", args, finish.text, half)


def body_text(name: str, args: Sequence[str], text: str, half: bool) -> str:
    """A function of vec4 with these statements."""
    whole = f"vec4 {name}({', '.join(f'vec4 {arg}' for arg in args)}) {{\n{text}\n}}"
    return _rounded(whole) if half else whole


def functions_text(finishes: Sequence[Finish], half: bool) -> str:
    """The functions of the library that some of them call."""
    library = library_functions(tuple(dict.fromkeys(function for one in finishes for function in one.functions)))
    return _rounded(library) if half else library


def _rounded(text: str) -> str:
    return printed(rounded(parse_file(text, f"shaders/{LIBRARY[0]}", library=True)))[0]


@lru_cache(256)
def library_functions(functions: tuple[tuple[str, int, int], ...]) -> str:
    """The sections of the library that these functions need, and each of them for vectors. Raises KernelError."""
    sections = {
        m.group(1): m.group(2)
        for path in LIBRARY
        for m in re.finditer(r"^// function: (\w+)\n(.*?)(?=^// function: |\Z)", read_shader(path), re.M | re.S)
    }
    done: dict[str, str] = {}

    def need(name: str) -> None:
        if name not in sections:
            raise KernelError(f"shaders/{' or '.join(LIBRARY)} should have a section '// function: {name}'")
        for others in re.findall(r"^// needs: (.*)$", sections[name], re.M):
            for word in others.replace(",", " ").split():
                need(word)
        done.setdefault(name, sections[name])

    for name, _, _ in functions:
        need(name)
    return "\n".join([*done.values(), *(_for_vectors(*function) for function in functions)])


def _for_vectors(name: str, count: int, constants: int) -> str:
    args, numbers = [f"v{k}" for k in range(count)], [f"k{k}" for k in range(constants)]
    given = ", ".join([*(f"vec4 {arg}" for arg in args), *(f"float {number}" for number in numbers)])
    lanes = (f"f_{name}({', '.join([*(f'{arg}.{lane}' for arg in args), *numbers])})" for lane in "xyzw")
    return f"vec4 act_{name}({given}) {{ return vec4({', '.join(lanes)}); }}"


@dataclass(frozen=True)
class Read:
    """How a finish reads a tensor: what it is bound to, and for a blocked kernel where windows lie in it.

    check_zero: along height and width, whether a block of the output may lie beyond the tensor's own
    """

    bound: Bound
    origin: Origin | None
    check_zero: tuple[bool, bool] = (False, False)


def finish_lines(
    finish: Finish,
    reads: Mapping[str, Read],
    block: tuple[int, int],
    values: list[str],
    flags: dict[str, str],
    group: str = "g",
) -> list[str]:
    """Statements for main that finish the values of a block, row by row; adds to `flags` what taps ask for.

    group: the text of the number of the group of channels
    """
    lines = []
    if finish.vectors:
        vectors = (f"vec4 c{k} = {VECTORS}({k});" for k in range(finish.vectors))
        lines.append(f"{VECTORS}_seek({group}); {' '.join(vectors)}")
    lines += seek_lines(finish.tensors, reads, group)
    if rolls(finish, len(values)):
        return [*lines, *rolled_lines(finish, values)]
    for v, (i, j) in zip(values, ((i, j) for i in range(block[0]) for j in range(block[1])), strict=True):
        taps = [tap_of(spread, reads[spread.name], i, j, flags) for spread in finish.tensors]
        places = [place_text(place, "finish_", k, i, j) for k, place in enumerate(finish.places)]
        made = f"finish({', '.join([v, *taps, *(f'c{k}' for k in range(finish.vectors)), *places])})"
        lines.append(f"{v} = {made if finish.chosen is None else f'finish_on == 1 ? {made} : {v}'};")
    return lines


def rolls(finish: Finish, count: int) -> bool:
    """Whether a loop finishes the values one after another: they are many, and what it does is long and alike."""
    alike = not finish.tensors and all(place.axis in "nc" for place in finish.places)
    return count >= ROLLED and alike and bool(LONG.search(library_functions(finish.functions)))


def rolled_lines(finish: Finish, values: list[str]) -> list[str]:
    """Statements that finish each value in a turn of a loop and pass them on: an array would lie in memory.

    y_N is 1 at least, which compilers do not know: they would write the turns out.
    """
    first, *others, last = values
    places = [place_text(place, "finish_", k) for k, place in enumerate(finish.places)]
    given = ", ".join([first, *(f"c{k}" for k in range(finish.vectors)), *places])
    passed = (f"{v} = {then};" for v, then in zip([first, *others], [*others, last], strict=True))
    some = "min(y_N, 1)" if finish.chosen is None else "finish_on"
    turns = f"for (int turn = 0; turn < {len(values)} * {some}; turn++)"
    return [f"{turns} {{ vec4 done = finish({given});", *passed, f"{last} = done; }}"]


def declare_places(finish: Finish, prefix: str, params: Params) -> None:
    """Makes known what tells the numbers of elements along axes that n holds."""
    for k, place in enumerate(finish.places):
        if place.axis == "n":
            params.int(f"{prefix}d{k}", place.div), params.int(f"{prefix}m{k}", place.size)


def place_text(place: Place, prefix: str, k: int, i: int = 0, j: int = 0) -> str:
    """The numbers of a pixel's four lanes along an axis, i rows below and j columns right of (h, w)."""
    if place.axis == "c":
        return "vec4(float(c), float(c + 1), float(c + 2), float(c + 3))"
    if place.axis != "n":
        return f"vec4(float({place.axis} + {i if place.axis == 'h' else j}))"
    whole = "n" if place.div == 1 else f"idiv(n, {prefix}d{k})"
    return f"vec4(float({f'imod({whole}, {prefix}m{k})' if place.size else whole}))"


def spread_call(spread: Spread) -> str:
    """The expression that reads a tensor at (n, h, w, c)."""
    axes = zip("nhwc", (spread.n, spread.h, spread.w, spread.c), strict=True)
    text = f"{spread.name}({', '.join(axis if whole else '0' for axis, whole in axes)})"
    return text if spread.c else f"{text}.xxxx"


def seek_lines(tensors: Sequence[Spread], reads: Mapping[str, Read], group: str) -> list[str]:
    """Statements that seek the block's place in tensors whose windows are sought."""
    return [
        f"{spread.name}_seek({'n' if spread.n else '0'}, h, w, {group if spread.c else '0'});"
        for spread in tensors
        if reads[spread.name].origin is not None
    ]


def tap_of(spread: Spread, read: Read, i: int, j: int, flags: dict[str, str]) -> str:
    """The expression that reads a tensor i rows below, j columns right of (h, w); adds to `flags` what it asks for."""
    x, at = spread.name, (i * spread.h + read.bound.row, j * spread.w)
    if read.origin is None:
        return spread_call(spread)
    if read.origin.static:
        text = tap_text(x, read.bound.layout, read.origin, *at, flags, read.check_zero)
    else:
        text = moving_tap_text(x, read.bound, *map(str, at))
    return text if spread.c else f"{text}.xxxx"


def calls(finish: Finish, blocked: bool) -> set[str]:
    """The accessors that its statements call."""
    ends = ("_seek", "_tap") if blocked else ("",)
    return {f"{spread.name}{end}" for spread in finish.tensors for end in ends}
