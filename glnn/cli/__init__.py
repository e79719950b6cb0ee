"""The command `glnn`."""

from .commands import main

__all__ = ["main"]
