"""Keras archives: .keras, a ZIP of config.json, metadata.json, model.weights.h5 and files of layers (assets).

Nothing is unpacked to disk by a name that the archive tells.
"""

from __future__ import annotations

import io
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import GlnnError, ModelFileError, UnsupportedError
from ...graph.graph import Graph
from ..file import Source
from ..hdf5_file import ROOM, SWOLLEN, open_hdf5
from ..json_text import parse_json
from ..registry import loader
from .config import build_graph, document
from .hdf5 import read_weights

CONFIG, METADATA, WEIGHTS, ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets/"
TEXT = 64 << 20  # bytes of a JSON, at most
MOST_MEMBERS = 100_000
PIECE = 1 << 20
AGAIN = "Copy or download it again"
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


def is_archive(source: Source) -> bool:
    """Whether the file is a ZIP with a config.json in it."""
    if not source.head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(source.path) as archive:
            return CONFIG in archive.namelist()
    except DAMAGE:
        return False


@loader("Keras .keras", is_archive)
def load_archive(source: Source) -> Graph:
    """The Graph of a Keras archive, of Keras 3 or of TensorFlow's 2.12 on."""
    where = str(source.path)
    if source.metadata is not None:
        raise ModelFileError(f"{where}: an archive holds its metadata; load it without metadata={source.metadata}")
    with opened(source.path) as archive:
        config = parse_json(text(archive, CONFIG, where), f"{where}: {CONFIG}")
        if METADATA not in names(archive):
            raise ModelFileError(f"{where}: the archive has no {METADATA}, which tells what Keras wrote it. {AGAIN}")
        doc = document(where, config, told_version(parse_json(text(archive, METADATA, where), f"{where}: {METADATA}")))
        assets = [name for name in names(archive) if name.startswith(ASSETS) and not name.endswith("/")]
        if assets:
            raise UnsupportedError(where, [f"file {name} of a layer, beside its config and weights" for name in assets])
        if source.weights is not None:
            with open_hdf5(source.weights) as file:
                return build_graph(doc, read_weights(file, str(source.weights)))
        if WEIGHTS not in names(archive):
            return build_graph(doc, None, f"The archive has no {WEIGHTS}; give the weights file as weights=")
        inner = f"{where}: {WEIGHTS}"
        with member(archive, source.path, WEIGHTS) as data, open_hdf5(source.path, data, inner) as file:
            return build_graph(doc, read_weights(file, inner))


def told_version(metadata: Any) -> str | None:
    """The version of Keras that a metadata.json tells."""
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else None


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A ZIP archive whose list of members is sound. Raises ModelFileError, for damage found later too."""
    try:
        with zipfile.ZipFile(path) as archive:
            check(archive, str(path))
            yield archive
    except GlnnError:
        raise
    except DAMAGE as error:
        raise ModelFileError(f"{path}: the archive is truncated or damaged ({error}). {AGAIN}") from error


def check(archive: zipfile.ZipFile, where: str) -> None:
    """Raise ModelFileError for members that no Keras writes: links, paths that lead out, names that stand twice."""
    seen: set[str] = set()
    for info in archive.infolist():
        name, parts = info.orig_filename, info.orig_filename.replace("\\", "/").split("/")
        mode = info.external_attr >> 16
        fault = ""
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
            fault = "leads out of the archive"
        elif stat.S_ISLNK(mode):
            fault = "is a link"
        elif name in seen:
            fault = "stands twice in the archive"
        elif info.flag_bits & 1:
            fault = "is encrypted"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others take memory as files ask
            fault = f"is packed by method {info.compress_type}"
        elif len(seen) > MOST_MEMBERS:
            fault = f"is one of more than {MOST_MEMBERS}"
        if fault:
            raise ModelFileError(f"{where}: member {name[:200]!r} {fault}, which no Keras writes. {AGAIN}")
        seen.add(name)


def names(archive: zipfile.ZipFile) -> list[str]:
    """What an archive holds."""
    return archive.namelist()


def text(archive: zipfile.ZipFile, name: str, where: str) -> bytes:
    """A small member. Raises ModelFileError where it is none."""
    size = archive.getinfo(name).file_size
    if size > TEXT:
        raise ModelFileError(f"{where}: {name} should take {size:,} bytes; at most {TEXT:,} are read. {AGAIN}")
    return archive.read(name)


@contextmanager
def member(archive: zipfile.ZipFile, path: Path, name: str) -> Iterator[BinaryIO]:
    """A large member as a file: where it lies in the archive, or unpacked into a nameless one on disk."""
    info = archive.getinfo(name)
    if info.file_size > ROOM and info.file_size > SWOLLEN * info.compress_size:
        raise ModelFileError(
            f"{path}: {name} would take {info.file_size:,} bytes, packed in {info.compress_size:,}, as no weights do"
        )
    with archive.open(info) as packed:
        if info.compress_type == zipfile.ZIP_STORED:
            crc, first = 0, packed._fileobj._pos  # type: ignore[attr-defined]
            while piece := packed.read(PIECE):
                crc = zlib.crc32(piece, crc)
            with path.open("rb") as file:
                yield io.BufferedReader(Window(file, first, info.file_size), PIECE)
            return
        with tempfile.TemporaryFile() as unpacked:
            while piece := packed.read(PIECE):
                unpacked.write(piece)
            unpacked.seek(0)
            yield unpacked


class Window(io.RawIOBase):
    """Bytes of an open file, from `first` on, as a file of their own."""

    def __init__(self, file: BinaryIO, first: int, size: int):
        self.file, self.first, self.size, self.at = file, first, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to a byte, as any file."""
        self.at = max(0, offset + (0, self.at, self.size)[whence])
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Reads into a buffer -> how many bytes."""
        count = max(0, min(len(buffer), self.size - self.at))
        self.file.seek(self.first + self.at)
        count = self.file.readinto(memoryview(buffer)[:count])  # type: ignore[attr-defined]
        self.at += count
        return count
