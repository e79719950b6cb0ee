"""ONNX models that take and give sequences of tensors, and values that may be left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.errors import GraphError, InputError, UnsupportedError

parser = pytest.importorskip("onnx.parser")
HEAD = '<ir_version: 8, opset_import: ["" : 18]>\nagraph '
LISTS = """(seq(float[N, 2]) q, float[2] x) => (seq(float[N, 2]) r, float[M, 2] y, int64 n) {
    e = SequenceEmpty<dtype = 1>()
    first = Constant<value = int64 {0}>()
    a = SequenceAt(q, first)
    b = Add(a, x)
    r = SequenceInsert(q, b)
    y = ConcatFromSequence<axis = 0>(r)
    n = SequenceLength(q)
}"""


def saved(text: str, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(parser.parse_model(HEAD + text).SerializeToString())
    return path


def test_sequences_go_in_and_come_out(tmp_path: Path) -> None:
    q, x = [np.ones((1, 2), np.float32), np.full((3, 2), 2, np.float32)], np.array([1, 2], np.float32)
    with glnn.Model.load(saved(LISTS, tmp_path), device=glnn.Device("numpy")) as model:
        model.save(tmp_path / "model.glnn")
        made = model.predict({"q": q, "x": x})
        with pytest.raises(InputError, match="'q': ndarray was given; a list of arrays is needed"):
            model.predict({"q": x, "x": x})
        with pytest.raises(UnsupportedError, match="input 'q', sequence of float32"):
            model.graph.staging.fixed({"q": (1, 2), "x": (2,)})
    with glnn.Model.load(tmp_path / "model.glnn", device=glnn.Device("numpy")) as model:
        again = model.predict({"q": q, "x": x})
    for result in (made, again):
        assert [one.shape for one in result["r"]] == [(1, 2), (3, 2), (1, 2)] and result["n"] == 2
        np.testing.assert_array_equal(result["y"], np.concatenate([*q, q[0] + x]))


def test_what_may_be_left_out(tmp_path: Path) -> None:
    text = """(optional(float[2]) x) => (bool y) { y = OptionalHasElement(x) }"""
    with glnn.Model.load(saved(text, tmp_path), device=glnn.Device("numpy")) as model:
        assert model.predict({"x": np.zeros(2, np.float32)})["y"]
        assert not model.predict({"x": None})["y"]


@pytest.mark.parametrize(("call", "told"), [
    ("Transpose<perm = [0, 0]>(x)", "perm"), ("Gather<axis = 5>(x, k)", "axis 5"), ("Concat<axis = 2>(x, x)", "axis 2"),
    ("Pad<mode = \"mirror\">(x, k4)", "mode 'mirror'"),
    ("Pad(x, k)", "2 pads; 4 are needed"), ("Tile(x, k4)", "4 repeats"),
    ("Resize<mode = \"lanczos\">(x, , , k)", "mode 'lanczos'"), ("Resize(x)", "neither sizes nor scales"),
    ("ScatterND<reduction = \"mean\">(x, k, x)", "reduction 'mean'"), ("CenterCropPad<axes = [7]>(x, k)", "axis 7"),
    ("DepthToSpace<blocksize = 2>(x)", "images"),
    ("Expand(x, k4)", "do not broadcast"), ("Slice(x, k, k, k, zeros)", "step"),
])  # fmt: skip
def test_what_an_operator_cannot_do_is_told(call: str, told: str, tmp_path: Path) -> None:
    """By the node's name, in words."""
    text = f"""(float[3, 5] x) => (float[N] y) {{
        k = Constant<value = int64[2] {{0, 1}}>()
        k4 = Constant<value = int64[4] {{2, 2, 2, 2}}>()
        zeros = Constant<value = int64[2] {{0, 0}}>()
        y = {call}
    }}"""
    with pytest.raises(GraphError, match="node '") as error:
        load(saved(text, tmp_path))
    assert told in str(error.value)


def load(path: Path) -> Any:
    with glnn.Model.load(path, device=glnn.Device("numpy")) as model:
        return model.predict(np.zeros((3, 5), np.float32))
