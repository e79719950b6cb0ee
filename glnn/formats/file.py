"""A model file before it is read: its first bytes, its JSON, its companions."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import is_path, told
from ..errors import ModelFileError
from ..records import dataclass
from .foreign import stand_in
from .json_text import parse_json

if TYPE_CHECKING:
    from .remote.origin import Origin

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
HEAD_BYTES = 512
JSON_START = re.compile(rb"""(\xef\xbb\xbf)?\s*("(\s|\\[nrt])*)?[{\[]""")  # of an object, an array, or one in a string
HDF5_SUFFIXES = (".weights.h5", "_weights.h5", ".h5", ".hdf5", "_weights.hdf5", "-weights.h5")  # after a JSON's name


@dataclass(frozen=True)
class Source:
    """A file to load, with the companions that the caller named (`weights`, `metadata`: paths or None)."""

    path: Path
    weights: Path | None = None
    metadata: Path | None = None
    origin: Origin | None = None  # where the file was fetched from
    host: bool = True  # whether NumPy may compute what depends on values

    def wanting(self, argument: str, names: Iterable[str]) -> str:
        """What to do about a companion that was not found beside the file by these names."""
        if self.origin is not None:
            return f"It is not looked for at the server; give its URL as {argument}="
        return f"Looked in {self.path.parent} for {', '.join(names)}; give the file as {argument}="

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
        """Whether the file begins as a JSON object or array does, or a JSON string with one in it."""
        return JSON_START.match(self.head) is not None

    @cached_property
    def json(self) -> Any:
        """The file parsed as JSON, twice where it is the string that a model's to_json() gives, written as JSON.

        Raises ModelFileError with line and column where it is malformed.
        """
        return unwrapped(read_json(self.path), str(self.path))


def read_head(path: Path) -> bytes:
    """The first bytes of a file.

    Raises ModelFileError for one that is missing, a folder, empty, not readable, or not the file but a stand-in for it.
    """
    if path.is_dir():
        raise ModelFileError(f"{path}: this is a folder; a file is needed here")
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe would wait for ever
            raise ModelFileError(f"{path}: this is neither a file nor a folder; a file is needed here")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise ModelFileError(missing(path)) from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not head:
        raise ModelFileError(f"{path}: the file is empty (0 bytes). Copy or download it again")
    if kind := stand_in(head):
        raise ModelFileError(f"{path}: this is {kind}")
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
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse_json(data, str(path))


def unwrapped(value: Any, where: str) -> Any:
    """A JSON value; one that is a string of JSON is parsed. Raises ModelFileError where that is malformed."""
    if not isinstance(value, str):
        return value
    return parse_json(value, f"{where} is a text (str) that should hold JSON and does not")


def map_file(path: Path) -> np.ndarray:
    """A file's bytes, mapped into memory and read when used. Raises ModelFileError where it cannot be read."""
    read_head(path)
    try:
        return np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path}: cannot be read: {error}") from error


def as_path(value: str | os.PathLike[str], argument: str) -> Path:
    """An argument as a Path. Raises ModelFileError for anything that is not a path."""
    if not isinstance(value, str | os.PathLike):
        raise ModelFileError(f"{argument} must be a path (str or os.PathLike), not {type(value).__name__}")
    if not is_path(value):
        raise ModelFileError(f"{argument}={told(value)}: no file can be called so. Give the path of a file")
    return Path(value).expanduser()


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
