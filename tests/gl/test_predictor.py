"""glnn.Predictor: columns and arrays, pictures that cannot be read, processes, what Spark and Dask call."""

from __future__ import annotations

import concurrent.futures
import importlib.util
import inspect
import multiprocessing
import os
import pickle
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.mortal import Mortal
from support.small_net import python

import glnn
from glnn import predictor
from glnn.errors import InputError, ModelFileError

ROOT = Path(__file__).parent.parent.parent
DIGITS = str(ROOT / "examples" / "digits.h5")
IMAGES = np.load(ROOT / "examples" / "digits_heldout.npz")["images"][:12, ..., None].astype(np.float32) / 16


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    with glnn.Model.load(DIGITS) as model:
        return model.predict(IMAGES)


@pytest.fixture(scope="module")
def digits() -> Any:
    made = glnn.Predictor(DIGITS)
    yield made
    made.close()


def test_it_is_small_and_its_copies_share_a_model(digits: glnn.Predictor, expected: np.ndarray) -> None:
    again = pickle.loads(pickle.dumps(digits))
    assert len(pickle.dumps(digits)) < 1000
    np.testing.assert_array_equal(again(IMAGES), digits(IMAGES))
    assert again.model is digits.model
    assert glnn.Predictor(DIGITS)._key != digits._key
    np.testing.assert_allclose(again(IMAGES), expected, atol=1e-6)


def test_nothing_is_loaded_before_the_first_call() -> None:
    code = f"import glnn, sys; p = glnn.Predictor({DIGITS!r}); print(*{{'moderngl', 'h5py'}} & set(sys.modules))"
    assert python(code).strip() == ""


def test_columns(digits: glnn.Predictor, expected: np.ndarray) -> None:
    made = digits({"image": IMAGES, "label": np.arange(12)})
    assert [*made] == ["label", "digit"] and (made["label"] == np.arange(12)).all()
    np.testing.assert_allclose(made["digit"], expected, atol=1e-6)
    assert [*digits({"pixels": IMAGES})] == ["digit"]  # one column alone
    named = glnn.Predictor(DIGITS, inputs="pixels")
    mapped = glnn.Predictor(DIGITS, inputs={"image": "pixels"})
    for other in (named, mapped):
        assert [*other({"pixels": IMAGES[:0], "label": np.arange(0)})] == ["label", "digit"]
        other.close()


