"""What a kernel of values must keep to beyond the kernel language: every name in it is known."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from ..kernels.frame import library_text
from ..kernels.language import tree as t
from ..kernels.language.check import Checker
from ..kernels.language.tokens import TYPES
from ..kernels.language.turns import BOUNDS, bounding_names
from ..kernels.language.walk import start, within
from .text import KernelText

BUILTINS = frozenset(
    "radians degrees sin cos tan asin acos atan pow exp log exp2 log2 sqrt inversesqrt abs sign floor ceil fract mod "
    "min max clamp mix step smoothstep length distance dot cross normalize faceforward reflect refract matrixCompMult "
    "lessThan lessThanEqual greaterThan greaterThanEqual equal notEqual any all not".split()
)  # of GLSL ES 1.00
OWN = "kernel_"  # what names of the generated text begin with


def check_values(kernel: KernelText) -> dict[str, int]:
    """How many axes each input is read by, by name. Raises KernelError, with a caret, for what is not right."""
    checker = _Values(kernel)
    checker.items(kernel.tree.items)
    function = kernel.function
    indices = {*kernel.indices}
    for node in within(function):
        if isinstance(node, t.Assign):
            target: t.Expr = node.target
            while isinstance(target, t.Member | t.Index):
                target = target.of
            if isinstance(target, t.Name) and target.id in indices:
                kernel.refuse(node.at, f"{target.id!r} is the place of the value: assign to a variable of your own")
    _check_loops(kernel)
    for name in kernel.inputs:
        if name not in checker.ranks:
            kernel.refuse(kernel.pragma("input", name), f"input {name!r} is declared and never read, as {name}(i, ...)")
    return checker.ranks


def _check_loops(kernel: KernelText) -> None:
    """Refuses bounds that WebGL1 cannot have: they are numbers, constants, params and sizes."""
    constants = {item.name for s in within(kernel.tree) if isinstance(s, t.Declare) and s.const for item in s.items}
    sizes = re.compile("|".join(rf"{x}_size\d" for x in (*kernel.inputs, "y")))
    allowed = {*kernel.const, *kernel.param, *constants}
    for loop in (node for node in within(kernel.tree) if isinstance(node, t.For)):
        outer = {other.name for other in within(kernel.tree) if isinstance(other, t.For) and other is not loop}
        head = t.Tree((t.For(loop.name, loop.low, loop.high, loop.step, t.Block(())),))
        for name in bounding_names(head) - allowed - {loop.name}:
            if not sizes.fullmatch(name) and name not in outer:
                at = next((n.at for e in (loop.low, loop.high, loop.step) if e for n in within(e)
                           if isinstance(n, t.Name) and n.id == name), loop.at)  # fmt: skip
                kernel.refuse(
                    at, f"{BOUNDS}; {name!r} is none of these, and WebGL1 forbids such a loop. Take a bound that is "
                    "large enough, and leave by break",
                )  # fmt: skip


class _Values(Checker):
    def __init__(self, kernel: KernelText):
        declared = {kind: () for kind in ("input", "optional", "matrix", "vector", "unroll")}
        words = [w for p in kernel.tree.pragmas if p.kind == "unroll" for w in p.words]
        super().__init__(
            kernel.tree,
            {**declared, "input": tuple(kernel.inputs), "const": kernel.const, "param": kernel.param, "unroll": words},
            kernel.function, False,
        )  # fmt: skip
        self.kernel = kernel
        self.ranks: dict[str, int] = {}
        self.arguments = {}
        self.windows = frozenset()
        self.types |= dict.fromkeys(kernel.param, "int")
        for name in (*kernel.inputs, "y"):
            self.types |= {f"{name}_size{axis}": "int" for axis in range(4)}
        self.types |= {name: kind for name, (kind, _) in kernel.uniforms.items()}
        self.macros |= {*kernel.uniforms, *kernel.inputs}
        self.library = frozenset(re.findall(r"^\w+ (\w+)\(", library_text("lib/common.glsl"), re.M))

    def declare(self, name: str, at: t.At, kind: str, const: bool = False) -> None:
        if name in self.library or name.startswith((OWN, "given_", "near_")):
            self.refuse(at, f"{name!r} is taken by what stands around a kernel: take another name")
        if name in self.kernel.indices and self.innards:
            self.refuse(at, f"{name!r} is the place of the value: take another name")
        super().declare(name, at, kind, const)

    def function(self, f: t.Function) -> None:
        if f.name in BUILTINS:
            self.refuse(f.at, f"{f.name!r} is a function of GLSL: take another name")
        super().function(f)

    def type(self, e: t.Expr) -> str | None:
        if isinstance(e, t.Name):
            self.known(e)
        return super().type(e)

    def statement(self, s: t.Statement) -> None:
        super().statement(s)
        if isinstance(s, t.Return) and s.value is not None and self.inside is not None:
            kind = self.type(s.value)
            if kind not in (None, self.inside.type):
                self.refuse(start(s.value), f"{self.inside.name!r} gives {self.inside.type}, this is {kind}")

    def known(self, e: t.Name) -> None:
        if e.id in self.types or e.id in self.constant or e.id.startswith("gl_") or e.id == "LARGE":
            return
        if e.id in self.kernel.inputs:
            self.refuse(e.at, f"input {e.id!r} is read by its indices, as {e.id}(i, ...)")
        if e.id == "y":
            self.refuse(e.at, _FEEDBACK.format("y"))
        self.refuse(e.at, f"{e.id!r} is not declared{self.close(e.id, self.types)}")

    def close(self, name: str, names: Mapping[str, object] | frozenset[str]) -> str:
        found = difflib.get_close_matches(name, list(names), 1)
        return f"; did you mean {found[0]!r}?" if found else ""

    def called(self, e: t.Call) -> str | None:
        kernel = self.kernel
        if e.name in kernel.inputs:
            if not 0 < len(e.args) <= 4:
                self.refuse(e.at, f"{e.name} is read by 1 to 4 indices, one for each of its axes, not {len(e.args)}")
            if self.ranks.setdefault(e.name, len(e.args)) != len(e.args):
                self.refuse(e.at, f"{e.name} is read by {len(e.args)} indices here and by {self.ranks[e.name]} before")
            for arg in e.args:
                if self.type(arg) not in ("int", None):
                    self.refuse(start(arg), f"an index is an int, this is {self.type(arg)}: take int(...)")
            return "float"
        if e.name == "y" or e.name in kernel.outputs:
            self.refuse(e.at, _FEEDBACK.format(e.name))
        made = super().called(e)
        if made is not None or e.name in BUILTINS or e.name in self.library or e.name in TYPES or e.name in self.all:
            return made
        if e.name in kernel.given:
            self.refuse(e.at, f"{e.name!r} is one value here: to read others, declare '#pragma glnn input {e.name}'")
        close = self.close(e.name, frozenset({*kernel.inputs, *self.all, *BUILTINS}))
        self.refuse(
            e.at, f"{e.name!r} is no function, and no input, which '#pragma glnn input {e.name}' declares{close}"
        )


_FEEDBACK = (
    "feedback: {0!r} is what the kernel makes, and a draw cannot read what it writes. Declare an input, and give it "
    "the result of the call before"
)
