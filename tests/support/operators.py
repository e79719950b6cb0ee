"""Models of one operator, made with Keras 3, and the values that go in."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from cases.operators import Case


def shape_of(shape: Any) -> tuple[tuple[int, ...], str]:
    """A shape without the kind of values behind it, and that kind."""
    return (shape[:-1], shape[-1]) if isinstance(shape[-1], str) else (shape, "")


def inputs(case: Case, batch: int) -> list[np.ndarray]:
    """Values for a case, seeded by its name."""
    rng = np.random.default_rng(zlib.crc32(case[0].encode()))
    made = []
    for given in case[1]:
        shape, kind = shape_of(given)
        x = rng.normal(size=(batch, *shape))
        x = {"whole": np.rint(x * 2).clip(-3, 3), "rows": rng.integers(0, 3, x.shape), "positive": abs(x) + 0.1}.get(
            kind, x
        )
        made.append(np.asarray(x, np.float32))
    return made


def told(shape: tuple[int, ...], kind: str) -> tuple[int | None, ...]:
    """The sizes that the model knows: "free" says of channels alone."""
    return (*[None] * (len(shape) - 1), shape[-1]) if kind == "free" else shape


def model(keras: Any, case: Case) -> Any:
    """The case as a functional model, between two that are layers."""
    xs = [keras.Input(told(*shape_of(shape)), name=f"x{k}") for k, shape in enumerate(case[1])]
    return keras.Model(xs, case[2](keras.ops, *xs))


def saved(keras: Any, case: Case, folder: Path) -> Path:
    """The model's JSON as a file."""
    path = folder / "model.json"
    path.write_text(model(keras, case).to_json())
    return path


def answer(keras: Any, case: Case, xs: list[np.ndarray]) -> np.ndarray:
    """What Keras gives where it computes at once: what it reads back of models is not always what it wrote."""
    return np.asarray(case[2](keras.ops, *map(keras.ops.convert_to_tensor, xs))).astype(np.float64)
