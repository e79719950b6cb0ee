"""Pictures and results as inputs: what draws make of them is what arrays would have given."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import glnn
from glnn.image import FILTERS, SCALES, Preparation
from glnn.layers.conv import Conv2D
from glnn.testing import layer_graph
from glnn.web import VARIANTS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pil = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(5)
SIZE, GIVEN = (6, 10), (23, 17)  # of the models' pictures, and of what they are given: height, width
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
RENDERERS = ("llvmpipe", "swiftshader")
SMALL = replace(VARIANTS["webgl2"], max_texture_size=16)


@pytest.fixture(scope="module")
def folders(site: tuple[Path, str]) -> dict[str, str]:
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


# A push has on SwiftShader what each kind of source gives, and what becomes of results.
ON_BOTH = pytest.mark.parametrize("page", RENDERERS, indirect=True)
SELDOM = pytest.param("swiftshader", marks=pytest.mark.whole)
ON_ONE = pytest.mark.parametrize("page", ["llvmpipe", SELDOM], indirect=True)


@pytest.fixture(scope="module")
def page(
    request: pytest.FixtureRequest, browsers: Callable[[str], Any], site: tuple[Path, str], folders: dict[str, str]
) -> Iterator[Page]:
    """A page on a renderer with the models open."""
    made = browsers(request.param).new_page()
    made.goto(f"{site[1]}harness.html")
    made.evaluate(SOURCES)
    for name, url in folders.items():
        made.evaluate(OPEN, [url, name, {"variant": "webgl2"}])
    yield made
    made.close()


def opened(page: Page, folders: dict[str, str], variant: str) -> None:
    """Has the page open a variant of the model of three channels, under the variant's name."""
    if not page.evaluate("(name) => name in models", variant):
        page.evaluate(OPEN, [folders["3"], variant, {"variant": variant}])


def smooth() -> dict[str, Any]:
    """A picture as `frame` gives it, whose colours change slowly: video halves their resolution."""
    y, x = np.mgrid[:96, :128]
    return told(np.stack([y * 2, x * 1.5, 255 - x - y, 255 + 0 * x], -1).astype(np.uint8))


def frame(alpha: bool = True, given: tuple[int, int] = GIVEN) -> dict[str, Any]:
    """A picture of noise: its RGBA bytes, width and height, and as a PNG file."""
    pixels = RNG.integers(0, 256, (*given, 4), np.uint8)
    if not alpha:
        pixels[..., 3] = 255
    return told(pixels)


def told(pixels: np.ndarray) -> dict[str, Any]:
    file = io.BytesIO()
    pil.fromarray(pixels).save(file, "PNG")
    return {
        "data": pixels.ravel().tolist(),
        "size": [pixels.shape[1], pixels.shape[0]],
        "png": base64.b64encode(file.getvalue()).decode(),
    }


def compared(page: Page, of: str, source: str, given: dict[str, Any], url: str, **how: Any) -> float:
    """The largest difference between a source and the array of its bytes, in 255ths of white."""
    seen = page.evaluate(COMPARE, [{"of": of, "url": url, "picture": Preparation(**how).data()}, source, given])
    assert seen["spread"] > 50, "nothing was seen"
    return seen["off"]


@ON_BOTH
@pytest.mark.parametrize("source", ["data", "bitmap", "canvas", "off", "image", "frame", "video"])
def test_sources_are_what_their_bytes_are(page: Page, folders: dict[str, str], source: str) -> None:
    alpha = source in ("data", "bitmap", "image")
    given = smooth() if source == "video" else frame(alpha, (24, 18) if source == "frame" else GIVEN)
    bound = DECODED if source == "video" else EXACT
    assert compared(page, "3", source, given, folders["3"], background="#204080") <= bound


@ON_ONE
@pytest.mark.parametrize("name", SHAPES)
def test_every_layout_is_filled(page: Page, folders: dict[str, str], name: str) -> None:
    for size in (SIZE, GIVEN, (3, 40)):
        assert compared(page, name, "data", frame(given=size), folders[name]) <= EXACT


@ON_ONE
@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_sizes_are_met_as_arrays_are(page: Page, folders: dict[str, str], filter: str, fit: str) -> None:
    for name in ("3", "4"):
        off = compared(page, name, "data", frame(), folders[name], filter=filter, fit=fit, background="#ff8000")
        assert off <= EXACT


@ON_ONE
@pytest.mark.parametrize("scale", SCALES)
def test_values_are_scaled(page: Page, folders: dict[str, str], scale: str) -> None:
    assert compared(page, "3", "image", frame(), folders["3"], scale=scale) <= EXACT


@ON_ONE
@pytest.mark.parametrize(("variant", "bound"), [("webgl2-half", 255 / 2**10), ("webgl1-rgba8", EXACT)])
def test_devices_without_float_targets(page: Page, folders: dict[str, str], variant: str, bound: float) -> None:
    opened(page, folders, variant)
    assert compared(page, variant, "data", frame(), folders["3"]) <= bound


@ON_ONE
def test_pictures_are_taken_at_the_call(page: Page, folders: dict[str, str]) -> None:
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
def test_nothing_grows(page: Page, folders: dict[str, str]) -> None:
    counts = page.evaluate(
        """async ({data, size: [w, h]}) => {
          const model = models["3"], [name] = model.inputs.map((t) => t.name), counts = [];
          for (let i = 0; i < 40; i++) {
            const wide = w - i % 4, high = h - i % 3;
            const image = new ImageData(new Uint8ClampedArray(data.slice(0, wide * high * 4)), wide, high);
            const {[model.outputs[0].name]: result} = await model.predict({[name]: image}, {as: "texture"});
            await model.predict({[name]: result});
            result.dispose();
            result.dispose();
            counts.push(JSON.stringify(model.counts()));
          }
          return counts;
        }""",
        frame(),
    )
    assert len(set(counts[8:])) == 1


