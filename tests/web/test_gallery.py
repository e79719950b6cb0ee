"""The gallery: what its script exports, and the page that leads there and checks it."""

from __future__ import annotations

import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.accessibility import findings
from support.faults import change_plan, in_output
from support.pages_seen import DESKTOP, PHONE, wait_for_text

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("PIL.Image")
NAMES = ("digits", "style", "writer", "shapes", "wine", "tides")


def make(root: Path, folder: Path, *names: str) -> None:
    """Exports these models of the gallery into a folder."""
    for name in names:
        argv, sys.argv = sys.argv, ["make_gallery", str(folder), "--only", name]
        try:
            runpy.run_path(str(root / "scripts" / "make_gallery.py"), run_name="__main__")
        finally:
            sys.argv = argv


@pytest.fixture(scope="module")
def gallery(site: tuple[Path, str], root: Path) -> Path:
    """The gallery with its two smallest models, the others standing there by copies of these."""
    folder = site[0] / "gallery"
    make(root, folder, "wine", "tides")
    for name in NAMES[:4]:
        shutil.copytree(folder / "wine", folder / name)
    change_plan(folder / "writer", "webgl2", in_output(1, "scaled"))
    shutil.rmtree(folder / "style")
    return folder


def test_the_gallery_checks_each_model_here(strict_page: Callable[..., Page], strict: str, gallery: Path) -> None:
    page = strict_page(PHONE)
    page.goto(f"{strict}gallery/")
    page.get_by_role("button", name="Check all six").click()
    page.locator("#told:not(:empty)").wait_for()
    said = {name: page.locator(f"[data-model={name}] small").inner_text() for name in NAMES}
    assert "4 draws as in Python" in said["wine"] and "draws as in Python" in said["tides"]
    assert "draws wrong" in said["writer"] and "Something is wrong" in page.locator("#told").inner_text()
    assert "is not there" in said["style"]
    assert page.locator("iframe").count() == 0 and page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_use_the_gallery(
    strict_page: Callable[..., Page], strict: str, gallery: Path, scheme: str
) -> None:
    page = strict_page(DESKTOP, scheme)
    page.goto(f"{strict}gallery/")
    assert findings(page) == []


def test_everyone_can_use_a_check(strict_page: Callable[..., Page], strict: str, gallery: Path) -> None:
    page = strict_page(PHONE)
    page.goto(f"{strict}gallery/writer/?check")  # with a bad draw
    page.wait_for_selector("#check")
    assert findings(page) == []


def test_the_pages_of_the_gallery_show_their_examples(
    strict_page: Callable[..., Page], strict: str, gallery: Path
) -> None:
    page = strict_page(PHONE)
    page.goto(f"{strict}gallery/wine/")
    page.locator("#output li").first.wait_for()
    for button, name in (("Wine 67", "Grignolino"), ("Wine 139", "Barbera"), ("Wine 8", "Barolo")):
        page.get_by_role("button", name=button).click()
        wait_for_text(page, "#output li span", name)
    page.goto(f"{strict}gallery/tides/")
    page.get_by_text("24 values after 72").wait_for()


@pytest.mark.whole
def test_all_models_of_the_gallery_are_exported(root: Path, tmp_path: Path) -> None:
    make(root, tmp_path, *NAMES)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == set(NAMES)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 6e6
