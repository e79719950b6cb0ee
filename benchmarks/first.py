"""The first prediction of a fresh process, import and load included, from a cold and from a warm shader cache.

    python benchmarks/first.py MODEL        what the fresh process runs: prints seconds by stage as JSON
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CACHE_VARIABLES = ("MESA_SHADER_CACHE_DIR", "MESA_GLSL_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH")
SWITCHES = ("MESA_SHADER_CACHE_DISABLE", "MESA_GLSL_CACHE_DISABLE", "__GL_SHADER_DISK_CACHE")


def cold_and_warm(model: Path) -> dict[str, dict[str, float]]:
    """Seconds by stage of two fresh processes that share a new, empty cache; "process" is all, from its start on."""
    with tempfile.TemporaryDirectory(prefix="glnn-shader-cache-") as cache:
        return {state: _fresh(model, cache) for state in ("cold", "warm")}


def _fresh(model: Path, cache: str) -> dict[str, float]:
    model.read_bytes()  # the file itself is in memory for both: what is cold is the shader cache
    environment = {k: v for k, v in os.environ.items() if k not in SWITCHES} | dict.fromkeys(CACHE_VARIABLES, cache)
    command = [sys.executable, __file__, str(model)]
    start = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        line = child.stdout.readline()  # comes when the prediction is there
        seconds = time.perf_counter() - start
    if not line:
        raise RuntimeError(f"the fresh process that predicts with {model} failed with exit code {child.returncode}")
    return {"process": seconds} | json.loads(line)


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
    main(sys.argv[1])
