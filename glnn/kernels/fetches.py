"""How GLSL fetches what a kernel reads, tensors and weights alike: samplers, parts of a tensor, texels as values."""

from __future__ import annotations

from typing import Any

from ..layout.cells import CellLayout
from ..layout.sections import Section
from ..layout.tiles import Layout
from ..records import dataclass
from .uniforms import Params

AXES = ("n", "h", "w")


@dataclass(frozen=True)
class Bound:
    """A tensor or cells bound to a kernel's input: the layout, how texels hold values, and where windows start.

    codec:   the file in shaders/codecs that decodes; `integer`: it reads an integer texture
    quant:   how codes become values, code * scale + low: "tensor" by `values`, "channel" by cells bound as <name>_q,
             "range" for a tensor of codec uint8_range, whose `values` are scale and zero; None: they are values
    mul, div: for blocked kernels, see primitives.base.Window
    size:    (width, height) of the textures where they are larger than the layout asks for, as shared slots are
    half:    what is read is rounded to half precision
    section: what of the tensor the kernel sees; None: all of it
    row:     of the images, where the kernel sees one alone
    """

    layout: Any  # Layout | CellLayout
    codec: str = "float32"
    mul: tuple[int, int] = (1, 1)
    div: tuple[int, int] = (1, 1)
    size: tuple[int, int] | None = None
    integer: bool = False
    quant: str | None = None
    values: tuple[float, float] = (1.0, 0.0)
    half: bool = False
    section: Section | None = None
    row: int = 0

    @property
    def whole_images(self) -> bool:
        """Whether the images of a section are whole images of the tensor, which begin at another n."""
        return self.section is None or self.section.axes == AXES

    def first_image(self, name: str, n: str = "n") -> str:
        """The text of the tensor's n, where its images are whole."""
        return n if self.section is None else f"({n} + {section_starts(name)[0]})"

    def tile(self, name: str, n: str, group: str) -> str:
        """The text of the number of the tile that holds a group of channels of the image n."""
        if self.section is None or self.section.group is None:
            return f"{n} * {name}_G + {group}"
        return f"({n}) * {name}_GA + {name}_G0 + {group}"

    def value(self, text: str) -> str:
        """The text of a value that was read, rounded where arithmetic is in half floats."""
        return f"half_of({text})" if self.half else text


def held(bound: Bound) -> bool:
    """Whether whoever seeks a pixel may hold its tile, and reach windows, rows and other channels from there."""
    return not bound.layout.flat and bound.layout.texels == 1 and bound.quant != "channel" and bound.whole_images


def section_starts(name: str) -> tuple[str, str, str]:
    """The integers that are added to n, h and w where an input is a section of a tensor."""
    return f"{name}_N0", f"{name}_H0", f"{name}_W0"


def sampler(name: str, part: int) -> str:
    """The sampler of one part of a tensor."""
    return f"{name}_t{part}"


def fetch_text(name: str, textures: int, at: str, layer: str | None) -> str:
    """An expression that fetches from a layer (None: of a plain texture); from the texture <name>_part of several."""

    def fetch(part: int) -> str:
        s = sampler(name, part)
        return f"FETCH2({s}, {at})" if layer is None else f"FETCH({s}, {at}, {layer})"

    text = fetch(textures - 1)
    for part in range(textures - 2, -1, -1):
        text = f"({name}_part == {part} ? {fetch(part)} : {text})"
    return text


def part_text(name: str, layout: Layout | CellLayout, layers: int) -> tuple[str, str, str, str]:
    """What finds the part that a row lies in: (globals, selection from `row`, step to the next part, first layer).

    Where the parts are layers of one texture the first layer of the part is kept, else the texture's number.
    """
    if layout.parts == 1:
        return "", "", "", "0.0"
    find = f"int part = idiv(row, {name}_ROWS); row -= part * {name}_ROWS;"
    if layout.stacked:
        find += f" {name}_layer = float(part * {layers});"
        return f"float {name}_layer;", find, f"{name}_layer += {float(layers)!r};", f"{name}_layer"
    return f"int {name}_part;", f"{find} {name}_part = part;", f"{name}_part++;", "0.0"


def sampler_lines(name: str, layout: Layout | CellLayout, array: bool, integer: bool) -> list[str]:
    """The declarations of a tensor's samplers."""
    kind = f"{'u' if integer else ''}sampler2D{'Array' if array else ''}"
    return [f"uniform {kind} {sampler(name, i)};" for i in range(layout.textures)]


def affine_text(name: str, bound: Bound, params: Params) -> tuple[str, str, str]:
    """How codes become values: (globals, statements for main, what stands after a vec4 of codes)."""
    if bound.quant == "channel":
        return f"vec4 {name}_s; vec4 {name}_l;", "", f" * {name}_s + {name}_l"
    if bound.quant is None:
        return "", "", ""
    names = ("s", "l") if bound.quant == "tensor" else ("s", "z")
    # In variables: llvmpipe reads a uniform as slowly as a texel, and a loop would read it at every turn.
    pairs = zip(names, bound.values, strict=True)
    start = [f"{name}_{n} = {params.float(f'{name}_{n.upper()}', v)};" for n, v in pairs]
    after = f" * {name}_s + {name}_l" if bound.quant == "tensor" else ""
    return f"float {name}_{names[0]}; float {name}_{names[1]};", " ".join(start), after


def groups_text(name: str, texels: list[str], lanes: int, quantized: bool, count: int) -> list[str]:
    """`count` vec4 of values or codes, from texels of so many lanes."""
    if lanes >= 4:
        per = lanes // 4
        number = lambda k: f", {k % per}" if quantized else ""  # noqa: E731
        return [f"{name}_decode({texels[k // per]}{number(k)})" for k in range(count)]
    call = f"{name}_decode{lanes}"
    per = 4 // lanes
    return [f"vec4({', '.join(f'{call}({t})' for t in texels[per * k : per * k + per])})" for k in range(count)]
