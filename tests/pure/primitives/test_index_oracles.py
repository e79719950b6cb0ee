"""The references of what picks, puts, sorts, adds up and resamples against onnxruntime and JAX."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from support.seeds import seeded

from glnn.primitives.cumulate import Cumulate
from glnn.primitives.index import Take
from glnn.primitives.order import TopK
from glnn.primitives.resample import Resample
from glnn.primitives.scatter import Scatter

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
RNG = seeded(7)


def onnx_answer(op: str, inputs: list[np.ndarray | None], outputs: int = 1, **attributes: Any) -> list[np.ndarray]:
    """What onnxruntime gives for one operator; None stands for an input that is left out."""
    types = {np.dtype("f4"): onnx.TensorProto.FLOAT, np.dtype("i8"): onnx.TensorProto.INT64}
    names = ["" if x is None else f"x{k}" for k, x in enumerate(inputs)]
    given = {name: x for name, x in zip(names, inputs, strict=True) if x is not None}
    infos = [onnx.helper.make_tensor_value_info(name, types[x.dtype], x.shape) for name, x in given.items()]
    made = [f"y{k}" for k in range(outputs)]
    kinds = [onnx.TensorProto.FLOAT, onnx.TensorProto.INT64]
    results = [onnx.helper.make_tensor_value_info(name, kinds[k], None) for k, name in enumerate(made)]
    node = onnx.helper.make_node(op, names, made, **attributes)
    graph = onnx.helper.make_graph([node], "one", infos, results)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)], ir_version=9)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(made, given)


def floats(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def rows(size: int, *shape: int) -> np.ndarray:
    return RNG.integers(-size, size, shape)


@pytest.mark.parametrize(
    ("shape", "axis", "places"), [((7, 5), 0, (3, 2)), ((2, 7, 5), 1, (4,)), ((2, 3, 7), -1, (2, 2))]
)
def test_gather(shape: tuple, axis: int, places: tuple) -> None:
    x, p = floats(*shape), rows(7, *places)
    (want,) = onnx_answer("Gather", [x, p], axis=axis)
    np.testing.assert_array_equal(Take("axis", axis).reference([x, p.astype("f")], {}), want)


@pytest.mark.parametrize(("axis", "places"), [(0, (4, 5)), (0, (9, 3)), (1, (7, 8)), (1, (6, 2))])
def test_gather_elements(axis: int, places: tuple) -> None:
    x, p = floats(7, 5), rows((7, 5)[axis], *places)
    (want,) = onnx_answer("GatherElements", [x, p], axis=axis)
    np.testing.assert_array_equal(Take("along", axis).reference([x, p.astype("f")], {}), want)


@pytest.mark.parametrize(
    ("places", "batch"), [((3, 1), 0), ((2, 3, 2), 0), ((5, 3), 0), ((5, 2, 1), 1), ((5, 2, 2), 1)]
)
def test_gather_nd(places: tuple, batch: int) -> None:
    x, p = floats(5, 5, 5), rows(5, *places)
    (want,) = onnx_answer("GatherND", [x, p], batch_dims=batch)
    np.testing.assert_array_equal(Take("nd", batch=batch).reference([x, p.astype("f")], {}), want)


ONNX_KINDS = {"set": "none", "add": "add", "mul": "mul", "max": "max", "min": "min"}


@pytest.mark.parametrize(("kind", "axis", "places"), product(ONNX_KINDS, (0, 1), ((4, 5), (7, 3), (2, 2))))
def test_scatter_elements(kind: str, axis: int, places: tuple) -> None:
    x, p, u = floats(7, 5), rows((7, 5)[axis], *places), floats(*places)
    (want,) = onnx_answer("ScatterElements", [x, p, u], axis=axis, reduction=ONNX_KINDS[kind])
    got = Scatter("along", axis, kind).reference([x, p.astype("f"), u], {})
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize(("kind", "places"), product(ONNX_KINDS, ((6, 1), (2, 3, 2), (30, 3))))
def test_scatter_nd(kind: str, places: tuple) -> None:
    x, p = floats(5, 5, 5), rows(5, *places)
    u = floats(*places[:-1], *x.shape[places[-1] :])
    (want,) = onnx_answer("ScatterND", [x, p, u], reduction=ONNX_KINDS[kind])
    got = Scatter("nd", 0, kind).reference([x, p.astype("f"), u], {})
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("exclusive", "reverse", "axis"), product((0, 1), (0, 1), (0, 1, 2)))
def test_cumsum(exclusive: int, reverse: int, axis: int) -> None:
    x = floats(3, 5, 4)
    (want,) = onnx_answer("CumSum", [x, np.array(axis)], exclusive=exclusive, reverse=reverse)
    got = Cumulate("sum", axis, bool(exclusive), bool(reverse)).reference([x], {})
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("k", "axis", "largest"), product((1, 3, 5), (0, 1, -1), (0, 1)))
def test_topk(k: int, axis: int, largest: int) -> None:
    x = np.round(floats(5, 6, 7))  # with ties
    values, places = onnx_answer("TopK", [x, np.array([k])], 2, axis=axis, largest=largest, sorted=1)
    got = TopK(k, axis, bool(largest)).reference([x], {})
    np.testing.assert_array_equal(got[0], values)
    np.testing.assert_array_equal(got[1], places)


def test_sorting_is_numpys() -> None:
    x = np.where(RNG.random((9, 30)) < 0.2, np.nan, np.round(floats(9, 30)))
    values, places = TopK(None, -1, False).reference([x], {})
    np.testing.assert_array_equal(values, np.sort(x, -1))
    np.testing.assert_array_equal(places, np.argsort(x, -1, kind="stable"))


COORDINATES = ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "half_pixel_symmetric")
SIZES = ((4, 9), (13, 3), (7, 1), (14, 12))


def resized(x: np.ndarray, sizes: tuple | None, factors: tuple | None, **attributes: Any) -> np.ndarray:
    """onnxruntime's Resize of x (N, H, W, C)."""
    nchw = np.moveaxis(x, -1, 1)
    wanted = None if sizes is None else np.array([*nchw.shape[:2], *sizes])
    scales = None if factors is None else np.array([1, 1, *factors], np.float32)
    (made,) = onnx_answer("Resize", [nchw, None, scales, wanted][: 4 if sizes else 3], **attributes)
    return np.moveaxis(made, 1, -1)


