"""What is held to a reference: a layer or primitive, a kernel's file or text, a function made by glnn.kernel."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import plain_array
from ..custom.calls import Kernel
from ..custom.tensor import graph_of
from ..custom.text import parsed
from ..errors import InputError, KernelError
from ..graph.graph import Graph, as_tuple
from ..graph.weight import WeightSpec
from ..kernels.files import KernelSource, kernel_names, load_kernel, parse
from ..kernels.language.parse import parse_file
from ..layers.base import Layer
from ..primitives.base import Builder, Primitive, Value
from .layers import coded_weights, layer_graph

Arrays = Mapping[str, Any]
Numbers = Mapping[str, "int | float"]
_COUNTED = ("G0", "GN", "GU")  # what the builder fills in


@dataclass(frozen=True, eq=False)
class OneDraw(Layer):
    """One draw of a kernel, as docs/kernels.md has them: its inputs by the names of its pragmas, in their order."""

    source: KernelSource
    shape: tuple[int, ...]
    given: tuple[str, ...]
    cells: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    const: Numbers = field(default_factory=dict)
    param: Numbers = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    arity = None

    def weight_specs(self, *inputs: tuple[int | None, ...]) -> list[WeightSpec]:
        return [WeightSpec(name, shape) for name, shape in self.cells.items()]

    def output_shape(self, *inputs: tuple[int | None, ...]) -> tuple[int, ...]:
        return self.shape

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, Any]) -> Value:
        return b.draw(
            self.source,
            self.shape,
            dict(zip(self.given, inputs, strict=True)),
            cells={name: weights[name] for name in self.cells},
            const=self.const,
            param={name: int(value) for name, value in self.param.items()},
            **self.options,
        )


@dataclass(frozen=True)
class Subject:
    """What is to be judged: what it is called, what it reads, the graph that it is, what it should make.

    graph:     for the codec of weights, in which the graph then holds them
    reference: of its inputs by position and of weights by name, where it has arguments of their names
    fixed:     whether the reference is a value that does not depend on the inputs
    """

    name: str
    inputs: tuple[np.ndarray, ...]
    graph: Callable[[str], Graph]
    reference: Callable[..., Any]
    fixed: bool = False

    def expected(self, inputs: Sequence[np.ndarray], graph: Graph) -> tuple[np.ndarray, ...]:
        """What should come out of these inputs and the weights of the graph, float64."""
        weights = {name: np.asarray(w, np.float64) for node in graph.nodes for name, w in node.weights.items()}
        with np.errstate(all="ignore"):
            made = several(self.reference(*inputs, **accepted(self.reference, weights)))
        if len(made) != len(graph.outputs):
            raise InputError(f"{self.name} makes {len(graph.outputs)} tensors, and its reference gives {len(made)}")
        return tuple(np.asarray(y, np.float64) for y in made)


def several(made: Any) -> tuple[Any, ...]:
    """The results of a reference: a tuple, or a list of arrays, as layers give it, are several; all else is one."""
    return made if isinstance(made, tuple) else as_tuple(made)


def accepted(function: Callable[..., Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the named values that a function has arguments for."""
    if isinstance(function, np.ufunc):
        return {}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # of what is written in C
        return {}
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return dict(named)
    return {name: value for name, value in named.items() if name in parameters}


def kernel_of(text: str, file: str, name: str) -> KernelSource | Kernel:
    """A kernel from its text: of docs/kernels.md, or else a function as glnn.kernel makes it. Raises KernelError."""
    if any(pragma.kind in ("matrix", "vector") for pragma in parse_file(text, file).pragmas):
        return parse(name, text, file)
    read = parsed(text, file, name)
    return Kernel(read) if read.source is None or read.shape or read.reduction else read.source


def tensors_of(kernel: KernelSource | Kernel, values: Mapping[str, Any]) -> list[str]:
    """Which of these values are tensors that a kernel reads, in the order in which a reference takes them."""
    if isinstance(kernel, Kernel):
        numbers = {*kernel.text.uniforms, *(n for n, count in kernel.text.given.items() if count > 1)}
        return [n for n in kernel.arguments if n in values and n not in numbers and np.ndim(values[n])]
    return [n for n in (*kernel.declared["input"], *kernel.declared["optional"]) if n in values]


