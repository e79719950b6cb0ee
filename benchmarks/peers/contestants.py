"""Who takes part: pages of a browser and processes of Python, each with a first prediction and steady ones."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import numpy as np
from networks import NETWORKS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).resolve().parent
TITLES = {
    "glnn-page": "glnn, page",
    "glnn-python": "glnn, Python",
    "tfjs-webgl-layers": "TensorFlow.js webgl, layers",
    "tfjs-webgl-graph": "TensorFlow.js webgl, fused graph",
    "tfjs-wasm": "TensorFlow.js wasm",
    "ort-webgl": "ONNX Runtime Web webgl",
    "ort-wasm": "ONNX Runtime Web wasm",
    "onnxruntime": "onnxruntime, CPU",
    "torch": "torch, CPU",
}
PROCESSES = ("glnn-python", "onnxruntime", "torch")
MOST = 200_000  # milliseconds that anything in a page may take


class Fault(Exception):
    """A contestant that does not load, fails, or computes something else."""


class Contestant(Protocol):
    """Something that predicts, and is asked for its times in milliseconds."""

    def first(self) -> dict[str, Any]:
        """Milliseconds of "library", "load" and "predict", the "output" and "about" what this is."""

    def steady(self, count: int) -> list[float]:
        """Milliseconds of `count` predictions."""


class Page:
    """A page of a browser with one contestant, its GPU process started, nothing loaded."""

    def __init__(self, browser: Browser, url: str, name: str, network: str):
        net = NETWORKS[network]()
        place = {
            "folder": f"{url}{network}/", "shape": [1, *net.shape], "whole": bool(net.words), "threads": os.cpu_count()
        }  # fmt: skip
        self._page = browser.new_page()
        self._page.set_default_timeout(MOST)
        self._page.goto(f"{url}page.html?name={name}&place={quote(json.dumps(place))}")
        self._page.wait_for_function("window.ready")

    def first(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._evaluate("first()")
        return answer

    def steady(self, count: int) -> list[float]:
        times: list[float] = self._evaluate(f"steady({count})")
        return times

    def _evaluate(self, call: str) -> Any:
        from playwright.sync_api import Error

        try:
            return self._page.evaluate(call)
        except Error as error:
            raise Fault(str(error).splitlines()[0].removeprefix("Page.evaluate: ")) from None


class Process:
    """A contestant in a Python process of its own."""

    def __init__(self, python: str, name: str, network: str, folder: Path, environment: Mapping[str, str]):
        search = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
        self._child = subprocess.Popen(
            [python, str(HERE / "native.py"), name, network, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **environment, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": ""},  # as installed
        )  # fmt: skip

    def first(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask("first")
        return answer

    def steady(self, count: int) -> list[float]:
        times: list[float] = self._ask(f"steady {count}")
        return times

    def _ask(self, command: str) -> Any:
        assert self._child.stdin is not None and self._child.stdout is not None and self._child.stderr is not None
        try:
            self._child.stdin.write(command + "\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            pass
        line = self._child.stdout.readline()
        if not line:
            told = self._child.stderr.read().strip().splitlines() or ["it ended"]
            raise Fault(told[-1])
        return json.loads(line)

    def close(self) -> None:
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def process(python: str, name: str, network: str, folder: Path, cache: str = "") -> Iterator[Process]:
    """A process, ended afterwards. cache: another folder for the driver's shader cache."""
    child = Process(python, name, network, folder, {"MESA_SHADER_CACHE_DIR": cache} if cache else {})
    try:
        yield child
    finally:
        child.close()


def first(contestant: Contestant, expected: np.ndarray, tolerance: float) -> dict[str, Any]:
    """The stages of a first prediction, with its "error". Raises Fault where its result is not what is expected."""
    result = contestant.first()
    output = np.frombuffer(base64.b64decode(result.pop("output")), "<f4").astype(np.float64)
    if len(dims := result.pop("dims", None) or ()) == 4:
        output = output.reshape(dims).transpose(0, 2, 3, 1).reshape(-1)
    if output.size != expected.size:
        raise Fault(f"wrong: {output.size} values, {expected.size} expected")
    result["error"] = float(np.abs(output - expected).max() / np.abs(expected).max())
    if not result["error"] <= tolerance:
        raise Fault(f"wrong: differs from onnxruntime by {result['error']:.1e} of the largest output")
    return result


def cpu_ms() -> float:
    """CPU milliseconds of all processes below this one, the browser's among them (Linux; elsewhere NaN)."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        pid = int(stat.parent.name)
        parents[pid], spent[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    below = {os.getpid()}
    for _ in parents:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        if not more:
            break
        below |= more
    return 1e3 * sum(spent[pid] for pid in below - {os.getpid()}) / os.sysconf("SC_CLK_TCK") if spent else float("nan")


def has_module(python: str, module: str) -> bool:
    """Whether a Python finds a module."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


THIS = sys.executable
