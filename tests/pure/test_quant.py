"""Weights as codes: the formula against plain NumPy, the choice of codecs, what is refused. Needs no OpenGL."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.passes import build

from glnn import passes, quant
from glnn.errors import InputError, QuantizationError
from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.quantized import BITS, Quantized
from glnn.layers.activation import PReLU, ReLU
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from glnn.layers.core import Dense
from glnn.layers.normalization import BatchNormalization

CODES = tuple(BITS)
# Normalised mean square error of normal weights, (9, 128, 64): one place for what each codec may lose. Per tensor the
# range holds some +-4.3 sigma, per channel +-3.3; the noise of a step s is s^2 / 12.
NMSE = {
    ("uint4", False): 3e-2, ("uint4", True): 2e-2, ("uint8", False): 1.1e-4, ("uint8", True): 7e-5,
    ("uint16", False): 1.7e-9, ("uint16", True): 1.1e-9, ("float16", False): 6e-8,
}  # fmt: skip


def plain(values: np.ndarray, bits: int) -> np.ndarray:
    """The textbook formula for one range, as a loop: what a code per value would decode to."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    step = (high - low) / (2**bits - 1)
    zero = round(-low / step)
    out = [(min(max(round(float(v) / step) + zero, 0), 2**bits - 1) - zero) * step for v in values.reshape(-1)]
    return np.array(out).reshape(values.shape)


def nmse(got: np.ndarray, expected: np.ndarray) -> float:
    wide = expected.astype(np.float64)
    return float(np.square(np.asarray(got, np.float32) - wide).sum() / np.square(wide).sum())


FLOATS = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)
ARRAYS = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=4, max_side=6), elements=FLOATS)


# ---- the formula


@pytest.mark.parametrize("codec", CODES)
@pytest.mark.parametrize("per_channel", [False, True])
def test_codes_agree_with_the_textbook_formula(codec: str, per_channel: bool) -> None:
    values = np.random.default_rng(0).normal(0.3, 1, (3, 4, 5)).astype(np.float32) * np.arange(1, 6, dtype=np.float32)
    got = np.asarray(quant.linear(values, codec, (2,) if per_channel else None))
    pieces = [values[..., c] for c in range(5)] if per_channel else [values]
    made = [got[..., c] for c in range(5)] if per_channel else [got]
    for mine, piece in zip(made, pieces, strict=True):
        step = (max(piece.max(), 0) - min(piece.min(), 0)) / (2 ** BITS[codec] - 1)
        # The scale is up to 2^(bits - 23) larger than the textbook's; what sits between two codes may go to either.
        drift = np.abs(piece).max() * 2.0 ** (BITS[codec] - 23)
        difference = np.abs(mine - plain(piece, BITS[codec]))
        assert (difference <= drift + 1.001 * step).all() and np.mean(difference > drift + 0.01 * step) < 0.1


@pytest.mark.parametrize(("codec", "per_channel"), NMSE)
def test_the_loss_on_normal_weights(codec: str, per_channel: bool) -> None:
    values = np.random.default_rng(1).normal(0, 0.05, (9, 128, 64)).astype(np.float32)
    coded = quant.half(values) if codec == "float16" else quant.linear(values, codec, (2,) if per_channel else None)
    assert NMSE[codec, per_channel] / 3 < nmse(np.asarray(coded), values) < NMSE[codec, per_channel]


@settings(max_examples=200, deadline=None)
@given(ARRAYS, st.sampled_from(CODES), st.booleans())
def test_error_is_half_a_step_and_zero_stays(values: np.ndarray, codec: str, per_channel: bool) -> None:
    values.reshape(-1)[0] = 0
    axes = (values.ndim - 1,) if per_channel else None
    coded = quant.linear(values, codec, axes)
    got = np.asarray(coded).astype(np.float64)
    assert (np.abs(got - values) <= coded.scale.astype(np.float64) / 2 + np.spacing(np.abs(values))).all()
    assert (got[values == 0] == 0).all()


@settings(max_examples=100, deadline=None)
@given(ARRAYS, st.sampled_from(CODES))
def test_decoding_is_exact_in_float32(values: np.ndarray, codec: str) -> None:
    """Whether multiply and add are rounded apart (float32), or not at all (float64): the same values."""
    coded = quant.linear(values, codec)
    apart = coded.codes.astype(np.float32) * coded.scale + coded.low
    exact = coded.codes.astype(np.float64) * coded.scale.astype(np.float64) + coded.low.astype(np.float64)
    np.testing.assert_array_equal(apart.astype(np.float64), exact)


