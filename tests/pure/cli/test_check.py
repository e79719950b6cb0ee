"""glnn check: what it tells of models that run, that do not, and of files that are none."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.bad_files import GROUPS, two_layers
from support.keras_files import layer, sequential, write_model

from glnn.cli import main
from glnn.formats import survey
from glnn.layers import LAYERS
from glnn.layout import Limits
from glnn.model import Model


@pytest.fixture
def digits(root: Path) -> str:
    return str(root / "examples" / "digits.h5")


def told(capsys: pytest.CaptureFixture[str], *argv: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON of glnn check."""
    code = main(["check", *map(str, argv), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_model_that_runs(digits: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, about = told(capsys, digits)
    assert code == 0 and about["ok"] and about["readable"] and not about["problems"] and about["advice"] is None
    assert (about["format"], about["written_by"]) == ("Keras HDF5", "Keras 3.15.1 (jax)")
    assert about["layers"] == sum(item["count"] for item in about["classes"]) == 13
    assert about["inputs"] == {"image": [None, 8, 8, 1]} and about["outputs"] == {"digit": [None, 10]}
    with Model.load(digits) as model:
        numbers = sum(w.size for node in model.layers for w in node.weights.values())
        plan = model.plan({"image": (1, 8, 8, 1)}, Limits())
    assert about["parameters"] == numbers and about["weight_bytes"] == 4 * numbers
    assert about["memory"]["activations"] == plan.activation_bytes and about["memory"]["weights"] == plan.weight_bytes
    assert about["memory"]["total"] == plan.activation_bytes + plan.weight_bytes


def test_memory_goes_by_batch_and_profile(digits: str, capsys: pytest.CaptureFixture[str]) -> None:
    needs = [
        told(capsys, digits, *more)[1]["memory"]
        for more in (
            [],
            ["--batch", "8"],
            ["--profile", "webgl1-phone"],
            ["--profile", "webgl1-minimum", "--batch", 512],
        )
    ]
    assert needs[1]["activations"] > 6 * needs[0]["activations"] and needs[1]["weights"] == needs[0]["weights"]
    assert needs[2]["profile"] == "webgl1-phone" and needs[2]["total"] != needs[0]["total"]
    assert needs[3]["inputs"] == {"image": [512, 8, 8, 1]}
    assert main(["check", digits, "--profile", "none"]) == 1 and "no such profile" in capsys.readouterr().err


def test_free_sizes_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    item = layer("UpSampling2D", "up", size=2, batch_input_shape=[None, None, None, 3])
    path = write_model(tmp_path / "m.h5", sequential(item), {})
    code, about = told(capsys, path)
    assert code == 0 and "--shape" in about["memory"]["error"]
    assert told(capsys, path, "--shape", "5x7x3")[1]["memory"]["inputs"] == {"up_input": [1, 5, 7, 3]}
    assert main(["check", str(path), "--shape", "5,7,4"]) == 1 and "does not fit" in capsys.readouterr().err
    assert main(["check", str(path)]) == 0 and "--shape" in capsys.readouterr().out


def test_everything_is_told_of_a_model_that_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_model(
        tmp_path / "m.h5",
        sequential(
            layer("Dense", "first", units=3, strange=1, batch_input_shape=[None, 4]),
            layer("Lambda", "half", function=["code", None, None]),
            layer("Lambda", "twice", function=["code", None, None]),
            layer("mine>Own", "own", size=2),
            layer("Dense", "second", units=2, activation="nothing", other=2),
        ),
        GROUPS,
    )
    code, about = told(capsys, path)
    assert code == 1 and not about["ok"] and about["readable"] and "memory" not in about
    assert [(item["class"], item["count"], item["not_supported"]) for item in about["classes"]] == [
        ("Dense", 2, ["first", "second"]),
        ("Lambda", 2, ["half", "twice"]),
        ("mine>Own", 1, ["own"]),
    ]
    assert [item["layer"] for item in about["problems"]] == ["first", "half", "twice", "own", "second"]
    assert about["problems"][0]["problem"] == "option strange=1"
    numbers = sum(w.size for group in GROUPS.values() for w in group.values())
    assert about["parameters"] == numbers and about["weight_bytes"] == 4 * numbers
    assert '"Lambda:twice": lambda t, x: ...,' in about["advice"] and about["written_by"] == "Keras 2.1.6"

    assert main(["check", str(path)]) == 1
    out = capsys.readouterr().out
    for words in ("NO    Lambda         2  half, twice", "own (mine>Own): custom class", "verdict: 5 things that glnn"):
        assert words in out, out
    assert main(["check", str(path), "--json"]) == 1


def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99))
    for path, words in [(tmp_path / "none.h5", "no such file"), (tmp_path / "m.h5", "truncated or damaged")]:
        code, about = told(capsys, path)
        assert code == 2 and not about["ok"] and not about["readable"] and words in about["error"]
        assert main(["check", str(path)]) == 2
        said = capsys.readouterr()
        assert words in said.err and not said.out
    other = {**GROUPS, "second": {name: w[:1] for name, w in GROUPS["second"].items()}}
    code, about = told(capsys, write_model(tmp_path / "w.h5", two_layers(), other))
    assert code == 2 and "weight 'kernel'" in about["error"]


def test_other_formats(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], digits: str) -> None:
    code, about = told(capsys, root / "tests" / "data" / "tfjs_saved" / "words")
    assert code == 0 and about["written_by"] == "TensorFlow.js tfjs-layers v4.22.0"
    with Model.load(digits) as model:
        model.quantize("uint8").save(tmp_path / "m.glnn")
    code, about = told(capsys, tmp_path / "m.glnn")
    assert code == 0 and about["format"] == "glnn" and about["written_by"] == "glnn (format version 2)"
    assert about["parameters"] > 20_000 and about["weight_bytes"] < 2 * about["parameters"]
    content = json.loads((root / "tests/data/tfjs_saved/words/model.json").read_text())
    content["convertedBy"] = "a converter 1.0"
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "model.json").write_text(json.dumps(content))
    (tmp_path / "t" / "weights.bin").write_bytes(b"")
    assert told(capsys, tmp_path / "t")[1]["written_by"].endswith("(a converter 1.0)")


