"""The first prediction of a fresh process, import and load included, from a cold and from a warm shader cache.

How to run it:

    python benchmarks/first.py MODEL              what the fresh process runs: prints seconds by stage as JSON
    python benchmarks/first.py MODEL --programs   ... instead: what each program costs at its first draw
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

CACHE_VARIABLES = ("MESA_SHADER_CACHE_DIR", "MESA_GLSL_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH")
COMPILED = 0.02  # seconds of handing over a draw from which on the driver must have compiled in it
SWITCHES = ("MESA_SHADER_CACHE_DISABLE", "MESA_GLSL_CACHE_DISABLE", "__GL_SHADER_DISK_CACHE")


def cold_and_warm(model: Path) -> dict[str, dict[str, float]]:
    """Seconds by stage of two fresh processes that share a new, empty cache; "process" is all, from its start on."""
    with tempfile.TemporaryDirectory(prefix="glnn-shader-cache-") as cache:
        return {state: _fresh(model, cache) for state in ("cold", "warm")}


def print_programs(model: Path) -> None:
    """Prints what each program of the model costs to compile, measured in a fresh process with a cold cache."""
    with tempfile.TemporaryDirectory(prefix="glnn-shader-cache-") as cache:
        subprocess.run([sys.executable, __file__, str(model), "--programs"], env=_environment(cache), check=True)


def _environment(cache: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in SWITCHES} | dict.fromkeys(CACHE_VARIABLES, cache)


def _fresh(model: Path, cache: str) -> dict[str, float]:
    model.read_bytes()  # the file itself is in memory for both: what is cold is the shader cache
    command = [sys.executable, __file__, str(model)]
    start = time.perf_counter()
    with subprocess.Popen(command, env=_environment(cache), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        line = child.stdout.readline()  # comes when the prediction is there
        seconds = time.perf_counter() - start
    if not line:
        raise RuntimeError(f"the fresh process that predicts with {model} failed with exit code {child.returncode}")
    return {"process": seconds} | json.loads(line)


def programs(path: str) -> None:
    """Load the model at `path` and draw each layer once; print the draws that compile, the costliest first."""
    import glnn

    with glnn.Model.load(path) as model:
        start = time.perf_counter()
        executor = model.session.executor({s.name: tuple(d or 1 for d in s.shape) for s in model.inputs})
        ready, users = time.perf_counter() - start, Counter(draw.program for draw in executor.plan.draws)
        lines: list[tuple[float, str]] = []
        seen: set[str] = set()
        for draw, item in zip(executor.plan.draws, executor.draws, strict=True):
            start = time.perf_counter()
            executor.device.draw(*item)
            seconds = time.perf_counter() - start
            executor.device.finish()
            length = len(executor.plan.programs[draw.program].fragment)
            if draw.program not in seen or seconds > COMPILED:
                again = "again" if draw.program in seen else ""
                text = f"{draw.kernel:<20} {again:<6} {users[draw.program]:>6} {length:>11}  {draw.label}"
                lines.append((seconds, text))
            seen.add(draw.program)
    print(f"{'ms':>8} {'kernel':<20} {'':<6} {'draws':>6} {'characters':>11}  layer   (draws that compile, cold cache)")
    for seconds, text in sorted(lines, reverse=True):
        print(f"{1e3 * seconds:8.0f} {text}")
    total, repeated = sum(seconds for seconds, _ in lines), len(lines) - len(seen)
    print(f"{1e3 * total:8.0f} {len(seen)} programs; {repeated} compilations more for textures of another kind")
    print(f"{1e3 * ready:8.0f} before the first draw: device, plan, linking, weights\n")


def main(path: str) -> None:
    """Import glnn, load the model at `path`, predict one random sample; print seconds by stage."""
    begin = time.perf_counter()
    import numpy as np

    import glnn

    imported = time.perf_counter()
    model = glnn.Model.load(path)
    loaded = time.perf_counter()
    shape = [d or 1 for d in model.inputs[0].shape]
    y = model.predict(np.random.default_rng(2).standard_normal(shape), verbose=0)
    predicted = time.perf_counter()
    assert np.isfinite(y).all()
    stages = {"import": imported - begin, "load": loaded - imported, "predict": predicted - loaded}
    print(json.dumps(stages), flush=True)


if __name__ == "__main__":
    (programs if "--programs" in sys.argv else main)(sys.argv[1])
