"""Pictures as a model's input: what Pillow, Keras and JAX say of the same files, and refusals."""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.pictures import png16, tiff

import glnn
import glnn.picture
from glnn.errors import InputError
from glnn.image import FILTERS, SCALES, SUFFIXES, as_text, read, read_image

pil = pytest.importorskip("PIL.Image")
ops = pytest.importorskip("PIL.ImageOps")
RNG = np.random.default_rng(11)


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, np.uint8)


def saved(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Any:
    return pil.open(io.BytesIO(data))


# ---- sources


def test_every_source_gives_the_same(tmp_path: Path) -> None:
    pixels = noise(5, 7, 3)
    path = tmp_path / "a.png"
    path.write_bytes(data := saved(pil.fromarray(pixels)))
    with open(path, "rb") as file:
        for source in (path, str(path), file, data, io.BytesIO(data), pil.fromarray(pixels), pixels):
            got = read(source)
            assert got.dtype == np.float32
            np.testing.assert_array_equal(got, pixels)


def test_several_make_a_batch(tmp_path: Path) -> None:
    one, two = noise(5, 7, 3), noise(4, 4)
    got = read([one, saved(pil.fromarray(two))], (6, 6), 3)
    assert got.shape == (2, 6, 6, 3)
    np.testing.assert_array_equal(got[1], read(two, 6, 3))
    np.testing.assert_array_equal(read(np.stack([one, one]))[1], one)
    with pytest.raises(InputError, match=r"picture 1: .*\(4, 4, 1\).*picture 0.*Give size and channels"):
        read([one, two])
    with pytest.raises(InputError, match="no pictures"):
        read([])


def test_public_names_stay() -> None:
    assert glnn.image.read is read and "image" in dir(glnn)
    assert glnn.picture.read_image is read_image and glnn.picture.as_text is as_text


def test_read_image_tells_of_the_size_before(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(pil.fromarray(noise(4, 6))))
    assert read_image(tmp_path / "a.png", (4, None), None)[1] is None
    image, given = read_image(tmp_path / "a.png", (8, 6), 3, "unit")
    assert image.shape == (8, 6, 3) and given == (4, 6) and image.max() <= 1


# ---- orientation


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation: int, kind: str) -> None:
    scene = np.zeros((16, 32, 3), np.uint8)
    scene[:8, :16] = [255, 0, 0]  # red at the left of the top
    scene[:8, 16:] = [0, 255, 0]
    # How the camera that notes this number stored the scene: the inverse of what a viewer does.
    stored = {
        1: scene,
        2: scene[:, ::-1],
        3: scene[::-1, ::-1],
        4: scene[::-1],
        5: scene.swapaxes(0, 1),
        6: np.rot90(scene, 1),
        7: np.rot90(scene, 2).swapaxes(0, 1),
        8: np.rot90(scene, -1),
    }[orientation]
    exif = pil.Exif()
    exif[0x0112] = orientation
    data = saved(pil.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
    got = read(data)
    assert got.shape == scene.shape
    assert np.abs(got - scene)[2:6, [2, 12, 20, 30]].max() < 12
    np.testing.assert_array_equal(got, np.asarray(ops.exif_transpose(opened(data)).convert("RGB")))


def test_exif_that_is_broken_turns_nothing() -> None:
    pixels = noise(8, 9, 3)
    np.testing.assert_array_equal(read(saved(pil.fromarray(pixels), exif=b"Exif\0\0no tags")), pixels)


# ---- types of values


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


def test_sides_that_are_free_stay() -> None:
    assert read(noise(5, 7), (None, 3)).shape == (5, 3, 1) and read(noise(5, 7), 4).shape == (4, 4, 1)
    padded = read(noise(5, 7, 4), (7, 7), 4, fit="pad")
    assert (padded[[0, 6]] == 0).all()  # clear
    assert (read(noise(4, 7) // 2, (7, 7), fit="pad")[..., 0, 0] == 255).tolist() == [True] + [False] * 4 + [True] * 2


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


# ---- what is told, and refused


def named(name: str, data: bytes) -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file


def test_frames_are_told(tmp_path: Path) -> None:
    frames = [pil.fromarray(noise(4, 5) // 2 * 2) for _ in range(3)]
    for kind in ("GIF", "TIFF", "WEBP", "PNG"):
        exact = {"lossless": True} if kind == "WEBP" else {}
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **exact)
        with pytest.warns(UserWarning, match="a.x holds 3 frames or pages; the first is taken"):
            got = read(named("a.x", data), channels=1)
        np.testing.assert_array_equal(got[..., 0], np.asarray(frames[0]))
        told: list[str] = []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read(named("a.x", data), 3, 1, note=told.append)
        assert len(told) == 2 and "3 frames" in told[0] and "a.x is 5x4 pixels, resized to 3x3" in told[1]


def test_photos_with_previews_are_one_picture() -> None:
    frames = [pil.fromarray(noise(16, 16, 3)) for _ in range(2)]
    data = saved(frames[0], "MPO", save_all=True, append_images=frames[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(data).shape == (16, 16, 3)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "not an image that Pillow reads. Give .png, .jpg"),
        (b"no picture", "not an image that Pillow reads"),
        (saved(pil.fromarray(noise(64, 64, 3)))[:4000], "to its end.*truncated.*Fetch or save it anew"),
        (saved(pil.fromarray(noise(64, 64, 3)), "JPEG")[:900], "to its end.*truncated"),
        (saved(pil.fromarray(noise(64, 64, 3)), "GIF")[:900], "to its end"),
        (png16(np.zeros((0, 3, 1), int)), "not an image|no picture"),
        (saved(pil.new("1", (20000, 20000))), "decompression bomb.*Shrink it first.*MAX_IMAGE_PIXELS"),
    ],
    ids=["empty", "text", "truncated png", "truncated jpeg", "truncated gif", "no rows", "bomb"],
)
def test_bad_files_are_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=f"(?s)bad.png: .*({words})"):
        read(named("bad.png", data))


def test_bad_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.png: no such file"):
        read(tmp_path / "none.png")
    with pytest.raises(InputError, match="not an image"):
        read(tmp_path)
    with pytest.raises(InputError, match="not an image"):
        read(3)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"scale": "half"}, "scale: 'half' is none of raw, unit, signed, imagenet"),
        ({"fit": "fill"}, "fit: 'fill' is none of stretch, crop, pad"),
        ({"filter": "cubic"}, "filter: 'cubic' is none of nearest, box, bilinear"),
        ({"background": "blueish"}, "background: 'blueish' is not white, black, #rrggbb"),
        ({"background": "#12345"}, "background"),
        ({"background": 256}, "background: 256"),
        ({"background": (1, 2)}, "background"),
        ({"background": None}, "background"),
        ({"size": 0}, "size: 0 is not"),
        ({"size": (3, 3, 3)}, "size"),
        ({"size": (3.5, 3)}, "size"),
        ({"channels": 2}, "2 channels; an image gives 1, 3 or 4"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(noise(4, 4), **arguments)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 4, 5), (4,), (2, 3, 4, 4, 3), (4, 0)])
def test_arrays_that_are_no_pictures_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="is no picture"):
        read(np.zeros(shape, np.uint8))


def test_pads_that_would_be_vast_are_refused() -> None:
    with pytest.raises(InputError, match="thin to pad"):
        read(noise(1, 60000), 8, fit="pad")
    assert read(noise(1, 60000), 8, fit="crop").shape == (8, 8, 1)


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)  # importing it now raises ImportError
    with pytest.raises(InputError, match=r"a.png: reading images needs Pillow.*pip install 'glnn\[cli\]'"):
        read("a.png")
    with pytest.raises(InputError, match="needs Pillow"):
        read(noise(4, 4), 3)
    np.testing.assert_array_equal(read(noise(4, 4) * 0), 0)  # neither a file nor a resize


def test_suffixes_are_kinds_that_pillow_reads() -> None:
    pil.init()
    assert all(suffix in pil.EXTENSION for suffix in SUFFIXES)


def test_as_text() -> None:
    assert as_text(np.array([[0.0, 1.0], [0.5, 2.0]])) == "  @@\n==@@"
