"""Inputs out of NumPy's files: which array of a file is which input of a model."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..graph.shapes import fits
from .notices import notice

if TYPE_CHECKING:
    import numpy as np

    from ..graph.graph import TensorSpec

SUFFIXES = (".npy", ".npz")


def split_key(given: Path) -> tuple[Path, str | None]:
    """FILE.npz:KEY -> the file and the key; any other path, also of a file that is called so -> the path and None."""
    found = re.fullmatch(r"(.*\.npz):(.+)", str(given), re.I | re.S)
    return (Path(found[1]), found[2]) if found and not given.exists() else (given, None)


def read_arrays(path: Path, specs: Sequence[TensorSpec], key: str | None) -> dict[str, np.ndarray]:
    """Arrays by input name, with a batch axis, out of a .npy or .npz file; a .npy is mapped. Raises InputError.

    key: which array of an .npz is the input; None: its only one, or those that bear the inputs' names.
    """
    import numpy as np

    from ..run.inputs import numpy_file

    def load(read: Callable[[], Any]) -> Any:
        with numpy_file(path, "Give one that np.save or np.savez wrote"):
            return read()

    data = load(lambda: np.load(path, mmap_mode="r", allow_pickle=False))
    if isinstance(data, np.ndarray):
        if len(specs) > 1:
            raise InputError(f"{path}: holds one array; the model takes {describe_specs(specs)}. Give a .npz file")
        return {specs[0].name: with_batch(path, data, specs[0])}
    with data:
        keys = chosen(path, data.files, specs, key)
        found = [load(partial(data.__getitem__, name)) for name in keys]
    return {spec.name: with_batch(path, array, spec) for spec, array in zip(specs, found, strict=True)}


def chosen(path: Path, held: Sequence[str], specs: Sequence[TensorSpec], key: str | None) -> list[str]:
    """The keys of an .npz for the inputs of a model, in their order. Raises InputError where there is a choice left."""
    names = [spec.name for spec in specs]
    has = f"{path}: holds {', '.join(held) or 'nothing'}"
    if key is not None:
        if len(specs) > 1:
            raise InputError(f"{path}: key {key!r} names one array; the model takes {describe_specs(specs)} by name")
        if key not in held:
            close = difflib.get_close_matches(key, held, 1)
            raise InputError(f"{has}; no {key!r}{f' (did you mean {close[0]!r}?)' if close else ''}")
        return [key]
    if len(names) == len(held) == 1:
        return list(held)
    missing = [name for name in names if name not in held]
    if not missing:
        if left := [name for name in held if name not in names]:
            notice(f"{path}: {', '.join(names)} taken, {', '.join(left)} left")
        return names
    if len(specs) == 1 and held:
        raise InputError(f"{has}: which is the input {names[0]!r}? Give {path}:{held[0]}, or --key {held[0]}")
    raise InputError(f"{has}; the model takes {describe_specs(specs)}: {', '.join(missing)} is missing")


def with_batch(path: Path, array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """The array, with the axes of the batch and of one channel added where only these are missing."""
    sample, shape = spec.shape[1:], array.shape
    plain = sample[:-1] if len(sample) > 1 and sample[-1] == 1 else None  # a sample without its one channel
    if fits(shape, sample):
        added, how = array[None], "one sample"
    elif plain and fits(shape[1:], plain):
        added, how = array[..., None], f"{shape[0]} samples of one channel"
    elif plain and fits(shape, plain):
        added, how = array[None, ..., None], "one sample of one channel"
    else:
        return array
    notice(f"{path}: shape {shape} for input {spec.name}, taken as {how}")
    return added


def describe_specs(specs: Sequence[TensorSpec]) -> str:
    """Names and shapes of inputs for a message."""
    from ..graph.shapes import shape_text

    return ", ".join(f"{spec.name} {shape_text(spec.shape)}" for spec in specs)
