"""Headless Chromium on a software renderer, and a web server on this machine for it to load from."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

# How ANGLE renders: on Mesa's llvmpipe, the renderer that Python uses here too, or on its own SwiftShader.
RENDERERS = {
    "llvmpipe": ("--use-gl=angle", "--use-angle=gl-egl"),
    "swiftshader": ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    "none": ("--disable-gpu", "--disable-3d-apis", "--disable-software-rasterizer"),
}
FLAGS = (
    "--ignore-gpu-blocklist",
    "--disable-gpu-watchdog",  # which ends a GPU process that compiles for seconds
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
UNHIDDEN = (  # ... and what keeps the timers of hidden pages as fast as those of others
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)
UNWANTED = ("--enable-unsafe-swiftshader", "--disable-gpu", "--use-gl")  # what Playwright would add by itself


def chromium_path() -> str | None:
    """Chromium's path: GLNN_CHROMIUM, else what lies on the PATH; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
    wanted = os.environ.get("GLNN_CHROMIUM")
    return next(filter(None, map(shutil.which, [wanted] if wanted else names)), None)


def missing() -> str | None:
    """What the browser tests lack on this machine, with the remedy; None if nothing."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed: pip install -e .[web]"
    return None if chromium_path() else "Chromium is not installed (Debian: apt-get install -y chromium)"


@contextmanager
def launch(
    playwright: Playwright, renderer: str, extra: Sequence[str] = (), cold: bool = False, hiding: bool = False
) -> Iterator[Browser]:
    """Chromium on a renderer of RENDERERS. cold: with a new, empty shader cache instead of this user's.

    hiding: pages can be hidden, see `hidden`.
    """
    with tempfile.TemporaryDirectory(prefix="glnn-browser-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, **({"MESA_SHADER_CACHE_DIR": folder} if cold else {})}
        browser = playwright.chromium.launch(
            executable_path=chromium_path(),
            args=[*FLAGS, *RENDERERS[renderer], *extra],
            ignore_default_args=[flag for flag in UNWANTED + UNHIDDEN * hiding if flag not in RENDERERS[renderer]],
            env=environment,
            timeout=60_000,
        )
        try:
            yield browser
        finally:
            browser.close()


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript", ".wasm": "application/wasm"}
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the body waits 40 ms for the acknowledgement of the head

    def log_message(self, format: str, *args: object) -> None:
        pass

    def __init__(self, *args: Any, more: Mapping[str, str], **options: Any):
        self._more = more
        super().__init__(*args, **options)

    def end_headers(self) -> None:
        for name, value in {"Cache-Control": "no-store", **self._more}.items():
            self.send_header(name, value)
        super().end_headers()


@contextmanager
def serve(folder: str | os.PathLike[str], headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """A web server for a folder on the loopback interface; its URL, with a slash at the end. headers: sent as well."""
    handler = functools.partial(_Handler, directory=str(Path(folder)), more=headers or {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
