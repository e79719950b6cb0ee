"""The page of an export: what a person sees and does, on a phone and on a desktop, by pointer and by keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.damages import DAMAGES
from support.pages_seen import DESKTOP, SMALL, choose, classes, png, wait_for_text
from support.replays import Exported

import glnn

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def app(site: tuple[Path, str], strict: str, root: Path) -> str:
    """The URL of the digits model's page, made for pictures and with names for its classes."""
    folder, _ = site
    with glnn.Model.load(root / "examples" / "digits.h5") as model:
        model.export_web(folder / "app", input_shape=(1, 8, 8, 1), scale="unit", labels=[f"a {i}" for i in range(10)])
    return f"{strict}app/"


@pytest.fixture
def page(strict_page: Callable[..., Page], app: str) -> Page:
    """The digits model's page, on which nothing is drawn yet."""
    made = strict_page()
    made.goto(app)
    made.wait_for_selector("#output .empty")
    return made


def one(page: Page) -> None:
    """Draws a 1."""
    box = page.locator("#input").bounding_box()
    assert box
    x, y, size = box["x"] + box["width"] / 2, box["y"], box["height"]
    page.mouse.move(x, y + 0.15 * size)
    page.mouse.down()
    page.mouse.move(x, y + 0.85 * size, steps=10)
    page.mouse.up()
    wait_for_text(page, "#output li span", "a 1")


def test_a_chosen_picture_is_classified(page: Page, root: Path) -> None:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        images = data["images"][:5]
    with glnn.Model.load(root / "examples" / "digits.h5") as model:
        for image in images:
            pixels = np.round(image * 255 / 16)
            expected = model.predict((pixels / 255)[None, ..., None], verbose=0)[0]
            choose(page, "digit.png", png(pixels))
            order = np.argsort(-expected)[:5]
            first = f"a {order[0]}{100 * expected[order[0]]:.1f} %"
            wait_for_text(page, "#output li", first)
            assert [name for name, _ in classes(page)[:2]] == [f"a {k}" for k in order[:2]]
    assert "ms" in page.locator("#time").inner_text()
    assert "llvmpipe" not in page.locator("main").inner_text()  # a name that means nothing to most: in the details
    page.locator("summary").click()
    page.wait_for_selector("#passes td")
    assert all(
        word in page.locator("#passes dl").inner_text() for word in ("webgl2", "llvmpipe", "image (1 x 8 x 8 x 1)")
    )
    assert page.title() == "digits" and page.locator("h1").inner_text() == "digits"


def test_an_empty_canvas_claims_nothing(page: Page) -> None:
    assert classes(page) == [] and page.locator("#time").inner_text() == ""
    assert "Draw" in page.locator("#output").inner_text()
    one(page)
    page.get_by_role("button", name="Clear").click()
    page.wait_for_selector("#output .empty")
    count = "getContext('2d').getImageData(0, 0, 320, 320).data.filter((v, i) => v && i % 4 < 3).length"
    assert classes(page) == [] and page.evaluate(f"document.querySelector('#input').{count}") == 0


def test_the_answer_is_read_out_once_it_stays(page: Page) -> None:
    one(page)
    wait_for_text(page, "#say", f"a 1, {classes(page)[0][1]}")
    assert page.locator("#say").get_attribute("role") == "status"


def test_all_works_from_the_keyboard(page: Page) -> None:
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert reached == ["input", "file", "Clear", "Details"]
    page.keyboard.press("Enter")
    page.wait_for_selector("#passes td")
    page.locator("#input").focus()
    for key in ["ArrowUp"] * 7 + [" "] + ["ArrowDown"] * 14:
        page.keyboard.press(key)
    wait_for_text(page, "#output li span", "a 1")


