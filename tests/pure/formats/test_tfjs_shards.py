"""Where the shards of a TensorFlow.js model lie: other folders, quoted names, links, and nothing outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.tfjs_files import (
    check_stored,
    dense_group,
    refused,
    small,
    two_layers,
    write_tfjs,
)

from glnn.formats import load


@pytest.mark.parametrize("name", ["a/b/shard{}.bin", "w{}", "./x/../shard{}", "a b%20c{}.bin", "größe{}.bin"])
def test_shards_in_other_places(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").mkdir()
    path, weights = small(tmp_path, name=lambda group, k, count: name.format(k))
    check_stored(load(path), weights, "uint8")


def test_names_in_url_quotes(tmp_path: Path) -> None:
    path, weights = small(tmp_path, name=lambda group, k, count: f"my shards/größe {k}.bin")
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)
    group = content["weightsManifest"][0]
    group["paths"] = [p.replace(" ", "%20").replace("ö", "%C3%B6") for p in group["paths"]]
    path.write_text(json.dumps(content))
    check_stored(load(path), weights, "uint8")


def test_weights_in_another_folder(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    path, weights = small(home, name=lambda group, k, count: f"a/shard{k}.bin")
    (home / "a").rename(other)
    refused(path, "a/shard0.bin", "missing", str(home), "weights=")
    check_stored(load(path, weights=other), weights, "uint8")  # by the last part of their paths
    (tmp_path / "third").mkdir()
    other.rename(tmp_path / "third" / "a")
    check_stored(load(home, weights=str(tmp_path / "third")), weights, "uint8")  # as the manifest says
    refused(path, "weights.bin", "no such file", weights=tmp_path / "weights.bin")
    refused(path, "one file", "shards", "give the folder", weights=tmp_path / "third" / "a" / "shard0.bin")


def test_two_shards_of_one_name_are_not_taken_for_one(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    path, weights = small(home, name=lambda group, k, count: f"{k}/shard.bin")
    check_stored(load(path), weights, "uint8")
    (home / "0").rename(other)
    refused(path, "0/shard.bin", "missing", weights=other)


def test_weights_in_one_file(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    path = write_tfjs(tmp_path, two_layers(), [weights], "uint16")
    (tmp_path / "group1-shard1of1.bin").rename(tmp_path / "elsewhere")
    check_stored(load(path, weights=tmp_path / "elsewhere"), weights, "uint16")


OUTSIDE = [
    "../secret.bin", "a/../../secret.bin", "%2e%2e/secret.bin", "/secret.bin", "https://host/secret.bin",
    "file:///secret.bin", "//host/secret.bin",
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_shards_outside_are_not_read(tmp_path: Path, name: str) -> None:
    """Not even where the file is there; a copy of it in a folder that the caller names is."""
    home = tmp_path / "home"
    home.mkdir()
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    path = write_tfjs(home, two_layers(), [weights])
    (home / "group1-shard1of1.bin").rename(tmp_path / "secret.bin")
    absolute = name.replace("/secret", f"{tmp_path}/secret") if name == "/secret.bin" else name
    path.write_text(path.read_text().replace("group1-shard1of1.bin", absolute))
    refused(path, absolute[:40], "outside of", str(home), "Copy all shards", "weights=")
    copies = tmp_path / "copies"
    copies.mkdir()
    (copies / absolute.rsplit("/", 1)[-1]).write_bytes((tmp_path / "secret.bin").read_bytes())
    check_stored(load(path, weights=copies), weights, None)


def test_shards_behind_links(tmp_path: Path) -> None:
    """As caches of downloads keep them: the folder holds links to files elsewhere."""
    home, blobs = tmp_path / "home", tmp_path / "blobs"
    home.mkdir(), blobs.mkdir()
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    path = write_tfjs(home, two_layers(), [weights])
    for number, file in enumerate(sorted(home.iterdir())):
        file.rename(blobs / str(number))
        file.symlink_to(Path("..", "blobs", str(number)))
    check_stored(load(path), weights, None)
    check_stored(load(home), weights, None)


def test_an_absolute_path_that_lies_inside(tmp_path: Path) -> None:
    path, weights = small(tmp_path, name=lambda group, k, count: str(tmp_path / f"s{k}"))
    check_stored(load(path), weights, "uint8")
