"""Files that glnn wrote itself are small: larger ones are refused before they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glnn.cli.profiling import read_profile
from glnn.device.profiles import resolve
from glnn.errors import InputError
from glnn.layout.limits import Limits
from glnn.measure.field import read_page
from glnn.plan import tables
from glnn.small_files import MOST_BYTES, read_small
from glnn.web.folder import earlier

READERS: dict[str, Callable[[Path], Any]] = {
    "a profile": resolve,
    "a page's check": read_page,
    "times": read_profile,
}


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of one byte too many, without taking its place on the disk."""
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    return path


@pytest.mark.parametrize("reader", READERS)
def test_what_is_too_large_is_refused(large: Path, reader: str) -> None:
    with pytest.raises(InputError, match=r"large.json.*larger than 32 MB"):
        READERS[reader](large)


def test_tables_that_are_too_large_are_left_out(large: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLNN_CACHE", str(tmp_path))
    place = tables.Place.of("a renderer", "a driver", Limits())
    place.path.parent.mkdir(parents=True)
    large.rename(place.path)
    with pytest.warns(UserWarning, match="larger than 32 MB"):
        assert tables.read(place) == tables.Table()


def test_a_manifest_that_is_too_large_is_none(large: Path) -> None:
    text = b'{"version": 1, "weights": {"shards": []}, "variants": []}'
    large.with_name("manifest.json").write_bytes(text)
    assert earlier(large.parent)
    large.with_name("manifest.json").write_bytes(text + b" " * MOST_BYTES)
    assert earlier(large.parent) is None


def test_what_is_small_enough_is_read(large: Path) -> None:
    with large.open("r+b") as file:
        file.truncate(MOST_BYTES)
    assert read_small(large) == bytes(MOST_BYTES)
