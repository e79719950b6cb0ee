"""What a tuner measured: for each workload the recipe that was chosen, and the whole prediction before and after."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ...records import dataclass
from .. import html
from ..tables import table
from .report import Report, plain


@dataclass(frozen=True)
class Row:
    """A workload: its key, the first of its layers, how many there are; the recipe before, the one that was chosen.

    seconds: of each recipe that was timed; dropped: those that were not, and why
    """

    key: str
    label: str
    layers: int
    before: str
    chosen: str
    seconds: Mapping[str, float]
    dropped: Mapping[str, str]


@dataclass(frozen=True, repr=False)
class Tuned(Report):
    """What was measured for a graph on a device: `rows` by workload, and seconds of all draws before and after.

    kept:   whether what was found is drawn with from now on: where the whole is not faster, it is not
    blocks: of pixels by image size, where others than those that are estimated won
    by_blocks: seconds of the whole in each of the blocks that were tried
    fetch:  the form in which texels are fetched from now on, "" where all stays as it was
    by_fetch: seconds of the whole in each of the forms that were tried
    pieces: seconds for each sample by the number of samples that are run at once
    path:   the file that keeps it
    """

    name: str
    renderer: str
    rows: tuple[Row, ...]
    blocks: Mapping[tuple[int, int], tuple[int, int]]
    by_blocks: Mapping[str, float]
    fetch: str
    by_fetch: Mapping[str, float]
    before: float
    after: float
    kept: bool
    pieces: Mapping[int, float]
    path: str

    def __str__(self) -> str:
        return "\n".join([*self._body(), *self._end()])

    def _body(self) -> list[str]:
        if not self.rows:
            return ["Nothing here can be drawn in more than one way."]
        return [table(("Layer", "Times", "Before", "Chosen", "ms before", "ms chosen"), self._cells(), (1, 4, 5)), ""]

    def _cells(self) -> list[list[str]]:
        return [
            [row.label, f"{row.layers}", row.before, row.chosen]
            + [f"{1e3 * row.seconds[name]:.3f}" for name in (row.before, row.chosen)]
            for row in self.rows
        ]

    def _end(self) -> list[str]:
        lines = []
        if self.blocks:
            told = ", ".join(f"{h}x{w} in {bh}x{bw}" for (h, w), (bh, bw) in sorted(self.blocks.items()))
            lines.append(f"Blocks of pixels: {told}")
        if self.by_blocks:
            told = ", ".join(f"{name} {1e3 * each:.3f}" for name, each in self.by_blocks.items())
            lines.append(f"ms of the whole by blocks of pixels: {told}")
        if self.by_fetch:
            told = ", ".join(f"{name} {1e3 * each:.3f}" for name, each in self.by_fetch.items())
            lines.append(f"ms of the whole by the form of fetches: {told}")
        if self.pieces:
            told = ", ".join(f"{size}: {1e3 * each:.3f}" for size, each in self.pieces.items())
            lines.append(f"ms for each sample in pieces of {told}")
        verdict = "kept" if self.kept else "not faster, so all stays as it was"
        told = f"{1e3 * self.before:.3f} ms before, {1e3 * self.after:.3f} after: {verdict}"
        lines.append(f"{self.name} on {self.renderer}: {told}")
        return [*lines, *([self.path] if self.path else [])]

    def to_dict(self) -> dict[str, Any]:
        rows = [
            {"layer": row.label, "layers": row.layers, "workload": row.key, "before": row.before, "chosen": row.chosen,
             "seconds": dict(row.seconds), "dropped": dict(row.dropped)}
            for row in self.rows
        ]  # fmt: skip
        blocks = {f"{h}x{w}": f"{bh}x{bw}" for (h, w), (bh, bw) in self.blocks.items()}
        data = {
            "name": self.name, "renderer": self.renderer, "before_s": self.before, "after_s": self.after,
            "kept": self.kept, "blocks": blocks, "blocks_s": dict(self.by_blocks), "fetch": self.fetch,
            "fetches_s": dict(self.by_fetch), "rows": rows, "path": self.path,
            "pieces_s": {str(size): each for size, each in self.pieces.items()},
        }  # fmt: skip
        return dict(plain(data))

    def _repr_html_(self) -> str:
        return html.view(html.title(f"Tuned {self.name}"), f"<pre>{escape(str(self))}</pre>")
