"""What Keras' HDF5 files are made of: attributes with names, groups of weights, weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from ...errors import ModelFileError
from ..hdf5_file import values
from .weights.entries import Stored


def text(value: Any) -> str | None:
    """An attribute as text: bytes and str both occur; None stays None."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)


def names(node: h5py.Group, key: str) -> list[str]:
    """A list of names in an attribute, or in pieces key0, key1, ... where it was too long for one."""
    pieces = [node.attrs[key]] if key in node.attrs else list(chunks(node, key))
    return [text(name) or "" for piece in pieces for name in np.atleast_1d(piece)]


def chunks(node: h5py.Group, key: str) -> Iterator[Any]:
    """The pieces key0, key1, ... of an attribute."""
    number = 0
    while f"{key}{number}" in node.attrs:
        yield node.attrs[f"{key}{number}"]
        number += 1


def group(root: h5py.Group, name: str, where: str) -> list[Stored]:
    """The weights of one layer, in the order in which Keras lists them. Raises ModelFileError where one is lacking."""
    member = subgroup(root, name, where)
    if member is None:
        raise ModelFileError(
            f"{where}: the file lists layer {name!r} but holds no weights group of that name; it is damaged"
        )
    return [dataset(member, weight, where) for weight in once(member, "weight_names", where)]


def once(node: h5py.Group, key: str, where: str) -> list[str]:
    """A list of names in an attribute. Raises ModelFileError where one stands in it twice."""
    found = names(node, key)
    twice = [name for name, count in Counter(found).items() if count > 1]
    if twice:
        raise ModelFileError(f"{where}: {node.name} lists {twice[0]!r} more than once in {key!r}; the file is damaged")
    return found


def subgroup(node: h5py.Group, name: str, where: str) -> h5py.Group | None:
    """A group in a group; None where there is none. Raises ModelFileError where it is no group."""
    if name not in node:
        return None
    found = node.get(name)
    if not isinstance(found, h5py.Group):
        raise ModelFileError(f"{where}: {node.name}/{name} should be a group of weights; the file is damaged")
    return found


def dataset(member: h5py.Group, name: str, where: str) -> Stored:
    """One weight in the file, not read yet. Raises ModelFileError where it is lacking or lies in another file."""
    try:
        data = member[name]
    except (KeyError, OSError) as error:
        raise ModelFileError(
            f"{where}: weight {name!r} of {member.name} is listed but not in the file; it is damaged"
        ) from error
    if not isinstance(data, h5py.Dataset):
        raise ModelFileError(f"{where}: {data.name} should be a weight and is a group; the file is damaged")
    if data.external or data.is_virtual:
        raise ModelFileError(f"{where}: weight {name!r} of {member.name} lies in another file, which is not followed")
    return Stored(name, data.shape, lambda: values(data, where))
