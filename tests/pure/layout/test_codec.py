"""Codecs in NumPy: texels give back what was stored, densely and where shaders look for it; the loss is as stated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from glnn.graph.quantized import BITS
from glnn.kernels.files import read_shader
from glnn.layout.codec import CODECS, FORMATS, Storage, activation_storage, storage, texel_bytes
from glnn.quant import linear
from glnn.testing import decoded, decoded_activation, grid

KINDS = list(itertools.product(CODECS, *[(False, True)] * 3))  # codec, matrix, integers, floats
IDS = [f"{c}{'-matrix' * m}{'-integers' * i}{'-floats' * f}" for c, m, i, f in KINDS]
every_storage = pytest.mark.parametrize("kept", [storage(*kind) for kind in KINDS], ids=IDS)
FLOATS = ("float32", "float16", "rgba8")
QUICK = settings(max_examples=25, deadline=None)


def stored_bits(kept: Storage) -> int:
    """Bits of one value in a texel."""
    alone = kept.codec == "uint4" and kept.text == "uint8"  # four codes, a byte each
    return 8 if alone else BITS.get(kept.codec) or (16 if kept.codec == "float16" else 32)


def some(kept: Storage) -> st.SearchStrategy[np.ndarray]:
    """(rows, lanes) codes, or values that are well within half precision."""
    shape = st.tuples(st.integers(1, 5), st.just(kept.lanes))
    if kept.codec in BITS:
        codes = st.integers(0, 2 ** BITS[kept.codec] - 1)
        return shape.flatmap(lambda s: arrays.arrays(CODECS[kept.codec].dtype, s, elements=codes))
    ordinary = st.floats(-6e4, 6e4, width=32).filter(lambda v: v == 0 or abs(v) > 1e-3)
    return shape.flatmap(lambda s: arrays.arrays(np.float32, s, elements=ordinary))


@every_storage
@QUICK
@given(st.data())
def test_texels_give_back_what_was_stored(kept: Storage, data: st.DataObject) -> None:
    values = data.draw(some(kept))
    texels = kept.encode(values)
    dtype, components = FORMATS[kept.format]
    assert texels.dtype == dtype and texels.shape == (len(values), components)
    back = kept.decode(texels)
    if kept.codec in BITS:
        assert back.dtype == CODECS[kept.codec].dtype
        np.testing.assert_array_equal(back, values)
    else:
        assert back.dtype == np.float32
        exact = values.astype(np.float16).astype(np.float32) if kept.codec == "float16" else values
        np.testing.assert_array_equal(back, exact)
        np.testing.assert_array_equal(kept.decode(kept.encode(back)), back)  # what is stored once stays
    for layers in (1, 2):  # (layers, height, width, lanes), as textures are
        image = np.broadcast_to(values, (layers, 3, *values.shape))
        np.testing.assert_array_equal(kept.decode(kept.encode(image)), np.broadcast_to(back, image.shape))


@every_storage
@QUICK
@given(st.data())
def test_values_lie_one_after_another_in_the_bits_of_a_texel(kept: Storage, data: st.DataObject) -> None:
    """Value i from bit i * width on, as the files in shaders/codecs take them out, with nothing between them."""
    values, bits = data.draw(some(kept)), stored_bits(kept)
    assert bits * kept.lanes == 8 * texel_bytes(kept.format)
    whole = values if kept.codec in BITS else values.astype(CODECS[kept.codec].dtype).view(f"u{bits // 8}")
    for row, texel in zip(whole, kept.encode(values), strict=True):
        number = int.from_bytes(texel.tobytes(), "little")
        assert [number >> i * bits & 2**bits - 1 for i in range(kept.lanes)] == row.tolist()


@pytest.mark.parametrize(
    ("codec", "matrix", "integers", "format", "lanes"),
    [
        ("uint8", True, True, "rgba32ui", 16), ("uint8", False, True, "r32ui", 4),
        ("uint8", True, False, "rgba8", 4), ("uint8", False, False, "rgba8", 4),
        ("uint16", True, True, "rgba32ui", 8), ("uint16", False, True, "rg32ui", 4),
        ("uint16", True, False, "rgba8", 2), ("uint16", False, False, "rgba8", 2),
        ("uint4", True, True, "rg32ui", 16), ("uint4", False, True, "r16ui", 4),
        ("uint4", True, False, "rgba8", 8), ("uint4", False, False, "rgba8", 4),
        ("float16", True, True, "float16", 4), ("float32", True, True, "float32", 4),
        ("rgba8", True, True, "rgba8", 1), ("rgba8", False, False, "rgba8", 1),
    ],
)  # fmt: skip
def test_codes_are_packed_densely(codec: str, matrix: bool, integers: bool, format: str, lanes: int) -> None:
    kept = storage(codec, matrix, integers)
    assert (kept.format, kept.lanes) == (format, lanes) and kept.integer == format.endswith("ui")
    texels_of_a_cell = 16 // lanes if matrix else max(1, 4 // lanes)
    assert texels_of_a_cell * lanes == (16 if matrix else max(4, lanes))


def test_without_float_textures_halves_lie_in_bytes() -> None:
    for matrix, integers in itertools.product((False, True), repeat=2):
        kept = storage("float16", matrix, integers, floats=False)
        assert (kept.format, kept.lanes, kept.text, kept.integer) == ("rgba8", 2, "float16", False)
    assert storage("float32", floats=False).format == "float32"  # a plan asks for rgba8 instead


@every_storage
def test_every_storage_has_a_shader_file_that_decodes_it(kept: Storage) -> None:
    text = read_shader(f"codecs/{kept.text}.glsl")
    function = "decode(" if kept.lanes >= 4 else f"decode{kept.lanes}("
    argument = "uvec4 texel" if kept.integer else "vec4 texel"
    assert f"{function}{argument}" in text


@pytest.mark.parametrize("codec", FLOATS)
@pytest.mark.parametrize("floats", [True, False])
def test_a_codec_keeps_what_is_no_number(codec: str, floats: bool) -> None:
    kept = storage(codec, floats=floats)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5], np.float32).reshape(-1, kept.lanes)
    back = kept.decode(kept.encode(special))
    np.testing.assert_array_equal(back, special)
    np.testing.assert_array_equal(np.signbit(back[special == 0]), np.signbit(special[special == 0]))


def test_halves_beyond_the_largest_are_infinite() -> None:
    kept = storage("float16")
    np.testing.assert_array_equal(
        kept.decode(kept.encode(np.array([[65504, -65519, 65520, -1e38]], np.float32))),
        [[65504, -65504, np.inf, -np.inf]],
    )


# ---- tensors between layers


def test_what_can_be_rendered_to() -> None:
    assert {activation_storage(codec).format for codec in ("float32", "float16", "rgba8", "uint8")} <= {
        "float32", "float16", "rgba8"
    }  # fmt: skip
    assert activation_storage("uint8") == Storage("uint8", "rgba8", 4, "uint8_range")
    for codec in FLOATS:
        assert activation_storage(codec) == storage(codec)


@QUICK
@given(st.floats(-1e3, 0), st.floats(0, 1e3), arrays.arrays(np.float32, 30, elements=st.floats(-1e3, 1e3, width=32)))
def test_a_range_keeps_zero_and_rounds_to_half_a_step(low: float, high: float, values: np.ndarray) -> None:
    assume(high - low > 1e-3)
    codec = grid("uint8", np.array([low, high]))
    assert 0 <= codec.zero <= 255
    stored = decoded_activation(np.append(values, 0), codec)
    assert stored[-1] == 0
    inside = (values >= low) & (values <= high)
    np.testing.assert_array_less(np.abs(stored[:-1] - values)[inside], codec.scale * 0.5 * (1 + 1e-5) + 1e-12)
    assert stored.min() >= -codec.zero * codec.scale * (1 + 1e-6) and stored.max() <= (
        255 - codec.zero
    ) * codec.scale * (1 + 1e-6)
    np.testing.assert_array_equal(decoded_activation(stored, codec), stored)


# ---- what is lost


def nmse(stored: np.ndarray, values: np.ndarray) -> float:
    """Mean squared error over mean square."""
    return float(np.square(stored - values).mean() / np.square(values).mean())


MILLION = np.random.default_rng(0).standard_normal((1 << 16, 16)).astype(np.float32)


def stored_as(values: np.ndarray, codec: str, axes: tuple[int, ...]) -> np.ndarray:
    kept = linear(values, codec, axes or None) if codec in BITS else decoded(values, codec)
    return np.asarray(kept, np.float64)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_the_loss_on_normal_values_is_the_one_stated(codec) -> None:
    values = MILLION.astype(np.float64)
    lost = nmse(stored_as(MILLION, codec.name, ()), values)
    assert codec.loss / 2 <= lost <= codec.loss  # a bound that is no wider than it has to be


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("size", [4, 64, 4096])
def test_fewer_values_and_scales_by_channel_lose_less(codec, size: int) -> None:
    values = MILLION[:size] * np.geomspace(0.01, 10, 16, dtype=np.float32)  # channels of very different ranges
    channels = stored_as(values, codec.name, (1,))
    bound = 2.0**-22 if codec.name == "float16" else codec.loss  # few halves may all lie badly
    for i in range(16):
        assert nmse(channels[:, i], values[:, i].astype(np.float64)) <= bound
    if codec.quantized:
        alone = stored_as(values, codec.name, ())
        smallest = nmse(alone[:, 0], values[:, 0].astype(np.float64))
        assert smallest > 10 * nmse(channels[:, 0], values[:, 0].astype(np.float64)), "one scale suited all channels"
    one = MILLION[:size].astype(np.float64)
    assert nmse(stored_as(MILLION[:size], codec.name, ()), one) <= bound


def test_more_bits_lose_less() -> None:
    losses = [CODECS[name].loss for name in ("float32", "uint16", "float16", "uint8", "uint4")]
    assert losses == sorted(losses) and len(set(losses)) == len(losses)
