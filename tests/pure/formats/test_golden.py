"""Models that releases of Keras 2 and 3 saved, in every form: their weights bit for bit, and what Keras computed."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.archives import unpack
from support.golden import ROOT, agrees, loaded

from glnn.graph.graph import Graph

RELEASES = sorted(path.name.removesuffix(".tar.xz") for path in (ROOT / "keras").glob("*.tar.xz"))
FAMILIES = "dense images lines volumes norms nested words lstm gru cells attention dot_attention".split()
NOT_MADE = [("3.0.5", "h5", family) for family in ("nested", "lstm", "gru", "cells", "attention")]  # Keras could not
FORMS = {"keras": (".keras", None), "h5": (".h5", None), "json": (".json", ".weights.h5")}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The archives, unpacked when one asks for them."""
    yield tmp_path_factory.mktemp("golden")


def unpacked(folders: Path, release: str) -> Path:
    folder = folders / release
    if not folder.is_dir():
        unpack(ROOT / "keras" / f"{release}.tar.xz", folder)
    return folder


def same_weights(graph: Graph, answers: Path) -> None:
    with np.load(answers) as told:
        wanted = set(told["sha256"])
    found = [np.ascontiguousarray(weight, np.float32).tobytes() for weight in graph.weights().values()]
    assert {hashlib.sha256(data).hexdigest() for data in found} == wanted


@pytest.mark.parametrize(
    "release, form, family",
    [key for key in itertools.product(RELEASES, FORMS, FAMILIES) if key not in NOT_MADE],
)
def test_as_keras_saved_and_computed_it(folders: Path, release: str, form: str, family: str) -> None:
    folder = unpacked(folders, release)
    suffix, weights = FORMS[form]
    graph = loaded(folder / f"{family}{suffix}", folder / f"{family}{weights}" if weights else None)
    same_weights(graph, folder / f"{family}.npz")
    agrees(graph, folder / f"{family}.npz")


def test_releases() -> None:
    assert len(RELEASES) >= 7 and {name[0] for name in RELEASES} == {"2", "3"}
