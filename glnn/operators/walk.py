"""An operator graph walked call by call: what is known is computed at once, the rest becomes a Graph of primitives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from itertools import count, takewhile
from typing import Any

import numpy as np

from ..errors import GlnnError, GraphError
from ..graph.cut import needed
from ..graph.graph import Graph, TensorSpec
from ..graph.sequences import is_sequence, item_name, item_type
from ..graph.shapes import ANY, Dims, shape_text
from ..primitives import Sym
from ..primitives.expand import evaluated
from ..primitives.map import Copy
from ..records import dataclass
from .naming import renamed
from .program import Body, Call, Operators
from .say import NeedsShape, NeedsValue, Say, Tensor, plain_type, typed
from .table import VOCABULARIES, Word
from .values import Values, exact_arrays, flattened, has_free, is_known, kinds_of, listed, told

LARGEST = 1 << 31  # elements of a tensor


@dataclass(frozen=True, eq=False)
class Stage:
    """What a walk came to: a graph that makes the tensors `wants`, which what follows must know, or all outputs.

    graph:  None where nothing is to be drawn
    known:  outputs of the model that are known without, by name
    kinds:  the types of the model's outputs, or of what it wants, by name; lists of types for sequences
    asks:   the call that must know what `wants` says
    """

    graph: Graph | None
    wants: tuple[str, ...] = ()
    known: Mapping[str, Any] = field(default_factory=dict)
    kinds: Mapping[str, Any] = field(default_factory=dict)
    asks: str = ""


class Scope:
    """The values that a body's calls see: its own, and those of the bodies around it."""

    def __init__(self, walk: Walk, body: Body, values: dict[str, Any], outer: Scope | None = None, path: str = ""):
        self.walk, self.body, self.values, self.outer, self.path = walk, body, values, outer, path

    def __getitem__(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        if name in self.body.arrays:
            kind = self.body.kinds.get(name)
            made = self.values[name] = self.walk.say.give(self.body.arrays[name], kind, self.path + name)
            return made
        if self.outer is None:
            raise GraphError(f"{self.walk.model.where}: value {name!r} is read, and no call before makes it")
        return self.outer[name]

    def live(self, at: int) -> Values:
        """The body's own values that its calls from this one on read, or that it gives."""
        names = [name for call in self.body.calls[at:] for name in call.reads]
        return [self.values[name] for name in (*names, *self.body.outputs) if name in self.values]


class Walk:
    """One walk through a model for inputs of certain shapes.

    shapes:  of the inputs; None where free
    known:   elements of inputs, and of tensors that were read back, that are known, by name
    feeds:   the shapes of tensors that were read back and go in again as they are, by name
    """

    def __init__(
        self, model: Operators, shapes: Mapping[str, Dims],
        known: Mapping[str, np.ndarray] | None = None, feeds: Mapping[str, Dims] | None = None,
    ):  # fmt: skip
        self.model, self.shapes = model, dict(shapes)
        self.known, self.feeds = dict(known or {}), dict(feeds or {})
        self.words = VOCABULARIES[model.words]
        self.say = Say(model.name)
        self.inputs: dict[str, TensorSpec] = {}  # what the graph reads
        self.names: dict[str, str] = {}  # of tensors as the model calls them
        self.held: dict[str, tuple[str, tuple[int, ...]]] = {}  # of tensors that are stored in another order of axes
        self.tensors: dict[str, Tensor] = {}  # what calls made, by name with the path of the body
        self._labels: set[str] = set()

    def stage(self) -> Stage:
        """The graph up to what it needs to know, or to its end. Raises GlnnError, naming the call; NeedsShape."""
        values = {spec.name: self._input(spec) for spec in self.model.inputs}
        scope = Scope(self, self.model.body, values)
        try:
            self.through(scope)
            made = [scope[name] for name in self.model.body.outputs]
            self.arrays([x for x in made if isinstance(x, list)])
        except NeedsValue as need:
            wanted = [name for name in need.names if name not in self.inputs]
            if len(wanted) < len(need.names):
                raise  # an input's values: whoever walks knows them
            kept = [(name, x) for name, x in need.live.items() if name not in wanted and name not in self.inputs]
            made = [(name, self.tensors[name]) for name in wanted]
            kinds = {name: x.dtype for name, x in made}
            asks = need.call or "of a sequence that is given"
            return Stage(self._graph([*made, *kept]), tuple(wanted), kinds=kinds, asks=asks)
        kinds = {spec.name: self._kind(x) for spec, x in zip(self.model.outputs, made, strict=True)}
        known = {spec.name: self._known(x) for spec, x in zip(self.model.outputs, made, strict=True) if is_known(x)}
        rest = [(s.name, x) for s, x in zip(self.model.outputs, made, strict=True) if s.name not in known]
        return Stage(self._graph(rest) if rest else None, (), known, kinds)

    # ---- values

    def _input(self, spec: TensorSpec) -> Any:
        if spec.name not in self.shapes:  # a sequence, of which each item has a name, or nothing
            item = item_type(spec.dtype)
            names = takewhile(self.shapes.__contains__, (item_name(spec.name, k) for k in count()))
            return [self._input(TensorSpec(name, ANY, item)) for name in names] if is_sequence(spec.dtype) else None
        shape = self.shapes[spec.name]
        dtype = item_type(spec.dtype)
        if spec.name in self.known or 0 in shape:
            array = self.known.get(spec.name, np.zeros([size or 0 for size in shape], plain_type(dtype)))
            return self.say.give(array, dtype, spec.name)
        self.inputs[spec.name] = TensorSpec(spec.name, tuple(shape), dtype)
        return self.say.give(self.say.tensor(spec.name, tuple(shape)), dtype, spec.name)

    def named(self, sym: Any, dtype: str, name: str) -> Tensor:
        """What a call made, as a tensor by a name; known, or fed again, where it was read back."""
        if name in self.known:
            return self.say.give(self.known[name].astype(plain_type(dtype)), dtype, name)
        if name in self.feeds:
            self.inputs[name] = TensorSpec(name, self.feeds[name], dtype)
            return self.say.give(self.say.tensor(name, self.feeds[name]), dtype, name)
        tensor = self.say.give(sym, dtype, name)
        if math.prod(size or 1 for size in tensor.shape) > LARGEST:
            raise ValueError(f"a tensor of shape {shape_text(tensor.shape)} would be made")
        if tensor.array is None and not tensor.constant:
            stored, _, order = self.say.stored(tensor)
            if order == tuple(range(len(order))) and stored not in self.inputs:
                self.names.setdefault(stored, name)
            else:
                self.held.setdefault(stored, (name, order))
        self.tensors[name] = tensor
        return tensor

    def _known(self, x: Any) -> Any:
        if isinstance(x, list):
            return [self._known(one) for one in x]
        return None if x is None else self.say.array(x)

    def _kind(self, x: Any) -> Any:
        return [self._kind(one) for one in x] if isinstance(x, list) else getattr(x, "dtype", "")

    # ---- calls

    def through(self, scope: Scope) -> None:
        """Make all calls of a body."""
        for at, call in enumerate(scope.body.calls):
            try:
                made = self.call(call, scope)
            except NeedsValue as need:  # what is there is not computed again
                need.live |= {x.name: x for x in flattened(scope.live(at)) if not is_known(x)}
                raise
            for name, value in zip(call.outputs, made, strict=False):
                if name:
                    scope.values[name] = value

    def call(self, call: Call, scope: Scope) -> Values:
        """What a call makes. Raises GlnnError that names it; NeedsValue; NeedsShape."""
        xs = [scope[name] if name else None for name in call.inputs]
        word = self.words.find(call.domain, call.op, call.version)
        assert word is not None  # `check` has seen to it
        say = self.say
        outer = say.name, say.label, say.kind, say.outputs
        say.name, say.label, say.kind = self._label(scope.path + call.label), scope.path + call.label, call.op
        say.outputs = tuple(map(bool, call.outputs))
        try:
            made = self._called(word, call, xs, scope)
            kinds = kinds_of(word, made, xs)
            return [
                self._value(x, kind, scope.path + name)
                for x, kind, name in zip(made, kinds, call.outputs, strict=False)
            ]
        except NeedsValue as need:
            need.call = need.call or f"{call.label} ({call.op})"
            raise
        except (NeedsShape, GlnnError):
            raise
        except (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, OverflowError, MemoryError) as error:
            if any(map(has_free, xs)):
                raise NeedsShape(f"node {call.label!r} ({call.op}) computes with sizes that are free") from error
            given = ", ".join(told(x) for x in xs)
            raise GraphError(
                f"{self.model.where}: node {call.label!r} ({call.op}) cannot take {given or 'nothing'}: {error}"
            ) from error
        except AttributeError as error:
            if not any(x is None for x in xs):  # else its function asks nothing for its shape, or another thing of it
                raise
            given = ", ".join(told(x) for x in xs)
            raise GraphError(
                f"{self.model.where}: node {call.label!r} ({call.op}) cannot take {given}: it needs what is left out"
            ) from error
        finally:
            say.name, say.label, say.kind, say.outputs = outer

    def _value(self, x: Any, kind: str, name: str) -> Any:
        if isinstance(x, list):
            numbered = [(one, f"{name}[{k}]") for k, one in enumerate(x)]
            return [one if getattr(one, "name", "") else self._value(one, kind, own) for one, own in numbered]
        return None if x is None else self.named(x, getattr(x, "dtype", kind) if isinstance(x, Sym) else kind, name)

    def _called(self, word: Word, call: Call, xs: Values, scope: Scope) -> Values:
        if word.control:
            return listed(word.function(self, call, scope, *xs))
        options = {name: value for name, value in call.attributes.items() if name not in word.ignores}
        options = {f"{n}_" if n in ("from", "else", "is") else n: value for n, value in options.items()}
        if word.host:
            return listed(word.function(*self.arrays(xs), **options))
        if word.exact and (arrays := exact_arrays(xs)) is not None:
            try:
                return listed(word.exact(*arrays, **options))
            except TypeError:  # of sizes that are free; the function may know more
                if not any(map(has_free, xs)):
                    raise
        made = listed(word.function(self.say, *xs, **options))
        if not all(map(is_known, xs)) or any(map(has_free, xs)):
            return made
        if not all(map(is_known, made)):
            return self._folded(word, xs, options)
        return [self.say.rounded(x, kind) for x, kind in zip(made, kinds_of(word, made, xs), strict=True)]

    def arrays(self, xs: Sequence[Any]) -> list[Any]:
        """The elements of all of these. Raises NeedsValue with the names of all that are computed of inputs."""
        lacking = [x.name for x in flattened(xs) if not is_known(x)]
        if lacking:
            raise NeedsValue(list(dict.fromkeys(lacking)))
        return [None if x is None else self._known(x) for x in xs]

    def _folded(self, word: Word, xs: Values, options: Mapping[str, Any]) -> Values:
        """What primitives make of what is known, by their references in float64."""
        say = Say(self.say.name)
        say.outputs = self.say.outputs
        values: dict[str, np.ndarray] = {}
        for x in flattened(xs):
            values[f"x{len(values)}"] = np.asarray(self.say.array(x), np.float64)
        names = iter(values)

        def taken(x: Any) -> Any:
            if isinstance(x, list):
                return [taken(one) for one in x]
            if x is None:
                return None
            sym = say.tensor(next(names), x.shape)
            return Tensor(say, sym.expr, sym.shape, sym.order, x.dtype, self.say.array(x), x.name)

        given = [taken(x) for x in xs]
        made = listed(word.function(say, *given, **options))
        pairs = [
            (x if isinstance(x, Sym) else say.give(x), getattr(x, "dtype", kind) if isinstance(x, Sym) else kind)
            for several, kind in zip(made, kinds_of(word, made, xs), strict=True)
            for x in flattened([several])
        ]
        arrays = evaluated(say, [x for x, _ in pairs], values)
        known = iter([self.say.give(typed(a, k), k) for a, (_, k) in zip(arrays, pairs, strict=True)])
        return [[next(known) for _ in x] if isinstance(x, list) else next(known) for x in made]

    def _label(self, label: str) -> str:
        """A name that no call before had."""
        name, count = label, 1
        while name in self._labels:
            count += 1
            name = f"{label}_{count}"
        self._labels.add(name)
        return name

    # ---- the graph

    def _graph(self, made: Sequence[tuple[str, Tensor]]) -> Graph:
        """The graph of what these need, by the names that they come out under."""
        say = self.say
        outputs = []
        for name, x in made:
            say.name, say.label, say.kind = self._label(f"{name}~out"), name, "Output"
            stored = say.stored(say.plain(x))[0]
            if stored in self.inputs:
                stored = say.stored(say.drawn(Copy(), [x]))[0]
            self.names.setdefault(stored, name)
            outputs.append(stored)
        nodes = renamed(needed(say.nodes, outputs), self.names, self.inputs)
        read = {*outputs, *(name for node in nodes for name in node.inputs)}
        specs = tuple(spec for name, spec in self.inputs.items() if name in read or name not in self.feeds)
        names = tuple(name for name, _ in made)
        held = {n: self.held[n] for node in nodes for n in node.outputs if n in self.held and n not in self.names}
        made_as = tuple(self.names.get(name, name) for name in outputs)
        return Graph(self.model.name, specs, tuple(nodes), made_as, names, held=held)
