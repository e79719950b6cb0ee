"""What a draw gave, in few numbers: a checksum that tells equal bits, counts, means and samples that tell rounding
from a fault. Python writes them into an export, `check.js` measures the same on a visitor's GPU and judges alike.

Values are numbered texel by texel in the rectangle that a draw writes, layer by layer, row by row. They are judged in
BANDS runs of texels that follow each other, each lane on its own: a fault of one row or one lane is not lost among the
others, and the mean under signs by number tells values that changed places.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..plan.plan import Plan
from ..records import dataclass

if TYPE_CHECKING:
    from ..plan.steps import Draw

VERSION = 1  # of the files that an export holds for checks, and of what the page gives
BANDS = 4
SAMPLES = 16  # texels of a draw that are kept whole
STATISTICS = ("mean", "signed mean", "least", "greatest")
COUNTS = {"texels": "texels", "lanes": "lanes", "nan": "NaN", "inf": "infinities"}  # that must be the same
EQUAL, WITHIN, WRONG = "equal", "within", "wrong"


class Floor(NamedTuple):
    """What another GPU may differ by in one draw: a value and a mean, of the greatest value (codes: absolute).

    noise: how many times the error that this machine's own arithmetic has may come on top
    """

    value: float
    mean: float
    noise: float


# Four times a codec's own tolerance in layout/codec.py for values that keep a float's digits: functions of GPUs, such
# as exp, are less exact than those of a processor. Of float16 and codes a rounding may go the other way.
FLOORS = {
    "float32": Floor(8e-6, 8e-6, 8.0),
    "rgba8": Floor(8e-6, 8e-6, 8.0),
    "float16": Floor(2e-3, 5e-4, 3.0),
    "uint8": Floor(1.0, 0.05, 3.0),
}


class Drawn(NamedTuple):
    """What a draw gave in one of its turns: its number in the plan, the turn (from 0), its values (texels, lanes)."""

    draw: int
    turn: int
    values: np.ndarray


@dataclass(frozen=True)
class Check:
    """What an export is given for checks: inputs (float32, by name), the seed that made them (None: they were given).

    measure: of a plan, the records of what its draws give on these inputs, and who computed it
    """

    inputs: Mapping[str, np.ndarray]
    seed: int | None
    measure: Callable[[Plan], tuple[list[dict[str, Any]], str]]


def watched(turn: int, turns: int) -> bool:
    """Whether a turn of a draw's is looked at: the powers of two, where a fault that grows shows soon, and the last."""
    return turn & (turn - 1) == 0 or turn == turns - 1


def codec_of(plan: Plan, draw: Draw) -> str:
    """The codec of what a draw writes."""
    format = plan.slots[draw.target].format
    return "uint8" if format == "rgba8" and "y_R" in plan.programs[draw.program].fragment else format


def values_of(texels: np.ndarray, codec: str) -> np.ndarray:
    """Texels (layers, height, width, components), as a texture holds them -> values (texels, lanes) that are judged.

    Float32, or float64 of a device of it; codes as they are; of soft floats one lane.
    """
    if codec == "rgba8" and texels.dtype == np.uint8:
        return np.ascontiguousarray(texels).view("<f4").reshape(-1, 1)
    kept = np.float64 if texels.dtype == np.float64 else np.float32
    return texels.reshape(-1, texels.shape[-1]).astype(kept)


def record(values: np.ndarray) -> dict[str, Any]:
    """A draw's values (texels, lanes) in few numbers, as JSON."""
    values = np.asarray(values, np.float32)
    count, lanes = values.shape
    bits = np.ascontiguousarray(values, "<f4").view("<u4").copy()
    bits[np.isnan(values)] = 0x7FC00000  # any NaN is as good as another
    at = sample_places(count)
    finite = np.isfinite(values)
    return {
        "crc32": zlib.crc32(bits.tobytes()),
        "texels": count,
        "lanes": lanes,
        "nan": int(np.isnan(values).sum()),
        "inf": int(np.isinf(values).sum()),
        "at": at,
        "samples": [[number(v) for v in values[i].tolist()] for i in at],
        "bands": _bands(np.where(finite, values, 0).astype(np.float64), finite),
    }


