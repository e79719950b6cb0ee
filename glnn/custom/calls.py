"""glnn.kernel: a kernel of one's own as a function of arrays and tensors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import DEVICE, checked, plain_array
from ..device.device import Device
from ..errors import InputError, KernelError
from ..graph.shapes import Shape
from ..primitives import Sym, Trace
from .check import check_values
from .op import Drawn
from .shapes import broadcast, shape_by
from .tensor import Tensor, perform
from .text import KernelText, numbers_of, read
from .tracing import Tracing
from .values import around, uniform_names
from .words import NUMBERS, Words, literal, operand


class Kernel:
    """A function in GLSL, called with arrays, tensors and numbers; what it gives stays on the device until it is read.

    Made by `glnn.kernel`. `arguments`: what a call takes, by name and in this order.
    """

    @checked("glnn.kernel", device=DEVICE)
    def __init__(self, text: KernelText, shape: Any = None, device: Device | None = None):
        self.text, self.given_device = text, device
        self._shape = shape if shape is not None else _words(text)
        self.ranks = check_values(text) if text.form == "value" else {}
        self._around = around(text) if text.form == "value" else frozenset(text.inputs)
        function = text.function
        parameters = [p.name for p in function.params if p.name in text.given]
        self.arguments = (*text.inputs, *parameters, *text.uniforms, *text.param, *text.const)

    @property
    def name(self) -> str:
        """What it is called, in plans and messages."""
        return self.text.name

    def __repr__(self) -> str:
        return f"<glnn.kernel {self.name!r}({', '.join(self.arguments)}) of {self.text.file}>"

    @checked("a kernel", device=DEVICE)
    def __call__(self, *args: Any, device: Device | None = None, **named: Any) -> Any:
        """A Tensor, or a tuple of several, of arrays, tensors and numbers in the order of `arguments`, or by name.

        device: where to run; None: where its tensors lie, else that of the kernel, else the default

        Raises InputError (number, name, shape, dtype), KernelError at the author's line, LimitError.
        """
        given = self._named(args, named)
        tensors, numbers = self._sorted(given)
        names = tuple(tensors)
        key = (self, names, tuple((n, v) for n, v in numbers.items() if n not in self._uniforms))
        floats = {
            name: number
            for own, values in numbers.items() if own in self._uniforms
            for name, number in zip(self._float_names(own), values, strict=True)
        }  # fmt: skip

        def say(t: Trace, *xs: Any) -> Any:
            return self.say(t, dict(zip(names, xs, strict=True)), numbers)

        operands = list(tensors.values())
        work = Tracing.now(operands)
        if work is not None:
            return work.said(key, say, operands)
        return perform(key, say, operands, device or self._device(operands), floats)

    def _device(self, operands: Sequence[Any]) -> Device | None:
        return None if any(isinstance(x, Tensor) for x in operands) else self.given_device

    @property
    def _uniforms(self) -> tuple[str, ...]:
        return (*self.text.given, *self.text.uniforms)

    def _float_names(self, name: str) -> list[str]:
        count = self.text.given.get(name, 1)
        kind, size = self.text.uniforms.get(name, ("float" if count == 1 else f"vec{count}", 0))
        return uniform_names(name, kind, size)

    def _what(self, name: str) -> str:
        return f"kernel {self.name!r}: {name}"

    def _named(self, args: Sequence[Any], named: dict[str, Any]) -> dict[str, Any]:
        """What was given, by name. Raises InputError."""
        told = f"it takes {', '.join(self.arguments) or 'nothing'}"
        if len(args) > len(self.arguments):
            raise InputError(f"kernel {self.name!r}: {len(args)} arguments were given; {told}")
        given = dict(zip(self.arguments, args, strict=False))
        twice, unknown = [n for n in named if n in given], [n for n in named if n not in self.arguments]
        missing = [n for n in self.arguments if n not in given and n not in named and n not in self.text.optional]
        if twice or unknown or missing:
            raise InputError(
                f"kernel {self.name!r}: unknown {unknown}, given twice {twice}, missing {missing}; {told} "
                f"({self.text.file})"
            )
        return {name: {**given, **named}[name] for name in self.arguments if name in given or name in named}

    def _sorted(self, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The tensors by name, and the numbers: floats of uniforms, and values of consts and params."""
        text = self.text
        tensors: dict[str, Any] = {}
        numbers: dict[str, Any] = {}
        for name, value in given.items():
            if name in text.const or name in text.param:
                numbers[name] = _whole(value, self._what(name), name in text.const)
            elif name in text.uniforms or text.given.get(name, 1) > 1:
                numbers[name] = numbers_of(value, len(self._float_names(name)), self._what(name))
            elif name in text.given and isinstance(value, NUMBERS):
                numbers[name] = (float(value),)
            else:
                tensors[name] = value if isinstance(value, Words) else plain_array(value, self._what(name))
        return tensors, numbers

    # ---- in the words of a trace

    def say(self, t: Trace, tensors: dict[str, Sym], numbers: dict[str, Any]) -> Any:
        """What a call is in a graph. Raises InputError, KernelError for shapes that do not fit."""
        text = self.text
        shapes: dict[str, Shape] = {name: tuple(map(int, x.shape)) for name, x in tensors.items()}  # type: ignore[arg-type]
        made = self._made(shapes, {n: v for n, v in numbers.items() if n in text.param or n in text.const})
        tensors = {n: literal(t, x) if x.rank > 4 else x for n, x in tensors.items()}
        held = {n: x for n, x in tensors.items() if x.constant}
        drawn = {n: t.plain(x) for n, x in tensors.items() if n not in held}
        kinds = (self._uniforms, text.const, text.param)
        sorts = [tuple((n, v) for n, v in numbers.items() if n in kind) for kind in kinds]
        label, t.label = t.label, self.name
        outputs = []
        for k in range(text.count):
            op = Drawn(
                text, made, tuple(drawn), tuple((n, shapes[n]) for n in held), sorts[0], sorts[1], sorts[2], output=k
            )
            y = t.drawn(op, list(drawn.values()), **held)
            if text.reduction:
                kind, axes = text.reduction
                y = t.reduce(kind, y, axes)
            outputs.append(y)
        t.label = label
        return tuple(outputs) if len(outputs) > 1 else outputs[0]

    def _made(self, shapes: dict[str, Shape], numbers: dict[str, int]) -> Shape:
        text, what = self.text, f"kernel {self.name!r} ({self.text.file})"
        for name, rank in self.ranks.items():
            if len(shapes[name]) != rank:
                self._refuse_rank(name, shapes[name], rank)
        if self._shape is not None:
            try:
                made = shape_by(self._shape, shapes, numbers, what)
            except InputError as error:
                if text.shape:
                    text.refuse(text.pragma("shape"), str(error))
                raise
        else:
            sized = {n: s for n, s in shapes.items() if n in text.given or n in self._around} or dict(shapes)
            if not sized and text.indices:
                text.refuse(
                    text.function.at, "nothing says how large the result is: '#pragma glnn shape ..', or shape="
                )
            made = broadcast(sized, what)
        given = {n: s for n, s in shapes.items() if n in text.given}
        if tuple(np.broadcast_shapes(made, broadcast(given, what))) != made:
            raise InputError(f"{what}: {given} do not broadcast to the shape {made} that it makes")
        if text.indices and len(text.indices) != len(made):
            text.refuse(
                text.function.at, f"the kernel has {len(text.indices)} indices, and makes a tensor of shape {made}. "
                f"Give an index for each axis, or the shape: '#pragma glnn shape ..' (inputs: {shapes})",
            )  # fmt: skip
        return made

    def _refuse_rank(self, name: str, shape: Shape, rank: int) -> None:
        from ..kernels.language import tree as t
        from ..kernels.language.walk import within

        reads = (node for node in within(self.text.tree) if isinstance(node, t.Call) and node.name == name)
        self.text.refuse(
            next(reads).at, f"{name} is read by {rank} ind{'ex' if rank == 1 else 'ices'}, and is given an array of "
            f"shape {shape}, which has another number of axes",
        )  # fmt: skip


