"""The check of an exported page: quiet on a sound model, and the first bad draw where a fault was planted."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support import shares
from support.faults import OUTPUTS, change_plan, change_weights, in_output, in_text
from support.networks import save_mobilenet
from support.repeats import CASES

import glnn
from glnn.cli import main
from glnn.graph import Graph
from glnn.layers.recurrent import LSTM
from glnn.measure.field import beside_folder, beside_model, read_page
from glnn.show.reports.field import FieldReport
from glnn.testing import layer_graph
from glnn.web import VARIANTS

if TYPE_CHECKING:
    from playwright.sync_api import Page

RENDERERS = ("llvmpipe", "swiftshader")
DRAWS = range(6)  # of the digits model
APART = 3  # of the draws every third is broken in one way, the next ones in the next ways
NETWORK = ["webgl2-half", "webgl1", "webgl2"][: 3 if shares.whole else 2]  # of MobileNetV2: halves, and floats
Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(new_page: Callable[..., Page], site: tuple[Path, str]) -> Check:
    """Opens a folder's page with ?check -> the JSON that it offers."""

    def run(folder: Path, variant: str = "webgl2", renderer: str = "llvmpipe", page: Page | None = None) -> Any:
        return offered(page or new_page(renderer), f"{site[1]}{folder.name}/?check&variant={variant}")

    return run


def offered(page: Page, url: str) -> dict[str, Any]:
    """The JSON that a check offers."""
    page.set_default_timeout(240_000)  # SwiftShader compiles the texts of soft floats for a minute
    page.goto(url)
    page.wait_for_selector("#check, #problem:not([hidden])")
    assert not page.locator("#problem").is_visible(), page.locator("#problem").inner_text()
    return page.evaluate("fieldCheck")


@pytest.fixture(scope="module")
def quiet(browsers: Callable[[str], Any], site: tuple[Path, str], sound: Path) -> Callable[[str, str], Any]:
    """(variant, renderer) -> the JSON of the sound model's check, each made once."""

    @cache
    def run(variant: str, renderer: str) -> dict[str, Any]:
        page = browsers(renderer).new_page()
        try:
            return offered(page, f"{site[1]}{sound.name}/?check&variant={variant}")
        finally:
            page.close()

    return run


@pytest.fixture(scope="module")
def sound(site: tuple[Path, str], root: Path) -> Path:
    """The digits model with what its draws give."""
    with glnn.Model.load(root / "examples" / "digits.h5") as model:
        return model.export_web(site[0] / "check-digits", scale="unit", check=True)


@pytest.fixture
def copy(sound: Path) -> Iterator[Path]:
    """A copy of it to plant faults into."""
    made = sound.with_name("check-copy")
    shutil.copytree(sound, made)
    yield made
    shutil.rmtree(made)


def states(result: dict[str, Any]) -> list[str]:
    return [row["state"] for row in result["draws"]]


def guilty(result: dict[str, Any]) -> list[tuple[int, int]]:
    """The draws, with their turns, that are wrong by themselves."""
    return [(row["draw"], row["turn"]) for row in result["draws"] if row["state"] == "wrong" and not row["inherited"]]


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_sound_model_is_quiet(quiet: Callable[[str, str], Any], variant: str, renderer: str) -> None:
    result = quiet(variant, renderer)
    assert result["variant"] == variant and renderer in result["device"]["gpu"].lower()
    assert len(result["draws"]) == len(DRAWS) and "wrong" not in states(result)
    assert states(result).count("equal") >= 5  # exp() is the driver's own
    assert result["device"]["precision"]["bits"] == 23


@pytest.mark.parametrize("renderer", ["llvmpipe", pytest.param("swiftshader", marks=pytest.mark.whole)])
def test_a_network_is_quiet(check: Check, mobile: Callable[[], Path], renderer: str) -> None:
    for variant in NETWORK:
        result = check(mobile(), variant, renderer)
        assert len(result["draws"]) > 50 and "wrong" not in states(result), (variant, guilty(result))


