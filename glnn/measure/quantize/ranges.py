"""Every tensor of a graph on given inputs: the ranges of values, and how far one graph drifts from another.

A graph is run by a Session on the device of another: in small batches, its textures freed afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from ...errors import InputError, QuantizationError
from ...graph.graph import ActivationCodec, Graph, Node
from ...primitives.map import Copy
from ...quant import HALF_MAX, affine, check_finite
from ...run.inputs import with_states
from ...run.session import Arrays, Session
from ...show.progress import Progress
from ...show.reports.quantized import OutputRow, RangeReport, RangeRow

BATCH_BYTES = 64 << 20  # of all tensors of one batch
HALF_NORMAL, HALF_LEAST = 2.0**-14, 2.0**-24  # float16: the least value with all digits, the least that is not 0


def samples(graph: Graph, x: Any, argument: str) -> Arrays:
    """Arrays by input name from what predict takes. Raises InputError, and QuantizationError for NaN or infinity."""
    try:
        arrays = with_states(x, graph)
    except InputError as error:
        raise InputError(f"{argument}: {error}") from None
    for name, array in arrays.items():
        if not len(array):
            raise InputError(f"{argument}: input {name!r} holds no sample; give one at least, better 8 to 32")
        check_finite(array, f"{argument}: input {name!r},", "Give inputs that are finite numbers")
    return arrays


def fixed_batch(graph: Graph) -> bool:
    """Whether a graph takes no other batch than one."""
    return any(not spec.shape or spec.shape[0] is not None for spec in graph.inputs)


def batches(graph: Graph, arrays: Arrays) -> Iterator[Arrays]:
    """The samples in batches so small that all tensors of one together take 64 MB, or one sample."""
    if fixed_batch(graph):
        yield arrays
        return
    total = len(next(iter(arrays.values())))
    specs = graph.specs({name: (1, *a.shape[1:]) for name, a in arrays.items()})
    size = sum(4 * math.prod(d or 1 for d in spec.shape) for spec in specs.values())
    step = max(1, BATCH_BYTES // max(1, size))
    for start in range(0, total, step):
        yield {name: a[start : start + step] for name, a in arrays.items()}


def watched(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """A graph whose outputs are all tensors that its layers make -> (graph, output by tensor name).

    A tensor that is stored in a codec is seen through a copy, so that it keeps its codec.
    """
    nodes, names = list(graph.nodes), {}
    for node in graph.nodes:
        for name in node.outputs:
            names[name] = name
            if name in graph.activations:
                names[name] = f"{name}/seen"
                nodes.append(Node(f"{name}/seen", Copy(), (name,), (f"{name}/seen",)))
    outputs = tuple(names.values())
    return graph.with_(nodes=tuple(nodes), outputs=outputs, output_names=outputs, states=()), names


def every_tensor(session: Session, graphs: Sequence[Graph], arrays: Arrays, verbose: Any) -> Iterator[list[Arrays]]:
    """For each batch, the tensors of each graph by name, on the session's device."""
    total, done = len(next(iter(arrays.values()))), 0
    progress = Progress(total, verbose)
    pairs = [watched(graph) for graph in graphs]
    with ExitStack() as stack:
        runs = [(stack.enter_context(session.on(graph)), names) for graph, names in pairs]
        for part in batches(graphs[0], arrays):
            seen = []
            for one, names in runs:
                outputs = one.run(part, verbose=0)
                seen.append({tensor: outputs[name] for tensor, name in names.items()})
            yield seen
            done += len(next(iter(part.values())))
            progress.update(done)


# ---- ranges


def activation_codecs(
    session: Session, chosen: Mapping[str, str], arrays: Arrays | None, verbose: Any
) -> dict[str, ActivationCodec]:
    """How the outputs of nodes are stored, by tensor name, for codecs by node name; the graph's outputs stay as floats.

    uint8 spans the values on the samples, with 0 among them, and one code stands for 0.
    Raises QuantizationError: uint8 without samples, a tensor of nothing but 0, of NaN or infinity.
    """
    graph = session.graph
    tensors = {
        name: (node, chosen[node.name])
        for node in graph.nodes
        if node.name in chosen
        for name in node.outputs
        if name not in graph.outputs
    }
    ranged = {name: node for name, (node, codec) in tensors.items() if codec == "uint8"}
    ends: dict[str, tuple[float, float]] = dict.fromkeys(ranged, (0.0, 0.0))
    if ranged:
        if arrays is None:
            raise QuantizationError(
                "activations='uint8' needs calibrate=inputs: ranges are taken from what layers make"
            )
        for (seen,) in every_tensor(session, [graph], arrays, verbose):
            for name, node in ranged.items():
                low, high = float(seen[name].min()), float(seen[name].max())
                if not math.isfinite(low) or not math.isfinite(high):
                    raise QuantizationError(
                        f"layer {node.label!r}: its output holds NaN or infinity on the calibration inputs. "
                        f"range_report(inputs) shows where they begin; give other inputs, or skip={[node.label]!r}"
                    )
                ends[name] = min(ends[name][0], low), max(ends[name][1], high)
    codecs: dict[str, ActivationCodec] = {}
    for name, (node, codec) in tensors.items():
        if codec != "uint8":
            codecs[name] = ActivationCodec(codec)
            continue
        if ends[name] == (0.0, 0.0):
            raise QuantizationError(
                f"layer {node.label!r}: its output is 0 on all calibration inputs, a range of zero width. "
                f"Give inputs on which it is not, or leave it as it is: skip={[node.label]!r}"
            )
        scale, zero = (float(v) for v in affine(*ends[name], "uint8"))
        codecs[name] = ActivationCodec("uint8", 0.0 - zero * scale, (255 - zero) * scale)
    return codecs


