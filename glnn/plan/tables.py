"""Measured tables in files: one per renderer in the package, and what a machine has measured itself.

A file is JSON: what it was measured on, `recipes` (a workload's key: the recipe's name), `networks` (a graph's key:
`blocks` by image size, `fetch`, the form in which texels are fetched, `pieces` by the shapes of a sample). A file that
is broken or of something else is no table.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from ..caching import cache_folder
from ..errors import InputError
from ..graph.graph import Graph
from ..kernels.files import read_texts
from ..layout.limits import Limits
from ..records import dataclass
from ..small_files import read_small
from .choice import BY_COST, Choice, Pair

VERSION = 1
VARIABLE = "GLNN_TUNE"


@dataclass(frozen=True)
class Place:
    """What figures hold for: renderer and driver as they call themselves, the kind of limits, the kernels' texts."""

    renderer: str
    driver: str
    limits: str
    kernels: str

    @classmethod
    def of(cls, renderer: str, driver: str, limits: Limits) -> Place:
        """The place of a device now."""
        return cls(renderer, driver, kind(limits), kernels())

    @property
    def path(self) -> Path:
        """Where this machine keeps what it measured here."""
        told = hashlib.sha256("\0".join((self.renderer, self.driver, self.limits, self.kernels)).encode()).hexdigest()
        return folder() / f"{slug(self.renderer)[:40]}-{told[:12]}.json"


@dataclass
class Table:
    """What was measured: names of recipes by workload, and by graph its blocks and pieces."""

    recipes: dict[str, str] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def choice(self, graph: Graph) -> Choice:
        """What it tells for a graph."""
        told = self.networks.get(network(graph), {})
        blocks, fetch = told.get("blocks", {}), told.get("fetch")
        if not self.recipes and not blocks and not fetch:
            return BY_COST
        return Choice(self.recipes, {pair(size): pair(block) for size, block in blocks.items()}, fetch=fetch)

    def piece(self, graph: Graph, shapes: Mapping[str, Sequence[int]]) -> int | None:
        """How many samples of these shapes are best run at once, where it was measured."""
        return self.networks.get(network(graph), {}).get("pieces", {}).get(shapes_key(shapes))

    def updated(self, other: Table) -> Table:
        """The table with what another tells besides, or otherwise."""
        networks = {key: dict(value) for key, value in self.networks.items()}
        for key, value in other.networks.items():
            networks.setdefault(key, {}).update(value)
        return Table(self.recipes | other.recipes, networks)


def wished() -> bool | None:
    """What GLNN_TUNE asks for: 1 measures, 0 draws by estimated costs alone. Raises InputError."""
    text = os.environ.get(VARIABLE, "").strip()
    if text not in ("", "0", "1"):
        raise InputError(f"{VARIABLE}={text!r}: allowed are 0 (no tables are used), 1 (measure), or nothing")
    return bool(int(text)) if text else None


def known(renderer: str, driver: str, limits: Limits) -> Table:
    """What the package tells of a renderer, and this machine's own figures over it."""
    table = packaged(slug(renderer), kind(limits))
    if not folder().is_dir():  # mostly so: then no kernel's text need be read
        return table
    return table.updated(read(Place.of(renderer, driver, limits)))


def folder() -> Path:
    """Where this machine keeps what it measured; it need not be there."""
    return cache_folder() / "tuned"


def read(place: Place) -> Table:
    """What this machine has measured in a place; nothing, with a warning, where the file is broken or not of it."""
    path = place.path
    try:
        text = read_small(path).decode("utf-8")
    except FileNotFoundError:
        return Table()
    except (OSError, UnicodeDecodeError) as error:
        return _ignored(path, str(error))
    try:
        data = json.loads(text)
        table = checked(data)
    except (ValueError, RecursionError) as error:
        return _ignored(path, str(error))
    wrong = [name for name in ("renderer", "driver", "limits", "kernels") if data.get(name) != getattr(place, name)]
    if wrong:
        return _ignored(path, f"its {wrong[0]} is {data.get(wrong[0])!r}, not {getattr(place, wrong[0])!r}")
    return table


def write(place: Place, table: Table) -> Path:
    """Adds to what this machine has measured in a place -> the file. Raises OSError where none can be written."""
    path, whole = place.path, read(place).updated(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, dumped(whole, place))
    return path