@pytest.fixture(scope="module")
def mobile(site: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    pytest.importorskip("keras")

    @cache
    def export() -> Path:
        path = save_mobilenet(tmp_path_factory.mktemp("models") / "mobilenetv2.h5", 96, 0.35)
        with glnn.Model.load(path) as model:
            return model.export_web(site[0] / "check-mobile", variants=NETWORK, scale="signed", check=True)

    return export


def recurrent() -> Graph:
    layer, shape = LSTM(6, return_sequences=True), (2, 70, 5)
    rng = np.random.default_rng(4)
    weights = {s.name: (rng.normal(size=s.shape) / 2).astype(np.float32) for s in layer.weight_specs(shape)}
    return layer_graph(layer, [shape], weights)


@pytest.mark.parametrize(
    ("variant", "renderer"),
    [
        ("webgl2", "llvmpipe"),
        pytest.param("webgl2", "swiftshader", marks=pytest.mark.whole),
        ("webgl1", "swiftshader"),
        ("webgl1-rgba8", "llvmpipe"),
    ],
)
def test_repeats_are_seen_turn_by_turn(check: Check, site: tuple[Path, str], variant: str, renderer: str) -> None:
    for name, graph in (("lstm", recurrent()), ("nested", CASES["nested"].graph(7))):
        sizes = {"x0": (2, 70, 5)} if name == "lstm" else {k: v.shape for k, v in CASES["nested"].inputs(7).items()}
        with glnn.Model(graph) as model:
            folder = model.export_web(site[0] / f"check-{name}", sizes, [variant], check=True)
        result = check(folder, variant, renderer)
        assert "wrong" not in states(result), guilty(result)
        turns = {row["turn"] for row in result["draws"]}
        assert turns >= ({0, 1, 2, 4, 64, 69} if name == "lstm" else {0, 1, 2, 4})
        shutil.rmtree(folder)


def test_activations_in_codes_are_quiet_and_judged(check: Check, site: tuple[Path, str], root: Path) -> None:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        x = (data["images"][:16] / 16).astype(np.float32)[..., None]
    for activations in ("uint8", "float16"):
        with (
            glnn.Model.load(root / "examples" / "digits.h5") as model,
            model.quantize("uint8", activations=activations, calibrate=x, verbose=0) as small,
        ):
            folder = small.export_web(site[0] / "check-codes", variants=["webgl2"], check=x[:1])
        for renderer in RENDERERS:
            result = check(folder, "webgl2", renderer)
            assert activations in {row["codec"] for row in result["draws"]} and "wrong" not in states(result)
        change_plan(folder, "webgl2", in_text(1, "y_encode(y_0)", "y_encode(0.9 * y_0)"))
        assert guilty(check(folder)) == [(1, 0)]
        shutil.rmtree(folder)


@pytest.mark.parametrize("renderer", ["llvmpipe", pytest.param("swiftshader", marks=pytest.mark.whole)])
@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_fault_in_a_shader_is_found(check: Check, copy: Path, sound: Path, kind: str, renderer: str) -> None:
    first = list(OUTPUTS).index(kind) % APART
    for number in DRAWS if shares.whole and renderer == "llvmpipe" else DRAWS[first::APART]:
        shutil.copytree(sound, copy, dirs_exist_ok=True)
        change_plan(copy, "webgl2", in_output(number, kind))
        result = check(copy, "webgl2", renderer)
        assert guilty(result) == [(number, 0)], number
        assert set(states(result)[:number]) <= {"equal"}


def test_a_changed_weight_is_found(check: Check, copy: Path) -> None:
    def halve(values: np.ndarray) -> None:
        values[-10:] *= 0.5  # of the last layer

    change_weights(copy, halve)
    result = check(copy)
    [(number, _)] = guilty(result)
    assert result["draws"][number]["layer"] == "digit"


@pytest.mark.parametrize("variant", ["webgl2", "webgl1", "webgl1-rgba8"])
def test_a_wrong_number_is_found(check: Check, copy: Path, variant: str) -> None:
    def change(plan: dict[str, Any]) -> None:
        draw = plan["draws"][2]
        draw["ints"][1:] = [value + (value > 1) for value in draw["ints"][1:]]
        program = plan["programs"][draw["program"]]  # where what never changes stands
        assert [d["program"] for d in plan["draws"]].count(draw["program"]) == 1
        number = re.compile(r"(?<=_COLS \()\d+|(?<=_PW \()\d+|(?<=_G \()\d+")
        program["fragment"] = number.sub(lambda found: str(int(found[0]) + 1), program["fragment"])

    change_plan(copy, variant, change)
    assert guilty(check(copy, variant)) == [(2, 0)]


def test_a_fault_of_later_turns_names_the_turn(check: Check, site: tuple[Path, str]) -> None:
    with glnn.Model(recurrent()) as model:
        x = np.random.default_rng(0).normal(size=(2, 70, 5)).astype(np.float32)
        folder = model.export_web(site[0] / "check-turns", x.shape, ["webgl2"], check=x)

    def stand_still(plan: dict[str, Any]) -> None:
        [counted] = [item for item in plan["draws"] if any(c["step"] for c in item.get("counts", ()))][:1]
        counted["counts"] = [{**count, "step": 0} for count in counted["counts"]]

    change_plan(folder, "webgl2", stand_still)
    first = guilty(check(folder))[0]
    assert first[1] == 1  # the first turn is right
    shutil.rmtree(folder)


def test_the_page_shows_the_first_bad_draw_first(check: Check, copy: Path, new_page: Callable[..., Page]) -> None:
    change_plan(copy, "webgl2", in_output(3, "scaled"))
    for size in ({"width": 360, "height": 740}, {"width": 1280, "height": 900}):
        page = new_page("swiftshader")
        page.set_viewport_size(size)  # type: ignore[arg-type]
        check(copy, page=page)
        sections = page.locator("#check section").all()
        assert "draw 4 of layer hidden" in sections[0].inner_text()
        assert f"First bad draw: 4 of {len(DRAWS)}" in sections[1].inner_text() and "Python" in sections[1].inner_text()
        rows = [row.inner_text() for row in sections[2].locator("tr").all()][1:]
        assert rows[0].startswith("4") and "wrong" in rows[0] and "bit-equal" in rows[-1]
        assert all("wrong, follows" in row for row in rows[1:3])
        assert "SwiftShader" in sections[3].inner_text() and "23 bits" in sections[3].inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_json_comes_out_of_the_page_and_into_python(
    check: Check, copy: Path, new_page: Callable[..., Page], tmp_path: Path, root: Path, capsys: Any
) -> None:
    change_plan(copy, "webgl2", in_output(2, "one NaN"))
    page, file = new_page("swiftshader"), tmp_path / "phone.json"
    result = check(copy, page=page)
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "digits-webgl2-check.json"
    download.value.save_as(file)
    assert json.loads(file.read_text()) == result
    read = read_page(file)
    with glnn.Model.load(root / "examples" / "digits.h5") as model:
        beside = [beside_folder(read, copy), beside_model(read, model.session.graph, model.session.store)]
    for report in beside:
        assert [row.state for row in report.draws] == states(result)
        assert [(row.draw, row.turn) for row in report.draws if row.guilty] == guilty(result) == [(2, 0)]
        assert report.first and report.first.name == "pool" and report.first.nan[0] == 0 < report.first.nan[1]
        assert str(FieldReport.from_json(report.to_json())) == str(report)
        assert "pool" in report._repr_html_() and "SwiftShader" in str(report)
    for place in (copy, root / "examples" / "digits.h5"):
        assert main(["compare", "--from", str(file), str(place)]) == 1
        assert "First bad draw: 3, layer pool" in capsys.readouterr().out
    assert main(["compare", "--from", str(file), str(copy), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_page_and_python_measure_alike(
    quiet: Callable[[str, str], Any], sound: Path, tmp_path: Path, capsys: Any
) -> None:
    manifest = json.loads((sound / "manifest.json").read_text())
    for variant in ("webgl2", "webgl1-rgba8"):
        golden = json.loads((sound / manifest["check"]["golden"][variant]["file"]).read_text())["draws"]
        result = quiet(variant, "swiftshader")
        for mine, row in zip(golden, result["draws"], strict=True):
            assert mine["at"] == row["at"] and (mine["texels"], mine["lanes"]) == (row["texels"], row["lanes"])
            if row["state"] == "equal":
                assert mine["samples"] == row["samples"]
                np.testing.assert_allclose(row["bands"], mine["bands"], rtol=2e-7)
        (tmp_path / "page.json").write_text(json.dumps(result))
        assert main(["compare", "--from", str(tmp_path / "page.json"), str(sound)]) == 0
        assert "computes what Python does" in capsys.readouterr().out


def test_the_json_can_be_copied(check: Check, sound: Path, new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.add_init_script("delete Navigator.prototype.clipboard")  # as where a page has no https
    page.add_init_script("document.addEventListener('copy', () => { window.taken = String(getSelection()); })")
    result = check(sound, page=page)
    page.locator("#copy").click()
    page.get_by_text("Copied.").wait_for()
    assert page.evaluate("document.querySelector('textarea')") is None
    assert json.loads(page.evaluate("taken")) == result


def test_an_export_without_golden_data_says_what_to_do(new_page: Callable[[], Page], digits: Any) -> None:
    page = new_page()
    page.goto(f"{digits.url}?check")
    page.locator("#problem:not([hidden])").wait_for()
    assert "check=True" in page.locator("#problem").inner_text()


def test_nothing_of_the_check_is_loaded_without_being_asked(
    new_page: Callable[[], Page], sound: Path, site: Any
) -> None:
    page, asked = new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site[1]}{sound.name}/")
    page.wait_for_selector("#output *")
    golden = json.loads((sound / "manifest.json").read_text())["check"]
    files = ["check.js", *(item["file"] for item in (*golden["inputs"], *golden["golden"].values()))]
    assert not [url for url in asked if url.rsplit("/", 1)[1] in files]


def test_a_model_predicts_after_its_check(check: Check, sound: Path, new_page: Callable[..., Page]) -> None:
    page = new_page()
    check(sound, page=page)
    before = page.evaluate("model.counts()")
    predict = (
        "model.predict({image: new Float32Array(64).fill(0.5)}).then(o => Object.values(o).map(v => Array.from(v)))"
    )
    [got] = page.evaluate(predict)
    assert abs(sum(got) - 1) < 1e-5 and page.evaluate("model.counts()") == before
    assert page.evaluate("Object.hasOwn(model._device, 'draw') || Object.hasOwn(model, '_read')") is False
