"""Random kernels that read at places, and what such kernels compute, step by step in Python: the oracle of seeks."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glnn.kernels.language.tree import (
    Assign,
    Binary,
    Block,
    Call,
    Choice,
    Declare,
    Do,
    Expr,
    For,
    Function,
    If,
    Index,
    Jump,
    Name,
    Number,
    Statement,
    Tree,
    Unary,
)
from glnn.kernels.language.walk import within

HEAD = """#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn const U
#pragma glnn unroll i j u
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BLOCK; i++) y[i] = vec4(0.0);
    int q = c / 4;
"""
TAPS = 3  # of weights and bias


class Random:
    """Kernels of a seed: loops, conditions and variables around reads of x, weights and bias at places."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.loops = 0
        self.variables = ["q"]

    def text(self) -> str:
        body = "".join(self.statement(3, "    ") for _ in range(self.rng.randrange(1, 5)))
        return f"{HEAD}{body}}}\n"

    def place(self) -> str:
        a, b = self.rng.choice(self.variables), self.rng.choice(self.variables)
        forms = [
            a,
            a,
            a,
            f"{a} + 1",
            f"1 + {a}",
            f"{a} + {b}",
            f"{a} - 1",
            "c / 4",
            f"2 * {a} + 1",
            "2",
            f"idiv({a}, 2)",
        ]
        return f"imod({self.rng.choice(forms)}, x_G)" if self.rng.random() < 0.1 else self.rng.choice(forms)

    def read(self) -> str:
        kind = self.rng.randrange(6)
        if kind < 4:
            i, j = self.rng.randrange(-1, 2), self.rng.randrange(-1, 2)
            return f"x_tap(i + {i}, j + {j}, {self.place()})" if i >= 0 else f"x_tap(i - 1, j + {j}, {self.place()})"
        tap = self.rng.randrange(TAPS)
        return f"weights({tap}, {self.place()}, {self.place()})[1]" if kind == 4 else f"bias({tap}, {self.place()})"

    def sum(self) -> str:
        return " + ".join(self.read() for _ in range(self.rng.choice([1, 1, 2, 3])))

    def statement(self, depth: int, margin: str) -> str:
        pick, kind = self.rng.choice, self.rng.randrange(4 if depth == 0 else 11)
        pixels = f"{margin}for (int i = 0; i < BH; i++)\n{margin}    for (int j = 0; j < BW; j++) "
        if kind < 3:
            return f"{pixels}y[i * BW + j] += {self.sum()};\n"
        if kind == 3:
            return f"{margin}{pick(['q += 1', 'q = c / 4', 'q -= 1'])};\n"
        if kind == 4:
            return f"{pixels}if (x_inside(i - 1, j + 1)) y[i * BW + j] += {self.sum()};\n"
        if kind == 5:
            condition = pick([f"{self.rng.choice(self.variables)} > 1", "c > 3", "bias(0, c / 4).x > 0.0"])
            made = f"{margin}if ({condition}) {{\n{self.several(depth, margin)}{margin}}}"
            return made + (f" else {{\n{self.several(depth, margin)}{margin}}}\n" if self.rng.random() < 0.5 else "\n")
        if kind == 6:
            made = f"{margin}{{\n{margin}    int v{self.loops} = {self.place()};\n"
            self.variables.append(f"v{self.loops}")
            self.loops += 1
            made += f"{self.several(depth, margin)}{margin}}}\n"
            self.variables.pop()
            return made
        if kind == 7:
            body = self.several(depth, margin)
            return f"{margin}for (int u = 0; u < U; u++) {{\n{body}{margin}}}\n"
        name = f"g{self.loops}"
        self.loops += 1
        self.variables.append(name)
        step = pick([1, 1, 1, 2, 3])
        head = f"int {name} = {pick([0, 0, 1])}; {name} < {pick([0, 1, 3, 4])}; {name} += {step}"
        body = self.several(depth, margin)
        if self.rng.random() < 0.2:
            body += f"{margin}    if ({name} > 1) {pick(['break', 'continue'])};\n{self.several(0, margin)}"
        if self.rng.random() < 0.5:  # steps of the loop's width, as in long sums
            body += "".join(f"{pixels}y[i * BW + j] += x_tap(i, j, {name} + {k});\n" for k in range(step))
        self.variables.pop()
        return f"{margin}for ({head}) {{\n{body}{margin}}}\n"

    def several(self, depth: int, margin: str) -> str:
        return "".join(self.statement(max(depth - 1, 0), margin + "    ") for _ in range(self.rng.randrange(1, 4)))


class _Jumped(Exception):
    pass


