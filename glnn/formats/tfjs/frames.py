"""TensorFlow 1's control flow -> calls with bodies: loops of Enter, Merge, Switch and NextIteration, choices of Switch.

Formulas of the dataflow: "Implementation of Control Flow in TensorFlow" (TensorFlow white paper, 2017), sections 3, 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ...errors import GraphError
from ...operators import Body, Call
from ...operators.order import ordered
from .nodes import Nodes

ARITY = {"Switch": 2, "Merge": 2, "Enter": 1, "Exit": 1, "NextIteration": 1, "LoopCond": 1}


def without_frames(nodes: Nodes, where: str) -> list[Call]:
    """The calls with loops as While and choices as If. Raises GraphError for control flow that is neither."""
    calls = dict(nodes.calls)
    for call in calls.values():
        if call.op in ARITY and len(call.inputs) != ARITY[call.op]:
            raise GraphError(f"{where}: node {call.name!r} ({call.op}) reads {len(call.inputs)} values")
    if not any(call.op in ("Merge", "Enter") for call in calls.values()):
        return list(calls.values())
    while frames := {frame_of(call) for call in calls.values() if call.op == "Enter"}:
        graph = Flow(calls, nodes.before, where)
        inner = [frame for frame in sorted(frames) if graph.innermost(frame)]
        if not inner:
            raise GraphError(f"{where}: the loops {', '.join(sorted(frames)[:3])} go through each other")
        graph.loop(inner[0])
    while merges := [call for call in calls.values() if call.op == "Merge"]:
        graph = Flow(calls, nodes.before, where)
        graph.choice(next((m for m in merges if graph.first(m)), merges[0]))
    return list(calls.values())


def node_of(name: str) -> str:
    """The node that makes a value."""
    return name.partition(":")[0]


def frame_of(call: Call) -> str:
    """The loop that an Enter enters."""
    return str(call.attributes.get("frame_name", ""))


class Flow:
    """The calls of a graph, some of which become bodies of others; `calls` is changed."""

    def __init__(self, calls: dict[str, Call], before: Mapping[str, Iterable[str]], where: str):
        self.calls, self.before, self.where = calls, before, where

    def behind(self, names: Iterable[str], stop: Callable[[str], bool]) -> dict[str, Call]:
        """The calls that values are made by, back to values at which it stops."""
        found: dict[str, Call] = {}
        unseen = list(names)
        while unseen:
            name = unseen.pop()
            node = node_of(name)
            if stop(name) or node in found or node not in self.calls:
                continue
            found[node] = self.calls[node]
            unseen += self.calls[node].inputs
        return found

    def dependent(self, roots: Iterable[str]) -> set[str]:
        """The nodes that read one of these, or of each other."""
        readers: dict[str, list[str]] = {}
        for name, call in self.calls.items():
            for read in call.inputs:
                readers.setdefault(node_of(read), []).append(name)
        found: set[str] = set()
        unseen = list(roots)
        while unseen:
            name = unseen.pop()
            if name not in found:
                found.add(name)
                unseen += readers.get(name, [])
        return found

    # ---- loops

    def entries(self, frame: str) -> tuple[list[Call], list[Call]]:
        """The Enter nodes of a loop: of what is the same in all turns, and of what changes."""
        enters = [call for call in self.calls.values() if call.op == "Enter" and frame_of(call) == frame]
        constant = [call for call in enters if call.attributes.get("is_constant")]
        return constant, [call for call in enters if not call.attributes.get("is_constant")]

    def variables(self, frame: str) -> list[tuple[Call, Call, Call]]:
        """(Enter, Merge, NextIteration) of each variable of a loop."""
        found = []
        _, changing = self.entries(frame)
        for enter in changing:
            merges = [c for c in self.calls.values() if c.op == "Merge" and enter.name in map(node_of, c.inputs)]
            if len(merges) != 1 or len(merges[0].inputs) != 2:
                raise GraphError(
                    f"{self.where}: node {enter.name!r} enters the loop {frame!r}, and no Merge of two reads it"
                )
            other = next(name for name in merges[0].inputs if node_of(name) != enter.name)
            after = self.calls.get(node_of(other))
            if after is None or after.op != "NextIteration":
                raise GraphError(f"{self.where}: node {merges[0].name!r} reads {other!r}, which is no NextIteration")
            found.append((enter, merges[0], after))
        return found

    def innermost(self, frame: str) -> bool:
        """Whether no other loop is entered in this one."""
        variables = self.variables(frame)
        merges = {merge.name for _, merge, _ in variables}
        inside = self.behind([n for _, _, after in variables for n in after.inputs], lambda n: node_of(n) in merges)
        own = {call.name for calls in self.entries(frame) for call in calls}
        return not any(call.op == "Enter" and name not in own for name, call in inside.items())

    def loop(self, frame: str) -> None:
        """Put a While in place of a loop's nodes."""
        constant, _ = self.entries(frame)
        for enter in constant:
            self.calls[enter.name] = Call("Identity", enter.inputs, enter.outputs, {}, enter.name)
        variables = self.variables(frame)
        merges = {merge.name: k for k, (_, merge, _) in enumerate(variables)}
        conditions = [c for c in self.calls.values() if c.op == "LoopCond"]
        switches: dict[str, int] = {}
        condition = None
        for call in self.calls.values():
            if call.op == "Switch" and node_of(call.inputs[0]) in merges:
                switches[call.name] = merges[node_of(call.inputs[0])]
                condition = self.calls.get(node_of(call.inputs[1]))
        if condition is None or condition not in conditions:
            raise GraphError(f"{self.where}: the loop {frame!r} has no LoopCond that its Switch nodes read")
        inside = self.dependent(merges)
        test = self.behind(condition.inputs, lambda n: node_of(n) in merges or node_of(n) not in inside)
        results = [after.inputs[0] for _, _, after in variables]
        turn = self.behind(results, lambda n: node_of(n) in switches or node_of(n) not in inside)
        names = [merge.name for _, merge, _ in variables]
        seen = {f"{name}:1": names[k] for name, k in switches.items()}

        def body(made_by: Mapping[str, Call], outputs: Iterable[str]) -> Body:
            calls = tuple(renamed(call, seen) for call in made_by.values())
            return Body(tuple(names), ordered(calls, self.where), tuple(seen.get(n, n) for n in outputs))

        exits: list[list[Call]] = [[] for _ in variables]
        for call in self.calls.values():
            if call.op == "Exit" and node_of(call.inputs[0]) in switches:
                exits[switches[node_of(call.inputs[0])]].append(call)
        label = f"{condition.name}/while"
        outputs = tuple(f"{label}:{k}" for k in range(len(variables)))
        bodies = {"cond": body(test, condition.inputs), "body": body(turn, results)}
        made = Call("While", tuple(enter.inputs[0] for enter, _, _ in variables), outputs, bodies, label)
        for node in {*test, *turn, *merges, *switches, condition.name, *(e.name for e, _, _ in variables)}:
            self.calls.pop(node, None)
        for _, _, after in variables:
            self.calls.pop(after.name, None)
        self.calls[label] = made
        for k, some in enumerate(exits):
            for call in some:
                self.calls[call.name] = Call("Identity", (outputs[k],), call.outputs, {}, call.name)

    # ---- choices

    def first(self, merge: Call) -> bool:
        """Whether no other Merge lies behind this one."""
        return not any(call.op == "Merge" for call in self.behind(merge.inputs, lambda _: False).values())

    def choice(self, merge: Call) -> None:
        """Put an If in place of a Merge."""
        asked: dict[str, None] = {}
        sides: list[tuple[str, bool | None]] = []
        for read in merge.inputs:
            ports = list(self.switched(read))
            asked.update(dict.fromkeys(predicate for predicate, _ in ports))
            sides.append((read, ports[0][1] if ports else None))
        known = {side for _, side in sides if side is not None}
        if len(sides) != 2 or len(asked) != 1 or not known:
            raise GraphError(f"{self.where}: node {merge.name!r} (Merge) joins what no one Switch has parted")
        if None in (side for _, side in sides):
            sides = [(read, (not known.copy().pop()) if side is None else side) for read, side in sides]
        branches = {side: self.branch(read) for read, side in sides if side is not None}
        if len(branches) != 2:
            raise GraphError(
                f"{self.where}: node {merge.name!r} (Merge) joins twice what its Switch gives for one case"
            )
        bodies = {"then_branch": branches[True], "else_branch": branches[False]}
        self.calls[merge.name] = Call("If", (next(iter(asked)),), merge.outputs[:1], bodies, merge.name)

    def switched(self, read: str) -> Iterable[tuple[str, bool]]:
        """The conditions on which a value is there, and whether they must hold."""
        unseen, done = [read], set()
        while unseen:
            name = unseen.pop()
            call = self.calls.get(node_of(name))
            if name in done or call is None:
                continue
            done.add(name)
            if call.op == "Switch":
                yield call.inputs[1], name.endswith(":1")
            else:
                ports = [*call.inputs, *(() if call.inputs else self.before.get(call.name, ()))]
                unseen += ports

    def branch(self, read: str) -> Body:
        """What is computed in one case."""
        inside = self.behind(
            [read], lambda n: self.calls[node_of(n)].op == "Switch" if node_of(n) in self.calls else True
        )
        parted = {n for call in inside.values() for n in call.inputs} | {read}
        seen = {n: self.calls[node_of(n)].inputs[0] for n in parted if self.op(n) == "Switch"}
        calls = tuple(renamed(call, seen) for call in inside.values() if call.op != "Const")
        return Body((), ordered(calls, self.where), (seen.get(read, read),))

    def op(self, name: str) -> str:
        """The operator that makes a value."""
        call = self.calls.get(node_of(name))
        return "" if call is None else call.op


def renamed(call: Call, names: Mapping[str, str]) -> Call:
    """The call reading values by other names; in its bodies as well."""
    if not names:
        return call

    def body(of: Body) -> Body:
        return Body(
            of.inputs, tuple(renamed(c, names) for c in of.calls), tuple(names.get(n, n) for n in of.outputs), of.arrays
        )

    made = call.with_bodies(body)
    return Call(made.op, tuple(names.get(n, n) for n in made.inputs), made.outputs, made.attributes, made.name)
