"""What a demo is, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from support.networks import randomise

import glnn

DEMOS: dict[str, Demo] = {}
Inputs = dict[str, np.ndarray]


def seeded(keras: Any, build: Callable[[Any], Any]) -> Any:
    """What a function builds, with seeded weights. Keras' own are 0: it would compile a program for each shape."""
    kinds = (keras.initializers.VarianceScaling, keras.initializers.RandomUniform, keras.initializers.Orthogonal)

    def zeros(self: Any, shape: Any, dtype: Any = None, **more: Any) -> Any:
        return keras.ops.zeros(shape, dtype)

    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(patch.object(kind, "__call__", zeros))
        model = randomise(build(keras), seed=5)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    return model


@dataclass(frozen=True)
class Demo:
    """A model of Keras by name. inputs: shapes by input name; with "words=N" in front they are whole numbers below N.

    suffix:  the file that it is saved as
    objects: what glnn is told of code that is not in the file
    exact:   outputs, by number, that must be equal: places and the like
    """

    build: Callable[[Any], Any]
    inputs: Mapping[str, tuple[int, ...]]
    suffix: str = ".keras"
    below: Mapping[str, int] = field(default_factory=dict)
    objects: Mapping[str, Any] = field(default_factory=dict)
    exact: tuple[int, ...] = ()

    def model(self, keras: Any) -> Any:
        """The model of Keras, the same each time."""
        return seeded(keras, self.build)

    def saved(self, model: Any, folder: Path) -> Path:
        path = folder / f"demo{self.suffix}"
        model.save(path)
        return path

    def values(self, batch: int) -> Inputs:
        """Inputs of a batch: float32 in -1..1, or whole numbers."""
        rng, made = np.random.default_rng(11), {}
        for name, shape in self.inputs.items():
            if name in self.below:
                made[name] = rng.integers(0, self.below[name], (batch, *shape)).astype(np.int32)
            else:
                made[name] = rng.uniform(-1, 1, (batch, *shape)).astype(np.float32)
        return made

    def load(self, path: Any, device: glnn.Device | None = None) -> glnn.Model:
        """The saved model in glnn."""
        return glnn.Model.load(path, device=device, custom_objects=self.objects)


def demo(name: str, inputs: Mapping[str, tuple[int, ...]], **options: Any) -> Callable[..., Any]:
    """Decorator: puts a function that builds a model into DEMOS."""

    def add(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
        DEMOS[name] = Demo(build, inputs, **options)
        return build

    return add
