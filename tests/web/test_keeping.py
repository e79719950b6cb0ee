"""What a browser keeps of a model for later visits, and what it throws out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.http_server import error
from support.model_server import Models, enter, files, load, right
from support.replays import Exported, export

import glnn
from glnn.layers.core import Dense
from glnn.testing import layer_graph

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What lies in the cache: the manifests' addresses, and how many files.
KEPT = """async () => {
  const keys = (await (await caches.open("glnn")).keys()).map(({url}) => url).sort();
  const files = keys.filter(url => url.startsWith("https://content.invalid/"));
  return [keys.filter(url => !files.includes(url)), files.length];
}"""


@pytest.mark.parametrize("page", ["llvmpipe", "swiftshader"], indirect=True)
def test_it_loads_offline_after_one_visit(page: Page, served: Models, digits: Exported) -> None:
    url = f"{served.url}/model/?sig=1"
    told = load(page, url, cache=True)["done"]
    assert {p["cached"] for p in told} == {0}
    assert page.evaluate(KEPT) == [[f"{served.url}/model/manifest.json"], len(files(served.folder / "model"))]
    served.paths()
    enter(page, digits)
    told = load(page, f"{served.url}/model/?sig=2", cache=True)["done"]  # signed anew
    assert told[-1]["cached"] == told[-1]["loaded"] == told[-1]["total"]
    assert served.paths() == ["/model/manifest.json"] and right(page, digits)
    served.answers["model/manifest.json"] = error(503)  # which is an answer: the model may have been withdrawn
    assert load(page, url, cache=True, retries=0)["failed"][1] == "busy"
    served.close()
    enter(page, digits)
    told = load(page, url, cache=True)["done"]
    assert told[-1]["cached"] == told[-1]["total"] and right(page, digits)
    assert load(page, url, retries=0)["failed"][1] == "network"  # who does not ask for it gets nothing kept
    assert load(page, f"{served.url}/other/", cache=True, retries=0)["failed"][1] == "network"


def test_what_was_spoilt_in_the_cache_is_fetched_again(page: Page, served: Models, digits: Exported) -> None:
    load(page, f"{served.url}/model/", cache=True)
    page.evaluate(
        """async () => {
          const store = await caches.open("glnn");
          for (const {url} of await store.keys()) if (url.includes("content")) await store.put(url, new Response("x"));
        }"""
    )
    served.paths()
    told = load(page, f"{served.url}/model/", cache=True)["done"]
    assert told[-1]["cached"] == 0 and len(served.paths()) == 1 + len(files(served.folder / "model"))
    assert right(page, digits)
    assert load(page, f"{served.url}/model/", cache=True)["done"][-1]["cached"] == told[-1]["total"]


def dense(seed: int) -> glnn.Model:
    rng = np.random.default_rng(seed)
    weights = {"kernel": rng.standard_normal((4, 3)).astype("f4"), "bias": np.zeros(3, "f4")}
    return glnn.Model(layer_graph(Dense(3), [(1, 4)], weights))


def test_a_new_export_throws_the_old_out(page: Page, served: Models) -> None:
    """And nothing else: not what another model needs, nor the old where the new did not come whole."""
    x, folder = np.ones((1, 4), "f4"), served.folder
    for i, name in enumerate(("one", "two")):
        export(dense(i), name, x, folder, served.url)
        assert "done" in load(page, f"{served.url}/{name}/", cache=True)
    both = page.evaluate(KEPT)
    before = files(folder / "one")
    assert both[1] == len(before | files(folder / "two"))
    export(dense(7), "one", x, folder, served.url)
    changed = files(folder / "one") - before
    assert changed
    broken = next(name for name in changed if name.endswith(".bin"))
    served.answers[f"one/{broken}"] = error(404)
    assert load(page, f"{served.url}/one/", cache=True)["failed"][1] == "not-found"
    kept = page.evaluate("async old => Promise.all(old.map(async u => !!(await caches.match(u))))", both[0])
    assert kept == [True, True]
    del served.answers[f"one/{broken}"]
    assert "done" in load(page, f"{served.url}/one/", cache=True)
    assert page.evaluate(KEPT) == [both[0], len(files(folder / "one") | files(folder / "two"))]
    served.close()
    for name in ("one", "two"):
        assert "done" in load(page, f"{served.url}/{name}/", cache=True)


def test_a_load_that_ends_leaves_the_files_of_one_under_way(page: Page, served: Models) -> None:
    x, folder, held = np.ones((1, 4), "f4"), served.folder, list[Any]()
    export(dense(0), "two", x, folder, served.url)
    page.route("**/model/*.bin", lambda route: held.append(route))
    page.evaluate("url => { window.first = glnn.load(url, {cache: true, variant: 'webgl2'}) }", f"{served.url}/model/")
    for _ in range(100):
        if held and page.evaluate(KEPT)[1]:  # its plan is kept, its weights are still to come
            break
        page.wait_for_timeout(20)
    assert "done" in load(page, f"{served.url}/two/", cache=True)
    for route in held:
        route.continue_()
    page.evaluate("first.then(() => true)")
    assert page.evaluate(KEPT)[1] == len(files(folder / "model") | files(folder / "two"))
    served.close()
    assert "done" in load(page, f"{served.url}/model/", cache=True)


@pytest.mark.parametrize(
    "lacking",
    [
        "delete window.caches; if (window.caches) throw Error('still there')",
        "CacheStorage.prototype.open = async () => { throw new DOMException('no', 'SecurityError') }",
        "Cache.prototype.put = async () => { throw new DOMException('full', 'QuotaExceededError') }",
    ],
    ids=["insecure", "forbidden", "full"],
)
def test_it_works_without_a_cache(page: Page, served: Models, digits: Exported, lacking: str) -> None:
    """On an insecure page, where a browser forbids it, on a full disk."""
    page.evaluate(f"() => {{ {lacking} }}")
    told = load(page, f"{served.url}/model/", cache=True)["done"]
    assert told[-1]["loaded"] == told[-1]["total"] and right(page, digits)
