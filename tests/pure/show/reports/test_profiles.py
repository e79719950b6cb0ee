"""Profiles as data: sums, shares, JSON there and back, a trace whose events nest, two side by side."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.fragments import Whole, static

from glnn.errors import InputError
from glnn.show.reports.profiles import DrawTime, Profile


def profile(**changes: object) -> Profile:
    draws = (
        DrawTime(0, "conv", "conv", (8, 4, 4), 1, 3e-3, 100, 200, 5e-3, 1e-3),
        DrawTime(1, "lstm", "matrix", (1, 4, 4), 80, 4e-3, 100, 200, 2e-3),
        DrawTime(2, "lstm", "map", (1, 4, 4), 80, 1e-3, 10, 20),
        DrawTime(3, "conv", "map", (1, 4, 4), 1, 2e-3, 10, 20),
    )
    made = Profile(
        "net <1>", "llvmpipe", "clock", 2, 5, draws, 1e-3, 2e-3, 0.0, 5e-4, 1.4e-2, 1.1,
        {"conv": 6e6}, {"plan": 0.1, "compile": 0.2}, {"uploaded": 64, "weights": 1000},
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_layers_sum_up_their_draws() -> None:
    made = profile()
    conv, lstm = made.layers
    assert (conv.label, conv.draws, conv.turns, conv.kernels) == ("conv", 2, 2, ("conv", "map"))
    assert conv.seconds == pytest.approx(5e-3) and conv.compile == pytest.approx(6e-3) and conv.flop == 6e6
    assert (lstm.draws, lstm.turns, lstm.flop) == (2, 160, 0)
    assert sum(row.seconds for row in made.layers) == pytest.approx(made.drawing) == pytest.approx(1e-2)
    assert made.seconds == pytest.approx(made.drawing + 1e-3 + 2e-3 + 5e-4)
    assert made.layer("lstm") is lstm
    with pytest.raises(InputError, match="no layer 'dense' draws"):
        made.layer("dense")


def test_json_there_and_back() -> None:
    made = profile()
    assert Profile.from_json(made.to_json()) == made
    for text in (
        "",
        "[]",
        "{}",
        made.to_json().replace('"upload"', '"uplod"'),
        made.to_json().replace('"turns"', '"t"'),
    ):
        with pytest.raises(InputError, match="no profile that glnn wrote"):
            Profile.from_json(text)


def test_the_trace_is_one_that_perfetto_reads() -> None:
    events = json.loads(profile(between=1e-3).to_perfetto())["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    assert {e["tid"] for e in events if e["ph"] == "X"} == {1, 2, 3} <= set(names)
    tracks = {track: [e for e in events if e["ph"] == "X" and e["tid"] == track] for track in (1, 2, 3)}
    for track in tracks.values():  # one after another, in microseconds
        for a, b in zip(track, track[1:], strict=False):
            assert b["ts"] >= a["ts"] + a["dur"] - 1e-2
    layers = [e for e in tracks[2] if e["cat"] == "layer"]
    assert [e["name"] for e in layers] == ["conv", "lstm", "conv"]
    for draw in tracks[3]:
        around = [
            e for e in layers if e["ts"] <= draw["ts"] + 1e-2 and draw["ts"] + draw["dur"] <= e["ts"] + e["dur"] + 1e-2
        ]
        assert [e["name"] for e in around] == [draw["args"]["layer"]]
    whole = tracks[2][-1]["ts"] + tracks[2][-1]["dur"]
    assert whole == pytest.approx(profile(between=1e-3).seconds * 1e6)


def test_two_side_by_side() -> None:
    a = profile()
    b = replace(a, draws=(replace(a.draws[0], seconds=6e-3), replace(a.draws[1], label="gru")))
    rows = {label: (x, y) for label, x, y in a.compare(b).rows()}
    assert rows["conv"] == (pytest.approx(5e-3), pytest.approx(6e-3))
    assert rows["lstm"] == (pytest.approx(5e-3), None) and rows["gru"] == (None, pytest.approx(4e-3))
    assert rows["(predict)"] == (a.predict, b.predict)
    text = str(a.compare(b))
    assert "1.20" in text and "A: net <1> on llvmpipe" in text
    static(a.compare(b)._repr_html_())
    assert json.loads(a.compare(b).to_json())["rows"][0][0] == "conv"


def test_text_and_html() -> None:
    made = profile()
    text = str(made)
    assert "4 draws" not in text and "162 draws 10 ms" in text and "2 (160)" in text and "50.0%" in text
    assert "First prediction besides: plan 100 ms" in text and "Compile ms" in text
    assert "Compile ms" not in str(profile(costs={}))
    assert "lstm" in made.by_draw() and "map" in made.by_draw()
    html = made._repr_html_()
    assert "net &lt;1&gt;" in html and Whole(html).files == []
    assert "timer queries" in str(profile(timer="queries", between=1e-3)) and "between draws 1 ms" in str(
        profile(between=1e-3)
    )
