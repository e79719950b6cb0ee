"""The device that tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import glnn


@pytest.fixture(scope="module")
def device() -> Iterator[glnn.Device]:
    with glnn.Device() as made:
        yield made
