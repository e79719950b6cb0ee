"""What a page opened with ?check gave as JSON, beside Python's: from the exported folder, or computed anew."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from ..device.profiles import read_limits
from ..errors import InputError
from ..graph.graph import Graph
from ..plan.plan import make_plan
from ..plan.weights import WeightStore
from ..run.inputs import named_inputs
from ..show.reports.field import FieldReport, FieldRow, FieldSample
from ..show.reports.typed import typed
from ..small_files import read_small
from ..web.folder import earlier
from ..web.golden import BANDS, VERSION, WRONG, judge
from .golden import records, seeded

if TYPE_CHECKING:
    import numpy as np

FORMAT = "glnn-field-check"
MOST_VALUES = 1 << 28  # of an input
AGAIN = "Give the JSON that a page offers which was opened with ?check"


def read_page(path: str | Path) -> dict[str, Any]:
    """The JSON of a page. Raises InputError that names the file and what is wrong with it."""
    where = Path(path)
    try:
        page = json.loads(read_small(where))
    except OSError as error:
        raise InputError(f"{where}: {error.strerror or error}. {AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error}). {AGAIN}") from error
    if not isinstance(page, dict) or page.get("format") != FORMAT:
        raise InputError(f"{where}: not the result of a check. {AGAIN}")
    if page.get("version") != VERSION:
        raise InputError(
            f"{where}: of version {page.get('version')}; this glnn reads {VERSION}. Export and check again"
        )
    try:
        _checked(_Page, page)
        read_limits(page["limits"], str(where))
    except ValueError as error:
        raise InputError(f"{where}: {error}. It was changed, or cut: {AGAIN[0].lower()}{AGAIN[1:]}") from error
    return page


class _File(TypedDict):
    file: str
    crc32: int


class _Held(TypedDict):
    """What a manifest says of checks."""

    golden: dict[str, _File]


class _Input(TypedDict):
    name: str
    shape: tuple[int, ...]
    crc32: int


class _Record(TypedDict):
    """What a draw gave; see web/golden.py."""

    draw: int
    turn: int
    crc32: int
    texels: int
    lanes: int
    nan: int
    inf: int
    at: tuple[int, ...]
    samples: tuple[tuple[float, ...], ...]
    bands: tuple[tuple[float, float, float, float], ...]


class _Mine(_Record):
    codec: str
    tolerance: tuple[float, float]


class _Golden(TypedDict):
    computed_by: str
    draws: tuple[_Mine, ...]


class _Theirs(_Record):
    layer: str
    kernel: str
    inherited: bool


class _Picture(TypedDict):
    factor: tuple[float, float, float, float]
    offset: tuple[float, float, float, float]


class _Page(TypedDict):
    model: str
    variant: str
    limits: dict[str, Any]
    golden: _File
    seed: int | None
    picture: _Picture
    inputs: tuple[_Input, ...]
    time: str
    device: dict[str, Any]
    draws: tuple[_Theirs, ...]


def _checked(kind: Any, data: Any) -> None:
    """Raises ValueError for what does not hold together, so that nothing later does."""
    typed(kind, data)
    for item in data.get("inputs", ()) if kind is _Page else ():
        if any(size < 1 for size in item["shape"]) or math.prod(item["shape"]) > MOST_VALUES:
            raise ValueError(f"no page takes an input of shape {tuple(item['shape'])!s:.60}")
    for row in data.get("draws", ()):
        lanes, places, bands = row["lanes"], len(row["at"]), min(BANDS, row["texels"]) * row["lanes"]
        if (len(row["samples"]), len(row["bands"])) != (places, bands) or {len(s) for s in row["samples"]} - {lanes}:
            raise ValueError(f"the samples of draw {row['draw'] + 1} are not whole")


def beside_folder(page: Mapping[str, Any], folder: str | Path) -> FieldReport:
    """The page beside what its exported folder holds. Raises InputError for another folder."""
    place, variant = Path(folder), page["variant"]
    manifest = earlier(place)
    if manifest is None:
        raise InputError(f"{place}: no export of glnn. Give the folder that the page came from, or the model")
    check = manifest.get("check") or {"golden": {}}
    try:
        _checked(_Held, check)
    except ValueError as error:
        raise InputError(f"{place / 'manifest.json'}: of its check, {error}. Copy the folder again, whole") from error
    held = check["golden"].get(variant)
    if held is None:
        raise InputError(
            f"{place}: holds nothing to check variant {variant} by. Give the folder of the page, or the model"
        )
    if held["crc32"] != page["golden"]["crc32"]:
        raise InputError(
            f"{place}: its golden data {held['file']} is not what the page was checked by ({page['golden']['file']}). "
            "Check the page of this folder again, or give the model"
        )
    try:
        data = (place / held["file"]).read_bytes()
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}. Copy the exported folder again, whole") from error
    if zlib.crc32(data) != held["crc32"]:
        raise InputError(f"{place / held['file']}: its checksum is not the manifest's. Copy the folder again, whole")
    try:
        golden = json.loads(data)
        _checked(_Golden, golden)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place / held['file']}: {error}. Copy the exported folder again, whole") from error
    return _report(page, golden["draws"], golden["computed_by"], str(place))


def beside_model(page: Mapping[str, Any], graph: Graph, store: WeightStore, x: Any = None) -> FieldReport:
    """The page beside what an (optimised) graph gives in Python now.

    x: the inputs, as for predict, where the export was given some. Raises InputError for another model or other inputs,
    and what making a plan and running it raises.
    """
    shapes = {item["name"]: tuple(item["shape"]) for item in page["inputs"]}
    if set(shapes) != {spec.name for spec in graph.given}:
        names = ", ".join(spec.name for spec in graph.given)
        raise InputError(
            f"the page's inputs are {', '.join(shapes)}, the model's {names}: the page is of another model"
        )
    if x is not None:
        inputs: Mapping[str, np.ndarray] = named_inputs(x, graph.given)
    elif page["seed"] is not None:
        inputs = seeded(graph, shapes, page["picture"], page["seed"])
    else:
        raise InputError("the page was checked on inputs that the export was given: give the same, or the folder")
    for item in page["inputs"]:
        given = inputs[item["name"]]
        if given.shape != shapes[item["name"]] or zlib.crc32(given.astype("<f4").tobytes()) != item["crc32"]:
            raise InputError(
                f"input {item['name']!r} is not what the page was checked on ({shapes[item['name']]}): "
                "give the inputs of the export, or the exported folder"
            )
    plan = make_plan(graph, shapes, read_limits(page["limits"], "the page"), store)
    made, by = records(graph, store, plan, inputs)
    named = [[plan.draws[item["draw"]].label, plan.draws[item["draw"]].kernel] for item in made]
    if named != [[row["layer"], row["kernel"]] for row in page["draws"]]:
        made = []
    return _report(page, made, by, f"model {graph.name!r}")


def _report(page: Mapping[str, Any], golden: list[dict[str, Any]], by: str, what: str) -> FieldReport:
    draws = page["draws"]
    if [(g["draw"], g["turn"]) for g in golden] != [(row["draw"], row["turn"]) for row in draws]:
        raise InputError(
            f"{what}: its plan is not the page's, which made {len(draws)} draws: the page is of another model, or of "
            "another version of glnn. Give the folder that the page came from"
        )
    rows: list[FieldRow] = []
    samples: tuple[FieldSample, ...] = ()
    for mine, row in zip(golden, draws, strict=True):
        found = judge(mine, row)
        rows.append(
            FieldRow(
                row["draw"], row["turn"], row["layer"], row["kernel"], mine["codec"],
                found.state, bool(row["inherited"]), found.error, found.what, found.here, found.there,
                (mine["nan"], row["nan"]), (mine["inf"], row["inf"]),
            )
        )  # fmt: skip
        if found.state == WRONG and not samples and mine["at"] == row["at"]:
            samples = tuple(
                FieldSample(at, lane, float(a), float(b), mine["tolerance"][0])
                for at, here, there in zip(mine["at"], mine["samples"], row["samples"], strict=True)
                for lane, (a, b) in enumerate(zip(here, there, strict=True))
            )
    return FieldReport(page["model"], page["variant"], page["device"], by, page["time"], tuple(rows), samples)
