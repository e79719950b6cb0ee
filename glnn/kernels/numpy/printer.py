"""A whole shader text -> a Python module that runs it on arrays, with the kernel's lines as comments."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..language import tree as t
from ..language.walk import within
from .names import Callee, Code, Known, constants, python_name, solid
from .places import Locate
from .program import Program, parse_program
from .statements import Statements

_HEAD = '''"""{title}

Printed from the shader's text. A value's last axis goes over the invocations of a draw: a float (n,), a vec4 (4, n),
a mat4 (4, 4, n) by columns; what is the same for all may be a number. `live`: for which a statement counts.
"""

import numpy as np

import glnn.kernels.numpy.gl as gl

real = np.{real}
'''


def module(
    text: str, title: str, real: str = "float32", exact: Collection[str] = (), locate: Locate | None = None
) -> str:
    """The Python of a fragment shader's text: its `draw(ints, floats, places)` gives the arrays (4, n) of the outputs.

    real:   the type of floats, float32 or float64. LARGE is the largest of them.
    exact:  functions of the text that are not printed, but taken from the namespace's `exact` by their names
    locate: from a line of the text to its author's file and line, for comments and messages
    Raises KernelError for what GLSL would refuse.
    """
    program = parse_program(text, locate)
    return _Printer(program, exact, locate).module(_HEAD.format(title=title, real=real), real)


class _Printer(Statements):
    def __init__(self, program: Program, exact: Collection[str], locate: Locate | None):
        super().__init__(program.text, locate)
        self.program, self.exact = program, exact
        self.constants = constants(program.named)
        self.bodies: list[tuple[Callee, list[str]]] = []
        self.fresh_globals: list[str] = []  # assignments that take their values away

    # ---- the module

    def module(self, head: str, real: str) -> str:
        named, out = self.named(real)
        self.declare_globals()
        for item in self.program.items:
            if isinstance(item, t.Declare):
                out += self.outer(item)
            else:
                self.function(item)
        main = next((f for f, _ in self.bodies if f.python == "main"), None)
        if main is None:
            self.refuse(t.NOWHERE, "the text has no function main")
        used, todo = {"main"}, [main]
        while todo:
            more = [f for f, _ in self.bodies if f.python in todo[-1].uses and f.python not in used]
            todo.pop()
            used |= {f.python for f in more}
            todo += more
        pieces = [head, "\n".join(out)]
        pieces += ["\n".join(lines) for f, lines in self.bodies if f.python in used]
        return "\n\n".join([*pieces, self.draw(named, main)]) + "\n"

    def named(self, real: str) -> tuple[list[str], list[str]]:
        """The macros that keep their names: assignments for each draw, and those for once."""
        draws: list[str] = []
        once: list[str] = []
        uniforms = {v.name: f"{v.type}[{self.counted(v.size)}]" for v in self.program.uniforms if v.size is not None}
        for name, type in uniforms.items():
            self.scopes[0][name] = Known(name, type, uniform=True)
        for name, e in self.program.named.items():
            code = self.code(e)
            if name == "LARGE" and real == "float64":
                code = Code("np.finfo(real).max", "float")
            (once if name in self.constants else draws).append(f"{python_name(name)} = {solid(code).text}")
            self.scopes[0][name] = Known(python_name(name), code.type, uniform=True)
        return draws, once

    def declare_globals(self) -> None:
        for v in self.program.uniforms:
            if v.size is None:
                self.scopes[0][v.name] = Known(python_name(v.name), v.type, uniform=v.type == "int")
        for v in self.program.outs:
            self.scopes[0][v.name] = Known(v.name, v.type)
        self.scopes[0]["gl_FragCoord"] = Known("gl_FragCoord", "vec4")
        if not self.program.outs:
            self.scopes[0]["gl_FragColor"] = Known("gl_FragColor", "vec4")
        self.globals = {known.python for known in self.scopes[0].values()}

    def outer(self, item: t.Declare) -> list[str]:
        """Variables outside of functions."""
        made: list[str] = []
        for one in item.items:
            type = f"{item.type}[{self.counted(one.size)}]" if one.size is not None else item.type
            value = solid(self.typed(one.value, type)).text if one.value is not None else self.unset(type)
            name = python_name(one.name)
            if item.const and one.value is not None:
                number = self.value(one.value)
                self.constants |= {} if number is None else {one.name: number}
            self.scopes[0][one.name] = Known(name, type, uniform=item.const)
            self.globals.add(name)
            (made if item.const else self.fresh_globals).append(f"{name} = {value}")
        return made

    def draw(self, named: Sequence[str], main: Callee) -> str:
        outs = [v.name for v in self.program.outs] or ["gl_FragColor"]
        fresh = [*(f"{name} = gl.unset(real, 4)" for name in outs), *self.fresh_globals]
        lines = ["def begin():", '    """Variables that functions share, without a value."""']
        lines += [f"    global {_shared(fresh)}", *(f"    {line}" for line in fresh), "", ""]
        first = ["P = ints", "F = floats", "gl_FragCoord = places", *named]
        lines += ["def draw(ints, floats, places):"]
        lines += ['    """The outputs, (4, n) each, for the uniform arrays P and F and the places (4, n)."""']
        lines += [f"    global {_shared(first)}", "    begin()", *(f"    {line}" for line in first)]
        lines += [f"    main({'True' if main.masked else ''})", "    try:", f"        return {', '.join(outs)},"]
        return "\n".join([*lines, "    finally:", "        begin()"])

    # ---- functions

    def function(self, f: t.Function) -> None:
        params = tuple(p.type for p in f.params)
        several = [g for g in self.program.items if isinstance(g, t.Function) and g.name == f.name]
        python = "_".join([python_name(f.name), *params]) if len(several) > 1 else python_name(f.name)
        callee = Callee(python, f.type, params)
        if any(known.params == params for known in self.functions.get(f.name, ())):
            self.refuse(f.at, f"{f.name} is defined twice")
        last = f.body.body[-1] if f.body.body else None
        self.start(f.type, any(isinstance(s, t.Return) and s is not last for s in within(f.body)))
        self.uses = callee.uses
        self.scopes.append({})
        names = [self.declare(p.name, p.type, p.at) for p in f.params]
        self.comment(f.at, True)
        comments, self.lines = self.lines, []
        if f.name in self.exact:
            self.exactly(f, names)
        else:
            self.body(f.body.body)
            if self.early and f.type != "void" and not isinstance(last, t.Return):
                self.put("return result")
        self.scopes.pop()
        callee.masked = bool(self.written) or self.masked
        head = [f"def {python}({', '.join([*(['live'] if callee.masked else []), *names])}):"]
        head += [f"    global {', '.join(sorted(self.written))}"] if self.written else []
        head += ["    live = True"] if self.mentions and not callee.masked else []
        head += ["    result = None"] if self.early and f.type != "void" else []
        self.functions.setdefault(f.name, []).append(callee)
        self.bodies.append((callee, [*[line[4:] for line in comments], *head, *(self.lines or ["    pass"])]))

    def exactly(self, f: t.Function, names: list[str]) -> None:
        """A function that stands in for the text's own."""
        self.put(f"return exact[{f.name!r}]({', '.join(names)})")


def _shared(assignments: Sequence[str]) -> str:
    """The names that assignments give values to."""
    return ", ".join(line.split(" = ")[0] for line in assignments)
