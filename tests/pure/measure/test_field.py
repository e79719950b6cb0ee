"""Golden data of an export, and a page's JSON beside them, without a browser: NumPy stands in for the page's GPU."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.field_pages import golden, manifest, page_of
from support.repeats import CASES

import glnn
from glnn.cli import main
from glnn.errors import InputError
from glnn.layers.core import Dense
from glnn.layers.embedding import Embedding
from glnn.measure.field import beside_folder, beside_model, read_page
from glnn.plan import make_plan
from glnn.plan.steps import Draw, each_draw, taken, turns_of
from glnn.show.reports.field import FieldReport
from glnn.testing import layer_graph
from glnn.web import VARIANTS
from glnn.web.page import PAGE

LIMITS = {name: VARIANTS[name] for name in ("webgl2", "webgl2-half", "webgl1")}


@pytest.fixture(scope="module")
def digits(root: Path) -> glnn.Model:
    return glnn.Model.load(root / "examples" / "digits.h5")


@pytest.fixture(scope="module")
def folder(digits: glnn.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digits.export_web(tmp_path_factory.mktemp("check"), variants=LIMITS, scale="signed", check=True)


def saved(page: Any, path: Path) -> Path:
    path.write_text(json.dumps(page))
    return path


def test_an_export_holds_what_every_draw_gives(folder: Path, digits: glnn.Model) -> None:
    said = manifest(folder)["check"]
    assert said["seed"] == 0 and set(said["golden"]) == set(LIMITS)
    x = np.frombuffer((folder / said["inputs"][0]["file"]).read_bytes(), "<f4").reshape(1, 8, 8, 1)
    assert x.min() >= -1 and x.max() <= 1 and len(np.unique(x)) > 30
    for name, limits in LIMITS.items():
        data, plan = golden(folder, name), digits.plan(limits=limits)
        assert [item["draw"] for item in data["draws"]] == list(range(len(plan.draws)))
        codec = "float16" if name == "webgl2-half" else "float32"
        assert all(item["codec"] == codec and item["nan"] == item["inf"] == 0 for item in data["draws"])
        assert "NumPy" in data["computed_by"]
        expected = digits.reference(x)[0]
        last = data["draws"][-1]
        got = np.array(last["samples"]).ravel()[: len(expected)]  # ten classes in three texels
        np.testing.assert_allclose(got, expected, atol=2e-2 if codec == "float16" else 1e-6)
        assert 0 < last["tolerance"][0] < (0.1 if codec == "float16" else 1e-4)


def test_the_same_model_gives_the_same_bytes(folder: Path, digits: glnn.Model, tmp_path: Path) -> None:
    again = digits.export_web(tmp_path, variants=LIMITS, scale="signed", check=True)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}
    digits.export_web(tmp_path, variants=["webgl1"])
    made = {path.name for path in tmp_path.iterdir()}
    assert "check" not in manifest(tmp_path) and len(made - {*PAGE}) == 1 + 2  # the golden files are gone


def test_draws_are_taken_in_the_order_of_turns() -> None:
    graph, inputs = CASES["nested"].graph(3), CASES["nested"].inputs(3)
    plan = make_plan(graph, {name: x.shape for name, x in inputs.items()}, VARIANTS["webgl2"])
    order, made = list(taken(plan.steps)), list(each_draw(plan.steps))
    assert [order.count(number) for number in range(len(made))] == list(turns_of(plan.steps))
    first = [order.index(number) for number in range(len(made))]
    assert first == sorted(first) and len(order) > len(made)

    def walk(steps: Any) -> Any:
        for step in steps:
            if isinstance(step, Draw):
                yield id(step)
            else:
                yield from list(walk(step.steps)) * step.count

    assert [id(made[number]) for number in order] == list(walk(plan.steps))


def test_inputs_of_a_seed_suit_the_model(tmp_path: Path) -> None:
    weights = {"embeddings": np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)}
    model = glnn.Model(layer_graph(Embedding(9, 4), [(2, 5)], weights))
    folder = model.export_web(tmp_path, (2, 5), ["webgl2"], check=True)
    x = np.frombuffer((folder / manifest(folder)["check"]["inputs"][0]["file"]).read_bytes(), "<f4")
    assert set(x) == {0, 1}
    assert golden(folder, "webgl2")["draws"][-1]["nan"] == 0


def test_wrong_inputs_are_refused(digits: glnn.Model, tmp_path: Path) -> None:
    for wrong in (np.zeros((1, 9, 8, 1)), np.zeros((2, 8, 8, 1)), {"other": np.zeros((1, 8, 8, 1))}, "picture.png"):
        with pytest.raises(InputError, match="^check: "):
            digits.export_web(tmp_path, variants=["webgl2"], check=wrong)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("variant", LIMITS)
def test_a_page_is_set_beside_its_folder_and_the_model(
    folder: Path, digits: glnn.Model, tmp_path: Path, variant: str
) -> None:
    page = page_of(folder, variant)
    page["draws"][2]["bands"][1][0] += 0.5
    page["draws"][2]["crc32"] = 1
    page["draws"][4] |= {"crc32": 1, "nan": 3, "inherited": True}
    page["draws"][4]["samples"][0][0] = "NaN"
    read = read_page(saved(page, tmp_path / "page.json"))
    for report in (
        beside_folder(read, folder),
        beside_model(read, digits.session.graph, digits.session.store),
    ):
        assert [row.state for row in report.draws] == ["equal", "equal", "wrong", "equal", "wrong", "equal"]
        assert not report.ok and report.first is report.draws[2] and report.layers is report.draws
        assert [row.guilty for row in report.draws] == [False, False, True, False, False, False]
        assert report.draws[2].what == "mean of band 0, lane 1" and report.draws[4].nan == (0, 3)
        assert "First bad draw: 3, layer pool, kernel maxpool" in str(report)
        again = FieldReport.from_json(report.to_json())
        assert str(again) == str(report) and again.draws == report.draws


def test_given_inputs_are_asked_for(digits: glnn.Model, tmp_path: Path) -> None:
    x = np.random.default_rng(3).random((1, 8, 8, 1)).astype(np.float32)
    folder = digits.export_web(tmp_path / "site", variants=["webgl2"], check=x)
    page = read_page(saved(page_of(folder), tmp_path / "page.json"))
    graph, store = digits.session.graph, digits.session.store
    assert beside_folder(page, folder).ok and beside_model(page, graph, store, x).ok
    with pytest.raises(InputError, match="give the same, or the folder"):
        beside_model(page, graph, store)
    with pytest.raises(InputError, match="not what the page was checked on"):
        beside_model(page, graph, store, x + 1)
    np.save(tmp_path / "x.npy", x)
    assert main(["compare", "--from", str(tmp_path / "page.json"), "examples/digits.h5", str(tmp_path / "x.npy")]) == 0


def test_another_model_or_folder_is_refused(folder: Path, digits: glnn.Model, tmp_path: Path) -> None:
    page = read_page(saved(page_of(folder), tmp_path / "page.json"))
    dense = glnn.Model(layer_graph(Dense(3), [(1, 4)], {"kernel": np.ones((4, 3), "f4"), "bias": np.ones(3, "f4")}))
    with pytest.raises(InputError, match="inputs are image, the model's"):
        beside_model(page, dense.session.graph, dense.session.store)
    other = digits.export_web(tmp_path / "other", variants=["webgl2"], check=True)  # of another scale
    with pytest.raises(InputError, match="is not what the page was checked by"):
        beside_folder(page, other)
    with pytest.raises(InputError, match="no export of glnn"):
        beside_folder(page, tmp_path)
    plain = digits.export_web(tmp_path / "plain", variants=["webgl2"])
    with pytest.raises(InputError, match="holds nothing to check variant webgl2 by"):
        beside_folder(page, plain)
    data = other / manifest(other)["check"]["golden"]["webgl2"]["file"]
    page = page_of(other)
    data.write_bytes(data.read_bytes()[:-1] + b" ")
    with pytest.raises(InputError, match="checksum"):
        beside_folder(page, other)
    less = {**page_of(folder), "draws": page_of(folder)["draws"][:-1]}
    with pytest.raises(InputError, match="its plan is not the page's"):
        beside_folder(less, folder)


DAMAGES: dict[str, Any] = {
    "no check": lambda page: page.clear(),
    "another version": lambda page: page.update(version=9),
    "no draws": lambda page: page.pop("draws"),
    "draws are a number": lambda page: page.update(draws=3),
    "a draw without samples": lambda page: page["draws"][1].pop("samples"),
    "a sample cut": lambda page: page["draws"][1]["samples"][0].pop(),
    "a word as a value": lambda page: page["draws"][1]["bands"][0].__setitem__(0, "much"),
    "inputs without shape": lambda page: page["inputs"][0].pop("shape"),
    "a target that there is not": lambda page: page["limits"].update(float_target="float32float32"),
    "no dialect": lambda page: page["limits"].pop("dialect"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_pages_are_refused(folder: Path, tmp_path: Path, damage: str) -> None:
    page = page_of(folder)
    DAMAGES[damage](page)
    with pytest.raises(InputError, match="page.json"):
        read_page(saved(page, tmp_path / "page.json"))


def test_pages_that_are_no_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        read_page(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text('{"format": "glnn-')
    with pytest.raises(InputError, match="not JSON"):
        read_page(tmp_path / "cut.json")


def test_the_command_tells_by_its_exit_code(folder: Path, tmp_path: Path, capsys: Any) -> None:
    page = page_of(folder)
    good, bad = saved(page, tmp_path / "good.json"), tmp_path / "bad.json"
    page["draws"][0] |= {"crc32": 1, "inf": 1}
    saved(page, bad)
    assert main(["compare", "--from", str(good), str(folder)]) == 0
    assert "6 of 6 draws equal in every bit" in capsys.readouterr().out
    assert main(["compare", "--from", str(bad), str(folder), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["draws"][0]["state"] == "wrong"
    assert main(["compare", "--from", str(tmp_path / "none.json"), str(folder)]) == 1
    assert main(["compare", str(folder)]) == 2  # without a page's report it wants a model


def test_export_web_writes_golden_data(root: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", x := np.full((1, 8, 8, 1), 0.5, np.float32))
    model, site = str(root / "examples" / "digits.h5"), tmp_path / "site"
    assert main(["export-web", model, str(site), "--variants", "webgl2", "--check-input", str(tmp_path / "x.npy")]) == 0
    said = manifest(site)["check"]
    assert said["seed"] is None and said["inputs"][0]["crc32"] == zlib.crc32(x.tobytes())
    assert main(["export-web", model, str(site), "--variants", "webgl2", "--check"]) == 0
    assert manifest(site)["check"]["seed"] == 0
