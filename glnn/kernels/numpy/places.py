"""Where something stands: in the assembled text, and in the file of who wrote it."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import KernelError
from ..language.tree import At, refusal

Locate = Callable[[int], "tuple[str, int] | None"]  # from a line of the text (from 1) to a file's name and line


def refused(text: str, locate: Locate | None, at: At, message: str) -> KernelError:
    """The error that names a place of a text by the author's file and line, and shows the text there."""
    place = locate(at[0]) if locate else None
    error = str(refusal("the assembled text", text, at, message))
    return KernelError(f"{place[0]}:{place[1]}: {message}\nin {error}" if place else error)
