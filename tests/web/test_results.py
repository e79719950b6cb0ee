"""Results that stay on the device: read, shown, handed on, let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.echoes import ON_BOTH, ON_ONE, OPEN, SIZE, frame, opened, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def page(
    request: pytest.FixtureRequest, browsers: Callable[[str], Any], site: tuple[Path, str], echoes: dict[str, str]
) -> Iterator[Page]:
    """A page on a renderer with the models open."""
    with page_of(browsers(request.param), site, echoes) as made:
        yield made


@ON_ONE
def test_nothing_grows(page: Page, echoes: dict[str, str]) -> None:
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
def test_results_are_kept_without_float_targets(page: Page, echoes: dict[str, str]) -> None:
    opened(page, echoes, "webgl1-rgba8")
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


def test_results_go_with_their_context(new_page: Callable[[], Page], echoes: dict[str, str], site: Any) -> None:
    page = new_page()
    page.goto(f"{site[1]}harness.html")
    page.evaluate(OPEN, [echoes["3"], "3", {"variant": "webgl2"}])
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


@ON_BOTH
def test_results_stay_on_the_device(page: Page, echoes: dict[str, str]) -> None:
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
        [echoes, frame(alpha=False)],
    )
    assert told["off"] == [0, 0]
    assert told["worst"] <= 1 and told["size"] == [SIZE[1], SIZE[0]]
    (other, why), (gone, _), (read, _) = told["failed"]
    assert other == "input" and "another device" in why and gone == "input" and read == "disposed"
