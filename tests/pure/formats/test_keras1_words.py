"""Models that Keras 1.2.2 saved (tests/golden/keras1/make.py), of layers that later ones do not have."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import glnn
from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run


@pytest.mark.parametrize("name", ["branches", "merged", "dense", "activations"])
def test_files_of_keras1_give_its_answers(root: Path, name: str) -> None:
    folder = root / "tests" / "golden" / "keras1"
    graph, answers = load(folder / f"{name}.h5"), np.load(folder / f"{name}.npz")
    inputs = {spec.name: answers[f"x{k}"] for k, spec in enumerate(graph.inputs)}
    made = run(graph, inputs)
    with glnn.Model.load(folder / f"{name}.h5", device=glnn.Device("numpy")) as model:
        drawn = model.predict(inputs, verbose=0)
    assert len(made) == sum(key.startswith("y") for key in answers)
    for k, (output, values) in enumerate(made.items()):
        other = drawn[output] if isinstance(drawn, dict) else drawn
        np.testing.assert_allclose(values, answers[f"y{k}"], rtol=1e-4, atol=1e-5, err_msg=output)
        np.testing.assert_allclose(other, answers[f"y{k}"], rtol=1e-4, atol=1e-5, err_msg=output)


def test_what_backends_compute_otherwise_is_refused_where_the_file_does_not_tell(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "activations.h5"
    path.write_bytes((root / "tests" / "golden" / "keras1" / "activations.h5").read_bytes())
    with h5py.File(path, "a") as file:
        del file.attrs["backend"]
    with pytest.raises(UnsupportedError, match="a negative a_left, which Theano cuts off"):
        load(path)
