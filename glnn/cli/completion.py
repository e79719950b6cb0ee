"""glnn completion: the script that lets a shell complete the command's names, options, their values and files."""

from __future__ import annotations

from argparse import Action
from collections.abc import Sequence
from typing import Any

from ..errors import InputError

SHELLS = ("bash", "zsh", "fish")
FILES = ("FILE", "INPUT", "MODEL", "OUT")  # what metavars of files begin with


def script(shell: str) -> str:
    """What a shell is to read, with shtab. Raises InputError where that is not installed."""
    from .arguments import parsers

    try:
        import shtab
    except ImportError as error:
        raise InputError("completion needs shtab. Install it: pip install 'glnn[cli]'") from error
    top, commands = parsers()
    for parser in (top, *commands.values()):
        for action in parser._actions:
            tell(action, shtab)
    made: str = shtab.complete(top, shell)
    return made


def tell(action: Action, shtab: Any) -> None:
    """What may stand for an argument: the names that its type takes, files, or a folder."""
    names: Sequence[str] | None = getattr(action.type, "names", None)
    if names is not None:
        action.choices = names
    elif str(action.metavar or "").startswith(FILES):
        action.complete = shtab.FILE  # type: ignore[attr-defined]
    elif action.dest == "folder":
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
