"""Breaks files and arguments by a seed, has a process of its own take each, and counts what came of them."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import broken_worker
from support.fuzz import readers
from support.fuzz.mutations import broken
from support.fuzz.readers import READERS
from support.fuzz.seeds import FORMATS, Seed, seeds

ROOMS = {"arguments": "arguments", "command lines": "commands"}  # what is no file, and the modules that have it
KINDS = (*FORMATS, *READERS, *ROOMS)
TOGETHER = 40  # files that one process loads, one after another
ROOT = Path(__file__).parents[3]


@dataclass
class Tally:
    """What came of the files of a format: errors by class, models that loaded and that computed, faults in words."""

    files: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    loaded: int = 0
    computed: int = 0
    slowest: float = 0.0  # seconds of loading
    largest: float = 0.0  # MB
    faults: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def worker(wholes: Iterable[Path | str] = (), folder: Path = ROOT / "tests") -> Iterator[subprocess.Popen[str]]:
    """A process that forks for cases that it is told of; see support/broken_worker.py.

    wholes: what it loads or makes first, to import what cases need; folder: where it runs
    """
    places = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": places, "OPENBLAS_NUM_THREADS": "1", "GLNN_TUNE": "0"}
    command = [sys.executable, "-m", "support.broken_worker", str(TOGETHER), *map(str, wholes)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin
            process.stdin.close()


def put(folder: Path, seed: Seed, files: dict[str, bytes]) -> Path:
    """The files in a folder -> the path to load."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / seed.entry


def case(form: str, number: int, seed: int) -> tuple[Seed, str, dict[str, bytes]]:
    """File `number` of a format: what it was, what was done to it, what it is."""
    rng = random.Random(f"{seed} {form} {number}")
    known = readers.seeds(form) if form in READERS else seeds(form)
    whole = known[number % len(known)]
    how, files = broken(whole.files, rng)
    return whole, how, files


def fault_of(told: dict[str, Any], path: Path | None) -> str:
    """What is wrong with how a case ended, in words; empty if nothing is. path: of the file that errors must name."""
    if told["error"] == "lost":
        return told["message"]
    if told["error"] is not None and not told["ours"]:
        return f"{told['error']} is none of glnn's"
    if told.get("memory"):
        return f"more than {broken_worker.MEGABYTES} MB"
    if told["mb"] > broken_worker.MEGABYTES:
        return f"{told['mb']:.0f} MB"
    if told["seconds"] > broken_worker.SECONDS:
        return f"{told['seconds']:.1f} s"
    if told["error"] is not None and path and "loaded" not in told and str(path.parent) not in told["message"]:
        return "the message does not name the file"
    return ""


def fuzzed(counts: dict[str, int], seed: int, first: int = 0, keep: Path | None = None) -> dict[str, Tally]:
    """So many broken files of each format -> what came of them. keep: a folder for those that show a fault."""
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory(prefix="glnn-fuzz-") as place:
        whole = Path(place) / "whole"
        models = [form for form in counts if form in FORMATS]
        wholes: list[Path | str] = [
            put(whole / form / str(k), s, s.files) for form in models for k, s in enumerate(seeds(form))
        ]
        rooms = {"readers" if form in READERS else ROOMS[form] for form in counts if form not in FORMATS}
        with worker([*wholes, *(f"{room}:" for room in sorted(rooms))], Path(place)) as process:
            for form, count in counts.items():
                tally = tallies[form] = Tally()
                for number in range(first, first + count):
                    _one(process, Path(place) / "m", tally, form, number, seed, keep)
    return tallies


def _one(process: Any, folder: Path, tally: Tally, form: str, number: int, seed: int, keep: Path | None) -> None:
    path: Path | None = None
    line: dict[str, Any] = {"room": ROOMS.get(form), "number": number, "seed": seed, "folder": str(folder)}
    of = how = ""
    if form not in ROOMS:
        whole, how, files = case(form, number, seed)
        path, of = put(folder, whole, files), whole.name
        line = {"path": str(path)}
        line |= {"reader": form} if form in READERS else {"options": {}, "predict": number % 3 == 0}
    process.stdin.write(json.dumps(line) + "\n")
    process.stdin.flush()
    told = json.loads(process.stdout.readline())
    of, how = told.get("of", of), told.get("how", how)
    tally.files += 1
    tally.loaded += told["error"] is None or "loaded" in told
    tally.computed += told.get("predicted", False)
    if told["error"] is not None:
        tally.errors[told["error"]] += 1
    tally.slowest, tally.largest = max(tally.slowest, told["seconds"]), max(tally.largest, told.get("mb", 0.0))
    if fault := fault_of(told, None if form in READERS and not READERS[form].named else path):
        tally.faults.append(
            {"format": form, "number": number, "of": of, "how": how, "fault": fault,
             "message": told["message"][:400], "where": told.get("where"), "loaded": "loaded" in told}
        )  # fmt: skip
        if keep is not None and path is not None:
            shutil.copytree(folder, keep / f"{KINDS.index(form)}-{number}", dirs_exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
