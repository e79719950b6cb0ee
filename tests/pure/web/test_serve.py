"""The server of an exported folder: who may read what, the types of files, addresses and ports."""

from __future__ import annotations

import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glnn.errors import InputError
from glnn.web import serve
from glnn.web.serve import PORT, Server

TYPES = {
    "": "text/html",
    "page.js": "text/javascript",
    "module.mjs": "text/javascript",
    "manifest.json": "application/json",
    "0.bin": "application/octet-stream",
    "code.wasm": "application/wasm",
    "style.css": "text/css",
    "strange.xyzzy": "application/octet-stream",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as an export writes it, with one below it, and a file beside it."""
    made = tmp_path / "site"
    (made / "below").mkdir(parents=True)
    for name in TYPES:
        (made / (name or "index.html")).write_text(f"this is {name}")
    (tmp_path / "secret.txt").write_text("secret")
    return made


@contextmanager
def running(server: Server) -> Iterator[Server]:
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_types_are_named_and_nothing_is_kept(folder: Path) -> None:
    with running(serve(folder)) as server:
        assert server.server_address[0] == "127.0.0.1" and server.urls() == [f"http://127.0.0.1:{server.server_port}/"]
        for name, kind in TYPES.items():
            with urllib.request.urlopen(server.urls()[0] + name, timeout=20) as answer:
                assert answer.headers["Content-Type"].startswith(kind) and answer.headers["Cache-Control"] == "no-store"
                assert answer.read().decode() == f"this is {name}"


def test_nothing_outside_of_the_folder_is_read_and_no_folder_listed(folder: Path) -> None:
    os.symlink(folder.parent / "secret.txt", folder / "link.txt")
    os.symlink(folder / "manifest.json", folder / "own.json")
    with running(serve(folder)) as server:
        url = server.urls()[0]
        for path in ("../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "link.txt", "below/", "%00", "none.txt"):
            assert status(url + path) == 404, path
        assert status(url + "own.json") == 200


def test_a_browser_that_goes_away_is_no_news(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "large.bin").write_bytes(bytes(20_000_000))
    with running(serve(folder)) as server:
        with socket.create_connection(("127.0.0.1", server.server_port)) as gone:
            gone.sendall(b"GET /large.bin HTTP/1.0\r\n\r\n")
            gone.recv(10)
        assert status(server.urls()[0] + "manifest.json") == 200
        for thread in threading.enumerate():
            if "process_request_thread" in thread.name:
                thread.join(20)
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_told_or_passed_by(folder: Path) -> None:
    with serve(folder) as first:
        with pytest.raises(InputError, match=f"port {first.server_port} is in use by another program"):
            serve(folder, first.server_port)
    with serve(folder, None) as one, serve(folder, None) as two:
        assert PORT <= one.server_port < two.server_port


@pytest.mark.parametrize(
    ("port", "host", "words"),
    [
        (99999, "127.0.0.1", "port 99999: ports are 0 to 65535"),
        (-1, "127.0.0.1", "port -1: ports are 0 to 65535"),
        (0, "192.0.2.1", "host '192.0.2.1': not an address of this machine"),
        (0, "no host", "host 'no host': .*Give an address of this machine"),
    ],
)
def test_wrong_ports_and_addresses(folder: Path, port: int, host: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        serve(folder, port, host)


def test_every_address_of_the_machine(folder: Path) -> None:
    with running(serve(folder, 0, "0.0.0.0")) as server:
        urls = server.urls()
        assert urls[0] == f"http://127.0.0.1:{server.server_port}/" and all("0.0.0.0" not in url for url in urls)
        assert [status(url) for url in urls] == [200] * len(urls)


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no manifest.json there. Make an export with: glnn export-web"):
        serve(tmp_path)
    (tmp_path / "file").touch()
    for name, words in (("none", "there is no such folder"), ("file", "this is a file")):
        with pytest.raises(InputError, match=words):
            serve(tmp_path / name)