@pytest.mark.parametrize(("sizes", "coordinates", "method", "exclude"), [
    *product(SIZES, COORDINATES, ("linear", "cubic"), (0,)), *product(SIZES, COORDINATES, ("cubic",), (1,)),
])  # fmt: skip
def test_resize(sizes: tuple, coordinates: str, method: str, exclude: int) -> None:
    x = floats(2, 7, 6, 3)
    want = resized(x, sizes, None, mode=method, coordinate_transformation_mode=coordinates, exclude_outside=exclude)
    got = Resample(sizes=sizes, method=method, coordinates=coordinates, exclude_outside=bool(exclude))
    np.testing.assert_allclose(got.reference([x], {}), want, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(("factors", "coordinates", "method"), product(
    ((1.7, 0.6), (0.45, 2.3), (2.0, 3.0)), COORDINATES, ("linear", "cubic", "nearest")
))  # fmt: skip
def test_resize_by_factors(factors: tuple, coordinates: str, method: str) -> None:
    x = floats(2, 7, 6, 3)
    want = resized(x, None, factors, mode=method, coordinate_transformation_mode=coordinates)
    got = Resample(factors, method=method, coordinates=coordinates, rounding="round_prefer_floor")
    np.testing.assert_allclose(got.reference([x], {}), want, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(("sizes", "coordinates", "rounding"), product(
    SIZES, COORDINATES, ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
))  # fmt: skip
def test_resize_nearest(sizes: tuple, coordinates: str, rounding: str) -> None:
    x = floats(2, 7, 6, 3)
    want = resized(x, sizes, None, mode="nearest", coordinate_transformation_mode=coordinates, nearest_mode=rounding)
    got = Resample(sizes=sizes, method="nearest", coordinates=coordinates, rounding=rounding).reference([x], {})
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("sizes", "method", "exclude"), product(((4, 9), (13, 3), (2, 2), (14, 12)), ("linear", "cubic"), (0, 1))
)
def test_resize_antialias(sizes: tuple, method: str, exclude: int) -> None:
    x = floats(2, 7, 6, 3)
    want = resized(x, sizes, None, mode=method, antialias=1, exclude_outside=exclude)
    got = Resample(sizes=sizes, method=method, antialias=True, exclude_outside=bool(exclude)).reference([x], {})
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(("sizes", "method", "antialias"), product(
    ((4, 9), (13, 3), (7, 1), (14, 12)), ("linear", "cubic", "nearest", "lanczos3", "lanczos5"), (False, True)
))  # fmt: skip
def test_resize_as_jax(sizes: tuple, method: str, antialias: bool) -> None:
    jax = pytest.importorskip("jax")
    x = floats(2, 7, 6, 3)
    want = np.asarray(jax.image.resize(x, (2, *sizes, 3), method, antialias=antialias))
    got = Resample(sizes=sizes, method=method, cubic=-0.5, antialias=antialias, exclude_outside=True)
    np.testing.assert_allclose(got.reference([x], {}), want, rtol=1e-4, atol=3e-5)


@pytest.mark.parametrize("sizes", [(9,), (3,), (3, 9, 5)])
def test_resize_along_one_and_three_axes(sizes: tuple) -> None:
    jax = pytest.importorskip("jax")
    x = floats(2, *(5, 4, 7)[: len(sizes)], 3)
    for method in ("linear", "cubic"):
        want = np.asarray(jax.image.resize(x, (2, *sizes, 3), method, antialias=True))
        got = Resample(sizes=sizes, method=method, cubic=-0.5, antialias=True, exclude_outside=True)
        np.testing.assert_allclose(got.reference([x], {}), want, rtol=1e-4, atol=3e-5)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: Take("rows"), "axis"), (lambda: Take(mode="raise"), "from-end"), (lambda: Scatter(kind="sum"), "add"),
    (lambda: Cumulate("mean"), "prod"), (lambda: Cumulate("max", exclusive=True), "exclusive"),
    (lambda: TopK(0), "from 1 on"), (lambda: Resample(), "sizes or factors"), (lambda: Resample((0.0, 1.0)), "larger"),
    (lambda: Resample(sizes=(3, 3), method="bell"), "cubic"), (lambda: TopK(4).shape((2, 3)), "k may be 3"),
    (lambda: Take("nd").shape((3, 4), (2, 3)), "1 to 2"), (lambda: Take("along").shape((3, 4), (2,)), "2 axes"),
    (lambda: Scatter("axis", 0).shape((3, 4), (2,), (2, 5)), r"\(2, 4\)"),
    (lambda: Resample(sizes=(3,)).shape((1, 3, 3, 1)), r"\(N, \*sizes, C\)"),
])  # fmt: skip
def test_what_is_wrong_is_told(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
