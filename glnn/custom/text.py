"""A user's kernel as it is written: where its text stands, what its pragmas and its function declare."""

from __future__ import annotations

import linecache
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, NoReturn

from ..arguments import NAME
from ..errors import InputError, KernelError
from ..kernels.files import TESTS, KernelSource
from ..kernels.files import parse as parse_plain
from ..kernels.language import tree as t
from ..kernels.language.parse import parse_file
from ..kernels.language.walk import within
from ..records import dataclass

RULES = ("zero", "edge", "wrap", "reflect", "inside")  # what is read beyond an input; "inside": nothing is
REDUCTIONS = ("sum", "mean", "max", "min", "prod", "argmax", "argmin", "all", "any")
SIZES = {"float": 1, "vec2": 2, "vec3": 3, "vec4": 4}
KINDS = ("input", "border", "uniform", "const", "param", "output", "shape", "reduce", "unroll")
MOST_UNIFORMS = 64  # numbers of an array: a text chooses among them


@dataclass(frozen=True, eq=False)
class KernelText:
    """A kernel of a user: its tree, and by name what it takes and makes.

    form:     "value": one value at a time, `float kernel(float x, int i, ...)`; "texel": the forms of docs/kernels.md
    inputs:   the tensors that it reads by pragma, with the rule for what lies beyond each
    given:    parameters of the function that are tensors or numbers: name -> how many floats
    indices:  parameters that are the place of the value, one for each axis
    uniforms: name -> (type, size of an array or 0) of what pragmas declare
    outputs:  the names of what it makes, none for one without a name
    """

    name: str
    tree: t.Tree
    form: str
    inputs: Mapping[str, str]
    given: Mapping[str, int] = field(default_factory=dict)
    indices: tuple[str, ...] = ()
    uniforms: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    const: tuple[str, ...] = ()
    param: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    shape: tuple[str, ...] = ()
    reduction: tuple[str, tuple[int, ...] | None] | None = None
    optional: tuple[str, ...] = ()
    source: KernelSource | None = None  # of the form "texel"

    @property
    def count(self) -> int:
        """How many tensors it makes."""
        return SIZES[self.function.type] if self.form == "value" else 1

    @property
    def function(self) -> t.Function:
        """Its function `kernel`."""
        return next(f for f in within(self.tree) if isinstance(f, t.Function) and f.name == "kernel")

    @property
    def file(self) -> str:
        """Where it stands."""
        return self.tree.file

    def refuse(self, at: t.At, message: str) -> NoReturn:
        """Raises KernelError at a place of the text."""
        self.tree.refuse(at, message)

    def pragma(self, kind: str, name: str | None = None) -> t.At:
        """Where a pragma of this kind, about this name, stands; else the function."""
        found = (p for p in self.tree.pragmas if p.kind == kind and name in (None, *p.words))
        return next((p.at for p in found), self.function.at)


def read(text_or_file: str | os.PathLike[str], name: str | None, depth: int = 2) -> KernelText:
    """A kernel from its text, or from a file. Raises KernelError at the line, InputError for a file that is missing.

    depth: how far up the stack the text was written, where it is no file
    """
    if name is not None:
        NAME.check("name", name, "glnn.kernel")
    text, file, stem = _located(text_or_file, depth + 1)
    return parsed(text, file, name or stem)


def _located(text_or_file: str | os.PathLike[str], depth: int) -> tuple[str, str, str]:
    """The text, the file that it stands in, a name for it. Of a text in a script lines are those of the script."""
    if isinstance(text_or_file, os.PathLike) or (isinstance(text_or_file, str) and "{" not in text_or_file):
        path = Path(text_or_file)
        try:
            return path.read_text(encoding="utf-8"), str(path), path.name.removesuffix(".glsl")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise InputError(
                f"glnn.kernel: there is no kernel file {str(path)!r:.200} ({type(error).__name__}). Give the path of a "
                "file, or a text with a function float kernel(...) { ... }"
            ) from None
    if not isinstance(text_or_file, str):
        raise InputError(f"glnn.kernel takes a text or the path of a file, not {type(text_or_file).__name__}")
    frame = sys._getframe(depth)
    file, rows = frame.f_code.co_filename, linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    whole = "".join(rows)
    found = [m.start() for m in re.finditer(re.escape(text_or_file), whole)] if text_or_file.strip() else []
    if not found:
        return text_or_file, "<kernel>", "kernel"
    before = max((at for at in found if whole.count("\n", 0, at) < frame.f_lineno), default=found[0])
    line_start = whole.rfind("\n", 0, before) + 1
    return "\n" * whole.count("\n", 0, before) + " " * (before - line_start) + text_or_file, cell_name(file), "kernel"


