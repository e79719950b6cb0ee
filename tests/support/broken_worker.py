"""Loads files that are broken, each in a process of its own with limits; told of them line by line on stdin.

A line is {"path": ..., "options": {...}}, the answer {"error": class or null, "message": ..., "seconds", "mb", ...}.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
import warnings
from typing import Any

from glnn.errors import GlnnError
from glnn.formats import load

SECONDS, MEGABYTES = 5, 500


def peak() -> float:
    """The most memory that this process had (MB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def used() -> int:
    """Private memory of this process (bytes)."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData"))


def tried(path: str, options: dict[str, str]) -> dict[str, Any]:
    """One file, in the process that may be lost over it."""
    before, start = peak(), time.perf_counter()
    told: dict[str, Any] = {"error": None, "message": ""}
    try:
        load(path, **options)
    except BaseException as error:
        told = {"error": type(error).__name__, "message": str(error), "ours": isinstance(error, GlnnError)}
        chain: BaseException | None = error
        while chain is not None:
            told["memory"] = told.get("memory", False) or isinstance(chain, MemoryError)
            chain = chain.__cause__ or chain.__context__
    return told | {"seconds": time.perf_counter() - start, "mb": peak() - before}


def apart(line: str) -> str:
    """The answer of a process of its own."""
    case = json.loads(line)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        warnings.simplefilter("ignore")
        limit = used() + (MEGABYTES << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        os.write(writing, json.dumps(tried(case["path"], case["options"])).encode()[:60_000])
        os._exit(0)
    os.close(writing)
    answer = b""
    ready, _, _ = select.select([reading], [], [], 4 * SECONDS)
    if ready:
        answer = os.read(reading, 65_536)
    else:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    return answer.decode() or json.dumps({"error": "lost", "message": f"no answer, status {status}", "seconds": 99})


if __name__ == "__main__":
    for line in sys.stdin:
        print(apart(line), flush=True)
