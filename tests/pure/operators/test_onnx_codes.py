"""Weights that are integers in an ONNX file stay integers, their sums are exact, and what cannot be is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.onnx_nodes import Case, model_of
from support.seeds import seeded

import glnn
from glnn.errors import GlnnError
from glnn.graph.quantized import Quantized

pytest.importorskip("onnx")
RNG = seeded(3)
MICROSOFT = "com.microsoft"
X = RNG.integers(0, 256, (1, 3, 5, 5)).astype(np.uint8)
SPLIT = ["uint4", "uint8"]  # the two digits of a weight whose sums may pass 2^24


def loaded(folder: Path, model: Any, shape: tuple[Any, ...], kind: Any = np.float32) -> glnn.Model:
    from onnx import helper

    output = model.graph.output[0]
    output.CopyFrom(helper.make_tensor_value_info(output.name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return glnn.Model.load(folder / "model.onnx", device=glnn.Device("numpy"))


def codecs(model: glnn.Model) -> list[str]:
    """Those of all weights that are codes."""
    weights = [w for node in model.graph.nodes for w in node.weights.values()]
    return sorted(w.codec for w in weights if isinstance(w, Quantized))


def codes(kind: Any, *shape: int) -> np.ndarray:
    return RNG.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape).astype(kind)


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
@pytest.mark.parametrize("channels", [False, True])
def test_dequantized_kernel_stays_codes(kind: Any, channels: bool, tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper

    w = codes(kind, 4, 3, 2, 2)
    scale = np.asarray(RNG.uniform(0.01, 0.1, (4,) if channels else ()), np.float32)
    zero = codes(kind, *scale.shape)
    given = [numpy_helper.from_array(np.asarray(x), n) for n, x in (("w", w), ("s", scale), ("z", zero))]
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["k"], axis=0),
        helper.make_node("Conv", ["x", "k"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 5, 5))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4, 4, 4))
    graph = helper.make_graph(nodes, "g", [x], [y], given)
    opsets = [helper.make_opsetid("", 21)]
    with loaded(tmp_path, helper.make_model(graph, opset_imports=opsets, ir_version=10), (1, 4, 4, 4)) as model:
        assert codecs(model) == ["uint8"]


@pytest.mark.parametrize(("kind", "low"), [("int4", -8), ("uint4", 0)])
@pytest.mark.parametrize("block", [0, 16])
def test_matrix_of_four_bits_stays_codes(kind: str, low: int, block: int, tmp_path: Path) -> None:
    import ml_dtypes
    from onnx import TensorProto, helper, numpy_helper

    w = RNG.integers(low, low + 16, (64, 24))
    scale = np.asarray(RNG.uniform(0.01, 0.1, (4, 24) if block else (24,)), np.float32)
    zero = RNG.integers(low, low + 16, scale.shape)
    short = [array.astype(getattr(ml_dtypes, kind)) for array in (w, zero)]
    given = [numpy_helper.from_array(x, n) for x, n in zip((*short, scale), "wzs", strict=True)]
    options = {"axis": 0, "block_size": block} if block else {"axis": 1}
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["k"], **options),
        helper.make_node("MatMul", ["x", "k"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n", 64))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n", 24))
    opsets = [helper.make_opsetid("", 21)]
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y], given), opset_imports=opsets, ir_version=10)
    rows = RNG.normal(size=(3, 64)).astype(np.float32)
    scale, zero = (np.repeat(array, block, 0) if block else array for array in (scale, zero))
    with loaded(tmp_path, model, ("n", 24)) as made:
        assert codecs(made) == ["uint4"]
        np.testing.assert_allclose(made.predict(rows), rows @ ((w - zero) * scale), 1e-4, 1e-4)


@pytest.mark.parametrize(
    ("case", "shape", "expected"),
    [
        (
            Case(
                "MatMulNBits", 21,
                (np.ones((2, 40), np.float32), (codes(np.uint8, 5, 3, 8),), (np.ones(15, np.float32),)),
                {"K": 40, "N": 5, "bits": 4, "block_size": 16}, domain=MICROSOFT,
            ),
            (2, 5),
            ["uint4"],
        ),
        (Case("ConvInteger", 21, (X, (codes(np.int8, 4, 3, 2, 2),)), {}), (1, 4, 4, 4), ["uint8"]),
        (Case("MatMulInteger", 21, (X[0, 0], (codes(np.int8, 5, 5),)), {}), (5, 5), ["uint8"]),
        (Case("MatMulInteger", 21, (codes(np.uint8, 3, 2000), (codes(np.uint8, 2000, 5),)), {}), (3, 5), SPLIT),
    ],
)  # fmt: skip
def test_operators_keep_codes(case: Case, shape: tuple[int, ...], expected: list[str], tmp_path: Path) -> None:
    model, _ = model_of(case)
    with loaded(tmp_path, model, shape, np.float32 if case.domain else np.int32) as made:
        assert codecs(made) == expected


@pytest.mark.parametrize("known", [False, True])
def test_sums_beyond_float32_are_rounded_once(known: bool, tmp_path: Path) -> None:
    a, b = np.full((2, 2000), 255, np.uint8), np.full((2000, 3), 255, np.uint8)
    b[0] = (254, 253, 17)
    model, given = model_of(Case("MatMulInteger", 21, (a, (b,) if known else b), {}))
    with loaded(tmp_path, model, (2, 3), np.int32) as made:
        with pytest.warns(UserWarning, match=r"output 'y0': whole numbers up to 1300497\d\d came out as int32"):
            (result,) = made.predict(given).values()
    exact = a.astype(np.int64) @ b.astype(np.int64)
    assert exact.max() > 2**24
    np.testing.assert_array_equal(result, exact.astype(np.float32).astype(np.int64))


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (Case("MatMulInteger", 21, (codes(np.uint8, 2, 9000), codes(np.uint8, 9000, 2)), {}), "16777216"),
        (Case("Conv", 21, (np.ones((1, 2, 5, 5), np.float32), (np.ones((1, 2, 3, 3), np.float32),)),
              {"auto_pad": "SAME"}), "auto_pad"),
        (Case("RNN", 14, (np.ones((1, 1, 1), np.float32), (np.ones((1, 1, 1), np.float32),) * 1,
                          (np.ones((1, 1, 1), np.float32),)), {"activations": ["Sine"]}), "Sine"),
        (Case("MaxPool", 12, (np.ones((1, 1, 4), np.float32),), {"kernel_shape": [2, 2]}), "kernel_shape"),
        (Case("AveragePool", 12, (np.ones((1, 1, 4), np.float32),), {"kernel_shape": [5]}), "window of 5"),
        (Case("Attention", 23, (np.ones((1, 2, 6), np.float32),) * 3, {"q_num_heads": 4, "kv_num_heads": 2}), "heads"),
    ],
)  # fmt: skip
def test_refused_with_a_reason(case: Case, words: str, tmp_path: Path) -> None:
    model, given = model_of(case)
    with pytest.raises(GlnnError, match=words), loaded(tmp_path, model, (1,)) as made:
        made.predict(given)
