"""ONNX files: what is read of them, and what is said of those that are damaged, foreign or beyond glnn."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.errors import GlnnError, GraphError, InputError, ModelFileError, UnsupportedError
from glnn.formats import load

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

F = TensorProto.FLOAT


def write(
    path: Path, nodes: Sequence[Any], inputs: Any = None, outputs: Any = None, arrays: Any = (), opset: int = 18,
    functions: Sequence[Any] = (), domains: Sequence[str] = (),
) -> Path:  # fmt: skip
    """A model of nodes from x (2, 3) to y."""
    graph = helper.make_graph(
        list(nodes), "model",
        inputs or [helper.make_tensor_value_info("x", F, [2, 3])],
        outputs or [helper.make_tensor_value_info("y", F, None)],
        [numpy_helper.from_array(array, name) for name, array in dict(arrays).items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=opsets, functions=list(functions))
    path.write_bytes(model.SerializeToString())
    return path


def node(op: str, inputs: str, outputs: str = "y", **options: Any) -> Any:
    return helper.make_node(op, inputs.split(), outputs.split(), **options)


def refused(path: Path, error: type[Exception], *words: str) -> str:
    with pytest.raises(error) as told:
        load(path)
    for word in words:
        assert word in str(told.value), str(told.value)
    assert str(path) in str(told.value)
    return str(told.value)


def predicted(path: Path, x: Any) -> Any:
    with glnn.Model.load(path, device=glnn.Device("numpy")) as model:
        return model.predict(x)


X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2


# ---- what is read


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("raw", [True, False])
def test_every_form_of_an_initializer(tmp_path: Path, kind: str, raw: bool) -> None:
    array = (np.arange(3) % 2).astype(kind)
    dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
    values = array.tobytes() if raw else array.tolist()
    tensor = helper.make_tensor("w", dtype, [3], values, raw=raw)
    outputs = [helper.make_tensor_value_info("y", dtype, [3])]
    graph = helper.make_graph([node("Identity", "w")], "m", [], outputs, [tensor])
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString())
    made = predicted(path, {})["y"]
    assert made.dtype == array.dtype and (made == array).all()


def test_bfloat16(tmp_path: Path) -> None:
    tensor = helper.make_tensor("w", TensorProto.BFLOAT16, [2], [1.5, -3.0])
    outputs = [helper.make_tensor_value_info("y", TensorProto.BFLOAT16, [2])]
    graph = helper.make_graph([node("Identity", "w")], "m", [], outputs, [tensor])
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString())
    assert predicted(path, {})["y"].tolist() == [1.5, -3.0]


def test_external_data(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", [node("Add", "x w")], arrays={"w": np.ones((64, 2, 3), np.float32)})
    model = onnx.load(path)
    onnx.external_data_helper.convert_model_to_external_data(model, location="w.bin", size_threshold=0)
    onnx.save(model, path)
    assert (tmp_path / "w.bin").stat().st_size == 64 * 24
    assert (predicted(path, X) == X + 1).all()
    for location, words in (
        ("../w.bin", "outside"),
        ("/etc/passwd", "outside"),
        ("gone.bin", "missing"),
        ("", "outside"),
    ):
        changed = onnx.load(path, load_external_data=False)
        changed.graph.initializer[0].external_data[0].value = location
        path.write_bytes(changed.SerializeToString())
        refused(path, ModelFileError, "initializer 'w'", words)
    (tmp_path / "w.bin").write_bytes(b"1234")
    path.write_bytes(model.SerializeToString())
    refused(path, ModelFileError, "initializer 'w'", "w.bin")


def test_functions_of_the_model(tmp_path: Path) -> None:
    """A function with an attribute of its own, one with a default, called twice and by another function."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    scaled = helper.make_node("Constant", [], ["s"])
    scaled.attribute.append(onnx.AttributeProto(name="value_float", ref_attr_name="scale", type=1))
    inner = helper.make_function("mine", "Scaled", ["a"], ["b"], [scaled, node("Mul", "a s", "b")], opsets, ["scale"])
    outer = helper.make_function(
        "mine", "Twice", ["a"], ["c"],
        [helper.make_node("Scaled", ["a"], ["t"], domain="mine", scale=2.0), node("Add", "t a", "c")], opsets,
    )  # fmt: skip
    calls = [
        helper.make_node("Twice", ["x"], ["u"], domain="mine", name="first"),
        helper.make_node("Scaled", ["u"], ["v"], domain="mine", scale=-1.0),
        helper.make_node("Twice", ["v"], ["y"], domain="mine", name="second"),
    ]
    path = write(tmp_path / "m.onnx", calls, functions=[inner, outer], domains=["mine"])
    assert (predicted(path, X) == -9 * X).all()


