"""Breaks files by a seed, has each loaded in a process of its own, and counts what came of them."""

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
from support.fuzz.mutations import broken
from support.fuzz.seeds import FORMATS, Seed, seeds

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
def worker(wholes: Iterable[Path] = ()) -> Iterator[subprocess.Popen[str]]:
    """A process that forks for files that it is told of; `wholes`: it loads these first, to import what they need."""
    places = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": places, "OPENBLAS_NUM_THREADS": "1", "GLNN_TUNE": "0"}
    command = [sys.executable, "-m", "support.broken_worker", str(TOGETHER), *map(str, wholes)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT / "tests", env=environment
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
    whole = seeds(form)[number % len(seeds(form))]
    how, files = broken(whole.files, rng)
    return whole, how, files


def fault_of(told: dict[str, Any], path: Path) -> str:
    """What is wrong with how a file was refused or loaded, in words; empty if nothing is."""
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
    if told["error"] is not None and "loaded" not in told and str(path.parent) not in told["message"]:
        return "the message does not name the file"
    return ""


def fuzzed(counts: dict[str, int], seed: int, first: int = 0, keep: Path | None = None) -> dict[str, Tally]:
    """So many broken files of each format -> what came of them. keep: a folder for those that show a fault."""
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory(prefix="glnn-fuzz-") as place:
        whole = Path(place) / "whole"
        wholes = [put(whole / form / str(k), s, s.files) for form in counts for k, s in enumerate(seeds(form))]
        with worker(wholes) as process:
            for form, count in counts.items():
                tally = tallies[form] = Tally()
                for number in range(first, first + count):
                    _one(process, Path(place) / "m", tally, form, number, seed, keep)
    return tallies


def _one(process: Any, folder: Path, tally: Tally, form: str, number: int, seed: int, keep: Path | None) -> None:
    whole, how, files = case(form, number, seed)
    path = put(folder, whole, files)
    process.stdin.write(json.dumps({"path": str(path), "options": {}, "predict": number % 3 == 0}) + "\n")
    process.stdin.flush()
    told = json.loads(process.stdout.readline())
    tally.files += 1
    tally.loaded += told["error"] is None or "loaded" in told
    tally.computed += told.get("predicted", False)
    if told["error"] is not None:
        tally.errors[told["error"]] += 1
    tally.slowest, tally.largest = max(tally.slowest, told["seconds"]), max(tally.largest, told.get("mb", 0.0))
    if fault := fault_of(told, path):
        tally.faults.append(
            {"format": form, "number": number, "of": whole.name, "how": how, "fault": fault,
             "message": told["message"][:400], "where": told.get("where"), "loaded": "loaded" in told}
        )  # fmt: skip
        if keep is not None:
            shutil.copytree(folder, keep / f"{list(FORMATS).index(form)}-{number}", dirs_exist_ok=True)
    shutil.rmtree(folder)
