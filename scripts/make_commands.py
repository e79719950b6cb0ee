"""Writes docs/commands.md: the arguments of the command `glnn`, from its parsers. `make api`, or --check."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from glnn.cli.arguments import EXAMPLES, parsers

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
HEAD = """# The command glnn

<!-- Written by scripts/make_commands.py from glnn/cli/arguments.py: change that, then `make api`. -->

`glnn COMMAND --help` prints the same. For pictures and colours it needs the extra `cli` (`pip install 'glnn[cli]'`).

Exit status: 0 well, 1 failed, 2 wrong usage, 130 interrupted; `glnn check`: 1 something of the model is not supported,
2 it cannot be read; `glnn compare`: 1 a layer is guilty, 2 the model could not be compared."""


def cell(words: str) -> str:
    """Text for a cell of a table."""
    return words.replace("%%", "%").replace("|", "\\|").replace("<", "\\<")


def rows(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Arguments, then options, a row each."""
    for action in parser._actions:
        if "--help" in action.option_strings or action.help == argparse.SUPPRESS:
            continue
        value = action.metavar or action.dest.upper()
        if not action.option_strings:
            name = f"`{value}{' ...' if action.nargs in ('+', '*') else ''}`"
        else:
            taken = "" if action.nargs == 0 else f" {value}"
            name = ", ".join(f"`{option}{taken}`" for option in action.option_strings)
        told = (action.help or "") % {**vars(action), "prog": "glnn"} if "%(" in (action.help or "") else action.help
        yield f"| {name} | {cell(told or '')} |"


def page() -> str:
    """All of docs/commands.md."""
    parts = [HEAD]
    for name, parser in parsers()[1].items():
        parts += [f"## glnn {name}", parser.description or ""]
        table = list(rows(parser))
        if table:
            parts.append("\n".join(["| argument | |", "| --- | --- |", *table]))
        if name in EXAMPLES:
            parts.append(f"```sh\n{EXAMPLES[name]}\n```")
    return "\n\n".join(parts) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where docs/commands.md is not up to date"
    )
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        print("docs/commands.md is not up to date. Run: make api", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
