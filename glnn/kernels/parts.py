"""What a draw makes of parts of the channels that its kernel computes: several results, a row of the output each."""

from __future__ import annotations

from collections.abc import Mapping

from ..layout.tiles import Layout
from ..records import dataclass
from .finish import Finish, Read, declare_places, finish_lines, place_text, seek_lines, tap_of
from .uniforms import Params


@dataclass(frozen=True)
class Parted:
    """Statements over v0, v1, .. (the parts) and what else a finish has that make r0, r1, .. (the results).

    Part k are the channels from k times those of the output on.
    """

    count: int
    results: int
    finish: Finish

    def block(self, out: Layout) -> tuple[int, int]:
        """What the kernel takes for its block: a row of it is a part."""
        return self.count, out.block[1]

    def values(self, out: Layout) -> int:
        """How many values the kernel makes, or there are in the end."""
        return max(self.count, out.block[0]) * out.block[1]


def declare_parts(parted: Parted, params: Params) -> None:
    """Makes the numbers of its statements known."""
    for k, value in enumerate(parted.finish.numbers):
        params.float(f"finish_m{k}", value)
    declare_places(parted.finish, "finish_of_", params)


def part_lines(
    parted: Parted, finish: Finish | None, reads: Mapping[str, Read], out: Layout, flags: dict[str, str]
) -> list[str]:
    """Statements for main: the finish of each part, then the results, those of a block or the one of its row."""
    rows, width = out.block
    lines: list[str] = []
    for k in range(parted.count if finish else 0):
        values = [f"y_{k * width + j}" for j in range(width)]
        assert finish is not None
        lines += finish_lines(finish, reads, (1, width), values, flags, f"g + {k} * y_G" if k else "g")
    lines += seek_lines(parted.finish.tensors, reads, "g")
    for j in range(width):
        given = {f"v{k}": f"y_{k * width + j}" for k in range(parted.count)}
        given |= {f"t{k}": tap_of(one, reads[one.name], 0, j, flags) for k, one in enumerate(parted.finish.tensors)}
        given |= {f"i{k}": place_text(one, "finish_of_", k, 0, j) for k, one in enumerate(parted.finish.places)}
        lines += ["{", *(f"vec4 {name} = {text};" for name, text in given.items()), *parted.finish.text.split("\n")]
        if rows == parted.results:
            lines += [f"y_{i * width + j} = r{i};" for i in range(rows)]
        else:
            others = [f"h == {i} ? r{i} : " for i in range(parted.results - 1)]
            lines.append(f"y_{j} = {''.join(others)}r{parted.results - 1};")
        lines.append("}")
    return lines
