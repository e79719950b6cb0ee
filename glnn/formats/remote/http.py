"""One file over HTTP into the cache: asked for anew each time, but not sent again where it has not changed."""

from __future__ import annotations

import hashlib
import http.client
import ssl
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

from ...errors import DownloadError
from .cache import PIECE, Cache, Record

TIMEOUT = 30.0  # seconds without a byte
PAUSES = (0.5, 1.0, 2.0)  # seconds before the second, third and fourth try
LONGEST_PAUSE = 20.0  # seconds that a server may ask for
AGAIN = (502, 503, 504)  # a server, or one before it, that may answer in a moment
BROKEN = (urllib.error.URLError, http.client.HTTPException, OSError)  # OSError: timeouts and resets
ANSWERS = {
    401: "the server wants a login. Download the file yourself and load it from disk",
    403: "the server does not hand it out. Download the file yourself and load it from disk",
    404: "there is no such file at the server. Look at the URL",
    410: "the server has it no longer. Look for another URL",
    429: "the server was asked too often. Wait and load it again",
}
Told = Callable[[int, int], Any]  # of a file: bytes that are here, and in all


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to other places over HTTP, from an encrypted one to encrypted ones only."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The request for the other place. Raises DownloadError."""
        before, after = (url.partition(":")[0].lower() for url in (req.full_url, newurl))
        if after not in ("http", "https") or (before == "https" and after == "http"):
            raise DownloadError(f"{req.full_url}: the server sends us on to {newurl[:200]}, where glnn does not follow")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, cache: Cache, most: int, told: Told | None = None) -> Path:
    """The file of a URL in the cache, fetched where it is not there or has changed.

    most: bytes that it may have
    Raises DownloadError. Where the server can't be reached, the file that it gave last serves, with a warning.
    """
    kept = cache.record(url)
    for pause in (*(() if kept else PAUSES), None):
        try:
            return attempt(url, cache, kept, most, told or (lambda done, total: None))
        except DownloadError as error:
            if error.status is not None and error.status not in AGAIN:
                raise
            if kept is not None:
                warnings.warn(f"{error}. What it gave on {kept.date} is used, from {cache.folder}", stacklevel=2)
                return cache.path(kept)
            if pause is None or not error.passing:
                raise
            time.sleep(min(max(pause, error.wait), LONGEST_PAUSE))
    raise AssertionError("the last try returns or raises")


def attempt(url: str, cache: Cache, kept: Record | None, most: int, told: Told) -> Path:
    """One request. Raises DownloadError."""
    from ... import __version__

    headers = {"User-Agent": f"glnn/{__version__}", "Accept-Encoding": "identity"}
    if kept is not None and kept.etag:
        headers["If-None-Match"] = kept.etag
    elif kept is not None and kept.modified:
        headers["If-Modified-Since"] = kept.modified
    try:
        opener = urllib.request.build_opener(Redirects)
        with opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as response:
            return receive(url, cache, response, most, told)
    except urllib.error.HTTPError as error:
        if error.code == 304 and kept is not None:
            told(kept.size, kept.size)
            return cache.path(kept)
        raise refusal(url, error.code, error.reason, error.headers) from error
    except ValueError as error:  # what is no URL, by Python's own tests
        raise DownloadError(f"{url}: this is no URL that can be asked for ({error})") from error
    except BROKEN as error:
        reason = getattr(error, "reason", None) or error
        untrusted = isinstance(reason, ssl.SSLCertVerificationError)
        told_as = "timed out" if isinstance(reason, TimeoutError) else str(reason) or type(reason).__name__
        raise DownloadError(f"{url}: can't be fetched: {told_as}", passing=not untrusted) from error


def receive(url: str, cache: Cache, response: Any, most: int, told: Told) -> Path:
    """The body of an answer as a file of the cache. Raises DownloadError where it is cut short or too long."""
    if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
        raise DownloadError(f"{url}: the server sends it packed ({encoding}), which was not asked for")
    length = response.headers.get("Content-Length", "")
    announced = int(length) if length.isdecimal() else None
    if (announced or 0) > most:
        raise DownloadError(f"{url}: the server announces {announced:,} bytes, and it may have {most:,}")
    sum_, size = hashlib.sha256(), 0
    with cache.part() as (part, file):
        while piece := response.read(PIECE):
            size += len(piece)
            if size > most:
                raise DownloadError(f"{url}: the server sends more than the {most:,} bytes that it may have")
            sum_.update(piece)
            try:
                file.write(piece)
            except OSError as error:
                raise cache.unwritable(error) from error
            told(size, max(size, announced or 0))
        if announced is not None and size < announced:
            raise DownloadError(f"{url}: broke off after {size:,} of {announced:,} bytes", passing=True)
        file.close()
        record = Record(url, sum_.hexdigest(), size, date=time.strftime("%Y-%m-%d"))
        names = {"etag": "ETag", "modified": "Last-Modified"}
        found = {key: response.headers.get(name, "") for key, name in names.items()}
        return cache.keep(replace(record, **found), part)


def refusal(url: str, status: int, reason: str, headers: Message) -> DownloadError:
    """The error for an answer that is not the file."""
    wait = headers.get("Retry-After", "") if headers else ""
    asked = f" (it asks to wait {wait} s)" if wait.isdecimal() else ""
    words = ANSWERS.get(status) or ("the server failed. Load it again later" if status >= 500 else "Look at the URL")
    return DownloadError(
        f"{url}: HTTP {status} {reason}: {words}{asked}", status, status in AGAIN, float(wait) if asked else 0.0
    )
