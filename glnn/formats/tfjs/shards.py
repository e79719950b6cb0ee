"""Where the shards of a TensorFlow.js model lie: inside of its folder, or of the one that the caller names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from ...errors import ModelFileError
from ...records import dataclass
from ..file import missing, read_head
from ..foreign import looks_like
from ..remote.origin import Origin

URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least: one would be a drive of Windows
NO_SHARD = (b"version https://git-lfs", b"<!", b"<html", b"<?xml")  # what downloads leave in a shard's place


@dataclass(frozen=True)
class Shards:
    """The shards of a model by the paths that its manifest holds; `given` is the caller's `weights`: folder, file."""

    model: Path
    given: Path | None = None
    origin: Origin | None = None

    def find(self, sizes: Mapping[str, int]) -> dict[str, Path]:
        """The file of every path of a manifest; `sizes` are the most bytes that each may have.

        Raises ModelFileError for one that is missing, or lies outside of the model's folder (of `given`).
        """
        paths = list(sizes)
        given = self.given
        if given is None and self.origin is not None:
            return self.fetch(self.origin, sizes)
        if given is not None and not given.is_dir():
            if not given.exists():
                raise ModelFileError(missing(given))
            if len(paths) > 1:
                raise ModelFileError(
                    f"{self.model}: weights={given} is one file, and the weights lie in {len(paths)} shards "
                    f"({', '.join(paths[:3])}{', ...' if len(paths) > 3 else ''}); give the folder that holds them"
                )
            return dict.fromkeys(paths, given)
        return {path: self.locate(path, paths) for path in paths}

    def fetch(self, origin: Origin, sizes: Mapping[str, int]) -> dict[str, Path]:
        """The files beside the model at its URL. Raises DownloadError."""
        urls = {path: origin.beside(path) for path in sizes}
        for path, url in urls.items():
            if url is None:
                raise ModelFileError(f"{self.model}: {self.outside(path, origin.url.rpartition('/')[0])}")
        found = origin.files({str(url): sizes[path] for path, url in urls.items()})
        return {path: found[str(url)] for path, url in urls.items()}

    def outside(self, path: str, folder: Any) -> str:
        """What to say of a path that leads elsewhere."""
        return (
            f"shard {path[:200]!r} of the manifest lies outside of {folder}, where it is not followed. {self.remedy()}"
        )

    def locate(self, path: str, paths: Sequence[str]) -> Path:
        """The file of one path, tried as it stands, then with its URL quotes resolved."""
        folder = self.given or self.model.parent
        outside = False
        for candidate in self.candidates(path, paths):
            try:
                # By what the manifest says: a link that whoever made the folder put there may lead anywhere.
                root = Path(os.path.abspath(folder))
                place = Path(os.path.normpath(root / candidate))
                if URL.match(candidate) or not place.is_relative_to(root):
                    outside = True
                elif place.is_file():
                    return place
            except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a zero byte: no file's name
                continue
        if outside:
            raise ModelFileError(f"{self.model}: {self.outside(path, folder)}")
        near = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))[:8]
        raise ModelFileError(
            f"{self.model}: shard {path[:200]!r} of the manifest is missing in {folder}, which holds "
            f"{', '.join(near) or 'nothing'}. {self.remedy()}"
        )

    def candidates(self, path: str, paths: Sequence[str]) -> Iterator[str]:
        """Where a path may mean, relative to the folder; in a folder that the caller named also by its last part."""
        yield path
        yield unquote(path)
        if self.given is not None:
            last = last_part(path)
            if [last_part(other) for other in paths].count(last) == 1:  # else two shards would be taken for one
                yield last

    def remedy(self) -> str:
        """What to do about a shard that is not found."""
        if self.given is not None:
            return "Copy all shards of the model there"
        return "Copy all shards into one folder and give that as weights="


def last_part(path: str) -> str:
    """The file's name in a path or URL."""
    return PurePosixPath(unquote(urlsplit(path).path if "://" in path else path)).name


def no_shard(paths: Sequence[Path]) -> str:
    """What stands in the place of one of these shards, in words; empty where they may well be shards."""
    for path in paths:
        head = read_head(path)
        if head.lstrip().lower().startswith(NO_SHARD):
            return f"; {path.name} is {looks_like(path, head)}"
    return ""


def stretch(shards: Sequence[np.ndarray], start: int, stop: int) -> np.ndarray:
    """The bytes from start to stop of shards laid end to end: a copy, aligned, that no longer needs the files."""
    result = np.empty(stop - start, np.uint8)
    offset = 0
    for shard in shards:
        first, last = max(start, offset), min(stop, offset + shard.size)
        if first < last:
            result[first - start : last - start] = shard[first - offset : last - offset]
        offset += shard.size
    return result
