"""How files come: what is sent for them, second tries, what answers mean, giving up, and what is kept for later."""

from __future__ import annotations

import json
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from support.http_server import Site, error, first, send, slow
from support.replays import Exported, difference, different_bits, export

import glnn
from glnn.layers.core import Dense
from glnn.testing import layer_graph

if TYPE_CHECKING:
    from playwright.sync_api import Page

ACROSS = 1e-5  # of the largest value, between renderers
OPEN = {f"Access-Control-{name}": "*" for name in ("Allow-Origin", "Expose-Headers")}
OPEN["Access-Control-Allow-Headers"] = "authorization"  # which a star does not stand for
# What lies in the cache: the manifests' addresses, and how many files.
KEPT = """async () => {
  const keys = (await (await caches.open("glnn")).keys()).map(({url}) => url).sort();
  const files = keys.filter(url => url.startsWith("https://content.invalid/"));
  return [keys.filter(url => !files.includes(url)), files.length];
}"""


class Models(Site):
    """A server of models for pages of other origins, which keeps what it was asked: (path, query, headers)."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.times: dict[str, list[float]] = defaultdict(list)  # by path

    def handler(self) -> Any:
        models, plain = self, super().handler()

        class Handler(plain):  # type: ignore[valid-type, misc]
            def do_OPTIONS(self) -> None:
                send(self, b"")

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                models.times[parts.path].append(time.monotonic())
                models.requests.append((parts.path, parts.query, {k.lower(): v for k, v in self.headers.items()}))
                super().do_GET()

            def end_headers(self) -> None:
                for name, value in OPEN.items():
                    self.send_header(name, value)
                super().end_headers()

        return Handler

    def paths(self) -> list[str]:
        """The paths that were asked for since the last call."""
        asked = [path for path, _, _ in self.requests]
        self.requests.clear()
        return asked


@pytest.fixture
def models(digits: Exported, tmp_path: Path) -> Iterator[Models]:
    """The digits model on a server of its own, in /model/."""
    shutil.copytree(digits.folder, tmp_path / "model")
    with Models(tmp_path) as site:
        yield site


@pytest.fixture
def page(request: pytest.FixtureRequest, new_page: Callable[[str], Page], digits: Exported) -> Page:
    """A page with the runner, on llvmpipe unless a test says otherwise, and nothing kept."""
    made = new_page(getattr(request, "param", "llvmpipe"))
    enter(made, digits)
    made.evaluate("caches.delete('glnn')")
    return made


def enter(page: Page, digits: Exported) -> None:
    """Opens the page, or opens it again."""
    page.goto(f"{digits.site}harness.html")
    page.evaluate("async url => { window.given = await floats(url) }", f"{digits.url}input.bin")
    page.evaluate("async url => { window.glnn = await import(url) }", f"{digits.url}runner.js")


def load(page: Page, url: str, **options: Any) -> Any:
    """What becomes of load: {"done": progress} or {"failed": [name, code, message]}; the model is `model`."""
    return page.evaluate(
        """([url, options]) => settle((async () => {
          const told = [];
          window.model = await glnn.load(url, {variant: "webgl2", ...options, onProgress: p => told.push(p)});
          return told;
        })())""",
        [url, options],
    )


def files(folder: Path) -> set[str]:
    """The files of the variant webgl2 in an export."""
    manifest = json.loads((folder / "manifest.json").read_text())
    plan = next(v["plan"]["file"] for v in manifest["variants"] if v["name"] == "webgl2")
    return {plan, *(shard["file"] for shard in manifest["weights"]["shards"])}


def right(page: Page, digits: Exported) -> bool:
    """Whether the model gives the bits of Python, or nearly, on another renderer than Python's."""
    got, expected = digits.predict(page), digits.in_python("webgl2").outputs
    if "SwiftShader" in page.evaluate("model.renderer"):
        return difference(got, expected) <= ACROSS
    return different_bits(got, expected) == 0


def test_headers_and_a_signed_query_go_to_every_file(page: Page, models: Models, digits: Exported) -> None:
    given = {"headers": {"Authorization": "Bearer token"}, "credentials": "omit"}
    for url in ("/model/?sig=a%2Fb&until=9", "/model?sig=a%2Fb&until=9#part"):
        assert "done" in load(page, models.url + url, fetch=given)
        assert right(page, digits)
        asked = {path for path, _, _ in models.requests}
        assert asked == {f"/model/{name}" for name in {"manifest.json", *files(models.folder / "model")}}
        assert all(query == "sig=a%2Fb&until=9" for _, query, _ in models.requests)
        assert all(headers["authorization"] == "Bearer token" for _, _, headers in models.requests)
        models.requests.clear()
    models.answers["model/manifest.json"] = error(403)
    assert "sig=" not in load(page, f"{models.url}/model/?sig=secret")["failed"][2]  # messages end up in logs


