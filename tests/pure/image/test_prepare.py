"""From pixels to a model's input: alpha, size and scale, against Pillow, JAX and Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.pictures import RNG, named, noise, opened, saved

from glnn.errors import InputError
from glnn.image import FILTERS, SCALES, picture_axes, read

pil = pytest.importorskip("PIL.Image")


# ---- alpha


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
@pytest.mark.parametrize("background, colour", [("white", (255,) * 3), ("#204080", (32, 64, 128)), (7, (7,) * 3)])
def test_pictures_lie_on_the_background(mode: str, background: Any, colour: tuple[int, ...]) -> None:
    image = pil.fromarray(noise(9, 8, 4))
    image = image.convert(mode) if mode != "PA" else image.convert("RGB").convert("PA")
    rgba = np.asarray(image.convert("RGBA")).astype(np.float64)
    share = rgba[..., 3:] / 255
    want = np.floor(rgba[..., :3] * share + np.array(colour) * (1 - share) + 0.5)
    np.testing.assert_array_equal(read(image, channels=3, background=background), want)
    np.testing.assert_array_equal(read(np.asarray(image.convert("RGBA")), None, 3, background=colour), want)
    grey = np.asarray(pil.fromarray(want.astype(np.uint8)).convert("L"))
    np.testing.assert_array_equal(read(image, channels=1, background=background)[..., 0], grey)


def test_hidden_colours_stay_hidden() -> None:
    hidden = noise(4, 4, 4) * np.array([1, 1, 1, 0], np.uint8)
    assert (read(hidden, channels=3) == 255).all() and (read(hidden, channels=4) == 0).all()
    assert (read(hidden, 9, 3) == 255).all() and (read(hidden, 9, 4) == 0).all()
    half = hidden.copy()
    half[:, :2] = [10, 200, 30, 255]  # what is seen does not mix with what is hidden
    seen = read(half, (4, 3), 4)
    np.testing.assert_allclose(seen[seen[..., 3] > 0][:, :3], [[10, 200, 30]] * 8, rtol=1e-5)


def test_palettes_with_alpha() -> None:
    image = pil.fromarray(noise(9, 8) % 4).convert("P")
    image.putpalette([1, 2, 3, 250, 240, 230, 9, 99, 199, 0, 0, 0])
    data = saved(image, transparency=bytes([0, 255, 51, 255]))
    rgba = np.asarray(opened(data).convert("RGBA")).astype(np.float64)
    want = rgba[..., :3] * rgba[..., 3:] / 255 + 255 - rgba[..., 3:]
    np.testing.assert_array_equal(read(data, channels=3), np.floor(want + 0.5))


# ---- size


@pytest.mark.parametrize("filter, method", [("bilinear", "linear"), ("bicubic", "cubic"), ("lanczos", "lanczos3")])
@pytest.mark.parametrize("size", [(6, 5), (40, 33), (11, 40), (23, 9)], ids=str)
def test_resizing_is_as_in_jax(filter: str, method: str, size: tuple[int, int]) -> None:
    jax = pytest.importorskip("jax.image")
    for pixels in (noise(23, 17, 3), RNG.random((23, 17, 1), np.float32)):
        values = pixels if pixels.dtype == np.uint8 else pixels * 255
        want = np.asarray(jax.resize(values.astype(np.float32), (*size, pixels.shape[2]), method, antialias=True))
        np.testing.assert_allclose(read(pixels, size, filter=filter), np.clip(want, 0, 255), atol=2e-3)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_resizing_is_within_one_of_pillows_bytes(filter: str, mode: str) -> None:
    image = pil.fromarray(noise(23, 17, 3) // 2 + 64).convert(mode)  # no black and white, where Pillow cuts halfway
    want = np.asarray(image.resize((9, 31), pil.Resampling[filter.upper()])).astype(np.float32).reshape(31, 9, -1)
    assert np.abs(read(image, (31, 9), want.shape[2], filter=filter) - want).max() <= {
        "nearest": 0,
        "lanczos": 1.5,
    }.get(filter, 1)


@pytest.mark.parametrize("filter", ["box", "bilinear"])
def test_colours_count_by_their_alpha(filter: str) -> None:
    pixels = noise(24, 18, 4)
    pixels[..., 3] = np.where(pixels[..., 3] > 99, 255, 100)
    want = np.asarray(pil.fromarray(pixels).resize((6, 8), pil.Resampling[filter.upper()])).astype(np.float32)
    assert np.abs(read(pixels, (8, 6), 4, filter=filter) - want).max() <= 3  # Pillow's are bytes of colour times alpha


def test_nearest_and_box_take_whole_pixels() -> None:
    pixels = noise(6, 6)
    np.testing.assert_array_equal(read(pixels, 3, filter="nearest")[..., 0], pixels[1::2, 1::2])
    means = pixels.reshape(3, 2, 3, 2).mean((1, 3))
    np.testing.assert_allclose(read(pixels, 3, filter="box")[..., 0], means)
    for filter in ("nearest", "box"):
        np.testing.assert_array_equal(read(pixels, 12, filter=filter)[..., 0], pixels.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize(
    "given, size", [((24, 40), (10, 10)), ((40, 24), (10, 9)), ((8, 31), (20, 10)), ((8, 6), (4, 3))]
)
def test_fitting_is_as_in_keras(fit: str, given: tuple[int, int], size: tuple[int, int]) -> None:
    layers = pytest.importorskip("keras.layers")
    how = {f"{fit}_to_aspect_ratio": True, **({"fill_value": 7.0} if fit == "pad" else {})}
    pixels = noise(*given, 3)
    want = np.asarray(layers.Resizing(*size, "bilinear", antialias=True, **how)(pixels.astype(np.float32)))
    np.testing.assert_allclose(read(pixels, size, fit=fit, background=7), np.clip(want, 0, 255), atol=2e-3)


def test_pads_that_would_be_vast_are_refused() -> None:
    with pytest.raises(InputError, match="thin to pad"):
        read(noise(1, 60000), 8, fit="pad")
    assert read(noise(1, 60000), 8, fit="crop").shape == (8, 8, 1)


# ---- scale


@pytest.mark.parametrize(
    "scale, mode", [("signed", "tf"), ("torch", "torch"), ("imagenet", "torch"), ("caffe", "caffe")]
)
def test_scales_are_those_of_keras(scale: str, mode: str) -> None:
    utils = pytest.importorskip("keras.applications.imagenet_utils")
    pixels = noise(9, 8, 3)
    want = utils.preprocess_input(pixels.astype(np.float32), data_format="channels_last", mode=mode)
    np.testing.assert_allclose(read(pixels, scale=scale), want, rtol=1e-5, atol=2e-6 * np.abs(want).max())


def test_scales_for_colours_refuse_others() -> None:
    for scale in ("imagenet", "torch", "caffe"):
        for channels in (1, 4):
            with pytest.raises(InputError, match=f"a.png: scale '{scale}'.*not for {channels}.*raw, unit, signed"):
                read(named("a.png", saved(pil.fromarray(noise(3, 3, 3)))), channels=channels, scale=scale)
    np.testing.assert_allclose(read(noise(3, 3) * 0 + 51, channels=3, scale="unit"), 0.2, rtol=1e-6)
    assert set(SCALES) == {"raw", "unit", "signed", "imagenet", "torch", "caffe"}


def test_where_the_channels_of_pictures_are() -> None:
    shapes = {
        (None, 8, 8, 1): (1, 2, 3),
        (1, 3, 8, 9): (2, 3, 1),
        (1, 3, None, None): (2, 3, 1),
        (1, 3, 8, 4): (1, 2, 3),
    }
    assert {shape: picture_axes(shape) for shape in shapes} == shapes
    assert [picture_axes(shape) for shape in ((1, 2, 8, 8), (3, 8, 8), (1, 3, 8, 8, 8), (None,) * 4, ())] == [None] * 5
