"""What a picture's values mean: modes, 16 bits, floats, levels, a value that stands for nothing."""

from __future__ import annotations

import numpy as np
import pytest
from support.pictures import RNG, noise, png16, saved, tiff

from glnn.errors import InputError
from glnn.image import read

pil = pytest.importorskip("PIL.Image")


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "CMYK", "YCbCr", "HSV", "P"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_modes_without_alpha_are_as_pillow_converts_them(mode: str, channels: int) -> None:
    image = pil.fromarray(noise(9, 8, 3)).convert(mode)
    plain = image.convert("L" if mode in ("1", "L") else "RGB")
    want = np.asarray(plain.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])).reshape(9, 8, channels)
    np.testing.assert_array_equal(read(image, channels=channels), want)
    if mode not in ("HSV", "YCbCr"):
        np.testing.assert_array_equal(read(saved(image, "TIFF"), channels=channels), want)


def test_channels_are_the_pictures_own() -> None:
    shapes = {"L": 1, "1": 1, "RGB": 3, "P": 3, "CMYK": 3, "LA": 4, "RGBA": 4, "PA": 4}
    assert {mode: read(pil.new(mode, (3, 2))).shape[2] for mode in shapes} == shapes


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_keep_their_range(channels: int) -> None:
    grey = RNG.integers(0, 65536, (6, 7, 1))
    grey[0, :2] = [[0], [65535]]
    want = np.concatenate([np.repeat(grey / 257, 3, -1), np.full((6, 7, 1), 255.0)], -1)[..., :channels]
    for data in (png16(grey), saved(pil.fromarray(grey[..., 0].astype(np.uint16)), "TIFF"), grey.astype(np.uint16)):
        np.testing.assert_allclose(read(data, channels=channels), want, rtol=1e-6)


def test_16_bits_of_colour_are_read_by_their_upper_byte() -> None:
    for channels in (3, 4):
        values = RNG.integers(0, 65536, (6, 7, channels))
        values[..., 3:] = 65535
        assert np.abs(read(png16(values), channels=3) - values[..., :3] / 257).max() < 1


def test_16_bits_of_grey_with_alpha_lie_on_the_background() -> None:
    values = RNG.integers(0, 65536, (6, 7, 2))
    share = (values[..., 1:] >> 8) / 255
    want = (values[..., :1] >> 8) * share + 10 * (1 - share)
    assert np.abs(read(png16(values), channels=1, background=10) - want).max() <= 0.5


def test_one_value_that_stands_for_nothing() -> None:
    values = np.array([[[0], [40000], [40001], [65535]]])
    got = read(png16(values, (40000,)), channels=1)[0, :, 0]
    np.testing.assert_allclose(got, [0, 255, 40001 / 257, 255], rtol=1e-6)
    eight = saved(pil.fromarray(np.array([[0, 9, 10, 255]], np.uint8)), transparency=9)
    np.testing.assert_array_equal(read(eight, channels=1)[0, :, 0], [0, 255, 10, 255])
    colour = saved(pil.fromarray(np.array([[[1, 2, 3], [1, 2, 4]]], np.uint8)), transparency=(1, 2, 3))
    np.testing.assert_array_equal(read(colour, channels=3)[0], [[255] * 3, [1, 2, 4]])
    with pytest.raises(InputError, match="one colour of 16 bits"):
        read(png16(np.zeros((2, 2, 3), int), (1, 2, 3)))


def test_tiff_tells_its_bits_and_which_end_is_white() -> None:
    packed = bytes([0xFF, 0xF0, 0x00, 0x80, 0x08, 0x01])  # 4095, 0, 2048, 2049 in 12 bits
    want = np.array([4095, 0, 2048, 2049]) * (255 / 4095)
    np.testing.assert_allclose(read(tiff(packed, 4, 1, 12))[0, :, 0], want, rtol=1e-6)
    rows = np.array([0, 65535, 257], "<u2").tobytes()
    np.testing.assert_allclose(read(tiff(rows, 3, 1, 16))[0, :, 0], [0, 255, 1])
    np.testing.assert_allclose(read(tiff(rows, 3, 1, 16, white_is_0=True))[0, :, 0], [255, 0, 254])
    np.testing.assert_allclose(read(tiff(b"\0\xff\x01", 3, 1, 8, white_is_0=True))[0, :, 0], [255, 0, 254])


def test_floats_are_0_to_1() -> None:
    values = RNG.random((5, 6), np.float32)
    for source in (saved(pil.fromarray(values), "TIFF"), pil.fromarray(values), values, values.astype(np.float64)):
        np.testing.assert_allclose(read(source)[..., 0], values * 255, rtol=1e-6)
        np.testing.assert_allclose(read(source, scale="unit")[..., 0], values, rtol=1e-6)
    with pytest.raises(InputError, match=r"values from 0 to 1.5.*levels=\(black, white\)"):
        read(np.array([[0, 1.5]]))
    with pytest.raises(InputError, match="finite"):
        read(np.array([[0, np.nan]]))


def test_levels_say_what_is_black_and_white() -> None:
    values = np.array([[-1000, 0, 1000, 3000]], np.int32)
    for source in (values, saved(pil.fromarray(values), "TIFF"), pil.fromarray(values)):
        with pytest.raises(InputError, match="int32 values from -1000 to 3000.*--levels BLACK,WHITE"):
            read(source)
        np.testing.assert_allclose(read(source, levels=(-1000, 1000))[0, :, 0], [0, 127.5, 255, 255])
    np.testing.assert_allclose(read(np.array([[0, 100]], np.uint8), levels=(100, 0))[0, :, 0], [255, 0])
    clear = np.array([[[50, 50, 50, 255], [50, 50, 50, 0]]], np.uint8)
    np.testing.assert_array_equal(read(clear, channels=3, levels=(0, 50))[0], [[255] * 3] * 2)
    np.testing.assert_array_equal(read(clear, channels=3, levels=(0, 50), background="black")[0], [[255] * 3, [0] * 3])
    with pytest.raises(InputError, match="black and white are both 3"):
        read(values, levels=(3, 3))
    np.testing.assert_array_equal(read(np.array([[True, False]]))[0, :, 0], [255, 0])
