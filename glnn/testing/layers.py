"""What a test of layers and kernels needs: run one layer through the shaders, judge it against its NumPy reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import tensor
from ..arguments import BY_NAME, DEVICE, checked, having, number, sequence
from ..device.device import Device
from ..graph.graph import ActivationCodec, Graph, Node, TensorSpec, as_tuple, validate
from ..layers.base import Layer
from ..layout.codec import CODECS, activation_storage, storage
from ..plan.plan import Plan, make_plan
from ..plan.weights import WeightStore
from ..primitives.expand import expand
from ..primitives.map import Copy
from ..quant import half, linear
from ..records import dataclass
from ..run.executor import Executor
from ..run.resident import Resident

CANCEL = 4.0  # times its tolerance that a result may be off whose terms cancel
LAYER = {  # the arguments of a layer that is run
    "device": DEVICE, "layer": having("a layer or a primitive", "reference"), "weights": BY_NAME,
    "inputs": sequence("a list of arrays", lambda x: isinstance(x, np.ndarray)),
}  # fmt: skip
TRIES = 8  # draws of roundings from which it is seen how far they move a result


@dataclass(frozen=True)
class LayerRun:
    """What came out of a layer's shaders: its outputs, the values in dead lanes and pixels, and the plan that ran."""

    outputs: list[np.ndarray]
    dead: list[np.ndarray]
    plan: Plan


def layer_graph(layer: Layer, shapes: Sequence[tuple[int, ...]], weights: Mapping[str, np.ndarray]) -> Graph:
    """A graph of one layer with inputs of these shapes (batch first). Raises GraphError."""
    specs = tuple(TensorSpec(f"x{i}", tuple(shape)) for i, shape in enumerate(shapes))
    count = len(layer.output_shape(*shapes)) if isinstance(layer.output_shape(*shapes), list) else 1
    outputs = tuple(f"y{i}" for i in range(count))
    node = Node("layer", layer, tuple(s.name for s in specs), outputs, weights)
    return validate(Graph(type(layer).__name__, specs, (node,), outputs))


def between_copies(
    layer: Layer,
    shapes: Sequence[tuple[int, ...]],
    weights: Mapping[str, np.ndarray],
    codec: Callable[[str], ActivationCodec],
) -> Graph:
    """A graph of one layer whose inputs "a0", .. and outputs "b0", .. are copies in codecs, by their names.

    What goes in is called "x0", .., what comes out "y0", ..
    """
    return with_copies(layer_graph(layer, shapes, weights), codec)


def with_copies(graph: Graph, codec: Callable[[str], ActivationCodec]) -> Graph:
    """A graph whose inputs "a0", .. and outputs "b0", .. are copies in codecs; "y0", .. are copies of the latter."""
    inputs, outputs = tuple(spec.name for spec in graph.inputs), graph.outputs
    read, made = (tuple(f"{c}{i}" for i in range(len(n))) for c, n in (("a", inputs), ("b", outputs)))
    names = dict(zip((*inputs, *outputs), (*read, *made), strict=True))
    last = tuple(f"y{i}" for i in range(len(outputs)))
    nodes = (
        *(Node(f"in {a}", Copy(), (x,), (a,)) for x, a in zip(inputs, read, strict=True)),
        *(
            node.with_(
                inputs=tuple(names.get(n, n) for n in node.inputs), outputs=tuple(names.get(n, n) for n in node.outputs)
            )
            for node in graph.nodes
        ),
        *(Node(f"out {b}", Copy(), (b,), (y,)) for b, y in zip(made, last, strict=True)),
    )
    coded = {name: codec(name) for name in (*read, *made)}
    return validate(graph.with_(nodes=nodes, outputs=last, output_names=last, activations=coded))


