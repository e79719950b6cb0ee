"""Makes graph_models.npz: TensorFlow.js' answers to the cases of tests/cases/tensorflow.py.

    npm install @tensorflow/tfjs@4.22.0
    python make_graph_models.py [PATTERN]

NODE_PATH says where the package lies. Of each case the outputs are kept as CASE/0, CASE/1, ..; with a pattern only
cases of such names are made anew.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from cases.tensorflow import CASES  # noqa: E402
from support.graph_models import read_answers  # noqa: E402

target, pattern = HERE / "graph_models.npz", sys.argv[1] if len(sys.argv) > 1 else ""
kept = dict(np.load(target)) if pattern and target.exists() else {}
with tempfile.TemporaryDirectory() as root:
    folders = {}
    for number, case in enumerate(CASES):
        if re.search(pattern, case.name):
            folders[case.name] = Path(root) / str(number)
            model, outputs = case.build()
            model.write(folders[case.name], outputs)
            model.write_feeds(folders[case.name])
    subprocess.run(["node", str(HERE / "graph_models.js"), *map(str, folders.values())], check=True)
    for name, folder in folders.items():
        kept = {key: array for key, array in kept.items() if key.rpartition("/")[0] != name}
        if not (folder / "outputs.json").exists():
            raise SystemExit(f"no answer: {name}")
        kept |= {f"{name}/{k}": array for k, array in enumerate(read_answers(folder))}
known = {case.name for case in CASES}
np.savez_compressed(target, **{k: v for k, v in sorted(kept.items()) if k.rpartition("/")[0] in known})
