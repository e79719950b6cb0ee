"""Loads files that are broken, each in a process of its own with limits; told of them line by line on stdin.

    python -m support.broken_worker [files for one process, 1] [whole files, loaded before, or rooms of cases]

A line is {"path": ..., "options": {...}, "predict": bool}, the answer {"error": class or null, "message": ...,
"seconds", "mb", ...}. predict: has a model that loads and is small compute something, too. {"path", "reader": kind} is
a file of another kind (fuzz/readers.py), {"room": "arguments" or "commands", "number", "seed", "folder"} a case of
fuzz/arguments.py or fuzz/commands.py, which runs in that folder.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from glnn.errors import GlnnError, UnsupportedError
from glnn.formats import load
from glnn.graph.shapes import ANY

SECONDS, MEGABYTES = 5, 500  # of the processor, which other processes do not make slower; of memory
PATIENCE = 60  # seconds until a process is given up, which may be waiting for something
SMALL = 1 << 16  # values of all tensors of a model that computes something here


def peak() -> float:
    """The most memory that this process had since `forget_peak` (MB)."""
    return _status("VmHWM") / (1 << 20)


def forget_peak() -> None:
    """Counts the most memory from now on."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def used() -> int:
    """Private memory of this process (bytes)."""
    return _status("VmData")


def _status(name: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(name))


def loaded(path: str, options: dict[str, str], told: dict[str, Any], predict: bool = False) -> None:
    """A model that is loaded, and perhaps computes something."""
    start = time.process_time()
    graph = load(path, **options)
    told["loaded"] = time.process_time() - start
    if predict:
        told["predicted"] = predicted(graph)


def room(name: str) -> Any:
    """A module of cases: "arguments", "commands", "readers"."""
    return importlib.import_module(f"support.fuzz.{name}")


def worked(case: dict[str, Any], told: dict[str, Any]) -> None:
    """What a line asks for. Raises what it raises."""
    if "room" in case:
        os.makedirs(case["folder"])
        os.chdir(case["folder"])
        os.environ["GLNN_CACHE"] = case["folder"]
        room(case["room"]).tried(case["number"], case["seed"], told)
    elif "reader" in case:
        room("readers").READERS[case["reader"]].read(Path(case["path"]))
    else:
        loaded(case["path"], case["options"], told, case.get("predict", False))


def tried(work: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """One case, in the process that may be lost over it; `work` is given what is told of it."""
    forget_peak()
    before, start = peak(), time.process_time()
    told: dict[str, Any] = {"error": None, "message": ""}
    try:
        work(told)
    except BaseException as error:
        told |= {"error": type(error).__name__, "message": str(error), "ours": isinstance(error, GlnnError)}
        frames = traceback.extract_tb(error.__traceback__)
        told["where"] = [f"{frame.filename.rpartition('glnn/')[2]}:{frame.lineno}" for frame in frames[-4:]]
        chain: BaseException | None = error
        while chain is not None:
            told["memory"] = told.get("memory", False) or isinstance(chain, MemoryError)
            chain = chain.__cause__ or chain.__context__
    return told | {"seconds": time.process_time() - start, "mb": peak() - before}


def predicted(graph: Any) -> bool:
    """Whether a graph was small enough to compute something, without OpenGL."""
    import glnn

    def sizes(shape: Any) -> list[int]:
        return [2, 3] if shape == ANY else [2 if size is None else int(size) for size in shape]

    shapes = {spec.name: tuple(sizes(spec.shape)) for spec in graph.given}
    if sum(map(math.prod, shapes.values())) > SMALL or max([len(s) for s in shapes.values()], default=0) > 32:
        return False
    if graph.staging is None:
        known = graph.specs(shapes | {s.name: tuple(sizes(s.shape)) for s in graph.inputs if s.name not in shapes})
        weights = sum(int(w.size) for w in graph.weights().values())
        if sum(math.prod(sizes(spec.shape)) for spec in known.values()) > SMALL or weights > SMALL:
            return False
    x = {
        spec.name: (np.arange(math.prod(shapes[spec.name])) % 3).astype(spec.dtype).reshape(shapes[spec.name])
        for spec in graph.given
    }
    with glnn.Model(graph, glnn.Device("numpy")) as model:
        model.predict(x)
    return True


class Child:
    """A process that answers lines, forked from this one, with limits; after `MOST` of them another takes its place."""

    def __init__(self) -> None:
        reading, self._told = os.pipe()
        self._answers, writing = os.pipe()
        self.count, self.pid = 0, os.fork()
        if self.pid == 0:
            warnings.simplefilter("ignore")
            np.seterr(all="ignore")
            nothing = os.open(os.devnull, os.O_RDWR)  # what is printed or read is nobody's
            os.dup2(nothing, 0), os.dup2(nothing, 1)
            limit = used() + (MEGABYTES << 20)
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
            with os.fdopen(reading) as lines:
                os.close(self._told)
                for line in lines:
                    os.write(writing, _answer(line))
            os._exit(0)
        os.close(reading)
        os.close(writing)

    def ask(self, line: str) -> str | None:
        """The answer to a line; None where the process is lost over it."""
        self.count += 1
        os.write(self._told, line.encode())
        ready, _, _ = select.select([self._answers], [], [], PATIENCE)
        return os.read(self._answers, 65_536).decode() or None if ready else None

    def end(self, kill: bool = False) -> int:
        """Ends it -> its status."""
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self._told)
        os.close(self._answers)
        return os.waitpid(self.pid, 0)[1]


def _answer(line: str) -> bytes:
    case = json.loads(line)
    told = tried(lambda told: worked(case, told))
    told["message"] = told["message"][:20_000]
    return json.dumps(told).encode()[:60_000]


def answers(lines: Iterable[str], most: int) -> Iterator[str]:
    """The answers to lines, by processes that each answer so many at most."""
    child: Child | None = None
    for line in lines:
        if child is not None and child.count >= most:
            child.end()
            child = None
        child = child or Child()
        answer = child.ask(line)
        if answer is None:
            status = child.end(kill=True)
            child = None
            answer = json.dumps({"error": "lost", "message": f"no answer, status {status}", "seconds": 99, "mb": 0})
        yield answer


if __name__ == "__main__":
    most = int(sys.argv[1]) if sys.argv[1:] else 1
    for whole in sys.argv[2:]:  # what these need is imported once, not by every process
        if ":" in whole:
            room(whole.partition(":")[0]).ready()
            continue
        with contextlib.suppress(UnsupportedError):
            load(whole)
    if sys.argv[2:]:
        import glnn.device.numpy_device
        import glnn.model
        import glnn.run.staged  # noqa: F401
    for told in answers(sys.stdin, most):
        print(told, flush=True)