class Machine:
    """Runs a kernel's tree for a block: values are what `reads` gives for (accessor, numbers of the call, place)."""

    def __init__(self, reads: Callable[..., Any], names: Mapping[str, Any], inside: Callable[[int, int], bool]):
        self.reads, self.inside = reads, inside
        self.scopes: list[dict[str, Any]] = [dict(names)]
        self.at: dict[str, tuple[int, ...]] = {}  # where each accessor stands
        self.seeks = 0
        self.steps = 0

    def run(self, tree: Tree) -> dict[str, Any]:
        (kernel,) = [f for f in tree.items if isinstance(f, Function)]
        self.free = not any(isinstance(node, Do) for node in within(tree))  # nothing is sought: the author's text
        self.statement(kernel.body)
        return self.scopes[0]

    def scope(self, name: str) -> dict[str, Any]:
        return next(scope for scope in reversed(self.scopes) if name in scope)

    def inner(self, body: tuple[Statement, ...]) -> None:
        self.scopes.append({})
        try:
            for s in body:
                self.statement(s)
        finally:
            self.scopes.pop()

    def statement(self, s: Statement) -> None:
        if isinstance(s, Block):
            self.inner(s.body)
        elif isinstance(s, Declare):
            for item in s.items:
                self.scopes[-1][item.name] = self.value(item.value) if item.value else None
        elif isinstance(s, Assign):
            name = s.target.of.id + f"[{self.value(s.target.index)}]" if isinstance(s.target, Index) else s.target.id
            value = self.value(s.value)
            before = self.scope(name)[name] if s.op else None
            scope = self.scopes[0] if "[" in name else self.scope(name)
            scope[name] = value if not s.op else before + value if s.op == "+" else before - value
        elif isinstance(s, If):
            branch = s.yes if self.value(s.condition) else s.no
            self.inner((branch,) if branch else ())
        elif isinstance(s, For):
            self.loop(s)
        elif isinstance(s, Jump):
            raise _Jumped(s.word)
        elif isinstance(s, Do):
            self.moved(s.call)
        else:
            raise AssertionError(s)

    def loop(self, s: For) -> None:
        step = 1 if s.step is None else self.value(s.step)
        for k in range(self.value(s.low), self.value(s.high), step):
            self.scopes.append({s.name: k})
            try:
                self.inner((s.body,))
            except _Jumped as jump:
                if str(jump) == "break":
                    return
            finally:
                self.scopes.pop()

    def moved(self, call: Call) -> None:
        name, _, word = call.name.rpartition("_")
        if word == "seek":
            args = tuple(self.value(a) for a in call.args)
            if name == "x":
                assert args[:3] == (self.value(Name("n")), self.value(Name("h")), self.value(Name("w")))
                args = args[3:]
            self.at[name] = args
            self.seeks += 1
        else:
            assert word == "next"
            self.at[name] = (self.at[name][0] + 1, *self.at[name][1:])
            self.steps += 1

    def value(self, e: Expr) -> Any:
        if isinstance(e, Number):
            return float(e.text) if "." in e.text else int(e.text)
        if isinstance(e, Name):
            return self.scope(e.id)[e.id]
        if isinstance(e, Unary):
            return -self.value(e.of)
        if isinstance(e, Binary):
            a, b = self.value(e.left), self.value(e.right)
            if e.op == "/":
                return abs(a) // b * (1 if a >= 0 else -1)
            return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, ">": lambda: a > b}[e.op]()
        if isinstance(e, Choice):
            return self.value(e.yes if self.value(e.condition) else e.no)
        if isinstance(e, Call):
            return self.called(e)
        if isinstance(e, Index):
            of, index = e.of, self.value(e.index)
            name = f"y[{index}]" if of == Name("y") else ""
            return self.scope(name)[name] if name else self.value(of)[..., index]
        return self.value(e.of)[..., "xyzw".index(e.name)]

    def called(self, e: Call) -> Any:
        if e.name in ("idiv", "imod"):
            return (np.floor_divide if e.name == "idiv" else np.mod)(*map(self.value, e.args))
        args = tuple(int(self.value(a)) for a in e.args if e.name != "vec4")
        if e.name == "vec4":
            return np.zeros(4)
        if e.name == "x_inside":
            assert "x" in self.at or self.free, "asked before the window is there"
            return self.inside(*args)
        name, kept, places = {"x_tap": ("x", 2, 1), "weights": ("weights", 1, 2), "bias": ("bias", 1, 1)}[e.name]
        place = args[kept:] if len(args) == kept + places else self.at[name]
        return self.reads(name, args[:kept], tuple(map(int, place)))
