"""Reports out of JSON that glnn did not write, or that was changed: refused, with the place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import pytest
from support.fuzz import arguments
from support.fuzz.arguments import A

from glnn.errors import InputError
from glnn.show import CompareReport, FieldReport, Profile
from glnn.show.reports.typed import typed


class Point(TypedDict):
    """A place, and what is said of it."""

    at: tuple[int, int]
    said: dict[str, float]
    name: str | None


def test_types() -> None:
    given = {"at": [1, 2], "said": {"a": "-inf", "b": 2, "c": 1e9}, "name": None, "more": 1}
    said = {"a": float("-inf"), "b": 2.0, "c": 1e9}
    assert typed(Point, given) == {"at": (1, 2), "said": said, "name": None, "more": 1}
    wrongs: dict[str, Any] = {
        "it lacks 'at'": {"said": {}, "name": ""}, "it.at has 3 items instead of 2": {**given, "at": [1, 2, 3]},
        r"it\.at\[1\] is 2.0, no int": {**given, "at": [1, 2.0]},
        "it.said.a is True, no number": {**given, "said": {"a": True}},
        "it.said is 3, no object": {**given, "said": 3}, "it.name is 3, no str": {**given, "name": 3},
        r"it is \[\], no object": [], "no int": {**given, "at": [1, 10**400]},
        "no number": {**given, "said": {"a": 10**400}},
    }  # fmt: skip
    for said_of, data in wrongs.items():
        with pytest.raises(ValueError, match=said_of):
            typed(Point, data)


def report() -> CompareReport:
    return arguments.model().compare(A, verbose=0)


DAMAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a row less": lambda data: data.pop("layers"),
    "a word as a number": lambda data: data["layers"][0]["own"].update(nmse="much"),
    "a number as a word": lambda data: data["layers"][0].update(kernel=3),
    "a list as a number": lambda data: data.update(samples=[]),
    "a cut picture": lambda data: data["layers"][0].update(error_map=[3]),
    "true as a count": lambda data: data["layers"][0]["own"].update(nans=True),
}


def test_reports_that_glnn_did_not_write() -> None:
    data = report().to_dict()
    assert CompareReport.from_json(json.dumps({**data, "more": 1})).layers == report().layers
    for name, damage in DAMAGES.items():
        other = json.loads(json.dumps(data))
        damage(other)
        with pytest.raises(InputError, match="no report of glnn compare that glnn wrote: it"):
            CompareReport.from_json(json.dumps(other))
            pytest.fail(name)
    for kind in (CompareReport, FieldReport, Profile):
        for text in ("", "[", "3", "[" * 99_999, None):
            with pytest.raises(InputError, match="that glnn wrote"):
                kind.from_json(text)  # type: ignore[arg-type]


def test_a_saved_run_that_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    arguments.model().compare(A, save=path, verbose=0)
    data = path.read_bytes()
    for broken in (data[: len(data) // 2], data[:90] + b"????" + data[94:], b""):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"run\.npz"):
            arguments.model().compare(A, path, verbose=0)
