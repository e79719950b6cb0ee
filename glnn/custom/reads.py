"""The GLSL by which a kernel of values reads its inputs, with a rule for what lies beyond them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .text import KernelText
    from .values import Seen

INDICES = ("i", "j", "k", "l")
RULE_TEXTS = {
    "edge": "int kernel_edge(int i, int size) { return i < 0 ? 0 : i < size ? i : size - 1; }",
    "wrap": "int kernel_wrap(int i, int size) { return imod(i, size); }",
    "reflect": """int kernel_reflect(int i, int size) { int last = size - 1; int m = imod(i, last < 1 ? 1 : 2 * last);
return m < size ? m : 2 * last - m; }""",
}


class Near(NamedTuple):
    """A read of an input so many elements further along n, h, w and c than the value's own place."""

    name: str
    offsets: tuple[int, int, int, int]


def helpers(kernel: KernelText, seen: Sequence[Seen], dynamic: Iterable[str], nears: Sequence[Near]) -> str:
    """The functions that reads call."""
    rules = {kernel.inputs[x.name] for x in seen}
    lines = [text for rule, text in RULE_TEXTS.items() if rule in rules or (rule == "edge" and rules)]
    by_name = {x.name: x for x in seen}
    lines += [_read_text(by_name[name], kernel.inputs[name]) for name in kernel.inputs if name in dynamic]
    shifts = dict.fromkeys((near.name, near.offsets[3] % 4) for near in nears if not _direct(near, by_name[near.name]))
    lines += [_lanes_text(by_name[name], kernel.inputs[name], shift) for name, shift in shifts]
    return "\n".join(lines) + "\n" * bool(lines)


def _read_text(seen: Seen, rule: str) -> str:
    """`kernel_read_u(i, j)`: one value at any place."""
    x, names = seen.name, INDICES[: seen.rank]
    sizes = [f"{x}_{axis}" for axis in "NHWC"[4 - seen.rank :]]
    by = {"zero": "edge", "inside": ""}.get(rule, rule)
    places = [f"kernel_{by}({i}, {size})" if by else i for i, size in zip(names, sizes, strict=True)]
    value = f"{x}_at({', '.join(['0'] * (4 - seen.rank) + places)})"
    head = f"float kernel_read_{x}({', '.join(f'int {i}' for i in names)})"
    if rule != "zero":
        return f"{head} {{ return {value}; }}"
    inside = " && ".join(f"{i} >= 0 && {i} < {size}" for i, size in zip(names, sizes, strict=True))
    return f"{head} {{ float v = {value}; return {inside} ? v : 0.0; }}"


def _direct(near: Near, seen: Seen) -> bool:
    """Whether four values are a texel of the input, whatever lies beyond."""
    return not near.offsets[3] and seen.same[3]


def near_text(near: Near, seen: Seen, rule: str) -> str:
    """The expression for four values at a distance from (n, h, w, c)."""
    x, by = near.name, {"zero": "edge", "inside": ""}.get(rule, rule)
    places, inside = [], []
    for axis, offset, same, size in zip("nhw", near.offsets, seen.same, "NHW", strict=False):
        at = f"{axis} + {offset}" if offset > 0 else f"{axis} - {-offset}" if offset else axis
        if "nhw".index(axis) < 4 - seen.rank:
            places.append("0")
        elif (same and not offset) or not by:
            places.append(at)
        else:
            places.append(f"kernel_{by}({at}, {x}_{size})")
            inside.append(f"{at} >= 0 && {at} < {x}_{size}")
    if _direct(near, seen):
        value = f"{x}({', '.join([*places, 'c'])})"
    else:
        shift = near.offsets[3] % 4
        group = near.offsets[3] - shift
        at = f"c + {group}" if group > 0 else f"c - {-group}" if group else "c"
        value = f"kernel_lanes{shift}_{x}({', '.join([*places, at])})"
    return f"only({' && '.join(inside)}, {value})" if inside and rule == "zero" else value


def _lanes_text(seen: Seen, rule: str, shift: int) -> str:
    """`kernel_lanes1_u(n, h, w, q)`: the four values from channel q + 1 on, where q is a multiple of 4 or below 0."""
    x = seen.name
    last = f"(4 * ({x}_G - 1))"
    clamped = lambda q: f"({q} < 0 ? 0 : {q} < {x}_C ? {q} : {last})"  # noqa: E731
    lines = [f"vec4 kernel_lanes{shift}_{x}(int n, int h, int w, int q) {{"]
    fetched = rule if rule != "inside" else "edge"
    lines.append(f"vec4 a = {x}(n, h, w, {clamped('q')});")
    shifted = "a"
    if shift:
        lines.append(f"vec4 b = {x}(n, h, w, {clamped('(q + 4)')});")
        shifted = (
            f"vec4({', '.join([f'a.{lane}' for lane in 'xyzw'[shift:]] + [f'b.{lane}' for lane in 'xyzw'[:shift]])})"
        )
    lines.append(f"vec4 v = {shifted};")
    places = [f"q + {shift + k}" for k in range(4)]
    if fetched in ("wrap", "reflect"):
        values = (f"{x}_at(n, h, w, kernel_{rule}({place}, {x}_C))" for place in places)
        lines.append(f"if (q + {shift} < 0 || q + {shift + 3} >= {x}_C) v = vec4({', '.join(values)});")
    else:
        left = "0.0" if rule == "zero" else "a.x"
        right = "0.0" if rule == "zero" else f"{'b' if shift else 'a'}.{'xyzw'[seen.rest - 1]}"
        chosen = (
            f"{p} < 0 ? {left} : {p} < {x}_C ? v.{lane} : {right}" for p, lane in zip(places, "xyzw", strict=True)
        )
        lines.append(f"v = vec4({', '.join(chosen)});")
    return "\n".join([*lines, "return v; }"])
