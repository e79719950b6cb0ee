"""Pictures and charts of notebooks: what is drawn is what was given."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from glnn.errors import InputError
from glnn.show.views.figures import HIGH, LEFT, RIGHT, WIDE, bars, lines, pictures


def test_pictures_hold_the_pixels() -> None:
    image = pytest.importorskip("PIL.Image")
    rgb = np.random.default_rng(0).random((5, 7, 3))
    grey = np.array([[0.0, 1.0], [2.0, 4.0]])
    text = pictures({"a <b>": rgb, "grey": grey})._repr_html_()
    first, second = (
        np.asarray(image.open(io.BytesIO(base64.b64decode(code)))) for code in re.findall(r"base64,([^\"]+)", text)
    )
    np.testing.assert_array_equal(first, np.rint(rgb * 255))
    assert second.shape == (2, 2) and second[0, 0] == 24 and second[1, 1] == 255  # one channel
    assert "a &lt;b&gt;" in text and "<b>" not in text


def test_lines_go_through_their_values() -> None:
    text = lines({"up": [0.0, 5.0, 10.0], "down": ([0, 4], [10.0, 1.0])}, "steps", "values").to_html()
    tree = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    up, down = (
        [tuple(map(float, dot.split(","))) for dot in line.get("points", "").split()]
        for line in tree.iter()
        if line.tag == "polyline"
    )
    assert up[0][0] == down[0][0] == LEFT and down[1][0] == WIDE - RIGHT and up[2][1] == down[0][1]
    assert up[1][1] == pytest.approx((up[0][1] + up[2][1]) / 2, abs=0.1) and up[0][1] > up[2][1] and up[0][1] < HIGH
    words = [line.text for line in tree.iter() if line.tag == "text"]
    assert {"steps", "values", "up", "down"} <= set(words)


def test_a_logarithmic_axis() -> None:
    text = lines({"": [1.0, 10.0, 100.0]}, log=True).to_html()
    dots = [float(dot.split(",")[1]) for dot in re.findall(r'points="([^"]*)"', text)[0].split()]
    assert dots[0] - dots[1] == pytest.approx(dots[1] - dots[2], abs=0.1)


def test_dots_instead_of_a_curve() -> None:
    text = lines({"curve": [0, 1, 2], "measured": ([1], [1])}, dots=["measured"]).to_html()
    ((x, y),) = re.findall(r'<circle cx="([^"]*)" cy="([^"]*)"', text)
    (points,) = re.findall(r'points="([^"]*)"', text)
    assert points.split()[1] == f"{x},{y}"


def test_bars_are_as_long_as_their_values() -> None:
    widths = [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)"', bars({"a": 1, "b": 4, "c": 0}).to_html())]
    assert widths[1] == pytest.approx(4 * widths[0], abs=0.5) and widths[2] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: pictures({"x": np.zeros((2, 2, 4))}),
        lambda: pictures({"x": np.zeros(3)}),
        lambda: lines({}),
        lambda: lines({"x": []}),
        lambda: lines({"x": [0.0, 1.0]}, log=True),
        lambda: bars({"x": -1}),
        lambda: bars({"x": float("nan")}),
        lambda: bars({}),
    ],
)
def test_what_cannot_be_drawn_is_refused(wrong) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError):
        wrong()
