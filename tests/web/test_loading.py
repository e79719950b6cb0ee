"""How files come: what is sent for them, second tries, what answers mean, giving up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.http_server import error, first, send, slow
from support.model_server import Models, files, load, right
from support.replays import Exported

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_headers_and_a_signed_query_go_to_every_file(page: Page, served: Models, digits: Exported) -> None:
    given = {"headers": {"Authorization": "Bearer token"}, "credentials": "omit"}
    for url in ("/model/?sig=a%2Fb&until=9", "/model?sig=a%2Fb&until=9#part"):
        assert "done" in load(page, served.url + url, fetch=given)
        assert right(page, digits)
        asked = {path for path, _, _ in served.requests}
        assert asked == {f"/model/{name}" for name in {"manifest.json", *files(served.folder / "model")}}
        assert all(query == "sig=a%2Fb&until=9" for _, query, _ in served.requests)
        assert all(headers["authorization"] == "Bearer token" for _, _, headers in served.requests)
        served.requests.clear()
    served.answers["model/manifest.json"] = error(403)
    assert "sig=" not in load(page, f"{served.url}/model/?sig=secret")["failed"][2]  # messages end up in logs


def test_503_twice_then_200(page: Page, served: Models, digits: Exported) -> None:
    name = next(name for name in files(served.folder / "model") if name.endswith(".bin"))
    served.answers[f"model/{name}"] = first(2, error(503), served.file)
    served.answers["model/manifest.json"] = first(1, error(429, Retry_After="1"), served.file)
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
    assert "done" in load(page, f"{served.url}/model/")
    assert page.evaluate("dropped") == 3  # answers that nobody reads hold no connection
    assert np.diff(served.times["/model/manifest.json"]) > 0.99  # as asked for
    assert (np.diff(served.times[f"/model/{name}"]) > [0.29, 0.89]).all()  # pauses that grow
    assert served.asked[f"/model/{name}"] == 3 and right(page, digits)
    served.answers[f"model/{name}"] = error(503)
    code, message = load(page, f"{served.url}/model/", retries=1)["failed"][1:]
    assert code == "busy" and name in message and "503 (2 tries)" in message and "retries" in message
    assert served.asked[f"/model/{name}"] == 5
    served.answers["model/manifest.json"] = error(503, Retry_After="3600")
    code, message = load(page, f"{served.url}/model/")["failed"][1:]
    assert code == "busy" and "3600 s" in message


def test_a_transfer_that_breaks_off_is_tried_again(page: Page, served: Models, digits: Exported) -> None:
    name = next(name for name in files(served.folder / "model") if name.endswith(".bin"))
    data = (served.folder / "model" / name).read_bytes()

    def part(request: Any) -> None:
        send(request, data[:700], length=len(data))
        time.sleep(0.3)  # or the browser would hand out none of it

    served.answers[f"model/{name}"] = first(1, part, served.file)
    told = load(page, f"{served.url}/model/")["done"]
    loaded = [p["loaded"] for p in told]
    assert loaded != sorted(loaded)  # it goes back
    assert told[-1]["loaded"] == told[-1]["total"] and served.asked[f"/model/{name}"] == 2 and right(page, digits)


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
def test_answers_are_told_apart(page: Page, served: Models, status: int, code: str, word: str, tries: int) -> None:
    served.answers["model/manifest.json"] = error(status)
    name, got, message = load(page, f"{served.url}/model/", retries=1)["failed"]
    assert (name, got) == ("GlnnError", code) and word in message and f"answers {status}" in message
    assert served.asked["/model/manifest.json"] == tries


def test_a_server_that_does_not_answer_is_told_apart(page: Page, served: Models) -> None:
    served.answers["model/manifest.json"] = slow(1.5, served.file)
    code, message = load(page, f"{served.url}/model/", retries=0, timeout=300)["failed"][1:]
    assert code == "timeout" and "larger timeout" in message
    served.close()
    code, message = load(page, f"{served.url}/model/", retries=0)["failed"][1:]
    assert code == "network" and "CORS" in message


def test_a_signal_ends_the_loading(page: Page, served: Models) -> None:
    """Before it, while files come, while it waits for another try; later it does nothing any more."""
    name = next(iter(files(served.folder / "model")))
    run = """async ([url, ms]) => {
      const stop = new AbortController();
      if (ms < 0) stop.abort(new DOMException("enough", "AbortError"));
      else setTimeout(() => stop.abort(new DOMException("enough", "AbortError")), ms);
      const begin = performance.now(), {failed} = await settle(glnn.load(url, {signal: stop.signal}));
      return [failed && failed[0], performance.now() - begin, contexts.filter(gl => !gl.isContextLost()).length];
    }"""
    served.answers[f"model/{name}"] = slow(2, served.file)
    assert page.evaluate(run, [f"{served.url}/model/", -1])[::2] == ["AbortError", 0]
    assert served.paths() == []
    for answer in (slow(2, served.file), error(503, Retry_After="20")):
        served.answers[f"model/{name}"] = answer
        what, ms, contexts = page.evaluate(run, [f"{served.url}/model/", 200])
        assert (what, contexts) == ("AbortError", 0) and ms < 1500
    del served.answers[f"model/{name}"]
    again = """async url => {
      const stop = new AbortController();
      window.model = await glnn.load(url, {signal: stop.signal});
      stop.abort();
      return settle(model.predict({[model.inputs[0].name]: given}).then(bits));
    }"""
    assert "done" in page.evaluate(again, f"{served.url}/model/")
