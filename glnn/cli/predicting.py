"""glnn predict: files in, results out, a bounded number of samples at once."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, LimitError, ModelFileError
from ..show.progress import Progress
from ..show.reports.report import plain
from .arrays import SUFFIXES as ARRAYS
from .arrays import split_key
from .checks import Watch
from .device import wanted
from .notices import notice, rest, say
from .options import picture
from .reading import PIECE, PIECE_BYTES, Piece, find, read_labels, read_pieces
from .writing import Arrays

if TYPE_CHECKING:
    import numpy as np

    from ..model import Model

BAR = 30  # characters of a full bar


def predict(args: Namespace) -> int:
    """glnn predict MODEL INPUT...: exit code 1 where a file gave no result."""
    from ..image import SUFFIXES as PICTURES
    from ..model import Model

    names = read_labels(args.labels) if args.labels else None
    files = find(args.inputs)
    if args.key is not None and not any(split_key(path)[0].suffix.lower() == ".npz" for path in files):
        args.parser.error("--key names an array of an .npz; there is none among the inputs")
    with ExitStack() as stack:
        device = stack.enter_context(wanted(args))
        try:
            model = stack.enter_context(Model.load(args.model, args.weights, args.metadata, device))
        except ModelFileError as error:
            if Path(args.model).suffix.lower() not in (*PICTURES, *ARRAYS):
                raise
            raise ModelFileError(f"{error}. The model comes first: glnn predict MODEL INPUT") from error
        check_labels(names, model)
        outputs = [spec.name for spec in model.outputs]
        arrays = stack.enter_context(Arrays(args.output, outputs, len(files) > 1)) if args.output else None
        show = Json(args.top, names) if args.json else Text(args.top, names, len(files) > 1)
        read = Reader(model, args, show, "auto" if not sys.stdout.isatty() else 0)
        fixed, whole = model.inputs[0].shape[:1] != (None,), without_samples(model)
        pieces = read.pieces(files)
        alone = whole is None or bool(whole)
        if alone and not fixed:
            pieces = one_by_one(pieces)
        for group in gathered(pieces, fixed or alone):
            run(model, group, show, arrays, read.failed, whole or set())
    rest()
    if read.failures and len(files) > 1:
        say(f"{len(read.failures)} of {len(files)} files gave no result")
    return 1 if read.failures else 0


def check_labels(names: Sequence[str] | None, model: Model) -> None:
    """Raises InputError where no output can have so many classes."""
    sizes = [spec.shape[1] for spec in model.outputs if len(spec.shape) == 2]
    if names is not None and len(names) not in sizes and None not in sizes:
        classes = " and ".join(map(str, sizes)) or "no"
        raise InputError(f"--labels: {len(names)} names for {classes} classes. Give one a line, in the model's order")


class Reader:
    """Reads files one after another; what cannot be read is told and does not keep the others from being read."""

    def __init__(self, model: Model, args: Namespace, show: Text | Json, verbose: Any):
        self.model, self.args, self.show, self.verbose = model, args, show, verbose
        self.watch = Watch(model.graph, getattr(args, "scale", "raw"))
        self.failures: set[Path] = set()

    def pieces(self, files: Sequence[Path]) -> Iterator[Piece]:
        """The samples of all files."""
        several = len(files) > 1
        progress = Progress(len(files), self.verbose, "files")
        for done, path in enumerate(files):
            try:
                for piece in read_pieces(path, self.model.inputs, self.args.key, **picture(self.args)):
                    self.watch.add(piece)
                    if not several and not piece.first:
                        progress = Progress(piece.total, self.verbose)
                    yield piece
                    if not several:
                        progress.update(piece.first + len(next(iter(piece.arrays.values()))))
            except InputError as error:
                self.failed(path, error)
            if several:
                progress.update(done + 1)

    def failed(self, path: Path, error: Exception) -> None:
        """Tells of a file without a result."""
        self.failures.add(path)
        self.show.failed(path, error)
        say(str(error))


def without_samples(model: Model) -> set[str] | None:
    """The outputs that do not have a row for each sample, such as the boxes that a detector found; None: not known."""
    from ..graph.shapes import ANY

    if model.graph.staging is None:
        return set()
    if any(spec.shape == ANY for spec in model.outputs):
        return None
    batch = {spec.shape[:1] for spec in model.inputs}
    return {spec.name for spec in model.outputs if spec.shape[:1] not in batch}


def one_by_one(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The same samples, each a piece of its own."""
    for piece in pieces:
        for i in range(len(next(iter(piece.arrays.values())))):
            arrays = {name: array[i : i + 1] for name, array in piece.arrays.items()}
            yield piece._replace(first=piece.first + i, arrays=arrays)


def gathered(pieces: Iterator[Piece], fixed: bool) -> Iterator[list[Piece]]:
    """Pieces that one predict can take together: samples of the same shapes, a bounded number. fixed: each alone."""
    group: list[Piece] = []
    samples = size = 0
    for piece in pieces:
        count = len(next(iter(piece.arrays.values())))
        bytes_ = sum(a.nbytes for a in piece.arrays.values())
        full = fixed or samples + count > PIECE or size + bytes_ > PIECE_BYTES
        if group and (full or shapes(piece) != shapes(group[0])):
            yield group
            group, samples, size = [], 0, 0
        group.append(piece)
        samples, size = samples + count, size + bytes_
    if group:
        yield group


