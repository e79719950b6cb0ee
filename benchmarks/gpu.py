"""glnn on a GPU beside torch: the same networks, the same weights, float32; each figure in milliseconds, JSON out.

    python benchmarks/gpu.py --json gpu.json                       # everything: minutes
    python benchmarks/gpu.py --networks resnet50 --batches 1,32 --stages compute --codecs float32

Idle cards lower their clock to a fifth and take long to raise it, so the card is kept busy before anything is timed.
torch runs eager and in a CUDA graph, in both memory formats, without TF32; outputs are compared before timing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gpu_networks import NETWORKS, Network
from timing import draws_only

import glnn
from glnn.device.timers import Queries
from glnn.primitives import tiles

try:
    import torch
    from gpu_torch import CudaGraph, TorchNetwork, full_precision
except ImportError:
    torch = None  # type: ignore[assignment]

TOLERANCE = 2e-4  # of the largest output: float32 sums of another order over fifty layers
BUSY = 0.25  # seconds that the card is kept busy before each timing


def busy(seconds: float = BUSY) -> None:
    """Keeps the card at its clock."""
    if torch is None or not torch.cuda.is_available():
        return
    a = torch.ones(4096, 4096, device="cuda")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for _ in range(4):
            a @ a
        torch.cuda.synchronize()


def milliseconds(run: Callable[[], object], wait: Callable[[], object], seconds: float) -> dict[str, float]:
    """Of one call that is waited for: median and least over so many seconds, 5 calls at least; and the first's."""
    start = time.perf_counter()
    run(), wait()
    first = time.perf_counter() - start
    run(), wait()
    busy()
    for _ in range(2):
        run(), wait()
    times: list[float] = []
    while len(times) < 5 or (sum(times) < seconds and len(times) < 200):
        start = time.perf_counter()
        run(), wait()
        times.append(time.perf_counter() - start)
    return {"median": 1e3 * statistics.median(times), "least": 1e3 * min(times), "first": 1e3 * first}


def glnn_rows(net: Network, x: np.ndarray, args: argparse.Namespace, expected: dict[str, Any]) -> list[dict[str, Any]]:
    """glnn in each stage and codec of weights: predict from host to host, and its draws alone."""
    rows = []
    for stage in args.stages:
        if stage == "fragment" and len(x) > args.fragment_batch:
            continue
        with glnn.Device(stage=stage) as device, glnn.Model(net.graph(), device) as model:
            for codec in args.codecs:
                coded = model if codec == "float32" else model.quantize(codec, verbose=0)

                def predict(coded: Any = coded) -> Any:
                    return coded.predict(x, batch_size=len(x), verbose=0)

                y = np.asarray(predict())
                reference = expected.setdefault("float32" if codec == "float32" else codec, y)
                error = float(np.abs(y - reference).max() / np.abs(reference).max())
                row = {"network": net.name, "batch": len(x), "by": f"glnn {stage}", "weights": codec, "error": error}
                row["predict"] = milliseconds(predict, lambda: None, args.seconds)
                executor = coded.session.executor({coded.inputs[0].name: x.shape})
                row["draws"] = milliseconds(draws_only(executor), device.finish, args.seconds)
                row["device"], row["draw count"] = device.renderer, len(executor.plan.draws)
                rows.append(row)
                told(row)
                if args.draws:
                    row["by draw"] = each_draw(executor)
                if coded is not model:
                    coded.close()
    return rows


def each_draw(executor: Any) -> list[dict[str, Any]]:
    """Milliseconds of each draw on the GPU, the median of three runs; the longest are printed."""
    device, plan = executor.device, executor.plan
    with device.use():
        queries, runs = Queries(device), []
        for _ in range(4):
            busy()
            executor.replay(draw=queries.draw)
            runs.append(queries.take())
        queries.close()
    times = 1e3 * np.median(np.array(runs[1:]), axis=0)
    made = [
        {"kernel": draw.kernel, "label": draw.label, "ms": float(ms), "size": draw.viewport}
        for draw, ms in zip(plan.draws, times, strict=True)
    ]
    for row in sorted(made, key=lambda row: -row["ms"])[:12]:
        print(f"    {row['ms']:8.3f} ms  {row['kernel']:16} {row['label']:16} {row['size']}")
    kinds = sorted({row["kernel"] for row in made})
    totals = {kind: (sum(r["ms"] for r in made if r["kernel"] == kind)) for kind in kinds}
    print(
        f"    {sum(totals.values()):8.3f} ms in {len(made)} draws: "
        + ", ".join(f"{k} {v:.3f}" for k, v in totals.items())
    )
    return made