class _Tally:
    """What is counted of one tensor, batch by batch."""

    def __init__(self, codec: ActivationCodec | None):
        self.codec = codec if codec and codec.codec == "uint8" else None
        self.low, self.high = math.inf, -math.inf
        self.values = self.nonzero = self.over = self.small = self.flushed = self.nans = self.infs = self.out = 0

    def add(self, values: np.ndarray) -> None:
        magnitude = np.abs(values)
        finite = values[np.isfinite(values)]
        if finite.size:
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        self.values += values.size
        self.nonzero += int(np.count_nonzero(magnitude > 0))
        self.over += int(np.count_nonzero(magnitude > HALF_MAX))
        self.small += int(np.count_nonzero((magnitude > 0) & (magnitude < HALF_NORMAL)))
        self.flushed += int(np.count_nonzero((magnitude > 0) & (magnitude < HALF_LEAST)))
        self.nans += int(np.count_nonzero(np.isnan(values)))
        self.infs += int(np.count_nonzero(np.isinf(values)))
        if self.codec:
            room = (self.codec.high - self.codec.low) / 510 * 1.0001  # half a step, and float32's rounding
            outside = (values < self.codec.low - room) | (values > self.codec.high + room)
            self.out += int(np.count_nonzero(outside))

    def row(self, layer: str, kind: str, tensor: str) -> RangeRow:
        some, code = self.low <= self.high, self.codec
        return RangeRow(
            layer, kind, tensor, self.low if some else None, self.high if some else None,
            max(abs(self.low), abs(self.high)) if some else None,
            self.over / max(1, self.values), self.small / max(1, self.nonzero), self.flushed / max(1, self.nonzero),
            self.nans, self.infs,
            code.low if code else None, code.high if code else None, self.out / max(1, self.values) if code else None,
        )  # fmt: skip


def range_report(session: Session, x: Any, verbose: Any = "auto") -> RangeReport:
    """The range of every tensor on inputs x, all stored as the device does best. Raises InputError."""
    graph = session.graph
    try:
        arrays = with_states(x, graph)
    except InputError as error:
        raise InputError(f"range_report: {error}") from None
    count = len(next(iter(arrays.values())))
    if not count:
        raise InputError("range_report: no sample was given; give one at least")
    plain = graph.with_(activations={})
    tallies = {spec.name: _Tally(None) for spec in graph.inputs}
    tallies |= {name: _Tally(graph.activations.get(name)) for node in graph.nodes for name in node.outputs}
    for name, array in arrays.items():
        tallies[name].add(array)
    for (seen,) in every_tensor(session, [plain], arrays, verbose):
        for name, values in seen.items():
            tallies[name].add(values)
    rows = [tallies[spec.name].row(spec.name, "Input", spec.name) for spec in graph.inputs]
    rows += [tallies[t].row(node.label, node.kind, t) for node in graph.nodes for t in node.outputs]
    return RangeReport(graph.name, tuple(sorted(rows, key=lambda row: not row.leaves)), count)


# ---- drift


def relative_rms(pairs: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Root of error power over power, by name: 0 where nothing differs, inf where something stands against nothing."""
    return {
        name: 0.0 if error == 0 else math.inf if power == 0 else math.sqrt(error / power)
        for name, (error, power) in pairs.items()
    }


def powers(expected: np.ndarray, got: np.ndarray) -> tuple[float, float]:
    """(power of the error, power of what is expected), sums of squares in float64; NaN where a value is not finite."""
    wide = expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        error, power = float(np.square(got - wide).sum()), float(np.square(wide).sum())
    return (error, power) if math.isfinite(power) else (math.nan, power)


def layer_drifts(session: Session, after: Graph, arrays: Arrays, verbose: Any) -> dict[str, float]:
    """The drift of every tensor, by name, of a graph against the session's, which has the same tensors."""
    before = session.graph
    sums: dict[str, tuple[float, float]] = {}
    for expected, got in every_tensor(session, [before, after], arrays, verbose):
        for name, values in expected.items():
            error, power = powers(values, got[name])
            old = sums.get(name, (0.0, 0.0))
            sums[name] = old[0] + error, old[1] + power
    return relative_rms(sums)


def output_rows(expected: Arrays, got: Arrays) -> tuple[OutputRow, ...]:
    """Drift and top-1 agreement of every output."""
    drifts = relative_rms({name: powers(values, got[name]) for name, values in expected.items()})
    rows = []
    for name, values in expected.items():
        classes = values.ndim == 2 and values.shape[1] > 1
        same = float(np.mean(values.argmax(1) == got[name].argmax(1))) if classes else None
        rows.append(OutputRow(name, drifts[name], same))
    return tuple(rows)


def outputs(session: Session, graph: Graph, arrays: Arrays) -> Arrays:
    """Another graph's outputs on the session's device; what it took there is freed at once."""
    with session.on(graph) as one:
        return one.run(arrays, verbose=0)
