"""Matmul, concat and reduce on devices of many kinds, and what they promise of draws, texture units and long loops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cases.case import values
from cases.primitives_sums import CASES, TOTALS, f
from support.devices import OneDevice
from support.shares import kept

import glnn
from glnn.errors import LimitError
from glnn.graph.shapes import Dims, Shape
from glnn.kernels import files
from glnn.layers import Layer
from glnn.primitives.base import Builder, Computed, Epilogue, Primitive, Value
from glnn.primitives.concat import Concat
from glnn.primitives.expr import In
from glnn.primitives.matmul import Matmul
from glnn.primitives.reduce import Reduce
from glnn.testing import check_layer, run_layer

DEVICES: dict[str, dict] = {
    "es300": {},
    "es100": {"dialect": "es100"},
    "gl330": {"dialect": "gl330", "draw_buffers": 1},
    "half": {"float_targets": ["float16"]},
    "bytes": {"float_targets": ["rgba8"], "texture_units": 8},
    "split": {"max_texture_size": 16, "array_layers": 256},
    "split-es100": {"max_texture_size": 16, "dialect": "es100"},
}
WHOLE, SHARE = ("es300",), 16  # every case on these on each push, one in so many on the others
ONE = OneDevice()


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    yield
    ONE.close()


def device_for(name: str) -> glnn.Device:
    return ONE.of(**DEVICES[name])


def told(number: int) -> str:
    primitive, shapes = CASES[number][:2]
    return f"{number}-{type(primitive).__name__}-{getattr(primitive, 'kind', '')}-{'x'.join(map(str, shapes[0]))}"


def fits(name: str, shapes: tuple[Shape, ...], kind: str) -> bool:
    """Whether a device can hold a case: 256 layers of 16 x 16 texels no long one, half precision no large sums."""
    small = max(int(np.prod(shape)) for shape in shapes) < 10_000
    return (small or "split" not in name) and (name != "half" or (small and kind == "normal"))


PARAMS = [
    pytest.param(
        name, *CASES[number][:3], id=f"{name}-{told(number)}",
        marks=[] if name in WHOLE or (number + place) % SHARE == 0 else [pytest.mark.whole],
    )
    for place, name in enumerate(DEVICES)
    for number in range(len(CASES))
    if fits(name, *CASES[number][1:3])
]  # fmt: skip


@pytest.mark.parametrize(("name", "primitive", "shapes", "kind"), kept(PARAMS))
def test_a_case(name: str, primitive: Primitive, shapes: tuple[Shape, ...], kind: str) -> None:
    rng = np.random.default_rng(len(shapes))
    inputs = [values(kind, shape, rng) for shape in shapes]
    weights = {
        spec.name: rng.standard_normal(spec.shape).astype(np.float32) for spec in primitive.weight_specs(*shapes)
    }
    tolerance = of_terms(primitive, inputs) if isinstance(primitive, Matmul) and name != "half" else None
    try:
        check_layer(device_for(name), primitive, inputs, weights, tolerance)
    except LimitError as error:  # each part takes a texture unit
        assert name == "split-es100" and "texture" in str(error)


def of_terms(primitive: Matmul, inputs: list[np.ndarray]) -> float:
    """2e-6 of the largest sum of terms' magnitudes, relative to the largest result, which may cancel to nothing."""
    finite = [np.abs(np.where(np.isfinite(x), x, 0).astype(np.float64)) for x in inputs]
    results = np.abs(primitive.reference([x.astype(np.float64) for x in inputs], {}))
    return 2e-6 * max(1.0, primitive.reference(finite, {}).max() / results[np.isfinite(results)].max(initial=1e-30))


