"""What the command line reads: inputs and names of classes from files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from ..graph.graph import TensorSpec


def read_labels(path: Path) -> list[str]:
    """The lines of a text file. Raises InputError."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--labels {path}: {error}. Give a text file with one name a line") from error


def read_input(
    path: Path, specs: Sequence[TensorSpec], scale: str = "raw", **picture: Any
) -> np.ndarray | dict[str, np.ndarray]:
    """The input of a model from a file: an array with a batch axis, or arrays by input name. Raises InputError.

    scale and picture: how an image is prepared, see glnn.image.read.
    """
    import numpy as np

    from ..image import SUFFIXES, read

    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        spec = specs[0]
        if len(specs) > 1 or len(spec.shape) != 4:
            raise InputError(f"{path}: the model takes {describe_specs(specs)}, not one image. Give a .npz file")
        _, height, width, channels = spec.shape
        return read([path], (height, width), channels, scale, note=notice, **picture)
    if suffix not in (".npy", ".npz"):
        raise InputError(f"{path}: the input may be .npy, .npz, {', '.join(SUFFIXES)}, not {suffix or 'no suffix'}")
    try:
        data = np.load(path, allow_pickle=False)
        arrays = {"": data} if isinstance(data, np.ndarray) else {key: data[key] for key in data.files}
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except Exception as error:  # NumPy raises many kinds for a broken file
        raise InputError(f"{path}: not a NumPy file that can be read ({error})") from error
    if len(specs) == 1 and len(arrays) == 1:
        return with_batch(next(iter(arrays.values())), specs[0])
    missing = [spec.name for spec in specs if spec.name not in arrays]
    if missing:
        has = ", ".join(key or "one array without a name" for key in arrays) or "nothing"
        raise InputError(
            f"{path}: holds {has}; the model takes {describe_specs(specs)}: {', '.join(missing)} is missing"
        )
    return {spec.name: with_batch(arrays[spec.name], spec) for spec in specs}


def read_inputs(
    paths: Sequence[Path], specs: Sequence[TensorSpec], scale: str = "raw", **picture: Any
) -> dict[str, np.ndarray]:
    """Samples by input name out of one file after another, see `read_input`. Raises InputError."""
    import numpy as np

    parts: list[dict[str, np.ndarray]] = []
    for path in paths:
        x = read_input(path, specs, scale, **picture)
        parts.append(x if isinstance(x, dict) else {specs[0].name: x})
    joined: dict[str, np.ndarray] = {}
    for spec in specs:
        arrays = [part[spec.name] for part in parts]
        for path, array in zip(paths, arrays, strict=True):
            if array.shape[1:] != arrays[0].shape[1:] or not array.ndim:
                raise InputError(
                    f"{path}: samples of shape {array.shape[1:]}, those of {paths[0]} have {arrays[0].shape[1:]}. "
                    "Give samples of one shape"
                )
        joined[spec.name] = np.concatenate(arrays)
    return joined


def with_batch(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """The array, with a batch axis of 1 in front where only that is missing."""
    if array.ndim != len(spec.shape) - 1:
        return array
    notice(f"input {spec.name} has shape {array.shape}: taken as one sample")
    return array[None]


def describe_specs(specs: Sequence[TensorSpec]) -> str:
    """Names and shapes of inputs for a message."""
    from ..graph.shapes import shape_text

    return ", ".join(f"{spec.name} {shape_text(spec.shape)}" for spec in specs)


def notice(text: str) -> None:
    """A line for the person, apart from the output."""
    print(f"glnn: note: {text}", file=sys.stderr)
