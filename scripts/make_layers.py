"""Writes docs/layers.md: the layers of glnn, out of their registry and docs/layers.json. `make api`, or --check."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from refusals import refusals

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PAGE, MEASURES = ROOT / "docs" / "layers.md", ROOT / "docs" / "layers.json"
GENERATIONS = {"Keras 1": "1", "Keras 2": "2", "Keras 3": "3", "TensorFlow.js": "js", "TensorFlow Addons": "tfa"}
OWN = "glnn>"  # begins the names of layers that glnn itself puts into models
HEAD = """# Layers

<!-- Written by scripts/make_layers.py from the classes in glnn/layers: change those, then `make api`. -->

What glnn reads and runs, family by family. A layer that is not here is refused when a model is loaded, and so is an
option that is not told here, each by its name; `glnn check MODEL` lists all of them. A layer of your own is
[a class](kernels.md#adding-a-layer), or [a function](kernels.md#for-one-load-alone) for one load.

- **In** says whose files know the name: Keras 1, 2 and 3, js: TensorFlow.js, tfa: TensorFlow Addons. Keras.js files are
  of Keras 1 and 2, `.glnn` files hold all layers. Layers whose names begin with `glnn>` are put into a model while
  it is read.
- **Options** are those that glnn takes into account, with what holds where a file does not say it. Initial values,
  regularizers and the like, which inference does not see, may have any value.
- **Error** is the largest one measured of the shaders on {device}, relative to the largest value of the output, over
  {cases:,} cases (`make layers`), those in which the layer is within another among them.
- **Against** says what the error is measured against: the layer of the same name in {keras}; or,
  where that has none any more or no such option, the layer's formula said again with other means (`ANSWERS` in
  tests/pure/layers/test_reference.py). Files of earlier versions, with their answers, are held to in `tests/golden`.