def kernel(
    text_or_file: str | os.PathLike[str], *, name: str | None = None, shape: Any = None, device: Device | None = None
) -> Kernel:
    """A function in GLSL that is called with NumPy arrays, tensors (glnn.Tensor) and numbers, and gives tensors.

        blend = glnn.kernel("float kernel(float x, float y, float t) { return mix(x, y, t); }")
        np.asarray(blend(a, b, 0.5))

    text_or_file: the text, or the path of a file, in the kernel language (docs/own-kernels.md)
    name:   what plans and messages call it; None: the file's name
    shape:  of what it makes, where that is not that of its inputs, broadcast: "(a.shape[0], b.shape[1])", a tuple, or a
            function of the shapes by name
    device: where it runs on arrays; None: the process's default device

    Raises KernelError, at the line of the text and with a caret, for what is no kernel; InputError.
    """
    return Kernel(read(text_or_file, name), shape, device)


def _words(text: KernelText) -> Any:
    return text.shape or None


def _whole(value: Any, what: str, const: bool) -> int | float:
    number = operand(value)
    if isinstance(value, bool | np.bool_) or not isinstance(value, NUMBERS):
        raise InputError(f"{what}: a number is needed, {value!r:.80} was given")
    if float(number).is_integer() and not (const and isinstance(value, float | np.floating)):
        return int(number)
    if const:
        return float(number)
    raise InputError(f"{what}: a param is a whole number, {value!r:.80} was given. Declare it as a uniform")


__all__ = ["Kernel", "KernelError", "kernel"]
