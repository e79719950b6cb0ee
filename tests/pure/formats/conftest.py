"""Keras, where tests of this folder compare with it, and a server of models with an empty cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.bad_files import GROUPS, WEIGHTS, two_layers
from support.http_server import Site
from support.keras_files import write_model
from support.tfjs_files import write_tfjs

from glnn.formats.remote import http


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(http, "PAUSES", (0.01, 0.01, 0.01))
    return tmp_path / "cache"


@pytest.fixture
def site(tmp_path: Path, cache: Path) -> Iterator[Site]:
    """A server of model.json with five shards, and of a whole model in HDF5."""
    folder = tmp_path / "www"
    folder.mkdir()
    write_tfjs(folder, two_layers(), [WEIGHTS], shard=20)
    write_model(folder / "m.h5", two_layers(), GROUPS)
    with Site(folder) as made:
        yield made
