"""Models that share one WebGL context: twenty on a page, each with its own objects; lost, it comes back for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.replays import Exported, export

import glnn
from glnn.layers.conv import Conv2D
from glnn.testing import layer_graph

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Loads models (urls) on one device, all at once; `models` and `device` stay in the page.
SHARE = """async ([module, urls, options]) => {
  window.glnn = await import(module);
  window.device = await glnn.device(options);
  window.models = await Promise.all(urls.map(url => glnn.load(url, {device})));
  window.given = await Promise.all(urls.map(url => floats(`${url}input.bin`)));
  const predict = (model, values) => model.predict({[model.inputs[0].name]: values}).then(bits);
  window.predictAll = () => Promise.all(models.map((model, i) => settle(predict(model, given[i]))));
  return models.map(model => [model.variant, model.counts()]);
}"""
LOSE = """async () => {
  const extension = contexts.find(gl => !gl.isContextLost()).getExtension("WEBGL_lose_context");
  const once = (model, kind) => new Promise(resolve => model.addEventListener(kind, resolve, {once: true}));
  const heard = kind => Promise.all(models.map(model => once(model, kind)));
  const lost = heard("contextlost"), restored = heard("contextrestored"), during = predictAll();
  extension.loseContext();
  await soon(lost);
  await new Promise(resolve => setTimeout(resolve)); // out of the event's dispatch, within which nothing is restored
  const refused = await settle(glnn.load(given_url, {device}));
  extension.restoreContext();
  await soon(restored);
  return {during: await soon(during), refused: refused.failed};
}"""


LIVING = "Object.entries(live).filter(([, count]) => count)"


@pytest.fixture(scope="module")
def exports(site: tuple[Path, str], digits: Exported) -> list[Exported]:
    """The digits model and three layers, as different models of a page."""
    made = [digits]
    for i, channels in enumerate((3, 5, 2)):
        rng = np.random.default_rng(i)
        weights = {
            "kernel": rng.standard_normal((3, 3, channels, 6)).astype("f4"),
            "bias": rng.standard_normal(6).astype("f4"),
        }
        shape = (1, 7 + i, 9, channels)
        model = glnn.Model(layer_graph(Conv2D(6, (3, 3)), [shape], weights))
        made.append(export(model, f"shared{i}", rng.standard_normal(shape).astype("f4"), *site))
    return made


def share(page: Page, exports: list[Exported], **options: str) -> list[Any]:
    page.goto(f"{exports[0].site}harness.html")
    return page.evaluate(SHARE, [f"{exports[0].url}runner.js", [e.url for e in exports], options])


def check(page: Page, exports: list[Exported], expected: list[dict[str, list[int]]] | None = None) -> list[Any]:
    """All models predict at once; each gives what it should: Python's values, or bits that are given."""
    outcomes = page.evaluate("predictAll()")
    for exported, outcome, bits in zip(exports, outcomes, expected or [None] * len(exports), strict=True):
        got = exported.values(outcome["done"])
        for name, values in exported.reference.items():
            np.testing.assert_allclose(got[name], values, rtol=1e-4, atol=1e-4)
        assert bits is None or outcome["done"] == bits
    return [outcome["done"] for outcome in outcomes]


@pytest.mark.parametrize(
    ("renderer", "count"),
    [("llvmpipe", 20), ("swiftshader", 6), pytest.param("swiftshader", 20, marks=pytest.mark.whole)],
)
def test_twenty_models_share_a_context(
    new_page: Callable[[str], Page], exports: list[Exported], renderer: str, count: int
) -> None:
    page, twenty = new_page(renderer), (exports[::-1] * 5)[:count]
    share(page, twenty)
    assert page.evaluate("contexts.length") == 1
    bits = check(page, twenty)
    page.evaluate("models.forEach((model, i) => i % 3 && model.dispose())")  # frees what is its own alone
    page.evaluate("[models, given] = [models.filter((_, i) => i % 3 == 0), given.filter((_, i) => i % 3 == 0)]")
    check(page, twenty[::3], bits[::3])
    page.evaluate("models.forEach(model => model.dispose())")
    assert page.evaluate("device.counts()") == {"textures": 0, "buffers": 1, "programs": 0, "framebuffers": 0}
    assert page.evaluate(LIVING) == [["Buffer", 1]]
    page.evaluate("device.dispose(); device.dispose()")
    assert page.evaluate(LIVING) == []
    assert page.evaluate("contexts.every(gl => gl.isContextLost())")


