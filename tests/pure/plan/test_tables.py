"""Measured tables in files: read back, broken, of something else; those of the package."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from support.small_net import graph as network

from glnn import caching
from glnn.layout import Limits
from glnn.plan import tables
from glnn.plan.choice import BY_COST, Choice

PLACE = tables.Place("llvmpipe (LLVM 99)", "4.5 Mesa 1", tables.kind(Limits()), tables.kernels())
KEY = tables.network(network())
TABLE = tables.Table({"a workload": "conv"}, {KEY: {"blocks": {"16x16": "1x4"}, "pieces": {"x 16x16x3": 6}}})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(caching.VARIABLE, str(tmp_path))
    return tmp_path / "tuned"


def test_what_is_written_is_read_back_and_added_to(folder: Path) -> None:
    assert tables.read(PLACE) == tables.Table() and not folder.exists()
    path = tables.write(PLACE, TABLE)
    assert path.parent == folder and path.name.startswith("llvmpipe-llvm-99-") and tables.read(PLACE) == TABLE
    tables.write(PLACE, tables.Table({"another": "conv in loops"}, {KEY: {"tuned": ["x 1x16x16x3"]}, "other": {}}))
    both = tables.read(PLACE)
    assert both.recipes == {"a workload": "conv", "another": "conv in loops"}
    assert both.networks[KEY] == TABLE.networks[KEY] | {"tuned": ["x 1x16x16x3"]}
    assert [file.name for file in folder.iterdir()] == [path.name]  # no parts of files stay


def test_a_table_tells_choices_and_pieces_of_a_graph() -> None:
    assert TABLE.choice(network()) == Choice({"a workload": "conv"}, {(16, 16): (1, 4)})
    fetches = tables.Table({}, {KEY: {"fetch": "texelFetch"}})
    assert fetches.choice(network()) == Choice(fetch="texelFetch")
    assert TABLE.piece(network(), {"x": (16, 16, 3)}) == 6
    assert TABLE.piece(network(), {"x": (16, 16, 9)}) is None
    other = network().with_(outputs=("a",), nodes=network().nodes[:1])
    assert TABLE.piece(other, {"x": (16, 16, 3)}) is None and not TABLE.choice(other).blocks
    assert tables.Table().choice(network()) is BY_COST


@pytest.mark.parametrize("changed", ["renderer", "driver", "limits", "kernels"])
def test_each_place_has_a_file_of_its_own(changed: str) -> None:
    tables.write(PLACE, TABLE)
    other = replace(PLACE, **{changed: "another"})
    assert other.path != PLACE.path and tables.read(other) == tables.Table()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Expecting value"),
        ("{", "Expecting"),
        ("[1]", "no table"),
        ('{"version": 0}', "no table"),
        ("[" * 100_000, "recursion|overflow"),
        ("\xff", "decode"),
        ({"recipes": [1]}, "recipes"),
        ({"recipes": {"a": 1}}, "recipes"),
        ({"networks": {"a": 1}}, "networks"),
        ({"networks": {"a": {"blocks": {"16x16": "2y4"}}}}, "2y4"),
        ({"networks": {"a": {"blocks": {"16x16": 4}}}}, "pair"),
        ({"networks": {"a": {"fetch": 4}}}, "fetch"),
        ({"networks": {"a": {"pieces": {"x": 0}}}}, "pieces"),
        ({"networks": {"a": {"pieces": {"x": True}}}}, "pieces"),
        ({"driver": "another"}, "driver is 'another'"),
        ({"kernels": None}, "kernels is None"),
    ],
)
def test_a_file_that_is_broken_or_of_another_place_is_ignored_with_a_warning(text: str | dict, told: str) -> None:
    path = tables.write(PLACE, TABLE)
    whole = json.loads(path.read_text())
    path.write_bytes((text if isinstance(text, str) else json.dumps(whole | text)).encode("latin-1"))
    with pytest.warns(UserWarning, match=told) as told_:
        assert tables.read(PLACE) == tables.Table()
    assert str(path) in str(told_[0].message)
    with pytest.warns(UserWarning):
        tables.write(PLACE, TABLE)  # the next one that is measured takes its place
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tables.read(PLACE) == TABLE


def test_tables_of_the_package_are_whole_and_go_before_nothing_of_the_machine() -> None:
    for file in (Path(tables.__file__).parent / "tuned").glob("*.json"):
        data = json.loads(file.read_text())
        table = tables.checked(data)
        assert tables.slug(data["renderer"]).startswith(file.stem)
        assert tables.packaged(tables.slug(data["renderer"]), data["limits"]) == table
        assert not any("tuned" in one for one in table.networks.values())
    tables.write(PLACE, TABLE)
    assert tables.known(PLACE.renderer, PLACE.driver, Limits()).recipes["a workload"] == "conv"
    assert tables.known(PLACE.renderer, "another", Limits()).recipes.get("a workload") is None


def test_a_table_for_the_package(tmp_path: Path) -> None:
    file = tmp_path / "llvmpipe.json"
    tables.add_to(file, PLACE, TABLE.updated(tables.Table({}, {KEY: {"tuned": ["x"]}})))
    tables.add_to(file, PLACE, tables.Table({"b": "c"}))
    assert tables.checked(json.loads(file.read_text())) == TABLE.updated(tables.Table({"b": "c"}))
    with pytest.raises(ValueError, match="is of es300"):
        tables.add_to(file, replace(PLACE, limits="es100"), TABLE)