def add_to(path: Path, place: Place, table: Table) -> None:
    """Adds a table to a file of the package, with whose name a renderer's slug begins. Raises ValueError, OSError."""
    before = Table()
    if path.exists():
        data = json.loads(path.read_text(encoding="utf-8"))
        before = checked(data)
        if data["limits"] != place.limits:
            raise ValueError(f"{path} is of {data['limits']}, not of {place.limits}")
    whole = before.updated(table)
    for one in whole.networks.values():
        one.pop("tuned", None)
    _replace(path, dumped(whole, place))


def dumped(table: Table, place: Place) -> str:
    """A table as JSON text, the same text for the same table."""
    told = {name: getattr(place, name) for name in ("renderer", "driver", "limits", "kernels")}
    data = {"version": VERSION, **told, "recipes": table.recipes, "networks": table.networks}
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def checked(data: Any) -> Table:
    """The table in JSON data. Raises ValueError where it is none."""
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError(f"it is no table of version {VERSION}")
    recipes, networks = data.get("recipes"), data.get("networks")
    if not isinstance(recipes, dict) or not all(isinstance(name, str) for name in recipes.values()):
        raise ValueError("its recipes are no names")
    if not isinstance(networks, dict) or not all(isinstance(one, dict) for one in networks.values()):
        raise ValueError("its networks are none")
    for one in networks.values():
        blocks, pieces = one.get("blocks", {}), one.get("pieces", {})
        if not isinstance(blocks, dict) or not isinstance(pieces, dict):
            raise ValueError("its blocks or pieces are none")
        for size, block in blocks.items():
            pair(size), pair(block)
        if not isinstance(one.get("fetch", ""), str):
            raise ValueError("its fetch is no name of a form")
        if any(isinstance(piece, bool) or not isinstance(piece, int) or piece < 1 for piece in pieces.values()):
            raise ValueError("its pieces are no numbers of samples")
    return Table(recipes, networks)


@cache
def packaged(renderer: str, limits: str) -> Table:
    """What the package's tables tell of a renderer, by its slug, under limits of a kind."""
    place = resources.files("glnn").joinpath("plan/tuned")
    table = Table()
    for file in sorted(place.iterdir(), key=lambda file: file.name) if place.is_dir() else ():
        if file.name.endswith(".json") and renderer.startswith(file.name.removesuffix(".json")):
            data = json.loads(file.read_text(encoding="utf-8"))
            table = table.updated(checked(data)) if data["limits"] == limits else table
    return table


def slug(renderer: str) -> str:
    """A renderer's name as names of files begin."""
    return re.sub("[^a-z0-9]+", "-", renderer.lower()).strip("-")


def kind(limits: Limits) -> str:
    """What of limits changes which recipe is the fastest, as text."""
    stage = getattr(limits, "stage", "fragment")
    return f"{limits.dialect}, {limits.draw_buffers} draw buffers, {limits.float_target}, {limits.precision}, {stage}"


@cache
def kernels() -> str:
    """A hash of all texts below shaders/: of others, other recipes may be fast."""
    told = hashlib.sha256()
    for name, text in read_texts():
        told.update(f"{name}\0{text}\0".encode())
    return told.hexdigest()[:16]


def network(graph: Graph) -> str:
    """A graph's key: its primitives and how they are joined, with no regard to weights."""
    told = hashlib.sha256()
    for spec in graph.inputs:
        told.update(f"{spec.name} {spec.shape}\n".encode())
    for node in graph.nodes:
        told.update(f"{node.layer!r} {node.inputs} {node.outputs}\n".encode())
    return told.hexdigest()[:16]


def shapes_key(shapes: Mapping[str, Sequence[int]]) -> str:
    """Shapes by name as text."""
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in sorted(shapes.items()))


def pair(text: str) -> Pair:
    """The two numbers of a text such as "2x4". Raises ValueError."""
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is no pair such as 2x4")
    return int(found[1]), int(found[2])


def _replace(path: Path, text: str) -> None:
    """Writes a file as a whole, or not at all."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _ignored(path: Path, why: str) -> Table:
    warnings.warn(f"{path}: {why}. It is not used; `glnn tune` measures anew", stacklevel=4)
    return Table()