def _bands(values: np.ndarray, finite: np.ndarray) -> list[list[float]]:
    """STATISTICS of each band and lane, band by band; of what is not finite nothing."""
    count, lanes = values.shape
    bands = min(BANDS, count)
    numbers = np.arange(count, dtype=np.uint64)
    signs = 1.0 - 2.0 * ((numbers * 2654435761 & 0xFFFFFFFF) >> 13 & 1).astype(np.float64)
    made = []
    for band in _cuts(count, bands):
        part, live = values[band], finite[band]
        least = np.where(live, part, np.inf).min(0)
        most = np.where(live, part, -np.inf).max(0)
        rows = zip(part.mean(0), (part * signs[band, None]).mean(0), least, most, strict=True)
        made += [[_short(v) if math.isfinite(v) else 0.0 for v in row] for row in rows]
    return made


def _cuts(count: int, bands: int) -> list[np.ndarray]:
    """Texel i belongs to band i * bands // count."""
    edges = [-(-band * count // bands) for band in range(bands + 1)]
    return [np.arange(a, b) for a, b in zip(edges, edges[1:], strict=False)]


def sample_places(count: int) -> list[int]:
    """The numbers of the texels that are kept: the first, the last, and between them such as no period meets."""
    if count <= SAMPLES:
        return list(range(count))
    inner = {i * count // SAMPLES + (i * 2654435761 >> 7) % max(1, count // SAMPLES) for i in range(1, SAMPLES - 1)}
    return sorted({0, count - 1, *inner})


def tolerances(values: np.ndarray, codec: str, noise: np.ndarray | None = None) -> list[float]:
    """How far a value, and a mean, of a draw may be off elsewhere.

    noise: errors of this machine's own arithmetic, value by value; None: not known
    """
    floor = FLOORS[codec]
    finite = values[np.isfinite(values)]
    scale = 1.0 if codec == "uint8" else float(np.abs(finite).max(initial=0))
    errors = np.zeros(1) if noise is None else np.abs(noise[np.isfinite(noise)])
    greatest, rms = float(errors.max(initial=0)), math.sqrt(float(np.square(errors).sum()) / max(1, errors.size))
    return [_short(floor.value * scale + floor.noise * greatest), _short(floor.mean * scale + floor.noise * rms)]


class Judgement(NamedTuple):
    """How a draw elsewhere compares: "equal" in all bits, "within" tolerance, "wrong"; the worst difference.

    error: in tolerances; what: the sample or the statistic that it was seen at; here, there: Python's and the page's
    """

    state: str
    error: float
    what: str
    here: float
    there: float


def judge(golden: Mapping[str, Any], got: Mapping[str, Any]) -> Judgement:
    """Compares two records of a draw, as check.js does; `golden` has tolerances as well."""
    if golden["crc32"] == got["crc32"]:
        return Judgement(EQUAL, 0.0, "", 0.0, 0.0)
    worst = Judgement(WITHIN, 0.0, "a bit somewhere", 0.0, 0.0)
    for name, word in COUNTS.items():
        if golden[name] != got[name]:
            return Judgement(WRONG, math.inf, f"count of {word}", golden[name], got[name])
    for what, here, there, allowed in _pairs(golden, got):
        if here == there or math.isnan(here) and math.isnan(there):
            continue
        off = abs(here - there)
        error = (off / allowed if allowed else math.inf) if math.isfinite(off) else math.inf
        if error > worst.error:
            worst = Judgement(WITHIN if error <= 1 else WRONG, error, what, here, there)
    return worst


def _pairs(golden: Mapping[str, Any], got: Mapping[str, Any]) -> list[tuple[str, float, float, float]]:
    value, mean = golden["tolerance"]
    lanes: int = golden["lanes"]
    made = [
        (f"texel {at}, lane {lane}", float(a), float(b), value)
        for at, here, there in zip(golden["at"], golden["samples"], got["samples"], strict=True)
        for lane, (a, b) in enumerate(zip(here, there, strict=True))
    ]
    for i, (mine, other) in enumerate(zip(golden["bands"], got["bands"], strict=True)):
        for k, name in enumerate(STATISTICS):
            where = f"{name} of band {i // lanes}, lane {i % lanes}"
            made.append((where, float(mine[k]), float(other[k]), value if k > 1 else mean))
    return made


def number(value: float) -> float | str:
    """A value as JSON has it: NaN and infinities by the names that both JavaScript and Python read."""
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _short(value: float) -> float:
    """With the seven digits that tell something."""
    return float(f"{value:.7g}")


def golden_data(variant: str, draws: Sequence[Mapping[str, Any]], by: str) -> dict[str, Any]:
    """What an export holds of a variant for checks: the records of its draws, in the order in which they are made."""
    return {"format": "glnn-golden", "version": VERSION, "variant": variant, "computed_by": by, "draws": draws}
