"""The page of an export: what a person sees and does, on a phone and on a desktop, by pointer and by keyboard."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.damages import DAMAGES
from support.replays import Exported

import glnn
from glnn.layers.conv import Conv2D
from glnn.testing import layer_graph

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


def png(pixels: np.ndarray) -> bytes:
    """A picture file of (height, width) or (height, width, 3) bytes."""
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def choose(page: Page, name: str, data: bytes) -> None:
    """Hands a picture file to the page, as its button does."""
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def classes(page: Page) -> list[tuple[str, str]]:
    """The classes that the page shows, likeliest first, each with its number."""
    rows = page.locator("#output li").all()
    return [(row.locator("span").nth(0).inner_text(), row.locator("span").nth(1).inner_text()) for row in rows]


@pytest.fixture(scope="module")
def app(site: tuple[Path, str], root: Path) -> str:
    """The URL of the digits model's page, made for pictures and with names for its classes."""
    folder, url = site
    with glnn.Model.load(root / "examples" / "digits.h5") as model:
        model.export_web(folder / "app", input_shape=(1, 8, 8, 1), scale="unit", labels=[f"a {i}" for i in range(10)])
    return f"{url}app/"


@pytest.fixture
def page(new_page: Callable[[], Page], app: str) -> Page:
    """The digits model's page with its first prediction done."""
    made = new_page()
    made.goto(app)
    made.wait_for_selector("#output li")
    return made


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
            page.wait_for_function(f"document.querySelector('#output li').textContent === {first!r}")
            assert [name for name, _ in classes(page)[:2]] == [f"a {k}" for k in order[:2]]
    assert "ms" in page.locator("#time").inner_text()
    assert "webgl2" in page.locator("#about").inner_text() and "llvmpipe" in page.locator("#about").inner_text()
    assert page.title() == "digits" and page.locator("h1").inner_text() == "digits"


def test_a_digit_is_drawn_with_the_pointer(page: Page) -> None:
    box = page.locator("#input").bounding_box()
    assert box
    x, y, size = box["x"] + box["width"] / 2, box["y"], box["height"]
    page.mouse.move(x, y + 0.15 * size)
    page.mouse.down()
    page.mouse.move(x, y + 0.85 * size, steps=10)
    page.mouse.up()
    page.wait_for_function("document.querySelector('#output li span').textContent === 'a 1'")
    drawn = classes(page)
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function(f"document.querySelector('#output').innerText.indexOf({drawn[0][1]!r}) < 0")
    count = "getContext('2d').getImageData(0, 0, 320, 320).data.filter((v, i) => v && i % 4 < 3).length"
    assert page.evaluate(f"document.querySelector('#input').{count}") == 0


def test_all_works_from_the_keyboard(page: Page) -> None:
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert reached == ["input", "file", "clear", "run", "SUMMARY"]
    page.keyboard.press("Enter")
    page.wait_for_selector("#passes td")
    page.locator("#input").focus()
    for key in ["ArrowUp"] * 7 + [" "] + ["ArrowDown"] * 14:
        page.keyboard.press(key)
    page.wait_for_function("document.querySelector('#output li span').textContent === 'a 1'")


def test_passes_are_listed_with_their_times(page: Page, digits: Exported) -> None:
    page.get_by_text("Passes").click()
    page.wait_for_selector("#passes td")
    rows = [row.inner_text().split("\t") for row in page.locator("#passes tr").all()][1:]
    plan = digits.model.plan(limits=glnn.web.VARIANTS["webgl2"])
    assert [row[1:3] for row in rows] == [[draw.label, draw.kernel] for draw in plan.draws]
    assert all(float(row[4]) >= 0 for row in rows)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_is_cut_off(page: Page, size: dict[str, int]) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.get_by_text("Passes").click()
    page.wait_for_selector("#passes td")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for selector in ("#input", "#output", "#run", "#time"):
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
    page.wait_for_selector("#output li")
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
    assert page.locator("h1").inner_text() == "This page needs a web server"


def told(page: Page, *words: str) -> None:
    """The page shows a message with these words, and neither a spinner nor an empty card."""
    page.get_by_role("alert").wait_for()
    text = page.get_by_role("alert").inner_text()
    assert all(word in text for word in words), text
    assert not page.get_by_role("progressbar").is_visible() and not page.locator("#cards").is_visible()
    assert page.locator("h1").inner_text() != "Loading"


def test_a_lost_context_is_told_and_comes_back(page: Page) -> None:
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
    page.locator("#output").evaluate("node => node.replaceChildren()")
    page.get_by_role("button", name="Run again").click()
    page.wait_for_selector("#output li")


@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
def test_a_model_from_picture_to_picture_shows_it(
    new_page: Callable[[], Page], site: tuple[Path, str], order: str
) -> None:
    shape = (1, 6, 10, 3) if order == "channels_last" else (1, 3, 6, 10)
    kernel = np.zeros((1, 1, 3, 3), np.float32)
    kernel[0, 0] = np.eye(3)[::-1]  # swaps red and blue
    weights = {"kernel": kernel, "bias": np.zeros(3, np.float32)}
    with glnn.Model(layer_graph(Conv2D(3, (1, 1), data_format=order), [shape], weights)) as model:
        model.export_web(site[0] / order, input_shape=shape, scale="unit")
    page = new_page()
    page.goto(f"{site[1]}{order}/")
    page.wait_for_selector("#output canvas")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 10, 3))
    choose(page, "noise.png", png(pixels))
    read = """() => {
      const canvas = document.querySelector("#output canvas");
      return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
    }"""
    page.wait_for_function(f"({read})()[0] === {pixels[0, 0, 2]}")
    shown: Any = np.array(page.evaluate(read)).reshape(6, 10, 4)
    assert np.abs(shown[..., :3] - pixels[..., ::-1]).max() <= 1 and (shown[..., 3] == 255).all()
