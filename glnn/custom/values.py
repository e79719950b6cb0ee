"""From a kernel of values to the form of docs/kernels.md that makes four at once: a tree for given ranks and shapes.

What a kernel reads at a constant distance from its own place is read once for four values, before its function is
called for each of them, and handed to it as further arguments; so the function itself stays as it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from ..kernels.files import KernelSource
from ..kernels.language import tree as t
from ..kernels.language.linear import linear
from ..kernels.language.parse import parse_file
from ..kernels.language.rewrite import Pass, unroll
from ..kernels.language.walk import within
from ..records import dataclass
from .reads import Near, helpers, near_text
from .taps import LOOPS, block_text, can_block
from .text import KernelText

AXES = "nhwc"


@dataclass(frozen=True)
class Given:
    """A parameter that is a tensor: along which of n, h, w, c it has more than one element. The others are numbers."""

    name: str
    spread: tuple[bool, bool, bool, bool]


@dataclass(frozen=True)
class Seen:
    """An input that is read by indices: its axes, its channels modulo 4, and which of n, h, w, c are the output's."""

    name: str
    rank: int
    rest: int
    same: tuple[bool, bool, bool, bool]


@dataclass(frozen=True)
class Form:
    """What a text depends on beyond the kernel: the output's axes, the tensors, which of several outputs it makes."""

    rank: int
    given: tuple[Given, ...]
    seen: tuple[Seen, ...]
    const: tuple[tuple[str, int | float], ...] = ()
    output: int = 0


Call = Callable[[str, str, str, list[str]], str]  # h, w, c of a value, and what it reads -> the text that computes it


@lru_cache(256)
def source_of(kernel: KernelText, form: Form) -> KernelSource:
    """The kernel of texels for a form. Raises KernelError at the author's line."""
    items, nears, dynamic = _rewritten(kernel, form)
    blocked = can_block(kernel, form, nears, dynamic)
    text = helpers(kernel, form.seen, dynamic, [] if blocked else nears)
    return _source(kernel, form, items, text, _kernel_text(kernel, form, nears, blocked), LOOPS if blocked else ())


def block_source(kernel: KernelText, form: Form, text: Callable[[list[Near], Call], str]) -> KernelSource:
    """A kernel of blocks, all of whose reads are near and whose values are of no further tensors.

    text: of the function `kernel`, by the reads and what computes a value
    """
    items, nears, _ = _rewritten(kernel, form)

    def call(h: str, w: str, c: str, reads: list[str]) -> str:
        return _call_text(kernel, form, {"n": "n", "h": h, "w": w, "c": c}, {}, reads)

    return _source(kernel, form, items, "", text(nears, call) or "void kernel() {}", ("kernel_i",))


def near_reads(kernel: KernelText, form: Form) -> list[Near] | None:
    """What it reads at constant distances; None where it reads elsewhere as well."""
    _, nears, dynamic = _rewritten(kernel, form)
    return None if dynamic else nears


@lru_cache(256)
def _rewritten(kernel: KernelText, form: Form) -> tuple[tuple[t.Statement, ...], list[Near], set[str]]:
    """The author's functions as the text around them has them, what they read near by, and which inputs elsewhere."""
    env = {name: value for name, value in form.const if isinstance(value, int)}
    marked = frozenset(word for p in kernel.tree.pragmas if p.kind == "unroll" for word in p.words)
    tree = unroll(kernel.tree, marked, env) if marked else kernel.tree
    work = _Values(tree, kernel, form)
    work.env = env
    items = work.run().items
    return items, list(work.nears), work.dynamic


def _source(
    kernel: KernelText, form: Form, items: tuple[t.Statement, ...], before: str, after: str, loops: tuple[str, ...]
) -> KernelSource:
    whole = (*_items(before + _uniform_arrays(kernel)), *items, *_items(after))
    declared: dict[str, tuple[str, ...]] = {kind: () for kind in ("optional", "matrix", "vector")}
    declared |= {"input": (*(f"kernel_{x.name}" for x in form.given), *kernel.inputs)}
    declared |= {"const": kernel.const, "param": kernel.param, "unroll": loops}
    tree = t.Tree(whole, (), kernel.file, kernel.tree.text)
    return KernelSource(kernel.name, kernel.file, f"{kernel.tree.text}\n{form}", tree, declared, bool(loops))


def _items(text: str) -> tuple[t.Statement, ...]:
    return parse_file(text, "generated", library=True, line=0).items if text else ()


