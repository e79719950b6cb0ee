"""Host steps: what `glnn check`, `summary()`, `host=False` and exports name, and what a run truly reads back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.cli import main
from glnn.errors import UnsupportedError
from glnn.formats import load

parser = pytest.importorskip("onnx.parser")

ONE = "one = Constant<value = int32 {1}>()"
BRANCHES = """
    most = ReduceMax<keepdims = 0>(a)  goes = Greater(most, limit)
    y = If(goes)<then_branch = yes () => (float[N] p) {{ p = {inner}(a) }},
                 else_branch = no () => (float[N] q) {{ q = Identity(a) }}>"""
CASES = {
    # bits of wide types, of what is computed and of inputs
    "and": ("(int32[3] x) => (int32[3] y)", f"{ONE} a = Add(x, one) y = BitwiseAnd(a, one)", ["BitwiseAnd"]),
    "or": ("(int64[3] x, int64[3] z) => (int64[3] y)", "y = BitwiseOr(x, z)", ["BitwiseOr"]),
    "not": ("(uint32[N] x) => (uint32[N] y)", "y = BitwiseNot(x)", ["BitwiseNot"]),
    "shift": ("(uint64[3] x, uint64[3] z) => (uint64[3] y)", 'y = BitShift<direction = "LEFT">(x, z)', ["BitShift"]),
    "cast": ("(float[3] x) => (int32[3] y)", "a = Neg(x) y = BitCast<to = 6>(a)", ["BitCast"]),
    "narrow": ("(int8[3] x, int8[3] z) => (int8[3] y)", "y = BitwiseXor(x, z)", []),
    "narrow free": ("(int8[N, M] x, int8[N, M] z) => (int8[N, M] y)", "y = BitwiseXor(x, z)", []),
    # values that are read back for shapes, choices and places
    "shape": ("(float[6] x, int64[2] s) => (float[A, B] y)", "t = Abs(s) u = Neg(t) v = Neg(u) y = Reshape(x, v)",
              ["Reshape"]),
    "given": ("(float[6] x, int64[2] s) => (float[A, B] y)", "y = Reshape(x, s)", []),
    "compress": ("(float[6] x) => (float[A] y)", "z = Constant<value = float {0}>() c = Greater(x, z) "
                 "y = Compress(x, c)", ["Compress"]),
    # one behind the other, and in bodies
    "two": ("(float[N] x) => (int64[A, B] y, int64[C] z)", "a = Neg(x) i = NonZero(a) y = Transpose(i) z = Unique(y)",
            ["NonZero", "Unique"]),
    "if": ("(float[N] x) => (float[N] y)", "limit = Constant<value = float {0}>() a = Neg(x)"
           + BRANCHES.format(inner="Abs"), ["If"]),
    "in a branch": ("(float[N] x) => (float[N] y)", "limit = Constant<value = float {0}>() a = Neg(x)"
                    + BRANCHES.format(inner="Unique"), ["If", "Unique"]),
    # what is known beforehand
    "sizes": ("(float[N, 2] x) => (int64[A, B] y)", "s = Shape(x) o = ConstantOfShape<value = int64[1] {1}>(s) "
              "y = NonZero(o)", []),
    "known": ("(float[N] x) => (float[N] y)", "k = Constant<value = float[2] {0, 3}>() i = NonZero(k) "
              "f = Cast<to = 1>(i) m = ReduceMax<keepdims = 0>(f) y = Add(x, m)", []),
}  # fmt: skip


def file(folder: Path, ends: str, calls: str) -> Path:
    text = f'<ir_version: 11, opset_import: ["" : 26]> agraph {ends} {{ {calls} }}'
    (folder / "m.onnx").write_bytes(parser.parse_model(text).SerializeToString())
    return folder / "m.onnx"


def operators(steps: list[str]) -> list[str]:
    return [step.rpartition("(")[2].rstrip(")") for step in steps]


@pytest.mark.parametrize("name", CASES)
def test_steps_are_named(name: str, tmp_path: Path, capsys: Any) -> None:
    ends, calls, expected = CASES[name]
    path = file(tmp_path, ends, calls)
    assert main(["check", str(path), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert operators(about["host_steps"]) == expected
    if not expected:
        load(path, host=False)
        return
    with pytest.raises(UnsupportedError) as told:
        load(path, host=False)
    assert operators([item for item in told.value.items if item.startswith("host step ")]) == expected
    with glnn.Model.load(path, device=glnn.Device("numpy")) as model:
        assert all(step in str(model.summary()) for step in about["host_steps"])
        with pytest.raises(UnsupportedError, match=rf"\({expected[0]}\)"):
            model.export_web(tmp_path / "site")


@pytest.mark.parametrize("name", ["and", "two", "compress", "shape"])
def test_a_run_reads_what_is_named(name: str, tmp_path: Path) -> None:
    """The stages of a run ask at the calls that were named before."""
    ends, calls, expected = CASES[name]
    graph = load(file(tmp_path, ends, calls))
    staging: Any = graph.staging
    given = {s.name: np.array([2, 3] if s.name == "s" else range(6), s.dtype) for s in staging.inputs}
    asked, answers = [], dict[str, Any]()
    while True:
        stage = staging.stage(given, answers)
        if not stage.wants:
            break
        asked.append(stage.asks)
        answers |= {name: np.array([2, 3] if name == "v" else range(6), np.float32) for name in stage.wants}
    assert asked == staging.hosts[: len(asked)] and asked


@pytest.mark.parametrize("size", ["2", "N"])
def test_types_are_told(size: str, tmp_path: Path, capsys: Any) -> None:
    ends = f"(int64[{size}, 3] x, float16[{size}, 3] z) => (int64[{size}, 3] y, bool flag, float[{size}, 3] f)"
    calls = "y = Neg(x) f = Cast<to = 1>(z) m = ReduceMax<keepdims = 0>(f) flag = Cast<to = 9>(m)"
    path = file(tmp_path, ends, calls)
    assert main(["check", str(path), "--json"]) == 0
    types = json.loads(capsys.readouterr().out)["types"]
    assert types == {
        "inputs": {"x": "int64", "z": "float16"},
        "outputs": {"y": "int64", "flag": "bool", "f": "float32"},
    }
    assert main(["check", str(path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    size = size.replace("N", "?")
    for words in (f"input x ({size}, 3) int64", f"input z ({size}, 3) float16", "output flag () bool"):
        assert words.split() in lines


def test_an_output_of_any_shape(tmp_path: Path, capsys: Any) -> None:
    path = file(tmp_path, "(int32[3] x) => (int32 y)", "y = Unique(x)")
    onnx = pytest.importorskip("onnx")
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)
    assert main(["check", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"] == {"y": None}
    assert main(["check", str(path)]) == 0
    assert "(...) int32" in capsys.readouterr().out
