"""Downloaded files on disk, each once by its content, and what is known of the URLs that they came from.

files/ab/abcd.../model.json    a file, in a folder named by its SHA-256
urls/1234....json              of a URL: which file it gave, its size, and what the server told of its version
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from ...caching import VARIABLE, cache_folder
from ...errors import DownloadError, ModelFileError
from ...records import dataclass
from ..json_text import parse_json

PIECE = 1 << 20  # bytes that are hashed at once


@dataclass(frozen=True)
class Record:
    """What a URL gave last: SHA-256 and size (bytes), the server's ETag and Last-Modified, when it was asked."""

    url: str
    sha256: str
    size: int
    etag: str = ""
    modified: str = ""
    date: str = ""


@dataclass(frozen=True)
class Cache:
    """A folder of downloaded files, which processes may share."""

    folder: Path

    @classmethod
    def of_user(cls) -> Cache:
        """The folder that GLNN_CACHE names, else `glnn` in the user's folder for such."""
        return cls(cache_folder())

    def record(self, url: str) -> Record | None:
        """What a URL gave last; None where nothing is known, or its file is gone or not what it was."""
        try:
            told = parse_json((self.folder / "urls" / f"{digest(url)}.json").read_bytes(), "")
            record = Record(**told)
            path = self.path(record)
            fits = record.url == url and path.stat().st_size == record.size and checksum(path) == record.sha256
        except (OSError, TypeError, ValueError, ModelFileError):
            return None
        return record if fits else None

    def path(self, record: Record) -> Path:
        """Where the file of a record lies."""
        if not re.fullmatch("[0-9a-f]{64}", record.sha256):
            raise ValueError(f"{record.sha256!r} is no SHA-256")
        return self.folder / "files" / record.sha256[:2] / record.sha256 / file_name(record.url)

    @contextmanager
    def part(self) -> Iterator[tuple[Path, BinaryIO]]:
        """A new file to write a download into; what is not kept goes. Raises DownloadError where none can be made."""
        path = self.folder / f"{secrets.token_hex(8)}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = path.open("xb")
        except OSError as error:
            raise self.unwritable(error) from error
        try:
            with file:
                yield path, file
        finally:
            path.unlink(missing_ok=True)

    def keep(self, record: Record, part: Path) -> Path:
        """Gives a downloaded file its place -> that. Raises DownloadError where the folder can't be written."""
        path = self.path(record)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, path)
            self.note(record)
        except OSError as error:
            raise self.unwritable(error) from error
        return path

    def note(self, record: Record) -> None:
        """Writes down what a URL gave."""
        path = self.folder / "urls" / f"{digest(record.url)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        part.write_text(json.dumps(asdict(record)))
        os.replace(part, path)

    def unwritable(self, error: OSError) -> DownloadError:
        """The error for a folder that can't be written, or a disk that is full."""
        free = f", {shutil.disk_usage(self.folder).free >> 20} MB free" if self.folder.is_dir() else ""
        return DownloadError(
            f"{self.folder}: the folder for downloaded models can't be written ({error.strerror or error}{free}). "
            f"Name another in the environment variable {VARIABLE}"
        )


def digest(text: str) -> str:
    """The SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    sum_ = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            sum_.update(piece)
    return sum_.hexdigest()


def file_name(url: str) -> str:
    """The last part of a URL's path, as a name that every system takes."""
    name = re.split(r"[/\\]", unquote(urlsplit(url).path).rstrip("/"))[-1]
    name = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[-100:]
    return name or "model"
