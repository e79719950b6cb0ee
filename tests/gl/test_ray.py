"""The recipe for Ray Data with two workers: all pictures once, whatever dies, and broken ones by name."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.mortal import Mortal

import glnn

ray = pytest.importorskip("ray", reason="Ray has no wheels for this Python: pip install 'glnn[ray]' elsewhere")
pytest.importorskip("ray.data")
COUNT = 300


@pytest.fixture(scope="module")
def recipe(root: Path) -> Iterator[Any]:
    """examples/ray_folder.py, in a Ray of two cores, with blocks of 50 pictures."""
    environment = {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error",
        object_store_memory=100 << 20, runtime_env={"env_vars": environment},
    )  # fmt: skip
    ray.data.DataContext.get_current().enable_progress_bars = False
    spec = importlib.util.spec_from_file_location("ray_folder", root / "examples" / "ray_folder.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.BLOCK = 50
    yield module
    ray.shutdown()


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits as pictures, the 8th of them broken."""
    from PIL import Image

    place = tmp_path_factory.mktemp("pictures")
    for k, image in enumerate(np.load(root / "examples" / "digits_heldout.npz")["images"][:COUNT]):
        Image.fromarray((image * 15.9).astype(np.uint8)).save(place / f"{k:03}.png")
    (place / "007.png").write_bytes(b"no picture")
    return place


def test_a_worker_that_dies_loses_nothing_and_a_broken_picture_is_named(
    recipe: Any, folder: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as parquet

    marker = tmp_path / "died"

    class Mine(Mortal):
        def __init__(self, path: str, **options: Any):
            super().__init__(path, marker=marker, at="130.png", **options)

    monkeypatch.setattr(glnn, "Predictor", Mine)
    paths = recipe.pictures_in(folder)
    out = tmp_path / "out.parquet"
    failed = dict(
        recipe.written(
            recipe.predicted(str(root / "examples" / "digits.h5"), paths, scale="unit", batch_size=16), str(out)
        )
    )
    assert marker.read_text() == "1", "Ray no longer says a worker's cores in OMP_NUM_THREADS"
    assert [*failed] == [str(folder / "007.png")] and "007.png: not an image" in failed[str(folder / "007.png")]
    table = parquet.read_table(out).to_pydict()
    assert sorted(table["path"]) == paths and len(paths) == COUNT
    place = {path: row for path, row in zip(table["path"], table["digit"], strict=True)}
    assert np.isnan(place[str(folder / "007.png")]).all()
    good = [path for path in paths if not path.endswith("007.png")]
    with glnn.Model.load(root / "examples" / "digits.h5") as model:
        expected = model.predict(glnn.image.read(good, 8, 1, "unit"))
    np.testing.assert_allclose([place[path] for path in good], expected, atol=1e-6)


def test_arrays_by_column(recipe: Any, root: Path) -> None:
    images = np.load(root / "examples" / "digits_heldout.npz")["images"][:64, ..., None].astype(np.float32) / 16
    rows = ray.data.from_numpy(images).map_batches(
        glnn.Predictor, fn_constructor_args=(str(root / "examples" / "digits.h5"),),
        compute=ray.data.ActorPoolStrategy(size=1), num_cpus=1, batch_size=32,
    )  # fmt: skip
    with glnn.Model.load(root / "examples" / "digits.h5") as model:
        np.testing.assert_allclose(
            np.stack([row["digit"] for row in rows.take_all()]), model.predict(images), atol=1e-6
        )
