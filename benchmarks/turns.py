"""What a turn of a repeat takes: a trivial one, which is the renderer's own, and steps of recurrent layers.

python benchmarks/turns.py [--units 128] [--batch 1] [--rounds 15]

Microseconds by the clock (least and median) and of the processors, from the difference of 400 and 80 turns, the sizes
by turns. LP_NUM_THREADS=0 in the environment has llvmpipe draw in the caller's thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

import glnn
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from glnn.primitives.expr import Apply, In, Number
from glnn.primitives.loop import Repeat
from glnn.primitives.map import Map
from glnn.primitives.operations import OPERATIONS
from glnn.testing import layer_graph

FEW, MANY, CHANNELS = 80, 400, 64


def trivial(units: int, turns: int) -> Graph:
    """x * 0.5, so many times: each draw reads what the one before made."""
    half = Node("half", Map(Apply(OPERATIONS["multiply"], (In(0), Number(0.5)))), ("h",), ("h2",))
    body = Graph("turn", (TensorSpec("h", (None, units)),), (half,), ("h2",))
    node = Repeat.node("turns", body, ("x0",), ("y0",), count=turns, carried=1)
    return Graph("trivial", (TensorSpec("x0", (None, units)),), (node,), ("y0",))


def recurrent(layer: Recurrent, turns: int) -> Graph:
    rng, shape = np.random.default_rng(0), (None, turns, CHANNELS)
    specs = layer.weight_specs(shape)
    weights = {s.name: (rng.standard_normal(s.shape) * s.shape[0] ** -0.5).astype(np.float32) for s in specs}
    return layer_graph(layer, [shape], weights)


def times(make: Callable[[int], Graph], batch: int, rounds: int) -> tuple[float, float, float]:
    """Microseconds of a turn: least and median by the clock, median of the processors."""
    runs = []
    for turns in (FEW, MANY):
        graph = make(turns)
        model = glnn.Model(graph)
        shape = (batch, *(size or 1 for size in graph.inputs[0].shape[1:]))
        x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        model.predict(x, verbose=0)
        runs.append((model, x, [], []))
    for _ in range(rounds):
        for model, x, wall, cpu in runs:
            start = time.perf_counter(), time.process_time()
            model.predict(x, verbose=0)
            wall.append(time.perf_counter() - start[0])
            cpu.append(time.process_time() - start[1])
    (_, _, a, b), (_, _, c, d) = runs
    scale = 1e6 / (MANY - FEW)
    middle = statistics.median
    return (min(c) - min(a)) * scale, (middle(c) - middle(a)) * scale, (middle(d) - middle(b)) * scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    units = args.units
    kinds: dict[str, Callable[[int], Graph]] = {
        "trivial": lambda turns: trivial(units, turns),
        "SimpleRNN": lambda turns: recurrent(SimpleRNN(units), turns),
        "LSTM": lambda turns: recurrent(LSTM(units), turns),
        "GRU": lambda turns: recurrent(GRU(units), turns),
        "GRU, reset before": lambda turns: recurrent(GRU(units, reset_after=False), turns),
    }
    for name, make in kinds.items():
        least, median, cpu = times(make, args.batch, args.rounds)
        print(f"{name:18} {least:7.1f} us least, {median:7.1f} median, {cpu:7.1f} of the processors", flush=True)


if __name__ == "__main__":
    main()