def test_a_glnn_file_of_a_class_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = tmp_path / "own_layers_of_a_test.py"
    module.write_text(OWN)
    sys.path.insert(0, str(tmp_path))
    try:
        path = write_model(tmp_path / "m.h5", sequential(layer("mine>Own", "o", batch_input_shape=[None, 3])), {})
        assert main(["check", str(path)]) == 1
        assert main(["check", str(path), "--import", module.stem]) == 0
        with Model.load(path) as model:
            model.save(tmp_path / "m.glnn")
        del LAYERS["mine>Own"]
        capsys.readouterr()
        code, about = told(capsys, tmp_path / "m.glnn")
        assert code == 1 and about["problems"] == [
            {"layer": None, "class": None, "problem": "layer 'o': layer class 'mine>Own'"}
        ]
        assert main(["summary", str(path), "--import", "no_such_module"]) == 1
        assert "--import no_such_module: ModuleNotFoundError" in capsys.readouterr().err
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop(module.stem, None)
        LAYERS.data.pop("mine>Own", None)


OWN = """
from dataclasses import dataclass
import glnn
from glnn.layers import Layer

@glnn.register_layer("mine>Own")
@dataclass(frozen=True)
class Own(Layer):
    def build(self, t, x, w):
        return x * 2
"""


def test_a_survey_counts_the_weights_of_each_way_to_file_them(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="a"), keras.layers.Lambda(lambda x: x)])
    (tmp_path / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    seen = survey(tmp_path / "m.json", tmp_path / "m.weights.h5")
    assert not seen.supported and seen.parameters == model.count_params() == 15
    assert [(each.name, bool(each.problems)) for each in seen.layers if each.type != "InputLayer"] == [
        ("a", False), ("lambda", True),
    ]  # fmt: skip
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="a")])
    (tmp_path / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    assert survey(tmp_path / "m.json").supported and survey(tmp_path / "m.json").size == 60


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


def test_rich_tables_say_the_same(digits: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    pytest.importorskip("rich")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["check", digits]) == 0
    out = capsys.readouterr().out
    assert "BatchNormalization" in out and "\x1b[32myes" in out and "glnn runs this model" in out
