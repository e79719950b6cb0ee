"""What a manifest says of its page: the kind of input, text by a vocabulary, columns, examples; what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.errors import InputError
from glnn.layers.core import Dense
from glnn.layers.pooling import GlobalAveragePooling1D
from glnn.testing import layer_graph

PIXEL = b"\x89PNG\r\n\x1a\n"  # enough to be taken for a picture


def dense(width: int = 3) -> glnn.Model:
    weights = {"kernel": np.ones((width, 2), np.float32), "bias": np.zeros(2, np.float32)}
    return glnn.Model(layer_graph(Dense(2), [(1, width)], weights))


def codes() -> glnn.Model:
    return glnn.Model(layer_graph(GlobalAveragePooling1D(), [(1, 5, 3)], {}))


def page(model: glnn.Model, folder: Path, **options: Any) -> dict[str, Any]:
    model.export_web(folder, variants=["webgl2"], verbose=0, **options)
    return json.loads((folder / "manifest.json").read_text())["page"]


def test_numbers_have_columns_and_examples(tmp_path: Path) -> None:
    said = page(dense(), tmp_path, columns=["a", "b", "c"], examples={"one": [1, 2.5, 1 / 3]})
    assert said["kind"] == "table" and said["columns"] == ["a", "b", "c"] and said["text"] is None
    assert said["examples"] == [{"name": "one", "values": [[1.0, 2.5, 0.3333333]]}]


def test_a_vocabulary_makes_a_page_of_text(tmp_path: Path) -> None:
    said = page(codes(), tmp_path, vocabulary=["", "[UNK]", "é"], examples=["x y"])
    held = said["text"]
    assert json.loads((tmp_path / held["file"]).read_text()) == ["", "[UNK]", "é"] and said["kind"] == "text"
    assert (held["standardize"], held["split"], held["padding"]) == (
        "lower_and_strip_punctuation",
        "whitespace",
        "post",
    )
    assert said["examples"] == [{"name": "Example 1", "text": "x y"}]
    held = page(codes(), tmp_path, vocabulary="abc", padding="pre")["text"]
    assert (held["standardize"], held["split"], held["padding"]) == ("", "character", "pre")
    page(codes(), tmp_path)
    assert not (tmp_path / held["file"]).exists()  # an earlier export's files go


def test_pictures_are_examples_as_files(tmp_path: Path, root: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PIXEL)
    with glnn.Model.load(root / "examples" / "digits.h5") as model:
        said = page(model, tmp_path / "site", examples=[tmp_path / "cat.png", PIXEL + b"2"])
    assert said["kind"] == "drawing" and [e["name"] for e in said["examples"]] == ["cat", "Example 2"]
    assert (tmp_path / "site" / said["examples"][1]["file"]).read_bytes() == PIXEL + b"2"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "columns of another count": ({"columns": ["a"]}, "3 columns"),
    "columns as one text": ({"columns": "abc"}, "3 columns"),
    "text options alone": ({"split": "character"}, "vocabulary"),
    "a vocabulary for numbers": ({"vocabulary": "ab", "columns": ["a"]}, "a text"),
    "an option that there is not": ({"vocabulry": "ab"}, "no option vocabulry"),
    "a token twice": ({"vocabulary": ["a", "a"]}, "twice"),
    "no tokens": ({"vocabulary": []}, "give texts"),
    "a split that there is not": ({"vocabulary": "ab", "split": "words"}, "'whitespace', 'character'"),
    "an example of another shape": ({"examples": [[1, 2]]}, "shape (2,)"),
    "an example that is not finite": ({"examples": [[1, 2, np.nan]]}, "not finite"),
    "an example by a wrong name": ({"examples": [{"y": [1, 2, 3]}]}, "x0"),
    "one text for examples": ({"examples": "abc"}, "a list of inputs"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_go_with_the_model_is_refused(name: str, tmp_path: Path) -> None:
    options, words = WRONG[name]
    with pytest.raises(InputError) as raised:
        page(dense(), tmp_path, **options)
    assert words in str(raised.value)


def test_text_for_a_model_of_other_codes_is_refused(tmp_path: Path, root: Path) -> None:
    with pytest.raises(InputError, match=r"\(batch, steps, 2\).*\(1, 5, 3\)"):
        page(codes(), tmp_path, vocabulary="ab")
    with glnn.Model.load(root / "examples" / "digits.h5") as model:
        with pytest.raises(InputError, match="image"):
            page(model, tmp_path, vocabulary="ab")
        for example, words in ((b"BM", "no picture that browsers read"), ("gone.png", "gone.png"), (3, "path")):
            with pytest.raises(InputError, match=words):
                page(model, tmp_path, examples=[example])
    with pytest.raises(InputError, match="takes text"):
        page(codes(), tmp_path, vocabulary="abc", examples=[3])
