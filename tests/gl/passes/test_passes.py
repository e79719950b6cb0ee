"""Passes: where they fire and where they must not, and that a graph gives the same before and after each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import glnn
from glnn import passes
from glnn.graph import Graph, Node, TensorSpec, reference, validate
from glnn.graph.quantized import BITS, Quantized
from glnn.layers.activation import Activation, PReLU, ReLU, Softmax
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from glnn.layers.core import Dense, Dropout, Flatten, Identity
from glnn.layers.merging import Add, Concatenate, Multiply
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from glnn.layers.resizing import ZeroPadding2D
from glnn.model import Model
from glnn.passes import fold_batchnorm, fuse_activation, fuse_residual, merge_padding, remove_identity
from glnn.plan import make_plan
from glnn.plan.weights import WeightStore
from glnn.primitives.functions import FUNCTIONS
from glnn.run.executor import Executor
from glnn.run.resident import Resident
from glnn.testing import assert_close

TOLERANCE = 1e-5  # relative to the largest: folding moves a rounding from here to there
Step = tuple[str, Layer, Any, str]  # name, layer, inputs (one name or several), output


@pytest.fixture(scope="module")
def device() -> Iterator[glnn.Device]:
    with glnn.Device() as made:
        yield made


def build(steps: list[Step], outputs: str = "y", **inputs: tuple) -> Graph:
    """A graph of these steps over inputs of these shapes (without the batch), with seeded weights."""
    rng = np.random.default_rng(4)
    specs = tuple(TensorSpec(name, (None, *shape)) for name, shape in (inputs or {"x": (9, 8, 3)}).items())
    nodes: list[Node] = []
    for name, layer, read, made in steps:
        sources = (read,) if isinstance(read, str) else tuple(read)
        shapes = Graph("part", specs, tuple(nodes), ()).specs()
        weights = {}
        for spec in layer.weight_specs(*[shapes[s].shape for s in sources]):
            values = rng.normal(size=spec.shape)
            values = np.abs(values) + 0.3 if "variance" in spec.name else values / max(1, np.sqrt(values[..., 0].size))
            weights[spec.name] = values.astype(np.float32)
        nodes.append(Node(name, layer, sources, (made,), weights))
    names = tuple(outputs.split())
    return validate(Graph("net", specs, tuple(nodes), names, names))


def execute(graph: Graph, device: glnn.Device, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A graph through the shaders just as it is, no pass applied."""
    store = WeightStore(graph)
    plan = make_plan(graph, {name: x.shape for name, x in inputs.items()}, device.limits, store)
    resident = Resident(device, store.values)
    executor = Executor(plan, device, resident)
    try:
        return executor.run(inputs, poison=True)
    finally:
        executor.release()
        resident.release()


def agree(graph: Graph, run: Callable[[Graph], Graph], device: glnn.Device, **sizes: tuple[int, ...]) -> None:
    """Before and after: NumPy with NumPy, shaders with shaders, shaders with NumPy; `sizes` of inputs without them."""
    after = validate(run(graph))
    assert {s.name for s in after.inputs} == {s.name for s in graph.inputs} and after.output_names == graph.output_names
    rng = np.random.default_rng(6)
    shapes = {s.name: (2, *sizes.get(s.name, s.shape[1:-1]), s.shape[-1]) for s in graph.inputs}
    inputs = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    expected, folded = reference.run(graph, inputs), reference.run(after, inputs)
    plain, fused = execute(graph, device, inputs), execute(after, device, inputs)
    assert list(expected) == list(folded) == list(plain) == list(fused)
    for name, want in expected.items():
        assert_close(folded[name], want, 1e-6)
        assert_close(plain[name], want, TOLERANCE)
        assert_close(fused[name], want, TOLERANCE)
    assert device.error() == "GL_NO_ERROR"


def names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


