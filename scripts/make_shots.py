"""Takes the pictures of the page in docs/: page.png, with a drawn digit, and check.png. Needs Chromium and `.[web]`.

    python scripts/make_shots.py

Both are of the digits of examples/ on this machine's software renderer. Notebook 09 shows them: run it again then.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from playwright.sync_api import sync_playwright  # noqa: E402
from support.browser import launch, serve  # noqa: E402

import glnn  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Page

DOCS = ROOT / "docs"
WIDTHS = {"page.png": 1100, "check.png": 720}  # pixels
THREE = [(0.3, 0.25), (0.45, 0.12), (0.62, 0.15), (0.7, 0.3), (0.6, 0.42), (0.45, 0.48)]  # shares of the canvas
THREE += [(0.62, 0.52), (0.72, 0.68), (0.62, 0.82), (0.45, 0.88), (0.3, 0.78)]
COLOURS = 128  # that a picture keeps


def draw(page: Page) -> None:
    """Draws a 3, and opens the details."""
    page.wait_for_selector("#output .empty")
    box = page.locator("#input").bounding_box()
    assert box
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in THREE]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    page.wait_for_selector("#output li")
    page.locator("summary").click()
    page.wait_for_selector("#passes td")
    page.wait_for_timeout(500)
    page.mouse.move(0, 0)


def main() -> None:
    """Take both."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        with glnn.Model.load(ROOT / "examples" / "digits.h5") as model:
            model.export_web(Path(folder) / "site", scale="unit", labels=list("0123456789"), check=True, verbose=0)
        with launch(playwright, "llvmpipe") as browser, serve(folder) as url:
            for name, width in WIDTHS.items():
                page = browser.new_page(viewport={"width": width, "height": 620})
                page.goto(f"{url}site/{'?check' if name == 'check.png' else ''}")
                if name == "page.png":
                    draw(page)
                else:
                    page.wait_for_selector("#verdict")
                picture = Image.open(io.BytesIO(page.screenshot(full_page=name == "page.png")))
                picture.convert("RGB").quantize(COLOURS).save(DOCS / name, optimize=True)
                print(DOCS / name)


if __name__ == "__main__":
    main()
