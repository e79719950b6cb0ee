"""Statements of GLSL as Python, with masks where invocations go different ways.

`live` are those that a function was called for and that have not returned, `live1` and so on those within conditions
and loops. What all go through alike is plain Python. A variable is set under a mask where it was declared outside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..language import tree as t
from ..language.walk import within
from . import types
from .expressions import Expressions
from .names import DTYPES, Code, Known, python_name, solid
from .places import Locate


@dataclass
class _Loop:
    """A loop that invocations leave apart: the numbers of the masks of the loop and of the turn."""

    outer: int
    turn: int


class Statements(Expressions):
    """Prints statements, of one function after the other."""

    def __init__(self, text: str, locate: Locate | None):
        super().__init__(text, locate)
        self.rows = text.split("\n")
        self.globals: set[str] = set()  # Python names of variables that functions share
        self.start("void", False)

    def start(self, type: str, early: bool) -> None:
        """Begins a function of this type; early: an invocation may return before its end."""
        self.type, self.early = type, early
        self.lines: list[str] = []
        self.indent = 1
        self.commented = 0  # the line of the text that stands in the last comment
        self.level = 0  # the number of the present mask
        self.loops: list[_Loop] = []  # that invocations leave apart
        self.written: set[str] = set()  # globals
        self.mentions = False  # whether the first mask is read
        self.masked, self.mask = False, "live"

    def counted(self, e: t.Expr | None) -> int:
        value = self.value(e) if e is not None else None
        if not isinstance(value, int) or value < 1:
            self.refuse(t.NOWHERE if e is None else e.at, "the size of an array is a number of 1 or more")
        return value

    def body(self, body: Sequence[t.Statement]) -> None:
        """Statements that follow each other, in a scope of their own."""
        self.scopes.append({})
        for s in body:
            self.statement(s)
            if isinstance(s, t.Return | t.Jump):
                break
        self.scopes.pop()

    # ---- lines

    def put(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def comment(self, at: t.At, always: bool = False) -> None:
        """The line of the text that a statement stands in, unless it is there already."""
        line = at[0]
        if not 0 < line <= len(self.rows) or (line == self.commented and not always):
            return
        self.commented = line
        place = self.locate(line) if self.locate else None
        shown = self.rows[line - 1].strip()
        where = f"{place[0]}:{place[1]}" if place and place[0] != "generated" else f"text:{line}"
        self.put(f"# {where}: {shown if len(shown) <= 120 else shown[:117] + '...'}")

    def live(self, number: int | None = None) -> str:
        """The name of a mask; of the present one."""
        number = self.level if number is None else number
        self.mentions |= number == 0
        return f"live{number or ''}"

    # ---- statements

    def statement(self, s: t.Statement) -> None:
        self.mask = self.peek()
        if not isinstance(s, t.Block):
            self.comment(s.at)
        if isinstance(s, t.Declare):
            self.local(s)
        elif isinstance(s, t.Assign):
            self.assign(s)
        elif isinstance(s, t.Do):
            self.put(self.called(s.call))
        elif isinstance(s, t.Block):
            self.body(s.body)
        elif isinstance(s, t.If):
            self.condition(s)
        elif isinstance(s, t.For):
            self.loop(s)
        elif isinstance(s, t.Return):
            self.returned(s)
        elif isinstance(s, t.Jump):
            self.jump(s)
        else:
            self.refuse(s.at, "what stands here is no statement")

    def typed(self, e: t.Expr, type: str) -> Code:
        """A value of a type, or of what an array of it holds."""
        self.mask = self.peek()
        before = self.masked
        self.masked = False
        made = self.code(e)
        if self.masked:
            self.live()
        self.masked |= before
        if made.type != type:
            self.refuse(e.at, f"a {made.type} where a {type} is wanted: GLSL converts nothing by itself")
        return made

    def peek(self) -> str:
        """The name of the present mask, read or not."""
        return f"live{self.level or ''}"

    def called(self, e: t.Call) -> str:
        self.mask, before, self.masked = self.peek(), self.masked, False
        made = self.code(e).text
        if self.masked:
            self.live()
        self.masked |= before
        return made

    def local(self, s: t.Declare) -> None:
        for item in s.items:
            type = f"{s.type}[{self.counted(item.size)}]" if item.size is not None else s.type
            value = solid(self.typed(item.value, type)).text if item.value is not None else self.unset(type)
            uniform = s.const and item.value is not None and self.is_uniform(item.value)
            self.put(f"{self.declare(item.name, type, item.at, uniform)} = {value}")

    def unset(self, type: str) -> str:
        array = types.array(type)
        if array:
            return f"[{self.unset(array[0])}] * {array[1]}"
        if not types.is_value(type):
            self.refuse(t.NOWHERE, f"a variable has a type of values, not {type}")
        size = types.size(type)
        shape = [size, size] if types.is_matrix(type) else [size] if size > 1 else []
        return f"gl.unset({', '.join([DTYPES[types.kind(type)], *map(str, shape)])})"

    def declare(self, name: str, type: str, at: t.At, uniform: bool = False) -> str:
        """The Python name of a new variable: another one where the name means something else around it."""
        python = python_name(name)
        around = {known.python for scope in self.scopes[1:-1] for known in scope.values()} | self.globals
        number = 2
        while python in around:
            python, number = f"{name}__{number}", number + 1
        self.scopes[-1][name] = Known(python, type, self.level, uniform)
        return python

    def assign(self, s: t.Assign) -> None:
        target = s.target
        while isinstance(target, t.Member | t.Index):
            target = target.of
        assert isinstance(target, t.Name)
        known = self.find(target.id)
        if known is None:
            self.refuse(target.at, f"{target.id!r} is declared nowhere")
        if known.uniform:
            self.refuse(target.at, f"{target.id!r} is a constant")
        value = t.Binary(s.op, s.target, s.value, s.at) if s.op else s.value
        wanted = self.code(s.target).type
        new = self.stored(s.target, solid(self.typed(value, wanted)).text)
        if known.python in self.globals and known.level < 0:
            self.written.add(known.python)
        if known.level < self.level or (known.level < 0):
            new = f"gl.pick({self.live()}, {new}, {known.python})"
        self.put(f"{known.python} = {new}")

    def stored(self, target: t.Expr, value: str) -> str:
        """The whole variable's new value, where `target` is a part of it."""
        if isinstance(target, t.Name):
            return value
        assert isinstance(target, t.Member | t.Index)
        of = self.code(target.of)
        if isinstance(target, t.Member):
            lanes = types.lanes(of.type, target.name)
            assert lanes is not None
            if len(set(lanes)) < len(lanes):
                self.refuse(target.at, f".{target.name} names a component twice")
            made = f"gl.relaned({of.text}, {lanes}, {value})"
        else:
            made = f"gl.placed({self.live()}, {of.text}, {self.code(target.index).text}, {value})"
        return self.stored(target.of, made)

    def condition(self, s: t.If) -> None:
        known = self.value(s.condition)
        condition = self.typed(s.condition, "bool").text
        if isinstance(known, bool):
            taken = s.yes if known else s.no
            if taken is not None:
                self.body((taken,))
            return
        # What stands within `yes` takes further numbers: the mask of `no` must outlast it.
        outer, names = self.live(), [f"live{self.fresh(k)}" for k in ((1, 0) if s.no is not None else (0,))]
        how = "both" if s.no is None else "split"
        self.put(f"{', '.join(names)} = gl.{how}({outer}, {condition})")
        before = self.level
        for name, branch in zip(names, (s.yes, s.no), strict=False):
            assert branch is not None
            self.put(f"if {name} is not False:")
            self.level = int(name[4:])
            self.inner((branch,))
            self.level = before
        if before == 0 and not self.loops and any(isinstance(part, t.Return) for part in within(s)):
            self.put(f"if {self.live()} is False:")
            self.put("    return result" if self.type != "void" else "    return")

    def fresh(self, further: int = 0) -> int:
        """The number of a new mask: those of conditions and loops around stay as they are."""
        return self.level + 1 + further

    def inner(self, body: Sequence[t.Statement]) -> None:
        """Statements that stand further right."""
        count = len(self.lines)
        self.indent += 1
        self.body(body)
        if all(line.lstrip().startswith("#") for line in self.lines[count:]):
            self.put("pass")
        self.indent -= 1

    def loop(self, s: t.For) -> None:
        bounds = [self.typed(e, "int").text for e in (s.low, s.high)]
        step = self.typed(s.step, "int").text if s.step is not None else "1"
        uniform = all(self.is_uniform(e) for e in (s.low, s.high, *((s.step,) if s.step else ())))
        parts = list(within(s.body))
        apart = not uniform or any(isinstance(part, t.Return | t.Jump) for part in parts)
        before, self.scopes = self.level, [*self.scopes, {}]
        turns = f"range({', '.join(bounds)}{f', {step}' if step != '1' else ''})"
        if not apart:
            self.put(f"for {self.declare(s.name, 'int', s.at, True)} in {turns}:")
            self.inner((s.body,))
        else:
            outer, turn = self.fresh(), self.fresh(1)
            self.put(f"live{outer} = {self.live()}")
            name = self.declare(s.name, "int", s.at, uniform)
            self.put(f"for {name} in {turns}:" if uniform else f"{name} = {bounds[0]}")
            if not uniform:
                self.put("while True:")
            self.indent += 1
            if not uniform:
                self.put(f"live{outer} = gl.both(live{outer}, {name} < {bounds[1]})")
            self.put(f"if live{outer} is False:")
            self.put("    break")
            self.put(f"live{turn} = live{outer}")
            self.indent -= 1
            self.level = turn
            self.loops.append(_Loop(outer, turn))
            self.inner((s.body,))
            self.loops.pop()
            self.level = before
            if not uniform:
                self.put(f"    {name} = {name} + {step}")
        self.scopes = self.scopes[:-1]

    def returned(self, s: t.Return) -> None:
        if (s.value is None) != (self.type == "void"):
            self.refuse(s.at, f"a function of type {self.type} returns {'a value' if s.value is None else 'none'}")
        value = solid(self.typed(s.value, self.type)).text if s.value is not None else ""
        last = self.level == 0 and not self.loops
        if last:
            mixed = self.early and s.value is not None
            self.put(f"return gl.pick({self.live()}, {value}, result)" if mixed else f"return {value}".rstrip())
            return
        if s.value is not None:
            self.put(f"result = gl.pick({self.live()}, {value}, result)")
        self.leave(0)

    def jump(self, s: t.Jump) -> None:
        if not self.loops:
            self.refuse(s.at, f"{s.word!r} stands in a loop alone")
        self.leave(self.loops[-1].outer if s.word == "break" else self.loops[-1].turn)

    def leave(self, first: int) -> None:
        """Takes those of the present mask out of the masks around, from that number on."""
        gone = self.live()
        for number in self.around():
            if number >= first and number != self.level:
                name = self.live(number)
                self.put(f"{name} = gl.less({name}, {gone})")
        self.put(f"{gone} = False")

    def around(self) -> list[int]:
        """The numbers of the masks around, that of the function first."""
        return [0, *range(1, self.level + 1)]