@pytest.mark.parametrize(
    ("arguments", "batch", "said"),
    [
        ({}, {"a": 0, "b": 0}, r"columns \['a', 'b'\]; \['image'\] are missing.*'image' \(None, 8, 8, 1\).*inputs="),
        ({"inputs": "c"}, {"a": 0}, r"\['c'\] are missing"),
        ({"inputs": {"picture": "a"}}, {"a": 0}, r"inputs of .*: no argument picture; there are image"),
        ({}, {"image": IMAGES, "digit": 0}, r"columns \['digit'\] are outputs"),
        ({}, {"image": IMAGES[..., 0]}, r"'image'.*\(12, 8, 8\)"),
        ({"pictures": {"scale": "unit"}}, {"image": ["x.png"], "error": 0}, r"columns \['error'\] are outputs"),
    ],
)
def test_a_wrong_batch_is_told(arguments: dict[str, Any], batch: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        glnn.Predictor(DIGITS, **arguments)(batch)


def test_several_arrays_for_one_input(digits: glnn.Predictor) -> None:
    with pytest.raises(InputError, match=r"2 arrays were given; .*'image'"):
        digits(IMAGES, IMAGES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"draw_bufers": 4}, "glnn.Predictor: no argument draw_bufers; there are index, max_texture_size"),
        ({"load": {"device": None}}, "load: no argument device; there are weights"),
        ({"pictures": {"size": 8}}, "pictures: no argument size; there are scale"),
        ({"pictures": {"scale": "half"}}, "'half' is none of raw"),
        ({"threads": 0}, "threads=0"),
    ],
)
def test_wrong_arguments_are_told_at_once(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        glnn.Predictor(DIGITS, **arguments)


def test_a_missing_file_is_told_by_the_worker() -> None:
    with pytest.raises(ModelFileError, match="nowhere.h5"):
        glnn.Predictor("nowhere.h5")(IMAGES)


def test_broken_pictures_are_named_and_stop_nothing(expected: np.ndarray, tmp_path: Path) -> None:
    from PIL import Image

    paths = []
    for k, image in enumerate(IMAGES):
        paths.append(str(tmp_path / f"{k}.png"))
        Image.fromarray((image[..., 0] * 255).astype(np.uint8)).save(paths[-1])
    whole = (tmp_path / "3.png").read_bytes()
    (tmp_path / "3.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "5.png").unlink()
    reader = glnn.Predictor(DIGITS, pictures={"scale": "unit"}, inputs="path")
    made = reader({"path": np.array(paths), "k": np.arange(12)})
    assert [*made] == ["path", "k", "digit", "error"]
    assert (
        np.flatnonzero(made["error"] != "").tolist() == [3, 5] == np.flatnonzero(np.isnan(made["digit"][:, 0])).tolist()
    )
    assert "3.png" in made["error"][3] and "5.png: no such file" in made["error"][5]
    good = [k for k in range(12) if k not in (3, 5)]
    np.testing.assert_allclose(made["digit"][good], expected[good], atol=0.02)  # of 8 bits
    raw = reader([Path(paths[0]).read_bytes(), b"no picture"])  # bytes come back as no column of paths would
    assert [*raw] == ["digit", "error"] and raw["error"][0] == "" and "not an image" in raw["error"][1]
    np.testing.assert_array_equal(raw["digit"][0], made["digit"][0])
    assert np.isnan(reader(["none.png"])["digit"]).all()  # of a batch without a single good one
    reader.close()


def test_a_process_keeps_few_models() -> None:
    many = [glnn.Predictor(DIGITS, index="numpy") for _ in range(predictor.KEPT + 2)]
    for one in many:
        assert one.model.device.renderer.startswith("NumPy")
    assert len(predictor._models) == predictor.KEPT and many[-1]._key in predictor._models
    for one in many:
        one.close()


def threads_of(one: glnn.Predictor) -> int:
    one(IMAGES)
    return len(
        [t for t in os.listdir("/proc/self/task") if "llvmpipe" in Path(f"/proc/self/task/{t}/comm").read_text()]
    )


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_pools_share_out_the_cores(expected: np.ndarray) -> None:
    """Two processes of a pool, told one core each and three: so many threads draw, and batches come back in order."""
    one, three = glnn.Predictor(DIGITS), glnn.Predictor(DIGITS, threads=3)
    context = multiprocessing.get_context("spawn")
    os.environ["OMP_NUM_THREADS"], before = "1", os.environ.get("OMP_NUM_THREADS")
    try:
        with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
            np.testing.assert_allclose(np.concatenate([*pool.map(one, [IMAGES[:5], IMAGES[5:]])]), expected, atol=1e-6)
            lone = pool.submit(threads_of, one).result(60)
        with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
            triple = pool.submit(threads_of, three).result(60)
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before
    if "llvmpipe" in one.model.device.renderer:
        assert (lone, triple) == (0, 3)
    one.close()


def test_a_pool_tries_the_batches_of_a_dead_worker_again(tmp_path: Path) -> None:
    from PIL import Image

    spec = importlib.util.spec_from_file_location("pool_folder", ROOT / "examples" / "pool_folder.py")
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    paths = [str(tmp_path / f"{k}.png") for k in range(12)]
    for path, image in zip(paths, IMAGES, strict=True):
        Image.fromarray((image[..., 0] * 255).astype(np.uint8)).save(path)
    mortal = Mortal(DIGITS, marker=tmp_path / "died", at="5.png", pictures={"scale": "unit"}, threads=1)
    made = [*recipe.in_order(mortal, ({"path": paths[at : at + 3]} for at in range(0, 12, 3)), 1)]
    assert mortal.marker.exists() and [path for part in made for path in part["path"]] == paths
    with pytest.raises(BrokenProcessPool):
        mortal.marker.unlink()
        [*recipe.in_order(mortal, [{"path": paths}], 1, deaths=0)]


def test_what_spark_calls(expected: np.ndarray) -> None:
    """pyspark.ml.functions.predict_batch_udf pickles a function, calls it on a worker and counts the parameters of
    what it gives; it calls that with an array for each column, and takes an array or a dict of arrays."""
    make = pickle.loads(pickle.dumps(glnn.Predictor(DIGITS).function))
    predict = make()
    assert len(inspect.signature(predict).parameters) == 1
    assert isinstance(predict(IMAGES), np.ndarray)
    np.testing.assert_allclose(predict(IMAGES), expected, atol=1e-6)
    make.__self__.close()


def test_blocks_of_dask(expected: np.ndarray) -> None:
    array = pytest.importorskip("dask.array", reason="Dask is not installed here")
    blocks = array.from_array(IMAGES, chunks=(5, 8, 8, 1))
    one = glnn.Predictor(DIGITS)
    made = blocks.map_blocks(one, dtype=np.float32, drop_axis=[1, 2, 3], new_axis=[1], chunks=(blocks.chunks[0], (10,)))
    np.testing.assert_allclose(made.compute(scheduler="threads"), expected, atol=1e-6)
    one.close()
