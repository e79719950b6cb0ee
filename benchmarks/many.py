"""A folder of small pictures through Ray Data's workers, and the same work in a bare loop in as many processes.

    python benchmarks/many.py --folder pictures     # makes the folder where it is not there; needs psutil

Both by turns. Prints, from the first batch that is begun to the last that is done, pictures a second and microseconds
of processors a picture (of the workers, what of it is reading and predicting; of all processes, Ray's and the driver
among them), seconds with all starts, the memory (proportional set size) of driver, workers and Ray over time, and what
Ray is of the loop, turn by turn.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
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
NICE = 15  # what Ray's workers run at: beside other programs a loop must not be served first
KINDS = ("driver", "workers", "ray")
TOLD = ("start", "end", "cpu before", "cpu after", "count")


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


class Usage(threading.Thread):
    """Processor seconds of the driver, of workers and of Ray's other processes, and their megabytes, over time."""

    def __init__(self, every: float):
        super().__init__(daemon=True)
        self.every, self.over = every, threading.Event()
        self.memory: list[tuple[int, ...]] = []
        self.looks: list[tuple[float, ...]] = []
        self.start()

    def run(self) -> None:
        begin, kinds, spent = time.time(), {os.getpid(): "driver"}, {}
        while not self.over.wait(0.5):
            heavy = time.time() - begin >= self.every * (len(self.memory) + 1)
            megabytes = dict.fromkeys(KINDS, 0.0)
            for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    kind = kinds.get(process.pid) or ("workers" if is_worker(process) else "ray")
                    if kind == "workers":  # a process is named when it has got its actor
                        kinds[process.pid] = kind
                    spent[process.pid] = kind, sum(process.cpu_times()[:2])
                    if heavy:
                        megabytes[kind] += process.memory_full_info().pss / 1e6
            self.looks.append((time.time(), *(sum(s for k, s in spent.values() if k == kind) for kind in KINDS)))
            if heavy:
                self.memory.append((round(time.time() - begin), *map(round, megabytes.values())))

    def between(self, start: float, end: float) -> dict[str, float]:
        """Processor seconds by kind from one time to another, and no more looks."""
        self.over.set()
        self.join()
        at, *spent = np.array(self.looks).T
        return {kind: float(np.ptp(np.interp([start, end], at, s))) for kind, s in zip(KINDS, spent, strict=True)}


def is_worker(process: psutil.Process) -> bool:
    """Whether it is a process of Ray that predicts."""
    return "MapWorker" in " ".join(process.cmdline())


def example() -> Any:
    """examples/ray_folder.py as a module."""
    spec = importlib.util.spec_from_file_location("ray_folder", ROOT / "examples" / "ray_folder.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_ray(paths: list[str], workers: int, every: float) -> tuple[dict[str, float], list[tuple[int, ...]]]:
    """The recipe's stream, its results counted and dropped -> figures, memory over time."""
    import ray

    begin = time.time()
    ray.init(num_cpus=workers, include_dashboard=False, logging_level="error", log_to_driver=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    recipe, usage = example(), Usage(every)
    recipe.glnn = argparse.Namespace(Predictor=timed())
    done, seen = 0, {}
    rows = recipe.predicted(MODEL, paths, workers, BATCH, scale=SCALE)
    for batch in rows.iter_batches(batch_size=1024, batch_format="pyarrow"):
        done += len(batch)
        told, pids = np.stack([batch[name].to_numpy() for name in TOLD]), batch["pid"].to_numpy()
        for pid in np.unique(pids):
            seen.setdefault(pid, []).append(told[:, pids == pid])
    whole = time.time() - begin
    time.sleep(1)  # one more look at what was spent
    assert done == len(paths)
    made = [np.concatenate(one, axis=1) for one in seen.values()]
    start, end = min(one[0].min() for one in made), max(one[1].max() for one in made)
    others = usage.between(start, end)
    ray.shutdown()
    cpu = sum(float(np.ptp(one[2:4])) for one in made)
    inside = sum(float(np.sum((one[3] - one[2]) / one[4])) for one in made)  # each picture has its batch's times
    return {
        "pictures/s": done / (end - start),
        "sum of workers' own pictures/s": sum(one.shape[1] / (one[1].max() - one[0].min()) for one in made),
        "us of workers": 1e6 * cpu / done,
        "us of reading and predicting": 1e6 * inside / done,
        "us of all": 1e6 * (cpu + others["driver"] + others["ray"]) / done,
        "us of the driver": 1e6 * others["driver"] / done,
        "s with start": whole,
    }, usage.memory


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
            told = dict(zip(TOLD, (start, time.time(), cpu, time.process_time(), count), strict=True))
            return {**made, **{k: np.full(count, v) for k, v in told.items()}, "pid": np.full(count, os.getpid())}

    return Timed


def loop(paths: list[str], ready: Any, go: Any, out: Any) -> None:
    """A bare loop: read, predict, keep the class."""
    os.nice(NICE)
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


def by_loop(paths: list[str], workers: int) -> dict[str, float]:
    """The same pictures, a share for each process."""
    context = multiprocessing.get_context("spawn")
    ready, go, out = context.Semaphore(0), context.Event(), context.Queue()
    begin = time.perf_counter()
    processes = [context.Process(target=loop, args=(paths[k::workers], ready, go, out)) for k in range(workers)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    started = time.perf_counter()
    go.set()
    made = [out.get() for _ in processes]
    over = time.perf_counter()
    for process in processes:
        process.join()
    cpu = 1e6 * sum(cpu for _, cpu in made) / len(paths)
    return {
        "pictures/s": len(paths) / (over - started),
        "sum of workers' own pictures/s": sum(len(paths) / workers / own for own, _ in made),
        "us of workers": cpu, "us of reading and predicting": cpu, "us of all": cpu, "us of the driver": 0.0,
        "s with start": over - begin,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "glnn-pictures")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between looks at the memory")
    args = parser.parse_args()
    if not args.folder.exists():
        make(args.folder, args.count, args.side)
    paths = sorted(map(str, args.folder.rglob("*.jpg")))[: args.count]
    pairs = []
    for turn in range(args.turns):
        bare = by_loop(paths, args.workers)
        through, memory = by_ray(paths, args.workers, args.every)
        pairs.append((bare, through))
        print(
            f"turn {turn + 1}",
            *(f"{name}: loop {bare[name]:.0f}, Ray {through[name]:.0f}" for name in bare),
            sep="\n  ",
        )
        print("  seconds, MB of driver, workers, Ray:", *memory[:: max(1, len(memory) // 6)], flush=True)
    for name in pairs[0][0]:
        if all(bare[name] for bare, _ in pairs):
            print(f"Ray / loop, {name}:", *(f"{ray[name] / bare[name]:.3f}" for bare, ray in pairs))


if __name__ == "__main__":
    sys.exit(main())
