"""What a person does on the page of an export, and what is seen there."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

SMALL, PHONE, DESKTOP = ({"width": w, "height": h} for w, h in ((360, 740), (390, 844), (1280, 900)))
# What a careful site sends: nothing inline, nothing from elsewhere.
POLICY = {"Content-Security-Policy": "default-src 'self'"}


def png(pixels: np.ndarray) -> bytes:
    """A picture file of (height, width) or (height, width, 3) bytes."""
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def choose(page: Page, name: str, data: bytes) -> None:
    """Hands a file to the page, as its button does."""
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def classes(page: Page) -> list[tuple[str, str]]:
    """The classes that the page shows, likeliest first, each with its number."""
    rows = page.locator("#output li").all()
    return [(row.locator("span").nth(0).inner_text(), row.locator("span").nth(1).inner_text()) for row in rows]


def wait_for_text(page: Page, selector: str, text: str) -> None:
    """Waits until the first such element has this text; wait_for_function would need eval, which POLICY bars."""
    from playwright.sync_api import expect

    expect(page.locator(selector).first).to_have_text(text, timeout=60_000)


def seen(page: Page, selector: str = "#output canvas") -> np.ndarray:
    """The pixels of a canvas of the page, its output's if no other is named: (height, width, 4)."""
    read = """(selector) => {
      const canvas = document.querySelector(selector), {width, height} = canvas;
      return [height, width, ...canvas.getContext("2d").getImageData(0, 0, width, height).data];
    }"""
    height, width, *data = page.evaluate(read, selector)
    return np.array(data).reshape(height, width, 4)


def comes(page: Page, colour: tuple[int, int, int, int]) -> None:
    """Waits until the picture that is shown has this colour at its corner."""
    page.wait_for_selector("#output canvas")
    for _ in range(200):
        if (seen(page)[0, 0] == colour).all():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{seen(page)[0, 0]} instead of {colour}")
