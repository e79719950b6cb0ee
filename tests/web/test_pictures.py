"""Pictures in the page: the tensor that it makes of a file is the one that glnn.image.read makes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.pages_seen import seen as canvas_of
from support.pictures import png16
from support.seeds import seeded

import glnn
from glnn.image import FILTERS, SCALES, Preparation, read
from glnn.layers.conv import Conv2D
from glnn.testing import layer_graph

if TYPE_CHECKING:
    from playwright.sync_api import Page

pil = pytest.importorskip("PIL.Image")
RNG = seeded(7)
SIZE = (6, 10)


@pytest.fixture(scope="module", params=["llvmpipe", pytest.param("swiftshader", marks=pytest.mark.whole)])
def pages(request: pytest.FixtureRequest, browsers: Callable[[str], Any], site: tuple[Path, str]) -> Any:
    """The page of a model for pictures of 6 x 10 pixels by channels; `inputs` there holds what its model was given."""
    opened: dict[int, Page] = {}

    def page(channels: int) -> Page:
        if channels in opened:
            return opened[channels]
        weights = {"kernel": np.ones((1, 1, channels, 1), np.float32), "bias": np.zeros(1, np.float32)}
        with glnn.Model(layer_graph(Conv2D(1, (1, 1)), [(1, *SIZE, channels)], weights)) as model:
            model.export_web(site[0] / f"pictures{channels}", (1, *SIZE, channels), ["webgl2"])
        made = opened[channels] = browsers(request.param).new_page()
        made.goto(f"{site[1]}pictures{channels}/")
        made.wait_for_selector("#output .empty")
        made.evaluate(
            """() => {
              const {predict} = model;
              model.predict = (given) => {
                inputs = [...Object.values(given)[0]];
                return predict.call(model, given);
              };
              window.inputs = null;
            }"""
        )
        return made

    yield page
    for made in opened.values():
        made.close()


def seen(page: Page, data: bytes, **how: Any) -> np.ndarray:
    """What the page's model is given of a file, as an array."""
    page.evaluate("(data) => { inputs = null; model.manifest.picture = data; }", Preparation(**how).data())
    page.locator("input[type=file]").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": data})
    page.wait_for_function("inputs || !document.querySelector('#problem').hidden")
    assert not page.locator("#problem").is_visible(), page.locator("#problem").inner_text()
    return np.array(page.evaluate("inputs"), np.float32).reshape(*SIZE, -1)


def saved(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, np.uint8)


def clear_palette() -> bytes:
    image = pil.fromarray(noise(*SIZE) % 7).convert("P")
    image.putpalette(noise(21).tolist())
    return saved(image, transparency=bytes([0, 50, 255, 200, 3, 255, 128]))


# Files of 6 x 10 pixels with the largest difference of a value 0..255 that is allowed.
FILES: dict[str, tuple[Callable[[], bytes], float]] = {
    "rgb": (lambda: saved(pil.fromarray(noise(*SIZE, 3))), 0),
    "grey": (lambda: saved(pil.fromarray(noise(*SIZE))), 0),
    "alpha": (lambda: saved(pil.fromarray(noise(*SIZE, 4))), 0),
    "clear": (lambda: saved(pil.fromarray(noise(*SIZE, 4) * np.array([1, 1, 1, 0], np.uint8))), 0),
    "grey and alpha": (lambda: saved(pil.fromarray(noise(*SIZE, 2))), 0),
    "palette with alpha": (clear_palette, 0),
    "one bit": (lambda: saved(pil.fromarray(noise(*SIZE) > 127)), 0),
    "16 bits": (lambda: png16(RNG.integers(0, 65536, (*SIZE, 1))), 1),
    "16 bits of rgb": (lambda: png16(RNG.integers(0, 65536, (*SIZE, 3))), 1),
    "gif": (lambda: saved(pil.fromarray(noise(*SIZE)), "GIF", save_all=True, append_images=[pil.new("L", (10, 6))]), 0),
    "bmp": (lambda: saved(pil.fromarray(noise(*SIZE, 3)), "BMP"), 0),
    "webp": (lambda: saved(pil.fromarray(noise(*SIZE, 4)), "WEBP", lossless=True, exact=True), 0),
}


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("ignore:.*frames")
def test_pixels_are_the_same(pages: Callable[[int], Page], name: str, channels: int) -> None:
    make, bound = FILES[name]
    data = make()
    for background in ("white", "#204080"):
        got = seen(pages(channels), data, background=background)
        want = read(data, SIZE, channels, background=background)
        assert np.abs(got - want).max() <= max(bound, 1e-4 if channels == 4 else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned(pages: Callable[[int], Page], orientation: int) -> None:
    exif = pil.Exif()
    exif[0x0112] = orientation
    shape = SIZE if orientation < 5 else SIZE[::-1]
    image = pil.fromarray(np.kron(noise(shape[0] // 2, shape[1] // 2, 3), np.ones((2, 2, 1), np.uint8)))
    data = saved(image, "JPEG", quality=95, subsampling=0, exif=exif)
    got, want = seen(pages(3), data), read(data, SIZE, 3)
    assert np.abs(got - want).max() <= 2  # decoders of JPEG may round in other ways


@pytest.mark.parametrize("scale", SCALES)
def test_scales_are_the_same_bits(pages: Callable[[int], Page], scale: str) -> None:
    pixels = noise(*SIZE, 3)
    data = saved(pil.fromarray(pixels))
    np.testing.assert_array_equal(seen(pages(3), data, scale=scale), read(data, SIZE, 3, scale))
    np.testing.assert_array_equal(canvas_of(pages(3), "#input")[..., :3], pixels)


def test_alpha_is_shown_where_the_model_has_it(pages: Callable[[int], Page]) -> None:
    pixels = noise(*SIZE, 4)
    for channels in (3, 4):
        seen(pages(channels), saved(pil.fromarray(pixels)))
        alpha = canvas_of(pages(channels), "#input")[..., 3]
        np.testing.assert_array_equal(alpha, pixels[..., 3] if channels == 4 else 255)


@pytest.mark.parametrize("given", [(23, 17), (3, 4), (40, 10), (6, 31)], ids=str)
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("filter", FILTERS)
def test_resized_pictures_are_close(
    pages: Callable[[int], Page], filter: str, fit: str, given: tuple[int, int]
) -> None:
    how = {"filter": filter, "fit": fit, "background": "#ff8000"}
    for channels in (1, 3, 4):
        data = saved(pil.fromarray(noise(*given, 4)))
        got, want = seen(pages(channels), data, **how), read(data, SIZE, channels, **how)
        assert np.abs(got - want).max() <= 1e-3
