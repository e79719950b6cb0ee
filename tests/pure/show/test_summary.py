"""The summary of a graph."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.shapes import Dims, shape_text
from glnn.layers.base import Layer
from glnn.model import Model
from glnn.show.summary import summary
from glnn.show.tables import table


@dataclass(frozen=True)
class Twice(Layer):
    """Two channels for each one."""

    def output_shape(self, *inputs: Dims) -> Any:
        return (*inputs[0][:-1], 2 * (inputs[0][-1] or 0))


def network(label: str = "block/a") -> Graph:
    weights = {"kernel": np.zeros((3, 6), np.float32)}
    nodes = (
        Node("a", Twice(), ("x",), ("t",), weights, label=label),
        Node("a_1", Twice(), ("x",), ("u",), weights, label=label),
    )
    return Graph("net", (TensorSpec("x", (None, 3)),), nodes, ("t", "u"), ("left", "right"))


def test_summary_counts_shared_weights_once() -> None:
    lines = summary(network()).splitlines()
    assert lines[0] == "Model: net"
    assert lines[3].split() == ["x", "Input", "(?,", "3)", "0"]
    assert lines[4].split() == ["block/a", "Twice", "(?,", "6)", "18", "x"]
    assert lines[-2] == "Outputs: left (?, 6), right (?, 6)"
    assert lines[-1].startswith("Parameters: 18 ")


def test_table_aligns_columns() -> None:
    assert table(("a", "n"), [("long", "1"), ("b", "200")], right=(1,)) == (
        "a       n\n----  ---\nlong    1\nb     200"
    )


def test_shape_text() -> None:
    assert [shape_text(s) for s in [(), (None,), (1, 2)]] == ["()", "(?,)", "(1, 2)"]


def test_a_summary_shows_itself_once_whatever_is_done_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    model, text = Model(network()), summary(network())
    model.summary()
    assert capsys.readouterr().out == text + "\n"
    print(model.summary())
    assert capsys.readouterr().out == text + "\n"
    kept = model.summary()
    assert str(kept) == repr(kept) == f"{kept}" == text
    del kept
    lines: list[str] = []
    assert model.summary(lines.append) is None and lines == [text]
    assert capsys.readouterr().out == ""


def test_a_notebook_shows_the_summary_as_html_and_not_as_text_too(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Model(network(label="<b>&")).summary()
    page = shown._repr_html_()  # type: ignore[union-attr]
    assert page.count("<tr>") == 4 and "&lt;b&gt;&amp;" in page and "Parameters: 18 " in page and "<b>&" not in page
    del shown
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("line", ["m.summary()", "print(m.summary())", "kept = m.summary(); print(kept)"])
def test_a_script_prints_the_summary_once(root: Path, line: str) -> None:
    code = f"import glnn; m = glnn.Model.load({str(root / 'examples' / 'digits.h5')!r}); {line}; print('end')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert done.stderr == "" and lines.count("Model: digits") == 1 and "None" not in lines and lines[-1] == "end"
