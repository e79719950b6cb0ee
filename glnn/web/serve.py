"""A web server of an exported folder for a look on this machine: loopback only, nothing cached."""

from __future__ import annotations

import functools
import http.server
from pathlib import Path

from ..errors import InputError


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files with the MIME types that browsers insist on, whatever this machine's registry says; quiet."""

    extensions_map = {
        "": "application/octet-stream",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".ts": "text/plain; charset=utf-8",
        ".json": "application/json",
        ".bin": "application/octet-stream",
    }

    def end_headers(self) -> None:
        """Adds that nothing may be kept."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def serve(folder: str | Path, port: int = 0) -> http.server.ThreadingHTTPServer:
    """A server of a folder on 127.0.0.1 at `port` (0: a free one); start it with serve_forever(), free it with `with`.

    Raises InputError for a folder that holds no export, or a port that is taken.
    """
    if not (Path(folder) / "manifest.json").is_file():
        raise InputError(f"{folder}: no manifest.json there. Make one with: glnn export-web MODEL {folder}")
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise InputError(f"port {port}: {error}. Give another one, or 0 for any that is free") from error
