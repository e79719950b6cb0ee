"""Times glnn beside onnxruntime on the CPU (and NumPy for the matrix product), by turns in one run; prints ratios.

    make bench BENCH_ARGS="--only conv --reps 30"        or: python benchmarks/bench.py --only conv
    python benchmarks/bench.py --only resnet50 --profile      time of every layer

See benchmarks/README.md for what is measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import models
import numpy as np
import timing
from first import cold_and_warm, print_programs
from quantized import AUTO, run_auto, run_quantized
from quantized import GOALS as QUANTIZED
from to_onnx import channels_first, to_onnx

import glnn
from glnn import formats
from glnn.graph import Graph

TOLERANCE = 1e-4  # of the largest output: both sides must agree before they are timed
NOISE = 0.1  # part of the CPUs that other processes may take before a verdict is unsure
INTRODUCTION = """{renderer}; onnxruntime {onnxruntime}, NumPy {numpy}, {cpus} threads; load average {load_average:.2f}
Median (quartiles) of runs by turns; ratio: of neighbouring runs. Goals of the convolution and of matmul count the draws
alone (finish around them), those of networks a whole predict() with upload and reading back. others: part of the CPUs
that other processes took meanwhile: it slows the two sides differently, so above {noise:.0%} a verdict is unsure.
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """One line of the table: whose graph, beside whom, and how many times the peer's time is allowed."""

    name: str
    title: str
    goal: float
    graph: Callable[[], Graph] | None = None
    peer: str = "onnxruntime"
    goal_for: str = "predict"  # what the goal counts: a whole predict(), or "draws", the draws alone
    most_ms: float | None = None  # what the median may take, whatever the peer takes
    over_ms: float | None = None  # what a predict() may take more than its draws
    file: Callable[[], Path] | None = None  # of an ONNX model, which both sides load


def _network(name: str) -> Callable[[], Graph]:
    return lambda: formats.load(models.network_file(name), None, None)


CASES = (
    Case("conv", "3x3 convolution 56x56x64->64", 8, models.conv_graph, goal_for="draws"),
    Case("matmul", "matmul 1024", 8, models.matmul_graph, peer="NumPy", goal_for="draws"),
    Case("mobilenetv2", "MobileNetV2-224", 32, _network("mobilenetv2")),
    Case("resnet50", "ResNet50-224", 20, _network("resnet50")),
    Case("encoder", "Encoder layer, 128 tokens of 256", 12, file=models.encoder),
    Case("bilstm", "Bidirectional LSTM(128), 80 steps of 64", 40, models.lstm_graph, most_ms=20),
    Case("lstm", "LSTM(128), 80 steps of 64", 100, partial(models.lstm_graph, both=False), most_ms=20),
    Case("digits", "MNIST CNN, 28x28x1", 60, models.digits_graph, over_ms=1.5),
)
FIRST = {"first-mobilenetv2": 3.0, "first-resnet50": None}  # seconds allowed for the first prediction


def onnxruntime_peer(graph: Graph, x: np.ndarray) -> Callable[[], np.ndarray]:
    """A program that runs the graph in onnxruntime on as many threads as there are CPUs."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    model = to_onnx(graph, {graph.inputs[0].name: x.shape})
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {graph.inputs[0].name: channels_first(x)}
    return lambda: session.run(None, feed)[0]


def onnx_peer(path: Path, x: np.ndarray) -> Callable[[], np.ndarray]:
    """A program that runs an ONNX file in onnxruntime on as many threads as there are CPUs."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x}
    return lambda: session.run(None, feed)[0]


def numpy_peer(graph: Graph, x: np.ndarray) -> Callable[[], np.ndarray]:
    """A program that multiplies x by the Dense layer's matrix."""
    matrix = graph.nodes[0].weights["kernel"]
    return lambda: x @ matrix


def run_case(case: Case, reps: int, profile: bool) -> dict[str, Any]:
    """Checks that both sides agree, times them, prints lines of the table; the figures as plain data."""
    path = case.file() if case.file else None
    with glnn.Model.load(path) if path else glnn.Model(case.graph()) as model:
        x = models.sample(tuple(d or 1 for d in model.inputs[0].shape))
        make = numpy_peer if case.peer == "NumPy" else onnxruntime_peer
        theirs = onnx_peer(path, x) if path else make(model.graph, x)
        error = agreement(model.predict(x, verbose=0), theirs())
        executor = model.session.executor({model.inputs[0].name: x.shape})
        if profile:
            print(model.profile(x, reps, first=False))
        programs = {
            "draws": timing.draws_only(executor),
            "peer": theirs,
            "predict": lambda: model.predict(x, verbose=0),
        }
        others = timing.Others()
        times = timing.by_turns(programs, reps)
        share = others.share()
    result: dict[str, Any] = {"name": case.name, "peer": case.peer, "goal": case.goal, "goal_for": case.goal_for}
    result |= {"error": error, "others": share, "load_average": timing.load_average(), "reps": reps}
    for name, values in times.items():
        result[f"{name}_ms"] = dataclasses.asdict(timing.Spread.of([v * 1e3 for v in values]))
    for name in ("draws", "predict"):
        spread = timing.ratio(times[name], times["peer"])
        result[f"{name}_ratio"] = dataclasses.asdict(spread)
        ours, peer = (timing.Spread.of(times[key]).text(1e3) for key in (name, "peer"))
        goal = verdict(spread.median, case.goal, "x", share) if name == case.goal_for else ""
        if goal and case.most_ms is not None:
            goal += ", " + verdict(result[f"{name}_ms"]["median"], case.most_ms, "ms", share)
        print_row(f"{case.title}, {name}", ours, f"{peer} {case.peer}", spread.text(digits=1), f"{share:.0%}", goal)
    result["met"] = result[f"{case.goal_for}_ratio"]["median"] <= case.goal
    if case.over_ms is not None:
        over = [(whole - draws) * 1e3 for whole, draws in zip(times["predict"], times["draws"], strict=True)]
        spread = timing.Spread.of(over)
        result |= {"over_ms": dataclasses.asdict(spread), "most_over_ms": case.over_ms}
        result["met"] = result["met"] and spread.median <= case.over_ms
        goal = verdict(spread.median, case.over_ms, "ms", share)
        print_row(f"{case.title}, over its draws", spread.text(), "", "", f"{share:.0%}", goal)
    if case.most_ms is not None:
        result["most_ms"] = case.most_ms
        result["met"] = result["met"] and result[f"{case.goal_for}_ms"]["median"] <= case.most_ms
    return result


def agreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference relative to the largest value. SystemExit where it is above TOLERANCE."""
    ours = channels_first(ours)
    error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    if not error <= TOLERANCE:
        raise SystemExit(f"glnn and the peer disagree by {error:.1e} of the largest output: nothing was timed")
    return error


def run_first(name: str, goal: float | None, reps: int, profile: bool) -> dict[str, Any]:
    """Times the first prediction of fresh processes, prints lines of the table; the figures as plain data."""
    path = models.network_file(name.removeprefix("first-"))
    if profile:
        print_programs(path)
    others = timing.Others()
    runs = [cold_and_warm(path) for _ in range(reps)]
    share = others.share()
    result: dict[str, Any] = {"name": name, "goal_s": goal, "others": share}
    result |= {"load_average": timing.load_average(), "reps": reps}
    for state in ("cold", "warm"):
        spreads = {stage: timing.Spread.of([run[state][stage] for run in runs]) for stage in runs[0][state]}
        result[f"{state}_s"] = {stage: dataclasses.asdict(spread) for stage, spread in spreads.items()}
        total = spreads.pop("process")
        stages = ", ".join(f"{stage} {spread.median:.2f}" for stage, spread in spreads.items())
        met = verdict(total.median, goal, "s", share) if goal is not None and state == "cold" else ""
        title = f"first {models.NETWORKS[name.removeprefix('first-')]}, {state} cache, s"
        print_row(title, total.text(), f"of it: {stages}", "", f"{share:.0%}", met)
    if goal is not None:
        result["met"] = result["cold_s"]["process"]["median"] <= goal
    return result


def verdict(value: float, goal: float, unit: str, others: float) -> str:
    """The goal and whether the value meets it, with a question mark where others kept the machine busy."""
    return f"<= {goal:g} {unit} {'met' if value <= goal else 'MISSED'}{'?' if others > NOISE else ''}"


def print_row(what: str, ours: str, peer: str, ratio: str, others: str, goal: str) -> None:
    """A line of the table."""
    print(f"{what:<40} {ours:>24}  {peer:<38} {ratio:>17} {others:>6}  {goal}".rstrip(), flush=True)


def machine() -> dict[str, Any]:
    """Where the figures were taken."""
    import onnxruntime

    with glnn.Device() as device:
        where = {"renderer": device.renderer, "opengl": device.version, "limits": dataclasses.asdict(device.limits)}
    versions = {"glnn": glnn.__version__, "numpy": np.__version__, "onnxruntime": onnxruntime.__version__}
    where |= {"cpus": os.cpu_count(), "python": platform.python_version(), "load_average": timing.load_average()}
    return where | versions


def main() -> int:
    """Runs the benchmarks; the exit code is 1 with --check where a goal is missed."""
    names = [case.name for case in CASES] + list(QUANTIZED) + list(AUTO) + list(FIRST)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", metavar="NAME", help=f"comma list of: {', '.join(names)}; first; quantized; auto")
    parser.add_argument("--reps", type=int, default=15, help="repetitions by turns (default 15)")
    parser.add_argument("--first-reps", type=int, default=3, help="fresh processes for a first prediction (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE too")
    parser.add_argument("--profile", action="store_true", help="first print the time of each layer or compilation")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    args = parser.parse_args()
    wanted = set(names if args.only is None else args.only.replace(" ", "").split(","))
    for group, members in (("first", FIRST), ("quantized", QUANTIZED), ("auto", AUTO)):
        if group in wanted:
            wanted = wanted - {group} | set(members)
    if unknown := wanted - set(names):
        parser.error(f"--only: no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if args.reps < 1 or args.first_reps < 1:
        parser.error("--reps and --first-reps: at least 1")

    where = machine()
    print(INTRODUCTION.format(noise=NOISE, **where))
    print_row("milliseconds", "glnn", "peer", "ratio", "others", "goal")
    results = [run_case(case, args.reps, args.profile) for case in CASES if case.name in wanted]
    for name in QUANTIZED:
        if name in wanted:
            graph = _network(name.removeprefix("quantized-"))
            results.append(run_quantized(name, graph, args.reps, print_row, verdict))
    for name in AUTO:
        if name in wanted:
            results.append(run_auto(name, _network(name.removeprefix("auto-")), print_row, verdict))
    results += [run_first(name, goal, args.first_reps, args.profile) for name, goal in FIRST.items() if name in wanted]
    print(f"\nload average at the end {timing.load_average():.2f}")
    if args.json:
        args.json.write_text(json.dumps({"machine": where, "results": results}, indent=2) + "\n")
    return int(args.check and not all(result.get("met", True) for result in results))


if __name__ == "__main__":
    sys.exit(main())
