"""A model of operators -> a Graph: once where its sizes allow that, else for each set of input shapes and values."""

from __future__ import annotations

import difflib
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from ..errors import GlnnError, GraphError, InputError, UnsupportedError
from ..graph.cut import needed
from ..graph.garbage import building
from ..graph.graph import Graph, TensorSpec
from ..graph.sequences import item_type
from ..graph.shapes import ANY, Dims, shape_text
from .check import HOST, check
from .program import Operators
from .samples import apart
from .say import NeedsShape, NeedsValue
from .survey import guesses, host_steps
from .walk import Stage, Walk

CUT = "Choose outputs before that, by their names: outputs=[...]"
KEPT = 8  # stages of a model, by shapes and values
BATCH = 7  # samples of which it is asked what shapes they lead to


class Staging:
    """A model that is made anew for each set of input shapes, and of values that shapes or weights depend on.

    host: whether NumPy may compute what depends on values
    asks: the inputs, and tensors that were read back, whose values it depends on, as far as they are found
    """

    def __init__(self, model: Operators, host: bool = True):
        self.model, self.host = model, host
        self.asks: set[str] = set()
        self._stages: OrderedDict[tuple, Stage] = OrderedDict()

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs as the file declares them."""
        return self.model.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs as the file declares them."""
        return self.model.outputs

    @cached_property
    def hosts(self) -> list[str]:
        """The calls that NumPy computes, as far as that is seen before inputs come: label and operator."""
        return host_steps(self.model)

    def fixed(self, shapes: Mapping[str, Dims], arrays: Mapping[str, np.ndarray] | None = None) -> Graph:
        """The one Graph for inputs of these shapes by name; of `arrays` it takes values that it must know as such.

        Raises UnsupportedError where values that only inputs tell are needed, or some outputs are known without.
        """
        where = f"{self.model.where} for inputs {', '.join(f'{n} {shape_text(s)}' for n, s in shapes.items())}"
        lists = [f"input {s.name!r}, {s.dtype}" for s in self.inputs if item_type(s.dtype) != s.dtype]
        if lists:
            raise UnsupportedError(where, lists, CUT)
        known: dict[str, np.ndarray] = {}
        while True:
            try:
                stage = Walk(self.model, shapes, known).stage()
                break
            except NeedsValue as need:
                if not arrays or not all(name in arrays for name in need.names):
                    items = [f"{need.call}, which must know the values of input {name!r}" for name in need.names]
                    raise UnsupportedError(where, items, CUT) from None
                known |= {name: arrays[name] for name in need.names}
        if stage.wants:
            first = f"host step {stage.asks}, which reads {', '.join(stage.wants)}"
            rest = [f"host step {step}" for step in self.hosts if step != stage.asks]
            raise UnsupportedError(where, [first, *rest], CUT)
        if stage.known or stage.graph is None:
            told = [f"output {name!r}, which is known without drawing" for name in stage.known]
            raise UnsupportedError(where, told, CUT)
        return stage.graph.with_(kinds=stage.kinds)

    def cut(self, names: Sequence[str]) -> Graph:
        """The Graph of the model with these outputs: names of tensors, or labels of calls. Raises InputError."""
        body = self.model.body
        labels = {call.label: call.outputs[-1] for call in body.calls if call.outputs}
        made = {name for call in body.calls for name in call.outputs} | {spec.name for spec in self.inputs}
        unknown = [name for name in names if name not in made and name not in labels]
        if unknown:
            close = difflib.get_close_matches(unknown[0], [*made, *labels], 3)
            raise InputError(
                f"outputs: model {self.model.name!r} has no tensor or node {unknown[0]!r}"
                + (f"; there are {', '.join(map(repr, close))}" if close else "")
            )
        known = {spec.name: spec for spec in self.outputs}
        specs = tuple(known.get(name, TensorSpec(name, ANY)) for name in names)
        chosen = replace(body, outputs=tuple(name if name in made else labels[name] for name in names))
        chosen = replace(chosen, calls=tuple(needed(body.calls, chosen.outputs, "reads")))
        return as_graph(replace(self.model, outputs=specs, body=chosen), self.host)

    def stage(self, arrays: Mapping[str, np.ndarray], answers: Mapping[str, np.ndarray]) -> Stage:
        """What is to be drawn next for inputs by name, and for the tensors that were read back. Raises GlnnError."""
        while True:
            given = {**arrays, **answers}
            known = {name: given[name] for name in self.asks if name in given}
            key = (
                tuple((name, array.shape) for name, array in sorted(given.items())),
                tuple((name, hashed(array)) for name, array in sorted(known.items())),
            )
            if key in self._stages:
                self._stages.move_to_end(key)
                return self._stages[key]
            feeds = {name: array.shape for name, array in answers.items() if name not in known}
            walk = Walk(self.model, {name: array.shape for name, array in arrays.items()}, known, feeds)
            try:
                with building():
                    stage = walk.stage()
            except NeedsValue as need:
                self.asks.update(need.names)
                continue
            if stage.wants and not self.host:
                raise UnsupportedError(self.model.where, [f"host step {stage.asks}"], HOST)
            self.asks.update(stage.wants)
            while len(self._stages) >= KEPT:
                self._stages.popitem(last=False)
            self._stages[key] = stage
            return stage


