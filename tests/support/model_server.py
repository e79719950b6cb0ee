"""A server of models for pages elsewhere, and a page that loads from it with the runner."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from support.http_server import Site, send
from support.replays import Exported, difference, different_bits

if TYPE_CHECKING:
    from playwright.sync_api import Page

ACROSS = 1e-5  # of the largest value, between renderers
OPEN = {f"Access-Control-{name}": "*" for name in ("Allow-Origin", "Expose-Headers")}
OPEN["Access-Control-Allow-Headers"] = "authorization"  # which a star does not stand for


class Models(Site):
    """A server of models for pages of other origins, which keeps what it was asked: (path, query, headers)."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.times: dict[str, list[float]] = defaultdict(list)  # by path

    def handler(self) -> Any:
        models, plain = self, super().handler()

        class Handler(plain):  # type: ignore[valid-type, misc]
            def do_OPTIONS(self) -> None:
                send(self, b"")

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                models.times[parts.path].append(time.monotonic())
                models.requests.append((parts.path, parts.query, {k.lower(): v for k, v in self.headers.items()}))
                super().do_GET()

            def end_headers(self) -> None:
                for name, value in OPEN.items():
                    self.send_header(name, value)
                super().end_headers()

        return Handler

    def paths(self) -> list[str]:
        """The paths that were asked for since the last call."""
        asked = [path for path, _, _ in self.requests]
        self.requests.clear()
        return asked


def enter(page: Page, digits: Exported) -> None:
    """Opens the page, or opens it again."""
    page.goto(f"{digits.site}harness.html")
    page.evaluate("async url => { window.given = await floats(url) }", f"{digits.url}input.bin")
    page.evaluate("async url => { window.glnn = await import(url) }", f"{digits.url}runner.js")


def load(page: Page, url: str, **options: Any) -> Any:
    """What becomes of load: {"done": progress} or {"failed": [name, code, message]}; the model is `model`."""
    return page.evaluate(
        """([url, options]) => settle((async () => {
          const told = [];
          window.model = await glnn.load(url, {variant: "webgl2", ...options, onProgress: p => told.push(p)});
          return told;
        })())""",
        [url, options],
    )


def files(folder: Path) -> set[str]:
    """The files of the variant webgl2 in an export."""
    manifest = json.loads((folder / "manifest.json").read_text())
    plan = next(v["plan"]["file"] for v in manifest["variants"] if v["name"] == "webgl2")
    return {plan, *(shard["file"] for shard in manifest["weights"]["shards"])}


def right(page: Page, digits: Exported) -> bool:
    """Whether the model gives the bits of Python, or nearly, on another renderer than Python's."""
    got, expected = digits.predict(page), digits.in_python("webgl2").outputs
    if "SwiftShader" in page.evaluate("model.renderer"):
        return difference(got, expected) <= ACROSS
    return different_bits(got, expected) == 0
