"""Programs of the user's own kernels beside NumPy, by turns: the heat equation, PageRank, a program beside its calls.

python benchmarks/programs.py [--reps 5] [--steps 1000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import glnn

HEAT = """
#pragma glnn input u
#pragma glnn border edge
float kernel(int i, int j, float alpha) {
    return u(i, j) + alpha * (u(i - 1, j) + u(i + 1, j) + u(i, j - 1) + u(i, j + 1) - 4.0 * u(i, j));
}
"""
ALPHA = 0.2
heat = glnn.kernel(HEAT, name="heat")


@glnn.program
def simulate(u: Any, steps: int) -> Any:
    """The heat equation with insulated borders."""
    return glnn.repeat(steps, lambda u: heat(u, ALPHA), u)


@glnn.program
def pagerank(matrix: Any, rank: Any, turns: int) -> Any:
    """Power iteration with a damping of 0.85."""
    return glnn.repeat(turns, lambda r: 0.85 * (matrix @ r) + 0.15 / rank.shape[0], rank)


def slices(u: np.ndarray, steps: int) -> np.ndarray:
    """The same in NumPy with slices: the inside by its neighbours, borders as beyond them."""
    padded, alpha = np.pad(u, 1, mode="edge"), u.dtype.type(ALPHA)
    for _ in range(steps):
        inside = padded[1:-1, 1:-1]
        around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        inside += alpha * (around - 4 * inside)
        padded[0], padded[-1], padded[:, 0], padded[:, -1] = padded[1], padded[-2], padded[:, 1], padded[:, -2]
    return padded[1:-1, 1:-1].copy()


def calls(u: Any, steps: int) -> np.ndarray:
    """The same kernel, called step by step."""
    for _ in range(steps):
        u = heat(u, ALPHA)
    return np.asarray(u)


def by_turns(runs: dict[str, Callable[[], Any]], reps: int) -> dict[str, list[float]]:
    """Seconds of each run in each repetition, one after the other."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(reps):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def report(title: str, seconds: dict[str, list[float]], per: int, first: str) -> None:
    """Medians, and the ratio of neighbouring runs to the first."""
    print(title)
    for name, values in seconds.items():
        ratio = np.median([a / b for a, b in zip(seconds[first], values, strict=True)])
        print(
            f"  {name:28} {np.median(values) / per * 1e3:9.4f} ms, least {min(values) / per * 1e3:9.4f}, {ratio:6.2f} x"
        )


def main() -> None:
    """Prints the three comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    rng, steps = np.random.default_rng(0), options.steps
    u = rng.normal(size=(512, 512)).astype(np.float32)
    wide = u.astype(np.float64)
    print(f"largest difference: {abs(np.asarray(simulate(u, 100)) - slices(wide, 100)).max():.1e}")
    runs = {
        "NumPy, slices, float32": lambda: slices(u, steps),
        "NumPy, slices, float64": lambda: slices(wide, steps),
        "program": lambda: np.asarray(simulate(u, steps)),
    }
    report(
        f"heat equation 512 x 512, each of {steps} steps", by_turns(runs, options.reps), steps, "NumPy, slices, float32"
    )
    small = glnn.Tensor(u[:64, :64])
    runs = {"calls": lambda: calls(small, 500), "program": lambda: np.asarray(simulate(small, 500))}
    report("heat equation 64 x 64, each of 500 steps", by_turns(runs, options.reps), 500, "calls")
    nodes, degree = 2000, 8
    matrix = np.zeros((nodes, nodes))
    np.add.at(matrix, (rng.integers(0, nodes, (nodes, degree)), np.arange(nodes)[:, None]), 1 / degree)
    start = np.full(nodes, 1 / nodes)

    def power(matrix: np.ndarray, rank: np.ndarray) -> np.ndarray:
        for _ in range(60):
            rank = 0.85 * (matrix @ rank) + 0.15 / nodes
        return rank

    print(f"largest difference: {abs(np.asarray(pagerank(matrix, start, 60)) - power(matrix, start)).max():.1e}")
    on_device = glnn.Tensor(matrix)
    runs = {
        "NumPy, dense": lambda: power(matrix, start),
        "program": lambda: np.asarray(pagerank(on_device, start, 60)),
    }
    report("PageRank of 2,000 nodes, each of 60 steps", by_turns(runs, options.reps), 60, "NumPy, dense")


if __name__ == "__main__":
    main()
