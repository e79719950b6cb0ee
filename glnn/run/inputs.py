"""What a user hands to predict: arrays, lists or dicts, checked against a model's inputs and made float32."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arguments import plain_array
from ..errors import InputError
from ..graph import types
from ..graph.bfloat16 import to_bfloat16
from ..graph.graph import Graph, TensorSpec
from ..graph.sequences import is_optional, is_sequence, item_name, item_type
from ..graph.shapes import ANY, EXACT, fits, shape_text
from ..graph.types import plain_type


def named_inputs(x: Any, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """Arrays by input name from an array (one input), a list or tuple (in order) or a dict. Raises InputError."""
    arrays = {spec.name: _checked(value, spec) for spec, value in by_name(x, specs)}
    batches = {name: len(a) for name, a in arrays.items()}
    if len(set(batches.values())) > 1:
        raise InputError(f"the inputs have different batch sizes: {batches}")
    return arrays


def by_name(x: Any, specs: Sequence[TensorSpec]) -> list[tuple[TensorSpec, Any]]:
    """Each input with what was given for it, as an array, a list or a dict. Raises InputError."""
    names = [spec.name for spec in specs]
    expected = ", ".join(f"{spec.name!r} {shape_text(spec.shape)}" for spec in specs)
    if isinstance(x, Mapping):
        unknown, missing = [k for k in x if k not in names], [n for n in names if n not in x]
        if unknown or missing:
            raise InputError(f"inputs by name: unknown {unknown}, missing {missing}; this model takes {expected}")
        given = [x[name] for name in names]
    elif len(specs) == 1:
        alone = isinstance(x, list | tuple) and len(x) == 1 and np.ndim(x[0]) == len(specs[0].shape)
        given = [x[0] if alone else x]
    elif isinstance(x, list | tuple):
        given = list(x)
    else:
        raise InputError(
            f"one array was given; this model has {len(specs)} inputs: "
            f"give a list in this order or a dict of {expected}"
        )
    if len(given) != len(specs):
        raise InputError(f"{len(given)} arrays were given; this model takes {len(specs)}: {expected}")
    return list(zip(specs, given, strict=True))


def whole_inputs(x: Any, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """Arrays by input name of a model that is run on its inputs as a whole, in the types that it declares.

    Raises InputError (number, name, rank, shape, type).
    """
    arrays: dict[str, np.ndarray] = {}
    for spec, value in by_name(x, specs):
        if value is None and is_optional(spec.dtype):
            continue
        own = TensorSpec(spec.name, spec.shape, item_type(spec.dtype))
        if not is_sequence(spec.dtype):
            arrays[spec.name] = _as_declared(value, own)
            continue
        if not isinstance(value, list | tuple):
            raise InputError(f"input {spec.name!r}: {type(value).__name__} was given; a list of arrays is needed")
        arrays |= {item_name(spec.name, k): _as_declared(one, own) for k, one in enumerate(value)}
    return arrays


def _as_declared(value: Any, spec: TensorSpec) -> np.ndarray:
    what = f"input {spec.name!r}"
    array = plain_array(value, what)
    if not fits(array.shape, spec.shape):
        raise InputError(f"{what}: an array of shape {array.shape} was given, expected {shape_text(spec.shape)}")
    kind = plain_type(spec.dtype)
    if kind.kind in "iu" and array.dtype.kind == "f" and not (array == np.rint(array)).all():
        raise InputError(f"{what}: {array.dtype} with fractions was given, expected {spec.dtype}")
    with np.errstate(all="ignore"):
        return array.astype(kind, copy=False)


def typed(array: np.ndarray, dtype: str, what: str = "an output") -> np.ndarray:
    """What was drawn, in the type that a model declares: whole numbers are rounded, bfloat16 lies in float32.

    A warning, beginning with `what`, tells of whole numbers that float32 may have rounded.
    """
    if dtype == "bfloat16":
        return to_bfloat16(array)
    if array.dtype == plain_type(dtype):
        return array
    tell_rounded(array, dtype, what)
    return types.typed(array, dtype)


def tell_rounded(array: np.ndarray, dtype: str, what: str) -> None:
    """Warns, beginning with `what`, where drawn numbers that are meant as integers may be rounded; see `typed`."""
    kind = plain_type(dtype)
    if kind.kind not in "iu" or kind.itemsize < 4 or array.dtype.kind != "f" or array.dtype.itemsize > 4:
        return
    sizes = np.abs(array)
    large = (sizes > EXACT) & np.isfinite(array)
    if not large.any():
        return
    ends = [np.float32(end) for end in (np.iinfo(kind).min, np.iinfo(kind).max) if end]  # these are meant
    most = sizes.max(where=large & ~np.isin(array, ends), initial=0)
    if most:
        warnings.warn(
            f"{what}: whole numbers up to {most:.0f} came out as {dtype}; they are computed in float32, which tells "
            f"neighbours apart up to 2^24 = {EXACT} only: some may be rounded. Where each must be exact, cut the model "
            "before them (outputs=[...]) and compute them in NumPy",
            stacklevel=_outside(),
        )


def _outside() -> int:
    """How many calls lie between the one that warns and whoever called glnn."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "glnn":
        frame, level = frame.f_back, level + 1
    return level


