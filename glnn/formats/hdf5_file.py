"""HDF5 files opened for reading: what they hold is looked over first, so that nothing leads elsewhere or round."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

from ..errors import GlnnError, ModelFileError
from .file import HDF5_MAGIC, read_head
from .foreign import looks_like
from .hdf5_heaps import endless

MOST_OBJECTS = 300_000  # groups and datasets of a file
DEEPEST = 200  # groups in each other
AGAIN = "Copy or download it again"
# What h5py raises on files that are damaged; MemoryError where they announce what they do not hold.
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, AttributeError, MemoryError)
SWOLLEN = 100  # times that weights may be larger than what is stored for them, beyond ROOM bytes
ROOM = 64 << 20


@contextmanager
def open_hdf5(path: Path, data: BinaryIO | None = None, where: str = "") -> Iterator[h5py.File]:
    """An HDF5 file, or one inside of another (`data`), as long as it is read.

    Raises ModelFileError where it is missing, foreign, truncated or damaged, or leads into other files.
    """
    where = where or str(path)
    if data is None:
        head, size = read_head(path), path.stat().st_size
    else:
        head, size = data.read(len(HDF5_MAGIC)), data.seek(0, 2)
    if not head.startswith(HDF5_MAGIC):
        told = looks_like(path, head) if data is None else f"something else (it begins with {head!r})"
        raise ModelFileError(f"{where}: an HDF5 file is needed here, and this is {told}")
    try:
        with path.open("rb") if data is None else nullcontext(data) as whole:
            if (place := endless(whole)) is not None:
                raise ModelFileError(f"{where}: a heap of the HDF5 file is damaged (at byte {place}). {AGAIN}")
        with h5py.File(path if data is None else data, "r") as file:
            look_over(file, where)
            yield file
    except GlnnError:
        raise
    except DAMAGE as error:
        raise ModelFileError(
            f"{where}: the HDF5 file is truncated or damaged ({size} bytes; HDF5 says: "
            f"{error or type(error).__name__}). {AGAIN}"
        ) from error


def look_over(file: h5py.File, where: str) -> None:
    """Raise ModelFileError for a link that leads elsewhere, or groups that hold each other: Keras writes neither."""
    found: list[tuple[bytes, h5py.h5l.LinkInfo]] = []
    waiting, seen, count = [(file.id, "", 0)], {h5py.h5o.get_info(file.id).addr}, 0
    while waiting:
        group, place, depth = waiting.pop()
        found.clear()
        group.links.iterate(lambda name, info: found.append((name, info.type)), info=True)
        count += len(found)
        if count > MOST_OBJECTS or depth > DEEPEST:
            limit = f"more than {MOST_OBJECTS} objects" if count > MOST_OBJECTS else f"groups nested {depth} deep"
            raise ModelFileError(f"{where}: {limit}, which no model has; the file is damaged")
        for name, kind in found:
            inner = f"{place}/{name.decode('utf-8', 'replace')}"
            if kind == h5py.h5l.TYPE_SOFT:
                raise ModelFileError(f"{where}: {inner} is a link to another place, which is not followed")
            if kind != h5py.h5l.TYPE_HARD:
                raise ModelFileError(f"{where}: {inner} lies in another file, which is not followed")
            info = h5py.h5o.get_info(group, name)
            if info.type == h5py.h5o.TYPE_GROUP:
                if info.addr in seen:
                    raise ModelFileError(f"{where}: {inner} is a group that stands elsewhere too; the file is damaged")
                seen.add(info.addr)
                waiting.append((h5py.h5g.open(group, name), inner, depth + 1))


def values(data: h5py.Dataset, where: str) -> np.ndarray:
    """What a dataset holds, bfloat16 as float32. Raises ModelFileError where it is damaged, or announces too much."""
    stored = data.id.get_storage_size()
    if data.nbytes > ROOM and data.nbytes > SWOLLEN * stored:
        raise ModelFileError(
            f"{where}: weight {data.name} of shape {data.shape} would take {data.nbytes:,} bytes, and {stored:,} are "
            "stored for it; the file is damaged"
        )
    try:
        array = np.asarray(data[()])
    except DAMAGE as error:
        raise ModelFileError(f"{where}: weight {data.name} cannot be read; the file is damaged ({error})") from error
    return from_bfloat16(array) if array.dtype.kind == "V" and array.dtype.itemsize == 2 else array


def from_bfloat16(array: np.ndarray) -> np.ndarray:
    """Two bytes of no type, as which Keras writes bfloat16: the upper half of a float32."""
    return (array.view("<u2").astype(np.uint32) << 16).view(np.float32)
