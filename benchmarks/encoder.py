"""A layer of a transformer's encoder as an ONNX file, as exporters write it: attention of heads, two dense layers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

HEADS = 8


def encoder_file(folder: Path, tokens: int = 128, width: int = 256, inner: int = 1024, seed: int = 1) -> Path:
    """The file of one layer on (1, tokens, width), with seeded weights, made if missing."""
    from onnx import TensorProto, helper, numpy_helper

    path = folder / f"encoder-{tokens}-{width}-{inner}.onnx"
    if path.exists():
        return path
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {"scale": np.float32((width // HEADS) ** -0.5)}
    nodes = []

    def node(op: str, inputs: str, output: str, **options: object) -> None:
        nodes.append(helper.make_node(op, inputs.split(), [output], output, **options))

    def dense(x: str, name: str, rows: int, columns: int) -> str:
        arrays[f"{name}_w"] = (rng.standard_normal((rows, columns)) / rows**0.5).astype(np.float32)
        arrays[f"{name}_b"] = rng.standard_normal(columns).astype(np.float32) * np.float32(0.1)
        node("MatMul", f"{x} {name}_w", f"{name}_product")
        node("Add", f"{name}_product {name}_b", name)
        return name

    def normalized(x: str, name: str) -> str:
        arrays[f"{name}_g"] = rng.uniform(0.5, 1.5, width).astype(np.float32)
        arrays[f"{name}_o"] = rng.standard_normal(width).astype(np.float32) * np.float32(0.1)
        node("LayerNormalization", f"{x} {name}_g {name}_o", name, axis=-1)
        return name

    arrays["heads"] = np.int64([0, 0, HEADS, width // HEADS])
    arrays["whole"] = np.int64([0, 0, width])
    for name, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        node("Reshape", f"{dense('x', name, width, width)} heads", f"{name}_split")
        node("Transpose", f"{name}_split", f"{name}_heads", perm=order)
    node("MatMul", "query_heads key_heads", "products")
    node("Mul", "products scale", "scores")
    node("Softmax", "scores", "shares", axis=-1)
    node("MatMul", "shares value_heads", "mixed")
    node("Transpose", "mixed", "mixed_back", perm=[0, 2, 1, 3])
    node("Reshape", "mixed_back whole", "joined")
    node("Add", f"x {dense('joined', 'attended', width, width)}", "first_sum")
    first = normalized("first_sum", "first")
    node("Gelu", dense(first, "wide", width, inner), "active")
    node("Add", f"{first} {dense('active', 'narrow', inner, width)}", "second_sum")
    normalized("second_sum", "y")
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, tokens, width]) for n in ("x", "y")]
    stored = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "encoder", ends[:1], ends[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    partial = path.with_name(f"{os.getpid()}-{path.name}")
    partial.write_bytes(model.SerializeToString())
    partial.replace(path)
    return path
