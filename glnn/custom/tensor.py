"""glnn.Tensor: an array on a device, with NumPy's arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import DEVICE, checked
from ..device.default import default_device
from ..device.device import Device
from ..errors import InputError
from ..graph.graph import Graph, TensorSpec
from ..graph.shapes import Shape
from ..layout.tiles import Layout
from ..primitives import Sym, Trace
from ..show.views.tensors import Tensorlike
from .engine import Engine, Stored
from .refusals import heard
from .words import Words

Say = Callable[..., Any]  # (trace, *symbols or numbers) -> a symbol, or a tuple of them


class Tensor(Words, Tensorlike):
    """An array (float32) that lies on a device until it is read, by np.asarray(y). Its value never changes.

    Arithmetic, comparisons, `@`, slices, NumPy's elementwise functions and the reductions sum, mean, max, min, prod,
    any, all, argmax and argmin give further tensors, with NumPy's broadcasting; arrays and numbers may stand on either
    side. What NumPy does otherwise reads it.
    """

    __slots__ = ("_stored",)

    @checked("glnn.Tensor", device=DEVICE)
    def __init__(self, value: Any, device: Device | None = None):
        """The array `value` on a device (None: the process's default one). Raises InputError, LimitError."""
        self._stored = value if isinstance(value, Stored) else _engine(device).upload(value, "glnn.Tensor")

    @property
    def shape(self) -> Shape:
        """Its shape."""
        return self._stored.shape

    @property
    def dtype(self) -> np.dtype:
        """What it comes as when it is read."""
        return self.device.real

    @property
    def device(self) -> Device:
        """Where it lies."""
        return self._stored.engine.device

    def numpy(self) -> np.ndarray:
        """Its values; waits for the draws that make them. Raises ClosedError, DeviceLostError."""
        return self._stored.read()

    def _lying(self) -> tuple[Layout, str, list[np.ndarray]]:
        stored = self._stored
        stored.check()
        with self.device.use():
            return stored.layout, stored.codec.codec, [texture.read() for texture in stored.held.textures]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy().astype(dtype or self.dtype, copy=False)

    def __repr__(self) -> str:
        return f"<glnn.Tensor {self.shape} on {self.device.renderer!r}>"

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def _said(self, key: Any, say: Say, operands: Sequence[Any]) -> Any:
        return perform(key, say, operands)


def _engine(device: Device | None) -> Engine:
    return Engine.of(device or default_device())


def device_of(operands: Sequence[Any], device: Device | None = None) -> Device:
    """The one device of tensors, else the given one, else the default. Raises InputError for tensors of several."""
    found = {id(x.device): x.device for x in operands if isinstance(x, Tensor)} | (
        {id(device): device} if device else {}
    )
    if len(found) > 1:
        told = " and ".join(repr(one) for one in found.values())
        raise InputError(f"tensors of several devices: {told}. Read those of one, by np.asarray(x), and give the array")
    return next(iter(found.values()), None) or default_device()


def perform(
    key: Any, say: Say, operands: Sequence[Any], device: Device | None = None, floats: dict[str, float] | None = None
) -> Any:
    """What `say` says of tensors, arrays and numbers, computed now -> a Tensor, or a tuple of them.

    key: what `say` depends on. floats: values of uniforms by name, which the key does not tell
    """
    engine = _engine(device_of(operands, device))

    def work() -> tuple[Tensor, ...]:
        stored = [
            x
            if isinstance(x, int | float)
            else x._stored
            if isinstance(x, Tensor)
            else engine.upload(x, f"argument {k}")
            for k, x in enumerate(operands)
        ]
        inputs = [x for x in stored if isinstance(x, Stored)]
        told = tuple(None if isinstance(x, Stored) else x for x in stored)
        shapes = [x.shape if isinstance(x, Stored) else x for x in stored]
        ready = engine.ready((key, told), inputs, lambda: heard("glnn.Tensor", key, lambda: graph_of(say, shapes)[0]))
        return tuple(Tensor(x) for x in ready.run(inputs, floats))

    made = engine.turn(work)
    return made[0] if len(made) == 1 else made


def graph_of(say: Say, operands: Sequence[Any], name: str = "kernel") -> tuple[Graph, Any]:
    """The graph of what is said of operands, shapes or numbers; and what `say` returned."""
    trace = Trace(name)
    specs = tuple(TensorSpec(f"x{k}", x) for k, x in enumerate(x for x in operands if isinstance(x, tuple)))
    syms = iter([trace.tensor(spec.name, spec.shape) for spec in specs])
    made = say(trace, *(next(syms) if isinstance(x, tuple) else x for x in operands))
    several: Sequence[Sym] = made if isinstance(made, tuple | list) else (made,)
    stored = [trace.stored(trace.plain(sym))[0] for sym in several]
    outputs = tuple(stored)
    return Graph(name, specs, tuple(trace.nodes), outputs, tuple(f"y{k}" for k in range(len(outputs)))), made
