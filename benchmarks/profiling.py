"""Whether a profile tells the truth: the sum of its parts beside a predict() that nobody watches.

    python benchmarks/profiling.py                 exit code 1 where they differ by more than 15 %

See benchmarks/README.md for what is measured.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import models
import numpy as np
import timing

import glnn
from glnn import formats
from glnn.graph import Graph

GOAL = 0.15  # of predict's time, by which the sum may differ
LEAST = 0.5  # seconds of predictions of each profile: short ones are repeated more often
DIGITS = Path(__file__).parent.parent / "examples" / "digits.h5"
CASES: dict[str, tuple[Callable[[], Graph], int]] = {  # by name: the network and the batch
    "digits": (lambda: formats.load(DIGITS, None, None), 1),
    "conv": (models.conv_graph, 1),
    "bilstm": (models.lstm_graph, 1),
    "mobilenetv2": (lambda: formats.load(models.network_file("mobilenetv2"), None, None), 1),
    "mobilenetv2-b4": (lambda: formats.load(models.network_file("mobilenetv2"), None, None), 4),
    "resnet50": (lambda: formats.load(models.network_file("resnet50"), None, None), 1),
}


def run(name: str, reps: int) -> bool:
    """Profiles a network, `reps` times a predict() beside it; prints a line -> whether the goal is met."""
    make, batch = CASES[name]
    with glnn.Model(make()) as model:
        shape = tuple(d or 1 for d in model.inputs[0].shape)
        x = models.sample((batch, *shape[1:]))
        others = timing.Others()
        short = model.profile(x, repeat=reps, first=False).predict
        made = model.profile(x, repeat=max(reps, math.ceil(LEAST / short)), first=False)
        walls = timing.by_turns({"predict": lambda: model.predict(x, verbose=0)}, max(3, reps // 3))["predict"]
    ratio, alone = made.seconds / made.predict, timing.Spread.of(walls)
    met = abs(ratio - 1) <= GOAL
    print(
        f"{name:<16} {made.seconds * 1e3:>9.2f} {made.predict * 1e3:>9.2f} {ratio:>7.3f}  {alone.text(1e3):>22}  "
        f"{made.timer:<8} {made.watched:>7.2f} {others.share():>7.0%}  {'met' if met else 'MISSED'}"
    )
    return met


def main() -> int:
    """Prints the table; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CASES), metavar="NAMES", help=f"of {', '.join(CASES)}")
    parser.add_argument("--reps", type=int, default=15, help="predictions of each profile (15), at least")
    args = parser.parse_args()
    print(f"{'ms':<16} {'sum':>9} {'predict':>9} {'ratio':>7}  {'predict alone':>22}  timer    watched  others")
    met = [run(name, args.reps) for name in args.only.split(",")]
    print(f"{np.sum(met)} of {len(met)} within {GOAL:.0%}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
