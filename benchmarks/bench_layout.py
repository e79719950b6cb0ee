"""Whether the rows that the planner adds to a texture's layers pay: convolutions with and without them, by turns.

    python benchmarks/bench_layout.py [--reps N]

Each line times one draw, the second of two convolutions in a row: its input and its output lie in blocks of pixels, a
texture layer for each pixel of the block, as between the layers of a network.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from unittest import mock

import numpy as np
import timing
from models import SEED

from glnn import plan as planning
from glnn.device import Device
from glnn.executor import Executor, Resident
from glnn.graph import Graph, Node, TensorSpec, validate
from glnn.layers.conv import Conv2D

CONVOLUTIONS = ((56, 64, 64, 3), (28, 128, 128, 3), (56, 64, 256, 1))  # size, channels, filters, kernel


def pair_graph(size: int, channels: int, filters: int, kernel: int) -> Graph:
    """A 1x1 convolution that keeps the channels, then the one to time, "same", on (1, size, size, channels)."""
    rng = np.random.default_rng(SEED)

    def node(name: str, source: str, k: int, outputs: int) -> Node:
        weights = rng.standard_normal((k, k, channels, outputs)).astype(np.float32) / (k * k * channels) ** 0.5
        layer = Conv2D(outputs, (k, k), padding="same", use_bias=False)
        return Node(name, layer, (source,), (name,), {"kernel": weights})

    image = TensorSpec("x", (1, size, size, channels))
    nodes = node("first", "x", 1, channels), node("second", "first", kernel, filters)
    return validate(Graph("pair", (image,), nodes, ("second",)))


def prepared(graph: Graph, device: Device, spread: bool) -> Executor:
    """An executor of the graph that has run once, its textures with the planner's added rows or without."""
    shapes = {spec.name: tuple(d or 1 for d in spec.shape) for spec in graph.inputs}
    store = planning.WeightStore(graph)
    rule: Callable[..., planning.Slot] = planning._spread if spread else lambda slot, *_: slot
    with mock.patch.object(planning, "_spread", rule):
        plan = planning.make_plan(graph, shapes, device.limits, store)
    executor = Executor(plan, device, Resident(device, store.values))
    rng = np.random.default_rng(SEED)
    executor.run({name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()})
    return executor


def heights(plan: planning.Plan) -> list[int]:
    """Rows of the textures that the draws write."""
    return [plan.slots[draw.target].height for draw in plan.draws]


def main() -> None:
    """Prints a line for each convolution."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reps", type=int, default=15, help="repetitions by turns (default 15)")
    args = parser.parse_args()
    with Device() as device:
        print(f"{device.renderer}; load average {timing.load_average():.2f}")
        print("Milliseconds of one draw, median (quartiles). rows: added to input and output. others: see README.md\n")
        print(f"{'convolution':<22} {'plain':>22} {'rows added':>22} {'rows':>6} {'plain / added':>18} {'others':>6}")
        for size, channels, filters, kernel in CONVOLUTIONS:
            graph = pair_graph(size, channels, filters, kernel)
            executors = {name: prepared(graph, device, name == "added") for name in ("plain", "added")}
            others = timing.Others()
            times = timing.by_turns({name: timing.draws_only(e, last=1) for name, e in executors.items()}, args.reps)
            plain, added = (timing.Spread.of(times[name]).text(1e3) for name in ("plain", "added"))
            share, ratio = others.share(), timing.ratio(times["plain"], times["added"]).text()
            before, after = (heights(executors[name].plan) for name in ("plain", "added"))
            rows = "/".join(str(b - a) for a, b in zip(before, after, strict=True))
            what = f"{kernel}x{kernel} {size}x{size}x{channels}->{filters}"
            print(f"{what:<22} {plain:>22} {added:>22} {rows:>6} {ratio:>18} {share:>6.0%}", flush=True)


if __name__ == "__main__":
    main()
