"""Models at a URL, served by a server in a thread: what is asked for, kept, tried again and told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bad_files import GROUPS, WEIGHTS, kernel, refused, two_layers
from support.http_server import Site, error, first, send, slow
from support.keras_files import write_weights

import glnn
from glnn.errors import DownloadError, ModelFileError
from glnn.formats import load
from glnn.formats.remote import http
from glnn.formats.remote.cache import Cache
from glnn.formats.remote.origin import Origin


def test_a_layers_model(site: Site) -> None:
    graph = load(f"{site.url}/model.json")
    np.testing.assert_array_equal(kernel(graph), WEIGHTS["first/kernel:0"])
    assert len(site.asked) == 6 and set(site.asked.values()) == {1}
    load(f"{site.url}/model.json")
    assert set(site.asked.values()) == {2} and set(site.sent.values()) == {1}, "what has not changed is not sent again"


def test_the_query_goes_to_every_shard(site: Site) -> None:
    load(f"{site.url}/model.json?tfjs-format=file&key=a%20b")
    assert len(site.asked) == 6 and all(path.endswith("?tfjs-format=file&key=a%20b") for path in site.asked)


@pytest.mark.parametrize("name", ["m.h5", "model.json"])
def test_any_format(site: Site, name: str) -> None:
    with glnn.Model.load(f"{site.url}/{name}", verbose=0) as model:
        assert [node.label for node in model.layers] == ["first", "second"]


def test_weights_at_a_url(site: Site) -> None:
    import json

    import h5py

    (site.folder / "net.json").write_text(json.dumps(two_layers()))
    with h5py.File(site.folder / "w.h5", "w") as file:
        write_weights(file, GROUPS)
    local = site.folder / "net.json"
    for model, weights in ((f"{site.url}/net.json", f"{site.url}/w.h5"), (local, f"{site.url}/w.h5")):
        assert kernel(load(model, weights=weights)).shape == (4, 3)
    message = refused(ModelFileError, f"{site.url}/net.json", f"{site.url}/net.json", "give its URL as weights=")
    assert "files/" not in message


def test_shards_come_side_by_side(site: Site) -> None:
    for k in range(1, 6):
        site.answers[f"group1-shard{k}of5.bin"] = slow(0.3, site.file)
    start = time.perf_counter()
    load(f"{site.url}/model.json")
    assert site.most_together > 1 and time.perf_counter() - start < 1.2


@pytest.mark.parametrize(
    "status, headers, words",
    [
        (401, {}, ("HTTP 401", "login")),
        (403, {}, ("HTTP 403", "does not hand it out")),
        (404, {}, ("HTTP 404", "no such file")),
        (429, {"Retry_After": "7"}, ("HTTP 429", "too often", "wait 7 s")),
        (500, {}, ("HTTP 500", "server failed")),
        (418, {}, ("HTTP 418", "Look at the URL")),
    ],
)
@pytest.mark.parametrize("name", ["model.json", "group1-shard2of5.bin"])
def test_refusals(site: Site, name: str, status: int, headers: dict[str, str], words: tuple[str, ...]) -> None:
    site.answers[name] = error(status, **headers)
    refused(DownloadError, f"{site.url}/model.json", f"{site.url}/{name}", *words)
    with pytest.raises(DownloadError) as caught:
        load(f"{site.url}/model.json")
    assert caught.value.status == status
    assert site.asked[f"/{name}"] == 2, "it is not tried again"


@pytest.mark.parametrize("status", [502, 503, 504])
def test_tried_again_where_it_may_pass(site: Site, status: int) -> None:
    site.answers["m.h5"] = first(2, error(status), site.file)
    load(f"{site.url}/m.h5")
    assert site.asked["/m.h5"] == 3


def test_not_for_ever(site: Site) -> None:
    site.answers["m.h5"] = error(503, Retry_After="0")
    refused(DownloadError, f"{site.url}/m.h5", "HTTP 503")
    assert site.asked["/m.h5"] == 4


def test_the_server_is_heard_on_how_long_to_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(http.time, "sleep", waits.append)
    site.answers["m.h5"] = first(1, error(503, Retry_After="3"), first(1, error(503, Retry_After="3600"), site.file))
    load(f"{site.url}/m.h5")
    assert waits == [3.0, http.LONGEST_PAUSE]


def test_cut_short(site: Site) -> None:
    data = (site.folder / "m.h5").read_bytes()
    short = lambda request: send(request, data[:500], length=len(data))  # noqa: E731
    site.answers["m.h5"] = first(2, short, site.file)
    load(f"{site.url}/m.h5")
    site.answers["other.h5"] = short
    refused(DownloadError, f"{site.url}/other.h5", "other.h5")
    assert not list(Path(Cache.of_user().folder).glob("*.part"))


def test_a_server_that_says_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", 0.2)
    monkeypatch.setattr(http, "PAUSES", ())
    site.answers["m.h5"] = slow(1.0, site.file)
    start = time.perf_counter()
    refused(DownloadError, f"{site.url}/m.h5", "timed out")
    assert time.perf_counter() - start < 1.0


def test_without_a_server(site: Site) -> None:
    """What was fetched once serves; what was not is told."""
    load(f"{site.url}/model.json")
    site.close()
    with pytest.warns(UserWarning, match="What it gave on 20..-..-.. is used"):
        graph = load(f"{site.url}/model.json")
    np.testing.assert_array_equal(kernel(graph), WEIGHTS["first/kernel:0"])
    refused(DownloadError, f"{site.url}/m.h5", f"{site.url}/m.h5", "can't be fetched")


def test_sizes_are_those_of_the_manifest(site: Site) -> None:
    shard = site.folder / "group1-shard1of5.bin"
    data = shard.read_bytes()
    shard.write_bytes(data + bytes(1000))
    refused(DownloadError, f"{site.url}/model.json", "shard1of5.bin", "1,020 bytes, and it may have 92")
    endless = lambda request: send(request, bytes(1000), length=None)  # noqa: E731
    site.answers[shard.name] = endless
    refused(DownloadError, f"{site.url}/model.json", "shard1of5.bin", "more than the 92 bytes")
    del site.answers[shard.name]
    shard.write_bytes(data[:-4])
    message = refused(ModelFileError, f"{site.url}/model.json", "needs 92 bytes", "hold 88", f"{site.url}/{shard.name}")
    assert "files/" not in message


@pytest.mark.parametrize("path", ["../x.bin", "/x.bin", "http://127.0.0.1:1/x.bin", "a/../../x.bin", "a\\x.bin"])
def test_shards_elsewhere_are_not_asked_for(site: Site, path: str) -> None:
    import json

    model = json.loads((site.folder / "model.json").read_text())
    model["weightsManifest"][0]["paths"][0] = path
    (site.folder / "model.json").write_text(json.dumps(model))
    refused(ModelFileError, f"{site.url}/model.json", "outside of", site.url)
    assert len(site.asked) == 1


def test_pages_in_the_place_of_models(site: Site) -> None:
    site.answers["m.h5"] = lambda request: send(request, b"<!doctype html><p>no")
    message = refused(ModelFileError, f"{site.url}/m.h5", f"{site.url}/m.h5", "an HTML page")
    assert "files/" not in message


def test_sent_on_to_another_place(site: Site) -> None:
    site.answers["a"] = error(302, Location=f"{site.url}/m.h5")
    load(f"{site.url}/a")
    site.answers["b"] = error(302, Location="file:///etc/passwd")
    refused(DownloadError, f"{site.url}/b", "not allowed")
    site.answers["c"] = error(302, Location=f"{site.url}/c")
    refused(DownloadError, f"{site.url}/c", "HTTP 302")
    site.answers["d"] = lambda request: send(request, b"x", {"Content-Encoding": "gzip"})
    refused(DownloadError, f"{site.url}/d", "packed (gzip)")


def test_from_an_encrypted_place_to_encrypted_ones_only() -> None:
    import urllib.request

    request = urllib.request.Request("https://a.org/m.h5")
    with pytest.raises(DownloadError, match="does not follow"):
        http.Redirects().redirect_request(request, None, 302, "Found", {}, "http://a.org/m.h5")


@pytest.mark.parametrize(
    "url, words",
    [
        ("ftp://a.org/m.h5", ("http and https", "ftp")),
        ("file:///tmp/m.h5", ("http and https", "file")),
        (Path("https://a.org/m.h5"), ("given as text", "lost a slash")),
        ("https://me:secret@a.org/m.h5", ("a user's name",)),
        ("http://", ("http://",)),
        ("http://a b/m.h5", ("a b",)),
        ("http://[::1/m.h5", ("[::1",)),
        ("http://127.0.0.1:x/m.h5", ("127.0.0.1:x",)),
        ("http://no-such-host.invalid/m.h5", ("can't be fetched",)),
    ],
)
def test_urls_that_are_none(cache: Path, url: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(ModelFileError) as caught:
        load(url)
    for word in words:
        assert word in str(caught.value)
    assert "secret" not in str(caught.value)


def test_progress(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[int, int]] = []
    load(f"{site.url}/model.json", verbose=lambda done, total: told.append((done, total)))
    assert told[-1] == (92, 92) and all(done <= total for done, total in told)
    assert capsys.readouterr().err == ""
    load(f"{site.url}/m.h5", verbose=1)
    size = (site.folder / "m.h5").stat().st_size >> 10
    assert f"{size}/{size} KB" in capsys.readouterr().err


def test_beside() -> None:
    origin = Origin("https://a.org/x/model.json?k=1#f")
    assert origin.beside("s 1.bin") == "https://a.org/x/s%201.bin?k=1"
    assert origin.beside("a/b.bin") == "https://a.org/x/a/b.bin?k=1"
    assert origin.beside("s%201.bin") == "https://a.org/x/s%201.bin?k=1"
    assert all(origin.beside(path) is None for path in ("..", "a/../b", "/b", "http://b/c", "b?c", "b#c"))
