"""What a scheduler says of cores and GPUs: from its variables, the affinity and the control group."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glnn.device.egl_devices import EglDevice, listed
from glnn.device.share import LLVMPIPE, cores, given_index, limited
from glnn.errors import NoDeviceError

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
NONE: Path = Path("/nonexistent")
GPU0, GPU1 = EglDevice(0, True, 0), EglDevice(1, True, 1)
HIDDEN = EglDevice(0, True)
MESA = EglDevice(2, software=True)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ALL),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": " 1,4"}, 1),
        ({"OMP_NUM_THREADS": "1", "SLURM_CPUS_PER_TASK": "2"}, 1),
        ({"OMP_NUM_THREADS": "", "SLURM_CPUS_PER_TASK": "1"}, 1),
        ({"OMP_NUM_THREADS": "99999"}, ALL),
        ({"OMP_NUM_THREADS": "0"}, ALL),
        ({"OMP_NUM_THREADS": "many"}, ALL),
    ],
)
def test_cores_by_variable_never_more_than_allowed(environ: dict[str, str], expected: int) -> None:
    assert cores(environ, NONE) == expected


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "100000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "20000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, 64),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n"}, 2),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/a\n3:memory:/a\n",
                "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu:/a\n",
                "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
            },
            64,
        ),
    ],
)
def test_cores_by_control_group(
    files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    write(tmp_path, files)
    assert cores({}, tmp_path) == expected
    assert cores({"OMP_NUM_THREADS": "2"}, tmp_path) == min(2, expected)


def test_llvmpipe_is_limited_while_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LLVMPIPE, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with limited(None) as count:
        assert count == 1 and os.environ[LLVMPIPE] == "0"
    assert LLVMPIPE not in os.environ  # what is started from here finds its own share
    with limited(3):
        assert os.environ[LLVMPIPE] == "3"
    monkeypatch.setenv(LLVMPIPE, "5")
    with limited(None) as count:
        assert count is None and os.environ[LLVMPIPE] == "5"  # the user's own
    with limited(2):
        assert os.environ[LLVMPIPE] == "2"
    assert os.environ[LLVMPIPE] == "5"


@pytest.mark.parametrize(
    ("devices", "environ", "expected"),
    [
        ([GPU0, GPU1, MESA], {}, None),
        ([GPU0, GPU1, MESA], {"LOCAL_RANK": "1"}, 1),
        ([GPU0, GPU1, MESA], {"SLURM_LOCALID": "3"}, 1),
        ([GPU0, GPU1, MESA], {"LOCAL_RANK": "0", "SLURM_LOCALID": "1"}, None),
        # Seen with driver 580: all GPUs are listed, those that are visible with their number among these.
        ([HIDDEN, EglDevice(1, True, 0), MESA], {"CUDA_VISIBLE_DEVICES": "1"}, 1),
        ([EglDevice(0, True, 1), EglDevice(1, True, 0)], {"CUDA_VISIBLE_DEVICES": "1,0"}, 1),
        ([EglDevice(0, True, 1), EglDevice(1, True, 0)], {"CUDA_VISIBLE_DEVICES": "1,0", "LOCAL_RANK": "1"}, 0),
        ([HIDDEN, MESA], {"CUDA_VISIBLE_DEVICES": ""}, 2),
        ([MESA], {"CUDA_VISIBLE_DEVICES": ""}, None),
        ([MESA], {"CUDA_VISIBLE_DEVICES": "0"}, None),
        ([EglDevice(0), MESA], {"CUDA_VISIBLE_DEVICES": "", "LOCAL_RANK": "1"}, None),
        ([], {"CUDA_VISIBLE_DEVICES": "0"}, None),
    ],
)
def test_the_gpu_by_variable(devices: list[EglDevice], environ: dict[str, str], expected: int | None) -> None:
    assert given_index(devices, environ) == expected


def test_no_gpu_and_nothing_else_is_said() -> None:
    with pytest.raises(NoDeviceError, match=r"CUDA_VISIBLE_DEVICES='-1'.*libgl1-mesa-dri.*index=0"):
        given_index([HIDDEN], {"CUDA_VISIBLE_DEVICES": "-1"})


def test_devices_are_listed_or_there_are_none() -> None:
    assert [device.index for device in listed()] == list(range(len(listed())))