def test_503_twice_then_200(page: Page, models: Models, digits: Exported) -> None:
    name = next(name for name in files(models.folder / "model") if name.endswith(".bin"))
    models.answers[f"model/{name}"] = first(2, error(503), models.file)
    models.answers["model/manifest.json"] = first(1, error(429, Retry_After="1"), models.file)
    page.evaluate(
        """() => {
          const {cancel} = ReadableStream.prototype;
          window.dropped = 0;
          ReadableStream.prototype.cancel = function () {
            dropped++;
            return cancel.call(this);
          };
        }"""
    )
    assert "done" in load(page, f"{models.url}/model/")
    assert page.evaluate("dropped") == 3  # answers that nobody reads hold no connection
    assert np.diff(models.times["/model/manifest.json"]) > 0.99  # as asked for
    assert (np.diff(models.times[f"/model/{name}"]) > [0.29, 0.89]).all()  # pauses that grow
    assert models.asked[f"/model/{name}"] == 3 and right(page, digits)
    models.answers[f"model/{name}"] = error(503)
    code, message = load(page, f"{models.url}/model/", retries=1)["failed"][1:]
    assert code == "busy" and name in message and "503 (2 tries)" in message and "retries" in message
    assert models.asked[f"/model/{name}"] == 5
    models.answers["model/manifest.json"] = error(503, Retry_After="3600")
    code, message = load(page, f"{models.url}/model/")["failed"][1:]
    assert code == "busy" and "3600 s" in message


def test_a_transfer_that_breaks_off_is_tried_again(page: Page, models: Models, digits: Exported) -> None:
    name = next(name for name in files(models.folder / "model") if name.endswith(".bin"))
    data = (models.folder / "model" / name).read_bytes()

    def part(request: Any) -> None:
        send(request, data[:700], length=len(data))
        time.sleep(0.3)  # or the browser would hand out none of it

    models.answers[f"model/{name}"] = first(1, part, models.file)
    told = load(page, f"{models.url}/model/")["done"]
    loaded = [p["loaded"] for p in told]
    assert loaded != sorted(loaded)  # it goes back
    assert told[-1]["loaded"] == told[-1]["total"] and models.asked[f"/model/{name}"] == 2 and right(page, digits)


@pytest.mark.parametrize(
    ("status", "code", "word", "tries"),
    [
        (401, "unauthorized", "Authorization", 1),
        (403, "forbidden", "expired", 1),
        (404, "not-found", "exported", 1),
        (410, "not-found", "address", 1),
        (418, "server", "address", 1),
        (429, "busy", "retries", 2),
        (500, "server", "log", 2),
        (503, "busy", "retries", 2),
    ],
)
def test_answers_are_told_apart(page: Page, models: Models, status: int, code: str, word: str, tries: int) -> None:
    models.answers["model/manifest.json"] = error(status)
    name, got, message = load(page, f"{models.url}/model/", retries=1)["failed"]
    assert (name, got) == ("GlnnError", code) and word in message and f"answers {status}" in message
    assert models.asked["/model/manifest.json"] == tries


def test_a_server_that_does_not_answer_is_told_apart(page: Page, models: Models) -> None:
    models.answers["model/manifest.json"] = slow(1.5, models.file)
    code, message = load(page, f"{models.url}/model/", retries=0, timeout=300)["failed"][1:]
    assert code == "timeout" and "larger timeout" in message
    models.close()
    code, message = load(page, f"{models.url}/model/", retries=0)["failed"][1:]
    assert code == "network" and "CORS" in message


def test_a_signal_ends_the_loading(page: Page, models: Models) -> None:
    """Before it, while files come, while it waits for another try; later it does nothing any more."""
    name = next(iter(files(models.folder / "model")))
    run = """async ([url, ms]) => {
      const stop = new AbortController();
      if (ms < 0) stop.abort(new DOMException("enough", "AbortError"));
      else setTimeout(() => stop.abort(new DOMException("enough", "AbortError")), ms);
      const begin = performance.now(), {failed} = await settle(glnn.load(url, {signal: stop.signal}));
      return [failed && failed[0], performance.now() - begin, contexts.filter(gl => !gl.isContextLost()).length];
    }"""
    models.answers[f"model/{name}"] = slow(2, models.file)
    assert page.evaluate(run, [f"{models.url}/model/", -1])[::2] == ["AbortError", 0]
    assert models.paths() == []
    for answer in (slow(2, models.file), error(503, Retry_After="20")):
        models.answers[f"model/{name}"] = answer
        what, ms, contexts = page.evaluate(run, [f"{models.url}/model/", 200])
        assert (what, contexts) == ("AbortError", 0) and ms < 1500
    del models.answers[f"model/{name}"]
    again = """async url => {
      const stop = new AbortController();
      window.model = await glnn.load(url, {signal: stop.signal});
      stop.abort();
      return settle(model.predict({[model.inputs[0].name]: given}).then(bits));
    }"""
    assert "done" in page.evaluate(again, f"{models.url}/model/")