@ON_ONE
def test_what_is_no_picture_is_refused(page: Page, folders: dict[str, str]) -> None:
    for given in ("7", "{}", "document.body", "new Image()"):
        told = page.evaluate(f"settle(models['3'].predict({{[models['3'].inputs[0].name]: {given}}}))")
        name, code, message = told["failed"]
        assert (name, code) == ("GlnnError", "input") and message.startswith("input ")
    failed = page.evaluate(
        "settle(models['3'].predict({[models['3'].inputs[0].name]: new ImageData(3, 3)}, {as: 'x'}))"
    )
    assert failed["failed"][1] == "input" and "bitmap" in failed["failed"][2]


@ON_ONE
def test_results_are_kept_without_float_targets(page: Page, folders: dict[str, str]) -> None:
    opened(page, folders, "webgl1-rgba8")
    off, size = page.evaluate(
        """async ({data, size: [w, h]}) => {
          const model = models["webgl1-rgba8"], image = new ImageData(new Uint8ClampedArray(data), w, h);
          const [input] = model.inputs.map((t) => t.name), [output] = model.outputs.map((t) => t.name);
          const {[output]: result} = await model.predict({[input]: image}, {as: "texture"});
          const {[output]: again} = await model.predict({[input]: result}), read = await result.read();
          const {width, height} = await result.bitmap();
          return [Math.max(...again.map((v, i) => Math.abs(v - read[i]))), [width, height]];
        }""",
        frame(),
    )
    assert off == 0 and size == [SIZE[1], SIZE[0]]


def test_results_go_with_their_context(new_page: Callable[[], Page], folders: dict[str, str], site: Any) -> None:
    page = new_page()
    page.goto(f"{site[1]}harness.html")
    page.evaluate(OPEN, [folders["3"], "3", {"variant": "webgl2"}])
    failed = page.evaluate(
        """async ({data, size: [w, h]}) => {
          const model = models["3"], image = new ImageData(new Uint8ClampedArray(data), w, h);
          const [input] = model.inputs.map((t) => t.name), [output] = model.outputs.map((t) => t.name);
          const {[output]: result} = await model.predict({[input]: image}, {as: "texture"});
          const extension = model._device.gl.getExtension("WEBGL_lose_context");
          const heard = (kind) => soon(new Promise((go) => model.addEventListener(kind, go, {once: true})));
          const lost = heard("contextlost");
          extension.loseContext();
          await lost;
          await new Promise((go) => setTimeout(go));
          const back = heard("contextrestored");
          extension.restoreContext();
          await back;
          const calls = [() => result.read(), () => result.bitmap(), () => model.predict({[input]: result})];
          const failed = [];
          for (const call of calls) failed.push((await settle(call())).failed);
          result.dispose();
          await model.predict({[input]: image});
          return failed.map(([, code]) => code);
        }""",
        frame(),
    )
    assert failed == ["context-lost"] * 3


@ON_ONE
def test_a_worker_takes_and_gives_pictures(page: Page, folders: dict[str, str]) -> None:
    page.evaluate(OPEN, [folders["3"], "worker", {"worker": True, "variant": "webgl2"}])
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


@ON_BOTH
def test_results_stay_on_the_device(page: Page, folders: dict[str, str]) -> None:
    told = page.evaluate(
        """async ([urls, {data, size: [w, h]}]) => {
          const glnn = await import(`${urls["3"]}runner.js`), device = await glnn.device();
          const load = (device) => glnn.load(urls["3"], {device, variant: "webgl2"});
          const [a, b, far] = await Promise.all([device, device, undefined].map(load));
          const [input] = a.inputs.map((t) => t.name), [output] = a.outputs.map((t) => t.name);
          const image = new ImageData(new Uint8ClampedArray(data), w, h);
          const {[output]: wanted} = await a.predict({[input]: image});
          const {[output]: result} = await a.predict({[input]: image}, {as: "texture"});
          await a.predict({[input]: new Float32Array(wanted.length)}); // draws over what was
          const {[output]: handed} = await b.predict({[input]: result});
          const read = await result.read(), bitmap = await result.bitmap(), {width, height} = bitmap;
          const canvas = Object.assign(document.createElement("canvas"), {width, height});
          const context = canvas.getContext("2d");
          context.drawImage(bitmap, 0, 0);
          const shown = context.getImageData(0, 0, canvas.width, canvas.height).data;
          const failed = [await settle(far.predict({[input]: result}))];
          const {[output]: direct} = await b.predict({[input]: image}, {as: "bitmap"});
          context.drawImage(direct, 0, 0);
          const again = context.getImageData(0, 0, canvas.width, canvas.height).data;
          result.dispose();
          failed.push(await settle(b.predict({[input]: result})), await settle(result.read()));
          const off = (values) => Math.max(...wanted.map((v, i) => Math.abs(v - values[i])));
          let worst = 0;
          for (const seen of [shown, again]) for (let i = 0; i < seen.length; i++) {
            worst = Math.max(worst, Math.abs(seen[i] - (i % 4 > 2 ? 255 : wanted[(i >> 2) * 3 + i % 4])));
          }
          device.dispose();
          return {off: [off(handed), off(read)], worst, size: [bitmap.width, bitmap.height],
            failed: failed.map(({failed: [, code, message]}) => [code, message])};
        }""",
        [folders, frame(alpha=False)],
    )
    assert told["off"] == [0, 0]
    assert told["worst"] <= 1 and told["size"] == [SIZE[1], SIZE[0]]
    (other, why), (gone, _), (read, _) = told["failed"]
    assert other == "input" and "another device" in why and gone == "input" and read == "disposed"
