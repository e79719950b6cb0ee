"""Writes docs/layers.md: the layers of glnn, out of their registry and docs/layers.json. `make api`, or --check."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PAGE, MEASURES = ROOT / "docs" / "layers.md", ROOT / "docs" / "layers.json"
GENERATIONS = {"Keras 1": "1", "Keras 2": "2", "Keras 3": "3", "TensorFlow.js": "js"}
HEAD = """# Layers

<!-- Written by scripts/make_layers.py from the classes in glnn/layers: change those, then `make api`. -->

What glnn reads and runs, family by family. A layer that is not here is refused when a model is loaded, and so is an
option that is not told here, each by its name; `glnn check MODEL` lists all of them. A layer of your own is
[a class](kernels.md#adding-a-layer), or [a function](kernels.md#for-one-load-alone) for one load.

- **In** says whose files know the name: Keras 1, 2 and 3, and js: TensorFlow.js. Keras.js files are of Keras 1 and
  2, `.glnn` files hold all layers.
- **Options** are those that glnn takes into account, with what holds where a file does not say it. Initial values,
  regularizers and the like, which inference does not see, may have any value.
- **Error** is the largest one measured of the shaders on {device}, relative to the largest value of the output, against
  {keras} over {cases:,} cases (`make layers`). Where Keras has no such layer any more, against its formula said again.
"""
REFUSED = """## Refused

What a layer's options may say and glnn does not do, as messages name it; `...` is what the file says. Where versions or
backends of Keras take an option differently, and the file does not tell who wrote it, `glnn/formats/keras/versions.py`
refuses it too.
"""
LACKING = """## Not there

Layers of Keras that are refused by name: {names}.

A Lambda is Python code, which glnn never runs: [say what it does](kernels.md#for-one-load-alone).
"""
ACTIVATIONS = """## Activation functions

By the name in an `activation`: {names}. Also called: {aliases}. Functions of your own are handed over
[for one load](kernels.md#for-one-load-alone).
"""
NO_LAYERS = frozenset(  # bases, models, and wrappers of other libraries' code
    "Functional Wrapper Layer InputSpec Lambda FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper AbstractRNNCell "
    "DenseFeatures".split()
)


def families() -> Iterator[tuple[Any, dict[type, list[str]]]]:
    """Each module of layers with its classes and the names under which these are registered."""
    from glnn.layers import LAYERS

    modules: dict[str, dict[type, list[str]]] = {}
    for name, kind in LAYERS.data.items():
        if kind.__module__.startswith("glnn."):
            modules.setdefault(kind.__module__, {}).setdefault(kind, []).append(name)
    for name in sorted(modules):
        yield importlib.import_module(name), modules[name]


def options(kind: Any) -> str:
    """The options of a layer with their defaults."""
    if not dataclasses.is_dataclass(kind):
        return ""
    words = []
    for field in dataclasses.fields(kind):
        if not field.init or field.name in kind.own_fields:
            continue
        default: Any = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        shown = getattr(default, "name", default)
        words.append(field.name if default is dataclasses.MISSING else f"{field.name}={shown!r}")
    return ", ".join(f"`{word}`" for word in words)


def refusals(kind: Any) -> list[str]:
    """What `unsupported` of a layer may say, from its source and that of the functions it calls, values left out."""
    found: list[str] = []
    for owner in kind.__mro__:
        method = vars(owner).get("unsupported")
        if method is None or owner.__name__ == "Layer":
            continue
        found += said(method, set())
        if "super()" not in inspect.getsource(method):
            break
    return list(dict.fromkeys(found))


def said(function: Any, seen: set[Any]) -> list[str]:
    """The texts about options in a function of glnn, and in those that it calls."""
    if function in seen or not getattr(function, "__module__", "").startswith("glnn."):
        return []
    seen.add(function)
    found: list[str] = []
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        text = words(node)
        if re.match(r"options? |\w+=", text):
            found.append(text)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = function.__globals__.get(node.func.id)
            found += said(called, seen) if inspect.isfunction(called) else []
    parts = {text for text in found for other in found if text != other and text in other}
    return [text for text in found if text not in parts]


def words(node: ast.AST) -> str:
    """The text of a string, values in it as "..."."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if node.value.startswith("option") else ""
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values)
        return "".join(parts)
    return ""


def error(measure: dict[str, Any] | None) -> str:
    """A measured error for the table."""
    return "-" if measure is None else "0" if measure["error"] == 0 else f"{measure['error']:.0e}"


def page() -> str:
    """All of docs/layers.md."""
    measures = json.loads(MEASURES.read_text(encoding="utf-8"))
    cases = sum(item["cases"] for item in measures["layers"].values())
    parts = [HEAD.format(device=measures["device"], keras=f"Keras {measures['keras']}", cases=cases).strip()]
    refused: list[str] = []
    known: set[str] = set()
    for module, classes in families():
        title = module.__name__.rpartition(".")[2].replace("_", " ")
        parts.append(f"## {title[0].upper()}{title[1:]}\n\n{(inspect.getdoc(module) or '').split(chr(10) * 2)[0]}")
        rows = ["| Layer | In | Options | Error |", "| --- | --- | --- | --- |"]
        for kind, names in classes.items():
            known |= set(names)
            for name in names:
                where = " ".join(short for full, short in GENERATIONS.items() if name in measures["names"][full])
                told = options(kind) if name == names[0] else f"those of {names[0]}"
                measure = measures["layers"].get(kind.__name__)
                rows.append(f"| {name} | {where or '-'} | {told} | {error(measure)} |".replace("|  |", "| |"))
            if texts := refusals(kind):
                refused.append(f"- {', '.join(names)}: " + "; ".join(f"`{text}`" for text in texts))
        parts.append("\n".join(rows))
    parts.append(functions().strip())
    parts += [REFUSED.strip(), "\n".join(refused)]
    there = {name for names in measures["names"].values() for name in names}
    lacking = sorted(there - known - NO_LAYERS - from_keras1())
    parts.append(LACKING.format(names=", ".join(lacking) or "none").strip())
    return "\n\n".join(parts) + "\n"


def functions() -> str:
    """The activation functions."""
    from glnn.primitives.functions import ALIASES, FUNCTIONS

    aliases = ", ".join(f"`{alias}` ({name})" for alias, name in sorted(ALIASES.items()))
    return ACTIVATIONS.format(names=", ".join(f"`{name}`" for name in sorted(FUNCTIONS)), aliases=aliases)


def from_keras1() -> set[str]:
    """The names of Keras 1 that are read as those of later layers."""
    from glnn.formats.keras import keras1

    return {*keras1.CLASSES, "Merge"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where docs/layers.md is not up to date"
    )
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        print("docs/layers.md is not up to date. Run: make api", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
