"""Times glnn beside TensorFlow.js, ONNX Runtime Web, onnxruntime and torch, all on the same networks, by turns.

python benchmarks/peers/run.py --only mnist,lstm --json FILE       see benchmarks/README.md for the options
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "tests")]

import timing  # noqa: E402
from contestants import PROCESSES, THIS, TITLES, Contestant, Fault, Page, cpu_ms, first, has_module, process  # noqa: E402
from files import network, site  # noqa: E402
from goals import FIRST_GOAL, GOALS, OURS, fastest  # noqa: E402
from networks import NETWORKS  # noqa: E402
from support.browser import RENDERERS, launch, missing, serve  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

TOLERANCE = 1e-4  # of the largest output: all must agree before they are compared
TURN = 300  # milliseconds that a turn of steady predictions lasts at least, unless it has MOST of them
MOST = 10
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


class Run:
    """One network, its contestants, and where they are."""

    def __init__(self, playwright: Playwright, url: str, name: str, folder: Path, expected: np.ndarray, args: Any):
        self.playwright, self.url, self.name, self.folder, self.expected = playwright, url, name, folder, expected
        self.names: list[str] = args.names
        self.args = args

    def python(self, name: str) -> str:
        return str(self.args.torch_python) if name == "torch" else THIS

    def first(self) -> dict[str, Any]:
        """First predictions by turns, each in a new browser or process with an empty shader cache."""
        results: dict[str, Any] = {name: [] for name in self.names}
        for _ in range(self.args.first_reps):
            for name in self.names:
                if isinstance(results[name], str):
                    continue
                try:
                    results[name].append(self._first(name))
                except Fault as fault:
                    results[name] = str(fault)
        return {name: self._first_figures(runs) for name, runs in results.items()}

    def _first(self, name: str) -> dict[str, Any]:
        with ExitStack() as stack:
            contestant: Contestant
            if name in PROCESSES:
                cache = stack.enter_context(tempfile.TemporaryDirectory(prefix="glnn-shader-cache-"))
                contestant = stack.enter_context(process(self.python(name), name, self.name, self.folder, cache))
            else:
                browser = stack.enter_context(launch(self.playwright, self.args.renderer, cold=True))
                contestant = Page(browser, self.url, name, self.name)
            before = cpu_ms()
            result = first(contestant, self.expected, TOLERANCE)
            return result | {"cpu": cpu_ms() - before}

    @staticmethod
    def _first_figures(runs: list[dict[str, Any]] | str) -> dict[str, Any]:
        if isinstance(runs, str):
            return {"fault": runs}
        total = [run["load"] + run["predict"] for run in runs]
        stages = {key: float(np.median([run[key] for run in runs])) for key in ("library", "load", "predict", "cpu")}
        return {
            "ms": asdict(timing.Spread.of(total)),
            "stages": stages,
            "about": runs[0]["about"],
            "error": runs[0]["error"],
        }

    def steady(self) -> dict[str, Any]:
        """Steady predictions by turns: pages of one browser, and processes; a turn's figure is its median."""
        figures: dict[str, Any] = {}
        with ExitStack() as stack:
            browser = None
            ready: dict[str, tuple[Contestant, int]] = {}
            for name in self.names:
                try:
                    contestant: Contestant
                    if name in PROCESSES:
                        contestant = stack.enter_context(process(self.python(name), name, self.name, self.folder))
                    else:
                        browser = browser or stack.enter_context(launch(self.playwright, self.args.renderer))
                        contestant = Page(browser, self.url, name, self.name)
                    result = first(contestant, self.expected, TOLERANCE)
                    figures[name] = {"about": result["about"], "error": result["error"]}
                    speed = min(contestant.steady(2))
                    ready[name] = contestant, min(MOST, max(1, math.ceil(TURN / max(speed, 1e-3))))
                except Fault as fault:
                    figures[name] = {"fault": str(fault)}
            times: dict[str, list[float]] = {name: [] for name in ready}
            spent: dict[str, list[float]] = {name: [] for name in ready}
            for _ in range(self.args.reps):
                for name, (contestant, count) in ready.items():
                    time.sleep(timing.PAUSE)
                    before = cpu_ms()
                    times[name].append(float(np.median(contestant.steady(count))))
                    spent[name].append((cpu_ms() - before) / count)
        for name, values in times.items():
            figures[name] |= {
                "ms": asdict(timing.Spread.of(values)),
                "turns": values,
                "cpu": float(np.median(spent[name])),
            }
        return figures


