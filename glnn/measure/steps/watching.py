"""A kernel on the NumPy device, watched at one pixel: each line of GLSL with its values, each texel that it reads."""

from __future__ import annotations

import ast
import linecache
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from ...device.arrays import ArrayProgram
from ...kernels.numpy.runtime import Texels
from ...show.reports.explanation import Line

MOST_VALUES = 4096  # that are kept of all lines
VALUE = "kernel_value"  # the author's function in the text of a kernel of values, called for each value
MOST_COPIED = 16  # texels that a draw reads which only copies
CHUNK = 512  # pixels that are run at once, each without one of the texels

Place = tuple[str, int]  # a sampler and the number of a texel in its texture
Lacking = tuple[str, int, int | None]  # ... and a component; None: all


class Watched(Texels):
    """A texture that notes which texels are read, and that lacks some: `without[k]` is not there for pixel k.

    What is not there is `blank`. Where that is None, codes stay, and `gone` tells which pixels lack what was read: it
    holds arrays by their ids.
    """

    def __init__(
        self, of: Texels, name: str, reads: dict[Place, None], without: Sequence[Lacking | None], blank: float | None,
        gone: dict[int, tuple[np.ndarray, np.ndarray]],
    ):  # fmt: skip
        super().__init__(of.values, of.layers, of.height, of.width, of.real)
        self.name, self.reads, self.without, self.blank, self.gone = name, reads, without, blank, gone

    def at(self, column: Any, row: Any, layer: Any) -> Any:
        """See Texels."""
        found = super().at(column, row, layer)
        x, y, z = (np.clip(v, 0, n - 1) for v, n in ((column, self.width), (row, self.height), (layer, self.layers)))
        numbers = np.atleast_1d((z * self.height + y) * self.width + x).astype(np.int64)
        if not self.without:
            self.reads.update({(self.name, int(number)): None for number in numbers})
            return found
        numbers = np.broadcast_to(numbers, len(self.without))
        pairs = zip(self.without, numbers, strict=True)
        gone = np.array([p is not None and p[0] == self.name and p[1] == n for p, n in pairs])
        if not any(gone):
            return found
        found = np.array(np.broadcast_to(found, (4, len(gone))))
        if found.dtype.kind == "u" and self.blank is not None:
            return found
        if self.blank is None:
            self.gone[id(found)] = found, gone
            return found
        for k, lacking in enumerate(self.without):
            if lacking is not None and gone[k]:
                found[slice(None) if lacking[2] is None else lacking[2], k] = found.dtype.type(self.blank)
        return found


