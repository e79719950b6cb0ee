"""Models of keras.applications against Keras: three here, all of them in scripts/applications.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def applications(root: Path) -> Any:
    pytest.importorskip("keras")
    spec = importlib.util.spec_from_file_location("applications", root / "scripts" / "applications.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Three small ones on each push; then Normalization and swish, and the layers that applications bring along.
LARGER = [pytest.param(name, marks=pytest.mark.whole) for name in ("EfficientNetB0", "ConvNeXtTiny")]


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "MobileNetV3Small", *LARGER])
def test_a_model_agrees_with_keras(applications: Any, name: str) -> None:
    for row in applications.compared(name, ["h5", "memory"]):
        assert applications.well(row), row
        assert row["layers"] > 80 and 0 < row["error"] < 1e-4


def test_one_that_is_wrong_is_told(applications: Any) -> None:
    good = {"error": 1e-5, "finite": True}
    assert applications.well(good)
    for wrong in ({"error": 2e-3}, {"finite": False}, {"error": float("nan")}):
        assert not applications.well({**good, **wrong})
    row = {"model": "VGG16", "side": 32, "from": "h5", "failed": "no such layer"}
    assert not applications.well(row) and "FAILED no such layer" in applications.line(row)