def test_passes_are_a_chart_of_their_times(page: Page, digits: Exported) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[1]))
    page.get_by_text("Details").click()
    page.wait_for_selector("#passes td")
    assert asked == ["page-passes.js", "profile.js"]
    plan = digits.model.plan(limits=glnn.web.VARIANTS["webgl2"])
    rows = [row.locator("td") for row in page.locator("#passes tbody tr").all()]
    told = [row.nth(1).inner_text().replace("\n", ", ").split(", ")[:2] for row in rows]
    assert told == [[draw.label, draw.kernel] for draw in plan.draws]
    times = [float(row.nth(3).inner_text()) for row in rows]
    widths = [row.nth(2).locator("i").bounding_box()["width"] for row in rows]  # type: ignore[index]
    assert min(times) >= 0 and f"{len(rows)} passes" in page.locator("#passes h2").inner_text()
    if max(times):
        assert np.argmax(widths) == np.argmax(times) and min(widths) < max(widths)


@pytest.mark.parametrize("size", [SMALL, DESKTOP], ids=["phone", "desktop"])
def test_nothing_is_cut_off(page: Page, size: dict[str, int]) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    one(page)
    page.get_by_text("Details").click()
    page.wait_for_selector("#passes td")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for selector in ("#input", "#output", "#choose", "#time"):
        box = page.locator(selector).bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= size["width"] and box["width"] > 40


def test_a_bar_shows_while_weights_load(new_page: Callable[[], Page], app: str) -> None:
    page, held = new_page(), []
    page.route("**/*.bin", lambda route: held.append(route))
    page.goto(app)
    page.get_by_role("progressbar").wait_for()
    page.wait_for_timeout(100)
    assert page.get_by_role("progressbar").is_visible() and not page.get_by_role("alert").is_visible()
    for route in held:
        route.continue_()
    page.wait_for_selector("#output .empty")
    assert not page.get_by_role("progressbar").is_visible()


def test_a_file_that_is_no_picture_is_named(page: Page) -> None:
    choose(page, "notes.png", b"no picture")
    page.get_by_role("alert").wait_for()
    assert "notes.png" in page.get_by_role("alert").inner_text()
    choose(page, "black.png", png(np.zeros((8, 8))))
    page.get_by_role("alert").wait_for(state="hidden")


@pytest.mark.parametrize(
    "damage", ["no manifest", "missing shard", "truncated shard", "changed shard", "plan of a later version"]
)
def test_the_page_tells_what_is_wrong(new_page: Callable[[], Page], digits: Exported, damage: str) -> None:
    copy = digits.folder.with_name("page-" + damage.replace(" ", "-"))
    shutil.copytree(digits.folder, copy)
    DAMAGES[damage].change(copy)
    page = new_page()
    page.goto(f"{digits.site}{copy.name}/?variant=webgl2")
    told(page, *DAMAGES[damage].words)
    shutil.rmtree(copy)


def test_the_page_tells_that_there_is_no_webgl(new_page: Callable[[str], Page], app: str) -> None:
    page = new_page("none")
    page.goto(app)
    told(page, "WebGL", "browser")


def test_a_page_opened_as_a_file_says_what_it_needs(new_page: Callable[[], Page], digits: Exported) -> None:
    page = new_page()
    page.goto((digits.folder / "index.html").as_uri())
    told(page, "opened as a file", "glnn serve", "web server")
    assert page.locator("h1").inner_text() == "glnn"


def told(page: Page, *words: str) -> None:
    """The page shows a message with these words, and neither a spinner nor an empty card."""
    page.get_by_role("alert").wait_for()
    text = page.get_by_role("alert").inner_text()
    assert all(word in text for word in words), text
    assert not page.get_by_role("progressbar").is_visible() and not page.locator("#cards").is_visible()
    assert page.locator("h1").inner_text() != "Loading"


def test_a_lost_context_is_told_and_comes_back(page: Page) -> None:
    one(page)
    page.evaluate(
        """() => {
          window.extension = model._device.gl.getExtension("WEBGL_lose_context");
          extension.loseContext();
        }"""
    )
    page.get_by_role("alert").wait_for()
    assert "context" in page.get_by_role("alert").inner_text()
    page.evaluate("extension.restoreContext()")
    page.get_by_role("alert").wait_for(state="hidden")
    one(page)
