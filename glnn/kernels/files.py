"""A kernel's .glsl file: its pragmas, its tree, the files of shaders/."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources

from ..errors import KernelError
from .language.check import check
from .language.parse import parse_file
from .language.tree import Tree

_KINDS = ("input", "optional", "matrix", "vector", "const", "param", "unroll")


@dataclass(frozen=True)
class KernelSource:
    """A kernel's file: its text, the tree of it, and what its pragmas declare."""

    name: str
    file: str
    text: str = field(repr=False)
    tree: Tree = field(hash=False, compare=False, repr=False)
    declared: dict[str, tuple[str, ...]] = field(hash=False)
    blocked: bool = False


def read_shader(path: str) -> str:
    """The text of a file below shaders/. Raises KernelError where there is none."""
    try:
        return resources.files("glnn").joinpath(f"shaders/{path}").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KernelError(f"there is no kernel file shaders/{path}") from None


@lru_cache(64)
def read_library(path: str) -> Tree:
    """The tree of one of glnn's own files below shaders/. Raises KernelError."""
    return parse_file(read_shader(path), f"shaders/{path}", library=True)


def kernel_names() -> list[str]:
    """All kernels in shaders/kernels."""
    files = resources.files("glnn").joinpath("shaders/kernels").iterdir()
    return sorted(f.name[:-5] for f in files if f.name.endswith(".glsl"))


def parse(name: str, text: str, file: str) -> KernelSource:
    """A kernel from its text. Raises KernelError, with file, line and column, for what is no kernel."""
    tree = parse_file(text, file)
    declared: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for pragma in tree.pragmas:
        if pragma.kind not in _KINDS:
            tree.refuse(pragma.at, f"unknown pragma {pragma.kind!r}; known are {', '.join(_KINDS)}")
        declared[pragma.kind] += pragma.words
    return KernelSource(name, file, text, tree, {k: tuple(v) for k, v in declared.items()}, check(tree, declared))


@lru_cache(256)
def load_kernel(name: str) -> KernelSource:
    """The kernel shaders/kernels/<name>.glsl. Raises KernelError."""
    return parse(name, read_shader(f"kernels/{name}.glsl"), f"shaders/kernels/{name}.glsl")
