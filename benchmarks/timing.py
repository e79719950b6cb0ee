"""Timing two programs by turns on a noisy machine: medians, quartiles, and the median of paired ratios."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glnn.run.executor import Executor

PAUSE = 0.03  # seconds before each side: idle threads of the other side (BLAS, onnxruntime) spin for a while
LEAST = 0.03  # seconds that one timed repetition lasts at least; short programs run several times in it


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of repeated measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """The quartiles of values (25, 50, 75 %)."""
        low, median, high = np.percentile(values, [25, 50, 75])
        return cls(float(median), float(low), float(high))

    def text(self, factor: float = 1.0, digits: int = 2) -> str:
        """ "median (low-high)", each times `factor`."""
        low, median, high = (f"{v * factor:.{digits}f}" for v in (self.low, self.median, self.high))
        return f"{median} ({low}-{high})"


def by_turns(programs: Mapping[str, Callable[[], object]], reps: int) -> dict[str, list[float]]:
    """Seconds per call of each program, `reps` times, one program after the other in each repetition.

    Each has run before it is timed; one short of LEAST runs several times in a repetition, and the mean counts.
    """
    calls = {name: max(1, math.ceil(LEAST / _warm(run))) for name, run in programs.items()}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(reps):
        for name, run in programs.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            for _ in range(calls[name]):
                run()
            times[name].append((time.perf_counter() - start) / calls[name])
    return times


def ratio(ours: list[float], theirs: list[float]) -> Spread:
    """The spread of ours / theirs, repetition by repetition."""
    return Spread.of([a / b for a, b in zip(ours, theirs, strict=True)])


def draws_only(executor: Executor, last: int = 0) -> Callable[[], None]:
    """A program that makes an executor's draws (or its `last` ones) on what its textures hold: no upload, no read."""
    draw, items, finish = executor.device.draw, executor.draws[-last:], executor.device.finish

    def run() -> None:
        with executor.device.use():
            if not last:  # repeats turn by turn
                executor.replay()
            for item in items if last else ():
                draw(*item)
            finish()

    return run


class Others:
    """How busy other processes keep the CPUs from the making of this object on (Linux; elsewhere NaN)."""

    def __init__(self) -> None:
        self._start = self._now()

    def share(self) -> float:
        """Part of all CPU time, 0 to 1, that other processes took since then."""
        busy, total, own = (b - a for a, b in zip(self._start, self._now(), strict=True))
        return max(0.0, busy - own) / total if total > 0 else math.nan

    @staticmethod
    def _now() -> tuple[float, float, float]:
        """Seconds of CPU time: busy, busy and idle, of this process and its children that have ended."""
        try:
            fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        except OSError:
            return math.nan, math.nan, math.nan
        tick = os.sysconf("SC_CLK_TCK")
        return (sum(fields) - fields[3] - fields[4]) / tick, sum(fields) / tick, sum(os.times()[:4])


def load_average() -> float:
    """Processes that want to run, mean of the last minute; NaN where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def _warm(run: Callable[[], object]) -> float:
    """Seconds of the second call."""
    for _ in range(2):
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
    return max(seconds, 1e-6)
