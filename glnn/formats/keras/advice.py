"""What to do about layers that only Python code tells: the lines that hand over replacements for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...layers.base import IGNORED_KEYS, LAYERS
from .steps import Document, Step
from .weights.entries import Entry


def advice(doc: Document, root: Entry, steps: Sequence[Step]) -> str:
    """The call that loads the model once its author's code is said in other words; empty where there is none."""
    counts = {id(step.entry): len(step.inputs) for step in steps}
    lines = [line for leaf in root.leaves() for line in replacement(leaf, counts.get(id(leaf), 1), doc.version)]
    if not lines:
        return ""
    return "\n".join(
        [
            "What Python code does can be said again in place of each `...`, in a Trace's words (docs/kernels.md):",
            f"    glnn.Model.load({doc.told or repr(doc.where)}, custom_objects={{",
            *(f"        {line}" for line in dict.fromkeys(lines)),
            "    })",
        ]
    )


def replacement(leaf: Entry, inputs: int, version: int) -> Iterator[str]:
    """An entry of custom_objects for a layer that is not known: of a Lambda by its name, else of its class."""
    if leaf.layer is not None or leaf.class_name == "InputLayer" or LAYERS.known(leaf.class_name):
        return
    xs = "x" if inputs == 1 else ", ".join(f"x{k}" for k in range(inputs))
    if leaf.class_name == "Lambda":
        given = leaf.config.get("arguments")
        more = "".join(f", {name}" for name in given) if isinstance(given, dict) else ""
        yield f'"Lambda:{leaf.path}": lambda t, {xs}{more}: ...,'
    elif ">" in leaf.class_name or version < 3:
        fields = ", ".join(key for key in leaf.config if key not in IGNORED_KEYS)
        told = f" with the fields {fields}" if fields else ""
        yield f'"{leaf.class_name}": ...,  # a frozen dataclass of glnn.layers.Layer{told}'
