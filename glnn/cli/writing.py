"""Files that the command writes: whole or not at all, whatever interrupts it."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    import numpy as np

FILES = "files"  # the name of the array in an .npz that says which file each sample is from


def checked_target(path: Path, suffixes: Sequence[str], option: str) -> Path:
    """A path that a file can be written to, checked before long work. Raises InputError."""
    path = path.expanduser()
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{option} {path}: the file is written as {' or '.join(suffixes)}, by its suffix")
    if path.is_dir():
        raise InputError(f"{option} {path}: this is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"{option} {path}: there is no folder {path.parent}; make it first")
    return path


@contextmanager
def replacing(path: Path, option: str) -> Iterator[IO[bytes]]:
    """A file that takes its name once it is whole. Raises InputError where it cannot be written."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{option} {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


class Arrays:
    """The outputs of a model, gathered on disk sample by sample and written as .npy or .npz at the end of `with`.

    An .npz of several files also says which file each sample is from, under the name "files". Nothing is written
    where an exception ends the `with`, or where there was no sample.
    """

    def __init__(self, path: Path, names: Sequence[str], several: bool):
        self.path = checked_target(path, (".npz", ".npy"), "--output")
        if self.path.suffix.lower() == ".npy" and len(names) > 1:
            raise InputError(f"--output {path}: the model has {len(names)} outputs; a .npy holds one array. Give .npz")
        self.several = several
        self.files: list[str] = []
        self._stack = ExitStack()
        self._spools: dict[str, tuple[IO[bytes], tuple[int, ...]]] = {}

    def add(self, path: Path, count: int, outputs: dict[str, np.ndarray]) -> None:
        """Takes `count` samples of a file. Raises InputError where their shape is not that of those before."""
        for name, y in outputs.items():
            if name not in self._spools:
                opened: IO[bytes] = self._stack.enter_context(tempfile.TemporaryFile(dir=self.path.parent))
                self._spools[name] = opened, y.shape[1:]
            spool, shape = self._spools[name]
            if y.shape[1:] != shape:
                raise InputError(
                    f"--output {self.path}: output {name} of {path} has the shape {y.shape[1:]}, of {self.files[0]} "
                    f"{shape}; one array holds samples of one shape. Give inputs of one size, or use --json"
                )
            try:
                spool.write(y.astype("<f4", order="C", copy=False).tobytes())
            except OSError as error:
                raise InputError(f"--output {self.path}: {error.strerror or error}") from error
        self.files += [str(path)] * count

    def __enter__(self) -> Arrays:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is None and self._spools:
                self._write()

    def _write(self) -> None:
        import numpy as np

        with replacing(self.path, "--output") as file:
            if self.path.suffix.lower() == ".npy":
                self._array(file, next(iter(self._spools)))
                return
            with zipfile.ZipFile(file, "w") as archive:
                for name in self._spools:
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        self._array(member, name)
                if self.several and FILES not in self._spools:
                    with archive.open(f"{FILES}.npy", "w") as member:
                        np.lib.format.write_array(member, np.array(self.files), allow_pickle=False)

    def _array(self, file: Any, name: str) -> None:
        import numpy as np

        spool, shape = self._spools[name]
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(self.files), *shape)}
        np.lib.format.write_array_header_1_0(file, header)
        spool.seek(0)
        shutil.copyfileobj(spool, file, 1 << 20)
