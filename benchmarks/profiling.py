"""Where a model's time goes: each draw timed alone, waited for by finish, summed by layer and by kernel."""

from __future__ import annotations

import math
import time
from collections import defaultdict

import numpy as np

from glnn.graph import Graph, Node
from glnn.primitives.conv import Conv
from glnn.run.executor import Executor

FIGURES = f" {'ms':>8} {'%':>5} {'GFLOP/s':>8}"


def operations(node: Node, out: tuple[int | None, ...]) -> float:
    """Multiplications and additions of a convolution with this output shape; 0 for other primitives."""
    pixels = math.prod(d or 1 for d in out[:-1])
    return 2.0 * pixels * node.weights["kernel"].size if isinstance(node.layer, Conv) else 0.0


def draw_seconds(executor: Executor, reps: int) -> list[float]:
    """Median seconds of each draw with its finish; the draws run in their order, `reps` times and once before."""
    device, times = executor.device, []
    for _ in range(reps + 1):
        row = []
        with device.use():
            for item in executor.draws:
                start = time.perf_counter()
                device.draw(*item)
                device.finish()
                row.append(time.perf_counter() - start)
        times.append(row)
    return np.median(times[1:], axis=0).tolist()


def print_profile(executor: Executor, graph: Graph, reps: int) -> None:
    """Prints a line for each layer's draws (layer, kernels, shape, block, ms, GFLOP/s) and sums by kernel."""
    specs = graph.specs({t.name: t.shape for t in executor.plan.inputs})
    nodes = {node.label: node for node in graph.nodes}
    seconds = draw_seconds(executor, reps)
    layers: dict[str, list[int]] = defaultdict(list)
    for i, draw in enumerate(executor.plan.draws):
        layers[draw.label].append(i)
    kinds: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    print(_line("layer", "kernel", "window", "output", "layers", "draws") + FIGURES)
    for source, numbers in layers.items():
        node, draws = nodes[source], [executor.plan.draws[i] for i in numbers]
        shape, spent = specs[node.outputs[0]].shape, sum(seconds[i] for i in numbers)
        kernel = "+".join(dict.fromkeys(draw.kernel for draw in draws))
        window = _window(node)
        count, target = operations(node, shape), executor.plan.slots[draws[-1].target]
        for key in (f"{kernel} {window}".strip(), "all"):
            kinds[key] = [a + b for a, b in zip(kinds[key], (len(draws), spent, count), strict=True)]
        line = _line(source, kernel, window, "x".join(map(str, shape)), target.layers, len(draws))
        print(line + _figures(spent, sum(seconds), count))
    print(f"\n{'kernel':<40} {'draws':>5}{FIGURES}")
    for key, (number, spent, count) in sorted(kinds.items(), key=lambda item: item[1][1]):
        print(f"{key:<40} {number:>5}{_figures(spent, sum(seconds), count)}")
    print(f"each draw includes its own finish, {_overhead(executor) * 1e3:.3f} ms with nothing to wait for\n")


def _line(layer: str, kernel: str, window: str, output: str, layers: object, draws: object) -> str:
    return f"{layer:<32} {kernel:<20} {window:>8} {output:>20} {layers:>6} {draws:>5}"


def _window(node: Node) -> str:
    size, steps = getattr(node.layer, "kernel_size", None), getattr(node.layer, "strides", (1, 1))
    return "x".join(map(str, size)) + (f"/{steps[0]}" if max(steps) > 1 else "") if size else ""


def _figures(spent: float, total: float, count: float) -> str:
    rate = f"{count / spent / 1e9:8.1f}" if count else " " * 8
    return f" {spent * 1e3:8.3f} {100 * spent / total:5.1f} {rate}"


def _overhead(executor: Executor) -> float:
    with executor.device.use():
        start = time.perf_counter()
        for _ in range(100):
            executor.device.finish()
        return (time.perf_counter() - start) / 100
