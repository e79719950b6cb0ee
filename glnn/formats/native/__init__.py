"""glnn's own file (docs/format.md)."""

from . import read

__all__ = ["read"]
