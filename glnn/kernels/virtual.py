"""Inputs that no texture holds: the accessor of such a one computes it of others, element by element, or picks one."""

from __future__ import annotations

from collections.abc import Sequence, Set

from ..records import dataclass
from .finish import Finish, body_text, declare_places, place_text, spread_call
from .read_tensors import more_text
from .uniforms import Params

Dims4 = tuple[int, int, int, int]


@dataclass(frozen=True)
class Of:
    """Elements computed of tensors that are bound as inputs, broadcast to (n, h, w, c); it has no vectors."""

    dims: Dims4
    finish: Finish

    @property
    def names(self) -> tuple[str, ...]:
        """What its tensors are bound as."""
        return tuple(spread.name for spread in self.finish.tensors)


@dataclass(frozen=True)
class Join:
    """Tensors bound as inputs of these names, one after the other along an axis of (n, h, w, c).

    starts: along the channels where some texel holds those of two: the first channel of each
    """

    dims: Dims4
    names: tuple[str, ...]
    axis: int
    starts: tuple[int, ...] = ()


Virtual = Of | Join


def virtual_text(x: str, virtual: Virtual, called: Set[str], params: Params, half: bool) -> str:
    """The accessors of an input `x` that are called: x, x_or, x_fill, x_at, x_flat."""
    n, h, w, c = virtual.dims
    for key, value in zip("NHWCG", (n, h, w, c, -(-c // 4)), strict=True):
        params.int(f"{x}_{key}", value)
    text = _of_text(x, virtual, params, half) if isinstance(virtual, Of) else _join_text(x, virtual, params)
    return "\n".join([text, *more_text(x, called)])


def _of_text(x: str, virtual: Of, params: Params, half: bool) -> str:
    finish = virtual.finish
    for k, number in enumerate(finish.numbers):
        params.float(f"{number_of(x)}{k}", number)
    declare_places(finish, f"{x}_of_", params)
    args = [*(f"t{k}" for k in range(len(finish.tensors))), *(f"i{k}" for k in range(len(finish.places)))]
    text = body_text(f"{x}_of", args, finish.text, half)
    places = (place_text(place, f"{x}_of_", k) for k, place in enumerate(finish.places))
    value = f"{x}_of({', '.join([*map(spread_call, finish.tensors), *places])})"
    if virtual.dims[3] % 4 == 0:
        return f"{text}\nvec4 {x}(int n, int h, int w, int c) {{ return {value}; }}"
    lanes = (f"c + {k} < {x}_C ? v.{lane} : 0.0" for k, lane in ((1, "y"), (2, "z"), (3, "w")))
    return f"{text}\nvec4 {x}(int n, int h, int w, int c) {{ vec4 v = {value}; return vec4(v.x, {', '.join(lanes)}); }}"


def _join_text(x: str, virtual: Join, params: Params) -> str:
    if virtual.starts:
        return _mixed_text(x, virtual.names, virtual.starts, params)
    axis, size = "nhwc"[virtual.axis], "NHWC"[virtual.axis]
    lines = [f"vec4 {x}(int n, int h, int w, int c) {{"]
    for name in virtual.names[:-1]:
        lines.append(f"if ({axis} < {name}_{size}) return {name}(n, h, w, c);")
        lines.append(f"{axis} -= {name}_{size};")
    return "\n".join([*lines, f"return {virtual.names[-1]}(n, h, w, c); }}"])


def _mixed_text(x: str, names: Sequence[str], starts: Sequence[int], params: Params) -> str:
    """Of each tensor that a texel has channels of, its two texels that hold them, shifted into their lanes."""
    lines = [
        f"vec4 {x}_shifted(vec4 a, vec4 b, int by) {{ return by == 0 ? a : by == 1 ? vec4(a.yzw, b.x) : "
        "by == 2 ? vec4(a.zw, b.xy) : vec4(a.w, b.xyz); }",
        f"vec4 {x}(int n, int h, int w, int c) {{ vec4 v = vec4(0.0); int d = 0; int q = 0;",
    ]
    for name, start in zip(names, starts, strict=True):
        first, by = params.int(f"{name}_C0", start), params.int(f"{name}_CR", -start % 4)
        lines.append(
            f"d = c - {first}; if (d > -4 && d < {name}_C) {{ q = d - {by}; v += {x}_shifted("
            f"q < 0 ? vec4(0.0) : {name}(n, h, w, q), q + 4 < {name}_C ? {name}(n, h, w, q + 4) : vec4(0.0), {by}); }}"
        )
    return "\n".join([*lines, "return v; }"])


def number_of(x: str) -> str:
    """What the numbers of an expression that stands for the input x are called, before their count."""
    return f"{x}_of_n"
