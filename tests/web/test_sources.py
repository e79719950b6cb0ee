"""Pictures as inputs: what draws make of them is what arrays would have given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.echoes import GIVEN, ON_BOTH, ON_ONE, OPEN, SHAPES, SIZE, frame, opened, page_of, told

from glnn.image import FILTERS, SCALES, Preparation

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("PIL.Image")
EXACT = 1e-3  # the largest difference, in 255ths of white
DECODED = 3  # ... where a browser's video has its colours by way of YUV

# What a model that gives its input back makes of a source, beside what it makes of the array of its RGBA bytes.
COMPARE = """async ([how, source, frame]) => {
  const model = window.models[how.of], {manifest} = model, [w, h] = frame.size;
  const data = new Uint8ClampedArray(frame.data);
  if (how.picture) manifest.picture = how.picture;
  const {BLACK, area, taken, turned} = await import(`${how.url}page-pixels.js`);
  const [picture] = manifest.pictures, [name] = model.inputs.map((t) => t.name);
  const {given, bytes = data} = await window.shown[source](data, w, h, frame.png);
  const calls = [model.predict({[name]: given})];
  const back = picture[2] > 3 ? BLACK : manifest.picture.background;
  const array = turned(picture, taken(manifest, picture, bytes, w, area(manifest, picture, w, h), back));
  calls.push(model.predict({[name]: array}));
  const [one, other] = (await Promise.all(calls)).map((made) => Object.values(made)[0]);
  const factor = manifest.picture.factor[0];
  let worst = 0;
  one.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - other[i]))));
  return {off: worst / factor, spread: (Math.max(...other) - Math.min(...other)) / factor};
}"""
SOURCES = """(() => {
  const made = (kind, width, height) => {
    const canvas = document.createElement("canvas");
    return kind === "off" ? new OffscreenCanvas(width, height) : Object.assign(canvas, {width, height});
  };
  const drawn = (kind, data, w, h) => {
    const canvas = made(kind, w, h), context = canvas.getContext("2d");
    context.putImageData(new ImageData(data, w, h), 0, 0);
    return {canvas, bytes: context.getImageData(0, 0, w, h).data};
  };
  const read = (source, w, h) => {
    const context = made("", w, h).getContext("2d");
    context.drawImage(source, 0, 0, w, h);
    return context.getImageData(0, 0, w, h).data;
  };
  const plain = {premultiplyAlpha: "none", colorSpaceConversion: "none"};
  window.shown = {
    data: (data, w, h) => ({given: new ImageData(data.slice(), w, h)}),
    bitmap: async (data, w, h) => ({given: await createImageBitmap(new ImageData(data, w, h), plain)}),
    canvas(data, w, h) {
      const {canvas, bytes} = drawn("", data, w, h);
      return {given: canvas, bytes};
    },
    off(data, w, h) {
      const {canvas, bytes} = drawn("off", data, w, h);
      return {given: canvas, bytes};
    },
    async image(data, w, h, png) {
      const given = new Image();
      given.src = `data:image/png;base64,${png}`;
      await given.decode();
      return {given};
    },
    frame(data, w, h) {
      const given = new VideoFrame(drawn("", data, w, h).canvas, {timestamp: 0});
      return {given, bytes: read(given, w, h)};
    },
    async video(data, w, h) {
      const {canvas} = drawn("", data, w, h), given = document.createElement("video");
      given.srcObject = canvas.captureStream();
      given.muted = true;
      const timer = setInterval(() => canvas.getContext("2d").putImageData(new ImageData(data, w, h), 0, 0), 20);
      await given.play();
      while (given.readyState < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      given.pause();
      clearInterval(timer);
      return {given, bytes: read(given, w, h)};
    },
  };
})()"""


@pytest.fixture(scope="module")
def page(
    request: pytest.FixtureRequest, browsers: Callable[[str], Any], site: tuple[Path, str], echoes: dict[str, str]
) -> Iterator[Page]:
    """A page on a renderer with the models open."""
    with page_of(browsers(request.param), site, echoes, SOURCES) as made:
        yield made


def smooth() -> dict[str, Any]:
    """A picture as `frame` gives it, whose colours change slowly: video halves their resolution."""
    y, x = np.mgrid[:96, :128]
    return told(np.stack([y * 2, x * 1.5, 255 - x - y, 255 + 0 * x], -1).astype(np.uint8))


def compared(page: Page, of: str, source: str, given: dict[str, Any], url: str, **how: Any) -> float:
    """The largest difference between a source and the array of its bytes, in 255ths of white."""
    seen = page.evaluate(COMPARE, [{"of": of, "url": url, "picture": Preparation(**how).data()}, source, given])
    assert seen["spread"] > 50, "nothing was seen"
    return seen["off"]


@ON_BOTH
@pytest.mark.parametrize("source", ["data", "bitmap", "canvas", "off", "image", "frame", "video"])
def test_sources_are_what_their_bytes_are(page: Page, echoes: dict[str, str], source: str) -> None:
    alpha = source in ("data", "bitmap", "image")
    given = smooth() if source == "video" else frame(alpha, (24, 18) if source == "frame" else GIVEN)
    bound = DECODED if source == "video" else EXACT
    assert compared(page, "3", source, given, echoes["3"], background="#204080") <= bound


@ON_ONE
@pytest.mark.parametrize("name", SHAPES)
def test_every_layout_is_filled(page: Page, echoes: dict[str, str], name: str) -> None:
    for size in (SIZE, GIVEN, (3, 40)):
        assert compared(page, name, "data", frame(given=size), echoes[name]) <= EXACT


@ON_ONE
@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_sizes_are_met_as_arrays_are(page: Page, echoes: dict[str, str], filter: str, fit: str) -> None:
    for name in ("3", "4"):
        off = compared(page, name, "data", frame(), echoes[name], filter=filter, fit=fit, background="#ff8000")
        assert off <= EXACT


@ON_ONE
@pytest.mark.parametrize("scale", SCALES)
def test_values_are_scaled(page: Page, echoes: dict[str, str], scale: str) -> None:
    assert compared(page, "3", "image", frame(), echoes["3"], scale=scale) <= EXACT


@ON_ONE
@pytest.mark.parametrize(("variant", "bound"), [("webgl2-half", 255 / 2**10), ("webgl1-rgba8", EXACT)])
def test_devices_without_float_targets(page: Page, echoes: dict[str, str], variant: str, bound: float) -> None:
    opened(page, echoes, variant)
    assert compared(page, variant, "data", frame(), echoes["3"]) <= bound


@ON_ONE
def test_pictures_are_taken_at_the_call(page: Page, echoes: dict[str, str]) -> None:
    same = page.evaluate(
        """async ([picture, {data, size: [w, h]}]) => {
          models["3"].manifest.picture = picture;
          const {given} = window.shown.canvas(new Uint8ClampedArray(data), w, h), context = given.getContext("2d");
          const model = models["3"];
          const [name] = model.inputs.map((t) => t.name), calls = [model.predict({[name]: given})];
          context.fillRect(0, 0, w, h);
          calls.push(model.predict({[name]: given}));
          const [first, second] = (await Promise.all(calls)).map((made) => Object.values(made)[0]);
          return [Math.max(...first) > 100, Math.max(...second)];
        }""",
        [Preparation().data(), frame(alpha=False)],
    )
    assert same == [True, 0]


@ON_ONE
def test_what_is_no_picture_is_refused(page: Page, echoes: dict[str, str]) -> None:
    for given in ("7", "{}", "document.body", "new Image()"):
        told = page.evaluate(f"settle(models['3'].predict({{[models['3'].inputs[0].name]: {given}}}))")
        name, code, message = told["failed"]
        assert (name, code) == ("GlnnError", "input") and message.startswith("input ")
    failed = page.evaluate(
        "settle(models['3'].predict({[models['3'].inputs[0].name]: new ImageData(3, 3)}, {as: 'x'}))"
    )
    assert failed["failed"][1] == "input" and "bitmap" in failed["failed"][2]


@ON_ONE
def test_a_worker_takes_and_gives_pictures(page: Page, echoes: dict[str, str]) -> None:
    page.evaluate(OPEN, [echoes["3"], "worker", {"worker": True, "variant": "webgl2"}])
    told = page.evaluate(
        """async ({data, size: [w, h]}) => {
          const there = models.worker, here = models["3"];
          const [input] = there.inputs.map((t) => t.name), [output] = there.outputs.map((t) => t.name);
          models["3"].manifest.picture = there.manifest.picture; // another test's may be there
          const {given} = window.shown.canvas(new Uint8ClampedArray(data), w, h);
          const calls = [there, here].map((model) => model.predict({[input]: given}));
          given.getContext("2d").clearRect(0, 0, w, h);
          const [one, other] = (await Promise.all(calls)).map(bits);
          const image = new ImageData(new Uint8ClampedArray(data), w, h);
          const {[output]: bitmap} = await there.predict({[input]: image}, {as: "bitmap"});
          const failed = await settle(there.predict({[input]: given}, {as: "texture"}));
          const wrong = await settle(there.predict({[input]: document.body}));
          const same = JSON.stringify(one) === JSON.stringify(other);
          return {same, size: [bitmap.width, bitmap.height], failed, wrong};
        }""",
        frame(alpha=False),
    )
    assert told["same"] and told["size"] == [SIZE[1], SIZE[0]]
    assert told["failed"]["failed"][1] == told["wrong"]["failed"][1] == "input"
