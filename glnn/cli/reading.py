"""What the command line reads: inputs and names of classes from files."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from .arrays import SUFFIXES as ARRAYS
from .arrays import describe_specs, read_arrays, split_key
from .notices import notice

if TYPE_CHECKING:
    import numpy as np

    from ..graph.graph import TensorSpec

PIECE = 1024  # samples that are read at once, at most
PIECE_BYTES = 8 << 20  # ... and bytes of them as float32: results of pictures should not keep one waiting


def read_labels(path: Path) -> list[str]:
    """The names in a text file. Raises InputError."""
    return read_lines(path, "--labels")


def read_lines(path: Path, option: str) -> list[str]:
    """The lines of a text file, empty ones at its end left out. Raises InputError."""
    return _read_text(path, option, "a text file with one name a line").rstrip().splitlines()


def read_example(path: Path, is_text: bool) -> Any:
    """An example of a page: the text of a file, an array, or the path of a picture. Raises InputError."""
    if is_text:
        return _read_text(path, "--example", "a text file").rstrip("\n")
    if path.suffix.lower() != ".npy":
        return path
    import numpy as np

    from ..run.inputs import numpy_file

    with numpy_file(f"--example {path}", "Give one sample, as np.save writes it"):
        return np.load(path, allow_pickle=False)


def _read_text(path: Path, option: str, wanted: str) -> str:
    """A text file. Raises InputError, which says what is wanted."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{option} {path}: {why}. Give {wanted}") from error


def read_input(
    path: Path, specs: Sequence[TensorSpec], scale: str = "raw", key: str | None = None, **picture: Any
) -> np.ndarray | dict[str, np.ndarray]:
    """The input of a model from a file: an array with a batch axis, or arrays by input name. Raises InputError.

    scale and picture: how an image is prepared, see glnn.image.read.
    """
    import numpy as np

    from ..image import SUFFIXES, picture_axes, read
    from ..image.prepare import LAST

    path, own_key = split_key(path)
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        spec = specs[0]
        if len(specs) > 1 or len(spec.shape) != 4:
            raise InputError(f"{path}: the model takes {describe_specs(specs)}, not one image. Give a .npz file")
        axes = picture_axes(spec.shape) or LAST
        height, width, channels = (spec.shape[axis] for axis in axes)
        pictures = read([path], (height, width), channels, scale, note=notice, **picture)
        return np.moveaxis(pictures, LAST, axes)
    if suffix not in ARRAYS:
        allowed = ", ".join((*ARRAYS, *SUFFIXES))
        raise InputError(f"{path}: the input may be {allowed}, not {suffix or 'without a suffix'}")
    arrays = read_arrays(path, specs, own_key or key)
    return arrays[specs[0].name] if len(specs) == 1 else arrays


class Piece(NamedTuple):
    """Samples of one file: where they come from, the first one's number, how many the file holds, float32 by input."""

    path: Path
    first: int
    total: int
    arrays: dict[str, np.ndarray]


def read_pieces(path: Path, specs: Sequence[TensorSpec], key: str | None, **picture: Any) -> Iterator[Piece]:
    """The samples of a file, checked against the model's inputs, a bounded number at once. Raises InputError."""
    import numpy as np

    from ..run.inputs import named_inputs

    x = read_input(path, specs, key=key, **picture)
    arrays = x if isinstance(x, dict) else {specs[0].name: x}
    totals = {name: len(a) if a.ndim else 0 for name, a in arrays.items()}
    if len(set(totals.values())) > 1:
        raise InputError(f"{path}: the inputs have different batch sizes: {totals}")
    total = next(iter(totals.values()))
    size = sum(4 * int(np.prod(a.shape[1:])) for a in arrays.values())
    step = specs[0].shape[0] or max(1, min(PIECE, PIECE_BYTES // max(1, size)))
    for first in range(0, max(1, total), step):
        try:
            part = named_inputs({name: a[first : first + step] if a.ndim else a for name, a in arrays.items()}, specs)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        yield Piece(path, first, total, part)


def read_inputs(
    paths: Sequence[Path],
    specs: Sequence[TensorSpec],
    key: str | None = None,
    see: Callable[[Piece], None] = lambda piece: None,
    **picture: Any,
) -> dict[str, np.ndarray]:
    """Samples by input name out of one file after another, all in memory; `see` hears of each. Raises InputError."""
    import numpy as np

    pieces = [piece for path in paths for piece in read_pieces(path, specs, key, **picture)]
    for piece in pieces:
        see(piece)
        for name, array in piece.arrays.items():
            wanted = pieces[0].arrays[name].shape[1:]
            if array.shape[1:] != wanted:
                raise InputError(
                    f"{piece.path}: samples of shape {array.shape[1:]}, those of {paths[0]} have {wanted}. "
                    "Give samples of one shape"
                )
    return {spec.name: np.concatenate([piece.arrays[spec.name] for piece in pieces]) for spec in specs}


def find(given: Sequence[str]) -> list[Path]:
    """The files that arguments stand for: files as they are, what folders hold, what patterns match. Raises InputError.

    What a folder holds and a pattern matches comes sorted by name. A file that is not there is no error yet.
    """
    files: list[Path] = []
    for name in given:
        place = Path(name).expanduser()
        try:
            if place.is_dir():
                files += held(place)
            elif place.exists() or not glob.has_magic(name) or split_key(place)[0].exists():
                files.append(place)
            else:
                found = sorted(Path(match) for match in glob.glob(str(place), recursive=True))
                files += [path for path in found if not path.is_dir()]
                if not found:
                    raise InputError(f"{name}: no file is called so, and none matches it as a pattern")
        except OSError as error:
            raise InputError(f"{name}: {error.strerror or error}") from error
    return files


def held(folder: Path) -> list[Path]:
    """The files in a folder that may be inputs, sorted by name; a note tells of others. Raises InputError, OSError."""
    from ..image import SUFFIXES

    names = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not path.is_dir())
    files = [path for path in names if path.suffix.lower() in (*ARRAYS, *SUFFIXES)]
    if not files:
        raise InputError(f"{folder}: this folder holds no {', '.join((*SUFFIXES, *ARRAYS))} file")
    if left := len(names) - len(files):
        notice(f"{folder}: {left} file{'s' if left > 1 else ''} of other kinds left out")
    return files
