"""A model file before it is read: its first bytes, its JSON, its companions, and what a foreign file looks like."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py

from ..errors import ModelFileError

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
HEAD_BYTES = 512
HDF5_SUFFIXES = (".weights.h5", "_weights.h5", ".h5", ".hdf5", "_weights.hdf5", "-weights.h5")  # after a JSON's name

FOREIGN: tuple[tuple[bytes | tuple[bytes, ...], str], ...] = (  # first bytes -> what such a file is
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a NumPy .npy array"),
    (tuple(bytes((0x80, n)) for n in range(2, 6)), "a Python pickle, which glnn never opens because it can run code"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull`"),
    (b"<", "an HTML or XML page, perhaps a download that failed"),
)


@dataclass(frozen=True)
class Source:
    """A file to load, with the companions that the caller named (`weights`, `metadata`: paths or None)."""

    path: Path
    weights: Path | None = None
    metadata: Path | None = None

    @cached_property
    def head(self) -> bytes:
        """The first bytes of the file (at most 512)."""
        return read_head(self.path)

    @property
    def is_hdf5(self) -> bool:
        """Whether the file begins as HDF5 does."""
        return self.head.startswith(HDF5_MAGIC)

    @property
    def looks_like_json(self) -> bool:
        """Whether the first character is that of a JSON object or array."""
        return self.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")

    @cached_property
    def json(self) -> Any:
        """The file parsed as JSON. Raises ModelFileError with line and column where it is malformed."""
        return read_json(self.path)


def read_head(path: Path) -> bytes:
    """The first bytes of a file. Raises ModelFileError for one that is missing, a folder, empty or not readable."""
    if path.is_dir():
        raise ModelFileError(f"{path}: this is a folder; a file is needed here")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise ModelFileError(missing(path)) from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not head:
        raise ModelFileError(f"{path}: the file is empty (0 bytes). Copy or download it again")
    return head


def missing(path: Path) -> str:
    """The message for a path at which there is nothing; relative paths are told with the current folder."""
    seen_from = "" if path.is_absolute() else f" (looked for from the current folder, {Path.cwd()})"
    near = (
        sorted(p.name for p in path.parent.iterdir() if not p.name.startswith("."))[:8] if path.parent.is_dir() else []
    )
    beside = (
        f" The folder holds: {', '.join(near)}." if near else " Its folder does not exist." * (not path.parent.is_dir())
    )
    return f"{path}: there is no such file{seen_from}.{beside}"


def read_json(path: Path) -> Any:
    """A file's JSON. Raises ModelFileError for text that is not UTF-8 or not JSON, with line and column."""
    read_head(path)
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{path}: not text in UTF-8 (byte {error.start}), so not the JSON it should be") from error
    except json.JSONDecodeError as error:
        raise ModelFileError(
            f"{path}: malformed JSON at line {error.lineno}, column {error.colno}: {error.msg}. "
            "The file may be cut short; export it again"
        ) from error
    except RecursionError:
        raise ModelFileError(f"{path}: malformed JSON: nested too deeply to be a model") from None


def open_hdf5(path: Path) -> h5py.File:
    """An HDF5 file opened for reading. Raises ModelFileError where it is missing, foreign or truncated."""
    head = read_head(path)
    if not head.startswith(HDF5_MAGIC):
        raise ModelFileError(f"{path}: an HDF5 file is needed here, and this is {looks_like(path, head)}")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ModelFileError(
            f"{path}: the HDF5 file is truncated or damaged ({path.stat().st_size} bytes; HDF5 says: {error}). "
            "Copy or download it again"
        ) from error


def looks_like(path: Path, head: bytes) -> str:
    """What a file seems to be, in words, by its content and (where content says nothing) its suffix."""
    if head.startswith(b"PK\x03\x04"):
        return zip_kind(path)
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model; that format is not read. Save the Keras model as .h5 instead"
    for magic, kind in FOREIGN:
        if head.lstrip().startswith(magic):
            return kind
    if path.suffix.lower() == ".onnx" or (head[:1] == b"\x08" and b"\x12" in head[2:4]):
        return "an ONNX model; that format is not read yet. Save the Keras model as .h5 instead"
    if path.suffix.lower() == ".pb":
        return "a TensorFlow graph; that format is not read. Save the Keras model as .h5 instead"
    if path.suffix.lower() == ".buf":
        return "the weights of a Keras.js model; load the model's .json instead"
    if path.suffix.lower() == ".bin":
        return "binary data, perhaps a shard of a TensorFlow.js model's weights; load the model's model.json instead"
    return f"of no format that glnn knows (it begins with {head[:8]!r})"


def zip_kind(path: Path) -> str:
    """What kind of ZIP archive this is, by the names in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "a truncated ZIP archive"
    if "config.json" in names and any(name.startswith("model.weights") for name in names):
        return (
            "a Keras 3 .keras archive; that format is not read yet. Save the model with model.save('model.h5') instead"
        )
    if names and all(name.endswith(".npy") for name in names):
        return "a NumPy .npz archive"
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch checkpoint, which glnn never opens because it can run code"
    return f"a ZIP archive (of {', '.join(names[:3])}...); unpack it first"


def as_path(value: str | os.PathLike[str], argument: str) -> Path:
    """An argument as a Path. Raises ModelFileError for anything that is not a path."""
    try:
        return Path(value).expanduser()
    except TypeError:
        raise ModelFileError(f"{argument} must be a path (str or os.PathLike), not {type(value).__name__}") from None


def beside(path: Path, names: Iterable[str], pattern: str) -> Path | None:
    """The first of `names` that exists beside `path`, else the one file there that fits `pattern`, else None."""
    for name in names:
        if (path.parent / name).is_file():
            return path.parent / name
    fitting = [p for p in path.parent.glob(pattern) if p.is_file() and p != path]
    return fitting[0] if len(fitting) == 1 else None


def hdf5_beside(path: Path) -> Path | None:
    """The HDF5 weights beside a model's JSON: by name, or the only HDF5 file of the folder."""
    return beside(path, [path.stem + suffix for suffix in HDF5_SUFFIXES], "*.h5") or beside(path, [], "*.hdf5")
