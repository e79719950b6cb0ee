"""Cases of the whole matrix, which are there only where they are asked for: 220,000 would take a minute to collect."""

from __future__ import annotations

from typing import Any

whole = False  # whether --whole was given; tests/conftest.py says so before the tests are imported


def kept(params: list[Any]) -> list[Any]:
    """The parameters of a test, without those of the whole matrix unless it runs."""
    return [p for p in params if whole or all(mark.name != "whole" for mark in p.marks)]
