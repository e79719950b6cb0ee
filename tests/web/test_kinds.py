"""The kinds of page under a strict policy: text, numbers, series, pictures, the camera, by pointer and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.accessibility import findings
from support.page_kinds import SWAP, graphs
from support.pages_seen import DESKTOP, PHONE, choose, classes, comes, png, seen, wait_for_text

import glnn
from glnn.layers.conv import Conv2D
from glnn.testing import layer_graph

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_words_are_numbered_by_the_vocabulary(opened: Callable[..., Page]) -> None:
    page = opened("words")
    assert "Type" in page.locator("#output").inner_text() and classes(page) == []
    area = page.get_by_role("textbox", name="Text")
    area.fill("GOOD, good!\n bad \tÜbel more")  # five, of which the first four count
    wait_for_text(page, "#output li", "good50.0 %")
    assert dict(classes(page)) == {"good": "50.0 %", "bad": "25.0 %", "[UNK]": "25.0 %", "": "0.0 %"}
    told = page.locator("#hint").inner_text()
    assert (
        "5 words, of which the first 4 count" in told and "Not in the vocabulary: Übel more" not in told.split(".")[0]
    )
    area.fill("")
    page.wait_for_selector("#output .empty")


def test_a_text_is_written_on_by_pointer_and_by_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("letters")
    wait_for_text(page, "#next button", "c 100 %")
    page.locator("#next button").first.click()
    wait_for_text(page, "#next button", "d 100 %")
    page.locator("#next button").first.focus()
    page.keyboard.press("Enter")
    wait_for_text(page, "#next button", "a 100 %")
    assert page.locator("#input").input_value() == "abcd"
    assert page.evaluate("document.activeElement === document.querySelector('#next button')")  # new, and still focused
    page.get_by_role("button", name="Write on").click()
    page.get_by_role("button", name="Stop").wait_for()
    page.get_by_role("button", name="Write on").wait_for()
    assert page.locator("#input").input_value() == ("abcd" * 16)
    page.locator("#input").fill("ax")
    page.wait_for_selector("#output .empty")
    assert "Not in the vocabulary: x. Take that out" in page.locator("#hint").inner_text()
    page.get_by_role("button", name="Begin").click()
    wait_for_text(page, "#next button", "c 100 %")


def test_only_words_are_offered_next(opened: Callable[..., Page]) -> None:
    page = opened("next")
    page.locator("#next button").first.wait_for()
    assert [node.inner_text().split("\n")[0] for node in page.locator("#next button").all()] == ["good", "bad"]


def test_a_series_of_the_same_steps_does_not_follow(opened: Callable[..., Page]) -> None:
    wait_for_text(opened("again"), "#output figcaption", "32 values, 0 to 31")


def test_every_token_gets_its_class(opened: Callable[..., Page]) -> None:
    page = opened("tagged")
    page.evaluate(
        """() => {
          const {predict} = model;
          model.predict = (inputs) => predict.call(model, (globalThis.given = inputs));
        }"""
    )
    page.locator("#input").fill("cat runs")
    page.wait_for_selector("#tokens")
    [codes] = page.evaluate("Object.values(given).map((values) => [...values])")
    assert codes == [0] * 9 + [0, 1, 0, 0, 0, 1]  # of five steps by three tokens, filled in front
    assert [t.inner_text().split() for t in page.locator("#tokens span").all()] == [["cat", "noun"], ["runs", "verb"]]


def test_numbers_are_filled_in(opened: Callable[..., Page]) -> None:
    page = opened("numbers")
    assert classes(page) == []
    for name, value in (("length", "1.5"), ("width", "-2")):
        page.get_by_label(name).fill(value)
    assert page.locator("#output .empty").is_visible()  # one is missing
    page.keyboard.press("Tab")
    page.keyboard.type("4")
    wait_for_text(page, "#output li", "value 03")
    assert [number for _, number in classes(page)] == ["3", "-4", "8"]
    page.get_by_label("width").focus()
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text", "7\\t8\\t9");
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, cancelable: true}));
        }"""
    )
    wait_for_text(page, "#output li:nth-child(3)", "value 216")
    assert page.get_by_label("age").input_value() == "8"  # what there is no field for is left
    choose(page, "row.csv", b"1;2\n3")
    wait_for_text(page, "#output li:nth-child(3)", "value 26")
    choose(page, "row.csv", b"1;2")
    page.get_by_role("alert").wait_for()
    assert "row.csv: 2 numbers, 3 wanted" in page.get_by_role("alert").inner_text()
    page.get_by_role("button", name="Random values").click()
    page.wait_for_selector("#output li")