CONV = Conv2D(6, (3, 3), padding="same")
SAME = Conv2D(3, (3, 3), padding="same")
NORM = BatchNormalization()
DROPOUT = Dropout()
CONVS: list[Layer] = [
    CONV,
    Conv2D(6, (3, 3), (2, 1), use_bias=False),
    Conv2D(6, (3, 3), groups=3),
    DepthwiseConv2D((3, 3), padding="same"),
    DepthwiseConv2D((3, 2), depth_multiplier=2, use_bias=False),
    SeparableConv2D(5, (3, 3), depth_multiplier=2),
    Conv2DTranspose(5, (3, 3), (2, 2), "same"),
    Dense(7),
    Dense(5, use_bias=False),
]


def label(value: Any) -> str:
    return type(value).__name__


# (pass, steps, outputs, names of the layers that stay): first where it fires, then where it must not
FIRES: list[tuple] = [
    *((fold_batchnorm, [("a", layer, "x", "t"), ("n", NORM, "t", "y")], "y", ["a"]) for layer in CONVS),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", BatchNormalization(axis=3), "t", "y")], "y", ["a"]),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", BatchNormalization(scale=False), "t", "y")], "y", ["a"]),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", NORM, "t", "u"), ("m", NORM, "u", "y")], "y", ["a"]),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", NORM, "t", "y"), ("b", SAME, "x", "z")], "y z", ["a", "b"]),
    *((fuse_activation, [("a", layer, "x", "t"), ("r", ReLU(), "t", "y")], "y", ["a"]) for layer in CONVS),
    (fuse_activation, [("a", CONV, "x", "t"), ("r", ReLU(6.0), "t", "y")], "y", ["a"]),
    (fuse_activation, [("a", NORM, "x", "t"), ("r", ReLU(), "t", "y")], "y", ["a"]),
    (fuse_activation, [("a", Add(), ("x", "x"), "t"), ("r", ReLU(), "t", "y")], "y", ["a"]),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "y")], "y", ["a"]),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("x", "t"), "y")], "y", ["a"]),
    (fuse_residual, [("a", SAME, "x", "t"), ("b", SAME, "x", "u"), ("s", Add(), ("t", "u"), "y")], "y", ["a", "b"]),
    (merge_padding, [("p", ZeroPadding2D(((1, 2), (0, 3))), "x", "t"), ("a", Conv2D(4, 3), "t", "y")], "y", ["a"]),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", DepthwiseConv2D(3, 2), "t", "y")], "y", ["a"]),
    (merge_padding, [("p", ZeroPadding2D(2), "x", "t"), ("a", SeparableConv2D(4, 3), "t", "y")], "y", ["a"]),
    (
        merge_padding,
        [("p", ZeroPadding2D(1), "x", "t"), ("q", ZeroPadding2D(2), "t", "u"), ("a", Conv2D(4, 3), "u", "y")],
        "y",
        ["a"],
    ),
    (remove_identity, [("d", DROPOUT, "x", "t"), ("a", CONV, "t", "y")], "y", ["a"]),
    (remove_identity, [("a", CONV, "x", "t"), ("d", Identity(), "t", "y"), ("r", ReLU(), "y", "z")], "y z", ["a", "r"]),
    (remove_identity, [("d", DROPOUT, "x", "t"), ("e", DROPOUT, "t", "y")], "y", []),
]
LEAVES: list[tuple] = [
    # two readers
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", NORM, "t", "u"), ("s", Multiply(), ("t", "u"), "y")], "y"),
    (fuse_activation, [("a", CONV, "x", "t"), ("r", ReLU(), "t", "u"), ("s", Multiply(), ("t", "u"), "y")], "y"),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "u"), ("m", Multiply(), ("t", "u"), "y")], "y"),
    (
        merge_padding,
        [
            ("p", ZeroPadding2D(1), "x", "t"),
            ("a", Conv2D(4, 3), "t", "u"),
            ("m", MaxPooling2D(3, 1), "t", "v"),
            ("s", Concatenate(), ("u", "v"), "y"),
        ],
        "y",
    ),
    # what lies between is an output of the graph
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", NORM, "t", "y")], "y t"),
    (fuse_activation, [("a", CONV, "x", "t"), ("r", ReLU(), "t", "y")], "t y"),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "y")], "t y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", Conv2D(4, 3), "t", "y")], "y t"),
    # an activation in between
    (fold_batchnorm, [("a", Conv2D(6, 3, activation="relu"), "x", "t"), ("n", NORM, "t", "y")], "y"),
    (fold_batchnorm, [("a", Dense(6, activation="softmax"), "x", "t"), ("n", NORM, "t", "y")], "y"),
    (fuse_residual, [("a", replace(SAME, activation="relu"), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y"),
    (fuse_activation, [("a", Conv2D(6, 3, activation="tanh"), "x", "t"), ("r", ReLU(), "t", "y")], "y"),
    # not pointwise, or with weights of its own
    (fuse_activation, [("a", CONV, "x", "t"), ("r", Softmax(), "t", "y")], "y"),
    (fuse_activation, [("a", CONV, "x", "t"), ("r", PReLU(), "t", "y")], "y"),
    # normalisation along another axis, or of what is no convolution's output
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", BatchNormalization(axis=1), "t", "y")], "y"),
    (fold_batchnorm, [("a", MaxPooling2D(2), "x", "t"), ("n", NORM, "t", "y")], "y"),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("f", Flatten(), "t", "u"), ("n", NORM, "u", "y")], "y"),
    (fold_batchnorm, [("n", NORM, "x", "t"), ("a", CONV, "t", "y")], "y"),
    # padding before what pads by itself, or where zeros would count
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", CONV, "t", "y")], "y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", DepthwiseConv2D(3, 2, "same"), "t", "y")], "y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("m", MaxPooling2D(2), "t", "y")], "y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("m", AveragePooling2D(2), "t", "y")], "y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", Conv2DTranspose(4, 3), "t", "y")], "y"),
    # sums that are not of two tensors of one shape
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x", "x"), "y")], "y"),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "t"), "y")], "y"),
    (fuse_residual, [("a", Conv2D(1, 3, padding="same"), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y"),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Multiply(), ("t", "x"), "y")], "y"),
    (fuse_residual, [("a", Dense(3), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y"),
    # what does something
    (remove_identity, [("a", CONV, "x", "t"), ("r", ReLU(), "t", "y")], "y"),
]


def identify(entries: list[tuple]) -> list[str]:
    return [f"{e[0].__name__.rpartition('.')[2]}-{'-'.join(label(s[1]) for s in e[1])}-{e[2]}" for e in entries]


@pytest.mark.parametrize("entry", FIRES, ids=identify(FIRES))
def test_a_pass_fires(device: glnn.Device, entry: tuple) -> None:
    module, steps, outputs, left = entry
    graph = build(steps, outputs)
    assert names(module.run(graph)) == left
    agree(graph, module.run, device)


@pytest.mark.parametrize("entry", LEAVES, ids=identify(LEAVES))
def test_a_pass_does_not_fire(device: glnn.Device, entry: tuple) -> None:
    module, steps, outputs = entry
    graph = build(steps, outputs)
    after = module.run(graph)
    assert names(after) == names(graph)
    assert [n.layer for n in after.nodes] == [n.layer for n in graph.nodes] and after.outputs == graph.outputs
    agree(graph, passes.optimize, device)  # the others may do what they like


@pytest.mark.parametrize("function", [f for f in FUNCTIONS.values() if f.pointwise], ids=lambda f: f.name)
def test_every_pointwise_function_fuses(device: glnn.Device, function: Any) -> None:
    graph = build([("a", CONV, "x", "t"), ("r", Activation(function), "t", "y")])
    assert names(fuse_activation.run(graph)) == ["a"]
    agree(graph, passes.optimize, device)


def test_a_residual_takes_the_activation_of_its_sum(device: glnn.Device) -> None:
    graph = build([("a", SAME, "x", "t"), ("s", Add(activation="relu"), ("t", "x"), "y")])
    (node,) = passes.optimize(graph).nodes
    assert node.layer.residual and node.layer.activation.name == "relu" and node.inputs == ("x", "x")
    agree(graph, passes.optimize, device)


def test_a_residual_with_an_activation_after_it(device: glnn.Device) -> None:
    """ResNet's block: two convolutions with normalisation, a sum with what came in, ReLU."""
    graph = build(
        [
            ("a", CONV, "x", "1"), ("an", NORM, "1", "2"), ("ar", ReLU(), "2", "3"),
            ("b", CONV, "3", "4"), ("bn", NORM, "4", "5"),
            ("c", Conv2D(6, 1), "x", "6"), ("cn", NORM, "6", "7"),
            ("s", Add(), ("7", "5"), "8"), ("r", ReLU(), "8", "y"),
        ]
    )  # fmt: skip
    assert len(passes.optimize(graph).nodes) == 3
    agree(graph, passes.optimize, device)


def test_a_residual_that_is_made_after_the_convolution_waits(device: glnn.Device) -> None:
    """The other summand comes from behind the convolution, and through it: nothing may be read before it is made."""
    graph = build(
        [
            ("a", SAME, "x", "t"),
            ("m", Multiply(), ("x", "x"), "u"),
            ("s", Add(), ("t", "u"), "y"),
            ("b", SAME, "y", "v"),
            ("z", Add(), ("v", "y"), "w"),
        ],
        "w",
    )
    agree(graph, fuse_residual.run, device)
    agree(graph, passes.optimize, device)


FREE: dict[str, list[Step]] = {  # sums of what has free sizes only: the pass sees one shape, run time may not
    "two inputs": [("a", SAME, "x", "t"), ("s", Add(), ("t", "z"), "u"), ("r", ReLU(), "u", "y")],
    "the other first": [("a", SAME, "x", "t"), ("s", Add(), ("z", "t"), "u"), ("r", Softmax(), "u", "y")],
    "fewer pixels": [("a", replace(SAME, strides=(7, 6)), "x", "t"), ("s", Add(), ("t", "x"), "y")],
    "grouped": [
        ("a", Conv2D(8, 1), "x", "t"), ("g", Conv2D(6, 3, padding="same", groups=2), "t", "u"), ("c", CONV, "z", "v"),
        ("s", Add(), ("v", "u"), "w"), ("n", NORM, "w", "n"), ("r", ReLU(), "n", "y"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("steps", FREE.values(), ids=FREE)
@pytest.mark.parametrize("other", [(7, 6), (1, 1), (1, 6), (7, 1)], ids=str)
@pytest.mark.parametrize("mine", [(7, 6), (1, 1)], ids=str)
def test_free_sizes_that_are_not_equal_at_run_time(
    device: glnn.Device, steps: list[Step], other: tuple[int, int], mine: tuple[int, int]
) -> None:
    """None equals None, and 1 does not equal 7: what a pass fused must still repeat, as Add does."""
    graph = build(steps, x=(None, None, 3), z=(None, None, 3))
    assert len(passes.optimize(graph).nodes) < len(graph.nodes)
    agree(graph, passes.optimize, device, x=mine, z=other)
    agree(graph, fuse_residual.run, device, x=mine, z=other)


@pytest.mark.parametrize("entry", FIRES, ids=identify(FIRES))
def test_a_pass_fires_on_free_sizes(device: glnn.Device, entry: tuple) -> None:
    module, steps, outputs, left = entry
    graph = build(steps, outputs, x=(None, None, 3))
    assert names(module.run(graph)) == left
    agree(graph, module.run, device, x=(6, 5))


SIZED = (PReLU(), Flatten(), BatchNormalization(axis=1))  # layers that take no free sizes
ANY_SIZE = [entry for entry in LEAVES if not any(step[1] in SIZED for step in entry[1])]


@pytest.mark.parametrize("entry", ANY_SIZE, ids=identify(ANY_SIZE))
def test_a_pass_does_not_fire_on_free_sizes(device: glnn.Device, entry: tuple) -> None:
    module, steps, outputs = entry
    graph = build(steps, outputs, x=(None, None, 3))
    assert names(module.run(graph)) == names(graph)
    agree(graph, passes.optimize, device, x=(6, 5))


def test_padding_then_convolution_then_all_the_rest(device: glnn.Device) -> None:
    """MobileNet's block: padding, strided depthwise convolution, normalisation, ReLU6."""
    graph = build(
        [
            ("p", ZeroPadding2D(((0, 1), (0, 1))), "x", "1"),
            ("d", DepthwiseConv2D(3, 2, use_bias=False), "1", "2"),
            ("n", NORM, "2", "3"),
            ("r", ReLU(6.0), "3", "4"),
            ("o", DROPOUT, "4", "y"),
        ]
    )
    (node,) = passes.optimize(graph).nodes
    assert node.layer.activation.name.startswith("relu") and node.layer.padding == ((0, 1), (0, 1))
    agree(graph, passes.optimize, device)


# ---- weights that are not float32


def stored_as(values: np.ndarray, codec: str, axes: tuple[int, ...] = ()) -> Any:
    """Values in a codec, per tensor or with one scale per channel along these axes."""
    if codec == "float16":
        return values.astype(np.float16)
    others = tuple(axis for axis in range(values.ndim) if axis not in axes)
    low, top = values.min(others, keepdims=True), values.max(others, keepdims=True)
    scale = np.where(top > low, (top - low) / (2 ** BITS[codec] - 1), 1)
    return Quantized.make(codec, np.round((values - low) / scale), scale, low)


def with_weights(graph: Graph, change: Callable[[Node, str, Any], Any]) -> Graph:
    """The graph with each weight replaced by what `change(node, name, values)` gives."""
    return graph.with_(
        nodes=tuple(n.with_(weights={k: change(n, k, w) for k, w in n.weights.items()}) for n in graph.nodes)
    )


QUANTIZED = [
    *((layer, codec, per_channel) for layer in CONVS for codec, per_channel in (("uint8", True), ("uint16", False))),
    (CONV, "uint4", True),
    (CONV, "uint4", False),
]


@pytest.mark.parametrize(("layer", "codec", "per_channel"), QUANTIZED, ids=lambda v: v if type(v) is str else label(v))
def test_folding_leaves_the_integers_of_a_kernel(
    device: glnn.Device, layer: Layer, codec: str, per_channel: bool
) -> None:
    name, axes = fold_batchnorm.KERNELS[type(layer)]
    graph = with_weights(
        build([("a", layer, "x", "t"), ("n", NORM, "t", "y")]),
        lambda node, key, w: stored_as(w, codec, axes if per_channel and key == name else ()),
    )
    before = graph.nodes[0].weights
    codes = {key: w.codes.copy() for key, w in before.items()}
    (node,) = fold_batchnorm.run(graph).nodes
    after = node.weights[name]
    assert isinstance(after, Quantized) and after.codec == codec
    assert np.shares_memory(after.codes, before[name].codes)
    np.testing.assert_array_equal(after.codes, codes[name])
    channels = np.prod([after.shape[axis] for axis in axes])
    assert after.nbytes == (after.size * BITS[codec] + 7) // 8 + 8 * channels  # one scale, one low per channel
    assert node.weights["bias"].dtype == np.float32
    for key, w in before.items():  # the graph that came in is as it was
        assert w is graph.nodes[0].weights[key]
        np.testing.assert_array_equal(w.codes, codes[key])
    agree(graph, fold_batchnorm.run, device)


def test_folding_makes_halves_float32(device: glnn.Device) -> None:
    graph = with_weights(
        build([("a", CONV, "x", "t"), ("n", NORM, "t", "y")]), lambda node, key, w: stored_as(w, "float16")
    )
    (node,) = fold_batchnorm.run(graph).nodes
    assert {w.dtype for w in node.weights.values()} == {np.dtype(np.float32)}
    agree(graph, fold_batchnorm.run, device)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_scale_beyond_float32_is_not_folded(value: float) -> None:
    """A quantized kernel's scales stay finite: the normalisation stays, and computes what it says."""
    graph = build([("a", CONV, "x", "t"), ("n", NORM, "t", "y")])
    graph = with_weights(
        graph,
        lambda node, key, w: (
            stored_as(100 * w, "uint8") if node.name == "a" else np.full_like(w, value) if key == "gamma" else w
        ),
    )
    assert names(fold_batchnorm.run(graph)) == ["a", "n"]


@pytest.mark.parametrize("codec", ["float32", "uint8"])
@pytest.mark.parametrize("axes", [(), (3,)], ids=["tensor", "channel"])
def test_weights_that_two_layers_share_are_folded_apart(device: glnn.Device, codec: str, axes: tuple[int, ...]) -> None:
    """One kernel under two normalisations: the same codes, of another worth in each."""
    shared = build([("a", SAME, "x", "t"), ("n", NORM, "t", "u"), ("b", SAME, "u", "v"), ("m", NORM, "v", "y")])
    nodes = list(shared.nodes)
    if codec != "float32":
        weights = {k: stored_as(w, codec, axes) if w.ndim > 1 else w for k, w in nodes[0].weights.items()}
        nodes[0] = nodes[0].with_(weights=weights)
    nodes[2] = nodes[2].with_(weights=nodes[0].weights)
    graph = shared.with_(nodes=tuple(nodes))
    before = {name: np.array(w) for name, w in nodes[0].weights.items()}
    agree(graph, passes.optimize, device)
    for name, values in before.items():  # the graph that came in is as it was
        np.testing.assert_array_equal(np.asarray(nodes[0].weights[name]), values)


def test_an_input_that_is_an_output_after_removal(device: glnn.Device) -> None:
    graph = build([("d", DROPOUT, "x", "y"), ("a", CONV, "y", "z")], "y z x")
    assert passes.optimize(graph).outputs == ("x", "z", "x")
    agree(graph, passes.optimize, device)


def test_a_variance_near_zero_and_a_large_scale(device: glnn.Device) -> None:
    """Where folding loses digits if it is not done in float64."""
    graph = build([("a", CONV, "x", "t"), ("n", NORM, "t", "y")])
    weights = {"gamma": 50.0, "beta": -3.0, "moving_mean": 0.2, "moving_variance": 1e-6}
    norm = graph.nodes[1].with_(weights={k: np.full(6, v, np.float32) for k, v in weights.items()})
    agree(graph.with_(nodes=(graph.nodes[0], norm)), passes.optimize, device)


# ---- long reductions


def model_of(layer: Layer, shape: tuple[int, ...]) -> Graph:
    return build([("l", layer, "x", "y")], x=shape)


@pytest.mark.parametrize("dialect", ["es300", "es100"])
def test_a_mean_over_512_by_512(dialect: str) -> None:
    x = np.random.default_rng(0).normal(3, 1, (1, 512, 512, 5)).astype(np.float32)
    with glnn.Device(dialect=dialect) as own, Model(model_of(GlobalAveragePooling2D(), (512, 512, 5)), own) as model:
        np.testing.assert_allclose(model.predict(x), x.mean((1, 2), np.float64), rtol=3e-6)
        np.testing.assert_allclose(model.predict(np.ones_like(x)), 1, rtol=1e-6)


# es100 has a program for each of 74 stages, as its loop bounds are constants: seconds of compiling.
@pytest.mark.parametrize("dialect", ["es300", pytest.param("es100", marks=pytest.mark.whole)])
def test_a_dense_layer_of_300_000_inputs(dialect: str) -> None:
    graph = model_of(Dense(3), (300_000,))
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 300_000)), graph.nodes[0].weights["kernel"]
    with glnn.Device(dialect=dialect) as own, Model(graph, own) as model:
        expected = x.astype(np.float32).astype(np.float64) @ kernel + graph.nodes[0].weights["bias"]
        np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        every = np.ones((1, 300_000))  # one group of inputs left out would show
        total = kernel.sum(0, np.float64) + graph.nodes[0].weights["bias"]
        room = 1e-6 * np.abs(kernel).sum(0).max() / np.sqrt(300_000)
        np.testing.assert_allclose(model.predict(every)[0], total, rtol=0, atol=20 * room)