def subject_of(
    kernel: Any,
    reference: Any,
    inputs: Mapping[str, Any] | Sequence[Any],
    weights: Mapping[str, Any],
    numbers: Mapping[str, Any],
    shape: tuple[int, ...] | None,
    options: Mapping[str, Any],
) -> Subject:
    """What assert_matches was given as a Subject. Raises InputError, KernelError."""
    if isinstance(kernel, Layer | Primitive):
        _refuse(kernel, numbers=numbers, shape=shape, options=options)
        if isinstance(inputs, Mapping):
            raise InputError(f"inputs of {type(kernel).__name__} have no names: give a list of arrays, not a dict")
        return of_layer(kernel, reference, inputs, weights)
    if isinstance(kernel, str | os.PathLike):
        kernel = _read(os.fspath(kernel))
    if isinstance(kernel, KernelSource):
        return of_draw(kernel, reference, inputs, {**weights, **numbers}, shape, options)
    if isinstance(kernel, Kernel):
        _refuse(kernel, shape=shape, options=options)
        return of_kernel(kernel, reference, inputs, {**weights, **numbers})
    raise InputError(
        f"kernel={kernel!r}: give a .glsl file, a kernel's text, what glnn.kernel made, a layer or a primitive"
    )


def _refuse(kernel: Any, **arguments: Any) -> None:
    """Raises InputError for arguments that say nothing to this kind of kernel."""
    given = [name for name, value in arguments.items() if value]
    if given:
        raise InputError(f"{kernel!r} takes no {', '.join(given)} here: that is for a kernel of docs/kernels.md")


def _read(given: str) -> KernelSource | Kernel:
    if "\n" in given or "{" in given:
        return kernel_of(given, "<kernel>", "kernel")
    if given in kernel_names():
        return load_kernel(given)
    path = Path(given)
    if not path.is_file():
        raise InputError(f"kernel={given!r}: no file, and no kernel of glnn. Give a path, the text, or a layer")
    return kernel_of(path.read_text(encoding="utf-8"), given, path.stem)


def of_draw(
    source: KernelSource,
    reference: Any,
    inputs: Mapping[str, Any] | Sequence[Any],
    numbers: Mapping[str, Any],
    shape: tuple[int, ...] | None,
    options: Mapping[str, Any],
) -> Subject:
    """A kernel's draw as a Subject. Raises KernelError for inputs and numbers that it does not declare, or lacks."""
    declared = source.declared
    tensors, cells = (*declared["input"], *declared["optional"]), (*declared["matrix"], *declared["vector"])
    values = {**_by_name(inputs, declared["input"], source.file), **numbers}
    allowed = (*tensors, *cells, *declared["const"], *declared["param"])
    for name in values:
        if name not in allowed:
            raise KernelError(f"{source.file}: no pragma declares {name!r}; there are {', '.join(allowed) or 'none'}")
    missing = [n for n in allowed if n not in values and n not in (*declared["optional"], *_COUNTED)]
    if missing:
        raise KernelError(f"{source.file}: no value came for {', '.join(missing)}")
    given = tuple(name for name in tensors if name in values)
    xs = tuple(np.asarray(values[name], np.float32) for name in given)
    weights = {name: np.asarray(values[name], np.float32) for name in cells}
    const = {name: _number(values[name], source, name) for name in declared["const"] if name in values}
    param = {name: _number(values[name], source, name) for name in declared["param"] if name in values}
    function, fixed = as_function(reference)

    def judged(*tensors64: np.ndarray, **weights64: np.ndarray) -> Any:
        return function(*tensors64, **accepted(function, {**weights64, **const, **param}))

    made = shape or np.shape(judged(*(x.astype(np.float64) for x in xs), **weights)) or (xs[0].shape if xs else (1,))

    def spread(*tensors64: np.ndarray, **weights64: np.ndarray) -> Any:
        y = np.asarray(judged(*tensors64, **weights64))
        return np.broadcast_to(y, made) if y.ndim == 0 else y

    shapes = {name: w.shape for name, w in weights.items()}
    layer = OneDraw(source, tuple(made), given, shapes, const, param, options)
    return Subject(source.name, xs, _coded(layer, xs, weights), spread, fixed)