def channel_axes(
    layer: Layer, shapes: Sequence[tuple[int, ...]], weights: Mapping[str, Any]
) -> dict[str, tuple[int, ...]]:
    """The axes of a layer's weights along which the output channels lie: the last axis where primitives have them."""
    numbered = {name: np.arange(w.size, dtype=np.float32).reshape(w.shape) for name, w in weights.items()}
    axes: dict[str, tuple[int, ...]] = {name: (w.ndim - 1,) for name, w in weights.items()}
    graph = expand(layer_graph(layer, shapes, numbered))
    for node in graph.nodes:
        for name, view in node.weights.items():
            root = node.origins[name].split("[")[0].partition("/")[2]  # after the name of the node
            if root in weights and view.size == weights[root].size and view.shape[-1:] == (1,):
                axes[root] = ()  # one channel: one scale
            elif root in weights and view.size == weights[root].size > 1:
                places = np.unravel_index(
                    np.asarray(view).reshape(-1, view.shape[-1])[0].astype(int), weights[root].shape
                )
                axes[root] = tuple(axis for axis, at in enumerate(places) if len(set(at)) > 1) or axes[root]
    return axes


def coded_weights(
    layer: Layer, shapes: Sequence[tuple[int, ...]], weights: Mapping[str, np.ndarray], codec: str, per_channel: bool
) -> dict[str, Any]:
    """A layer's weights of two or more axes in a codec (see quant.WEIGHT_CODECS), the others as they are.

    Also where scales for each channel are more than they save, which quant.encode would refuse.
    """
    along = channel_axes(layer, shapes, weights) if per_channel else {}

    def coded(name: str, array: np.ndarray) -> Any:
        if array.ndim < 2:
            return array
        if codec == "float16":
            return half(array)
        return linear(array, codec, along.get(name))

    return {name: coded(name, array) for name, array in weights.items()}


@checked(**LAYER)
def run_layer(
    device: Device, layer: Layer, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray] | None = None
) -> LayerRun:
    """Runs one layer on a device, every texture filled with NaN first. Raises what planning and drawing raise."""
    return run_graph(device, layer_graph(layer, [x.shape for x in inputs], weights or {}), inputs)


def run_graph(device: Device, graph: Graph, inputs: Sequence[np.ndarray]) -> LayerRun:
    """Runs a graph on a device, as it stands, every texture filled with NaN first.

    Raises what planning and drawing raise.
    """
    given = {spec.name: x for spec, x in zip(graph.inputs, inputs, strict=True)}
    store = WeightStore(graph)
    plan = make_plan(graph, {name: x.shape for name, x in given.items()}, device.limits, store)
    resident = Resident(device, store.values)
    executor = Executor(plan, device, resident)
    try:
        outputs = executor.run(given, poison=True)
        dead = [
            t.layout.dead(tensor.parts([executor.slots[s] for s in t.slots], t.layout, activation_storage(t.codec)))
            for t in plan.outputs
            if t.name in made_by_draws(plan)
        ]
    finally:
        executor.release()
        resident.release()
    return LayerRun(list(outputs.values()), dead, plan)


def made_by_draws(plan: Plan) -> set[str]:
    """The outputs that a draw writes (a layer that does nothing hands its input on)."""
    targets = {draw.target for draw in plan.draws}
    return {t.name for t in plan.outputs if set(t.slots) <= targets}


def decoded(x: np.ndarray, codec: str) -> np.ndarray:
    """The values as a texture of this codec holds them, float64: what a kernel is judged on."""
    stored, values = storage(codec), np.asarray(x, np.float32).reshape(-1, 1)
    if stored.lanes > 1:
        values = np.repeat(values, stored.lanes, 1)
    return stored.decode(stored.encode(values))[:, 0].reshape(np.shape(x)).astype(np.float64)


def grid(codec: str, values: np.ndarray) -> ActivationCodec:
    """A codec for a tensor of these values: of uint8, the range from the least to the largest, 0 included."""
    if codec != "uint8":
        return ActivationCodec(codec)
    low, high = min(0.0, float(values.min(initial=0))), max(0.0, float(values.max(initial=0)))
    return ActivationCodec(codec, low, high if high > low else low + 1.0)


def decoded_activation(x: np.ndarray, codec: ActivationCodec) -> np.ndarray:
    """The values as a tensor between layers holds them (see shaders/codecs/uint8_range.glsl), float64."""
    if codec.codec != "uint8":
        return decoded(x, codec.codec)
    codes = np.clip(np.floor(np.asarray(x, np.float64) / codec.scale + codec.zero + 0.5), 0, 255)
    return (codes - codec.zero) * codec.scale


