"""Which calls of a model NumPy computes, as far as that is seen before inputs come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import GlnnError
from ..graph.garbage import building
from ..graph.graph import TensorSpec
from ..graph.sequences import item_type
from ..graph.shapes import ANY, Dims
from .program import Call, Operators
from .say import NeedsShape, NeedsValue
from .shared.turns import walked
from .table import SAME, Word
from .values import Values, flattened, is_known
from .walk import Scope, Walk

GUESSES = (1, 8, 32, 64, 224, 256)  # for sizes that are free, while nobody has given inputs
SIZES = ("Shape", "Size", "ShapeN", "Rank")  # operators that tell what is known once inputs are there


def host_steps(model: Operators) -> list[str]:
    """The calls that NumPy computes, or that must read back what is computed: label and operator.

    Calls behind the first of them, whose inputs have shapes that nobody knows yet, are told by their operators.
    """
    best: Survey | None = None
    for shapes in guesses(model.inputs):
        given: set[str] = set()
        while True:
            survey = Survey(model, shapes, given)
            try:
                with building():
                    survey.through(Scope(survey, model.body, {s.name: survey._input(s) for s in model.inputs}))
                break
            except Asked as asked:
                given |= asked.names
        best = survey if best is None or survey.failed < best.failed else best
        if not best.failed:
            break
    return list(best.found) if best else []


def guesses(inputs: Sequence[TensorSpec]) -> Iterator[dict[str, Dims]]:
    """Shapes of inputs by name that may do for a model of free sizes; those that it declares, where none is free."""
    free = any(None in spec.shape or spec.shape == ANY for spec in inputs)
    for size in GUESSES if free else GUESSES[:1]:
        yield {
            s.name: tuple(
                (1 if k == 0 else size) if d is None else d for k, d in enumerate(s.shape if s.shape != ANY else ())
            )
            for s in inputs
        }


class Asked(Exception):
    """Inputs that must be taken at their values."""

    def __init__(self, names: set[str]):
        self.names = names


class Unseen:
    """A value of which the type is known at most. computed: whether it is told by elements of inputs only."""

    array = None

    def __init__(self, dtype: str, computed: bool):
        self.dtype, self.computed, self.shape = dtype, computed, ANY

    def __array__(self, *options: Any, **more: Any) -> Any:
        raise NeedsValue(["a value"] if self.computed else [])


class Survey(Walk):
    """A walk that does not end where values must be known: it notes the call in `found`, and goes on.

    given:  inputs that are taken at their values
    failed: how many calls could not be made for these shapes
    """

    def __init__(self, model: Operators, shapes: Mapping[str, Dims], given: set[str]):
        super().__init__(model, shapes)
        self.given, self.failed = given, 0
        self.found: dict[str, None] = {}

    def _input(self, spec: TensorSpec) -> Any:
        if spec.name in self.given or item_type(spec.dtype) != spec.dtype:
            return Unseen(item_type(spec.dtype), False)
        return super()._input(spec)

    def _value(self, x: Any, kind: str, name: str) -> Any:
        return x if isinstance(x, Unseen) else super()._value(x, kind, name)

    def call(self, call: Call, scope: Scope) -> Values:
        """What a call makes; unseen values, where it would have to know more than there is. Raises Asked."""
        word = self.words.find(call.domain, call.op, call.version)
        assert word is not None
        xs = list(flattened([scope[name] for name in call.inputs if name]))
        unseen = any(isinstance(x, Unseen) for x in xs)
        computed = any(x.computed if isinstance(x, Unseen) else not is_known(x) for x in xs)
        kinds = [x.dtype for x in xs] or ["float32"]
        if (unseen or computed) and word.in_numpy(kinds, call.attributes):
            self._ask(getattr(x, "name", "") for x in xs)
            self.found[f"{call.label} ({call.op})"] = None
        elif not unseen or word.control:
            try:
                return super().call(call, scope)
            except NeedsValue as need:
                self._ask(need.names)
                if need.names:
                    self.found[f"{call.label} ({call.op})"] = None
            except (GlnnError, NeedsShape, AttributeError):
                self.failed += 1
            self._inside(call, scope)
        return _unseen(word, call, kinds[0], computed and call.op not in SIZES)

    def _ask(self, names: Any) -> None:
        asked = {spec.name for spec in self.model.inputs}.intersection(names)
        if asked:
            raise Asked(asked)

    def _inside(self, call: Call, scope: Scope) -> None:
        """Notes the calls of bodies, whether they are run or not."""
        for body in call.bodies:
            walked(self, body, scope, [Unseen("float32", True) for _ in body.inputs], call.label)


def _unseen(word: Word, call: Call, first: str, computed: bool) -> Values:
    """A value for each output, of the type that the table tells."""
    told = [word.gives] * len(call.outputs) if isinstance(word.gives, str) else word.gives
    return [Unseen(first if kind == SAME else kind, computed) for kind in told]
