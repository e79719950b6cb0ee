"""Reports on quantized models and on ranges of activations: data, and the same as text, HTML and JSON.

What was not measured is None, shown as "-".
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from ...records import dataclass
from ..tables import Cell, as_html, as_text, number, percent, samples, share, without
from .report import Report, plain


@dataclass(frozen=True)
class LayerRow:
    """A layer: its codecs, bytes of its weights (float32, and as stored), and what was lost.

    sqnr:  signal to quantization noise of the weights that changed, dB; inf: nothing was lost
    drift: relative RMS of its output against the model before, on the calibration inputs
    """

    name: str
    type: str
    codec: str
    activation: str | None
    bytes_before: int
    bytes_after: int
    sqnr_db: float | None
    drift: float | None
    note: str = ""


@dataclass(frozen=True)
class OutputRow:
    """An output of the model: drift (relative RMS), and the share of samples whose largest class stayed (rank 2)."""

    name: str
    drift: float
    top1: float | None


@dataclass(frozen=True, repr=False)
class QuantReport(Report):
    """What quantizing did to a model: a row a layer, a row an output (none without calibration inputs), totals.

    Weights that layers share count once in the totals. `samples` is the number of calibration inputs.
    """

    model: str
    layers: tuple[LayerRow, ...]
    outputs: tuple[OutputRow, ...]
    bytes_before: int
    bytes_after: int
    samples: int = 0
    max_drift: float | None = None

    @property
    def ratio(self) -> float | None:
        """Bytes after over bytes before; None for a model without weights."""
        return self.bytes_after / self.bytes_before if self.bytes_before else None

    @property
    def drift(self) -> float | None:
        """The largest drift of an output; NaN if one is, None if not measured."""
        drifts = [row.drift for row in self.outputs]
        return None if not drifts else math.nan if any(map(math.isnan, drifts)) else max(drifts)

    @property
    def top1(self) -> float | None:
        """The smallest top-1 agreement of an output, 0..1; None if none was measured."""
        return min((row.top1 for row in self.outputs if row.top1 is not None), default=None)

    def to_dict(self) -> dict[str, Any]:
        sizes = {"model": self.model, "bytes_before": self.bytes_before, "bytes_after": self.bytes_after}
        return plain({**sizes, "ratio": self.ratio, "drift": self.drift, "top1": self.top1, **asdict(self)})

    def totals(self) -> list[str]:
        """What it comes to, in lines that stand before the table."""
        share = "-" if self.ratio is None else f"{self.ratio:.1%}"
        lines = [f"Weights: {self.bytes_before:,} bytes as float32 -> {self.bytes_after:,} bytes ({share})"]
        if self.samples:
            budget = "" if self.max_drift is None else f", allowed {percent(self.max_drift)}"
            lines.append(f"Drift of the output: {percent(self.drift)} (relative RMS, {samples(self.samples)}{budget})")
            lines.append(f"Top-1 agreement: {'-' if self.top1 is None else f'{self.top1:.2%}'}")
        else:
            lines.append("Drift of the output: - (not measured; calibrate=inputs measures it)")
        return lines

    def _table(self) -> tuple[list[str], list[list[Cell]]]:
        header = ["Layer", "Type", "Codec", "Output as", "Bytes before", "after", "SQNR dB", "Drift", "Note"]
        worst = max((r.drift for r in self.layers if r.drift is not None and math.isfinite(r.drift)), default=0) or 1
        rows: list[list[Cell]] = []
        for row in self.layers:
            after: Cell = f"{row.bytes_after:,}"
            if row.bytes_before:
                after = f"{row.bytes_after:,}", row.bytes_after / row.bytes_before
            drift: Cell = percent(row.drift)
            if row.drift is not None and math.isfinite(row.drift):
                drift = percent(row.drift), row.drift / worst
            sqnr = "-" if row.sqnr_db is None else "exact" if row.sqnr_db == math.inf else f"{row.sqnr_db:.1f}"
            before = f"{row.bytes_before:,}"
            rows.append([row.name, row.type, row.codec, row.activation or "-", before, after, sqnr, drift, row.note])
        drop = [i for i, empty in ((8, ""), (3, "-")) if all(r[i] == empty for r in rows)]
        return without(header, rows, drop)

    def __str__(self) -> str:
        return as_text(f"Quantized: {self.model}", *self._table(), self.totals())

    def _repr_html_(self) -> str:
        return as_html(f"Quantized: {self.model}", *self._table(), self.totals())


@dataclass(frozen=True)
class RangeRow:
    """The values of one tensor over all samples; shares are 0..1.

    low, high:  least and greatest finite value (None: there is none); largest: the greatest finite magnitude
    overflow:   share beyond 65504, which float16 stores as infinity
    subnormal:  share of the values other than 0 that are below 6.1e-5, where float16 loses digits (flushed included)
    flushed:    share of the values other than 0 that are below 5.96e-8, where float16 stores 0
    nans, infs: how many values are NaN, infinite
    clipped:    share that uint8 codes of the range (code_low, code_high) miss by more than half a step
    """

    layer: str
    type: str
    tensor: str
    low: float | None
    high: float | None
    largest: float | None
    overflow: float
    subnormal: float
    flushed: float
    nans: int
    infs: int
    code_low: float | None = None
    code_high: float | None = None
    clipped: float | None = None

    @property
    def leaves(self) -> bool:
        """Whether values leave the range of float16, or of the tensor's own codes."""
        return bool(self.nans or self.infs or self.overflow or self.clipped)


@dataclass(frozen=True, repr=False)
class RangeReport(Report):
    """The range of every tensor of a model on given inputs: those that leave a range first, then as the model runs."""

    model: str
    rows: tuple[RangeRow, ...]
    samples: int

    @property
    def leaving(self) -> tuple[RangeRow, ...]:
        """The tensors that leave the range of float16 or of their codes."""
        return tuple(row for row in self.rows if row.leaves)

    def to_dict(self) -> dict[str, Any]:
        return plain({**asdict(self), "leaving": [row.layer for row in self.leaving]})

    def totals(self) -> list[str]:
        """What it comes to, in lines that stand before the table."""
        out = f"{len(self.leaving)} of {len(self.rows)} tensors leave" if self.leaving else "No tensor leaves"
        coded = " or of its uint8 codes" if any(row.clipped is not None for row in self.rows) else ""
        return [f"{out} the range of float16{coded} ({samples(self.samples)})"]

    def _table(self) -> tuple[list[str], list[list[Cell]]]:
        header = [
            "Layer",
            "Type",
            "Min",
            "Max",
            ">65504",
            "<6.1e-5",
            "<6e-8",
            "NaN",
            "Inf",
            "Codes span",
            "Clipped",
            "",
        ]
        rows: list[list[Cell]] = []
        for row in self.rows:
            shares: list[Cell] = [(share(s), s) for s in (row.overflow, row.subnormal, row.flushed)]
            span = "-" if row.code_low is None else f"{number(row.code_low)} .. {number(row.code_high)}"
            clipped: Cell = "-" if row.clipped is None else (share(row.clipped), row.clipped)
            counts = [f"{row.nans:,}", f"{row.infs:,}"]
            ends = [number(row.low), number(row.high)]
            rows.append([row.layer, row.type, *ends, *shares, *counts, span, clipped, "leaves" if row.leaves else ""])
        return without(header, rows, [9, 10] if all(row.clipped is None for row in self.rows) else [])

    def __str__(self) -> str:
        return as_text(f"Ranges: {self.model}", *self._table(), self.totals())

    def _repr_html_(self) -> str:
        return as_html(f"Ranges: {self.model}", *self._table(), self.totals())
