"""Small models as both exporters of PyTorch write them, through the shaders, against onnxruntime's outputs.

tests/golden/make_torch.py made them.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
from support import shares

import glnn

ARCHIVE = Path(__file__).parents[1] / "golden" / "torch.tar.xz"
PUSHED = (
    "resnet-script", "unet-script", "detector-dynamo", "recurrent-script", "mixed-dynamo", "bert-dynamo", "gpt2-dynamo",
    "llama-dynamo", "vit-script",
)  # fmt: skip


def names() -> list[str]:
    with tarfile.open(ARCHIVE) as archive:
        return sorted(Path(name).stem for name in archive.getnames() if name.endswith(".onnx"))


PARAMS = [pytest.param(name, id=name, marks=[] if name in PUSHED else [pytest.mark.whole]) for name in names()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("torch")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(place, filter="data")
    return place / "torch"


@pytest.mark.parametrize("name", shares.kept(PARAMS))
def test_model(folder: Path, name: str, device: glnn.Device) -> None:
    with np.load(folder / f"{name}.npz") as told, glnn.Model.load(folder / f"{name}.onnx", device=device) as model:
        inputs = {key: told[key] for key in told if not key.startswith("out")}
        made = model.predict(inputs)
        for number, got in enumerate(made.values()):
            want = told[f"out{number}"]
            assert got.shape == want.shape and got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5 * max(1, np.abs(want).max()))
