"""@glnn.program: a Python function that calls kernels becomes a plan, once for each set of shapes, and is replayed."""

from __future__ import annotations

import functools
import inspect
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from .. import passes
from ..arguments import DEVICE, FUNCTION, checked, count, instance
from ..device.device import Device
from ..errors import GlnnError, InputError
from ..graph.graph import Graph, TensorSpec, validate
from ..graph.shapes import Shape
from ..layout.limits import Limits
from ..plan.plan import Plan, make_plan
from ..plan.weights import WeightStore
from .engine import Engine
from .rewrite import rewritten
from .tensor import Tensor, device_of
from .tracing import Traced, Tracing
from .trees import Leaf, flattened, rebuilt
from .turns import together

KEPT_TRACES = 32  # of a program: sets of shapes and numbers


class Program:
    """A function of arrays and tensors, made a plan at the first call with their shapes. Made by `glnn.program`.

    Arrays and tensors among the arguments, also in tuples, lists and dicts, are its inputs. All else, numbers too, is
    part of the plan: another value is another plan. Arrays that the function takes from around it are read once.
    """

    def __init__(self, function: Callable[..., Any], device: Device | None = None):
        self.function, self.given_device = function, device
        self._traces: OrderedDict[Any, tuple[Graph, Any]] = OrderedDict()
        functools.update_wrapper(self, function)

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", "program")

    @functools.cached_property
    def _written(self) -> Callable[..., Any]:
        """The function, its loops over glnn.steps as loops of a plan."""
        return rewritten(self.function)

    def __repr__(self) -> str:
        return f"<glnn.program {self.name!r}: {len(self._traces)} traced>"

    def __call__(self, *args: Any, **named: Any) -> Any:
        """What the function returns, with a Tensor in the place of each that it makes.

        Raises InputError, KernelError at the author's line, LimitError; what the function raises while it is traced.
        """
        leaves: list[Leaf] = []
        form = flattened((args, named), leaves, self.name)
        tensors = [leaf.value for leaf in leaves]
        if any(isinstance(x, Traced) for x in tensors):  # called by another program: part of it
            return self._written(*args, **named)
        device = device_of(tensors, None if any(isinstance(x, Tensor) for x in tensors) else self.given_device)
        graph, result = self._traced(form, leaves, tuple(leaf.shape for leaf in leaves))
        if not graph.outputs:
            return rebuilt(result, [])
        engine = Engine.of(device)

        def work() -> list[Tensor]:
            stored = [
                x._stored if isinstance(x, Tensor) else engine.upload(x, f"{self.name}: {leaf.name}")
                for x, leaf in zip(tensors, leaves, strict=True)
            ]
            return [Tensor(x) for x in engine.ready((self, form), stored, lambda: drawn(graph)).run(stored)]

        return rebuilt(result, engine.turn(work))

    # ---- what it is

    def graph(self, *args: Any, **named: Any) -> Graph:
        """The graph of a call with these arguments, as it was traced; of arrays and tensors only the shapes matter.

        `glnn.Model(graph)` is it as a model, which is traced, explained, compared and profiled as any.
        """
        return self._of(args, named)[0]

    @checked(limits=instance("Limits, as of glnn.Device(..).limits", Limits))
    def plan(self, *args: Any, limits: Limits | None = None, **named: Any) -> Plan:
        """The plan of a call with these arguments, for a device of these limits (None: those of the device)."""
        graph, leaves = self._of(args, named)
        limits = limits or device_of([leaf.value for leaf in leaves], self.given_device).limits
        shapes: dict[str, Any] = {spec.name: spec.shape for spec in graph.inputs}
        return make_plan(drawn(graph), shapes, limits)

    def export_web(
        self, folder: str | os.PathLike[str], *args: Any, variants: Any = None, force: bool = False,
        verbose: Any = "auto", **named: Any,
    ) -> Path:  # fmt: skip
        """Writes a call with arguments of these shapes as a web page into a folder -> the folder. See Model.export_web.

        The page's inputs bear the names of the function's parameters. Needs no OpenGL. Raises InputError, LimitError.
        """
        from ..web import export_web

        graph = drawn(self._of(args, named)[0])
        shapes: dict[str, Any] = {spec.name: spec.shape for spec in graph.inputs}
        if not shapes:
            raise InputError(
                f"program {self.name!r} has no input: a page has nothing to give it. Take an array as argument"
            )
        return export_web(graph, WeightStore(graph), folder, shapes, variants, force=force, verbose=verbose)

    def _of(self, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[Graph, list[Leaf]]:
        leaves: list[Leaf] = []
        form = flattened((tuple(args), dict(named)), leaves, self.name)
        shapes = tuple(leaf.shape for leaf in leaves)
        return self._traced(form, leaves, shapes)[0], leaves

    def _traced(self, form: Any, leaves: Sequence[Leaf], shapes: tuple[Shape, ...]) -> tuple[Graph, Any]:
        key = form, shapes
        if key not in self._traces:
            while len(self._traces) >= KEPT_TRACES:
                self._traces.popitem(last=False)
            self._traces[key] = self._trace(form, leaves, shapes)
        self._traces.move_to_end(key)
        return self._traces[key]

    def _trace(self, form: Any, leaves: Sequence[Leaf], shapes: tuple[Shape, ...]) -> tuple[Graph, Any]:
        names = self._names(leaves)
        with Tracing(self.name) as work:
            args, named = rebuilt(form, [work.input(name, shape) for name, shape in zip(names, shapes, strict=True)])
            made: list[Leaf] = []
            result = flattened(self._written(*args, **named), made, f"{self.name}'s result", frozen=False)
            try:
                stored = [work.trace.stored(work.trace.plain(work.tensor(leaf.value))) for leaf in made]
            except GlnnError:
                raise
            except ValueError as error:
                raise InputError(f"program {self.name!r}: its result: {error}") from error
        specs = tuple(TensorSpec(name, shape) for name, shape in zip(names, shapes, strict=True))
        outputs = tuple(name for name, _, _ in stored)
        called = ("y",) if len(outputs) == 1 else tuple(f"y{k}" for k in range(len(outputs)))
        return validate(Graph(self.name, specs, tuple(work.trace.nodes), outputs, called)), result

    def _names(self, leaves: Sequence[Leaf]) -> list[str]:
        """What the inputs are called: as the function's parameters, where they are such."""
        try:
            parameters = list(inspect.signature(self.function).parameters)
        except (TypeError, ValueError):
            parameters = []
        names: list[str] = []
        for leaf in leaves:
            kind, first, *rest = leaf.path
            own = str(first) if kind == 1 else parameters[first] if first < len(parameters) else f"x{first}"
            name = "_".join([own, *map(str, rest)])
            names.append(name if name not in (*names, "y") else f"{name}~{len(names)}")
        return names


def drawn(graph: Graph) -> Graph:
    """The graph of a program as it is drawn: optimized, several turns of a kernel in a draw."""
    return together(passes.optimize(graph)) if graph.outputs else graph


@overload
def program(function: Callable[..., Any], /) -> Program: ...


@overload
def program(*, device: Device | None = None) -> Callable[[Callable[..., Any]], Program]: ...


@checked("glnn.program", device=DEVICE)
def program(function: Any = None, *, device: Device | None = None) -> Any:
    """Makes a function that calls kernels a plan, which is replayed without Python's overhead.

        @glnn.program
        def simulate(u, steps):
            return glnn.repeat(steps, lambda u: heat(u, 0.1), u)

    The function is called once for each set of shapes and numbers, with tensors that have a shape and no values yet:
    what it does with them by kernels, arithmetic and `glnn.repeat` is drawn at each call.

    device: where it runs on arrays; None: the process's default device
    """
    if function is None:
        return lambda function: Program(function, device)
    if not callable(function):
        raise InputError(f"glnn.program takes a function, not {function!r:.80}")
    return Program(function, device)


@checked("glnn.repeat", count=count(), body=FUNCTION)
def repeat(count: int, body: Callable[..., Any], *state: Any) -> Any:
    """state = body(*state), `count` times -> the state in the end: a tensor, or a tuple of as many as were given.

    In a program it is a loop of the plan: `body` is called once, whatever the count, and what it gives has the shapes
    of what it is given. Elsewhere `body` is called in each turn. Raises InputError.
    """
    if not state:
        raise InputError("glnn.repeat(count, body, *state): a state is needed, which each turn makes anew")
    work = Tracing.now(state)
    if work is not None:
        return work.repeat(int(count), body, state)
    device = device_of(state)
    now = tuple(x if isinstance(x, Tensor) else Tensor(x, device) for x in state)
    for _ in range(int(count)):
        now = several(body(*now), len(now))
    return now[0] if len(now) == 1 else now


def several(made: Any, count: int) -> tuple[Any, ...]:
    """What a turn gave as a tuple. Raises InputError where it is another number of tensors."""
    given = tuple(made) if isinstance(made, tuple | list) else (made,)
    if len(given) != count:
        raise InputError(f"glnn.repeat: a turn gave {len(given)} tensors, its state are {count}: give as many")
    return given