def assert_close(got: np.ndarray, expected: np.ndarray, tolerance: float, name: str = "") -> None:
    """Shapes equal, NaN and infinities in the same places, other values within tolerance times the largest."""
    assert got.shape == expected.shape, f"{name}: shape {got.shape}, expected {expected.shape}"
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected), f"{name}: NaN in other places")
    np.testing.assert_array_equal(
        np.where(finite | np.isnan(expected), 0, expected),
        np.where(np.isfinite(got) | np.isnan(got), 0, got),
        f"{name}: infinities differ",
    )
    scale = float(np.abs(expected[finite]).max(initial=0))
    np.testing.assert_allclose(got[finite], expected[finite], rtol=0, atol=tolerance * scale + 1e-37, err_msg=name)


@checked(**LAYER, tolerance=number(0))
def check_layer(
    device: Device,
    layer: Layer,
    inputs: Sequence[np.ndarray],
    weights: Mapping[str, np.ndarray] | None = None,
    tolerance: float | None = None,
) -> LayerRun:
    """A layer's shaders agree with its NumPy reference and leave dead lanes zero. Raises AssertionError.

    tolerance: relative to the largest value; None: the one of the device's codec, and more where terms cancel: as much
               as the reference itself moves with inputs that are rounded once more (see `cancelled`)
    """
    codec = device.limits.float_target
    run = run_layer(device, layer, inputs, weights)
    wide = {name: np.asarray(w, np.float64) for name, w in (weights or {}).items()}

    def reference(given: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        with np.errstate(all="ignore"):
            return as_tuple(layer.reference(given, wide))

    stored = [decoded(x, codec) for x in inputs]
    expected, usual = reference(stored), CODECS[codec].tolerance
    error = device.error()
    assert error == "GL_NO_ERROR", f"{type(layer).__name__}: {error}"
    for k, (got, want) in enumerate(zip(run.outputs, expected, strict=True)):
        try:
            assert_close(got, as_stored(want, codec), tolerance or usual, type(layer).__name__)
        except AssertionError:
            more = 0.0 if tolerance else cancelled(reference, stored, k, usual)
            if more <= usual:
                raise
            assert_close(got, as_stored(want, codec), more, f"{type(layer).__name__}, whose terms cancel")
    for dead in run.dead:
        np.testing.assert_array_equal(
            dead, 0, f"{type(layer).__name__}: lanes or pixels outside the tensor are not zero"
        )
    return run


def cancelled(
    reference: Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]], inputs: Sequence[np.ndarray], number: int,
    usual: float,
) -> float:  # fmt: skip
    """How far rounding may move an output (by its number), relative to its largest value: CANCEL times usual at most.

    A tolerance is relative to what comes out, rounding to the terms that it is made of. How far they move it where they
    cancel, inputs tell that are a rounding higher or lower, a quarter of the tolerance: three standard deviations of
    the result. Without cancellation that is less than the tolerance. Whole numbers, maybe indices or masks, stay.
    """
    want, rng = np.asarray(reference(inputs)[number], np.float64), np.random.default_rng(0)
    scale = float(np.abs(want[np.isfinite(want)]).max(initial=0))
    if not scale:
        return 0.0
    power = np.zeros(want.shape)
    for _ in range(TRIES):
        off = [np.where(np.rint(x) == x, x, x * (1 + rng.choice([-1, 1], x.shape) * usual / 4)) for x in inputs]
        with np.errstate(all="ignore"):
            power += np.square(np.asarray(reference(off)[number], np.float64) - want)
    moved = 3 * math.sqrt(float(power[np.isfinite(power)].max(initial=0)) / TRIES) / scale
    return min(moved, CANCEL * usual)


def as_stored(want: np.ndarray, codec: str) -> np.ndarray:
    """An expected result with what is beyond the codec's range as infinity."""
    with np.errstate(over="ignore"):
        stored = decoded(want, codec).reshape(want.shape)
    return np.where(np.isinf(stored) & np.isfinite(want), stored, want)
