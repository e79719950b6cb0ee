"""The device, the digits and their model that tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import glnn
from glnn.model import Model


@pytest.fixture(scope="module")
def device() -> Iterator[glnn.Device]:
    with glnn.Device() as made:
        yield made
        assert made.error() == "GL_NO_ERROR"


@pytest.fixture(scope="module")
def digits(root: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        return (data["images"] / 16).astype(np.float32)[..., None], data["labels"]


@pytest.fixture(scope="module")
def model(root: Path, device: glnn.Device) -> Iterator[Model]:
    with Model.load(root / "examples" / "digits.h5", device=device) as made:
        yield made
