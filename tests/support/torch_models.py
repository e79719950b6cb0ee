"""The models that tests/golden/make_torch.py made, with onnxruntime's outputs."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
from support.archives import unpack

ARCHIVE = Path(__file__).parents[1] / "golden" / "torch.tar.xz"


def names() -> list[str]:
    """What is in the archive: model and exporter."""
    with tarfile.open(ARCHIVE) as archive:
        return sorted(Path(name).stem for name in archive.getnames() if name.endswith(".onnx"))


def unpacked(place: Path) -> Path:
    """The folder of them all, in another."""
    unpack(ARCHIVE, place)
    return place / "torch"


def samples(folder: Path, name: str) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """The inputs of a model by name, and its outputs."""
    with np.load(folder / f"{name}.npz") as told:
        outputs = [told[f"out{k}"] for k in range(sum(key.startswith("out") for key in told))]
        return {key: told[key] for key in told if not key.startswith("out")}, outputs
