"""Quantizing as a whole: from what a user asks to a graph in other codecs and the report on it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from ... import quant
from ...errors import InputError, QuantizationError
from ...graph.graph import ACTIVATION_CODECS, Graph, Node
from ...run.session import Arrays, Session
from ...show.reports.quantized import LayerRow, OutputRow, QuantReport
from . import ranges as measure
from . import search

MAX_DRIFT = 0.005  # of the output, relative RMS, that weights="auto" keeps to by default


def quantize(
    session: Session,
    weights: Any = "uint8",
    per_channel: bool = True,
    activations: Any = None,
    calibrate: Any = None,
    skip: Any = (),
    max_drift: float | None = None,
    verbose: Any = "auto",
) -> tuple[Graph, QuantReport]:
    """The session's graph in other codecs, and what became of its layers. See Model.quantize."""
    graph = session.graph
    auto = isinstance(weights, str) and weights == "auto"
    if max_drift is not None and not auto:
        raise InputError(f'max_drift={max_drift!r} is what weights="auto" keeps to; weights={weights!r} is fixed')
    if max_drift is not None and (isinstance(max_drift, bool) or not isinstance(max_drift, Real) or not max_drift > 0):
        raise InputError(f"max_drift={max_drift!r}: a number above 0, such as {MAX_DRIFT}")
    if auto and calibrate is None:
        raise QuantizationError('weights="auto" measures drift: give calibrate=inputs, 8 to 32 samples')
    if isinstance(weights, str) and not auto and weights not in quant.WEIGHT_CODECS:
        raise InputError(f"weights={weights!r}; allowed are {', '.join(quant.WEIGHT_CODECS)} and auto")
    arrays = None if calibrate is None else measure.samples(graph, calibrate, "calibrate")
    chosen = quant.choose(graph, None if auto else weights, skip, quant.WEIGHT_CODECS, "weights")
    stored = quant.choose(graph, activations, skip, ACTIVATION_CODECS, "activations")
    encoder = quant.Encoder(graph, per_channel)
    if not auto:
        encoder.apply(chosen)  # tells of bad weights before anything runs; what is made is kept
    codecs = measure.activation_codecs(session, stored, arrays, verbose)
    start = graph.with_(activations={**graph.activations, **codecs})
    expected: Arrays = {} if arrays is None else session.run(arrays, verbose=0)
    if auto:
        assert arrays is not None
        max_drift = MAX_DRIFT if max_drift is None else float(max_drift)
        chosen = search.cheapest(
            session, start, encoder, arrays, expected, quant.skipped(graph, skip), max_drift, verbose
        )
    after = start.with_(nodes=encoder.apply(chosen).nodes)
    drifts: dict[str, float] = {}
    rows: tuple[OutputRow, ...] = ()
    if arrays is not None:
        drifts = measure.layer_drifts(session, after, arrays, verbose)
        rows = measure.output_rows(expected, measure.outputs(session, after, arrays))
    count = len(next(iter(arrays.values()))) if arrays else 0
    return after, report(graph, after, drifts, rows, count, max_drift)


def report(
    before: Graph,
    after: Graph,
    drifts: Mapping[str, float],
    outputs: tuple[OutputRow, ...],
    samples: int,
    max_drift: float | None,
) -> QuantReport:
    """What became of each layer that has weights or whose output is stored in a codec."""
    rows = []
    for old, new in zip(before.nodes, after.nodes, strict=True):
        codecs = [after.activations[name].codec for name in new.outputs if name in after.activations]
        if new.weights or codecs:
            made = [drifts[name] for name in new.outputs if name in drifts]
            rows.append(
                LayerRow(
                    new.label, new.kind, stored_as(new), codecs[0] if codecs else None,
                    4 * sum(array.size for array in new.weights.values()), quant.nbytes(new), quant.noise(old, new),
                    max(made) if made else None, note(old, new),
                )
            )  # fmt: skip
    arrays = after.weights().values()
    total = 4 * sum(array.size for array in arrays), sum(int(array.nbytes) for array in arrays)
    return QuantReport(before.name, tuple(rows), outputs, *total, samples, max_drift)


def stored_as(node: Node) -> str:
    """The codecs of a node's weights of two or more axes, as text; "-" for a node that has none."""
    kinds = dict.fromkeys(quant.codec_of(array) for array in node.weights.values() if array.ndim >= 2)
    return ", ".join(kinds) or ("float32" if node.weights else "-")


def note(old: Node, new: Node) -> str:
    """What a reader should know of a layer's weights: quantized a second time, or nothing to quantize."""
    again = dict.fromkeys(
        quant.codec_of(array)
        for name, array in old.weights.items()
        if new.weights[name] is not array and quant.codec_of(array) != "float32"
    )
    if again:
        return f"quantized again, from {', '.join(again)}: its loss adds to the first"
    if any(new.weights[name] is array and quant.codec_of(array) != "float32" for name, array in old.weights.items()):
        return "as it was"
    return ""
