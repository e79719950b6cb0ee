"""Times Model.compare on MobileNetV2-224 beside Model.reference: the goal is 3 times as long. `--check` fails else."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from models import network_file

import glnn

GOAL = 3.0


def seconds(run: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> int:
    """Prints the times and their ratio -> exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=5, help="pairs of runs")
    parser.add_argument("--check", action="store_true", help=f"exit code 1 where the ratio is beyond {GOAL:g}")
    args = parser.parse_args()
    x = np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)
    with glnn.Model.load(network_file("mobilenetv2")) as model:
        if guilty := model.compare(x, verbose=0).guilty:  # also makes programs and textures
            print(f"guilty: {', '.join(guilty)}")
        pairs = [
            (seconds(lambda: model.reference(x)), seconds(lambda: model.compare(x, verbose=0)))
            for _ in range(args.reps)
        ]
    reference, compare = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(after / before for before, after in pairs)
    print(f"MobileNetV2-224: reference {reference:.2f} s, compare {compare:.2f} s, {ratio:.2f} times (goal {GOAL:g})")
    return int(args.check and ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())
