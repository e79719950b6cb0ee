"""The blocked form of a kernel of values: what it reads near its own place, for a whole block of pixels at once.

Every distinct tap is read once a pixel, those of one group of channels together, so that neighbours share them. Beyond
an input by one element lies, by the rules "edge" and "reflect", an element that is a tap as well; so no places are
computed. What lies farther, or at the other end, is for the form of one texel at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..kernels.language import tree as t
from ..kernels.language.walk import within
from .reads import Near

if TYPE_CHECKING:
    from .text import KernelText
    from .values import Form, Seen

LOOPS = ("kernel_i", "kernel_j")  # over the rows and columns of a block
MOST_READS = 25  # of a value: 5 x 5
MOST_NODES = 400  # of a function that is written out for each of up to 32 values
FARTHEST = {"zero": 4, "inside": 4, "edge": 1, "reflect": 1}
LANES = "xyzw"


def can_block(kernel: KernelText, form: Form, nears: list[Near], dynamic: set[str]) -> bool:
    """Whether the blocked form is possible, and no larger than compilers like."""
    seen = {x.name: x for x in form.seen}
    if dynamic or len(nears) > MOST_READS or any(isinstance(node, t.For) for node in within(kernel.tree)):
        return False
    for near in nears:
        rule = kernel.inputs[near.name]
        far = max(map(abs, near.offsets))
        if near.offsets[0] or not all(seen[near.name].same) or far > FARTHEST.get(rule, 0):
            return False
    return sum(1 for _ in within(kernel.tree)) <= MOST_NODES


class Taps:
    """The taps of a text by input and group, and what names each."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, int], dict[tuple[int, int], str]] = {}
        self._count = 0

    def tap(self, x: str, di: int, dj: int, group: int) -> str:
        """The value of a tap, at the pixel of the loops."""
        found = self.names.setdefault((x, group), {})
        if (di, dj) not in found:
            found[di, dj] = f"kernel_t{self._count}"
            self._count += 1
        return f"{found[di, dj]}[kernel_i * BW + kernel_j]"

    def pixel(self, x: str, rule: str, di: int, dj: int, group: int) -> str:
        """The four values of a pixel at a distance, by the rule."""
        if rule in ("zero", "inside"):
            return self.tap(x, di, dj, group)
        rows, columns = _choices("h", LOOPS[0], f"{x}_H", di, rule), _choices("w", LOOPS[1], f"{x}_W", dj, rule)

        def choose(left: Any, offsets: tuple[int, ...]) -> str:
            if not left:
                return self.tap(x, offsets[0], offsets[1], group)
            (condition, offset), *rest = left[0]
            if condition is None:
                return choose(left[1:], (*offsets, offset))
            return f"({condition} ? {choose(left[1:], (*offsets, offset))} : {choose([rest, *left[1:]], offsets)})"

        return choose([rows, columns], ())

    def values(self, near: Near, rule: str, seen: Seen) -> str:
        """The expression for four values at a distance from (n, h, w, c)."""
        x, (_, di, dj, dc) = near.name, near.offsets
        own = self.pixel(x, rule, di, dj, 0)
        if not dc:
            return own
        shift = dc % 4
        first = (dc - shift) // 4
        parts = [self._group(x, rule, di, dj, first), self._group(x, rule, di, dj, first + 1) if shift else ""]
        lanes = [f"{parts[0]}.{lane}" for lane in LANES[shift:]] + [f"{parts[1]}.{lane}" for lane in LANES[:shift]]
        if rule in ("edge", "reflect"):  # by one: the value at the end is the own one, or the one before it
            back, last = int(rule == "reflect"), (seen.rest - 1) % 4
            if dc < 0:
                beyond = f"({x}_C > 1 ? {own}.y : {own}.x)" if back else f"{own}.x"
                lanes[0] = f"(c > 0 ? {lanes[0]} : {beyond})"
            else:
                before = f"{own}.{LANES[last - 1]}" if last else f"{self.pixel(x, rule, di, dj, -1)}.w"
                beyond = f"({x}_C > 1 ? {before} : {own}.{LANES[last]})" if back else f"{own}.{LANES[last]}"
                lanes[last] = f"(c + {last + 1} < {x}_C ? {lanes[last]} : {beyond})"
        return f"vec4({', '.join(lanes)})"

    def _group(self, x: str, rule: str, di: int, dj: int, group: int) -> str:
        """A group of channels, which may lie beyond the first or last one; zeros there, where that is the rule."""
        value = self.pixel(x, rule, di, dj, group)
        if rule != "zero" or not group:
            return value
        inside = f"c >= {-4 * group}" if group < 0 else f"c + {4 * group} < {x}_C"
        return f"only({inside}, {value})"

    def lines(self) -> list[str]:
        """The statements that read them all."""
        made = [f"vec4 {name}[BLOCK];" for found in self.names.values() for name in found.values()]
        loops = " ".join(f"for (int {i} = 0; {i} < {size}; {i}++)" for i, size in zip(LOOPS, ("BH", "BW"), strict=True))
        for (x, group), found in self.names.items():
            reads = [
                f"{name}[kernel_i * BW + kernel_j] = {x}_tap(kernel_i + {di}, kernel_j + {dj}, kernel_g + {group});"
                for (di, dj), name in found.items()
            ]
            made.append(f"{loops} {{ {' '.join(reads)} }}")
        return made


def _choices(axis: str, loop: str, size: str, offset: int, rule: str) -> list[tuple[str | None, int]]:
    """Conditions in turn with the distance that each means; the last without a condition."""
    if not offset:
        return [(None, 0)]
    beyond = f"{loop} < 1 && {axis} < 1" if offset < 0 else f"{axis} + {loop} + 1 >= {size}"
    if rule == "edge":
        return [(beyond, 0), (None, offset)]
    return [(f"{beyond} && {size} < 2", 0), (beyond, -offset), (None, offset)]


def block_text(kernel: KernelText, form: Form, nears: list[Near], call: Any) -> str:
    """The function `kernel` of a block. call: (lane, values of nears, values of given) -> the value of a lane."""
    seen = {x.name: x for x in form.seen}
    taps = Taps()
    values = [taps.values(near, kernel.inputs[near.name], seen[near.name]) for near in nears]
    loops = " ".join(f"for (int {i} = 0; {i} < {size}; {i}++)" for i, size in zip(LOOPS, ("BH", "BW"), strict=True))
    lines = ["void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {", "int kernel_g = c / 4;"]
    for x in form.given:
        rows, columns = (f"{loop} * {int(spread)}" for loop, spread in zip(LOOPS, x.spread[1:3], strict=True))
        place = f"{rows}, {columns}, {'kernel_g' if x.spread[3] else '0'}{'' if x.spread[0] else ', 0'}"
        lines.append(f"vec4 v_{x.name}[BLOCK];")
        wide = "" if x.spread[3] else ".xxxx"
        lines.append(f"{loops} v_{x.name}[kernel_i * BW + kernel_j] = kernel_{x.name}_tap({place}){wide};")
    lines += [*taps.lines(), f"{loops} {{"]
    lines += [f"vec4 r_{k} = {value};" for k, value in enumerate(values)]
    result = ", ".join(call(number, lane) for number, lane in enumerate(LANES))
    return "\n".join([*lines, f"y[kernel_i * BW + kernel_j] = vec4({result}); }} }}"])
