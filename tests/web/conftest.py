"""Fixtures of the browser tests. Without a browser they skip; with GLNN_REQUIRE_WEB=1 they fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.browser import launch, missing, serve
from support.echoes import exported
from support.model_server import Models, enter
from support.networks import save_mobilenet
from support.page_kinds import graphs
from support.pages_seen import POLICY
from support.replays import HARNESS, Exported, export

import glnn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.web)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver, where it and Chromium are there."""
    lacking = missing()
    if lacking and os.environ.get("GLNN_REQUIRE_WEB") == "1":
        pytest.fail(f"{lacking} (GLNN_REQUIRE_WEB=1 asks for the browser tests)")
    if lacking:
        pytest.skip(lacking)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browsers(playwright: Playwright) -> Iterator[Callable[[str], Browser]]:
    """Chromium by renderer ("llvmpipe", "swiftshader", "none"), each launched once."""
    running: dict[str, Browser] = {}
    with ExitStack() as stack:

        def browser(renderer: str) -> Browser:
            if renderer not in running:
                running[renderer] = stack.enter_context(launch(playwright, renderer))
            return running[renderer]

        yield browser


@pytest.fixture
def new_page(browsers: Callable[[str], Browser]) -> Iterator[Callable[[str], Page]]:
    """A new page on a renderer, closed after the test; an error that it leaves uncaught fails the test."""
    errors: list[str] = []
    with ExitStack() as stack:

        def page(renderer: str = "llvmpipe") -> Page:
            made = browsers(renderer).new_page()
            stack.callback(made.close)
            made.set_default_timeout(60_000)
            made.on("pageerror", lambda error: errors.append(str(error)))
            return made

        yield page
    assert not errors


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with the harness in it, and the URL under which it is served."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(HARNESS, folder / "harness.html")
    with serve(folder) as url:
        yield folder, url


@pytest.fixture(scope="session")
def strict(site: tuple[Path, str]) -> Iterator[str]:
    """Another URL of the same folder, whose server sends a strict Content-Security-Policy."""
    with serve(site[0], POLICY) as url:
        yield url


@pytest.fixture
def strict_page(new_page: Callable[[], Page]) -> Iterator[Callable[..., Page]]:
    """A new page of a size in pixels; what violates the policy fails the test."""
    broken: list[str] = []

    def page(size: Any = None, scheme: Any = None) -> Page:
        made = new_page()
        if size:
            made.set_viewport_size(size)
        if scheme:
            made.emulate_media(color_scheme=scheme)
        made.on("console", lambda told: broken.append(told.text) if "Content Security Policy" in told.text else None)
        return made

    yield page
    assert not broken


@pytest.fixture(scope="session")
def kinds(site: tuple[Path, str], strict: str) -> str:
    """The URL below which the pages of these models lie."""
    for name, (graph, options) in graphs().items():
        with glnn.Model(graph) as model:
            model.export_web(site[0] / f"kind-{name}", variants=["webgl2"], **options)
    return f"{strict}kind-"


@pytest.fixture
def opened(strict_page: Callable[..., Page], kinds: str) -> Callable[..., Page]:
    """The page of a kind, with what it shows first."""

    def opened(name: str, size: Any = None, scheme: Any = None) -> Page:
        page = strict_page(size, scheme)
        page.goto(f"{kinds}{name}/")
        page.wait_for_selector("#output *")
        return page

    return opened


@pytest.fixture(scope="session")
def digits(site: tuple[Path, str], root: Path) -> Exported:
    """The digits model, exported, with one held-out picture as its input."""
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        x = (data["images"][:1] / 16).astype(np.float32)[..., None]
    return export(glnn.Model.load(root / "examples" / "digits.h5"), "digits", x, *site)


@pytest.fixture(scope="session")
def mobilenet(site: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A seeded MobileNetV2 for 96 x 96 pictures, exported, with a random picture as its input."""
    pytest.importorskip("keras")
    path = save_mobilenet(tmp_path_factory.mktemp("models") / "mobilenetv2.h5", 96, 0.35)
    x = np.random.default_rng(1).standard_normal((1, 96, 96, 3)).astype(np.float32)
    return export(glnn.Model.load(path), "mobilenetv2", x, *site)


@pytest.fixture(scope="session")
def echoes(site: tuple[Path, str]) -> dict[str, str]:
    """URLs of models that give back what they get, by names of SHAPES."""
    return exported(site)


@pytest.fixture
def served(digits: Exported, tmp_path: Path) -> Iterator[Models]:
    """The digits model on a server of its own, in /model/."""
    shutil.copytree(digits.folder, tmp_path / "model")
    with Models(tmp_path) as site:
        yield site


@pytest.fixture
def page(request: pytest.FixtureRequest, new_page: Callable[[str], Page], digits: Exported) -> Page:
    """A page with the runner, on llvmpipe unless a test says otherwise, and nothing kept."""
    made = new_page(getattr(request, "param", "llvmpipe"))
    enter(made, digits)
    made.evaluate("caches.delete('glnn')")
    return made
