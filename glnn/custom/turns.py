"""Several turns of a kernel in one draw: a step of a stencil reads and writes much, and computes little.

A draw computes for its block what each turn makes, and around it what the next one reads: each value once, from the
taps on. So a pixel is fetched and written once for several turns. Where a program repeats a kernel that reads near its
own place alone, its loop becomes one of such draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ..graph.graph import Graph, Node
from ..kernels.files import KernelSource
from ..kernels.language import tree as t
from ..kernels.language.walk import within
from ..primitives.expr import RESULT
from ..primitives.loop import Repeat
from .op import Drawn
from .reads import Near
from .values import Call, block_source, near_reads

if TYPE_CHECKING:
    from .values import Form

TURNS = 3  # of one draw
MOST_READS = 9  # of a value: 3 x 3
MOST_NODES = 120  # of a function that is written out a few hundred times
RULES = ("zero", "edge", "reflect", "inside")


def together(graph: Graph) -> Graph:
    """The graph with several turns of a repeat in one draw, where that is possible."""
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes += _joined(node)
    return graph.with_(nodes=tuple(nodes))


def _joined(node: Node) -> list[Node]:
    loop = node.layer
    if not isinstance(loop, Repeat) or not _fits(loop) or loop.count is None or loop.count < TURNS:
        return [node]
    (inner,), (drawn, rest) = loop.body.nodes, divmod(loop.count, TURNS)
    assert isinstance(inner.layer, Drawn)
    many = inner.with_(layer=replace(inner.layer, turns=TURNS))
    body = loop.body.with_(nodes=(many,))
    if not rest:
        return [node.with_(layer=replace(loop, body=body, count=drawn))]
    before = f"{node.outputs[0]}~before"
    last = inner.with_(
        name=f"{node.name}~rest", layer=replace(inner.layer, turns=rest), inputs=(before,), outputs=node.outputs
    )
    return [node.with_(layer=replace(loop, body=body, count=drawn), outputs=(before,)), last]


def _fits(loop: Repeat) -> bool:
    """Whether the body is one kernel, of the carried tensor and numbers, that reads no farther than by one."""
    body = loop.body
    if len(body.nodes) != 1 or loop.carried != 1 or len(body.inputs) != 1 or loop.sliced or loop.stacked:
        return False
    op = body.nodes[0].layer
    if not isinstance(op, Drawn) or op.finish != RESULT or op.held or len(op.tensors) != 1 or op.kernel.count > 1:
        return False
    kernel = op.kernel
    if kernel.form != "value" or list(kernel.inputs) != list(op.tensors) or body.outputs != body.nodes[0].outputs:
        return False
    if tuple(body.inputs[0].shape) != op.made or sum(1 for _ in within(kernel.tree)) > MOST_NODES:
        return False
    nears = near_reads(kernel, op.form({op.tensors[0]: op.made}))
    return (
        nears is not None
        and len(nears) <= MOST_READS
        and not any(isinstance(node, t.For) for node in within(kernel.tree))
        and all(kernel.inputs[near.name] in RULES for near in nears)
        and all(max(map(abs, near.offsets)) <= 1 and not near.offsets[0] for near in nears)
    )


def source_of_turns(op: Drawn, form: Form) -> KernelSource:
    """The kernel of several turns, whose text is made for a block."""
    made = block_source(op.kernel, form, lambda nears, call: "")
    turns, kernel = op.turns, op.kernel

    @lru_cache(8)
    def of(block: tuple[int, int]) -> KernelSource:
        def text(nears: list[Near], call: Call) -> str:
            return _Written(kernel.inputs, nears, call).text(block, turns)

        source = block_source(kernel, form, text)
        return replace(source, text=f"{source.text}\n{turns} turns, {block}")

    return replace(made, text=f"{made.text}\n{turns} turns", blocks=of)


class _Written:
    """The text of a block: each value of each turn once, after those that it reads."""

    def __init__(self, rules: Mapping[str, str], nears: list[Near], call: Call):
        self.rules, self.nears, self.call = rules, nears, call
        self.taps: dict[tuple[int, int, int], str] = {}
        self.values: dict[tuple[int, int, int, int], str] = {}
        self.lines: list[str] = []

    def text(self, block: tuple[int, int], turns: int) -> str:
        rows, columns = block
        results = [
            f"y[{i * columns + j}] = vec4({', '.join(self.value(turns, i, j, lane) for lane in range(4))});"
            for i in range(rows) for j in range(columns)
        ]  # fmt: skip
        x = self.nears[0].name
        taps = [
            f"vec4 {name} = {x}_tap({i}, {j}, kernel_g + {group});"
            for (group, i, j), name in sorted(self.taps.items(), key=lambda item: item[0])
        ]  # fmt: skip
        head = "void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {\nint kernel_g = c / 4;"
        return "\n".join([head, *taps, *self.lines, *results, "}"])

    def value(self, turn: int, i: int, j: int, channel: int) -> str:
        """What a turn makes at a place relative to (h, w, c), by name; of turn 0 it is a lane of a tap."""
        if not turn:
            name = self.taps.setdefault((channel // 4, i, j), f"kernel_t{len(self.taps)}")
            return f"{name}.{'xyzw'[channel % 4]}"
        key = turn, i, j, channel
        if key not in self.values:
            reads = [self.read(turn - 1, i, j, channel, near) for near in self.nears]
            name = f"kernel_m{len(self.values)}"
            value = self.call(f"h + {i}", f"w + {j}", f"c + {channel}", reads)
            self.lines.append(f"float {name} = {value};")
            self.values[key] = name
        return self.values[key]

    def read(self, turn: int, i: int, j: int, channel: int, near: Near) -> str:
        """What a value reads of the turn before, by the rule for what lies beyond."""
        rule, x = self.rules[near.name], near.name
        place, moves = (i, j, channel), near.offsets[1:]

        def chosen(axis: int, at: tuple[int, ...]) -> str:
            if axis == 3:
                return self.value(turn, at[0], at[1], at[2])
            move, own = moves[axis], place[axis]
            if not move or rule == "inside":
                return chosen(axis + 1, (*at, own + move))
            size, origin = f"{x}_{'HWC'[axis]}", "hwc"[axis]
            to = own + move
            if move < 0 and to >= 0:  # a block begins in the image
                return chosen(axis + 1, (*at, to))
            beyond = f"{origin} + {to} < 0" if move < 0 else f"{origin} + {to} >= {size}"
            value = chosen(axis + 1, (*at, to))
            if rule == "zero":
                return f"({beyond} ? 0.0 : {value})"
            edge = chosen(axis + 1, (*at, own))
            if rule == "reflect":
                edge = f"({size} < 2 ? {edge} : {chosen(axis + 1, (*at, own - move))})"
            return f"({beyond} ? {edge} : {value})"

        return chosen(0, ())
