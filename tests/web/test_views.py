"""Views of notebooks in a browser: the value under the mouse, boxes that open, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.models import conv_net

from glnn.layout.limits import Limits
from glnn.passes import optimize
from glnn.plan import make_plan
from glnn.show import CompareReport, CompareRow, Errors, html
from glnn.show.views.pictures import Picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def shown(browsers: Callable[[str], Browser], tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """A page that holds a view, without a network, and nothing that went wrong in it."""
    contexts, wrong = [], []

    def show(view: str, **options: str) -> Page:
        file = tmp_path / f"{len(contexts)}.html"
        file.write_text(html.page("view", view))
        context = browsers("none").new_context(offline=True, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(file.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert wrong == []


def at(page: Page, x: float, y: float) -> str:
    """What is told of the pixel (x, y) of the picture."""
    image = page.locator("img[data-grid]")
    box, wide = image.bounding_box(), image.evaluate("image => image.naturalWidth")
    assert box is not None
    zoom = box["width"] / wide
    page.mouse.move(box["x"] + (x + 0.5) * zoom, box["y"] + (y + 0.5) * zoom)
    return str(image.evaluate("image => image.nextElementSibling.textContent"))


def test_the_value_under_the_mouse(shown: Callable[..., Page]) -> None:
    array = np.arange(2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4) / 8
    array[1, 2, 3, 3] = np.nan
    page = shown(Picture(array, 1)._repr_html_())  # tiles of 3 x 4 in two columns
    assert at(page, 0, 0) == f"[1, 0, 0, 0] = {array[1, 0, 0, 0]:g}"
    assert at(page, 2, 1) == f"[1, 1, 2, 0] = {array[1, 1, 2, 0]:g}"
    assert at(page, 5, 0) == f"[1, 0, 0, 1] = {array[1, 0, 0, 1]:g}"
    assert at(page, 8, 6) == "[1, 2, 3, 3] = NaN"
    assert at(page, 4, 0) == ""  # between two tiles


def test_strips_matrices_and_texels(shown: Callable[..., Page]) -> None:
    row = np.arange(130, dtype=np.float32)
    page = shown(Picture(row[None])._repr_html_())
    assert at(page, 63, 0) == "[0, 63] = 63" and at(page, 1, 2) == "[0, 129] = 129" and at(page, 2, 2) == ""
    page = shown(Picture(row.reshape(2, 13, 5), 1)._repr_html_())
    assert at(page, 4, 12) == "[1, 12, 4] = 129"
    page = shown(Picture(row[:48].reshape(1, 2, 3, 8), tiles=8, lanes=4)._repr_html_())
    assert at(page, 0, 0) == "[0, 0, 0, 0] = 0" and at(page, 4, 3) == "[1, 0, 0, 1] = 5"


def test_large_pictures_tell_of_what_they_show(shown: Callable[..., Page]) -> None:
    array = np.arange(100 * 100, dtype=np.float32).reshape(1, 100, 100, 1)
    picture = Picture(array, values=1000)
    step = picture.shown[0]
    assert (
        at(shown(picture._repr_html_()), 3, 2)
        == f"[0, {2 * step}, {3 * step}, 0] = {array[0, 2 * step, 3 * step, 0]:g}"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_plan_opens_and_is_seen_in_both_themes(shown: Callable[..., Page], scheme: str) -> None:
    plan = make_plan(optimize(conv_net()), {"x": (1, 9, 7, 3)}, Limits())
    page = shown(plan._repr_html_(), color_scheme=scheme)
    assert not page.locator("svg").is_visible() and not page.locator("pre").first.is_visible()
    page.get_by_text("graph", exact=True).click()
    assert page.locator("svg").is_visible()
    page.get_by_text("GLSL", exact=True).click()
    page.locator("details details summary").first.click()
    colours = "(e, s) => getComputedStyle(s ? e.querySelector(s) : document.documentElement)"
    text = page.locator("pre").first
    keyword = text.evaluate(f"e => ({colours})(e, '.k').color")
    paper = text.evaluate("e => getComputedStyle(e).backgroundColor")
    assert (paper, keyword) == (
        ("rgb(255, 255, 255)", "rgb(130, 80, 223)") if scheme == "light" else ("rgb(22, 27, 34)", "rgb(210, 168, 255)")
    )


@pytest.mark.parametrize("width", [1000, 760])
def test_a_comparison_needs_no_scrolling_sideways(shown: Callable[..., Page], width: int) -> None:
    """Of layers with long names, several in a draw, one of them guilty, with NaN and infinities."""
    bad = Errors(0.25, 0.988, 1.418e-05, 1e9, 123456, 123456, 1, 2, 3)
    names = tuple(f"block_14_expand_separable_conv2d_{kind}" for kind in ("pointwise", "batch_normalization", "relu6"))
    kernels = "moments_space, moments_groups, normalize_channels, combine_columns, map"
    row = CompareRow(
        names[0], "Conv2D", "y", names, kernels, bad, bad, 1e-7, 2e-6, True, "because", error_map=((1.0,),)
    )
    told = CompareReport("model", "device", "numpy", 2, (row,))._repr_html_()
    page = shown(f'<div id="out" style="width:{width}px;overflow:auto">{told}</div>')
    out = page.locator("#out")
    assert out.evaluate("e => e.scrollWidth - e.clientWidth") == 0
    assert page.locator("th").all_inner_texts()[-2:] == ["NaN", "Inf"]
    page.locator("summary").click()
    assert page.locator("svg").is_visible() and out.evaluate("e => e.scrollWidth - e.clientWidth") == 0


def test_a_notebooks_theme_goes_before_the_systems(shown: Callable[..., Page]) -> None:
    text = next(iter(make_plan(optimize(conv_net()), {"x": (1, 9, 7, 3)}, Limits()).programs.values()))
    for theme, paper in (("true", "rgb(255, 255, 255)"), ("false", "rgb(22, 27, 34)")):
        view = f'<div data-jp-theme-light="{theme}">{text._repr_html_()}</div>'
        for scheme in ("light", "dark"):
            page = shown(view, color_scheme=scheme)
            assert page.locator("pre").evaluate("e => getComputedStyle(e).backgroundColor") == paper
