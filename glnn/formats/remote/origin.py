"""Where a model was fetched from: its URL, and the files beside it there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ...show.progress import Progress
from .cache import Cache
from .urls import SCHEME

LARGEST = 1 << 36  # bytes of a file
TOGETHER = 6  # files that are fetched at once, as browsers do


class Meter:
    """Adds up what several files have received, and shows it (see Progress) or hands it to a function."""

    def __init__(self, verbose: Any):
        self.show: Callable[[int, int], Any] | None = verbose if callable(verbose) else None
        self.bar = Progress(0, 0 if self.show else verbose, "KB")
        self.files: dict[str, tuple[int, int]] = {}
        self.lock = threading.Lock()

    def told(self, url: str, done: int, total: int) -> None:
        """Of one file, `done` of `total` bytes are here."""
        with self.lock:
            self.files[url] = done, total
            here, all_ = (sum(pair[k] for pair in self.files.values()) for k in (0, 1))
            if self.show is not None:
                self.show(here, all_)
            else:
                self.bar.total = all_ >> 10
                self.bar.update(here >> 10)


@dataclass
class Origin:
    """The URL of a model's first file. `names` tells the URLs of fetched files, by their paths in the cache.

    verbose: 1 shows a bar, 0 none, "auto" one on a terminal when it takes long; or a function of (bytes here, in all)
    """

    url: str
    verbose: Any = "auto"
    cache: Cache = field(default_factory=Cache.of_user)
    names: dict[str, str] = field(default_factory=dict)

    def file(self, url: str | None = None) -> Path:
        """The file of a URL (default: its own). Raises DownloadError."""
        url = url or self.url
        return self.files({url: LARGEST})[url]

    def files(self, wanted: Mapping[str, int]) -> dict[str, Path]:
        """The files of several URLs, with the most bytes that each may have. Raises DownloadError for the first."""
        from .http import fetch  # 30 ms that files on disk should not wait for

        meter = Meter(self.verbose)

        def one(url: str) -> Path:
            return fetch(url, self.cache, wanted[url], lambda done, total: meter.told(url, done, total))

        found = dict(zip(wanted, together(one, list(wanted)), strict=True))
        self.names |= {str(path): url for url, path in found.items()}
        return found

    def beside(self, path: str) -> str | None:
        """The URL of a file in the model's folder, with the model's own query; None for a path that leads outside."""
        parts = path.split("/")
        if SCHEME.match(path) or path.startswith("/") or "\\" in path or ".." in parts or "?" in path or "#" in path:
            return None
        scheme, host, place, query, _ = urlsplit(self.url)
        folder = place.rpartition("/")[0]
        return urlunsplit((scheme, host, f"{folder}/{quote(path, safe='/%:@!$&()*+,;=~-._')}", query, ""))

    def retold(self, message: str) -> str:
        """A message with URLs in the place of paths in the cache."""
        for path, url in sorted(self.names.items(), key=lambda pair: -len(pair[0])):
            message = message.replace(path, url)
        return message


def together(one: Callable[[str], Path], urls: Sequence[str]) -> list[Path]:
    """What `one` gives for each URL, some at a time. Raises what it raises, as soon as it does.

    Nobody waits for the rest then, nor after Ctrl-C, which a pool of concurrent.futures would.
    """
    found: dict[int, Path] = {}
    waiting: Iterator[tuple[int, str]] = enumerate(urls)
    lock, answers = threading.Lock(), queue.SimpleQueue[tuple[int, Path | BaseException]]()

    def work() -> None:
        while True:
            with lock:
                number, url = next(waiting, (-1, ""))
            if number < 0:
                return
            try:
                answers.put((number, one(url)))
            except BaseException as error:
                answers.put((number, error))

    for _ in range(min(TOGETHER, len(urls))):
        threading.Thread(target=work, name="glnn-fetch", daemon=True).start()
    try:
        while len(found) < len(urls):
            number, answer = answers.get()
            if isinstance(answer, BaseException):
                raise answer
            found[number] = answer
    finally:
        waiting = iter(())
    return [found[number] for number in range(len(urls))]
