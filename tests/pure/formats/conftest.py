"""Keras, where tests of this folder compare with it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")