@settings(max_examples=100, deadline=None)
@given(ARRAYS, st.sampled_from(CODES))
def test_larger_values_have_no_smaller_codes(values: np.ndarray, codec: str) -> None:
    order = np.argsort(values, axis=None)
    codes = quant.linear(values, codec).codes.reshape(-1)[order].astype(int)
    assert (np.diff(codes) >= 0).all()


@settings(max_examples=100, deadline=None)
@given(ARRAYS, st.sampled_from(CODES))
def test_quantizing_what_was_quantized_changes_nothing_more_than_a_step(values: np.ndarray, codec: str) -> None:
    once = quant.linear(values, codec)
    twice = quant.linear(np.asarray(once), codec)
    assert (np.abs(np.asarray(twice) - np.asarray(once)) <= twice.scale).all()


@settings(max_examples=100, deadline=None)
@given(st.floats(-(2.0**127), 2.0**127, width=32), st.sampled_from(CODES), st.booleans())
def test_a_constant_is_exact(value: float, codec: str, per_channel: bool) -> None:
    values = np.full((2, 3, 4), value, np.float32)
    np.testing.assert_array_equal(np.asarray(quant.linear(values, codec, (2,) if per_channel else None)), values)


def test_constant_channels_beside_others_are_exact() -> None:
    values = np.random.default_rng(2).normal(size=(5, 4)).astype(np.float32)
    values[:, 0], values[:, 1], values[:, 2] = 0.1, -7.3, 0
    np.testing.assert_array_equal(np.asarray(quant.linear(values, "uint4", (1,)))[:, :3], values[:, :3])


@pytest.mark.parametrize("codec", CODES)
def test_tiny_values_and_empty_arrays(codec: str) -> None:
    tiny = np.array([[1e-40, -3e-41], [0, 1e-38]], np.float32)
    coded = quant.linear(tiny, codec)
    assert (coded.scale >= np.finfo(np.float32).tiny).all()
    assert (np.abs(np.asarray(coded) - tiny) <= coded.scale / 2).all()
    assert np.asarray(quant.linear(np.zeros((0, 3), np.float32), codec)).shape == (0, 3)


def test_large_arrays_are_cut_into_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).normal(size=(37, 11)).astype(np.float32)
    for axes in (None, (0,), (1,), (0, 1)):
        whole = quant.linear(values, "uint8", axes)
        monkeypatch.setattr(quant, "SLAB", 50)
        np.testing.assert_array_equal(quant.linear(values, "uint8", axes).codes, whole.codes)
        monkeypatch.undo()


def test_values_without_a_finite_range_are_refused() -> None:
    with pytest.raises(QuantizationError, match="range leaves float32"):
        quant.linear(np.array([[-3.4e38, 3.4e38]], np.float32), "uint8")
    with pytest.raises(QuantizationError, match="NaN or infinity"):
        quant.linear(np.array([[np.nan]], np.float32), "uint8")
    with pytest.raises(QuantizationError, match="70000.*65504"):
        quant.half(np.array([[7e4]], np.float32))
    assert quant.half(np.array([[65504.0]], np.float32)) == 65504


# ---- channels


CHANNELS: dict[Any, int] = {  # of what comes out of each layer, for inputs of 16 channels
    Conv2D(2, 3): 2, Conv2D(6, 3, groups=2): 6, Conv2DTranspose(2, 3): 2, Dense(5): 5, DepthwiseConv2D(3): 16,
    DepthwiseConv2D(3, depth_multiplier=2): 32, SeparableConv2D(3, 3): 3,
}  # fmt: skip


def optimized(layer: Layer, norm: bool = True) -> Graph:
    """A layer on images of 16 channels, with a normalisation that makes each of its channels of another size."""
    steps: list[Any] = [("a", layer, "x", "t"), ("n", BatchNormalization(), "t", "y")]
    graph = build(steps[: 1 + norm], "y" if norm else "t", x=(9, 8, 16))
    nodes = list(graph.nodes)
    if norm:
        sizes = 2.0 ** np.arange(len(nodes[1].weights["gamma"]))
        nodes[1] = nodes[1].with_(weights=nodes[1].weights | {"gamma": sizes.astype(np.float32)})
    return passes.optimize(graph.with_(nodes=tuple(nodes)))


