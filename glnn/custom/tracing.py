"""Tensors of a program while it is traced: they have a shape, and no values yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..errors import InputError
from ..graph.shapes import Shape
from ..primitives import Sym, Trace
from .refusals import heard
from .words import Words, literal

_local = threading.local()


class Traced(Words):
    """A tensor of a program that is being traced."""

    __slots__ = ("sym", "work")

    def __init__(self, work: Tracing, sym: Sym):
        self.work, self.sym = work, sym

    @property
    def shape(self) -> Shape:
        """Its shape."""
        return tuple(int(size) for size in self.sym.shape)  # type: ignore[arg-type]

    @property
    def dtype(self) -> np.dtype:
        """What it comes as when it is read."""
        return np.dtype(np.float32)

    def __repr__(self) -> str:
        return f"<a tensor of shape {self.shape} in program {self.work.name!r}, which is being traced>"

    def _said(self, key: Any, say: Callable[..., Any], operands: Sequence[Any]) -> Any:
        return self.work.said(key, say, operands)

    def _otherwise(self, function: Any, args: Any, kwargs: Any) -> Any:
        self.unknown(f"np.{function.__name__}")

    def unknown(self, what: str) -> NoReturn:
        """Raises InputError: values are not known yet."""
        raise InputError(
            f"program {self.work.name!r}: {what} asks for values, which a tensor has only when the program runs. Say "
            "it by kernels, arithmetic, np.where and glnn.repeat, or do it outside of the program"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self.unknown("np.asarray")

    def __bool__(self) -> bool:
        self.unknown("a condition")

    def __float__(self) -> float:
        self.unknown("float()")

    def __int__(self) -> int:
        self.unknown("int()")

    def __index__(self) -> int:
        self.unknown("an index")


class Tracing:
    """A program's trace, and what its tensors are in it. Within `with` it is the one of this thread."""

    def __init__(self, name: str):
        self.name, self.trace = name, Trace(name)
        self._read: dict[int, tuple[Any, Sym]] = {}  # arrays from around the function, by id, which are held so long

    @staticmethod
    def now(operands: Sequence[Any] = ()) -> Tracing | None:
        """The one that tensors belong to, else that of this thread."""
        own = next((x.work for x in operands if isinstance(x, Traced)), None)
        return own or getattr(_local, "now", None)

    def __enter__(self) -> Tracing:
        self._before, _local.now = getattr(_local, "now", None), self
        return self

    def __exit__(self, *raised: object) -> None:
        _local.now = self._before

    def input(self, name: str, shape: Shape) -> Traced:
        """A tensor that a call gives."""
        return Traced(self, self.trace.tensor(name, shape))

    def symbol(self, x: Any) -> Any:
        """What stands for an operand in the trace. Raises InputError for a tensor of another program."""
        if isinstance(x, Traced):
            if x.work is not self:
                raise InputError(f"{x!r} was kept from there, and is given to program {self.name!r}: return it there")
            return x.sym
        if isinstance(x, int | float):
            return x
        if id(x) not in self._read:
            array = np.asarray(x)
            if array.dtype.kind not in "fiub":
                raise InputError(f"program {self.name!r}: {x!r:.80} is no array of numbers")
            self._read[id(x)] = x, self.trace.weight(array.astype(np.float32))
        return self._read[id(x)][1]

    def tensor(self, x: Any) -> Sym:
        """What stands for it as a tensor, which a constant becomes by a draw."""
        sym = self.symbol(np.asarray(x) if isinstance(x, int | float) else x)
        return literal(self.trace, sym)

    def said(self, key: Any, say: Callable[..., Any], operands: Sequence[Any]) -> Any:
        """What is said of operands. Raises InputError."""
        made = heard(f"program {self.name!r}", key, lambda: say(self.trace, *map(self.symbol, operands)))
        return tuple(Traced(self, sym) for sym in made) if isinstance(made, tuple | list) else Traced(self, made)

    def repeat(
        self, count: int, body: Callable[..., Any], state: Sequence[Any], names: Sequence[str] | None = None
    ) -> Any:
        """See glnn.repeat. names: what the state is called; None: as the body's parameters."""
        from .programs import several

        def step(*seen: Sym) -> list[Sym]:
            before = dict(self._read)
            made = [self.tensor(x) for x in several(body(*(Traced(self, sym) for sym in seen)), len(seen))]
            self._read = before  # a literal that a turn drew is read in it alone
            return made

        def say(t: Trace, *syms: Sym) -> Any:
            return t.repeat(step, [literal(t, sym) for sym in syms], count=count, names=called)

        code = getattr(body, "__code__", None)
        called = (code.co_varnames[: code.co_argcount] if code else ()) if names is None else names
        called = called if len(called) == len(state) else ()
        operands = [np.asarray(x) if isinstance(x, int | float) else x for x in state]
        made = self.said("repeat", say, operands)
        return made[0] if len(made) == 1 else made
