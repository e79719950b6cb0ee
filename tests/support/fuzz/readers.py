"""Files that glnn reads besides models: whole ones, and what reads each."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from support.field_pages import page_of
from support.fuzz import arguments
from support.fuzz.seeds import Seed

import glnn
from glnn.errors import InputError
from glnn.measure.field import beside_folder, beside_model, read_page
from glnn.plan import tables
from glnn.show import CompareReport, FieldReport, Profile

PICTURES = ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP")


@cache
def checked_export() -> Path:
    """A folder of the model with a check, kept as long as this process runs."""
    folder = Path(tempfile.mkdtemp(prefix="glnn-fuzz-export-"))
    atexit.register(shutil.rmtree, folder, True)
    return arguments.model().export_web(folder, variants=["webgl2"], check=True, verbose=0)


def _written(write: Callable[[Path], Any], name: str) -> Iterator[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        yield Seed(name, {name: (Path(folder) / name).read_bytes()}, name)


def _place() -> tables.Place:
    return tables.Place.of("a renderer", "a driver", arguments.model().device.limits)


def _table() -> Iterator[Seed]:
    graph = arguments.model().session.graph
    blocks = {"blocks": {"8x8": "2x4"}, "pieces": {"x 2x3": 4}, "tuned": "2026-01-01"}
    table = tables.Table({"Matmul a": "tiles"}, {tables.network(graph): blocks})
    name = _place().path.name
    yield Seed("table", {name: tables.dumped(table, _place()).encode()}, name)


def _read_table(path: Path) -> None:
    """A broken table is left out, with a warning; what is read is drawn with."""
    os.environ["GLNN_CACHE"] = str(path.parent / "cache")
    place = _place().path
    place.parent.mkdir(parents=True)
    path.replace(place)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        table = tables.read(_place())
    graph = arguments.model().session.graph
    arguments.model().session.plan({spec.name: (2, 3) for spec in graph.inputs}, choice=table.choice(graph))
    if said:
        raise InputError(str(said[0].message))


def _reports() -> Iterator[Seed]:
    model = arguments.model()
    folder = checked_export()
    field = beside_folder(page_of(folder), folder)
    for name, report in (
        ("profile", model.profile(arguments.A, repeat=1)),
        ("compare", model.compare(arguments.A, verbose=0)),
        ("field", field),
    ):
        yield Seed(name, {f"{name}.json": report.to_json().encode()}, f"{name}.json")


def _read_report(path: Path) -> None:
    kinds: dict[str, Any] = {"profile": Profile, "compare": CompareReport, "field": FieldReport}
    text = path.read_text(encoding="utf-8", errors="replace")
    report = kinds[path.stem].from_json(text)
    str(report), report._repr_html_(), report.to_json()
    if path.stem == "profile":
        str(report.compare(report)), report.to_perfetto(), report.by_draw()


def _page() -> Iterator[Seed]:
    yield Seed("page", {"page.json": json.dumps(page_of(checked_export())).encode()}, "page.json")


def _read_page(path: Path) -> None:
    page = read_page(path)
    model = arguments.model()
    for report in (
        beside_folder(page, checked_export()), beside_model(page, model.session.graph, model.session.store),
    ):  # fmt: skip
        str(report), report._repr_html_()


def _export() -> Iterator[Seed]:
    folder = checked_export()
    page = {"page.json": json.dumps(page_of(folder)).encode()}
    names = {"manifest.json", *(path.name for path in folder.glob("*.json")), "index.html"}
    yield Seed("export", {**page, **{name: (folder / name).read_bytes() for name in sorted(names)}}, "page.json")


def _read_export(path: Path) -> None:
    """A check beside a changed folder; and an export into it, once it is known as one."""
    from glnn.web.folder import earlier, named

    earlier(path.parent), named(path.parent)
    report = beside_folder(read_page(path), path.parent)
    str(report), report._repr_html_()


def _doctor() -> Iterator[Seed]:
    limits = asdict(glnn.Device("numpy").limits)
    yield Seed("doctor", {"d.json": json.dumps({"limits": limits, "device": {"renderer": "x"}}).encode()}, "d.json")


def _read_doctor(path: Path) -> None:
    with glnn.Device("numpy", profile=path) as device:
        arguments.model().plan(limits=device.limits)


def _runs() -> Iterator[Seed]:
    yield from _written(lambda path: arguments.model().compare(arguments.A, save=path, verbose=0), "run.npz")


def _read_run(path: Path) -> None:
    str(arguments.model().compare(arguments.A, path, verbose=0))


def _pictures() -> Iterator[Seed]:
    import PIL.Image

    rng = np.random.default_rng(0)
    for kind in PICTURES:
        for shape in ((9, 7, 3), (8, 8)):
            image = PIL.Image.fromarray(rng.integers(0, 255, shape, np.uint8))
            name = f"p.{kind.lower()}"
            yield from _written(lambda path, image=image, kind=kind: image.save(path, kind), name)  # type: ignore[misc]


def _read_picture(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        glnn.image.read(path, (5, 4), 3)


class Reader:
    """Whole files, what reads one, and whether its errors name it."""

    def __init__(self, seeds: Callable[[], Iterator[Seed]], read: Callable[[Path], Any], named: bool = True):
        self.seeds, self.read, self.named = seeds, read, named


READERS: dict[str, Reader] = {
    "tables of glnn tune": Reader(_table, _read_table),
    "reports in JSON": Reader(_reports, _read_report, named=False),
    "checks of pages": Reader(_page, _read_page, named=False),
    "exported folders": Reader(_export, _read_export),
    "profiles of devices": Reader(_doctor, _read_doctor, named=False),
    "saved runs": Reader(_runs, _read_run),
    "pictures": Reader(_pictures, _read_picture),
}


def ready() -> None:
    """Makes what all of them share."""
    arguments.model()
    checked_export()


@cache
def seeds(form: str) -> list[Seed]:
    """The whole files of a kind."""
    return list(READERS[form].seeds())
