"""Models that give their input back, for what becomes of pictures and results on a page: shapes, noise, a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.layers.conv import Conv2D
from glnn.testing import layer_graph
from glnn.web import VARIANTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RNG = seeded(5)
SIZE, GIVEN = (6, 10), (23, 17)  # of the models' pictures, and of what they are given: height, width

OPEN = """async ([url, name, options]) => {
  window.models = window.models || {};
  models[name] = await (await import(`${url}runner.js`)).load(url, options);
}"""
SHAPES = {
    "1": (1, *SIZE, 1),
    "3": (1, *SIZE, 3),
    "4": (1, *SIZE, 4),
    "first": (1, 3, *SIZE),
    "parts": (1, 24, 32, 3),  # for a device with textures so small that pixels lie one after another, in several parts
    "blocks": (1, 7, 10, 3),  # of two convolutions alike, so that pixels of the input lie in blocks
}
SMALL = replace(VARIANTS["webgl2"], max_texture_size=16)
RENDERERS = ("llvmpipe", "swiftshader")
# A push has on SwiftShader what each kind of source gives, and what becomes of results.
ON_BOTH = pytest.mark.parametrize("page", RENDERERS, indirect=True)
SELDOM = pytest.param("swiftshader", marks=pytest.mark.whole)
ON_ONE = pytest.mark.parametrize("page", ["llvmpipe", SELDOM], indirect=True)


def exported(site: tuple[Path, str]) -> dict[str, str]:
    """URLs of models that give back what they get, by names of SHAPES; values of a webgl2 variant and of webgl1's."""
    urls = {}
    for name, shape in SHAPES.items():
        first = name == "first"
        channels = shape[1] if first else shape[3]
        weights = {"kernel": np.eye(channels, dtype=np.float32)[None, None], "bias": np.zeros(channels, np.float32)}
        layer = Conv2D(channels, (1, 1), data_format="channels_first" if first else "channels_last")
        graph = layer_graph(layer, [shape], weights)
        if name == "blocks":
            weights["kernel"] = np.pad(weights["kernel"], ((1, 1), (1, 1), (0, 0), (0, 0)))
            graph = layer_graph(Conv2D(channels, (3, 3), padding="same"), [shape], weights)
            [node] = graph.nodes
            again = node.with_(name="again", label="again", inputs=node.outputs, outputs=("again",))
            graph = graph.with_(nodes=(node, again), outputs=again.outputs)
        with glnn.Model(graph) as model:
            model.export_web(site[0] / f"back{name}", shape, {"webgl2": SMALL} if name == "parts" else None)
        urls[name] = f"{site[1]}back{name}/"
    return urls


@contextmanager
def page_of(browser: Browser, site: tuple[Path, str], echoes: dict[str, str], script: str = "0") -> Iterator[Page]:
    """A page with a script and the models open, of the variant webgl2."""
    made = browser.new_page()
    made.goto(f"{site[1]}harness.html")
    made.evaluate(script)
    for name, url in echoes.items():
        made.evaluate(OPEN, [url, name, {"variant": "webgl2"}])
    yield made
    made.close()


def opened(page: Page, echoes: dict[str, str], variant: str) -> None:
    """Has the page open a variant of the model of three channels, under the variant's name."""
    if not page.evaluate("(name) => name in models", variant):
        page.evaluate(OPEN, [echoes["3"], variant, {"variant": variant}])


def frame(alpha: bool = True, given: tuple[int, int] = GIVEN) -> dict[str, Any]:
    """A picture of noise: its RGBA bytes, width and height, and as a PNG file."""
    pixels = RNG.integers(0, 256, (*given, 4), np.uint8)
    if not alpha:
        pixels[..., 3] = 255
    return told(pixels)


def told(pixels: np.ndarray) -> dict[str, Any]:
    """Pixels (height, width, 4) as `frame` gives them."""
    file = io.BytesIO()
    pil = pytest.importorskip("PIL.Image")
    pil.fromarray(pixels).save(file, "PNG")
    return {
        "data": pixels.ravel().tolist(),
        "size": [pixels.shape[1], pixels.shape[0]],
        "png": base64.b64encode(file.getvalue()).decode(),
    }
