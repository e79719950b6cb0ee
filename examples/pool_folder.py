"""Predicts on a folder of pictures with a pool of processes: pool_folder.py MODEL FOLDER [--workers 2] [--scale unit].

Needs Python's own library alone. Unlike `multiprocessing.Pool`, it tries the batches of a worker that died again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import glnn
from glnn.device.share import cores
from glnn.image import SUFFIXES

BATCH = 256  # pictures


def in_order(predictor: glnn.Predictor, batches: Iterable[Any], workers: int = 2, deaths: int = 3) -> Iterator[Any]:
    """Results of batches, in their order; few batches are in memory at once.

    deaths: how many times workers may die before BrokenProcessPool is raised
    """
    numbered, flying = iter(batches), OrderedDict[int, tuple[Any, Future[Any] | None]]()
    pool, number, more = _pool(workers), 0, True
    try:
        while True:
            while more and len(flying) < 2 * workers:
                batch = next(numbered, flying)
                more = batch is not flying
                if more:
                    flying[number] = batch, None
                    number += 1
            if not flying:
                return
            try:
                for key, (batch, future) in flying.items():
                    if future is None:
                        flying[key] = batch, pool.submit(predictor, batch)
                first = next(iter(flying))
                result = flying[first][1].result()  # type: ignore[union-attr]
            except BrokenProcessPool:
                deaths -= 1
                if deaths < 0:
                    raise
                pool.shutdown(wait=False)
                pool = _pool(workers)
                flying = OrderedDict((key, (batch, None)) for key, (batch, _) in flying.items())
                continue
            del flying[first]
            yield result
    finally:
        pool.shutdown(cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))  # OpenGL does not survive a fork


def main() -> int:
    """Exit code 1 where a picture had no result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scale", default="raw", help="as of `glnn predict`")
    args = parser.parse_args()
    paths = sorted(str(path) for path in args.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    batches = ({"path": paths[at : at + BATCH]} for at in range(0, len(paths), BATCH))
    share = max(1, cores() // args.workers)  # of the cores, for each worker
    predictor = glnn.Predictor(args.model, pictures={"scale": args.scale}, threads=share)
    failed = 0
    for made in in_order(predictor, batches, args.workers):
        for i, (path, error) in enumerate(zip(made["path"], made["error"], strict=True)):
            failed += bool(error)
            outputs = [made[name][i].argmax() for name in made if name not in ("path", "error")]
            print(error if error else "\t".join(map(str, (path, *outputs))), file=sys.stderr if error else sys.stdout)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