def cell_name(file: str) -> str:
    """What IPython calls the cell whose code this file stands for, In[7]; elsewhere the file."""
    notebook = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    name = getattr(getattr(notebook, "compile", None), "format_code_name", lambda file: None)(file)
    return f"{name[1]}" if name else file


def parsed(text: str, file: str, name: str) -> KernelText:
    """A kernel of a text. Raises KernelError, with file, line and caret, for what is no kernel."""
    tree = parse_file(text, file)
    kernels = [f for f in within(tree) if isinstance(f, t.Function) and f.name == "kernel"]
    if not kernels:
        tree.refuse(t.NOWHERE, "defines no function 'float kernel(...)'")
    kernel = kernels[0]
    if [p.type for p in kernel.params if not p.out] == ["int"] * 4 and kernel.type in ("vec4", "void"):
        texel, more = _texel(tree)
        source = parse_plain(name, text, file) if not more else parse_tree(name, texel)
        names = source.declared
        for kind in ("matrix", "vector"):
            if names[kind]:
                tree.refuse(_at(tree, kind), f"'{kind}' is for weights of layers: declare an input")
        inputs = dict.fromkeys((*names["input"], *names["optional"]), "zero")
        shape, reduction = _shape(tree), _reduction(tree)
        return KernelText(
            name, texel, "texel", inputs, const=names["const"], param=names["param"], shape=shape,
            reduction=reduction, optional=names["optional"], source=source,
        )  # fmt: skip
    return _value(tree, kernel, name)


def _texel(tree: t.Tree) -> tuple[t.Tree, bool]:
    """The tree less the pragmas that only a user's kernel has; whether there were any."""
    kept = tuple(p for p in tree.pragmas if p.kind not in ("shape", "reduce"))
    return t.Tree(tree.items, kept, tree.file, tree.text), len(kept) < len(tree.pragmas)


def parse_tree(name: str, tree: t.Tree) -> KernelSource:
    """A kernel of docs/kernels.md from its tree."""
    rows = [row if not row.lstrip().startswith(("#pragma glnn shape", "#pragma glnn reduce")) else "" for row in
            tree.text.split("\n")]  # fmt: skip
    return parse_plain(name, "\n".join(rows), tree.file)


def _at(tree: t.Tree, kind: str) -> t.At:
    return next(p.at for p in tree.pragmas if p.kind == kind)


