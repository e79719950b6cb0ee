"""Whole networks drawn with another form of fetches, or by another recipe wherever there is one, by turns.

    python benchmarks/recipes.py
    python benchmarks/recipes.py --networks resnet50 --stage compute --rounds 9
    python benchmarks/recipes.py --recipes "conv in loops,2 groups a turn" --json recipes.json

Milliseconds of all draws, the least, the median with quartiles, and the median of the paired ratios to what is drawn by
default. On a software renderer it is the processors' time, which other processes disturb less. Networks are those of
benchmarks/peers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from peers.networks import NETWORKS
from timing import Spread, draws_only, ratio

import glnn
from glnn.plan.choice import Choice
from glnn.run.contest import clock, difference

LEAST = 0.05  # seconds that one timing lasts at least
RECIPES = ("1 group a turn", "2 groups a turn", "4 groups a turn")


def choices(limits: glnn.Limits, recipes: list[str]) -> dict[str, Choice]:
    """What is compared, by name, the default first."""
    made = {"default": Choice()} | {form: Choice(fetch=form) for form in limits.fetches[1:]}
    return made | {name: Choice(forced=name) for name in recipes}


def measured(device: glnn.Device, name: str, recipes: list[str], rounds: int) -> dict[str, Any]:
    """For each choice milliseconds of the draws, their ratio to the default's, and how far outputs are from its."""
    net, now = NETWORKS[name](), clock(device)
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        net.write(folder)
        model = held.enter_context(glnn.Model.load(folder / "model.json", device=device))
        x = {model.inputs[0].name: net.sample().astype(np.float32)}
        shapes = {key: array.shape for key, array in x.items()}
        runs: dict[str, Callable[[], None]] = {}
        outputs: dict[str, Any] = {}
        held.enter_context(device.use())
        for what, choice in choices(device.limits, recipes).items():
            executor = model.session.trial(model.session.plan(shapes, choice=choice))
            held.callback(executor.release)
            outputs[what], runs[what] = executor.run(x), draws_only(executor)
        times: dict[str, list[float]] = {what: [] for what in runs}
        calls = {}
        for what, run in runs.items():
            start = now()
            run()
            calls[what] = max(1, round(LEAST / max(now() - start, 1e-6)))
        for _ in range(rounds):
            for what, run in runs.items():
                start = now()
                for _ in range(calls[what]):
                    run()
                times[what].append(1e3 * (now() - start) / calls[what])
    first = outputs["default"]
    return {
        what: {
            "least_ms": min(each), "ms": Spread.of(each).__dict__, "ratio": ratio(each, times["default"]).median,
            "off": difference(first, outputs[what]),
        }
        for what, each in times.items()
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="mnist,squeezenet,mobilenetv2,resnet50")
    parser.add_argument("--recipes", default=",".join(RECIPES), help="names of recipes; commas between")
    parser.add_argument("--stage", choices=("fragment", "compute"), default="fragment")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    recipes, data = [name for name in args.recipes.split(",") if name], {}
    with glnn.Device(stage=args.stage) as device:
        print(f"{device.renderer}, stage {args.stage}")
        for name in args.networks.split(","):
            data[name] = measured(device, name, recipes, args.rounds)
            for what, row in data[name].items():
                print(
                    f"{name:12} {what:18} {row['least_ms']:9.2f} {Spread(**row['ms']).text():26} x {row['ratio']:.3f}  "
                    f"off {row['off']:.1e}",
                    flush=True,
                )
        if args.json:
            args.json.write_text(json.dumps({"renderer": device.renderer, "stage": args.stage, "rows": data}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
