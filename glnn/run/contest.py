"""Plans that do the same, on one device: which of them is right, and which is the fastest."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import field
from typing import Any

import numpy as np

from ..device.context import is_software
from ..device.device import Device
from ..errors import KernelError, LimitError
from ..layout.codec import CODECS
from ..layout.limits import Limits
from ..records import dataclass
from .executor import Executor

LEAST = 0.004  # seconds that one timing lasts at least
REPEATS = 7  # timings of each that are made by turns
HOPELESS = 2.0  # times as long as the fastest: timed no more
GAIN = 0.97  # another than the first one is taken where it takes this much of its time
SPREAD = 4  # times a codec's tolerance by which two drawn results may differ: each has its own error, in another order


@dataclass
class Outcome:
    """The median seconds of each candidate that is right, and why others were dropped."""

    seconds: dict[str, float] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)

    @property
    def best(self) -> str:
        """The fastest, or the first where that is hardly slower."""
        first, best = next(iter(self.seconds)), min(self.seconds, key=lambda name: self.seconds[name])
        return best if self.seconds[best] < GAIN * self.seconds[first] else first


def contest(
    device: Device,
    makers: Mapping[str, Callable[[], Executor]],
    inputs: Mapping[str, np.ndarray],
    what: str,
    until: float = float("inf"),
    step: Callable[[], None] = lambda: None,
    whole: bool = False,
) -> Outcome:
    """Makes a candidate after the other, judges each by the first one's outputs, times those that are right by turns.

    One that draws what an earlier one draws is dropped.

    what:  whose candidates they are, for the warning about one that is wrong
    until: when (time.monotonic) no further candidate is begun; the first two always are
    step:  called after each candidate
    whole: whether it is time as a person sees it that counts, on a software renderer too
    """
    made, outcome, expected = dict[str, Executor](), Outcome(), dict[str, np.ndarray]()
    plans = dict[str, str]()  # names of candidates by what they draw
    with device.use(), ExitStack() as held:
        for name, make in makers.items():
            if len(made) > 1 and time.monotonic() > until:
                outcome.dropped[name] = "no time was left"
                continue
            try:
                executor = make()
            except (KernelError, LimitError) as error:
                if not made:
                    raise
                outcome.dropped[name] = str(error)
                continue
            held.callback(executor.release)
            plan = executor.plan.to_json()
            if plan in plans:
                outcome.dropped[name] = f"it draws what {plans[plan]!r} draws"
                continue
            plans[plan] = name
            outputs = executor.run(inputs)
            off = 0.0 if not made else difference(expected, outputs)
            if made and not off <= tolerance(device.limits):
                outcome.dropped[name] = f"its outputs differ by {off:.1e} of the largest value"
                warnings.warn(f"{what}: {name!r} is not used, {outcome.dropped[name]}", stacklevel=3)
                continue
            expected = expected or outputs
            made[name] = executor
            step()
        typical = min if whole else np.median  # what disturbs a whole only adds to it
        outcome.seconds = by_turns(device, made, time.perf_counter if whole else clock(device), typical, until)
    return outcome


def clock(device: Device) -> Callable[[], float]:
    """What tells how long draws take: on a software renderer the processors' time, which no other process disturbs."""
    return time.process_time if is_software(device.renderer) else time.perf_counter


def by_turns(
    device: Device, made: Mapping[str, Executor], now: Callable[[], float], typical: Callable[[Any], Any], until: float
) -> dict[str, float]:
    """The typical seconds, by a clock, of each executor's draws, one after the other in each round.

    until: when (time.monotonic) no further round is begun; the first two always are
    """

    def timed(name: str, calls: int) -> float:
        start = now()
        for _ in range(calls):
            made[name].replay()
        device.finish()
        return (now() - start) / calls

    for name in made:
        timed(name, 1)
    once = {name: max(timed(name, 1), 1e-6) for name in made}
    hopeful = [name for name in made if once[name] <= HOPELESS * min(once.values())]
    if len(hopeful) < 2:
        return once
    times: dict[str, list[float]] = {name: [] for name in hopeful}
    for turn in range(REPEATS):
        if turn > 1 and time.monotonic() > until:
            break
        for name in hopeful:
            times[name].append(timed(name, max(1, round(LEAST / once[name]))))
    return once | {name: float(typical(values)) for name, values in times.items()}


def difference(expected: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> float:
    """The largest difference of any output, relative to its largest value; infinite where only one is not a number."""
    most = 0.0
    for name, whole in expected.items():
        with np.errstate(invalid="ignore"):
            apart = np.abs(given[name].astype(np.float64) - whole)
        same = (given[name] == whole) | (np.isnan(given[name]) & np.isnan(whole))
        apart = np.where(same, 0.0, apart)
        if not np.isfinite(apart).all():
            return float("inf")
        scale = np.abs(whole, where=np.isfinite(whole), out=np.zeros(whole.shape)).max(initial=0.0)
        most = max(most, float(apart.max(initial=0.0) / (scale or 1.0)))
    return most


def tolerance(limits: Limits) -> float:
    """How far two results on a device may be apart, relative to the largest value."""
    half = limits.float_target == "float16" or limits.precision == "mediump"
    return SPREAD * CODECS["float16" if half else "float32"].tolerance