def test_a_series_is_drawn_and_typed(opened: Callable[..., Page]) -> None:
    page = opened("series")
    wait_for_text(page, "#output figcaption", "6 values after 32, 0 to 31")
    assert page.get_by_role("img", name="32 values, 0 to 31").is_visible()
    box = page.locator("svg.drawn").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)  # the last value halfway
    wait_for_text(page, "#place figcaption", "32 values, 0 to 30")
    assert abs(float(page.locator("#input").input_value().split()[-1]) - 15.5) < 0.5
    page.locator("#input").fill(" ".join(["1"] * 31))
    page.wait_for_selector("#output .empty")
    assert "31 of 32 numbers" in page.locator("#place").inner_text()
    page.locator("#input").press("End")
    page.keyboard.type(" five")
    assert "five is no number" in page.locator("#place").inner_text()
    page.locator("#input").fill("\n".join(["2"] * 32))
    wait_for_text(page, "#output figcaption", "6 values after 32, 2 to 2")


@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
def test_a_model_from_picture_to_picture_shows_it(
    strict_page: Callable[..., Page], site: tuple[Path, str], strict: str, order: str
) -> None:
    shape = (1, 6, 10, 3) if order == "channels_last" else (1, 3, 6, 10)
    weights = {"kernel": SWAP.reshape(1, 1, 3, 3).copy(), "bias": np.zeros(3, np.float32)}
    with glnn.Model(layer_graph(Conv2D(3, (1, 1), data_format=order), [shape], weights)) as model:
        model.export_web(site[0] / order, input_shape=shape, scale="unit")
    page = strict_page()
    page.goto(f"{strict}{order}/")
    page.wait_for_selector("#output .empty")
    assert not page.locator("#input").is_visible()  # no black picture claims to be one
    pixels = np.random.default_rng(0).integers(0, 256, (6, 10, 3))
    choose(page, "noise.png", png(pixels))
    page.wait_for_selector("#output canvas")
    shown = seen(page)
    assert np.abs(shown[..., :3] - pixels[..., ::-1]).max() <= 1 and (shown[..., 3] == 255).all()
    box = page.locator("#output canvas").bounding_box()
    assert box and abs(box["width"] / box["height"] - 10 / 6) < 0.02  # its own shape, without bars


def test_examples_are_tried_and_the_first_is_shown(opened: Callable[..., Page]) -> None:
    page = opened("picture")
    page.wait_for_selector("#output canvas")
    comes(page, (0, 0, 200, 255))
    choose(page, "black.png", png(np.zeros((6, 10, 3))))
    comes(page, (0, 0, 0, 255))
    page.get_by_role("button", name="Example: image").focus()
    page.keyboard.press("Enter")
    comes(page, (0, 0, 200, 255))


FILLED = {"words": "good bad", "tagged": "cat runs"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [name for name in graphs() if name not in ("pair", "again", "next")])
def test_everyone_can_use_it(opened: Callable[..., Page], name: str, scheme: str) -> None:
    page = opened(name, PHONE if scheme == "light" else DESKTOP, scheme)
    if name in FILLED:
        page.locator("#input").fill(FILLED[name])
    elif name == "numbers":
        page.get_by_role("button", name="Random values").click()
    elif name == "drawing":
        page.locator("#input").click()
    page.wait_for_selector("#output :not(.empty)")
    if scheme == "light":  # on a phone the result begins above the fold, and nothing sticks out
        box = page.locator("#output > :first-child").bounding_box()
        assert box and box["y"] + min(box["height"], 120) <= PHONE["height"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("summary").click()
    page.wait_for_selector("#passes td")
    assert findings(page) == []
