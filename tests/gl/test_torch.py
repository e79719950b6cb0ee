"""Small models as both exporters of PyTorch write them, through the shaders, against onnxruntime's outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import shares, torch_models

import glnn

PUSHED = (
    "resnet-script", "unet-script", "detector-dynamo", "recurrent-script", "mixed-dynamo", "bert-dynamo", "gpt2-dynamo",
    "llama-dynamo", "vit-script",
)  # fmt: skip
PARAMS = [
    pytest.param(name, id=name, marks=[] if name in PUSHED else [pytest.mark.whole]) for name in torch_models.names()
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return torch_models.unpacked(tmp_path_factory.mktemp("torch"))


def agree(made: dict[str, np.ndarray], expected: list[np.ndarray], tolerance: float = 1e-3) -> None:
    for got, want in zip(made.values(), expected, strict=True):
        assert got.shape == want.shape and got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=0.01 * tolerance * max(1, np.abs(want).max()))


@pytest.mark.parametrize("name", shares.kept(PARAMS))
def test_model(folder: Path, name: str, device: glnn.Device) -> None:
    inputs, outputs = torch_models.samples(folder, name)
    with glnn.Model.load(folder / f"{name}.onnx", device=device) as model:
        agree(model.predict(inputs), outputs)


@pytest.mark.parametrize("name", ["unet-script", "recurrent-script", "bert-script"])
def test_other_sizes(folder: Path, name: str, device: glnn.Device) -> None:
    """Sizes that the file leaves free: as onnxruntime has them, whichever came before."""
    runtime = pytest.importorskip("onnxruntime")
    path = folder / f"{name}.onnx"
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs, _ = torch_models.samples(folder, name)
    with glnn.Model.load(path, device=device) as model:
        for count in (1, 4, 2):
            given = {key: np.concatenate([x] * count)[:count] for key, x in inputs.items()}
            given = {key: x[:, :-2] if x.ndim < 4 else x[..., :-5, :-3] for key, x in given.items()}
            agree(model.predict(given), session.run(None, given))


@pytest.mark.parametrize("name", ["unet-script", "conv1d-dynamo"])
def test_compared_with_channels_last(folder: Path, device: glnn.Device, name: str) -> None:
    """A tensor of the file that the graph holds twice, with axes in two orders."""
    pytest.importorskip("onnxruntime")
    inputs, _ = torch_models.samples(folder, name)
    with glnn.Model.load(folder / f"{name}.onnx", device=device) as model:
        report = model.compare(inputs, "onnxruntime", verbose=0)
    assert report and sum(row.reference != "numpy" for row in report.layers) > 3, report


@pytest.mark.parametrize("reference", ["numpy", "onnxruntime"])
def test_sums_that_cancel_are_no_fault(folder: Path, device: glnn.Device, reference: str) -> None:
    """The means of what norms made are nearly 0: NumPy's own sums happen to lose nothing there."""
    if reference == "onnxruntime":
        pytest.importorskip("onnxruntime")
    inputs, _ = torch_models.samples(folder, "bert-dynamo")
    with glnn.Model.load(folder / "bert-dynamo.onnx", device=device) as model:
        report = model.compare(inputs, reference, verbose=0)
    assert report and report.guilty == () and len(report.layers) > 35, report


def test_saved_quantized_and_compared(folder: Path, tmp_path: Path, device: glnn.Device) -> None:
    """A transformer whose sizes are free: its codes in a file, and its nodes beside onnxruntime's."""
    inputs, outputs = torch_models.samples(folder, "gpt2-dynamo")
    with glnn.Model.load(folder / "gpt2-dynamo.onnx", device=device) as model:
        report = model.compare(inputs, "onnxruntime")
        assert report, report
        with model.quantize("uint8", calibrate=inputs) as small:
            assert small.report is not None and 0 < small.report.outputs[0].drift < 0.05
            quantized = small.predict(inputs)
            small.save(tmp_path / "small.glnn")
        model.save(tmp_path / "whole.glnn")
    assert (tmp_path / "small.glnn").stat().st_size < 0.7 * (tmp_path / "whole.glnn").stat().st_size
    with glnn.Model.load(tmp_path / "small.glnn", device=device) as again:
        for name, got in again.predict(inputs).items():
            np.testing.assert_array_equal(got, quantized[name])
    with glnn.Model.load(tmp_path / "whole.glnn", device=device) as again:
        agree(again.predict(inputs), outputs)
