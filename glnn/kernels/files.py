"""A kernel's .glsl file: its pragmas, its body with line marks, the files of shaders/."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources

from ..errors import KernelError
from .language import rewrite

_PRAGMA = re.compile(r"^\s*#pragma\s+glnn\s+(\w+)\s*(.*)$")
_KINDS = ("input", "optional", "matrix", "vector", "const", "param", "unroll")


@dataclass(frozen=True)
class KernelSource:
    """A kernel's file: its text with line marks, and what its pragmas declare."""

    name: str
    file: str
    body: str
    declared: dict[str, tuple[str, ...]] = field(hash=False)
    blocked: bool = False


def read_shader(path: str) -> str:
    """The text of a file below shaders/. Raises KernelError where there is none."""
    try:
        return resources.files("glnn").joinpath(f"shaders/{path}").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KernelError(f"there is no kernel file shaders/{path}") from None


def kernel_names() -> list[str]:
    """All kernels in shaders/kernels."""
    files = resources.files("glnn").joinpath("shaders/kernels").iterdir()
    return sorted(f.name[:-5] for f in files if f.name.endswith(".glsl"))


def parse(name: str, text: str, file: str) -> KernelSource:
    """A kernel from its text. Raises KernelError, with file and line, for pragmas or a signature that are not known."""
    declared: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        pragma = _PRAGMA.match(line)
        if pragma and pragma.group(1) not in _KINDS:
            raise KernelError(f"{file}:{number}: unknown pragma {pragma.group(1)!r}; known are {', '.join(_KINDS)}")
        if pragma:
            declared[pragma.group(1)] += pragma.group(2).split()
        lines.append("" if pragma else line)
    body = rewrite.mark("\n".join(lines))
    blocked = re.search(r"\bvoid\s+kernel\s*\(([^)]*)\)", body)
    if blocked:
        signature = re.sub(r",\s*out\s+vec4\s+y\s*\[\s*BLOCK\s*\]", "", blocked.group(0))
        if signature == blocked.group(0):
            raise KernelError(f"{file}: a blocked kernel ends its arguments with 'out vec4 y[BLOCK]'")
        body = body.replace(blocked.group(0), signature)
    elif not re.search(r"\bvec4\s+kernel\s*\(", body):
        raise KernelError(f"{file}: defines neither 'vec4 kernel(int n, int h, int w, int c)' nor the blocked form")
    return KernelSource(name, file, body, {k: tuple(v) for k, v in declared.items()}, bool(blocked))


@lru_cache(256)
def load_kernel(name: str) -> KernelSource:
    """The kernel shaders/kernels/<name>.glsl. Raises KernelError."""
    return parse(name, read_shader(f"kernels/{name}.glsl"), f"shaders/kernels/{name}.glsl")
