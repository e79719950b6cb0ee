"""How the cost of a prediction grows with the batch and with the image's area, and what its textures take beside the
least that lives at once.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --only batch,area --networks mobilenetv2 --batches 1,8,64 --json scaling.json

See benchmarks/README.md for what is measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import models
import numpy as np
import timing

import glnn
from glnn import formats, passes
from glnn.device.context import is_software
from glnn.graph import Graph, TensorSpec
from glnn.layout import Limits
from glnn.layout.codec import activation_storage, texel_bytes
from glnn.layout.tiles import Layout
from glnn.plan import Draw, Plan, make_plan

LINEAR = 1.25  # how much more a sample, or a pixel, may cost among many than among fewer
MEMORY = 1.1  # how much more than what lives at once textures may take
TIMES = ("draws_ms", "predict_ms", "processor_ms")
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
FILES: Mapping[str, Callable[[], Path]] = {
    "digits": lambda: EXAMPLES / "digits.h5",
    "style": lambda: EXAMPLES / "style.h5",
    "mobilenetv2": lambda: models.network_file("mobilenetv2"),
    "resnet50": lambda: models.network_file("resnet50"),
    "encoder": models.encoder,
}
WITH_AREAS = ("style", "mobilenetv2", "resnet50")


def free_graph(name: str) -> Graph:
    """A network's graph for images of any height and width."""
    graph = formats.load(FILES[name](), None, None)
    specs = (TensorSpec(spec.name, (None, None, None, spec.shape[-1]), spec.dtype) for spec in graph.inputs)
    return graph.with_(inputs=tuple(specs))


def milliseconds(model: glnn.Model, shape: Sequence[int], reps: int, most: float) -> dict[str, float]:
    """The least of `reps` times, or of those in `most` s: of the draws of one piece, of a predict of it, and of the
    processors' time that a predict takes, which is what counts where the renderer is software.
    """
    x, name = models.sample(tuple(shape)), model.inputs[0].name
    session = model.session
    with session.device.use():
        executor = session.executor({name: x.shape})
        executor.load({name: x})
    programs = {
        "draws": timing.draws_only(executor),
        "predict": lambda: model.predict(x, batch_size=len(x), verbose=0),
    }
    made: dict[str, float] = {}
    for key, run in programs.items():
        run()
        start, times, busy = time.perf_counter(), list[float](), list[float]()
        while len(times) < reps and (not times or time.perf_counter() - start < most):
            begin, used = time.perf_counter(), time.process_time()
            run()
            times.append(time.perf_counter() - begin)
            busy.append(time.process_time() - used)
        made |= {f"{key}_ms": 1e3 * min(times), "processor_ms": 1e3 * min(busy)}
    return made | {"activations": executor.plan.activation_bytes}


def growth(sizes: Sequence[float], times: Sequence[float]) -> float:
    """The most that one of a unit costs among more than among fewer: 1 where costs are in proportion or grow slower."""
    each = [t / size for size, t in zip(sizes, times, strict=True)]
    return max((b / a for i, a in enumerate(each) for b in each[i + 1 :]), default=1.0)


def offset(sizes: Sequence[float], times: Sequence[float]) -> float:
    """How far times are, relatively, from the line with an offset that comes nearest to them."""
    columns = np.stack([1 / np.asarray(times), np.asarray(sizes) / np.asarray(times)], 1)
    return float(np.abs(columns @ np.linalg.lstsq(columns, np.ones(len(times)), rcond=None)[0] - 1).max())


def measured(
    kind: str, name: str, unit: str, rows: Iterable[tuple[float, dict[str, float]]], software: bool
) -> dict[str, Any]:
    """Prints a line for each size as it comes; the figures as plain data."""
    result: dict[str, Any] = {"kind": kind, "name": name, "rows": []}
    for size, row in rows:
        result["rows"].append({"size": size, **row})
        each = ", ".join(f"{key[:-3]} {row[key] / size:8.3f}" for key in TIMES)
        print(f"{kind:<6} {name:<12} {size:8g} {unit:<10} ms for each: {each}", flush=True)
    sizes = [row["size"] for row in result["rows"]]
    for key in TIMES:
        times = [row[key] for row in result["rows"]]
        result[key] = {"growth": growth(sizes, times), "off_line": offset(sizes, times)}
    told = result["processor_ms" if software else "predict_ms"]
    result["met"] = told["growth"] <= LINEAR
    verdict = f"<= {LINEAR} {'met' if result['met'] else 'MISSED'}"
    print(
        f"{'':<6} {name:<12} one costs at most {told['growth']:.2f} of what it costs among fewer, {verdict}\n",
        flush=True,
    )
    return result


def by_batch(name: str, batches: Sequence[int], device: glnn.Device, args: argparse.Namespace) -> dict[str, Any]:
    """The cost of batches, each in one piece."""
    with glnn.Model.load(FILES[name](), device=device) as model:
        shape = tuple(d or args.side for d in model.inputs[0].shape[1:])
        rows = ((batch, milliseconds(model, (batch, *shape), args.reps, args.most)) for batch in batches)
        return measured("batch", name, "samples", rows, is_software(device.renderer))


