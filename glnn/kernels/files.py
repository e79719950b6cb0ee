"""A kernel's .glsl file: its pragmas, its tree, the files of shaders/ and folders of other packages."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator
from dataclasses import field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, KernelError
from ..records import dataclass
from .language.check import check
from .language.parse import parse_file
from .language.tree import Tree

if TYPE_CHECKING:
    from importlib.abc import Traversable

_KINDS = ("input", "optional", "matrix", "vector", "const", "param", "unroll")
TESTS = ("test", "expect")  # pragmas that declare nothing: what they say is for glnn.testing
_ADDED: dict[str, dict[str, Traversable]] = {}  # folders of other packages: the file of each kernel by its name


@dataclass(frozen=True)
class KernelSource:
    """A kernel's file: its text, the tree of it, and what its pragmas declare."""

    name: str
    file: str
    text: str = field(repr=False)
    tree: Tree = field(hash=False, compare=False, repr=False)
    declared: dict[str, tuple[str, ...]] = field(hash=False)
    blocked: bool = False
    row: bool = False  # its blocks are to lie along rows of pixels
    each: bool = False  # makes one texel at a time, and may be called for each of a block
    tiled: bool = False  # a whole compute shader of workgroups, see kernels/tiles.py: its tree is empty
    blocks: Callable[[tuple[int, int]], KernelSource] | None = field(
        default=None, hash=False, compare=False, repr=False
    )
    """The kernel for a block of this size, where its text is made for one."""


def read_shader(path: str) -> str:
    """The text of a file below shaders/. Raises KernelError where there is none."""
    try:
        return resources.files("glnn").joinpath(f"shaders/{path}").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KernelError(f"there is no kernel file shaders/{path}") from None


def read_texts() -> Iterator[tuple[str, str]]:
    """Names and texts of all files below shaders/, in order."""
    for folder in sorted(resources.files("glnn").joinpath("shaders").iterdir(), key=lambda one: one.name):
        for file in sorted(folder.iterdir(), key=lambda one: one.name) if folder.is_dir() else ():
            if file.name.endswith(".glsl"):
                yield f"{folder.name}/{file.name}", _text(file)


@lru_cache(64)
def read_library(path: str) -> Tree:
    """The tree of one of glnn's own files below shaders/. Raises KernelError."""
    return parse_file(read_shader(path), f"shaders/{path}", library=True)


def kernel_names() -> list[str]:
    """All kernels in shaders/kernels: glnn's own."""
    return sorted(_kernels_in(resources.files("glnn").joinpath("shaders/kernels")))


def add_folder(folder: str | os.PathLike[str] | Traversable) -> list[str]:
    """Makes the kernels <name>.glsl of a folder known by name, as glnn's own are -> their names.

    folder: a path, or what importlib.resources.files("yourpackage").joinpath("kernels") gives

    Names are one space for all packages. The same folder may be added again, as when a notebook's cell runs twice:
    its files are then read anew. Raises InputError for a folder that is missing or holds no kernel, KernelError for a
    name that is taken, with both files; nothing of the folder is known then.
    """
    place: Traversable = Path(folder).resolve() if isinstance(folder, str | os.PathLike) else folder
    if not hasattr(place, "iterdir"):
        raise InputError(f"add_folder: {folder!r} was given; give a path, or importlib.resources.files(...)")
    if not place.is_dir():
        raise InputError(f"add_folder: there is no folder {place}. Give the one that holds your <name>.glsl files")
    found = _kernels_in(place)
    if not found:
        raise InputError(f"add_folder: {place} holds no file <name>.glsl")
    known = {name: f"glnn's own shaders/kernels/{name}.glsl" for name in kernel_names()}
    known |= {name: str(f) for other, files in _ADDED.items() if other != str(place) for name, f in files.items()}
    for name, file in found.items():
        if name in known:
            raise KernelError(f"two kernels are called {name!r}: {file} and {known[name]}. Rename the first")
    _ADDED[str(place)] = found
    load_kernel.cache_clear()
    return sorted(found)


def _kernels_in(folder: Traversable) -> dict[str, Traversable]:
    return {file.name.removesuffix(".glsl"): file for file in folder.iterdir() if file.name.endswith(".glsl")}


def parse(name: str, text: str, file: str) -> KernelSource:
    """A kernel from its text. Raises KernelError, with file, line and column, for what is no kernel."""
    tree = parse_file(text, file)
    declared: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    rows, each = ([pragma for pragma in tree.pragmas if pragma.kind == kind] for kind in ("row", "each"))
    known = (*_KINDS, "row", "each", *TESTS)
    for pragma in tree.pragmas:
        if pragma.kind not in known:
            tree.refuse(pragma.at, f"unknown pragma {pragma.kind!r}; known are {', '.join(known)}")
        if pragma.kind in _KINDS:
            declared[pragma.kind] += pragma.words
    blocked = check(tree, declared)
    if rows and (rows[0].words or not blocked):
        tree.refuse(rows[0].at, "'#pragma glnn row', without names, is for a blocked kernel: its blocks lie along rows")
    if each and (each[0].words or blocked):
        tree.refuse(each[0].at, "'#pragma glnn each', without names, is for a kernel that makes one texel at a time")
    words = {kind: tuple(names) for kind, names in declared.items()}
    return KernelSource(name, file, text, tree, words, blocked, bool(rows), bool(each))


@lru_cache(256)
def load_kernel(name: str) -> KernelSource:
    """The kernel <name>.glsl of shaders/kernels or of a folder that was added. Raises KernelError."""
    for files in _ADDED.values():
        if name in files:
            return parse(name, _text(files[name]), str(files[name]))
    known = kernel_names()
    if name not in known:
        known += [other for files in _ADDED.values() for other in files]
        close = difflib.get_close_matches(name, known, 3)
        raise KernelError(
            f"there is no kernel file shaders/kernels/{name}.glsl in glnn, nor {name}.glsl in the folders that were "
            f"added ({', '.join(_ADDED) or 'none'}){'. Close: ' + ', '.join(close) if close else ''}. "
            "A folder of your own is added by glnn.kernels.add_folder(folder)"
        )
    return parse(name, read_shader(f"kernels/{name}.glsl"), f"shaders/kernels/{name}.glsl")


def _text(file: Traversable) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KernelError(f"{file}: this kernel file cannot be read as text ({error})") from error