@pytest.mark.parametrize("layer", CHANNELS, ids=lambda layer: repr(layer))
def test_output_channels_are_those_that_batch_normalisation_scales(layer: Layer) -> None:
    """One scale for each: however different the channels are, each has all codes for itself."""
    graph = optimized(layer)
    after = quant.Encoder(graph).apply({node.name: "uint16" for node in graph.nodes}).nodes[-1]
    kernel, exact = after.weights["kernel"], graph.nodes[-1].weights["kernel"]
    assert isinstance(kernel, Quantized) and kernel.channels() is not None
    scale, _ = kernel.channels()
    assert len(scale) == CHANNELS[layer] and len(np.unique(scale)) > 1
    others = tuple(range(exact.ndim - 1))
    spread = exact.max(others, initial=0) - exact.min(others, initial=0)
    assert (np.abs(np.asarray(kernel) - exact).max(others) <= spread / 65535 * 0.51).all()


def test_each_channel_of_a_depthwise_kernel_has_its_scale() -> None:
    (node,) = optimized(DepthwiseConv2D((5, 5), depth_multiplier=2), norm=False).nodes
    coded = quant.encode(node, "kernel", "uint8", True)
    assert len(np.unique(coded.scale)) == 32 and coded.nbytes == 800 + 256
    assert quant.encode(node, "kernel", "uint8", False).per_tensor


def test_a_few_values_a_channel_share_one_scale() -> None:
    """A scale and a low are 8 bytes: two values of float32."""
    graph = passes.optimize(build([("p", PReLU(shared_axes=(1, 2)), "x", "y")], x=(3, 3, 7)))
    (name,) = graph.nodes[0].weights
    coded = quant.encode(graph.nodes[0], name, "uint8", True)
    assert coded.per_tensor and coded.nbytes == 7 + 8


# ---- the choice


def network() -> Graph:
    """x (?, 6, 6, 3) -> conv_a -> norm -> relu -> conv_b -> y."""
    rng = np.random.default_rng(0)

    def weights(inputs: int) -> dict[str, np.ndarray]:
        kernel = rng.normal(size=(3, 3, inputs, 4)).astype(np.float32)
        return {"kernel": kernel, "bias": rng.normal(size=4).astype(np.float32)}

    norm = {n: np.full(4, 0.5, np.float32) for n in ("gamma", "beta", "moving_mean", "moving_variance")}
    nodes = (
        Node("conv_a", Conv2D(4, 3), ("x",), ("a",), weights(3), "first"),
        Node("norm", BatchNormalization(), ("a",), ("n",), norm),
        Node("relu", ReLU(), ("n",), ("r",)),
        Node("conv_b", Conv2D(4, 3), ("r",), ("y",), weights(4), "nested/second"),
    )
    return Graph("net", (TensorSpec("x", (None, 6, 6, 3)),), nodes, ("y",), ("y",))


def chosen(choice: Any, skip: Any = ()) -> dict[str, str]:
    return quant.choose(network(), choice, skip, quant.WEIGHT_CODECS, "weights")


def test_choice_by_name_pattern_and_callable() -> None:
    assert chosen("uint8", skip=["norm", "relu"]) == {"conv_a": "uint8", "conv_b": "uint8"}
    assert chosen({"nested/*": "uint4", "conv_?": "uint8"}) == {"conv_b": "uint4", "conv_a": "uint8"}
    assert chosen({"first": "uint16", "*": "float32"}) == {"conv_a": "uint16"}
    assert chosen(lambda node: "uint4" if isinstance(node.layer, Conv2D) else None, "conv_a") == {"conv_b": "uint4"}
    assert chosen("uint8", skip=lambda node: node.name != "relu") == {"relu": "uint8"}
    assert chosen("float32") == {} and chosen(None) == {}


