"""Copies of models at a URL: kept, asked about, made anew where they are damaged, shared by processes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bad_files import GROUPS, kernel, refused, two_layers
from support.http_server import Site, error, send
from support.keras_files import write_model

from glnn.caching import user_folder
from glnn.errors import DownloadError
from glnn.formats import load
from glnn.formats.remote.cache import Cache, Record, file_name


def test_a_server_that_fails_while_a_copy_is_here(site: Site) -> None:
    load(f"{site.url}/m.h5")
    site.answers["m.h5"] = error(503)
    with pytest.warns(UserWarning, match="HTTP 503"):
        load(f"{site.url}/m.h5")
    site.answers["m.h5"] = error(404)
    refused(DownloadError, f"{site.url}/m.h5", "HTTP 404")


def test_a_file_that_changed(site: Site) -> None:
    load(f"{site.url}/m.h5")
    other = {**GROUPS, "first": {name: values + 1 for name, values in GROUPS["first"].items()}}
    write_model(site.folder / "m.h5", two_layers(), other)
    np.testing.assert_array_equal(kernel(load(f"{site.url}/m.h5")), other["first"]["first/kernel:0"].astype("f4"))
    assert site.sent["m.h5"] == 2


def test_without_validators_it_is_sent_each_time(site: Site) -> None:
    site.validators = False
    for _ in range(2):
        load(f"{site.url}/m.h5")
    assert site.sent["m.h5"] == 2
    assert len(list(Cache.of_user().folder.rglob("m.h5"))) == 1


def test_last_modified(site: Site) -> None:
    date, data, asked = "Wed, 21 Oct 2015 07:28:00 GMT", (site.folder / "m.h5").read_bytes(), []

    def answer(request: Any) -> None:
        asked.append(request.headers.get("If-Modified-Since"))
        error(304)(request) if asked[-1] == date else send(request, data, {"Last-Modified": date})

    site.answers["m.h5"] = answer
    for _ in range(2):
        load(f"{site.url}/m.h5")
    assert asked == [None, date]


@pytest.mark.parametrize("damage", ["changed", "cut", "gone", "record"])
def test_a_damaged_cache_is_fetched_anew(site: Site, cache: Path, damage: str) -> None:
    load(f"{site.url}/m.h5")
    (path,) = cache.rglob("m.h5")
    data = path.read_bytes()
    if damage == "record":
        (record,) = (cache / "urls").iterdir()
        record.write_text('{"url": 3}')
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if damage == "changed" else data[:99])
    load(f"{site.url}/m.h5")
    assert site.sent["m.h5"] == 2 and path.read_bytes() == data


def test_a_record_leads_nowhere_else(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        Cache(tmp_path).path(Record("http://a/m.h5", "../../etc", 1))
    names = {"http://a/b/m.json?x=1": "m.json", "http://a/": "model", "http://a/%2e%2e": "model"}
    names |= {"http://a/..%2f..%2fx": "x", "http://a/b%00c": "b_c", "http://a/b/": "b"}
    assert {url: file_name(url) for url in names} == names


def test_several_processes_may_share_a_cache(site: Site) -> None:
    """Threads stand in for them: all at once, of one URL."""
    failed: list[BaseException] = []

    def one() -> None:
        try:
            load(f"{site.url}/model.json")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_cache_that_cannot_be_written(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("GLNN_CACHE", str(tmp_path / "file"))
    refused(DownloadError, f"{site.url}/m.h5", "GLNN_CACHE", str(tmp_path / "file"))


@pytest.mark.parametrize(
    "platform, variables, wanted",
    [
        ("linux", {}, "/home/me/.cache/glnn"),
        ("linux", {"XDG_CACHE_HOME": "/var/c"}, "/var/c/glnn"),
        ("darwin", {}, "/home/me/Library/Caches/glnn"),
        ("win32", {"LOCALAPPDATA": "/c/local"}, "/c/local/glnn/Cache"),
    ],
)
def test_the_users_folder(monkeypatch: pytest.MonkeyPatch, platform: str, variables: Any, wanted: str) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert user_folder().as_posix() == wanted
