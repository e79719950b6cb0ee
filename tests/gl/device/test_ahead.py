"""Programs that a second thread compiles are those that the draws look for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import glnn

# A fresh process, whose shader cache is empty: the cache is on disk, and Mesa opens it once.
SCRIPT = """
import os, sys, time
import numpy as np
import glnn
from glnn.device import ahead
from glnn.run.jobs import jobs

kept, init = [], ahead.Ahead.__init__
ahead.SLOW = 0
ahead.Ahead.__init__ = lambda self, *given: (init(self, *given), kept.append(self))[0]

def files():
    return sum(len(names) for _, _, names in os.walk(os.environ["MESA_SHADER_CACHE_DIR"]))

def settled():
    count = -1
    while count != (count := files()):
        time.sleep(0.3)
    return count

with glnn.Model.load(sys.argv[1]) as model:
    x = np.random.default_rng(1).random((2, 8, 8, 1), np.float32)
    got, want = model.predict(x, verbose=0), model.reference(x)
    assert np.abs(got - want).max() < 1e-5
    (thread,) = kept
    thread.thread.join()
    plan = model.plan({s.name: x.shape for s in model.inputs}, model.device.limits)
    before, every = settled(), list(jobs(plan))
    with ahead.Screen(model.device.renderer) as screen:
        for job in every:
            screen.compile(job)
    print(thread.compiled, len(every), before, settled())
"""


def test_what_is_compiled_ahead_is_what_is_drawn(root: Path, tmp_path: Path) -> None:
    with glnn.Device() as device:
        if "llvmpipe" not in device.renderer or sys.platform != "linux":
            pytest.skip("programs are compiled ahead for llvmpipe alone")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MESA_", "GLNN_"))}
    env["MESA_SHADER_CACHE_DIR"] = str(tmp_path)
    command = [sys.executable, "-c", SCRIPT, str(root / "examples" / "digits.h5")]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    ahead, programs, before, after = map(int, run.stdout.split())
    assert 0 < ahead <= programs
    assert after == before > programs  # all were in the cache already, with the keys of the draws
