"""Networks with quantized weights beside the same with float32, by turns: time, memory on the device, drift.

And how long the search for the cheapest codecs takes.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import models
import numpy as np
import timing

import glnn
from glnn.graph import Graph

CODECS = ("float32", "uint8", "uint4")  # per channel; the first is what the others are measured by
# Times float32's speed that uint8 must reach; parts of float32's bytes that the textures may take.
GOALS = {"quantized-mobilenetv2": 1.0, "quantized-resnet50": 1.1}
MEMORY = {"uint8": 0.26, "uint4": 0.14}
AUTO = {"auto-resnet50": 90.0}  # seconds that quantize("auto") may take
CALIBRATED = 8  # samples


def run_quantized(
    name: str, graph: Callable[[], Graph], reps: int, print_row: Callable[..., None], verdict: Callable[..., str]
) -> dict[str, Any]:
    """Times predict() of each codec by turns, counts the bytes of its weights, prints lines; the figures as data."""
    title = models.NETWORKS[name.removeprefix("quantized-")]
    with glnn.Device() as device:
        base = glnn.Model(graph(), device)
        made = {codec: base if codec == "float32" else base.quantize(codec, verbose=0) for codec in CODECS}
        x = models.sample(tuple(d or 1 for d in base.inputs[0].shape))
        result: dict[str, Any] = {"name": name, "reps": reps, "codecs": {}}
        before, wanted = device.texture_bytes(), None
        for codec, model in made.items():
            got = model.predict(x, verbose=0)
            wanted = got if wanted is None else wanted
            drift = float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
            plan = model.plan()
            grown = device.texture_bytes() - before
            before += grown
            driver = grown - plan.activation_bytes
            result["codecs"][codec] = {"planned_bytes": plan.weight_bytes, "driver_bytes": driver, "drift": drift}
        programs = {c: (lambda m=m: m.predict(x, verbose=0)) for c, m in made.items()}
        others = timing.Others()
        times = timing.by_turns(programs, reps)
        share = others.share()
        for model in made.values():
            model.close()
    result |= {"others": share, "load_average": timing.load_average()}
    full = result["codecs"]["float32"]["driver_bytes"]
    for codec in CODECS[1:]:
        entry = result["codecs"][codec]
        speed = timing.ratio(times["float32"], times[codec])
        entry |= {"ms": dataclasses.asdict(timing.Spread.of([t * 1e3 for t in times[codec]]))}
        entry |= {"times_as_fast": dataclasses.asdict(speed), "memory": entry["driver_bytes"] / full}
        ours, theirs = (timing.Spread.of(times[key]).text(1e3) for key in (codec, "float32"))
        goal = ""
        if codec == "uint8":
            goal = verdict(-speed.median, -GOALS[name], "x", share).replace("<= -", ">= ")
            result["met"] = speed.median >= GOALS[name]
        print_row(f"{title}, {codec} weights", ours, f"{theirs} float32", speed.text(), f"{share:.0%}", goal)
        memory = f"{entry['driver_bytes'] / 1e6:.1f} MB, drift {entry['drift']:.1e}"
        allowed = verdict(entry["memory"] * 100, MEMORY[codec] * 100, "%", 0.0) if name.endswith("resnet50") else ""
        theirs = f"{full / 1e6:.1f} MB float32"
        print_row(f"{title}, {codec} in textures", memory, theirs, f"{entry['memory']:.1%}", "", allowed)
    return result


def run_auto(
    name: str, graph: Callable[[], Graph], print_row: Callable[..., None], verdict: Callable[..., str]
) -> dict[str, Any]:
    """Times quantize("auto") once, prints a line; the figures as data."""
    with glnn.Device() as device, glnn.Model(graph(), device) as model:
        shape = tuple(d or 1 for d in model.inputs[0].shape)
        x = models.sample((CALIBRATED, *shape[1:]))
        others, start = timing.Others(), time.perf_counter()
        with model.quantize("auto", calibrate=x, verbose=0) as made:
            seconds, share, report = time.perf_counter() - start, others.share(), made.report
    assert report is not None
    codecs = Counter(layer.codec for layer in report.layers)
    result: dict[str, Any] = {"name": name, "seconds": seconds, "samples": CALIBRATED, "others": share}
    result |= {"drift": report.drift, "bytes_after": report.bytes_after, "codecs": dict(codecs)}
    result |= {"load_average": timing.load_average(), "met": seconds <= AUTO[name]}
    told = ", ".join(f"{count} {codec}" for codec, count in codecs.most_common())
    title = f'{models.NETWORKS[name.removeprefix("auto-")]}, quantize("auto"), s'
    what = f"{told}, drift {report.drift or 0:.1e}"
    goal = verdict(seconds, AUTO[name], "s", share)
    print_row(title, f"{seconds:.0f}", what, f"{report.ratio:.1%}", f"{share:.0%}", goal)
    return result
