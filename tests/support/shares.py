"""Cases of the whole matrix, which are there only where they are asked for: 220,000 would take a minute to collect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

whole = False  # whether --whole was given; tests/conftest.py says so before the tests are imported


def kept(params: list[Any]) -> list[Any]:
    """The parameters of a test, without those of the whole matrix unless it runs."""
    return [p for p in params if whole or all(mark.name != "whole" for mark in p.marks)]


def _name(item: Any) -> str:
    """What a case is called: its name, the first that a tuple holds, or what it is."""
    return str(getattr(item, "name", item[0] if isinstance(item, tuple) else item))


def one_in(share: int, items: Iterable[Any]) -> list[Any]:
    """Parameters of a test, told by their names: one in so many on each push, all with --whole."""
    return [
        pytest.param(item, id=_name(item), marks=[pytest.mark.whole] if number % share else [])
        for number, item in enumerate(items)
    ]
