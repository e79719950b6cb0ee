"""A web server in a thread that serves a folder, and does what it is told to instead."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class Site:
    """A folder at `url`. `asked` counts requests by path and query; `answers` are functions of the request instead."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()  # files that went out whole
        self.answers: dict[str, Callable[[Any], Any]] = {}
        self.validators = True
        self.together = self.most_together = 0
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                place = unquote(urlsplit(self.path).path).lstrip("/")
                with site.lock:
                    site.asked[self.path] += 1
                    site.together += 1
                    site.most_together = max(site.most_together, site.together)
                try:
                    site.answers.get(place, site.file)(self)
                finally:
                    with site.lock:
                        site.together -= 1

        return Handler

    def file(self, request: Any) -> None:
        """Sends the file of a request, or says that it has not changed."""
        path = self.folder / unquote(urlsplit(request.path).path).lstrip("/")
        if not path.is_file():
            return error(404)(request)
        data = path.read_bytes()
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if self.validators and request.headers.get("If-None-Match") == tag:
            return error(304)(request)
        self.sent[path.name] += 1
        send(request, data, {"ETag": tag} if self.validators else {})

    def __enter__(self) -> Site:
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server; it may be called again."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def send(request: Any, data: bytes, headers: Any = (), length: int | None = -1, status: int = 200) -> None:
    """An answer of these bytes; `length` is what is announced (-1: their number, None: nothing)."""
    request.send_response(status)
    for key, value in dict(headers).items():
        request.send_header(key, value)
    if length is not None:
        request.send_header("Content-Length", str(len(data) if length < 0 else length))
    request.end_headers()
    request.wfile.write(data)


def error(status: int, **headers: str) -> Callable[[Any], None]:
    """An answer of this status without a body."""

    def answer(request: Any) -> None:
        request.send_response(status)
        for key, value in {"Content-Length": "0", **headers}.items():
            request.send_header(key.replace("_", "-"), value)
        request.end_headers()

    return answer


def first(times: int, answer: Callable[[Any], None], then: Callable[[Any], None]) -> Callable[[Any], None]:
    """One answer so many times, then another."""
    count = iter(range(10**9))
    return lambda request: (answer if next(count) < times else then)(request)


def slow(seconds: float, then: Callable[[Any], None]) -> Callable[[Any], None]:
    """An answer that comes late."""

    def answer(request: Any) -> None:
        time.sleep(seconds)
        then(request)

    return answer
