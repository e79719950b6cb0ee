"""Files with layers of the user's own, held to Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.keras_files import draw

from glnn.formats import load
from glnn.graph.reference import run


def same(model: Any, path: Any, **objects: Any) -> None:
    """The file agrees with Keras, in NumPy, on samples of the model's shape."""
    graph = load(path, custom_objects=objects["objects"])
    x = draw(3, *graph.inputs[0].shape[1:])
    (y,) = run(graph, {graph.inputs[0].name: x}).values()
    np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
