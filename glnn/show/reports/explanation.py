"""One value of a tensor explained: the draw, the kernel's lines with their values there, the texels that it read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from ..tables import number, table
from .comparison import STYLE
from .report import Report, plain

Index = tuple[int, ...]
SHOWN = 12  # texels of the text; HTML and JSON have all
FEW = 4  # elements of one


@dataclass(frozen=True)
class Line:
    """A line of the kernel that ran: where it stands, its text, and what it gave to variables, in the order of turns.

    place:  file and line of the kernel, "text:N" for a line that was made around it
    values: (variable, numbers), or ("return", numbers)
    """

    place: str
    text: str
    values: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class TexelRead:
    """A texel that was read: of which tensor or weight, where it lies, what elements it holds.

    texel:    (layer, row, column) in the texture
    elements: the index in the tensor and the value of each that it holds
    change:   by how much the value would be less if all of them were 0
    turn:     in which turn the tensor was made, where that was in a repeat: a number for each one, outermost first
    codes:    of quantized weights (code, scale, low) for each element, whose value is code * scale + low
    """

    tensor: str
    texel: Index
    elements: tuple[tuple[Index, float], ...]
    change: float
    turn: Index = ()
    codes: tuple[tuple[int, float, float], ...] = ()


@dataclass(frozen=True, repr=False)
class Explanation(Report):
    """How a value came about on the NumPy device, where it is `value`; on the model's device it is `device_value`.

    reference: None where only a turn makes it
    turn:      in which turn of the repeats around the draw it was made, outermost first; turns: how many there are
    made:      what it is there: the name and the index of the turn's tensor
    """

    model: str
    layer: str
    tensor: str
    index: Index
    value: float
    device_value: float
    reference: float | None
    draw: int
    draws: int
    kernel: str
    texel: Index
    lane: int
    lines: tuple[Line, ...]
    texels: tuple[TexelRead, ...]
    left_out: int = 0
    turn: Index = ()
    turns: Index = ()
    made: str = ""

    def to_dict(self) -> dict[str, Any]:
        return plain(asdict(self))

    def totals(self) -> list[str]:
        """What it comes to, in lines."""
        layer, row, column = self.texel
        known = "" if self.reference is None else f", reference {self.reference:.8g}"
        turns = [f"{turn} of {count}" for turn, count in zip(self.turn, self.turns, strict=True)]
        turn = f", turn {' / '.join(turns)} (from 0), as {self.made}" if turns else ""
        return [
            f"{self.tensor}{list(self.index)} = {self.value:.8g}; on the device {self.device_value:.8g}{known}",
            f"draw {self.draw + 1} of {self.draws}{turn}, kernel {self.kernel}: lane {'xyzw'[self.lane]} of the texel "
            f"in layer {layer}, row {row}, column {column}",
        ]

    def __str__(self) -> str:
        told = [f"Explained: {self.layer} of {self.model}", *self.totals(), ""]
        rows = [[line.place, line.text, _values(line)] for line in self.lines]
        told.append(table(["Line", "GLSL", "Values"], rows))
        if self.left_out:
            told.append(f"and {self.left_out:,} values of later turns")
        telling = [read for read in self.texels if read.change]
        rows = [_texel(read, self.index) for read in telling[:SHOWN]]
        told += ["", table(["Read from", "Texel", "Holds", "Contributes"], rows, right=(3,))]
        if len(self.texels) > len(rows):
            told.append(f"and {len(self.texels) - len(rows):,} texels that contribute less or nothing")
        return "\n".join(told)

    def _repr_html_(self) -> str:
        above = "".join(f"<div>{escape(line)}</div>" for line in self.totals())
        lines = "".join(
            f'<tr><td class="l dim">{escape(line.place)}</td><td class="l"><code>{escape(line.text)}</code></td>'
            f'<td class="l">{escape(_values(line))}</td></tr>'
            for line in self.lines
        )
        most = max((abs(read.change) for read in self.texels if read.change), default=1.0)
        reads = "".join(_texel_row(read, most) for read in self.texels)
        more = f'<div class="dim">and {self.left_out:,} values of later turns</div>' if self.left_out else ""
        return (
            f'<div class="glnn-compare"><style>{STYLE}</style><div class="title">Explained: {escape(self.layer)} of '
            f"{escape(self.model)}</div>{above}<table><tbody>{lines}</tbody></table>{more}<details><summary>"
            f"{len(self.texels):,} texels read</summary><table><tbody>{reads}</tbody></table></details></div>"
        )


def _values(line: Line) -> str:
    return "; ".join(f"{name} = {_numbers(values)}" for name, values in line.values)


def _numbers(values: tuple[float, ...]) -> str:
    shown = [number(value) for value in values[:16]]
    return shown[0] if len(values) == 1 else f"({', '.join(shown)}{', ..' * (len(values) > 16)})"


def _texel(read: TexelRead, index: Index = ()) -> list[str]:
    """The cells of its row. index: of the value, for a text that has no room for a whole cell of codes."""
    codes = [f" = {code} x {number(scale)} {low:+.4g}" for code, scale, low in read.codes] or [""] * len(read.elements)
    pairs = list(zip(read.elements, codes, strict=True))
    if index and len(pairs) > FEW:  # those of the value's own channel first
        pairs.sort(key=lambda pair: pair[0][0][-1] != index[-1])
    told = [f"{list(place)} {number(value)}{code}" for (place, value), code in pairs]
    if index and len(told) > FEW:
        told[FEW:] = [f"and {len(told) - FEW} more"]
    holds = ", ".join(told)
    turn = f", turn {'/'.join(map(str, read.turn))}" if read.turn else ""
    return [read.tensor + turn, "/".join(map(str, read.texel)), holds, number(read.change)]


def _texel_row(read: TexelRead, most: float) -> str:
    tensor, texel, holds, change = map(escape, _texel(read))
    wide = 0 if not read.change else max(2.0, 100 * abs(read.change) / most)
    bar = f'<span class="track"><span class="bar" style="width:{wide:.0f}%"></span></span>'
    return f'<tr><td class="l">{tensor}</td><td>{texel}</td><td class="l">{holds}</td><td>{change}{bar}</td></tr>'
