"""An operator graph as its file has it: nodes by the names of their operators, arrays, bodies of control flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from ..graph.graph import TensorSpec
from ..records import dataclass


@dataclass(frozen=True, eq=False)
class Call:
    """One node: an operator by its name and domain, of the opset `version` of that domain.

    inputs, outputs: names of values; "" for one that is left out
    attributes:      numbers, texts, tuples of these, arrays, and bodies
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    domain: str = ""
    version: int = 1

    @property
    def label(self) -> str:
        """What the user knows it by: its name, else its operator and what it makes."""
        return self.name or f"{self.op}:{next(filter(None, self.outputs), '')}"

    @property
    def bodies(self) -> Iterator[Body]:
        """The bodies among its attributes."""
        return (value for value in self.attributes.values() if isinstance(value, Body))

    @property
    def reads(self) -> list[str]:
        """The values that it reads, with those that its bodies read from outside."""
        names = [name for name in self.inputs if name]
        for body in self.bodies:
            own = {*body.inputs, *body.arrays, *(name for call in body.calls for name in call.outputs)}
            read = [name for call in body.calls for name in call.reads] + list(body.outputs)
            names += [name for name in read if name not in own]
        return names

    def with_bodies(self, change: Callable[[Body], Body]) -> Call:
        """The call with its bodies changed."""
        if not any(self.bodies):
            return self
        return replace(
            self, attributes={k: change(v) if isinstance(v, Body) else v for k, v in self.attributes.items()}
        )


@dataclass(frozen=True, eq=False)
class Body:
    """Calls in an order in which they can be made; arrays by the names that calls read them under.

    kinds: the types of arrays that NumPy has no type for (bfloat16, which lies in float32)
    """

    inputs: tuple[str, ...]
    calls: tuple[Call, ...]
    outputs: tuple[str, ...]
    arrays: Mapping[str, Any] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    def every_call(self) -> Iterator[Call]:
        """All calls, those of bodies in them as well."""
        for call in self.calls:
            yield call
            for body in call.bodies:
                yield from body.every_call()


@dataclass(frozen=True, eq=False)
class Operators:
    """A model of operators: what goes in and comes out as the file declares it, and its calls.

    words: the vocabulary that its operators are of
    """

    name: str
    words: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    body: Body
    where: str = ""
