"""A model on a device against a reference, layer by layer: which layer is wrong by itself, and how far that carries.

The plan runs twice, step by step, side by side. One run is as predict's, and what it makes is each layer's *inherited*
error. In the other each tensor is replaced by the reference's right after it was read, so that every layer's shaders
read the reference's inputs, and what they make of them is the layer's *own* error. Both are the plan that predict runs.

How far a layer may be off is measured too: by the same layer in NumPy in float32, on inputs that are off in their last
bit, inputs and output rounded as the tensors' codecs round them. On a device of half floats, what is beyond it may
still be what half floats make of a sound kernel: `halves` tells. See docs/compare.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import InputError
from ...graph.graph import ActivationCodec, Graph
from ...plan.steps import each_draw
from ...quant import HALF_MAX
from ...run.inputs import with_states
from ...run.session import Arrays, Session
from ...show.progress import Progress
from ...show.reports.comparison import CompareReport, CompareRow, Errors, PartRow, Picture
from ..quantize.ranges import batches
from ..steps.segments import Chain, Segment, covered, makers, segments
from ..steps.stepping import Steps, rounded
from .halves import rounded_by_halves
from .noise import last_bits
from .parts import alone
from .reproduce import reproducer
from .shrink import Failure
from .sources import INPUT, NUMPY, SavedRun, Source, layer_keys, source_of
from .tally import Tally
from .verdict import tolerance, verdict

__all__ = ["CompareReport", "CompareRow", "Errors", "PartRow", "compare"]

MAP = 48  # the most rows and columns of an error map


@dataclass
class _Seen:
    """What is known of a measured tensor so far, over the pieces of the samples."""

    segment: Segment
    kernel: str
    label: str
    type: str
    own: Tally = field(default_factory=Tally)
    inherited: Tally = field(default_factory=Tally)
    noise: Tally = field(default_factory=lambda: Tally(brief=True))
    halves: Tally = field(default_factory=lambda: Tally(brief=True))  # own, against what half floats should make
    rounding: Tally = field(default_factory=lambda: Tally(brief=True))  # that, against the reference
    parts: dict[str, tuple[PartRow, ...]] = field(default_factory=dict)
    error_map: Picture = ()
    foreign: bool = False
    inputs: Arrays = field(default_factory=dict)  # of a guilty one: what its first sample reads


def compare(
    graph: Graph,
    session: Session,
    x: Any,
    reference: Any = NUMPY,
    save: Any = None,
    origin: Any = None,
    verbose: Any = "auto",
) -> CompareReport:
    """The user's graph against a reference on inputs x, on the session's device, whose graph is the optimized one.

    reference, save: see Model.compare; origin: what the model was loaded from, for reference="keras"
    Raises InputError, UnsupportedError for a layer without a reference, and what a prediction raises.
    """
    try:
        arrays = with_states(x, graph)
    except InputError as error:
        raise InputError(f"compare: {error}") from None
    count = len(next(iter(arrays.values())))
    if not count:
        raise InputError("compare: no sample was given; give one at least")
    with ExitStack() as stack:
        source = stack.enter_context(source_of(reference, graph, session, origin))
        saved = stack.enter_context(SavedRun(save)) if save is not None else None
        comparing = _Comparing(graph, session, source, saved)
        alone = source.name != NUMPY or saved is not None  # in one piece: tensors need not have the samples first
        progress = Progress(count, verbose)
        done = 0
        for part in [arrays] if alone else batches(session.graph, arrays):
            comparing.add(part)
            done += len(next(iter(part.values())))
            progress.update(done)
        return comparing.report(count)


class _Comparing:
    def __init__(self, graph: Graph, session: Session, source: Source, saved: SavedRun | None):
        self.graph, self.session, self.source, self.saved = graph, session, source, saved
        self.seen: dict[tuple[str, int], _Seen] = {}
        self.keys = layer_keys(graph)
        self.half = session.device.limits.precision == "mediump"
        self._maker = makers(graph)
        self._rng = np.random.default_rng(0)

    def add(self, arrays: Arrays) -> None:
        """Compares a piece of the samples."""
        session, shapes = self.session, {name: array.shape for name, array in arrays.items()}
        with session.device.use():
            executor, twin = session.executor(shapes), session.twin(shapes)
        try:
            found = segments(self.graph, executor.plan)
            free, forced = Steps(executor, arrays), Steps(twin, arrays, poison=True)
            self.source.begin(arrays)
            wide = Chain(self.graph, np.float64, arrays)
            codecs = {spec.name: ActivationCodec(spec.codec) for spec in executor.plan.inputs}
            given = {name: rounded(array, codecs[name]) for name, array in arrays.items()}
            noisy = {name: self._noisy(array) for name, array in given.items()}
            narrow = Chain(self.graph, np.float16 if self.half else np.float32, noisy)
            if self.saved:
                for name, array in arrays.items():
                    self.saved.add(INPUT + name, array)
            last = self._last_uses(found)
            for k, segment in enumerate(found):
                seen = self._seen(segment, executor.plan, free.done)
                self._measure(seen, wide, narrow, free, forced)
                gone = {name for name, use in last.items() if use <= k}
                wide.drop(gone)
                narrow.drop(gone)
        finally:
            with session.device.use():
                twin.release()

    def _last_uses(self, found: Sequence[Segment]) -> dict[str, int]:
        """The number of the last measured tensor that each tensor is needed for."""
        given = {spec.name for spec in self.graph.inputs}
        measured = given | {segment.name for segment in found}
        last: dict[str, int] = {}
        for k, segment in enumerate(found):
            nodes, reads = covered(segment.name, self._maker, measured)
            for name in (segment.name, *reads, *(output for node in nodes for output in node.outputs)):
                last[name] = k
        return last

    def _seen(self, segment: Segment, plan: Any, done: int) -> _Seen:
        key = segment.name, segment.made.slots[0] if segment.name != segment.made.name else -1
        if key not in self.seen:
            steps = plan.steps[done : segment.made.steps]
            draws = [draw for draw in each_draw(steps) if draw.label.split("/~")[0] in segment.labels]
            kernels = dict.fromkeys(draw.kernel for draw in draws or each_draw(steps))
            drawn = next((n for n in self.session.graph.nodes if segment.made.name in n.outputs), segment.nodes[-1])
            label = drawn.label if drawn.label in segment.labels else segment.nodes[-1].label
            kind = next(node.kind for node in segment.nodes if node.label == label)
            self.seen[key] = _Seen(segment, ", ".join(kernels), label, kind)
        return self.seen[key]

    def _measure(self, seen: _Seen, wide: Chain, narrow: Chain, free: Steps, forced: Steps) -> None:
        """Takes both runs up to a tensor and measures it."""
        segment, made = seen.segment, seen.segment.made
        inputs = {name: wide.value(name) for name in segment.reads}
        exact = wide.value(segment.name)
        theirs = self.source.value(segment.name)
        if theirs is not None and theirs.shape != exact.shape:
            raise InputError(
                f"reference {self.source.name}: layer {seen.label!r} made {theirs.shape} there, {exact.shape} here; "
                "compare on the same inputs"
            )
        seen.foreign |= theirs is not None
        expected = exact if theirs is None else np.asarray(theirs, np.float64)
        seen.noise.add(rounded(narrow.value(segment.name), made.codec), exact)
        free.advance(made.steps)
        forced.advance(made.steps)
        inherited = segment.plain(free.read(made)[0])
        own, dead = forced.read(made)
        own = segment.plain(own)
        seen.inherited.add(inherited, expected)
        seen.own.add(own, expected, dead)
        if self.saved:
            self.saved.add(self.keys[segment.name], inherited)
        if self.half:
            loud, sound = verdict(seen.own, seen.noise, self._codec(made.codec), True), expected
            if loud:
                sound = rounded_by_halves(
                    self.session.device.limits, segment.nodes, single(inputs), segment.name, expected
                )
            seen.halves.add(own, sound, dead)
            seen.rounding.add(sound, expected)
        why = self._why(seen)
        if why and not seen.error_map:
            seen.error_map = error_map(own, expected)
        if why and not seen.inputs:
            seen.inputs = single(inputs)
        if why and len(segment.nodes) > 1:
            self._unfuse(seen, inputs)
        with np.errstate(over="ignore"):
            stored = holdable(np.asarray(expected, np.float32), made.codec)
        forced.write(made, segment.stored(stored))
        wide.values[segment.name] = stored
        narrow.values[segment.name] = self._noisy(rounded(stored, made.codec))

    def _noisy(self, values: np.ndarray) -> np.ndarray:
        """What the noise of layers that read this is measured on; half floats are noise enough."""
        return values if self.half else last_bits(values, self._rng)

    def _why(self, seen: _Seen) -> str:
        """Why a layer is guilty, in words; empty for one that is not."""
        codec = self._codec(seen.segment.made.codec)
        why = verdict(seen.own, seen.noise, codec, self.half)
        return why if not self.half else why and verdict(seen.halves, seen.noise, codec, True)

    def _codec(self, codec: ActivationCodec) -> str:
        """The codec whose tolerance holds: on a device of half floats its arithmetic is as coarse as its tensors."""
        return "float16" if self.half or codec.codec in ("float16", "uint8") else "float32"

    def _unfuse(self, seen: _Seen, inputs: Arrays) -> None:
        """Draws each layer of a guilty draw alone, on the reference's inputs."""
        chain = Chain(self.graph, np.float64, inputs)
        for node in seen.segment.nodes:
            row = alone(self.session, node, [np.asarray(chain.value(name), np.float32) for name in node.inputs])
            old = seen.parts.get(node.name)
            if row is not None and not (old and old[0].guilty):
                seen.parts[node.name] = (row,)

    # ---- the report

    def report(self, samples: int) -> CompareReport:
        rows = tuple(self._row(seen) for seen in self.seen.values())
        covered_ = {label for seen in self.seen.values() for label in seen.segment.labels}
        others = tuple(dict.fromkeys(n.label for n in self.graph.nodes if n.label not in covered_))
        device = self.session.device.renderer
        again = reproducer(self.session, self._evidence(rows))
        return CompareReport(self.graph.name, device, self.source.name, samples, rows, others, again)

    def _evidence(self, rows: Sequence[CompareRow]) -> dict[str, Failure]:
        """By the name of each guilty layer what draws wrong: alone, or as it is fused; with what it reads."""
        found: dict[str, Failure] = {}
        for seen, row in zip(self.seen.values(), rows, strict=True):
            for name in row.blamed:
                nodes, inputs = seen.segment.nodes, seen.inputs
                if row.parts and any(part.guilty for part in row.parts):
                    (node, *_) = (node for node in nodes if node.label == name)
                    chain = Chain(self.graph, np.float64, inputs)
                    nodes = (node,)
                    inputs = {read: np.asarray(chain.value(read), np.float32) for read in node.inputs}
                found.setdefault(name, Failure(nodes, inputs))
        return found

    def _row(self, seen: _Seen) -> CompareRow:
        codec = self._codec(seen.segment.made.codec)
        why, room = self._why(seen), tolerance(seen.noise, codec, self.half)
        parts = tuple(part for rows in seen.parts.values() for part in rows)
        if why and len(seen.segment.labels) > 1 and not any(part.guilty for part in parts):
            why += f"; {' + '.join(seen.segment.labels)} are right one by one, and wrong in one draw"
        return CompareRow(
            seen.label, seen.type, seen.segment.name, seen.segment.labels, seen.kernel, seen.own.errors,
            seen.inherited.errors, seen.noise.errors.rms, room + seen.rounding.errors.rms, bool(why), why,
            self.source.name if seen.foreign else NUMPY, parts, seen.error_map if why else (),
            "" if why else verdict(seen.own, seen.noise, codec, self.half),
        )  # fmt: skip