def report(kind: str, name: str, figures: dict[str, Any]) -> bool:
    """Prints the figures of a network ("first" or "steady") with shares of the base's; whether no goal is missed."""
    base = fastest(figures)
    goal = FIRST_GOAL if kind == "first" else GOALS.get(name, math.inf)
    met = True
    for contestant, of in figures.items():
        line = f"{kind:<7} {name:<12} {TITLES[contestant]:<33}"
        if "fault" in of:
            print(f"{line} {of['fault'][:120]}")
            continue
        share = of["ms"]["median"] / figures[base]["ms"]["median"] if base else math.nan
        verdict = ""
        if contestant in OURS and base and goal < math.inf:
            met &= share <= goal
            verdict = f"goal <= {goal:g} {'met' if share <= goal else 'MISSED'}"
        stages = "".join(f" {k} {v:.0f}" for k, v in of.get("stages", {}).items())
        print(f"{line} {timing.Spread(**of['ms']).text(digits=1):>27} {share:7.2f}  {verdict}{stages}", flush=True)
    return met


def machine(playwright: Playwright, renderer: str) -> dict[str, Any]:
    """What the figures are from."""
    with launch(playwright, renderer) as browser:
        version = browser.version
    told = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":")[1].strip() for line in told if "model name" in line]
    return {
        "cpu": (models or [platform.processor()])[0],
        "cpus": os.cpu_count(),
        "system": platform.platform(terse=True),
        "renderer": renderer,
        "chromium": version,
        "python": platform.python_version(),
    }


def main() -> int:
    """Runs the benchmark; the exit code is 1 with --check where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", default=",".join(NETWORKS), help=f"comma list of networks (default {','.join(NETWORKS)})"
    )
    parser.add_argument("--contestants", default=",".join(TITLES), help=f"comma list of: {', '.join(TITLES)}")
    parser.add_argument("--kinds", default="first,steady", help="first, steady or both")
    parser.add_argument("--renderer", choices=[r for r in RENDERERS if r != "none"], default="llvmpipe")
    parser.add_argument("--reps", type=int, default=7, help="turns of steady predictions (default 7)")
    parser.add_argument(
        "--first-reps", type=int, default=3, help="new browsers and processes for first ones (default 3)"
    )
    parser.add_argument("--torch-python", default=THIS, metavar="PYTHON", help="a Python that has torch and NumPy")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures to FILE, beside those of other networks"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    args = parser.parse_args()
    names, kinds, args.names = args.only.split(","), args.kinds.split(","), args.contestants.split(",")
    for option, given, known in (
        ("--only", names, NETWORKS), ("--contestants", args.names, TITLES), ("--kinds", kinds, ("first", "steady")),
    ):  # fmt: skip
        if unknown := set(given) - set(known):
            parser.error(f"{option}: there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if lacking := missing():
        raise SystemExit(lacking)
    if "torch" in args.names and not has_module(args.torch_python, "torch"):
        print("torch is left out: pip install torch, or give --torch-python", file=sys.stderr)
        args.names.remove("torch")
    from playwright.sync_api import sync_playwright

    folder, met = site(), True
    with ExitStack() as stack:
        url = stack.enter_context(serve(folder, ISOLATED))
        playwright = stack.enter_context(sync_playwright())
        about = machine(playwright, args.renderer)
        for name in names:
            run = Run(playwright, url, name, *network(folder, name), args)
            for kind in kinds:
                others = timing.Others()
                figures = run.first() if kind == "first" else run.steady()
                met &= report(kind, name, figures)
                if args.json:
                    stated = {"others": others.share(), "date": time.strftime("%Y-%m-%d"), "contestants": figures}
                    save(args.json, about, name, kind, stated)
    return int(args.check and not met)


def save(path: Path, about: dict[str, Any], name: str, kind: str, figures: dict[str, Any]) -> None:
    """Puts a network's figures of a kind into the file, beside those of contestants that took no part this time."""
    data = json.loads(path.read_text()) if path.exists() else {"networks": {}}
    data["machine"] = about
    kept = data["networks"].setdefault(name, {}).get(kind, {}).get("contestants", {})
    data["networks"][name][kind] = figures | {"contestants": kept | figures["contestants"]}
    path.write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
