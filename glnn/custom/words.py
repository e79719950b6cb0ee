"""NumPy's arithmetic in the words of a Trace: what tensors on a device and those of a program have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import ARRAYS, FLAG, told
from ..errors import InputError
from ..graph.shapes import Shape, checked_axis
from ..primitives import Sym, Trace
from ..primitives.move import Along
from ..primitives.operations import OPERATIONS
from .refusals import INDICES, SIZES, PlaceError, check_index, no_numbers

# NumPy's elementwise functions -> those of the tables in primitives/operations.py and functions.py.
UFUNCS = {
    name: name
    for name in (
        "add subtract multiply divide negative maximum minimum less less_equal greater greater_equal equal not_equal "
        "logical_and logical_or logical_xor logical_not isnan isinf square sqrt reciprocal sign floor ceil trunc mod "
        "fmod power log log1p expm1 sin cos tan sinh cosh"
    ).split()
} | {
    "exp": "exponential", "absolute": "abs", "fabs": "abs", "rint": "round", "tanh": "tanh", "float_power": "power",
    "remainder": "mod", "true_divide": "divide", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arctan2": "atan2", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip
REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all", "argmax", "argmin")
NUMBERS = (int, float, np.integer, np.floating, bool, np.bool_)


class Words(np.lib.mixins.NDArrayOperatorsMixin):
    """What tensors do, said by `_said`: a key, a function of a trace and symbols, operands."""

    __slots__ = ()
    __array_priority__ = 1000

    @property
    def shape(self) -> Shape:
        """Its shape."""
        raise NotImplementedError

    def _said(self, key: Any, say: Callable[..., Any], operands: Sequence[Any]) -> Any:
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of its elements."""
        return int(np.prod(self.shape))

    @property
    def T(self) -> Any:
        """Its axes the other way round."""
        return self.transpose()

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor without axes has no length")
        return self.shape[0]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        if method == "__call__" and name == "matmul" and not options:
            return self._said("matmul", _matmul, [operand(x) for x in inputs])
        if "out" in options and options["out"][0] is self and inputs[0] is self:  # y += 1 gives another tensor
            options = {key: value for key, value in options.items() if key != "out"}
        if method != "__call__" or options or name not in UFUNCS:
            what = f"np.{name}{'' if method == '__call__' else '.' + method}"
            if "out" in options:
                raise InputError(f"{what}: out= is no option of tensors: they never change; take what is returned")
            known = ", ".join(sorted({*UFUNCS, "matmul"}))
            raise InputError(
                f"{what} with {', '.join(options) or 'no options'} is nothing that a device does with tensors. There "
                f"are {known}, the methods {', '.join(REDUCTIONS)}, and glnn.kernel; in NumPy it goes by "
                f"np.{name}(np.asarray(y))"
            )
        word = UFUNCS[name]
        if name == "power" and isinstance(inputs[1], NUMBERS) and inputs[1] == 2:
            return self._said("square", lambda t, x: t.apply("square", x), [operand(inputs[0])])
        return self._said(word, lambda t, *xs: t.apply(_word(word), *xs), list(map(operand, inputs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        own = _FUNCTIONS.get(function.__name__)
        if own is not None:
            return own(*args, **kwargs)
        return self._otherwise(function, args, kwargs)

    def _otherwise(self, function: Any, args: Any, kwargs: Any) -> Any:
        """What NumPy does with tensors that they do not themselves: with their values."""
        return function(*_read(args), **{name: _read(x) for name, x in kwargs.items()})

    def astype(self, dtype: Any) -> Any:
        """Itself: tensors are float32. Raises InputError for another type."""
        try:
            kind = np.dtype(dtype).kind
        except (TypeError, ValueError):
            kind = "?"
        if kind != "f":
            raise InputError(f"astype({told(dtype)}): tensors on a device are float32; read it and convert that")
        return self

    # ---- axes

    def reshape(self, *shape: Any) -> Any:
        """Its elements in row-major order in another shape, -1 once for the rest."""
        target = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        SIZES.check("shape", target, "reshape")
        sizes = tuple(map(int, target))
        return self._said(("reshape", sizes), lambda t, x: t.reshape(x, sizes), [self])

    def transpose(self, *axes: Any) -> Any:
        """Axis k is its axis axes[k]; without axes they come the other way round."""
        given = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        order = self._axes(given, "transpose") or tuple(range(self.ndim))[::-1]
        return self._said(("transpose", order), lambda t, x: t.transpose(x, order), [self])

    def __getitem__(self, index: Any) -> Any:
        """Slices, whole numbers, None and ... as NumPy's basic indexing."""
        whole = index if isinstance(index, tuple) else (index,)
        check_index(index, whole)
        used = sum(x is not None and x is not Ellipsis for x in whole)
        if used > self.ndim:
            raise PlaceError(f"{used} indices for {self.ndim} axes")
        if Ellipsis not in whole:
            whole = (*whole, Ellipsis)
        at = whole.index(Ellipsis)
        whole = (*whole[:at], *(slice(None),) * (self.ndim - used), *whole[at + 1 :])
        axes: list[Along] = []
        target: list[int] = []
        k = 0
        for x in whole:
            if x is None:
                target.append(1)
                continue
            size = self.shape[k]
            if isinstance(x, slice):
                places = range(size)[x]
                if not places:
                    raise InputError(f"index {index!r} of a tensor of shape {self.shape}: nothing is left of axis {k}")
                axes.append(Along(k, len(places), mul=places.step, add=places.start))
                target.append(len(places))
            elif isinstance(x, int | np.integer) and not isinstance(x, bool):
                if not -size <= x < size:
                    raise PlaceError(f"index {x} is out of bounds for axis {k} of size {size}")
                axes.append(Along(k, 1, add=int(x) % size))
            else:
                raise InputError(INDICES.format(told(x)))
            k += 1
        sizes = tuple(target)
        plain = all(a == Along(k, self.shape[k]) for k, a in enumerate(axes))

        def say(t: Trace, x: Sym) -> Any:
            made = x if plain else t.remap(x, axes)
            return made if tuple(made.shape) == sizes else t.reshape(made, sizes)

        return self._said(("index", tuple(axes), sizes), say, [self])

    # ---- along axes

    def _axes(self, given: Any, what: str) -> tuple[int, ...]:
        """Axes counted from the front. Raises InputError."""
        SIZES.check("axis", given, what)
        try:
            return tuple(checked_axis(int(axis), self.ndim) for axis in given)
        except ValueError as error:
            raise InputError(f"{what}: {error}") from None

    def _reduced(self, kind: str, axis: Any, keepdims: bool) -> Any:
        FLAG.check("keepdims", keepdims, kind)
        one = isinstance(axis, int | np.integer)
        axes = self._axes(range(self.ndim) if axis is None else (axis,) if one else axis, kind)

        def say(t: Trace, x: Sym) -> Any:
            if kind in ("argmax", "argmin") and len(axes) != 1:
                return t.reduce(kind, t.reshape(x, (-1,)), 0)
            return t.reduce(kind, x, axes, keepdims)

        return self._said((kind, axes, keepdims), say, [self])

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum along axes (None: all)."""
        return self._reduced("sum", axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The mean along axes (None: all)."""
        return self._reduced("mean", axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The largest along axes (None: all); NaN where one is."""
        return self._reduced("max", axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The smallest along axes (None: all); NaN where one is."""
        return self._reduced("min", axis, keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The product along axes (None: all)."""
        return self._reduced("prod", axis, keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        """1 where one along axes is not 0, else 0."""
        return self._reduced("any", axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        """1 where none along axes is 0, else 0."""
        return self._reduced("all", axis, keepdims)

    def argmax(self, axis: int | None = None) -> Any:
        """The number of the largest along an axis, or of all elements."""
        return self._reduced("argmax", axis, False)

    def argmin(self, axis: int | None = None) -> Any:
        """The number of the smallest along an axis, or of all elements."""
        return self._reduced("argmin", axis, False)


def operand(x: Any) -> Any:
    """Numbers of NumPy as Python's; what is no number as it is."""
    return float(x) if isinstance(x, NUMBERS) else x


def literal(t: Trace, x: Sym) -> Sym:
    """A constant as a tensor, by a draw; a tensor as it is."""
    from .op import Literal

    return t.drawn(Literal(tuple(map(int, x.shape))), [], x=x) if x.constant else x  # type: ignore[arg-type]


def _word(name: str) -> Any:
    from ..primitives.functions import FUNCTIONS

    return OPERATIONS.get(name) or FUNCTIONS[name]


def _matmul(t: Trace, a: Sym, b: Sym) -> Sym:
    no_numbers("matmul", (x for x in (a, b) if not isinstance(x, Sym)))
    return t.matmul(*(literal(t, x) if x.constant and x.rank > 2 else x for x in (a, b)))


def _read(x: Any) -> Any:
    if isinstance(x, Words):
        return np.asarray(x)
    return type(x)(map(_read, x)) if isinstance(x, tuple | list) else x


def _first(*xs: Any) -> Words:
    return next(x for x in xs if isinstance(x, Words))


def where(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition is not 0, else y, broadcast."""
    operands = [operand(z) for z in (condition, x, y)]
    return _first(*operands)._said("where", lambda t, *zs: t.where(*zs), operands)


def concatenate(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Tensors one after the other along an axis."""
    ARRAYS.check("arrays", arrays, "concatenate")
    no_numbers("concatenate", (x for x in arrays if not isinstance(x, Words)))
    first = _first(*arrays)
    (axis,) = first._axes((axis,), "concatenate")
    return first._said(("concatenate", axis), lambda t, *xs: t.concat([literal(t, x) for x in xs], axis), list(arrays))


def clip(x: Any, low: Any, high: Any) -> Any:
    """x, no less than low and no more than high."""
    operands = [operand(z) for z in (x, low, high)]
    return _first(*operands)._said("clip", lambda t, *zs: t.apply("clip", *zs), operands)


def _method(name: str) -> Callable[..., Any]:
    def call(x: Any, axis: Any = None, **options: Any) -> Any:
        return getattr(x, name)(axis, **options)

    return call


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: _method(name) for name in REDUCTIONS},
    "where": where,
    "concatenate": concatenate,
    "clip": clip,
    "amax": _method("max"),
    "amin": _method("min"),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes=None: x.transpose(*(axes or ())),
    "shape": lambda x: x.shape,
    "ndim": lambda x: x.ndim,
    "size": lambda x: x.size,
    "dot": lambda a, b: np.matmul(a, b),
}