def torch_rows(net: Network, x: np.ndarray, args: argparse.Namespace, expected: dict[str, Any]) -> list[dict[str, Any]]:
    """torch in both memory formats: eager, from host to host, and in a CUDA graph."""
    if torch is None or args.no_torch:
        return []
    full_precision()
    on = "cuda" if torch.cuda.is_available() else "cpu"
    wait = torch.cuda.synchronize if on == "cuda" else (lambda: None)
    rows = []
    for last in (False, True) if len(net.shape) == 3 else (False,):
        network = TorchNetwork(net, on, last)
        there = network.upload(x)
        y = network.download(network(there))
        reference = expected.setdefault("float32", y)
        error = float(np.abs(y - reference).max() / np.abs(reference).max())
        by = f"torch {on} {'channels_last' if last else 'contiguous'}"
        row = {"network": net.name, "batch": len(x), "by": by, "weights": "float32", "error": error}
        if error > TOLERANCE:
            raise SystemExit(f"{net.name}, batch {len(x)}: {by} differs by {error:.1e} of the largest output")
        row["draws"] = milliseconds(lambda: network(there), wait, args.seconds)  # noqa: B023
        row["predict"] = milliseconds(lambda: network.download(network(network.upload(x))), wait, args.seconds)  # noqa: B023
        if on == "cuda":
            row["graph"] = milliseconds(CudaGraph(network, there), wait, args.seconds)
            row["device"] = torch.cuda.get_device_name()
        rows.append(row)
        told(row)
    return rows


def told(row: dict[str, Any]) -> None:
    """Prints a row."""
    figures = "  ".join(
        f"{k} {row[k]['median']:9.3f} ({row[k]['least']:.3f})" for k in ("predict", "draws", "graph") if k in row
    )
    what = f"{row['network']:12} b{row['batch']:<3} {row['by']:26} {row['weights']:8}"
    print(f"{what} {figures}  first {row['predict']['first']:.0f}  error {row['error']:.1e}", flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commas = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--networks", type=commas, default=list(NETWORKS), help=", ".join(NETWORKS))
    parser.add_argument("--batches", type=lambda text: [int(n) for n in text.split(",")], default=[1, 8, 32])
    parser.add_argument("--stages", type=commas, default=["compute", "fragment"])
    parser.add_argument("--codecs", type=commas, default=["float32", "uint8"])
    parser.add_argument("--fragment-batch", type=int, default=1, help="largest batch of the fragment stage (1)")
    parser.add_argument("--seconds", type=float, default=0.5, help="that each figure is taken over (0.5)")
    parser.add_argument("--no-tiles", action="store_true", help="the compute stage without kernels of tiles")
    parser.add_argument("--draws", action="store_true", help="milliseconds of each draw, by the driver's queries")
    parser.add_argument("--no-torch", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.no_tiles:
        tiles.computes = lambda limits: False
    rows: list[dict[str, Any]] = []
    for name in args.networks:
        net = NETWORKS[name]()
        for batch in args.batches:
            x = np.random.default_rng(2).standard_normal((batch, *net.shape)).astype(np.float32)
            expected: dict[str, Any] = {}
            made = [*torch_rows(net, x, args, expected), *glnn_rows(net, x, args, expected)]
            wrong = [row["by"] for row in made if row["weights"] == "float32" and row["error"] > TOLERANCE]
            rows += made
            if args.json:
                args.json.write_text(
                    json.dumps({"rows": rows, "python": sys.version, "numpy": np.__version__}, indent=1)
                )
            if wrong:
                raise SystemExit(
                    f"{name}, batch {batch}: {', '.join(wrong)} differ by more than {TOLERANCE} of the largest"
                )


if __name__ == "__main__":
    main()