def test_a_function_that_calls_itself(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    loop = helper.make_function("mine", "F", ["a"], ["b"], [helper.make_node("F", ["a"], ["b"], domain="mine")], opsets)
    call = helper.make_node("F", ["x"], ["y"], domain="mine")
    refused(write(tmp_path / "m.onnx", [call], functions=[loop], domains=["mine"]), GraphError, "'F'", "deep")


def test_nodes_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", [node("Neg", "a"), node("Abs", "x", "a")])
    assert (predicted(path, X) == -abs(X)).all()


def test_saved_and_loaded(tmp_path: Path) -> None:
    """Sizes that are free: the .glnn file has the operators; else it has primitives."""
    free = [helper.make_tensor_value_info("x", F, ["a", "b"])]
    for inputs in (None, free):
        path = write(
            tmp_path / "m.onnx",
            [
                node("Add", "x w"),
            ],
            inputs,
            arrays={"w": np.float32([1, 2, 3])},
        )
        with glnn.Model.load(path) as model:
            model.save(tmp_path / "m.glnn")
        assert (predicted(tmp_path / "m.glnn", X) == X + [1, 2, 3]).all()


# ---- operators of the user's own


def test_own_operators(tmp_path: Path) -> None:
    @glnn.register_op("mine.test", "Wave")
    def wave(t: Any, x: Any, *, rate: float = 1.0) -> Any:
        return x * t.apply("sin", x * rate)

    @glnn.register_op("mine.test", "Flipped", host=True)
    def flipped(x: Any) -> Any:
        return x[::-1].copy()

    calls = [
        helper.make_node("Wave", ["x"], ["a"], domain="mine.test", rate=2.0),
        helper.make_node("Flipped", ["a"], ["y"], domain="mine.test"),
    ]
    path = write(tmp_path / "m.onnx", calls, domains=["mine.test"])
    np.testing.assert_allclose(predicted(path, X), (X * np.sin(2 * X))[::-1], rtol=1e-5, atol=1e-6)
    with pytest.raises(UnsupportedError, match="host step .*Flipped"):
        load(path, host=False)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: glnn.register_op("", "Add")(lambda t, x: x), "itself"),
        (lambda: glnn.register_op("mine")(lambda t, x: x), "a name"),
        (lambda: glnn.register_op("mine", "A")(3), "no function"),  # type: ignore[arg-type]
        (lambda: glnn.register_op("mine", "A", words="caffe"), "words"),
    ],
)
def test_wrong_registrations(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()


# ---- what is refused


def test_everything_is_listed_at_once(tmp_path: Path) -> None:
    calls = [
        node("Neg", "x", "a", name="n1", wrong=3),
        node("Adn", "a a", "b"),
        helper.make_node("Gem", ["b"], ["c"], domain="other"),
        node("Add", "c", "y", name="n4"),
    ]
    path = write(tmp_path / "m.onnx", calls, domains=["other"])
    refused(path, UnsupportedError, "Adn (there is A", "other.Gem", "'n1': attribute wrong", "'n4': Add with 1 inputs")


def test_later_opset(tmp_path: Path) -> None:
    refused(write(tmp_path / "m.onnx", [node("Neg", "x")], opset=99), UnsupportedError, "opset 99", "known up to")


def test_cycle(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", [node("Add", "x b", "a", name="one"), node("Neg", "a", "b"), node("Abs", "b")])
    refused(path, GraphError, "cycle")


def test_value_that_nobody_makes(tmp_path: Path) -> None:
    refused(write(tmp_path / "m.onnx", [node("Add", "x lost")]), GraphError, "'lost'")


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.COMPLEX64, TensorProto.FLOAT8E5M2])
def test_types_that_glnn_lacks(tmp_path: Path, kind: int) -> None:
    path = write(tmp_path / "m.onnx", [node("Identity", "x")], [helper.make_tensor_value_info("x", kind, [2])])
    refused(path, UnsupportedError, "input 'x'", "type")


def test_shapes_that_do_not_fit(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", [node("Add", "x w", name="sum")], arrays={"w": np.zeros(4, np.float32)})
    refused(path, GraphError, "'sum' (Add)", "(2, 3)", "(4,)")


def test_wrong_inputs(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", [node("Neg", "x")])
    for x, words in ((np.zeros((3, 3)), "expected"), (["a"], "x"), ({"z": X}, "unknown")):
        with pytest.raises(InputError, match=words):
            predicted(path, x)


def test_truncated_at_every_byte(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", [node("Add", "x w")], arrays={"w": np.ones(3, np.float32)})
    data = path.read_bytes()
    for size in range(1, len(data)):
        path.write_bytes(data[:size])
        try:
            load(path)
        except GlnnError:
            pass


def test_huge_sizes(tmp_path: Path) -> None:
    tensor = helper.make_tensor("w", F, [3], [1, 2, 3])
    tensor.dims[0] = 1 << 50
    graph = helper.make_graph(
        [node("Add", "x w")], "m", [helper.make_tensor_value_info("x", F, [3])],
        [helper.make_tensor_value_info("y", F, [3])], [tensor],
    )  # fmt: skip
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    refused(path, ModelFileError, "initializer 'w'")
    big = [helper.make_tensor_value_info("x", F, [1 << 20, 1 << 20])]
    with pytest.raises(GlnnError):
        predicted(write(path, [node("Expand", "x s")], big, arrays={"s": np.int64([1 << 20, 1 << 20])}), X)


def test_mutated_files(tmp_path: Path) -> None:
    """Bytes changed at random, 500 times: glnn's errors alone, no hang, and no memory to speak of."""
    calls = [node("Constant", "", "c", value_floats=[1.0, 2.0, 3.0]), node("Add", "x c", "a"), node("Mul", "a w")]
    data = write(tmp_path / "m.onnx", calls, arrays={"w": np.ones((2, 3), np.float32)}).read_bytes()
    rng = random.Random(0)
    path, before = tmp_path / "n.onnx", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(500):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        path.write_bytes(bytes(changed))
        start = time.perf_counter()
        try:
            load(path)
        except GlnnError:
            pass
        assert time.perf_counter() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
