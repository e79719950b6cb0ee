"""Reports of quantization as text, HTML and JSON: all tell the same."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
from support.blocks import block, images

import glnn
from glnn.model import Model


class Cells(HTMLParser):
    """The texts of a table's cells, and every tag that was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def test_text_html_and_json_tell_the_same(device: glnn.Device) -> None:
    graph = block()
    evil = "<script>alert(1)</script>&"
    graph = graph.with_(nodes=tuple(n.with_(label=evil) if n.name == "a" else n for n in graph.nodes), name=evil)
    with Model(graph, device) as full, full.quantize("uint8", calibrate=images()) as small:
        report = small.report
        assert report is not None
        cells = Cells()
        cells.feed(report._repr_html_())
        lines = str(report).splitlines()
        ranges = small.range_report(images())
        parsed = Cells()
        parsed.feed(ranges.to_html())
    assert "script" not in cells.tags and "script" not in parsed.tags and cells.rows[1][0] == evil
    totals = report.totals()
    assert lines[1 : 1 + len(totals)] == totals and report._repr_html_().index(totals[0][:8]) < min(
        report._repr_html_().index(tag) for tag in ("<table", "<thead")
    )
    rows = lines[3 + len(totals) :]
    assert len(rows) == len(cells.rows) - 1
    for row, line in zip(cells.rows[1:], rows, strict=True):
        assert line.split()[:2] == row[:2] and all(cell in line for cell in row)
    data = json.loads(report.to_json())
    assert data["layers"][0]["name"] == evil and data["layers"][0]["codec"] == "uint8"
    assert data["bytes_after"] == report.bytes_after and data["drift"] == report.drift
    assert len(parsed.rows) == len(ranges.rows) + 1


def test_what_is_not_a_number_is_valid_json(device: glnn.Device) -> None:
    weights = {"kernel": np.full((3, 3, 3, 6), 0.25, np.float32)}
    graph = block()
    graph = graph.with_(
        nodes=tuple(n.with_(weights=weights | {"bias": n.weights["bias"]}) if n.name == "a" else n for n in graph.nodes)
    )
    with Model(graph, device) as full, full.quantize({"a": "float16"}) as small:
        assert small.report is not None
        assert json.loads(small.report.to_json())["layers"][0]["sqnr_db"] is not None
