"""Functions that an ONNX file defines: nodes that call them are replaced by the nodes of their bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import GraphError
from ...operators import Body, Call
from ..protobuf import Message

DEEPEST = 50  # functions that call functions
MOST_CALLS = 500_000  # of a model, once functions are written out


class Reference(str):
    """The name of an attribute of a function, in a node of its body."""


class Functions:
    """The functions of a file by domain, name and overload; `calls` reads nodes, `value` an attribute."""

    def __init__(
        self, where: str, messages: Sequence[Message],
        calls: Callable[[Sequence[Message], Mapping[str, int]], list[Call]],
        value: Callable[[Message], Any], versions: Callable[[Sequence[Message]], dict[str, int]],
        order: Callable[[Sequence[Call], str], tuple[Call, ...]],
    ):  # fmt: skip
        self.where, self.calls, self.value, self.versions, self.order = where, calls, value, versions, order
        self.known = {(m.get("domain", ""), m.get("name", "")): m for m in messages}
        self._made = self._count = 0

    def inlined(self, body: Body, depth: int = 0) -> Body:
        """The body with calls of functions replaced, and so those in it. Raises GraphError for what calls itself."""
        if not self.known:
            return body
        calls: list[Call] = []
        for call in body.calls:
            call = call.with_bodies(lambda inner: self.inlined(inner, depth))
            message = self.known.get((call.domain, call.op))
            calls.extend([call] if message is None else self.written(call, message, depth + 1))
        self._count += len(calls)
        if self._count > MOST_CALLS:
            raise GraphError(f"{self.where}: its functions, written out, are more than {MOST_CALLS} nodes")
        return replace(body, calls=self.order(calls, self.where))

    def written(self, call: Call, message: Message, depth: int) -> list[Call]:
        """The nodes of a function for one call of it."""
        if depth > DEEPEST:
            raise GraphError(f"{self.where}: function {call.op!r} calls functions more than {DEEPEST} deep")
        given = {item.get("name", ""): self.value(item) for item in message.get("attribute_proto", [])}
        given |= call.attributes
        self._made += 1
        prefix = f"{call.label}.{self._made}/"
        names = {"": ""}
        inputs = list(message.get("input", []))
        names |= dict(zip(inputs, [*call.inputs, *[""] * len(inputs)], strict=False))
        names |= {
            n: made for n, made in zip(message.get("output", []), call.outputs, strict=False) if made and n not in names
        }
        nodes = self.calls(message.get("node", []), self.versions(message.get("opset_import", [])))
        made = [bound(node, given, names, prefix) for node in nodes]
        # an input that is an output as well
        passed = [
            Call("Identity", (names[n],), (out,), {}, f"{prefix}{n}", "", 13)
            for n, out in zip(message.get("output", []), call.outputs, strict=False)
            if out and names.get(n) not in (None, out)
        ]
        return list(self.inlined(Body((), tuple(made + passed), ()), depth).calls)


def bound(call: Call, given: Mapping[str, Any], names: Mapping[str, str], prefix: str) -> Call:
    """A node of a function with the attributes and the values of one call."""

    def name(old: str) -> str:
        return names.get(old, prefix + old)

    attributes: dict[str, Any] = {}
    for key, value in call.attributes.items():
        if not isinstance(value, Reference):
            attributes[key] = within(value, given, names, prefix) if isinstance(value, Body) else value
        elif str(value) in given:
            attributes[key] = given[str(value)]
    label = prefix + (call.name or f"{call.op}:{next(filter(None, call.outputs), '')}")
    return Call(
        call.op,
        tuple(map(name, call.inputs)),
        tuple(map(name, call.outputs)),
        attributes,
        label,
        call.domain,
        call.version,
    )


def within(body: Body, given: Mapping[str, Any], names: Mapping[str, str], prefix: str) -> Body:
    """A body in a function: its own values keep to it, as all get the call's prefix."""
    own = {**names, **{n: prefix + n for n in (*body.inputs, *body.arrays)}}
    for call in body.calls:
        own |= {n: prefix + n for n in call.outputs if n}
    return Body(
        tuple(own[n] for n in body.inputs),
        tuple(bound(call, given, own, prefix) for call in body.calls),
        tuple(own.get(n, prefix + n) for n in body.outputs),
        {own[n]: array for n, array in body.arrays.items()},
        {own[n]: kind for n, kind in body.kinds.items()},
    )