def shapes(piece: Piece) -> list[tuple[int, ...]]:
    """The shapes of a sample, by input."""
    return [a.shape[1:] for a in piece.arrays.values()]


def run(
    model: Model, pieces: Sequence[Piece], show: Text | Json, arrays: Arrays | None, failed: Any, whole: set[str]
) -> None:
    """Predicts on pieces of the same shapes and shows what comes out, file by file. whole: outputs without samples."""
    import numpy as np

    joined = {name: np.concatenate([piece.arrays[name] for piece in pieces]) for name in pieces[0].arrays}
    try:
        outputs = dict(model.predict(joined, verbose=0))
    except LimitError as error:  # of these shapes; other files may fit
        for path in dict.fromkeys(piece.path for piece in pieces):
            failed(path, LimitError(f"{path}: {error}"))
        return
    total = len(next(iter(joined.values())))
    whole = whole | {name for name, y in outputs.items() if not y.ndim or len(y) != total}
    at = 0
    for piece in pieces:
        count = len(next(iter(piece.arrays.values())))
        part = {name: y if name in whole else y[at : at + count] for name, y in outputs.items()}
        at += count
        if not count:
            notice(f"{piece.path}: holds no sample")
        for name, y in part.items():
            if bad := int(np.count_nonzero(~np.isfinite(y))):
                notice(f"{piece.path}: {bad:,} of {y.size:,} values of the output {name} are NaN or infinite")
        if arrays:
            if whole and piece.total > 1:
                named = ", ".join(sorted(whole))
                raise InputError(
                    f"{piece.path}: --output: {named} has no row for each sample. Give files of one sample"
                )
            arrays.add(piece.path, count, part)
        for i in range(count):
            show.sample(piece, piece.first + i, {name: y if name in whole else y[i] for name, y in part.items()})


class Json:
    """A line of JSON for each sample, and for each file without a result."""

    def __init__(self, top: int, names: Sequence[str] | None):
        self.top, self.names = top, names

    def sample(self, piece: Piece, number: int, outputs: Mapping[str, np.ndarray]) -> None:
        """Prints a sample's outputs: shape, values (row-major), and the largest of classes."""
        made: dict[str, Any] = {}
        for name, y in outputs.items():
            made[name] = {"shape": list(y.shape), "values": y.reshape(-1).tolist()}
            if y.ndim == 1:
                labels = fitting(self.names, y)
                made[name]["top"] = [
                    {"class": int(i), **({"label": labels[i]} if labels else {}), "value": float(y[i])}
                    for i in largest(y, self.top)
                ]
        line = {"file": str(piece.path), "sample": number, "outputs": made}
        print(json.dumps(plain(line), allow_nan=False))

    def failed(self, path: Path, error: Exception) -> None:
        """Prints why there is no result."""
        print(json.dumps({"file": str(path), "error": str(error)}))


class Text:
    """Lines for a person: the largest values of classes with bars, or the range of an image or map."""

    def __init__(self, top: int, names: Sequence[str] | None, several: bool):
        self.top, self.names, self.several = top, names, several

    def sample(self, piece: Piece, number: int, outputs: Mapping[str, np.ndarray]) -> None:
        """Prints a sample's outputs under the name of the file, where there are several."""
        file = f"{piece.path}: " if self.several else ""
        for name, y in outputs.items():
            which = f"[{number}]" if len(outputs) > 1 or piece.total > 1 else ""
            print(f"{file}{name}{which} {y.shape}")
            print("\n".join(describe(y, self.top, self.names)))

    def failed(self, path: Path, error: Exception) -> None:
        """Nothing: stderr has it."""


def fitting(names: Sequence[str] | None, y: np.ndarray) -> Sequence[str] | None:
    """The names of classes, if there is one for each value."""
    return names if names is not None and len(names) == y.size else None


def largest(y: np.ndarray, top: int) -> np.ndarray:
    """The numbers of the largest values of a vector, in their order."""
    import numpy as np

    return np.argsort(-y, kind="stable")[:top]


def describe(sample: np.ndarray, top: int, names: Sequence[str] | None) -> Iterator[str]:
    """Lines about one sample of an output: its largest values with their classes, or the range of an image or map."""
    if sample.ndim != 1:
        yield (
            f"  min {sample.min():.6g}  mean {sample.mean():.6g}  max {sample.max():.6g}" if sample.size else "  empty"
        )
        return
    given = fitting(names, sample)
    bars = bool(sample.size) and sample.min() >= 0 and sample.max() <= 1  # probabilities
    order = largest(sample, top)
    labels = [given[i] if given else str(i) for i in order]
    width = max(map(len, labels), default=0)
    for label, value in zip(labels, sample[order], strict=True):
        bar = "  " + "#" * round(float(value) * BAR) if bars else ""
        yield f"  {label:<{width}}  {value:>10.6g}{bar}".rstrip()
