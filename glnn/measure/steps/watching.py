"""A kernel on the NumPy device, watched at one pixel: each line of GLSL with its values, each texel that it reads."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from ...device.arrays import ArrayProgram
from ...kernels.numpy.runtime import Texels
from ...show.reports.explanation import Line

MOST_VALUES = 4096  # that are kept of all lines
CHUNK = 512  # pixels that are run at once, each without one of the texels

Place = tuple[str, int]  # a sampler and the number of a texel in its texture


class Watched(Texels):
    """A texture that notes which texels are read, and that lacks some: `without[k]` is not there for pixel k.

    A texel that is not there holds `blank` in all of its components.
    """

    def __init__(self, of: Texels, name: str, reads: dict[Place, None], without: Sequence[Place | None], blank: float):
        super().__init__(of.values, of.layers, of.height, of.width, of.real)
        self.name, self.reads, self.without, self.blank = name, reads, without, blank

    def at(self, column: Any, row: Any, layer: Any) -> Any:
        """See Texels."""
        found = super().at(column, row, layer)
        x, y, z = (np.clip(v, 0, n - 1) for v, n in ((column, self.width), (row, self.height), (layer, self.layers)))
        numbers = np.atleast_1d((z * self.height + y) * self.width + x).astype(np.int64)
        if not self.without:
            self.reads.update({(self.name, int(number)): None for number in numbers})
            return found
        numbers = np.broadcast_to(numbers, len(self.without))
        gone = [p is not None and p[0] == self.name and p[1] == n for p, n in zip(self.without, numbers, strict=True)]
        if not any(gone):
            return found
        found = np.array(np.broadcast_to(found, (4, len(gone))))
        found[:, gone] = found.dtype.type(self.blank)
        return found


class Watch:
    """A program at one place (4, 1), with the uniforms and textures of a draw."""

    def __init__(
        self, program: ArrayProgram, textures: Sequence[Texels], ints: Any, floats: Any, place: np.ndarray,
        blanks: Mapping[str, float],
    ):  # fmt: skip
        self.program, self.textures, self.ints, self.floats, self.place = program, textures, ints, floats, place
        self.blanks = blanks

    def _run(self, reads: dict[Place, None], without: Sequence[Place | None]) -> list[np.ndarray]:
        space = self.program.namespace
        for name, texels in zip(self.program.samplers, self.textures, strict=False):
            space[name] = Watched(texels, name, reads, without, self.blanks.get(name, 0.0))
        places = np.repeat(self.place, max(1, len(without)), axis=1)
        with np.errstate(all="ignore"):
            outputs = space["draw"](self.ints, self.floats, places)
        return [np.broadcast_to(output, (4, places.shape[1])) for output in outputs]

    def lines(self, kernel: str, outputs: set[str]) -> tuple[list[Line], int, list[Place], list[np.ndarray]]:
        """The lines that ran, how many values were left out, the texels read, and the outputs (4, 1) each.

        kernel: the name of its file; outputs: the variables in main that matter
        """
        seen = _Lines(self.program, kernel, outputs)
        reads: dict[Place, None] = {}
        with _traced(seen):
            made = self._run(reads, ())
        return seen.lines(), seen.left_out, list(reads), made

    def changes(self, reads: Sequence[Place], buffer: int, lane: int) -> list[float]:
        """For each texel by how much a lane of an output is more with it than without."""
        found: list[float] = []
        for first in range(0, len(reads), CHUNK):
            part = [None, *reads[first : first + CHUNK]]
            values = self._run({}, part)[buffer][lane].astype(np.float64)
            found += (values[0] - values[1:]).tolist()
        return found


class _Lines:
    """What a tracer keeps: by line of the kernel, the values that variables got there."""

    def __init__(self, program: ArrayProgram, kernel: str, outputs: set[str]):
        self.file, self.space, self.outputs = program.file, program.namespace, outputs
        self.left_out = self.kept = 0
        self.places: dict[int, tuple[str, str]] = {}
        self.found: dict[tuple[str, str], list[tuple[str, tuple[float, ...]]]] = {}
        self.before: dict[int, tuple[tuple[str, str] | None, str, dict[str, Any]]] = {}
        place: tuple[str, str] | None = None
        for number, line in enumerate(program.source.split("\n"), 1):
            comment = re.match(r"\s*# ([^\s:]+:\d+): (.*)", line)
            if comment:
                place = comment[1], comment[2]
            elif line and not line[0].isspace() and not line.startswith("def"):
                place = None
            elif place:
                self.places[number] = place
        self.kernel = kernel

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        """For sys.settrace."""
        if frame.f_code.co_filename != self.file:
            return None
        key, name = id(frame), frame.f_code.co_name
        if key in self.before:
            self._note(frame, *self.before.pop(key), arg if event == "return" else None)
        if event == "line":
            values = dict(frame.f_locals) | {n: self.space[n] for n in self.outputs if n in self.space}
            self.before[key] = self.places.get(frame.f_lineno), name, values
        return self.trace

    def _note(self, frame: FrameType, place: Any, function: str, before: dict[str, Any], returned: Any) -> None:
        if place is None or not self._matters(place[0], function):
            return
        now = dict(frame.f_locals) | {n: self.space[n] for n in self.outputs if n in self.space}
        own = place[0].split(":")[0].endswith(self.kernel)
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
        file = where.split(":")[0]
        return file.endswith(self.kernel) or (file == "text" and function in ("main", "kernel"))

    def lines(self) -> list[Line]:
        """The lines in the order in which they first ran."""
        return [Line(where, text, tuple(values)) for (where, text), values in self.found.items()]


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
