"""A contestant in a process of its own: python native.py NAME NETWORK FOLDER, then commands on lines of standard input.

"first" imports, loads and predicts once, "steady 10" predicts ten times; answers are lines of JSON, times milliseconds.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from networks import NETWORKS, Net

Predict = Callable[[], np.ndarray]


def glnn_python(net: Net, folder: Path) -> tuple[Predict, str]:
    import glnn

    model, x = glnn.Model.load(folder / "model.glnn"), net.sample().astype(np.float32)
    return lambda: model.predict(x, verbose=0), "glnn in Python"


def onnxruntime_cpu(net: Net, folder: Path) -> tuple[Predict, str]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    x = net.sample().astype(np.float32)
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x

    def predict() -> np.ndarray:
        y = session.run(None, {"x": x})[0]
        return y.transpose(0, 2, 3, 1) if y.ndim == 4 else y

    return predict, f"onnxruntime {onnxruntime.__version__}"


def torch_cpu(net: Net, folder: Path) -> tuple[Predict, str]:
    import torch
    import torch_net

    torch.set_num_threads(os.cpu_count() or 1)
    run, x = torch_net.predictor(net), net.sample()
    return lambda: run(x), f"torch {torch.__version__}"


# name: (the module that is its library, whole: glnn imports nothing before it is used; how it is loaded)
LOADERS: dict[str, tuple[str, Callable[[Net, Path], tuple[Predict, str]]]] = {
    "glnn-python": ("glnn.model", glnn_python),
    "onnxruntime": ("onnxruntime", onnxruntime_cpu),
    "torch": ("torch", torch_cpu),
}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds of a call, and what it gives."""
    start = time.perf_counter()
    value = work()
    return 1e3 * (time.perf_counter() - start), value


def main(name: str, network: str, folder: str) -> None:
    module, load = LOADERS[name]
    net = NETWORKS[network]()  # not timed: a file would have its weights
    predict: Predict = lambda: np.empty(0)  # noqa: E731
    for line in sys.stdin:
        command, *count = line.split()
        answer: Any
        if command == "first":
            library, _ = timed(lambda: importlib.import_module(module))
            loading, (predict, about) = timed(lambda: load(net, Path(folder)))
            predicting, y = timed(predict)
            output = base64.b64encode(np.ascontiguousarray(y, "<f4").tobytes()).decode()
            answer = {"library": library, "load": loading, "predict": predicting, "output": output, "about": about}
        else:
            answer = [timed(predict)[0] for _ in range(int(count[0]))]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
