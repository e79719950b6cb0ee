"""Stored weights and the layers they belong to: matching by name and order, checking, conversion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Protocol

import numpy as np

from ....errors import ModelFileError, WeightsMismatchError
from ....graph.quantized import Quantized
from ....graph.shapes import Dims
from ....layers.base import Layer, WeightSpec
from ....records import dataclass
from ..keras1 import Adapter


@dataclass(frozen=True)
class Stored:
    """A weight in a file: its name and shape there; `read` brings its values, an array or Quantized."""

    name: str
    shape: tuple[int, ...]
    read: Callable[[], Any]


@dataclass(eq=False)
class Entry:
    """A layer of a model's config, or a model in it (with children). One Entry for all calls of a shared layer.

    One that `wraps` has the layer or model that it wraps as its only child.
    """

    name: str
    path: str
    class_name: str
    children: list[Entry] | None = None
    layer: Layer | None = None
    trainable: bool = True
    adapter: Adapter | None = None
    specs: Sequence[WeightSpec] = ()
    python_class: str = ""  # the name of its class in Python, which may be registered under another
    unused: Sequence[str] = ()  # names of weights that Keras keeps behind these, for training alone
    weights: Mapping[str, Any] = field(default_factory=dict)
    wraps: bool = False
    wrapper: str = ""  # the path of what wraps it, by which its weights may be called
    config: Mapping[str, Any] = field(default_factory=dict)  # its own, as the file has it
    declared: Sequence[int | None] | None = None  # the output shape that Keras 1 tells of its transposed convolution

    def leaves(self) -> Iterator[Entry]:
        """The layers in this entry, itself if it is one, in the order of the config."""
        if self.children is None:
            yield self
        for child in self.children or ():
            yield from child.leaves()

    @property
    def count(self) -> int:
        """How many stored weights this entry takes."""
        if self.children is not None:
            return sum(child.count for child in self.children)
        of = self.adapter
        return len(self.specs) if of is None else len(self.specs) * of.count + of.extra


class Weights(Protocol):
    """A file of weights."""

    @property
    def where(self) -> str:
        """The file's path, for messages."""

    def assign(self, root: Entry) -> None:
        """Give every layer of the model its weights. Raises WeightsMismatchError for the first that differs."""

    def first(self) -> Stored | None:
        """The first weight of the file, if it has one."""

    def every(self) -> Iterator[Stored]:
        """All weights of the file."""


def fill(leaf: Entry, stored: Sequence[Stored], where: str) -> None:
    """Check a layer's stored weights against its specs, then read them (see `kept`). Raises WeightsMismatchError."""
    if leaf.adapter is not None and len(stored) == leaf.count:
        try:
            arrays = leaf.adapter.convert([weight.read() for weight in stored])
        except (ValueError, IndexError) as error:
            raise WeightsMismatchError(
                f"{where}: layer {leaf.path!r} ({leaf.class_name}) needs {needs(leaf)}; the file has "
                f"{listing(stored)}, which is not what Keras writes for it ({error})"
            ) from error
        stored = [
            Stored(spec.name, array.shape, lambda a=array: a)  # type: ignore[misc]
            for spec, array in zip(leaf.specs, arrays, strict=True)
        ]
    if len(stored) != len(leaf.specs):
        raise wrong_number(leaf, stored, where)
    for spec, weight in zip(leaf.specs, stored, strict=True):
        if not same_shape(spec.shape, weight.shape):
            raise WeightsMismatchError(
                f"{where}: layer {leaf.path!r} ({leaf.class_name}), weight {spec.name!r}: the model needs shape "
                f"{tuple(spec.shape)}, the file has {tuple(weight.shape)}. These weights belong to another model, "
                "or the model was changed after they were saved"
            )
    leaf.weights = {
        spec.name: kept(weight.read(), f"{where}: layer {leaf.path!r}, weight {spec.name!r}")
        for spec, weight in zip(leaf.specs, stored, strict=True)
    }


def wrong_number(entry: Entry, stored: Sequence[Stored], where: str) -> WeightsMismatchError:
    """The error for a layer or model that has too many weights or too few."""
    return WeightsMismatchError(
        f"{where}: layer {entry.path!r} ({entry.class_name}) needs {entry.count} weights ({needs(entry)}), "
        f"the file has {len(stored)} ({listing(stored)})"
    )


def same_shape(wanted: Dims, found: Sequence[int]) -> bool:
    """Whether the shapes agree; None in `wanted` agrees with any size."""
    return len(wanted) == len(found) and all(w is None or w == f for w, f in zip(wanted, found, strict=True))


def kept(values: Any, where: str) -> Any:
    """Weights as a graph holds them: Quantized and float16 as they are, all else float32; contiguous.

    Raises ModelFileError for what is no number, or too large for float32.
    """
    if isinstance(values, Quantized):
        return replace(values, codes=np.ascontiguousarray(values.codes))
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise ModelFileError(f"{where}: values of type {array.dtype}, which are not numbers that glnn computes with")
    if array.dtype.kind == "f" and array.dtype.itemsize == 2:
        return np.asarray(array, dtype=np.float16, order="C")
    try:
        with np.errstate(over="raise"):
            return np.asarray(array, dtype=np.float32, order="C")
    except FloatingPointError:
        raise ModelFileError(
            f"{where}: {array.dtype} values beyond float32 (largest {np.abs(array).max():.3g})"
        ) from None


def needs(entry: Entry) -> str:
    """The weights an entry needs, with their shapes, in words."""
    named = len(list(entry.leaves())) > 1
    return listing(
        [
            Stored(f"{leaf.path}/{spec.name}" if named else spec.name, spec.shape, lambda: np.empty(0))
            for leaf in entry.leaves()
            for spec in leaf.specs
        ]
    )


def listing(stored: Sequence[Stored]) -> str:
    """Names and shapes in words, at most eight of them."""
    words = [f"{weight.name} {tuple(weight.shape)}" for weight in stored[:8]]
    return ", ".join(words) + (", ..." if len(stored) > 8 else "") if words else "none"
