"""What of this machine a scheduler gave to this process: how many processor cores, and which GPU.

Ray, Spark, Dask, Slurm and containers say it in variables, in the affinity of the process and in its control group.
OpenGL's drivers read none of them but the affinity.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InputError, NoDeviceError
from .egl_devices import EglDevice

LLVMPIPE = "LP_NUM_THREADS"  # read where Mesa makes its first screen; 0: the thread that draws does it alone
# How many cores a task was given, first to last. Ray sets the first to a worker's num_cpus, Spark to spark.task.cpus,
# Dask's nanny to 1.
CORES = ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")
VISIBLE = "CUDA_VISIBLE_DEVICES"
# Which of the processes on this machine this one is: torchrun, Open MPI, Intel MPI and MPICH, Slurm.
RANKS = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")


def cores(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> int:
    """How many cores this process may keep busy: of the CORES the first that is set, never more than it is allowed."""
    allowed = [_affinity(), *(max(1, -(-quota // period)) for quota, period in _quotas(root))]
    named = next((number for name in CORES if (number := _number(environ.get(name, ""))) is not None), None)
    return max(1, min([*allowed, *([named] if named else [])]))


def _affinity() -> int:
    with suppress(AttributeError, OSError):  # Linux alone has it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _number(text: str) -> int | None:
    first = text.split(",")[0].strip()  # OMP_NUM_THREADS=4,2 is of nested loops
    return int(first) if first.isascii() and first.isdigit() else None


def _quotas(root: Path) -> Iterator[tuple[int, int]]:
    """(microseconds, of so many) that the control group of this process and those around it may compute."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, kinds, place = line.split(":", 2)
            if kinds and "cpu" not in kinds.split(","):
                continue
            base = root / "sys/fs/cgroup" / (kinds and "cpu")
            folder = base / place.strip("/")
            for group in (folder, *folder.parents):
                yield from _quota(group, bool(kinds))
                if group == base:
                    break


def _quota(group: Path, first_version: bool) -> Iterator[tuple[int, int]]:
    with suppress(OSError, ValueError):  # a group without a limit, or one that lies outside this container
        if first_version:
            words = [(group / f"cpu.cfs_{what}_us").read_text().strip() for what in ("quota", "period")]
        else:
            words = (group / "cpu.max").read_text().split()
        quota, period = int(words[0]), int(words[1])
        if quota > 0 and period > 0:
            yield quota, period


@contextmanager
def limited(threads: int | None) -> Iterator[int | None]:
    """llvmpipe, if it is started inside, computes with so many threads; None: what the user said, else `cores()`.

    Gives how many it is told, None where the variable of Mesa is the user's own.
    """
    before = os.environ.get(LLVMPIPE)
    if threads is None and before:
        yield None
        return
    count = threads or cores()
    os.environ[LLVMPIPE] = str(count if count > 1 else 0)
    try:
        yield count
    finally:  # else the processes that are started from here would take it for the user's own wish
        if before is None:
            del os.environ[LLVMPIPE]
        else:
            os.environ[LLVMPIPE] = before


def given_index(devices: list[EglDevice] | None = None, environ: Mapping[str, str] = os.environ) -> int | None:
    """The index of the EGL device that the scheduler's variables name; None where they name none.

    Of the GPUs that CUDA_VISIBLE_DEVICES leaves this process takes the first, or the one of its rank (RANKS); where it
    leaves none, a software renderer. Without it the rank alone chooses among all GPUs. On machines without NVIDIA's
    driver the first device that works is taken. Raises NoDeviceError where all GPUs are hidden and nothing else draws.
    """
    visible, rank = environ.get(VISIBLE), next((n for r in RANKS if (n := _number(environ.get(r, ""))) is not None), 0)
    if not sys.platform.startswith(("linux", "freebsd")) or (visible is None and not rank):
        return None
    if devices is None:
        from .egl_devices import listed

        devices = listed()
    gpus = sorted((device.cuda, device.index) for device in devices if device.cuda is not None)
    if gpus:
        return gpus[rank % len(gpus)][1]
    if visible is None or not any(device.nvidia for device in devices):
        return None
    for device in devices:
        if device.software:
            return device.index
    raise NoDeviceError(
        f"{VISIBLE}={visible!r} gives this process no GPU that draws, and there is no software renderer. Install "
        "Mesa's (libgl1-mesa-dri), give the worker a GPU, or say which to take: index=0, or GLNN_DEVICE_INDEX=0"
    )


def checked_threads(threads: object) -> int | None:
    """A number of threads, or None. Raises InputError."""
    if threads is None or (isinstance(threads, int) and not isinstance(threads, bool) and threads > 0):
        return threads
    raise InputError(
        f"threads={threads!r}: a whole number of at least 1, or None for this process's share of the cores"
    )