@pytest.mark.parametrize("name", ["es300", "es100", "bytes"])
@pytest.mark.parametrize("kind", TOTALS)
@pytest.mark.parametrize(
    ("shape", "axis"), [((1, 1_000_000), 1), ((2, 200_000), 1), ((3, 70_001, 2), 1), ((140_003,), 0)]
)
def test_a_reduction_of_any_length(name: str, kind: str, shape: Shape, axis: int) -> None:
    rng = np.random.default_rng(axis)
    x = rng.normal(3, 1, shape).astype(np.float32)
    if kind == "prod":
        x = np.ones(shape, np.float32)  # all but a few, whose product is exact
        x.flat[rng.integers(x.size, size=20)] = rng.choice([-2, 0.5, 3], 20)
    elif kind.startswith("arg"):
        x = rng.integers(-3, 4, shape).astype(np.float32)  # the first of many
        x.flat[rng.integers(x.size // 2, x.size, 2)] = 9 if kind == "argmax" else -9
    elif kind in ("all", "any"):
        x[:] = kind == "all"
        x.flat[rng.integers(x.size)] = kind == "any"
    want = Reduce(kind, (axis,)).reference([x.astype(np.float64)], {})
    got = run_layer(device_for(name), Reduce(kind, (axis,)), [x]).outputs[0]
    np.testing.assert_allclose(got, want, rtol=1e-6 if kind in ("sum", "mean") else 0)


@pytest.mark.parametrize("name", ["es300", "es100"])
def test_the_first_nan_wins(name: str) -> None:
    for shape, axis in (((5, 41), 1), ((41, 5), 0), ((1, 140_000), 1), ((40_000, 2), 0)):
        x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        along = np.moveaxis(x, axis, 0)
        along[len(along) // 2 :] = np.nan
        for kind in ("argmax", "argmin"):
            got = run_layer(device_for(name), Reduce(kind, (axis,)), [x]).outputs[0]
            np.testing.assert_array_equal(got, len(along) // 2)


@pytest.mark.parametrize("name", ["es300", "gl330", "es100", "bytes"])
@pytest.mark.parametrize(
    ("shape", "axes"), [((2, 7), (1,)), ((2, 64), (1,)), ((3, 1000), (0, 1)), ((1, 140_000), (1,)), ((40_003, 2), (0,))]
)
def test_a_mean_near_the_largest_is_finite(name: str, shape: Shape, axes: tuple[int, ...]) -> None:
    for end in (-3.4e38, 3e38):
        got = run_layer(device_for(name), Reduce("mean", axes), [np.full(shape, end, np.float32)]).outputs[0]
        np.testing.assert_allclose(got, end, rtol=2e-6)


def kernels(device: glnn.Device, primitive: Primitive, *shapes: Shape) -> list[str]:
    rng = np.random.default_rng(0)
    run = check_layer(device, primitive, [rng.standard_normal(shape).astype(np.float32) for shape in shapes])
    return [draw.kernel for draw in run.plan.draws]


def test_what_needs_no_more_draws() -> None:
    device = device_for("es300")
    assert kernels(device, Matmul(), (2, 5, 7), (2, 7, 6)) == ["matmul"]
    assert kernels(device, Matmul(False, True), (2, 3, 5, 7), (2, 1, 6, 7)) == ["matmul"]
    assert kernels(device, Matmul(), (5, 7), (7,)) == kernels(device, Matmul(), (7,), (7,)) == ["matmul"]
    assert kernels(device, Matmul(True), (7, 5), (7,)) == ["matmul"]
    assert kernels(device, Concat(-1), *[(2, 3, k + 1) for k in range(16)]) == ["concat"]
    assert kernels(device, Concat(1), *[(2, k + 1) for k in range(17)]) == ["concat"] * 3
    of = f("square", f("subtract", In(0), In(1)))
    assert kernels(device, Reduce("mean", (1, 2), False, of), (2, 5, 7, 3), (2, 1, 1, 3)) == ["reduce_space"]
    assert kernels(device, Reduce("mean", (3,), False, of), (2, 5, 7, 3), (2, 5, 7, 1)) == ["reduce_channels"]


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("turned", [False, True])
def test_nothing_beyond_a_matrix_is_multiplied(name: str, turned: bool) -> None:
    """NaN in the columns, and in the matrices, that lie next to those that a value is made of."""
    rng = np.random.default_rng(0)
    for inner in (5, 6, 7, 9, 21):
        a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 4, inner), (3, inner, 8)))
        b[:, :, 4:], b[1], a[1], a[0, 2:] = np.nan, np.nan, np.inf, np.nan
        got = run_layer(device_for(name), Matmul(False, turned), [a, b.swapaxes(1, 2) if turned else b]).outputs[0]
        finite = np.zeros((3, 4, 8), bool)
        finite[0, :2, :4] = finite[2, :, :4] = True
        np.testing.assert_array_equal(np.isfinite(got), finite)


@dataclass(frozen=True)
class Totals(Layer):
    """The sum of all lanes of the texels of 1 / (x + y), channel by channel, by a kernel of another package."""

    arity = 2

    def output_shape(self, *inputs: Dims) -> Dims:
        return (*inputs[0][:-1], 1)

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return (1 / (inputs[0] + inputs[1])).sum(-1, keepdims=True)

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        of = Epilogue(f("divide", 1, f("add", In(0), In(1))), dict(enumerate(inputs)))
        return b.draw("my_totals", (*inputs[0].shape[:-1], 1), {"x": Computed(inputs[0].shape, of)})


TOTALS_KERNEL = """#pragma glnn input x
vec4 kernel(int n, int h, int w, int c) {
    float total = 0.0;
    for (int g = 0; g < x_G; g++) total += dot(x(n, h, w, 4 * g), vec4(1.0));
    return vec4(total, 0.0, 0.0, 0.0);
}
"""


@pytest.mark.parametrize("name", ["es300", "gl330", "es100", "bytes", "split"])
def test_lanes_past_the_last_channel_of_what_is_computed_are_zero(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_ADDED", {})
    (tmp_path / "my_totals.glsl").write_text(TOTALS_KERNEL)
    files.add_folder(tmp_path)
    rng = np.random.default_rng(0)
    for channels in (1, 6, 7, 8):
        x, y = (rng.uniform(1, 2, (2, 3, size)).astype(np.float32) for size in (channels, 1))
        check_layer(device_for(name), Totals(), [x, y])
    files.load_kernel.cache_clear()


@pytest.mark.parametrize("name", ["es300", "es100"])
def test_attention_is_what_onnxruntime_says(name: str) -> None:
    """q times k transposed, and a reduction of each kind: the answers of an implementation of its own."""
    onnx, ort = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    q, k = (rng.standard_normal((2, 3, 9, 8)).astype(np.float32) for _ in "qk")
    ops = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd"}
    make = onnx.helper
    axes = make.make_tensor("axes", onnx.TensorProto.INT64, [1], [2])
    nodes = [
        make.make_node("Transpose", ["k"], ["t"], perm=[0, 1, 3, 2]),
        make.make_node("MatMul", ["q", "t"], ["m"]),
        *(make.make_node(op, ["m", "axes"], [kind], keepdims=0) for kind, op in ops.items()),
        *(
            make.make_node(kind.replace("arg", "Arg").replace("Argm", "ArgM"), ["m"], [kind], axis=2, keepdims=0)
            for kind in ("argmax", "argmin")
        ),
    ]
    floats = onnx.TensorProto.FLOAT
    kinds = {**dict.fromkeys(["m", *ops], floats), "argmax": onnx.TensorProto.INT64, "argmin": onnx.TensorProto.INT64}
    graph = make.make_graph(
        nodes, "g", [make.make_tensor_value_info(n, floats, q.shape) for n in "qk"],
        [make.make_tensor_value_info(n, kind, None) for n, kind in kinds.items()], [axes],
    )  # fmt: skip
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=8)
    want = dict(zip(kinds, ort.InferenceSession(model.SerializeToString()).run(None, {"q": q, "k": k}), strict=True))
    got = run_layer(device_for(name), Matmul(False, True), [q, k]).outputs[0]
    np.testing.assert_allclose(got, want["m"], rtol=1e-5, atol=1e-5)
    for kind in list(kinds)[1:]:
        made = run_layer(device_for(name), Reduce(kind, (2,)), [want["m"]]).outputs[0]
        np.testing.assert_allclose(made, want[kind], rtol=1e-5, atol=1e-5)