def hashed(array: np.ndarray) -> str:
    """What tells an array's elements from others."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def as_graph(model: Operators, host: bool = True) -> Graph:
    """The Graph of a model; without host none of it may be left to NumPy.

    Its `staging` makes others for other sizes, where it needs that.
    Raises UnsupportedError with all that is not supported, GraphError where shapes do not fit.
    """
    check(model)
    declared = {spec.name: spec.shape for spec in model.inputs}
    if plain_batch(declared) and not any(item_type(spec.dtype) != spec.dtype for spec in model.inputs):
        try:
            walk = Walk(model, declared)
            stage = walk.stage()
        except NeedsValue:
            pass
        except (NeedsShape, GraphError):
            if not any(None in shape for shape in declared.values()):
                raise
        else:
            if fixed(stage, model, declared) and (not walk.say.sized or sure(stage, model, declared)):
                assert stage.graph is not None
                return stage.graph.with_(kinds=stage.kinds)
    staging = Staging(model, host)
    if not host and staging.hosts:
        raise UnsupportedError(model.where, [f"host step {step}" for step in staging.hosts], HOST)
    return guessed(staging).with_(staging=staging)


def plain_batch(shapes: Mapping[str, Dims]) -> bool:
    """Whether no size is free but that of the first axis, of all inputs or of none."""
    return bool(shapes) and all(
        shape and shape != ANY and None not in shape[1:] and 0 not in shape for shape in shapes.values()
    )


def fixed(stage: Stage, model: Operators, declared: Mapping[str, Dims]) -> bool:
    """Whether one graph does for all inputs that the model takes, sample by sample."""
    graph = stage.graph
    if stage.wants or stage.known or graph is None or len(graph.inputs) < len(model.inputs):
        return False
    specs = graph.specs()
    firsts = {shape[0] for shape in (*declared.values(), *(specs[name].shape for name in graph.outputs)) if shape}
    if firsts not in ({None}, {1}) or not all(specs[name].shape for name in graph.outputs):
        return False
    return firsts == {1} or apart(graph)  # a batch of one is never cut


def sure(stage: Stage, model: Operators, declared: Mapping[str, Dims]) -> bool:
    """Whether a graph of a free batch makes tensors of the shapes that are meant: it took sizes for the batch's."""
    shapes: dict[str, Dims] = {name: (BATCH, *shape[1:]) for name, shape in declared.items()}
    walk = Walk(model, shapes)
    try:
        meant = walk.stage()
        assert stage.graph is not None
        specs = stage.graph.specs({name: tuple(size or 0 for size in shape) for name, shape in shapes.items()})
    except (NeedsShape, NeedsValue, GlnnError):
        return False
    made = {name: x.shape for name, x in walk.tensors.items() if x.array is None}
    return not meant.wants and all(specs[name].shape == shape for name, shape in made.items() if name in specs)


def guessed(staging: Staging) -> Graph:
    """A graph for inputs of sizes that the file leaves free: for looking at the model before inputs are there."""
    failed: GlnnError | None = None
    free = any(None in spec.shape or spec.shape == ANY for spec in staging.inputs)
    if any(item_type(spec.dtype) != spec.dtype for spec in staging.inputs):
        return empty(staging)
    for shapes in guesses(staging.inputs):
        try:
            with building():
                stage = Walk(staging.model, shapes).stage()
        except NeedsValue:
            break
        except (NeedsShape, UnsupportedError, GraphError) as error:
            failed = failed or (error if isinstance(error, GlnnError) else None)
            if not free:
                break
            continue
        return (stage.graph or empty(staging)).with_(kinds=stage.kinds)
    if failed is not None and not free:
        raise failed
    return empty(staging)


def empty(staging: Staging) -> Graph:
    """The graph of a model of which nothing can be said before inputs come."""
    return Graph(staging.model.name, (), (), ())