The families: {families}. After them: [operators](#operators), [activation functions](#activation-functions), what is
[read as another layer](#read-as-another-layer), what is [refused](#refused) and [not there](#not-there).
"""
OPERATORS = """## Operators

Functions that models call between their layers: those of `keras.ops` in Keras 3, and of TensorFlow in Keras 2
(`tf.add(x, y)`, `x[:, 1:]`, `x + y`), {count} of them, each under the names that the two have for it. Arithmetic with
shapes ({sizes}) is done when a model is loaded. Errors are measured as those of layers, in models that Keras 3 makes
and in those that TensorFlow 2.15 wrote, with its answers (`tests/golden/operators2`); "-" where none of these has it.
"""
OTHERS = """## Read as another layer

- {wrappers}: the layer in it, on each step of a sequence.
- {wrapped}: the layer in it, with the weights that are left of it at inference.
- {cudnn}.
- Of Keras 1: {keras1}; and Merge, by its mode.
"""
REFUSED = """## Refused

What a layer's options may say and glnn does not do. Where versions or backends of Keras take an option differently, and
the file does not tell who wrote it, `glnn/formats/keras/versions.py` refuses it too.
"""
LACKING = """## Not there

Layers of Keras that are refused by name:

{reasons}
- {names}: glnn has no such layer.

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
    for name, kind in LAYERS.items():
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


def error(measure: dict[str, Any] | None) -> str:
    """A measured error for the table."""
    return "-" if measure is None else "0" if measure["error"] == 0 else f"{measure['error']:.0e}"


def against(measure: dict[str, Any] | None) -> str:
    """What an error was measured against."""
    return ", ".join((measure or {}).get("against", ()))


def title(module: Any) -> str:
    """A family's heading."""
    name = module.__name__.rpartition(".")[2].replace("_", " ")
    return str(name[0].upper() + name[1:])


def about(module: Any) -> str:
    """The first paragraph of what a family says of itself."""
    return (inspect.getdoc(module) or "").split("\n\n")[0]


def anchor(heading: str) -> str:
    """A link to a heading of the page."""
    return f"[{heading}](#{heading.lower().replace(' ', '-')})"


def page() -> str:
    """All of docs/layers.md."""
    measures = json.loads(MEASURES.read_text(encoding="utf-8"))
    found = [family for family in families() if not family[0].__name__.endswith(".operation")]
    cases = sum(item["cases"] for part in ("layers", "operators") for item in measures.get(part, {}).values())
    links = ", ".join(anchor(title(module)) for module, _ in found)
    head = HEAD.format(device=measures["device"], keras=f"Keras {measures['keras']}", cases=cases, families=links)
    parts = [head.strip()]
    refused: dict[tuple[str, ...], list[str]] = {}
    for module, classes in found:
        parts.append(f"## {title(module)}\n\n{about(module)}")
        parts.append(table("Layer In Options Error Against".split(), rows(classes, measures)))
        for kind, names in classes.items():
            if texts := refusals(kind):
                refused.setdefault(tuple(texts), []).extend(names)
    parts += [operators(measures), functions().strip(), others().strip(), REFUSED.strip()]
    parts.append("\n".join(f"- {', '.join(names)}: {'; '.join(texts)}." for texts, names in refused.items()))
    parts.append(lacking({name for _, classes in families() for names in classes.values() for name in names}, measures))
    return "\n\n".join(parts) + "\n"


def table(heads: list[str], lines: list[list[str]]) -> str:
    """A table in Markdown."""
    told = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |") for cells in told)


def rows(classes: dict[type, list[str]], measures: dict[str, Any]) -> list[list[str]]:
    """The rows of a family: those names of a class together that the same files know."""
    made = []
    for kind, names in classes.items():
        measure = measures["layers"].get(kind.__name__)
        known: dict[str, list[str]] = {}
        for name in names:
            where = [short for full, short in GENERATIONS.items() if name in measures["names"].get(full, ())]
            known.setdefault("glnn" if name.startswith(OWN) else " ".join(where) or "-", []).append(name)
        for where, group in known.items():
            told = options(kind) if names[0] in group or not options(kind) else f"those of {names[0]}"
            made.append([", ".join(group), where, told, error(measure), against(measure)])
    return made


def operators(measures: dict[str, Any]) -> str:
    """The operators, by the modules that have them."""
    from glnn.formats.keras.operator_names import TENSORFLOW
    from glnn.layers.operators import OPERATORS as KNOWN
    from glnn.layers.operators.sizes import MAKERS, SIZES

    names: dict[str, tuple[list[str], list[str]]] = {word: ([], []) for word in KNOWN}
    for name, word in measures["functions"].items():
        names[word][0].append(name)
    for name, (word, _) in TENSORFLOW.items():
        if word in names:
            names[word][1].append(name)
    tables: dict[str, list[list[str]]] = {}
    for word, told in names.items():
        if any(told):
            measure = measures.get("operators", {}).get(word)
            keras, tensorflow = (", ".join(f"`{name}`" for name in group) for group in told)
            tables.setdefault(home(KNOWN[word].function), []).append(
                [keras, tensorflow, error(measure), against(measure)]
            )
    sizes = ", ".join(f"`{name}`" for name, (word, _) in TENSORFLOW.items() if word in MAKERS and word in SIZES)
    parts = [OPERATORS.format(count=sum(map(len, tables.values())), sizes=sizes).strip()]
    for module, lines in sorted(tables.items()):
        parts.append(f"### {title(sys.modules[module])}\n\n{about(sys.modules[module])}")
        parts.append(table(["`keras.ops.`", "`tf.`", "Error", "Against"], lines))
    return "\n\n".join(parts)


def home(function: Any) -> str:
    """The module whose family an operator belongs to."""
    return str(function.__module__)


def others() -> str:
    """What is read as another layer."""
    from glnn.formats.keras import gates, keras1, walk, wrapped

    cudnn = ", ".join(f"{name}: {kind}" for name, kind in gates.CUDNN.items())
    renamed = ", ".join(f"{name} ({kind})" for name, kind in sorted(keras1.CLASSES.items()) if name != kind)
    return OTHERS.format(
        wrappers=", ".join(sorted(walk.WRAPPERS)), wrapped=", ".join(wrapped.WRAPPERS), cudnn=cudnn, keras1=renamed
    )


def lacking(known: set[str], measures: dict[str, Any]) -> str:
    """The layers that are refused by name, and why."""
    from glnn.formats.keras import gates, walk, wrapped
    from glnn.formats.keras.layers import CONTAINERS
    from glnn.formats.keras.layers import REFUSED as REASONS

    elsewhere = {*walk.WRAPPERS, *wrapped.WRAPPERS, *gates.CUDNN, *CONTAINERS} | NO_LAYERS | from_keras1()
    left = {name for names in measures["names"].values() for name in names} - known - elsewhere
    reasons: dict[str, list[str]] = {}
    for name in sorted(left & REASONS.keys()):
        reasons.setdefault(REASONS[name], []).append(name)
    told = "\n".join(f"- {', '.join(names)}: {reason}." for reason, names in reasons.items())
    return LACKING.format(reasons=told, names=", ".join(sorted(left - REASONS.keys())) or "none").strip()


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
