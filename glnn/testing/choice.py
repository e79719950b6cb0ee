"""What a run of tests is held to: dialects, profiles, codecs, and what is done without OpenGL.

The plugin imports it at every start of pytest, so it imports nothing that takes time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import NoDeviceError

OPENGL = ("auto", "require", "skip", "numpy")  # auto: require where CI is set, else skip


@dataclass(frozen=True)
class Choice:
    """What tests go through where they name nothing themselves; what is empty means all that glnn has.

    numpy:     on Device("numpy"), without OpenGL
    no_opengl: what is called where there is no OpenGL, before NoDeviceError is raised
    """

    dialects: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    numpy: bool = False
    no_opengl: Callable[[NoDeviceError], None] | None = None


_chosen = [Choice()]


def current() -> Choice:
    """The choice that holds now."""
    return _chosen[-1]


def begin(choice: Choice) -> None:
    """This choice holds from now on, until `end`."""
    _chosen.append(choice)


def end() -> None:
    """The choice before holds again."""
    _chosen.pop()