class _Zeroing(ast.NodeTransformer):
    """Has a program's text give 0 for decoded weights whose texels are not there."""

    def __init__(self, names: Set[str]):
        self.names = names

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """code * scale + low of one of the inputs -> the same, by `zeroed`."""
        self.generic_visit(node)
        match node:
            case ast.BinOp(ast.BinOp(codes, ast.Mult(), ast.Name(scale)), ast.Add(), ast.Name(low)) if any(
                (scale, low) == (f"{name}_s", f"{name}_l") for name in self.names
            ):
                decode = scale.removesuffix("_s") + "_decode"
                calls = [n for n in ast.walk(codes) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
                texels: list[ast.expr] = [n.args[0] for n in calls if n.func.id.startswith(decode)]  # type: ignore[attr-defined]
                return ast.Call(ast.Name("zeroed", ast.Load()), [node, ast.Tuple(texels, ast.Load())], [])
        return node


class Watch:
    """A program at one place (4, 1), with the uniforms and textures of a draw.

    blanks: by sampler what stands where its values are 0; None: it holds codes, which become values by code * scale
            + low
    """

    def __init__(
        self, program: ArrayProgram, textures: Sequence[Texels], ints: Any, floats: Any, place: np.ndarray,
        blanks: Mapping[str, float | None],
    ):  # fmt: skip
        self.program, self.textures, self.ints, self.floats, self.place = program, textures, ints, floats, place
        self.blanks = blanks
        coded = {name.rpartition("_t")[0] for name, blank in blanks.items() if blank is None}
        self._without = program
        self._gone: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        if coded:
            tree = ast.fix_missing_locations(_Zeroing(coded).visit(ast.parse(program.source)))
            self._without = ArrayProgram(ast.unparse(tree), f"{program.file} without", program.samplers)
            self._without.namespace["zeroed"] = self._zeroed

    def _zeroed(self, values: np.ndarray, texels: Sequence[np.ndarray]) -> np.ndarray:
        """Values (4, n) that were decoded of texels, 0 where these are not there."""
        share = 4 // len(texels)
        for k, texel in enumerate(texels):
            if id(texel) in self._gone:
                values = np.array(np.broadcast_to(values, (4, texel.shape[1])))
                values[k * share : (k + 1) * share, self._gone[id(texel)][1]] = 0
        return values

    def _run(
        self, reads: dict[Place, None], without: Sequence[Lacking | None], blank: float | None = None
    ) -> list[np.ndarray]:
        """The outputs; blank: what stands for all that is not there, None: what is 0 there."""
        space = (self._without if without else self.program).namespace
        self._gone.clear()
        for name, texels in zip(self.program.samplers, self.textures, strict=False):
            zero = self.blanks.get(name, 0.0) if blank is None else blank
            space[name] = Watched(texels, name, reads, without, zero, self._gone)
        places = np.repeat(self.place, max(1, len(without)), axis=1)
        with np.errstate(all="ignore"):
            outputs = space["draw"](self.ints, self.floats, places)
        return [np.broadcast_to(output, (4, places.shape[1])) for output in outputs]

    def lines(self, file: str, outputs: set[str], call: int) -> tuple[list[Line], int, list[Place], list[np.ndarray]]:
        """The lines that ran, how many values were left out, the texels read, and the outputs (4, 1) each.

        file: of the kernel; outputs: the variables in main that matter
        call: of a kernel of values, which of its calls computes the value
        """
        seen = _Lines(self.program, file, outputs, call)
        reads: dict[Place, None] = {}
        with _traced(seen):
            made = self._run(reads, ())
        return seen.lines(), seen.left_out, list(reads), made

    def changes(self, reads: Sequence[Place], value: Callable[[list[np.ndarray]], np.ndarray]) -> list[float]:
        """For each texel by how much the value is more with it than without. value: of outputs (4, n) each -> (n,)."""
        found: list[float] = []
        for first in range(0, len(reads), CHUNK):
            part = [None, *((*read, None) for read in reads[first : first + CHUNK])]
            with np.errstate(invalid="ignore"):
                values = value(self._run({}, part)).astype(np.float64)
                found += (values[0] - values[1:]).tolist()
        return found

    def copied(self, reads: Sequence[Place], value: Callable[[list[np.ndarray]], np.ndarray]) -> Lacking | None:
        """The one component of a texel that the value follows from alone; None where there are several, or none."""
        if len(reads) > MOST_COPIED:
            return None
        parts = [(*read, component) for read in reads for component in range(4)]
        told = np.isnan(value(self._run({}, [None, *parts], np.nan)))
        found = [part for part, depends in zip(parts, told[1:], strict=True) if depends]
        return found[0] if len(found) == 1 and not told[0] else None


class _Lines:
    """What a tracer keeps: by line of the kernel, the values that variables got there."""

    def __init__(self, program: ArrayProgram, kernel: str, outputs: set[str], call: int):
        self.file, self.space, self.outputs = program.file, program.namespace, outputs
        self.kernel, self.call = kernel, call
        self.of_values = VALUE in program.namespace
        self.calls, self.within = (
            0,
            0,
        )  # of a kernel of values: how many there were, and the frame of the one that counts
        self.left_out = self.kept = 0
        self.places: dict[int, tuple[str, str]] = {}
        self.found: dict[tuple[str, str], list[tuple[str, tuple[float, ...]]]] = {}
        self.before: dict[int, tuple[tuple[str, str] | None, str, dict[str, Any]]] = {}
        place: tuple[str, str] | None = None
        for number, line in enumerate(program.source.split("\n"), 1):
            comment = re.match(r"\s*# (.+?:\d+): (.*)", line)
            if comment:
                place = comment[1], comment[2]
            elif line and not line[0].isspace() and not line.startswith("def"):
                place = None
            elif place:
                self.places[number] = place

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        """For sys.settrace."""
        if frame.f_code.co_filename != self.file:
            return None
        key, name = id(frame), frame.f_code.co_name
        if event == "call" and name == VALUE:
            self.within = key if self.calls == self.call else 0
            self.calls += 1
        if key in self.before:
            self._note(frame, *self.before.pop(key), arg if event == "return" else None)
        if event == "return" and key == self.within:
            self.within = 0
        if event == "line":
            values = dict(frame.f_locals) | {n: self.space[n] for n in self.outputs if n in self.space}
            self.before[key] = self.places.get(frame.f_lineno), name, values
        return self.trace

    def _note(self, frame: FrameType, place: Any, function: str, before: dict[str, Any], returned: Any) -> None:
        if place is None or not self._matters(place[0], function):
            return
        now = dict(frame.f_locals) | {n: self.space[n] for n in self.outputs if n in self.space}
        own = self._own(place[0])
        changed = [(n, v) for n, v in now.items() if v is not before.get(n) and not re.fullmatch(r"live\d*|result", n)]
        if not own:
            changed = [(n, v) for n, v in changed if n in self.outputs and not _same(v, before.get(n))]
        if returned is not None and own:
            changed.append(("return", returned))
        for name, value in changed:
            if isinstance(value, list) and len(value) == len(before.get(name) or ()):  # an element of an array
                pairs = enumerate(zip(value, before[name], strict=True))
                parts = [(f"{name}[{k}]", new) for k, (new, old) in pairs if new is not old]
            else:
                parts = [(name, value)]
            for told, part in parts:
                if self.kept == MOST_VALUES:
                    self.left_out += 1
                    continue
                self.kept += 1
                self.found.setdefault(place, []).append((told, _plain(part)))

    def _matters(self, where: str, function: str) -> bool:
        if self._own(where):
            return self.within != 0 if self.of_values else True
        return where.startswith("text:") and function in ("main", "kernel")

    def _own(self, where: str) -> bool:
        return where.rpartition(":")[0] == self.kernel

    def lines(self) -> list[Line]:
        """The lines in the order in which they first ran."""
        return [Line(where, self._text(where, text), tuple(values)) for (where, text), values in self.found.items()]

    def _text(self, where: str, text: str) -> str:
        """The author's line, where the text around it has changed it."""
        file, _, line = where.rpartition(":")
        return (self.of_values and linecache.getline(file, int(line)).strip()) or text


@contextmanager
def _traced(lines: _Lines) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(lines.trace)
    try:
        yield
    finally:
        sys.settrace(before)


def _plain(value: Any) -> tuple[float, ...]:
    if isinstance(value, list):
        return tuple(number for part in value for number in _plain(part))
    return tuple(map(float, np.ravel(np.asarray(value, np.float64))))


def _same(a: Any, b: Any) -> bool:
    return b is not None and np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)
