"""Predicts on a folder of pictures with Ray Data: ray_folder.py MODEL FOLDER OUT.parquet [--workers 2] [--scale unit].

`pip install 'glnn[cli,ray]'`. Each worker loads the model once and takes the pictures in blocks; what streams through
is paths and results, so that memory stays flat however many pictures there are. The block of a worker that died is
tried again by another. A picture that cannot be read gets a row with the reason, and is told at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as compute
import pyarrow.parquet as parquet
import ray

import glnn
from glnn.image import SUFFIXES

BLOCK = 1024  # pictures at most: what a worker is given at once, and what is done again where it dies


def pictures_in(folder: str | os.PathLike[str]) -> list[str]:
    """The paths of a folder's pictures and those of its folders, sorted. They must be the same on every machine."""
    found = (path for path in Path(folder).resolve().rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(map(str, found))


def predicted(model: str, paths: list[str], workers: int = 2, batch_size: int = 256, **how: Any) -> ray.data.Dataset:
    """Rows of path, outputs by name and error ("" where there is none), as they come from the workers.

    model: a path that every worker can read, or a URL; how: preparation of the pictures, see glnn.image.read
    """
    block = max(1, min(BLOCK, len(paths) // (4 * workers)))  # a small folder, too, is shared among all workers
    rows = ray.data.from_items([{"path": path} for path in paths], override_num_blocks=-(-len(paths) // block) or 1)
    return rows.map_batches(
        glnn.Predictor,
        fn_constructor_kwargs={"path": os.path.abspath(model) if os.path.exists(model) else model, "pictures": how},
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=2),
        num_cpus=1,  # Ray sets OMP_NUM_THREADS to it, which is what the software renderer goes by
        batch_size=batch_size,
    )


def written(rows: ray.data.Dataset, out: str) -> Iterator[tuple[str, str]]:
    """Writes rows into a Parquet file as they come; gives (path, error) of the pictures that had no result."""
    writer: parquet.ParquetWriter | None = None
    try:
        for table in rows.iter_batches(batch_size=BLOCK, batch_format="pyarrow"):
            writer = writer or parquet.ParquetWriter(out, table.schema)
            writer.write_table(table)
            broken = table.filter(compute.not_equal(table["error"], ""))
            yield from zip(broken["path"].to_pylist(), broken["error"].to_pylist(), strict=True)
    finally:
        if writer:
            writer.close()


def main() -> int:
    """Exit code 1 where a picture had no result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("out")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scale", default="raw", help="as of `glnn predict`")
    args = parser.parse_args()
    paths = pictures_in(args.folder)
    failed = 0
    for path, error in written(predicted(args.model, paths, args.workers, scale=args.scale), args.out):
        failed += 1
        print(error if path in error else f"{path}: {error}", file=sys.stderr)
    print(f"{args.out}: {len(paths) - failed} of {len(paths)} pictures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