def with_states(x: Any, graph: Graph) -> dict[str, np.ndarray]:
    """Arrays for all inputs of a graph from what predict takes; its states are 0. Raises InputError."""
    arrays = named_inputs(x, graph.given)
    return arrays | first_states(graph, {name: array.shape for name, array in arrays.items()})


def first_states(graph: Graph, shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """The states before the first run on inputs of these shapes: zeros."""
    count = next(iter(shapes.values()))[0]
    specs = (spec for spec in graph.inputs if spec.name in graph.states)
    return {spec.name: np.zeros((count, *(size or 0 for size in spec.shape[1:])), np.float32) for spec in specs}


def _checked(value: Any, spec: TensorSpec) -> np.ndarray:
    array = plain_array(value, f"input {spec.name!r}")
    if array.ndim != len(spec.shape) or not fits(array.shape[1:], spec.shape[1:]):
        raise InputError(
            f"input {spec.name!r}: an array of shape {array.shape} was given, "
            f"expected {shape_text(spec.shape)}{_hint(array.shape, spec.shape)}"
        )
    if spec.shape[0] is not None and array.shape[0] not in (0, spec.shape[0]):
        raise InputError(
            f"input {spec.name!r}: a batch of {array.shape[0]} was given, the model is fixed to {spec.shape[0]}"
        )
    return as_float32(array, f"input {spec.name!r}")


@contextmanager
def numpy_file(path: Any, advice: str) -> Iterator[None]:
    """Raises InputError, with advice, in place of the many kinds that NumPy raises while it reads a broken file."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. {advice}") from error
    except Exception as error:
        why = getattr(error, "strerror", None) or str(error).rstrip(".") or type(error).__name__
        raise InputError(f"{path}: not a NumPy file that can be read ({why}). {advice}") from error


def as_float32(array: np.ndarray, what: str) -> np.ndarray:
    """The array as textures hold it. Raises InputError, beginning with `what`, where numbers would be lost."""
    if array.dtype.kind in "iu" and array.size and (most := max(int(array.max()), -int(array.min()))) > EXACT:
        raise InputError(
            f"{what}: holds whole numbers up to {most}; textures hold them exactly up to 2^24 = {EXACT}. "
            "Where they may be rounded, give floats: x.astype('float32')"
        )
    if array.dtype.itemsize > 4:
        with np.errstate(over="ignore"):
            narrow = array.astype(np.float32)
        if array.dtype.kind == "f" and np.isinf(narrow).sum() != np.isinf(array).sum():
            raise InputError(f"{what}: holds finite values beyond float32's largest, 3.4e38; scale them down")
        return narrow
    return array.astype(np.float32, copy=False)


def _hint(given: tuple[int, ...], wanted: Sequence[int | None]) -> str:
    """What makes an array of the given shape one of the wanted shape, in words; empty where nothing simple does."""
    order = (0, *range(2, len(given)), 1)[: len(given)]
    ways = {
        "A single sample needs a batch axis: x[None]": (1, *given),
        "The channels need an axis, even if there is one alone: x[..., None]": (*given, 1),
        "A single sample needs a batch axis, and its channels one: x[None, ..., None]": (1, *given, 1),
        f"Channels come last here: x.transpose{order}": tuple(given[axis] for axis in order),
    }
    return next((f". {way}" for way, shape in ways.items() if fits(shape, wanted)), "")


def shaped(x: Any, outputs: dict[str, np.ndarray]) -> Any:
    """Outputs by name in the form of inputs x: a dict for a dict, else an array, or a list of several."""
    if isinstance(x, Mapping):
        return outputs
    return next(iter(outputs.values())) if len(outputs) == 1 else list(outputs.values())


def plan_shapes(
    specs: Sequence[TensorSpec], given: Mapping[str, Sequence[int | None]] | None, free: int | None = None
) -> dict[str, tuple[int, ...]]:
    """The shapes, batch first, to plan for: those given by name, else the model's own with a batch of 1.

    free: what stands for the model's own sizes that are free; None: they must be given. Raises InputError.
    """
    expected = ", ".join(f"{spec.name!r} {shape_text(spec.shape)}" for spec in specs)
    known, shapes = {spec.name: spec for spec in specs}, dict(given or {})
    if not given:
        ranked = [spec for spec in specs if spec.shape != ANY]
        shapes = {s.name: tuple(size or (free if k else 1) for k, size in enumerate(s.shape)) for s in ranked}
    missing = [s.name for s in specs if s.name not in shapes and not is_optional(s.dtype) and not is_sequence(s.dtype)]
    unknown = [name for name in shapes if name not in known]
    if unknown or missing:
        raise InputError(f"input_shapes: unknown {unknown}, missing {missing}; this model takes {expected}")
    for name, shape in shapes.items():
        sizes = tuple(size for size in shape if size is not None)
        if len(sizes) < len(shape) or not fits(sizes, known[name].shape):
            raise InputError(
                f"input_shapes: {shape_text(shape)} of input {name!r} does not do: it is "
                f"{shape_text(known[name].shape)}. Give a whole number for each size, batch first"
            )
    return {name: tuple(int(size or 0) for size in shape) for name, shape in shapes.items()}


def web_shapes(
    specs: Sequence[TensorSpec], given: Sequence[int] | Mapping[str, Sequence[int]] | None
) -> dict[str, tuple[int, ...]]:
    """The input shapes, batch first, of a page from what `Model.export_web` takes. Raises InputError."""
    if given is not None and not isinstance(given, Mapping):
        given = {specs[0].name: given}
    unknown = set(given or ()) - {spec.name for spec in specs}
    if unknown:
        names = ", ".join(spec.name for spec in specs)
        raise InputError(f"input_shape: no input {', '.join(sorted(unknown))}; there are {names}")
    shapes: dict[str, tuple[int, ...]] = {}
    for spec in specs:
        usual = (spec.shape[0] or 1, *spec.shape[1:]) if spec.shape else ()
        shape: tuple[Any, ...] = tuple((given or {}).get(spec.name, usual))
        if len(shape) == len(spec.shape) - 1:
            shape = (1, *shape)
        fits = len(shape) == len(spec.shape) and all(
            isinstance(have, int) and have > 0 and want in (None, have)
            for have, want in zip(shape, spec.shape, strict=True)
        )
        if not fits:
            raise InputError(
                f"input_shape: input {spec.name!r} has shape {spec.shape}, None where free; {shape} does not fit. "
                f"Give a whole number for each size"
            )
        shapes[spec.name] = shape
    return shapes
