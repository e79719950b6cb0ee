"""A folder of small pictures through Ray Data's workers, and the same work in a bare loop in as many processes.

    python benchmarks/many.py --folder pictures     # makes the folder where it is not there; needs psutil

Prints pictures a second of both from the first batch that is begun to the last that is done, their ratio, processor
seconds of the workers meanwhile, and the memory (proportional set size) of driver, workers and Ray over time.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
MODEL, SCALE, BATCH = str(ROOT / "examples" / "digits.h5"), "unit", 256


def make(folder: Path, count: int, side: int) -> None:
    """Writes digits with noise as JPEG of side x side pixels, 1000 in a folder."""
    from PIL import Image

    images = np.load(ROOT / "examples" / "digits_heldout.npz")["images"] * 15.9
    rng = np.random.default_rng(0)
    for first in range(0, count, 1000):
        part = folder / f"{first // 1000:03}"
        part.mkdir(parents=True, exist_ok=True)
        for k in range(first, min(count, first + 1000)):
            pixels = np.clip(images[k % len(images)] + rng.normal(0, 4, (8, 8)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).resize((side, side)).save(part / f"{k:06}.jpg")


class Memory(threading.Thread):
    """Megabytes of this process, of Ray's workers with a model and of Ray's others, every few seconds."""

    def __init__(self, every: float):
        super().__init__(daemon=True)
        self.every, self.over, self.rows, self.cpu = every, threading.Event(), [], {}
        self.start()

    def run(self) -> None:
        begin = time.perf_counter()
        while not self.over.wait(self.every):
            sums = {"driver": 0.0, "workers": 0.0, "ray": 0.0}
            for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                try:
                    name = " ".join(process.cmdline())
                    kind = "driver" if process.pid == psutil.Process().pid else "workers" if is_worker(name) else "ray"
                    sums[kind] += process.memory_full_info().pss / 1e6
                    times = process.cpu_times()
                    self.cpu[(kind, process.pid)] = times.user + times.system
                except psutil.Error:
                    continue
            self.rows.append((round(time.perf_counter() - begin), *(round(v) for v in sums.values())))

    def stop(self) -> dict[str, float]:
        """Processor seconds by kind until the last look."""
        self.over.set()
        self.join()
        return {
            kind: round(sum(s for (k, _), s in self.cpu.items() if k == kind), 1)
            for kind in ("driver", "workers", "ray")
        }


def is_worker(name: str) -> bool:
    """Whether a command line is that of a process that predicts."""
    return "MapWorker" in name or "spawn_main" in name


def example() -> Any:
    """examples/ray_folder.py as a module."""
    spec = importlib.util.spec_from_file_location("ray_folder", ROOT / "examples" / "ray_folder.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_ray(paths: list[str], workers: int, every: float) -> dict[str, Any]:
    """The recipe's stream, its results counted and dropped."""
    import ray

    ray.init(num_cpus=workers, include_dashboard=False, logging_level="error", log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    recipe, memory = example(), Memory(every)
    recipe.glnn = argparse.Namespace(Predictor=timed())
    begin, done, seen = time.time(), 0, {}
    for batch in recipe.predicted(MODEL, paths, workers, BATCH, scale=SCALE).iter_batches(batch_size=1024):
        done += len(batch["path"])
        for pid in np.unique(batch["pid"]):
            rows = np.stack([batch[name][batch["pid"] == pid] for name in ("start", "end", "cpu before", "cpu after")])
            seen.setdefault(pid, []).append([rows[0].min(), rows[1].max(), rows[2].min(), rows[3].max(), rows.shape[1]])
    assert done == len(paths)
    spans = [(rows[:, 0].min(), rows[:, 1].max(), np.ptp(rows[:, 2:4])) for rows in map(np.array, seen.values())]
    each = [
        rows[:, 4].sum() / (end - start)
        for rows, (start, end, _) in zip(map(np.array, seen.values()), spans, strict=True)
    ]
    seconds = max(end for _, end, _ in spans) - min(start for start, _, _ in spans)
    return {
        "seconds": round(seconds, 1), "pictures a second": round(done / seconds),
        "of each worker": [round(speed) for speed in each],
        "cpu": round(sum(cpu for _, _, cpu in spans), 1),
        "cpu of all, with their start": memory.stop(),
        "seconds before": round(min(start for start, _, _ in spans) - begin, 1), "memory": memory.rows,
    }  # fmt: skip


def timed() -> type:
    """A predictor that has its model when its worker is made, and tells when each batch began and ended."""
    import glnn

    class Timed(glnn.Predictor):
        def __init__(self, path: str, **options: Any):
            super().__init__(path, **options)
            self(np.zeros((BATCH, 8, 8), np.uint8))

        def __call__(self, *batch: Any) -> Any:
            start, cpu = time.time(), time.process_time()
            made = super().__call__(*batch)
            count = len(made["error"])
            told = {"start": start, "end": time.time(), "cpu before": cpu, "cpu after": time.process_time()}
            return {**made, **{k: np.full(count, v) for k, v in told.items()}, "pid": np.full(count, os.getpid())}

    return Timed


def loop(paths: list[str], ready: Any, go: Any, out: Any) -> None:
    """A bare loop: read, predict, keep the class."""
    os.environ["LP_NUM_THREADS"] = "0"
    import glnn

    with glnn.Model.load(MODEL) as model:
        model.predict(glnn.image.read(paths[:BATCH], (8, 8), 1, SCALE), verbose=0)
        ready.release()
        go.wait()
        start, cpu = time.perf_counter(), time.process_time()
        for at in range(0, len(paths), BATCH):
            model.predict(glnn.image.read(paths[at : at + BATCH], (8, 8), 1, SCALE), verbose=0)
        out.put((time.perf_counter() - start, time.process_time() - cpu))


def by_loop(paths: list[str], workers: int) -> dict[str, Any]:
    """The same pictures, a share for each process."""
    context = multiprocessing.get_context("spawn")
    ready, go, out = context.Semaphore(0), context.Event(), context.Queue()
    shares = [paths[k::workers] for k in range(workers)]
    processes = [context.Process(target=loop, args=(share, ready, go, out)) for share in shares]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    begin = time.perf_counter()
    go.set()
    made = [out.get() for _ in processes]
    seconds = time.perf_counter() - begin
    for process in processes:
        process.join()
    each = [round(len(share) / own) for share, (own, _) in zip(shares, made, strict=True)]
    return {
        "seconds": round(seconds, 1), "pictures a second": round(len(paths) / seconds), "of each worker": each,
        "cpu": round(sum(cpu for _, cpu in made), 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "glnn-pictures")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between looks at the memory")
    parser.add_argument("--only", choices=["make", "ray", "loop"])
    args = parser.parse_args()
    if not args.folder.exists():
        make(args.folder, args.count, args.side)
    paths = sorted(map(str, args.folder.rglob("*.jpg")))[: args.count]
    told: dict[str, Any] = {}
    if args.only in (None, "loop"):
        told["loop"] = by_loop(paths, args.workers)
        print(json.dumps(told["loop"]), flush=True)
    if args.only in (None, "ray"):
        told["ray"] = by_ray(paths, args.workers, args.every)
        rows = told["ray"].pop("memory")
        print(json.dumps(told["ray"]))
        print("seconds, MB of driver, workers, Ray:", *rows, sep="\n  ")
    if args.only is None:
        ray, bare = told["ray"], told["loop"]
        print(f"Ray / loop: {ray['pictures a second'] / bare['pictures a second']:.3f} of the speed, ", end="")
        print(f"{sum(ray['of each worker']) / sum(bare['of each worker']):.3f} by worker, ", end="")
        print(f"{ray['cpu'] / bare['cpu']:.3f} of the workers' processor time")


if __name__ == "__main__":
    sys.exit(main())