def single(arrays: Arrays) -> Arrays:
    """Arrays as a device is given them."""
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}


def holdable(values: np.ndarray, codec: ActivationCodec) -> np.ndarray:
    """Finite values, at most the largest that a codec holds: what a layer reads is not its own fault."""
    if codec.codec != "float16" or not np.any(np.abs(values) > HALF_MAX):
        return values
    return np.where(np.isfinite(values), np.clip(values, -HALF_MAX, HALF_MAX), values)


def error_map(got: np.ndarray, expected: np.ndarray) -> Picture:
    """|got - expected| of the first sample, the largest of all channels and of each square, at most MAP x MAP."""
    with np.errstate(invalid="ignore"):
        off = np.abs(np.asarray(got, np.float64) - expected)
    off[(got == expected) | (np.isnan(got) & np.isnan(expected))] = 0
    off[np.isnan(off)] = np.inf
    if off.ndim < 3:
        image = off[:1].reshape(1, -1)
    elif off.ndim == 3:
        image = off[0].T  # a sequence: its steps from left to right, channels from top to bottom
    else:
        image = off[0].max(axis=-1).reshape(-1, off.shape[-2])
    for axis in (0, 1):
        size = image.shape[axis]
        if size > MAP:
            image = np.maximum.reduceat(image, np.unique(np.arange(MAP) * size // MAP), axis=axis)
    return tuple(tuple(map(float, row)) for row in image)
