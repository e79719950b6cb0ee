"""What is said of wrong arguments: one line, with what was perhaps meant; and types of arguments that check theirs."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

RENAMED = {("predict", "--save"): "--output", ("quantize", "--weights-file"): "--weights"}


class Help(argparse.RawDescriptionHelpFormatter):
    """Examples stay as they are written; help begins beside the longest name of a command."""

    def __init__(self, prog: str, **options: Any):
        super().__init__(prog, max_help_position=28, **options)
        self._action_max_length = 14


class Parser(argparse.ArgumentParser):
    """A parser that says one line of what is wrong, and knows names that are close to a wrong one."""

    def __init__(self, **options: Any):
        super().__init__(allow_abbrev=False, formatter_class=Help, **options)

    def error(self, message: str) -> NoReturn:
        """Ends with exit code 2 and one message."""
        line = " ".join(message.splitlines())
        self.exit(2, f"{self.prog}: {line}. See: {self.prog} --help\n")

    def check_options(self, command: str, arguments: Sequence[str]) -> None:
        """Ends with what was perhaps meant where an option is not known."""
        for argument in arguments:
            name = argument.split("=")[0]
            if name == "--":
                return
            if name.startswith("--") and name not in self._option_string_actions:
                if (command, name) in RENAMED:
                    self.error(f"{name} is now {RENAMED[command, name]}")
                long = [option for option in self._option_string_actions if option.startswith("--")]
                self.error(f"no option {name}{meant(name, long)}")


def meant(wrong: str, names: Iterable[str]) -> str:
    """In brackets what was perhaps meant; nothing if no name is close."""
    close = difflib.get_close_matches(wrong, list(names), 2, 0.6)
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """A type of argument: one of these names."""

    def checked(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(names)}{meant(text, names)}")
        return text

    checked.names = names  # type: ignore[attr-defined]  # which shells complete
    return checked


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def share(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, such as 0.005")
    return value


def sizes(text: str) -> tuple[int, ...]:
    """A shape: whole numbers with commas or x between."""
    return tuple(positive(part) for part in text.replace("x", ",").split(","))


def two_numbers(text: str) -> tuple[float, float]:
    """Two numbers from the command line with a comma between."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not two numbers with a comma between") from None
    return low, high
