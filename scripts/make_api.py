"""Writes docs/api/: the public names of glnn with their signatures and docstrings. `make api`, or --check.

Public is what a module of MODULES lists in its `__all__`. The same code makes the same text, whatever the machine.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "api"
WIDTH = 100  # of a line of code, in characters
# For whom they are, and the modules.
MODULES = {
    "To run models": ("glnn", "glnn.errors", "glnn.image", "glnn.show", "glnn.web"),
    "To write layers, kernels, formats": (
        "glnn.custom", "glnn.layers", "glnn.primitives", "glnn.kernels", "glnn.testing", "glnn.formats",
    ),
    "To look inside": (
        "glnn.graph", "glnn.passes", "glnn.quant", "glnn.layout", "glnn.plan", "glnn.device",
    ),
}  # fmt: skip
NOTE = "<!-- Written by scripts/make_api.py from signatures and docstrings: change those, then `make api`. -->"
HEAD = f"""# API

{NOTE}

The public names, a page for each module. What no module lists in its `__all__` may change without notice.
Exceptions that a call raises stand at the end of its description; all are in [glnn.errors](glnn.errors.md)."""


def arguments(function: Any) -> list[inspect.Parameter]:
    """What a caller hands to a function."""
    given = inspect.signature(function).parameters.values()
    return [parameter for parameter in given if parameter.name not in ("self", "cls")]


def signature(name: str, function: Any) -> str:
    """A function's name, arguments and result as the source has them, one argument a line where it gets long."""
    parts: list[str] = []
    for parameter in arguments(function):
        kind = "" if parameter.annotation is parameter.empty else f": {annotation(parameter.annotation)}"
        equals = " = " if kind else "="
        default = "" if parameter.default is parameter.empty else f"{equals}{value(parameter.default)}"
        if parameter.kind is parameter.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        parts.append(f"{stars}{parameter.name}{kind}{default}")
    result = inspect.signature(function).return_annotation
    told = "" if result is inspect.Signature.empty or inspect.isclass(function) else f" -> {annotation(result)}"
    short = f"{name}({', '.join(parts)}){told}"
    if len(short) <= WIDTH:
        return short
    inside = "".join(f"    {part},\n" for part in parts)
    return f"{name}(\n{inside}){told}"


def annotation(kind: Any) -> str:
    """A type as the source names it: annotations are text, as `from __future__ import annotations` has them."""
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def value(default: Any) -> str:
    """A default value as the source may have it, without addresses of memory."""
    if "factory" in type(default).__name__.lower():
        return "..."
    return getattr(default, "__name__", None) or repr(default)


def text(thing: Any, names: Sequence[str] = ()) -> str:
    """The docstring as Markdown: a list of the arguments of these names, indented text as it stands."""
    blocks: list[str] = []
    for block in (inspect.getdoc(thing) or "").split("\n\n"):
        if block.startswith(" "):
            blocks.append(f"```text\n{textwrap.dedent(block)}\n```")
            continue
        for line in block.splitlines():
            argument = re.match(r"([\w, ]+):\s+(.*)", line)
            if argument and all(word in names for word in argument[1].split(", ")):
                named = ", ".join(f"`{word}`" for word in argument[1].split(", "))
                item = f"- {named}: {argument[2]}"
                blocks.append(item) if not blocks or not blocks[-1].startswith("- ") else adding(blocks, f"\n{item}")
            elif line == block.splitlines()[0] or (line.startswith("Raises ") and blocks[-1].startswith("- ")):
                blocks.append(line)
            else:
                adding(blocks, f"\n{'  ' * blocks[-1].startswith('- ')}{line.strip()}")
    # What looks like a tag of HTML is none, where no backtick quotes it.
    return "\n\n".join(re.sub(r"(`[^`]*`)|<(?=\w)", lambda m: m[1] or "\\<", block) for block in blocks)


def adding(blocks: list[str], more: str) -> None:
    """More text for the last of the blocks."""
    blocks[-1] += more


