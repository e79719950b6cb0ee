"""A web server of an exported folder: for this machine unless another address is given, nothing cached."""

from __future__ import annotations

import errno
import functools
import http.server
import os
import socket
import socketserver
import sys
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError

PORT = 8000  # the first that is tried where none is given
TRIED = 20  # how many ports are tried then
EVERY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # addresses that stand for all of a machine's -> its own


class Handler(http.server.SimpleHTTPRequestHandler):
    """The folder's own files, with the MIME types that browsers insist on, whatever this machine's registry says."""

    extensions_map = {
        "": "application/octet-stream",
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".ts": "text/plain; charset=utf-8",
        ".txt": "text/plain; charset=utf-8",
        ".json": "application/json",
        ".wasm": "application/wasm",
        ".bin": "application/octet-stream",
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".svg": "image/svg+xml",
    }

    def send_head(self) -> Any:
        """As for any file; what a link leads to outside of the folder is not there."""
        root = os.path.realpath(self.directory)
        try:
            inside = os.path.commonpath([root, os.path.realpath(self.translate_path(self.path))]) == root
        except ValueError:  # a zero byte in the name, another drive
            inside = False
        return super().send_head() if inside else self.send_error(404)

    def list_directory(self, path: Any) -> BinaryIO | None:  # type: ignore[override]  # the stub says BytesIO
        """Shows no folder: a page names the files that it wants."""
        self.send_error(404)
        return None

    def end_headers(self) -> None:
        """Adds that nothing may be kept, and that types are meant."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A server that says nothing of browsers that go away in the middle of a file."""

    allow_reuse_address = os.name != "nt"  # where it would take a port that another program listens on

    def __init__(self, address: tuple[str, int], folder: Path):
        found = socket.getaddrinfo(address[0], None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        super().__init__(address, functools.partial(Handler, directory=str(folder)))

    def server_bind(self) -> None:
        """Binds without asking a name server for this machine's name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def urls(self) -> list[str]:
        """The addresses to open: this machine's own first, then what others may reach."""
        host = self.server_name
        hosts = [host] if host not in EVERY else [EVERY[host], *sorted(own_addresses(self.address_family))]
        return [f"http://{f'[{name}]' if ':' in name else name}:{self.server_port}/" for name in dict.fromkeys(hosts)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tells of an error unless it is the other side's leaving."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def serve(folder: str | Path, port: int | None = 0, host: str = "127.0.0.1") -> Server:
    """A server of a folder; start it with serve_forever(), free it with `with`.

    port: 0 takes a free one, None the first free one from 8000 on
    host: the address to listen on; "0.0.0.0" or "::": all of this machine's, so that others can read the folder

    Raises InputError for a folder that holds no export, a port that is taken, an address that is not this machine's.
    """
    place = Path(folder).expanduser()
    if not (place / "manifest.json").is_file():
        why = "no manifest.json there" if place.is_dir() else "this is a file"
        why = why if place.exists() else "there is no such folder"
        raise InputError(f"{place}: {why}. Make an export with: glnn export-web MODEL {place}")
    if port is not None and not 0 <= port < 1 << 16:
        raise InputError(f"port {port}: ports are 0 to 65535, 0 for any that is free")
    for number in [port] if port is not None else range(PORT, PORT + TRIED):
        try:
            return Server((host, number), place)
        except (socket.gaierror, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"host {host!r}: {reason}. Give an address of this machine") from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise InputError(f"host {host!r}: not an address of this machine; 0.0.0.0 stands for all") from error
            if error.errno != errno.EADDRINUSE:
                raise InputError(f"port {number} of {host}: {error.strerror}. Give another, such as {PORT}") from error
    taken = f"port {port} is" if port is not None else f"the ports {PORT} to {PORT + TRIED - 1} are all"
    raise InputError(f"{taken} in use by another program. Give another port, or 0 for any that is free")


def own_addresses(family: int) -> set[str]:
    """The addresses of this machine that others may reach it under; none where it has no network."""
    found: set[str] = set()
    try:
        found.update(str(item[4][0]) for item in socket.getaddrinfo(socket.gethostname(), None, family))
    except OSError:
        pass
    with socket.socket(family, socket.SOCK_DGRAM) as asked:  # sends nothing: only the way out is asked for
        try:
            asked.connect(("2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1", 9))
            found.add(str(asked.getsockname()[0]))
        except OSError:
            pass
    return {name for name in found if not name.startswith(("127.", "fe80:")) and name not in ("::1", *EVERY)}
