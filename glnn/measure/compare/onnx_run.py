"""What the nodes of an ONNX file make in onnxruntime, by the names of their tensors. Imports onnxruntime late."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...graph.graph import Graph
from ...run.session import Arrays


def names(graph: Graph) -> dict[str, str]:
    """The name in a record of each tensor of a graph: its own, for two may hold one tensor of the file."""
    return {name: name for node in graph.nodes for name in node.outputs}


def recorder(path: Path, graph: Graph) -> Callable[[Arrays], Mapping[str, np.ndarray]]:
    """A function of inputs by name that gives the graph's tensors of what the file makes, with axes as stored.

    Raises InputError where onnxruntime or onnx is missing or cannot run the file.
    """
    try:
        onnx: Any = importlib.import_module("onnx")
        runtime: Any = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise InputError("reference='onnxruntime' needs it: pip install onnx onnxruntime") from error
    theirs = {name: graph.held.get(name, (name, None)) for name in names(graph)}  # its name in the file, the order
    try:
        model = onnx.load(str(path))
        made = {name for node in model.graph.node for name in node.output if name}
        known = {info.name for info in model.graph.output}
        wanted = [name for name in dict.fromkeys(name for name, _ in theirs.values()) if name in made]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted if name not in known)
        options = runtime.SessionOptions()
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        session = runtime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises what it likes
        raise InputError(f"reference {path}: onnxruntime cannot load it ({error})") from error
    kinds = {i.name: np.dtype(TYPES.get(i.type, "float32")) for i in session.get_inputs()}

    def record(arrays: Arrays) -> Mapping[str, np.ndarray]:
        given = {name: arrays[name].astype(kind) for name, kind in kinds.items() if name in arrays}
        values = dict(zip(wanted, session.run(wanted, given), strict=True))
        return {
            name: values[own] if order is None else values[own].transpose(np.argsort(order))
            for name, (own, order) in theirs.items()
            if isinstance(values.get(own), np.ndarray)
        }

    return record


TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16", "tensor(int8)": "int8",
    "tensor(uint64)": "uint64", "tensor(uint32)": "uint32", "tensor(uint16)": "uint16", "tensor(uint8)": "uint8",
}  # fmt: skip