def of_kernel(
    kernel: Kernel, reference: Any, inputs: Mapping[str, Any] | Sequence[Any], numbers: Mapping[str, Any]
) -> Subject:
    """A function made by glnn.kernel as a Subject. Raises InputError, KernelError for what it does not take."""
    values = {**_by_name(inputs, kernel.arguments, kernel.text.file), **numbers}
    values = {n: v if np.ndim(v) == 0 else np.asarray(v, np.float32) for n, v in values.items()}
    tensors, others = kernel._sorted(kernel._named((), values))
    names, xs = tuple(tensors), tuple(np.asarray(x, np.float32) for x in tensors.values())
    function, fixed = as_function(reference)

    def judged(*tensors64: np.ndarray) -> Any:
        return function(*tensors64, **accepted(function, {n: v for n, v in values.items() if n not in tensors}))

    def spread(*tensors64: np.ndarray) -> Any:
        ys = several(judged(*tensors64))
        return tuple(np.broadcast_to(y, shape) if np.ndim(y) == 0 else y for y, shape in zip(ys, shapes, strict=False))

    def say(t: Any, *symbols: Any) -> Any:
        return kernel.say(t, dict(zip(names, symbols, strict=True)), others)

    graph, _ = graph_of(say, [x.shape for x in xs], kernel.name)
    shapes = [tuple(map(int, graph.specs()[name].shape)) for name in graph.outputs]  # type: ignore[arg-type]
    return Subject(kernel.name, xs, lambda codec: graph, spread, fixed)


def of_layer(layer: Any, reference: Any, inputs: Sequence[Any], weights: Mapping[str, Any]) -> Subject:
    """A layer or primitive as a Subject, held to its own reference where none is given."""
    xs = tuple(np.asarray(x, np.float32) for x in inputs)
    graph = _coded(layer, xs, {name: np.asarray(w, np.float32) for name, w in weights.items()})
    if reference is not None:
        return Subject(type(layer).__name__, xs, graph, *as_function(reference))

    def own(*tensors64: np.ndarray, **weights64: np.ndarray) -> Any:
        return layer.reference(list(tensors64), weights64)

    return Subject(type(layer).__name__, xs, graph, own)


def as_function(reference: Any) -> tuple[Callable[..., Any], bool]:
    """A reference as a function, and whether it is a value that knows nothing of the inputs."""
    if callable(reference):
        return reference, False
    ys = reference if isinstance(reference, tuple) else (reference,)
    values = tuple(plain_array(y, "reference").astype(np.float64) for y in ys)
    return (lambda *inputs: values if isinstance(reference, tuple) else values[0]), True


def _coded(layer: Any, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> Callable[[str], Graph]:
    """The graph of a layer, by the codec of its weights."""
    shapes = [x.shape for x in inputs]

    def graph(codec: str) -> Graph:
        coded = weights if codec == "float32" else coded_weights(layer, shapes, weights, codec, True)
        return layer_graph(layer, shapes, coded)

    return graph


def _by_name(inputs: Mapping[str, Any] | Sequence[Any], names: Sequence[str], file: str) -> dict[str, Any]:
    """Inputs by name. Raises KernelError for more of them than there are names."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    if len(inputs) > len(names):
        raise KernelError(f"{file}: {len(inputs)} inputs came; it takes {', '.join(names) or 'none'}")
    return dict(zip(names, inputs, strict=False))


def _number(value: Any, source: KernelSource, name: str) -> int | float:
    """A number for a const or param. Raises KernelError for anything else."""
    if np.ndim(value) or isinstance(value, str) or value is None:
        raise KernelError(f"{source.file}: {name} is a number, and {value!r} came")
    return int(value) if float(value).is_integer() else float(value)