@pytest.mark.parametrize(
    ("choice", "skip", "words"),
    [
        ("uint7", (), r"weights='uint7'; allowed are float32, float16, uint16, uint8, uint4"),
        ("uint8", ["convb"], r"skip: 'convb' matches no layer of 'net'.*'conv_a'|'first'"),
        ({"secund": "uint8"}, (), "weights: 'secund' matches no layer.*'nested/second'"),
        ({"conv*": "int8"}, (), "codec 'int8' for 'conv.'"),
        ({"conv*": "uint8", "conv_a": "int8"}, (), "codec 'int8'"),
        (lambda node: 8, (), "codec 8 for layer"),
        (3, (), "weights=3: a codec, a mapping"),
        ("uint8", [3], "skip: 3 was given"),
    ],
)
def test_wrong_choices_are_named(choice: Any, skip: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        chosen(choice, skip)


# ---- graphs


def test_kernels_are_coded_and_vectors_stay() -> None:
    graph = passes.optimize(network())
    made = quant.Encoder(graph).apply({"conv_a": "uint8", "conv_b": "float16"})
    a, b = made.nodes
    assert isinstance(a.weights["kernel"], Quantized) and a.weights["kernel"].channels() is not None
    assert b.weights["kernel"].dtype == np.float16 and b.weights["bias"] is graph.nodes[1].weights["bias"]
    assert a.weights["bias"].dtype == np.float32
    assert quant.nbytes(a) == 3 * 3 * 3 * 4 + 4 * 8 + 4 * 4
    assert graph.nodes[0].weights["kernel"].dtype == np.float32  # what came in is as it was
    assert quant.noise(graph.nodes[0], a) == pytest.approx(
        -10 * np.log10(nmse(np.asarray(a.weights["kernel"]), graph.nodes[0].weights["kernel"])), abs=1e-6
    )
    assert quant.noise(a, a) is None


def test_what_has_the_codec_already_stays_and_another_is_made_of_its_values() -> None:
    graph = passes.optimize(network())
    once = quant.Encoder(graph, per_channel=False).apply({"conv_a": "uint8"})
    again = quant.Encoder(once).apply({"conv_a": "uint8"})
    assert again.nodes[0].weights["kernel"] is once.nodes[0].weights["kernel"]
    other = quant.Encoder(once).apply({"conv_a": "uint4"}).nodes[0].weights["kernel"]
    assert other.codec == "uint4"
    expected = quant.linear(np.asarray(once.nodes[0].weights["kernel"]), "uint4", (3,))
    np.testing.assert_array_equal(other.codes, expected.codes)


def test_weights_that_layers_share_stay_shared() -> None:
    graph = passes.optimize(network())
    shared = {"kernel": graph.nodes[1].weights["kernel"]}
    twin = graph.nodes[1].with_(name="twin", inputs=("r",), outputs=("z",), weights=shared)
    made = quant.Encoder(graph.with_(nodes=(*graph.nodes, twin))).apply({"conv_b": "uint8", "twin": "uint8"})
    assert made.nodes[1].weights["kernel"] is made.nodes[2].weights["kernel"]


def test_weights_that_are_not_finite_are_named_with_place_and_number() -> None:
    graph = passes.optimize(network())
    kernel = graph.nodes[1].weights["kernel"].copy()
    kernel[1, 2, 0, 3] = np.nan
    kernel[2] = np.inf
    bad = graph.with_(nodes=(graph.nodes[0], graph.nodes[1].with_(weights={"kernel": kernel})))
    for codec in ("uint8", "float16"):
        with pytest.raises(
            QuantizationError, match=r"'nested/second', weight 'kernel': 49 of 144.*first at \[1, 2, 0, 3\]: nan"
        ):
            quant.Encoder(bad).apply({"conv_b": codec})
    assert quant.Encoder(bad).apply({"conv_a": "uint8"})  # layers left out are not looked at
    large = graph.nodes[0].with_(weights={"kernel": np.full((3, 3, 3, 4), 1e5, np.float32)})
    with pytest.raises(QuantizationError, match="layer 'first', weight 'kernel': values up to 100000"):
        quant.Encoder(graph.with_(nodes=(large,))).apply({"conv_a": "float16"})


def test_optimizing_again_changes_nothing() -> None:
    graph = passes.optimize(network())
    coded = quant.Encoder(graph).apply({"conv_a": "uint8", "conv_b": "uint4"})
    again = passes.optimize(coded)
    assert [n.name for n in again.nodes] == [n.name for n in coded.nodes]
    for before, after in zip(coded.nodes, again.nodes, strict=True):
        assert after.layer == before.layer and after.inputs == before.inputs
        assert all(after.weights[name] is before.weights[name] for name in before.weights)