class _Values(Pass):
    """Names of uniforms and sizes, and reads, as the text around a kernel has them."""

    def __init__(self, tree: t.Tree, kernel: KernelText, form: Form):
        super().__init__(tree, {})
        self.kernel, self.form = kernel, form
        self.ranks = {seen.name: seen.rank for seen in form.seen} | {"y": form.rank}
        self.nears: dict[Near, None] = {}
        self.dynamic: set[str] = set()
        self.inside = False

    def statement(self, s: t.Statement) -> tuple[t.Statement, ...]:
        if not isinstance(s, t.Function) or s.name != "kernel":
            return super().statement(s)
        self.inside = True
        (made,) = super().statement(s)
        self.inside = False
        assert isinstance(made, t.Function)
        params = tuple(t.Param("float", f"near_{k}", None, False, s.at) for k in range(len(self.nears)))
        return (t.Function(s.type, "kernel_value", (*s.params, *params), made.body, s.at),)

    def expr(self, e: t.Expr) -> t.Expr:
        if isinstance(e, t.Index) and isinstance(e.of, t.Name) and self.kernel.uniforms.get(e.of.id, ("", 0))[1]:
            return t.Call(f"kernel_{e.of.id}", (self.expr(e.index),), e.at)
        if isinstance(e, t.Name):
            return self.name(e)
        if isinstance(e, t.Call) and e.name in self.kernel.inputs:
            near = self.near(e)
            if near is None:
                self.dynamic.add(e.name)
                return t.Call(f"kernel_read_{e.name}", tuple(map(self.expr, e.args)), e.at)
            self.nears.setdefault(near)
            return t.Name(f"near_{list(self.nears).index(near)}", e.at)
        return super().expr(e)

    def name(self, e: t.Name) -> t.Expr:
        kind, size = self.kernel.uniforms.get(e.id, ("", 0))
        if size:
            self.tree.refuse(e.at, f"{e.id!r} has {size} numbers: take one of them, as {e.id}[0]")
        if kind:
            return uniform(e.id, kind, e.at)
        owner, _, axis = e.id.rpartition("_size")
        if owner in self.ranks and axis.isdigit():
            place = 4 - self.ranks[owner] + int(axis)
            if not 0 <= int(axis) < self.ranks[owner]:
                self.tree.refuse(e.at, f"{e.id}: {owner} has {self.ranks[owner]} axes, from 0 on")
            return t.Name(f"{owner}_{'NHWC'[place]}", e.at)
        return e

    def near(self, e: t.Call) -> Near | None:
        """A read at a constant distance from the value's own place; None for another one."""
        indices, rank = self.kernel.indices, len(e.args)
        if not self.inside or rank > len(indices):
            return None
        offsets = [0] * (4 - rank)
        for arg, index in zip(e.args, indices[len(indices) - rank :], strict=True):
            found = linear(arg, self.env)
            if found.terms != ((t.Name(index), 1),):
                return None
            offsets.append(found.rest)
        return Near(e.name, (offsets[0], offsets[1], offsets[2], offsets[3]))


def around(kernel: KernelText) -> frozenset[str]:
    """The inputs that are read around the value's own place, and so say how large the result is."""
    found = set()
    for e in within(kernel.function):
        if isinstance(e, t.Call) and e.name in kernel.inputs and len(e.args) <= len(kernel.indices):
            own = kernel.indices[len(kernel.indices) - len(e.args) :]
            if all((t.Name(index), 1) in linear(arg, {}).terms for arg, index in zip(e.args, own, strict=True)):
                found.add(e.name)
    return frozenset(found)


def uniform(name: str, kind: str, at: t.At = t.NOWHERE) -> t.Expr:
    """What stands for a number or vector that comes with the draw."""
    if kind == "float":
        return t.Name(f"given_{name}", at)
    return t.Call(kind, tuple(t.Name(f"given_{name}_{k}", at) for k in range(int(kind[-1]))), at)


def uniform_names(name: str, kind: str, size: int) -> list[str]:
    """The floats that a uniform of a type, or an array of floats, is made of."""
    count = size or (1 if kind == "float" else int(kind[-1]))
    return [f"given_{name}"] if count == 1 and not size else [f"given_{name}_{k}" for k in range(count)]


def _uniform_arrays(kernel: KernelText) -> str:
    lines = []
    for name, (kind, size) in kernel.uniforms.items():
        if size:
            names = uniform_names(name, kind, size)
            choices = "".join(f"k == {k} ? {number} : " for k, number in enumerate(names[:-1]))
            lines.append(f"float kernel_{name}(int k) {{ return {choices}{names[-1]}; }}")
    return "\n".join(lines)


def _kernel_text(kernel: KernelText, form: Form, nears: list[Near], blocked: bool) -> str:
    """The function that calls the author's for each of four values, of a texel or of each in a block."""
    spreads = {x.name: x.spread for x in form.given}
    inner = {"h": f"h + {LOOPS[0]}", "w": f"w + {LOOPS[1]}"} if blocked else {}
    pixel = "[kernel_i * BW + kernel_j]" if blocked else ""

    def call(number: int, lane: str) -> str:
        places = {axis: inner.get(axis, axis) for axis in AXES} | {"c": f"c + {number}" if number else "c"}
        given = {name: f"v_{name}{pixel}.{lane}" for name in spreads}
        return _call_text(kernel, form, places, given, [f"r_{k}.{lane}" for k in range(len(nears))])

    if blocked:
        return block_text(kernel, form, nears, call)
    lines = ["vec4 kernel(int n, int h, int w, int c) {"]
    for name, spread in spreads.items():
        place = ", ".join(axis if many else "0" for axis, many in zip(AXES, spread, strict=True))
        lines.append(f"vec4 v_{name} = kernel_{name}({place}){'' if spread[3] else '.xxxx'};")
    seen = {x.name: x for x in form.seen}
    for k, near in enumerate(nears):
        lines.append(f"vec4 r_{k} = {near_text(near, seen[near.name], kernel.inputs[near.name])};")
    values = ", ".join(call(number, lane) for number, lane in enumerate("xyzw"))
    return "\n".join([*lines, f"return vec4({values}); }}"])


def _call_text(
    kernel: KernelText, form: Form, places: Mapping[str, str], given: Mapping[str, str], reads: Sequence[str]
) -> str:
    """The call of the author's function for a value: at a place by n, h, w and c, with its tensors' values."""
    first, args = 4 - len(kernel.indices), []
    for p in kernel.function.params:
        if p.type == "int":
            args.append(places[AXES[first + kernel.indices.index(p.name)]])
        elif p.name in given:
            args.append(given[p.name])
        elif p.type == "float":
            args.append(f"given_{p.name}")
        else:
            args.append(f"{p.type}({', '.join(uniform_names(p.name, p.type, 0))})")
    part = f".{'xyzw'[form.output]}" if kernel.count > 1 else ""
    return f"kernel_value({', '.join([*args, *reads])}){part}"
