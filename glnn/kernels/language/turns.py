"""How many turns the loops of a text take: drivers end all of them after a number of turns, without an error."""

from __future__ import annotations

from typing import Any

from ...records import dataclass
from .rewrite import length, loop_range
from .tree import Block, Call, Declare, For, Function, Name, Tree
from .values import Env, seen_after, without
from .walk import children, statements, within

BOUNDS = "the bounds of a loop must be constants, params or sizes: for (int i = A; i < B; i++)"


@dataclass(frozen=True)
class Outline:
    """What of a text matters for the count, for a scope: loops with the outline of their bodies, constants, calls."""

    within: tuple[Outline | tuple[For, Outline] | Declare | str, ...]
    names: tuple[str, ...] = ()  # of parameters


def outline(tree: Tree) -> dict[str, Outline]:
    """The outline of each function by its name, and of what stands outside of them as ""."""
    functions = [f for f in tree.items if isinstance(f, Function)]
    own = {f.name for f in functions}
    rest = [part for s in tree.items if not isinstance(s, Function) for part in _outline(s, own)]
    found = {f.name: Outline(_outline(f.body, own), tuple(p.name for p in f.params)) for f in functions}
    return {"": Outline(tuple(rest)), **found}


def _outline(node: Any, own: set[str]) -> tuple[Any, ...]:
    parts = [part for child in children(node) for part in _outline(child, own)]
    if isinstance(node, For):
        return ((node, Outline(tuple(parts))),)
    if isinstance(node, Block):
        return (Outline(tuple(parts)),) if parts else ()
    if isinstance(node, Declare) and node.const:
        return (*parts, node)
    return (*parts, node.name) if isinstance(node, Call) and node.name in own else tuple(parts)


def bounding_names(tree: Tree) -> frozenset[str]:
    """The names that the heads of loops read."""
    loops = [node for node in statements(tree) if isinstance(node, For)]
    heads = [e for loop in loops for e in (loop.low, loop.high, loop.step) if e is not None]
    return frozenset(node.id for head in heads for node in within(head) if isinstance(node, Name))


def loop_turns(tree: Tree, env: Env, outlines: dict[str, Outline] | None = None) -> int:
    """Turns that all loops take together: nested ones multiplied, those of a function counted at each of its calls.

    Of a file: the turns of its function `kernel`. Raises KernelError for bounds that are not known.
    """
    outlines = outlines or outline(tree)
    done: dict[str, int] = {}

    def scope(one: Outline, env: Env) -> tuple[int, Env]:
        total, env = 0, without(env, *one.names)
        for part in one.within:
            if isinstance(part, Declare):
                env = seen_after(part, env)
            elif isinstance(part, str):
                total += called(part)
            elif isinstance(part, Outline):
                total += scope(part, env)[0]
            else:
                loop, inner = part
                turns = loop_range(loop, env)
                if turns is None:
                    tree.refuse(loop.at, BOUNDS)
                total += length(turns) * (1 + scope(inner, without(env, loop.name))[0])
        return total, env

    def called(name: str) -> int:
        if name not in done:
            done[name] = scope(outlines[name], known)[0]
        return done[name]

    total, known = scope(outlines[""], env)
    return total + (called("kernel") if "kernel" in outlines else 0)
