"""CompareReport.reproduce: a test of the guilty layer that fails with the fault and passes without, shrunk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.faulty import FAULTS, SHAPE, network, plant

import glnn
from glnn.errors import InputError
from glnn.graph.graph import Graph, Node, TensorSpec
from glnn.layers.core import Dense
from glnn.measure.compare.reproduce import literal
from glnn.measure.compare.shrink import Failure, shrunk
from glnn.model import Model
from glnn.show.reports.comparison import CompareReport

X = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype(np.float32)
LAYERS = ["conv", "bn", "prelu", "max_pool", "transposed", "average", "lstm", "residual", "gated", "digit"]


def run(path: Path) -> None:
    """The test in a file."""
    space: dict[str, Any] = {"__file__": str(path), "__name__": "reproduced"}
    exec(compile(path.read_text(), str(path), "exec"), space)
    (test,) = (value for name, value in space.items() if name.startswith("test_"))
    test()


def reproduced(
    layer: str, monkeypatch: pytest.MonkeyPatch, device: glnn.Device, tmp_path: Path
) -> tuple[Path, CompareReport]:
    with Model(network(), device) as model:
        report = model.compare(X, verbose=0)
        path = report.reproduce(layer, tmp_path)
    with pytest.raises(AssertionError, match="guilty"):
        run(path)
    return path, report


@pytest.mark.parametrize("layer", LAYERS)
def test_it_fails_with_the_fault_and_passes_without(
    layer: str, monkeypatch: pytest.MonkeyPatch, device: glnn.Device, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        plant(patch, *(fault for fault in FAULTS if fault.layer == layer))
        path, _ = reproduced(layer, monkeypatch, device, tmp_path)
    run(path)
    text = path.read_text()
    body = text.partition("def test_")[2].splitlines()
    assert path.name == f"test_{layer}.py" and len(body) <= 10 and len(text) < 1500
    assert path.with_suffix(".html").exists()
    assert "draws wrong: " in text and device.renderer in text and "from glnn.layers" in text


def test_sizes_options_and_values_are_shrunk(
    monkeypatch: pytest.MonkeyPatch, device: glnn.Device, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        plant(patch, *(fault for fault in FAULTS if fault.layer == "digit"))
        text = reproduced("digit", monkeypatch, device, tmp_path)[0].read_text()
    assert "(1, 1)" in text and "Dense(units=1)" in text  # of (2, 25) and 5 units


def test_shrinking_finds_the_one_value_that_matters() -> None:
    weights = {"kernel": np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32), "bias": np.ones(8, "f")}
    node = Node("d", Dense(8), ("x",), ("y",), weights)
    x = np.zeros((3, 16), np.float32)
    x[2, 5], x[0] = 7.25, 3.5

    def fails(failure: Failure) -> bool:
        return bool(failure.nodes) and bool(np.any(failure.inputs["x"] > 7))

    small = shrunk(Failure((node,), {"x": x}), fails)
    assert small.inputs["x"].shape == (1, 6) and np.count_nonzero(small.inputs["x"]) == 1
    assert small.nodes[0].layer == Dense(1) and small.nodes[0].weights["kernel"].shape == (6, 1)
    assert not np.any(small.nodes[0].weights["kernel"]) and small.graph.outputs == ("y",)


def test_what_is_fused_wrongly_keeps_all_its_layers(
    monkeypatch: pytest.MonkeyPatch, device: glnn.Device, tmp_path: Path
) -> None:
    optimize = glnn.passes.optimize  # type: ignore[attr-defined]

    def raised(node: Node) -> Node:
        return node.with_(weights={**node.weights, "bias": node.weights["bias"] + 1})

    def wrong(graph: Graph) -> Graph:
        made = optimize(graph)
        if len(graph.nodes) == 1:
            return made
        nodes = [raised(n) if n.label == "conv" else n for n in made.nodes]
        return made.with_(nodes=tuple(nodes))

    with monkeypatch.context() as patch:
        patch.setattr(glnn.passes, "optimize", wrong)  # type: ignore[attr-defined]
        path, report = reproduced("conv", monkeypatch, device, tmp_path)
        assert report.guilty == ("conv",)
    run(path)
    assert all(f"Node('{name}'" in path.read_text() for name in ("conv", "bn", "relu"))


def test_layers_that_no_python_says_are_saved_beside_it(
    monkeypatch: pytest.MonkeyPatch, device: glnn.Device, tmp_path: Path
) -> None:
    with Model(network(), device) as model, model.quantize("uint8", verbose=0) as small:  # in primitives
        node = next(n for n in small.layers if n.label == "digit")
        report = small.compare(X, verbose=0)
        assert report
    graph = Graph("one", (TensorSpec("x", (None, 25)),), (node.with_(inputs=("x",)),), node.outputs)
    with monkeypatch.context() as patch:
        patch.setattr("glnn.measure.compare.verdict.TIMES", 0.0)
        patch.setattr("glnn.measure.compare.verdict.ROUNDED", 0.0)
        with Model(graph, device) as model:
            path = model.compare(np.full((1, 25), 0.3, np.float32), verbose=0).reproduce("digit", tmp_path)
        assert (tmp_path / "digit.glnn").exists() and "Model.load" in path.read_text()
        first = [line for line in path.read_text().splitlines() if line.startswith(("import", "from"))]
        assert first == ["from pathlib import Path", "import numpy as np", "import glnn"]
        with pytest.raises(AssertionError, match="guilty"):
            run(path)
    run(path)


def test_of_a_program_there_is_the_page(monkeypatch: pytest.MonkeyPatch, device: glnn.Device, tmp_path: Path) -> None:
    """No file holds its kernels, so there is no test that could load them."""
    step = glnn.kernel("float kernel(float x, float gain) { return sin(x) * gain; }", name="step")

    @glnn.program(device=device)
    def run(x: Any) -> Any:
        for _ in glnn.steps(5):
            x = step(x, 0.7)
        return x

    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    with Model(run.graph(x), device) as model:
        assert model.compare(x, verbose=0)
        monkeypatch.setattr("glnn.measure.compare.verdict.TIMES", 0.0)
        monkeypatch.setattr("glnn.measure.compare.verdict.ROUNDED", 0.0)
        path = model.compare(x, verbose=0).reproduce("run", tmp_path)
    assert path == tmp_path / "test_run.html" and [*tmp_path.iterdir()] == [path]
    assert "sin(x) * gain" in path.read_text() and '"turns":[0]' in path.read_text()


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch, device: glnn.Device, tmp_path: Path) -> None:
    with monkeypatch.context() as patch:
        plant(patch, *(fault for fault in FAULTS if fault.layer == "joined"))
        with Model(network(), device) as model:
            report = model.compare(X, verbose=0)
            with pytest.raises(InputError, match="layer 'joined' draws right by itself"):
                report.reproduce("joined", tmp_path)
            with pytest.raises(InputError, match="layer 'gru' is not guilty in this report; 'joined'"):
                report.reproduce("gru", tmp_path)
            with pytest.raises(InputError, match="there is no folder"):
                report.reproduce("joined", tmp_path / "no")
    with pytest.raises(InputError, match="read, not measured"):
        CompareReport.from_json(report.to_json()).reproduce("joined", tmp_path)


def test_arrays_as_python() -> None:
    for array in (np.float32([[0.1, np.nan], [-np.inf, 3]]), np.zeros((2, 3), "f"), np.full((2,), 0.1, "f")):
        assert np.array_equal(eval(literal(array), {"np": np}), array, equal_nan=True)
    assert literal(np.zeros((2, 3), "f")) == "np.zeros((2, 3), np.float32)"