@pytest.mark.parametrize("page", ["llvmpipe", "swiftshader"], indirect=True)
def test_it_loads_offline_after_one_visit(page: Page, models: Models, digits: Exported) -> None:
    url = f"{models.url}/model/?sig=1"
    told = load(page, url, cache=True)["done"]
    assert {p["cached"] for p in told} == {0}
    assert page.evaluate(KEPT) == [[f"{models.url}/model/manifest.json"], len(files(models.folder / "model"))]
    models.paths()
    enter(page, digits)
    told = load(page, f"{models.url}/model/?sig=2", cache=True)["done"]  # signed anew
    assert told[-1]["cached"] == told[-1]["loaded"] == told[-1]["total"]
    assert models.paths() == ["/model/manifest.json"] and right(page, digits)
    models.answers["model/manifest.json"] = error(503)  # which is an answer: the model may have been withdrawn
    assert load(page, url, cache=True, retries=0)["failed"][1] == "busy"
    models.close()
    enter(page, digits)
    told = load(page, url, cache=True)["done"]
    assert told[-1]["cached"] == told[-1]["total"] and right(page, digits)
    assert load(page, url, retries=0)["failed"][1] == "network"  # who does not ask for it gets nothing kept
    assert load(page, f"{models.url}/other/", cache=True, retries=0)["failed"][1] == "network"


def test_what_was_spoilt_in_the_cache_is_fetched_again(page: Page, models: Models, digits: Exported) -> None:
    load(page, f"{models.url}/model/", cache=True)
    page.evaluate(
        """async () => {
          const store = await caches.open("glnn");
          for (const {url} of await store.keys()) if (url.includes("content")) await store.put(url, new Response("x"));
        }"""
    )
    models.paths()
    told = load(page, f"{models.url}/model/", cache=True)["done"]
    assert told[-1]["cached"] == 0 and len(models.paths()) == 1 + len(files(models.folder / "model"))
    assert right(page, digits)
    assert load(page, f"{models.url}/model/", cache=True)["done"][-1]["cached"] == told[-1]["total"]


def dense(seed: int) -> glnn.Model:
    rng = np.random.default_rng(seed)
    weights = {"kernel": rng.standard_normal((4, 3)).astype("f4"), "bias": np.zeros(3, "f4")}
    return glnn.Model(layer_graph(Dense(3), [(1, 4)], weights))


def test_a_new_export_throws_the_old_out(page: Page, models: Models) -> None:
    """And nothing else: not what another model needs, nor the old where the new did not come whole."""
    x, folder = np.ones((1, 4), "f4"), models.folder
    for i, name in enumerate(("one", "two")):
        export(dense(i), name, x, folder, models.url)
        assert "done" in load(page, f"{models.url}/{name}/", cache=True)
    both = page.evaluate(KEPT)
    before = files(folder / "one")
    assert both[1] == len(before | files(folder / "two"))
    export(dense(7), "one", x, folder, models.url)
    changed = files(folder / "one") - before
    assert changed
    broken = next(name for name in changed if name.endswith(".bin"))
    models.answers[f"one/{broken}"] = error(404)
    assert load(page, f"{models.url}/one/", cache=True)["failed"][1] == "not-found"
    kept = page.evaluate("async old => Promise.all(old.map(async u => !!(await caches.match(u))))", both[0])
    assert kept == [True, True]
    del models.answers[f"one/{broken}"]
    assert "done" in load(page, f"{models.url}/one/", cache=True)
    assert page.evaluate(KEPT) == [both[0], len(files(folder / "one") | files(folder / "two"))]
    models.close()
    for name in ("one", "two"):
        assert "done" in load(page, f"{models.url}/{name}/", cache=True)


def test_a_load_that_ends_leaves_the_files_of_one_under_way(page: Page, models: Models) -> None:
    x, folder, held = np.ones((1, 4), "f4"), models.folder, list[Any]()
    export(dense(0), "two", x, folder, models.url)
    page.route("**/model/*.bin", lambda route: held.append(route))
    page.evaluate("url => { window.first = glnn.load(url, {cache: true, variant: 'webgl2'}) }", f"{models.url}/model/")
    for _ in range(100):
        if held and page.evaluate(KEPT)[1]:  # its plan is kept, its weights are still to come
            break
        page.wait_for_timeout(20)
    assert "done" in load(page, f"{models.url}/two/", cache=True)
    for route in held:
        route.continue_()
    page.evaluate("first.then(() => true)")
    assert page.evaluate(KEPT)[1] == len(files(folder / "model") | files(folder / "two"))
    models.close()
    assert "done" in load(page, f"{models.url}/model/", cache=True)


@pytest.mark.parametrize(
    "lacking",
    [
        "delete window.caches; if (window.caches) throw Error('still there')",
        "CacheStorage.prototype.open = async () => { throw new DOMException('no', 'SecurityError') }",
        "Cache.prototype.put = async () => { throw new DOMException('full', 'QuotaExceededError') }",
    ],
    ids=["insecure", "forbidden", "full"],
)
def test_it_works_without_a_cache(page: Page, models: Models, digits: Exported, lacking: str) -> None:
    """On an insecure page, where a browser forbids it, on a full disk."""
    page.evaluate(f"() => {{ {lacking} }}")
    told = load(page, f"{models.url}/model/", cache=True)["done"]
    assert told[-1]["loaded"] == told[-1]["total"] and right(page, digits)