def by_area(name: str, sides: Sequence[int], device: glnn.Device, args: argparse.Namespace) -> dict[str, Any]:
    """The cost of one image of several sizes; the unit is an image of 224 x 224 pixels."""
    with glnn.Model(free_graph(name), device) as model:
        channels = model.inputs[0].shape[-1] or 1
        shapes = [(side, (1, side, side, channels)) for side in sides]
        rows = (((side / 224) ** 2, milliseconds(model, shape, args.reps, args.most)) for side, shape in shapes)
        return measured("area", name, "x 224^2", rows, is_software(device.renderer))


def texture_bytes(layout: Layout, codec: str) -> int:
    """Bytes of a tensor's textures."""
    texel = texel_bytes(activation_storage(codec).format)
    return layout.textures * max(1, layout.depth) * math.prod(layout.size) * texel


def least_bytes(plan: Plan) -> int:
    """The most that tensors take which live at once: from their first draw to the last one that reads them.

    Inputs live from the beginning, outputs to the end. Raises ValueError for a plan with repeats.
    """
    if not all(isinstance(step, Draw) for step in plan.steps):
        raise ValueError("a plan with repeats")
    spans: list[list[int]] = []  # of each tensor: first draw, last draw, bytes
    holds: dict[int, list[int]] = {}  # by slot
    for spec in plan.inputs:
        spans.append([0, len(plan.draws), texture_bytes(spec.layout, spec.codec)])
        holds |= dict.fromkeys(spec.slots, spans[-1])
    for made in plan.makes:
        for number in made.draws:
            for kind, slot, _ in plan.draws[number].textures:
                if kind == "slot":
                    holds[slot][1] = max(holds[slot][1], number)
        spans.append([made.draw, made.draws.stop - 1, texture_bytes(made.layout, made.codec.codec)])
        holds |= {plan.draws[number].target: spans[-1] for number in made.draws}
    for spec in plan.outputs:
        for slot in spec.slots:
            holds[slot][1] = len(plan.draws)
    return max(sum(size for first, last, size in spans if first <= at <= last) for at in range(len(plan.draws)))


def memory(name: str, batch: int, limits: Limits, side: int) -> dict[str, Any]:
    """What a plan's textures take beside the least."""
    graph = passes.optimize(formats.load(FILES[name](), None, None))
    plan = make_plan(graph, {s.name: (batch, *(d or side for d in s.shape[1:])) for s in graph.inputs}, limits)
    least, taken = least_bytes(plan), plan.activation_bytes
    met = taken <= MEMORY * least
    title = f"memory {name:<12} batch {batch:<3} {limits.draw_buffers} draw buffers"
    verdict = f"<= {MEMORY} {'met' if met else 'MISSED'}"
    print(f"{title}: {taken / 2**20:8.2f} MB, live at once {least / 2**20:8.2f}, ratio {taken / least:.2f} {verdict}")
    return {"kind": "memory", "name": name, "batch": batch, "draw_buffers": limits.draw_buffers, "bytes": taken,
            "least": least, "slots": len(plan.slots), "met": met}  # fmt: skip


def whole_numbers(text: str) -> list[int]:
    """A comma list of numbers."""
    return [int(part) for part in text.split(",")]


def main() -> int:
    """Runs the benchmarks; the exit code is 1 with --check where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="batch,area,memory", help="comma list of batch, area, memory (default: all)")
    parser.add_argument("--networks", default="digits,mobilenetv2,resnet50,style,encoder", metavar="NAMES")
    parser.add_argument("--batches", type=whole_numbers, default=[1, 2, 4, 8, 16, 32, 64], metavar="N,N,..")
    parser.add_argument("--sides", type=whole_numbers, default=[112, 224, 448, 896], metavar="N,N,..")
    parser.add_argument("--side", type=int, default=256, help="of images where a network takes any (default 256)")
    parser.add_argument("--reps", type=int, default=5, help="repetitions, of which the least counts (default 5)")
    parser.add_argument("--most", type=float, default=4.0, help="seconds after which no more are made (default 4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE too")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    args = parser.parse_args()
    kinds, names = set(args.only.split(",")), args.networks.split(",")
    if unknown := kinds - {"batch", "area", "memory"} | {*names} - FILES.keys():
        parser.error(f"{', '.join(sorted(unknown))}: there are batch, area, memory, and {', '.join(FILES)}")
    results: list[dict[str, Any]] = []
    with glnn.Device() as device:
        where = {"renderer": device.renderer, "limits": dataclasses.asdict(device.limits)}
        print(f"{device.renderer}, load average {timing.load_average():.2f}")
        for name in names:
            if "batch" in kinds and name not in ("style", "encoder"):
                results.append(by_batch(name, args.batches, device, args))
            if "area" in kinds and name in WITH_AREAS:
                results.append(by_area(name, args.sides, device, args))
            for batch, buffers in ((1, 8), (8, 8), (1, 4)) if "memory" in kinds else ():
                if batch == 1 or name not in ("style", "encoder"):
                    results.append(memory(name, batch, Limits(draw_buffers=buffers), args.side))
    if args.json:
        args.json.write_text(json.dumps({"machine": where, "results": results}, indent=2) + "\n")
    return int(args.check and not all(result["met"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
