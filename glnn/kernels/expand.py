"""A kernel's tree for its constants and its block, and the text of it: each made once, however many draws use it."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from ..records import dataclass
from .files import KernelSource
from .language import rewrite
from .language.arrays import scalar_arrays
from .language.glsl import printed
from .language.halves import rounded
from .language.parse import parse_expression
from .language.places import Accessor, Seen
from .language.seeks import needed, sought
from .language.tree import Call, Expr, Function, Tree
from .language.turns import Outline, bounding_names, outline
from .language.values import Env, whole
from .language.walk import statements, within

Tap = tuple[str, int | None, int]


@dataclass(frozen=True, eq=False)
class Expanded:
    """A kernel's tree after expansion, and what texts around it ask about it.

    called:   the functions that it calls
    bounding: the names that its loops are bounded by
    taps:     name, i and j of each tap, in the order of the text; i is None where it varies
    """

    tree: Tree
    called: frozenset[str]
    bounding: frozenset[str]
    taps: tuple[Tap, ...]
    outlines: dict[str, Outline]


def block_consts(block: tuple[int, int]) -> tuple[tuple[str, int], ...]:
    """The constants that a blocked kernel knows its block by."""
    return ("BH", block[0]), ("BW", block[1]), ("BLOCK", block[0] * block[1])


@lru_cache(256)
def expand(
    source: KernelSource,
    given: frozenset[str],
    const: tuple[tuple[str, int | float], ...],
    block: tuple[int, int],
    looped: bool,
    rolled: tuple[str, ...] = (),
) -> Expanded:
    """The tree with its #ifdefs resolved and its marked loops written out; calls of x_tap keep constant arguments.

    `looped` leaves all loops, `rolled` those over variables of these names. Raises KernelError for what does not become
    constant.
    """
    env: Env = {**dict(const), **dict(block_consts(block))}
    tree = rewrite.resolve_ifdefs(source.tree, frozenset(f"HAS_{name}" for name in given))
    tree = rewrite.unroll(tree, frozenset(source.declared["unroll"]) - {*rolled}, env, single=looped)
    tree = rewrite.fold_conditions(tree, env)
    names = [f"{name}_{end}" for name in _tensors(source) for end in ("tap", "inside") if source.blocked and not looped]
    if any(whole(arg, {}) is None for c in _calls(tree) if c.name in names for arg in c.args[:2]):
        tree = rewrite.replace_calls(tree, env, dict.fromkeys(names, rewrite.constant_arguments))
    seen = Seen()
    for accessor in _accessors(source):
        tree = sought(tree, env, accessor if looped else replace(accessor, gathers=accessor.kept == 2), seen)
    tree = scalar_arrays(tree, env)
    if source.blocked:
        tree = rewrite.outputs(tree, env, None if looped else block[0] * block[1])
    calls = _calls(tree)
    taps = [_numbers(c) for c in calls if c.name in names]
    called = frozenset(call.name for call in calls)
    return Expanded(tree, called, bounding_names(tree), tuple(dict.fromkeys(taps)), outline(tree))


def _tensors(source: KernelSource) -> tuple[str, ...]:
    return (*source.declared["input"], *source.declared["optional"])


@lru_cache(256)
def _accessors(source: KernelSource) -> list[Accessor]:
    """What the tree seeks for a kernel: cells, and windows where it has them."""
    calls = _calls(source.tree)
    made = [Accessor(x, x, 1, 2, "mat4") for x in source.declared["matrix"]]
    made += [Accessor(x, x, 1, 1, "vec4") for x in source.declared["vector"]]
    if source.blocked:
        kernel = next(f for f in statements(source.tree) if isinstance(f, Function) and f.name == "kernel")
        where = tuple(p.name for p in kernel.params[:3])
        images = {c.name for c in calls if len(c.args) == 4}  # taps that name their image
        for x in _tensors(source):
            made.append(Accessor(x, f"{x}_tap", 2, 2 if f"{x}_tap" in images else 1, "vec4", where))
    return [accessor for accessor in made if needed(accessor, calls)]


def _calls(tree: Tree) -> list[Call]:
    return [node for node in within(tree) if isinstance(node, Call)]


def _numbers(call: Call) -> Tap:
    i, j = (whole(arg, {}) for arg in call.args)
    return call.name, i, j or 0


@lru_cache(256)
def written(
    expanded: Expanded, taps: tuple[tuple[tuple[str | int | None, ...], str], ...], half: bool
) -> tuple[str, tuple[int, ...], frozenset[str]]:
    """The text, the line of the kernel's file behind each of its lines, and the words in it.

    taps: what stands for (name, i, j), the first argument in the place of i where that is None, or for (name,) with the
          arguments in the places of i and j
    half: every statement is rounded to half precision
    """
    texts = dict(taps)

    def tap(work: rewrite.Pass, call: Call) -> Expr:
        if (call.name,) in texts:
            made = rewrite.filled(_template(texts[call.name,]), dict(zip("ij", call.args, strict=True)))
        else:
            made = rewrite.filled(_template(texts[_numbers(call)]), {"i": call.args[0]})
        return replace(made, at=call.at) if isinstance(made, Call) else made

    tree = rewrite.replace_calls(expanded.tree, {}, {str(key[0]): tap for key in texts})
    text, lines = printed(rounded(tree) if half else tree)
    return text, tuple(lines), frozenset(re.findall(r"[A-Za-z_]\w*", text))


_template = lru_cache(4096)(parse_expression)
