"""TensorFlow.js graph-models written by hand: nodes as JSON and weights in one shard."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

TYPES = {"float32": "DT_FLOAT", "int32": "DT_INT32", "bool": "DT_BOOL"}
STORED = {"float32": "<f4", "int32": "<i4", "bool": "u1"}


class Raw(dict):
    """An attribute as it stands in the JSON."""


def attribute(value: Any) -> Any:
    """A value of Python as an AttrValue."""
    if isinstance(value, Raw):
        return dict(value)
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, int):
        return {"i": str(value)}
    if isinstance(value, float):
        return {"f": value}
    if isinstance(value, str):
        return {"type": value} if value.startswith("DT_") else {"s": text(value)}
    kind = "s" if value and isinstance(value[0], str) else "i"
    return {"list": {kind: [text(item) if kind == "s" else str(item) for item in value]}}


def text(value: str) -> str:
    """Base64 of a text."""
    return base64.b64encode(value.encode()).decode()


class Nodes:
    """Nodes of a graph, or of a function, in the order in which they are said; weights are those of the model."""

    def __init__(self, weights: dict[str, np.ndarray], prefix: str = ""):
        self.weights, self.prefix = weights, prefix
        self.nodes: list[dict[str, Any]] = []

    def op(self, op: str, *inputs: Any, name: str = "", **attributes: Any) -> str:
        """A node; arrays among its inputs become constants. Its name."""
        name = name or f"{self.prefix}{op}_{len(self.nodes)}"
        reads = [one if isinstance(one, str) else self.const(one) for one in inputs]
        attr = {key.rstrip("_"): attribute(value) for key, value in attributes.items()}
        self.nodes.append({"name": name, "op": op, "input": reads, "attr": attr})
        return name

    def const(self, array: Any) -> str:
        """A constant."""
        array = np.asarray(array)
        array = array.astype({"i": "int32", "f": "float32", "b": "bool"}[array.dtype.kind])
        name = f"{self.prefix}Const_{len(self.nodes)}"
        self.weights[name] = array
        self.op("Const", name=name, dtype=TYPES[array.dtype.name], value=Raw(tensor={}))
        return name


class GraphModel(Nodes):
    """A whole model. `feeds`: values for its inputs by name."""

    def __init__(self) -> None:
        super().__init__({})
        self.feeds: dict[str, np.ndarray] = {}
        self.functions: list[dict[str, Any]] = []

    def input(self, array: Any, shape: Sequence[int | None] | None = None, name: str = "") -> str:
        """An input, and a value for it."""
        array = np.asarray(array)
        name = name or f"x{len(self.feeds)}"
        self.feeds[name] = array
        sizes = array.shape if shape is None else shape
        dims = [{"size": str(-1 if size is None else size)} for size in sizes]
        self.op("Placeholder", name=name, dtype=TYPES[array.dtype.name], shape=Raw(shape={"dim": dims} if dims else {}))
        return name

    def function(self, name: str, inputs: Sequence[str], say: Any, results: int | None = None) -> Raw:
        """A function of the library, whose inputs are arguments by name; `say(nodes, *inputs)` gives its results."""
        nodes = Nodes(self.weights, f"{name}/")
        made = say(nodes, *inputs)
        ret = {f"out{k}": value if ":" in value else f"{value}:output:0" for k, value in enumerate(made)}
        ret = {key: value if value.split(":")[0] not in inputs else value.split(":")[0] for key, value in ret.items()}
        self.functions.append(
            {
                "signature": {
                    "name": name,
                    "inputArg": [{"name": item, "type": "DT_FLOAT"} for item in inputs],
                    "outputArg": [{"name": key, "type": "DT_FLOAT"} for key in ret],
                },
                "nodeDef": nodes.nodes,
                "ret": ret,
            }
        )
        return Raw(func={"name": name})

    def content(self, outputs: Sequence[str], **more: Any) -> dict[str, Any]:
        """The JSON of the model."""
        signature = {
            "inputs": {name: {"name": f"{name}:0"} for name in self.feeds},
            "outputs": {f"y{k}": {"name": value if ":" in value else f"{value}:0"} for k, value in enumerate(outputs)},
        }
        manifest = [
            {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
            for name, array in self.weights.items()
        ]
        return {
            "format": "graph-model",
            "modelTopology": {"node": self.nodes, "library": {"function": self.functions}, "versions": {}},
            "signature": signature,
            "weightsManifest": [{"paths": ["weights.bin"], "weights": manifest}],
            **more,
        }

    def write(self, folder: Path, outputs: Sequence[str], **more: Any) -> Path:
        """model.json and its shard; the path."""
        folder.mkdir(parents=True, exist_ok=True)
        data = b"".join(array.astype(STORED[array.dtype.name]).tobytes() for array in self.weights.values())
        (folder / "weights.bin").write_bytes(data)
        path = folder / "model.json"
        path.write_text(json.dumps(self.content(outputs, **more)))
        return path

    def write_feeds(self, folder: Path) -> None:
        """The inputs as graph_models.js reads them."""
        told = []
        for name, array in self.feeds.items():
            (folder / f"{name}.bin").write_bytes(array.astype(STORED[array.dtype.name]).tobytes())
            told.append({"name": name, "shape": list(array.shape), "dtype": array.dtype.name, "file": f"{name}.bin"})
        (folder / "inputs.json").write_text(json.dumps(told))


def read_answers(folder: Path) -> list[np.ndarray]:
    """What graph_models.js wrote."""
    told: list[Mapping[str, Any]] = json.loads((folder / "outputs.json").read_text())
    return [np.fromfile(folder / o["file"], STORED[o["dtype"]]).astype(o["dtype"]).reshape(o["shape"]) for o in told]