@pytest.mark.parametrize(
    ("renderer", "backend"),
    [
        ("llvmpipe", "webgl2"),
        ("llvmpipe", "webgl1"),
        pytest.param("swiftshader", "webgl2", marks=pytest.mark.whole),
    ],
)
def test_a_lost_context_comes_back_for_five(
    new_page: Callable[[str], Page], exports: list[Exported], renderer: str, backend: str
) -> None:
    page, five = new_page(renderer), [*exports, exports[0]]
    variants = share(page, five, backend=backend)
    assert all(variant.startswith(backend) for variant, _ in variants)
    page.evaluate("url => { window.given_url = url }", exports[1].url)
    bits = check(page, five)
    page.evaluate(
        """async url => {
          const gone = await glnn.load(url, {device});
          window.heard = [];
          gone.addEventListener("contextlost", () => heard.push("of a model that was disposed"));
          gone.dispose();
        }""",
        exports[1].url,
    )
    for _ in range(2):
        lost = page.evaluate(LOSE)
        assert lost["refused"][:2] == ["GlnnError", "context-lost"] and "context" in lost["refused"][2]
        for outcome, right in zip(lost["during"], bits, strict=True):
            assert outcome.get("done") == right or outcome["failed"][:2] == ["GlnnError", "context-lost"]
        check(page, five, bits)
        assert page.evaluate("heard") == []
        assert page.evaluate("models.map(model => [model.variant, model.counts()])") == variants
    page.evaluate("async url => { models.push(await glnn.load(url, {device})); given.push(given[1]) }", exports[1].url)
    check(page, [*five, exports[1]], [*bits, bits[1]])


def test_a_model_that_fails_leaves_the_others_alone(new_page: Callable[[], Page], exports: list[Exported]) -> None:
    """One whose weights do not come, and one in whose loading the context is lost."""
    page = new_page()
    page.goto(f"{exports[0].site}harness.html")
    share(page, exports[:2])
    page.wait_for_timeout(50)  # for the fence of the last first draw
    before = page.evaluate("[device.counts(), {...live}]")
    page.route("**/shared2/*.bin", lambda route: route.fulfill(status=404))
    failed = page.evaluate("url => settle(glnn.load(url, {device}))", exports[3].url)["failed"]
    assert failed[1] == "not-found"
    page.wait_for_timeout(50)  # for compilation, which is under way
    assert page.evaluate("[device.counts(), {...live}]") == before
    check(page, exports[:2])
    page.unroute("**/shared2/*.bin")
    held: list[Any] = []
    page.route("**/shared2/*.bin", lambda route: held.append(route))
    page.evaluate("url => { window.loading = settle(glnn.load(url, {device})) }", exports[3].url)
    page.wait_for_timeout(100)
    page.evaluate("url => { window.given_url = url }", exports[1].url)
    page.evaluate(LOSE)
    for route in held:
        route.continue_()
    assert page.evaluate("soon(loading)")["failed"][:2] == ["GlnnError", "context-lost"]
    assert page.evaluate("contexts.map(gl => gl.getError())") == [0]  # which would be laid on other models
    check(page, exports[:2])
    assert page.evaluate("device.counts()") == before[0]


def test_a_model_that_was_disposed_is_let_go(new_page: Callable[[], Page], exports: list[Exported]) -> None:
    """Nothing of a device that lives on holds it: neither what lists the device's models, nor what events go to."""
    page = new_page()
    share(page, exports[1:2])
    page.evaluate(
        """async url => {
          const model = await glnn.load(url, {device});
          await model.predict({[model.inputs[0].name]: given[0]});
          model.dispose();
          window.gone = new WeakRef(model);
        }""",
        exports[1].url,
    )
    session = page.context.new_cdp_session(page)
    for _ in range(50):
        session.send("HeapProfiler.collectGarbage")
        if page.evaluate("gone.deref() === undefined"):
            break
        page.wait_for_timeout(20)
    assert page.evaluate("gone.deref() === undefined")
    check(page, exports[1:2])


def test_what_a_device_refuses(new_page: Callable[[str], Page], exports: list[Exported]) -> None:
    page = new_page("llvmpipe")
    share(page, exports[:1], backend="webgl1")
    load = "url => settle(glnn.load(url, {device, variant: 'webgl2'}))"
    code, message = page.evaluate(load, exports[0].url)["failed"][1:]
    assert code == "input" and "webgl1" in message
    code, message = page.evaluate("settle(glnn.device({backend: 'webgpu'}))")["failed"][1:]
    assert code == "input" and "webgl2" in message
    page.evaluate("device.dispose()")
    for call in (
        "models[0].predict({})",
        "glnn.load(location.href, {device})",
        f"glnn.load({exports[0].url!r}, {{device}})",
    ):
        code = page.evaluate(f"settle({call})")["failed"][1]
        assert code == ("disposed" if "location" not in call else "not-found")
    page = new_page("none")
    page.goto(f"{exports[0].site}harness.html")
    code, message = page.evaluate("async url => settle((await import(url)).device())", f"{exports[0].url}runner.js")[
        "failed"
    ][1:]
    assert code == "no-webgl" and "browser" in message