def code(words: str) -> str:
    return f"```python\n{words}\n```"


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class itself defines, in the order of its source."""
    for name, member in vars(kind).items():
        member = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property | cached_property)):
            yield name, member


def class_lines(name: str, kind: type) -> Iterator[str]:
    """A class: how one is made, what it is, its methods."""
    made = (dataclasses.is_dataclass(kind) or "__init__" in vars(kind)) and not getattr(kind, "_is_protocol", False)
    base = kind.__mro__[1].__name__
    yield f"## {name}"
    yield code("class " + (signature(name, kind) if made else f"{name}({base})" if base != "object" else name))
    if vars(kind).get("__doc__"):
        yield text(kind, [p.name for p in arguments(kind)] if made else ())
    for member, thing in members(kind):
        getter = getattr(thing, "fget", None) or getattr(thing, "func", None)
        if getter is not None:
            yield f"### {name}.{member}"
            yield code(f"{member}: {annotation(inspect.signature(getter).return_annotation)}")
            yield text(getter)
        else:
            yield f"### {name}.{member}"
            yield code(signature(member, thing))
            yield text(thing, [p.name for p in arguments(thing)])


def is_class(thing: Any) -> bool:
    """Whether it is a class, and no type such as tuple[int, ...], which Python 3.10 takes for one."""
    return inspect.isclass(thing) and not hasattr(thing, "__origin__")


def order(item: tuple[str, Any]) -> tuple[int, str]:
    """Classes, then functions, then data, then modules; each by name."""
    name, thing = item
    kinds = (is_class(thing), inspect.isfunction(thing), not isinstance(thing, ModuleType))
    return (*kinds, True).index(True), name


def lines(module: ModuleType) -> Iterator[str]:
    """A module's page."""
    yield f"# {module.__name__}"
    yield NOTE
    yield text(module)
    for name, thing in sorted(((name, getattr(module, name)) for name in module.__all__), key=order):
        if is_class(thing) and module.__name__ != "glnn" and name in vars(sys.modules["glnn"]):
            yield f"- `{name}`: [glnn.{name}](glnn.md#{name.lower()})"
        elif is_class(thing):
            yield from class_lines(name, thing)
        elif inspect.isfunction(thing):
            yield f"## {name}"
            yield code(signature(name, thing))
            yield text(thing, [p.name for p in arguments(thing)])
        elif isinstance(thing, ModuleType):
            yield f"- `{name}`: the module {thing.__name__}. {(inspect.getdoc(thing) or '').splitlines()[0]}"
        elif hasattr(thing, "__origin__"):
            yield f"- `{name}`: the type `{thing}`"
        else:
            yield f"- `{name}`: a {type(thing).__name__}"


def pages() -> dict[Path, str]:
    """All of docs/api/: what each file holds."""
    found: dict[Path, str] = {}
    index = [HEAD]
    for reader, names in MODULES.items():
        rows = [f"## {reader}\n\n| module | |\n| --- | --- |"]
        for name in names:
            module = importlib.import_module(name)
            joined = "\n\n".join(line for line in lines(module) if line)
            found[FOLDER / f"{name}.md"] = re.sub(r"(?m)^(- `.*)\n\n(?=- `)", r"\1\n", joined) + "\n"
            rows.append(f"| [{name}]({name}.md) | {first_line(module)} |")
        index.append("\n".join(rows))
    return {FOLDER / "README.md": "\n\n".join(index) + "\n"} | found


def first_line(module: ModuleType) -> str:
    """What a module is, in its first paragraph's first sentence."""
    return re.split(r"(?<=\.)\s", " ".join((inspect.getdoc(module) or "").partition("\n\n")[0].split()))[0].replace(
        "|", "\\|"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where docs/api is not up to date")
    made, there = pages(), set(FOLDER.glob("*.md"))
    if not parser.parse_args().check:
        FOLDER.mkdir(exist_ok=True)
        for path, words in made.items():
            path.write_text(words, encoding="utf-8")
        for path in there - set(made):
            path.unlink()
    elif there != set(made) or any(path.read_text(encoding="utf-8") != words for path, words in made.items()):
        print("docs/api is not up to date. Run: make api", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