def _value(tree: t.Tree, kernel: t.Function, name: str) -> KernelText:
    inputs: dict[str, str] = {}
    uniforms: dict[str, tuple[str, int]] = {}
    words: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for pragma in (p for p in tree.pragmas if p.kind not in TESTS):
        if pragma.kind not in KINDS:
            tree.refuse(pragma.at, f"unknown pragma {pragma.kind!r}; a kernel of values has {', '.join(KINDS)}")
        words[pragma.kind] += pragma.words
        if pragma.kind == "input":
            inputs |= dict.fromkeys(pragma.words, "zero")
        elif pragma.kind == "uniform":
            uniforms |= _uniforms(tree, pragma)
    for pragma in (p for p in tree.pragmas if p.kind == "border"):
        rule, *names = pragma.words or ("",)
        unknown = [n for n in names if n not in inputs]
        if rule not in RULES or unknown:
            tree.refuse(
                pragma.at, f"a border is '#pragma glnn border RULE inputs', RULE one of {', '.join(RULES)}, inputs "
                f"those declared ({', '.join(inputs) or 'none'}) or none for all",
            )  # fmt: skip
        inputs |= dict.fromkeys(names or inputs, rule)
    if kernel.type not in SIZES:
        tree.refuse(kernel.at, f"a kernel of values gives float, or vec2 to vec4: several outputs; not {kernel.type}")
    given = {p.name: SIZES[p.type] for p in kernel.params if p.type in SIZES}
    indices = tuple(p.name for p in kernel.params if p.type == "int")
    for p in kernel.params:
        if p.out or p.type not in (*SIZES, "int"):
            tree.refuse(p.at, f"{p.name!r}: a kernel takes float, vec2 to vec4 (values, numbers) and int (its place)")
    if len(indices) > 4:
        tree.refuse(kernel.at, f"a place has up to 4 indices, not {len(indices)}: reshape to fewer axes")
    outputs = tuple(words["output"])
    if outputs and len(outputs) != SIZES[kernel.type]:
        tree.refuse(_at(tree, "output"), f"{len(outputs)} outputs are named, {kernel.type} has {SIZES[kernel.type]}")
    known = [*inputs, *given, *indices, *uniforms, *words["const"], *words["param"]]
    for pragma in tree.pragmas:
        for word in pragma.words:
            word = word.partition("[")[0]
            if pragma.kind == "output" and word in known:
                tree.refuse(
                    pragma.at, f"feedback: {word!r} is read and made by one draw, which OpenGL leaves undefined. Give "
                    "the output a name of its own: what a call gives is a new tensor, for the next call to read",
                )  # fmt: skip
            if pragma.kind in ("input", "const", "param", "uniform") and known.count(word) > 1:
                tree.refuse(pragma.at, f"{word!r} is declared twice: take another name")
    return KernelText(
        name, tree, "value", inputs, given, indices, uniforms, tuple(words["const"]), tuple(words["param"]), outputs,
        _shape(tree), _reduction(tree),
    )  # fmt: skip


def _uniforms(tree: t.Tree, pragma: t.Pragma) -> dict[str, tuple[str, int]]:
    """What `uniform gain`, `uniform vec2 origin` and `uniform weights[9]` declare."""
    typed = pragma.words[:1] and pragma.words[0] in SIZES
    kind, names = (pragma.words[0], pragma.words[1:]) if typed else ("float", pragma.words)
    made = {}
    for word in names:
        match = re.fullmatch(r"([A-Za-z]\w*)(?:\[(\d+)\])?", word)
        size = int(match[2] or 0) if match else 0
        if not match or size > MOST_UNIFORMS or (size and kind != "float") or match[2] == "0":
            tree.refuse(
                pragma.at, f"uniform {word!r}: allowed are 'uniform a', 'uniform vec2 a' and 'uniform a[9]' of floats, "
                f"up to {MOST_UNIFORMS}; what is longer is an input",
            )  # fmt: skip
        made[match[1]] = kind, size
    return made


def _shape(tree: t.Tree) -> tuple[str, ...]:
    return next((p.words for p in tree.pragmas if p.kind == "shape"), ())


def _reduction(tree: t.Tree) -> tuple[str, tuple[int, ...] | None] | None:
    """The kind and axes (None: all) of `#pragma glnn reduce sum 0 1`."""
    for pragma in tree.pragmas:
        if pragma.kind != "reduce":
            continue
        kind, *axes = pragma.words or ("",)
        if kind not in REDUCTIONS or not all(re.fullmatch(r"-?\d+", axis) for axis in axes):
            tree.refuse(pragma.at, f"'#pragma glnn reduce KIND axes': KIND is one of {', '.join(REDUCTIONS)}")
        return kind, tuple(map(int, axes)) or None
    return None


def numbers_of(value: Any, count: int, what: str) -> tuple[float, ...]:
    """So many floats. Raises InputError."""
    try:
        numbers = tuple(float(number) for number in (value if isinstance(value, Sequence) else _flat(value)))
    except (TypeError, ValueError):
        raise InputError(f"{what}: {count} numbers are needed, {value!r:.80} was given") from None
    if len(numbers) != count:
        raise InputError(f"{what}: {count} numbers are needed, {len(numbers)} were given")
    return numbers


def _flat(value: Any) -> list[Any]:
    return list(value.reshape(-1)) if hasattr(value, "reshape") else [value]


__all__ = ["KernelError", "KernelText", "numbers_of", "parsed", "read"]
