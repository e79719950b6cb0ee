"""What the kernel language asks for beyond its grammar: of names, calls, loops, and divisions of integers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

from . import tree as t
from .tokens import LEFT_OUT, TYPES
from .walk import children, start, statements, within

Declared = Mapping[str, Sequence[str]]  # what the pragmas declare, by kind

# How many arguments accessors take: one that may give its place takes them last.
_TENSOR: dict[str, tuple[int, ...]] = {
    "": (4,), "_or": (5,), "_fill": (5,), "_at": (4,), "_flat": (1,), "_seek": (4,), "_next": (0,), "_tap": (2, 3, 4),
    "_inside": (2,), "_row": (3,), "_down": (0,), "_col": (1,),
}  # fmt: skip
_WINDOW = ("seek", "next", "tap", "inside")
_MATRIX = {"": (1, 3), "_seek": (2,), "_next": (0,)}
_VECTOR = {"": (1, 2), "_seek": (1,), "_next": (0,)}
_READS = {4: ("_tap(i, j)", "_tap(i, j, g)"), 2: ("(t)", "(t, g, q)"), 1: ("(t)", "(t, g)")}  # by arguments of a seek
_TEXTURE = re.compile(r"texture\w*|texelFetch\w*|FETCH2?")
_TAKEN = frozenset({"P", "F", "ROW0", "LARGE", "BH", "BW", "BLOCK", "block_y", "block_x", "main"})
_PLAIN = "'vec4 kernel(int n, int h, int w, int c)'"


def check(tree: t.Tree, declared: Declared) -> bool:
    """Whether the kernel is blocked. Raises KernelError for what does not keep to the language."""
    kernels = [f for f in statements(tree) if isinstance(f, t.Function) and f.name == "kernel"]
    forms = [_blocked(tree, f) for f in kernels]
    if not forms:
        tree.refuse(t.NOWHERE, f"defines neither {_PLAIN} nor the blocked form")
    for pragma in tree.pragmas:
        for name in pragma.words if pragma.kind in declared and pragma.kind != "unroll" else ():
            taken = name in {"y", *_TAKEN, *TYPES, *LEFT_OUT} or name.startswith("finish")
            if taken or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
                tree.refuse(pragma.at, f"a pragma cannot declare {name!r}: take another name")
    Checker(tree, declared, kernels[0], forms[0]).items(tree.items)
    return forms[0]


def _blocked(tree: t.Tree, kernel: t.Function) -> bool:
    blocked = kernel.type == "void"
    if blocked and not (kernel.params and kernel.params[-1].out and kernel.params[-1].size == t.Name("BLOCK")):
        tree.refuse(kernel.at, "a blocked kernel ends its arguments with 'out vec4 y[BLOCK]'")
    given = [p.type for p in kernel.params if not p.out]
    if kernel.type not in ("void", "vec4") or given != ["int"] * 4 or (not blocked and len(kernel.params) != 4):
        tree.refuse(kernel.at, f"a kernel is {_PLAIN}, or the same with 'void', and 'out vec4 y[BLOCK]' at the end")
    return blocked


class Checker:
    """A look at all statements of a kernel; refuses what does not keep to the language."""

    def __init__(self, tree: t.Tree, declared: Declared, kernel: t.Function, blocked: bool):
        self.tree = tree
        tensors = (*declared["input"], *declared["optional"])
        cells = (*declared["matrix"], *declared["vector"])
        self.owners = (*tensors, *cells, "y", "gl")  # names that begin so, with a "_" behind, are not a kernel's own
        self.tensors, self.inputs = tensors, {*tensors, *cells}
        self.macros = {*_TAKEN, *declared["const"], *declared["param"]}
        self.marked = frozenset(declared["unroll"])
        self.arguments = {x + end: counts for x in tensors for end, counts in _TENSOR.items()}
        self.arguments |= {x + end: counts for x in declared["matrix"] for end, counts in _MATRIX.items()}
        self.arguments |= {x + end: counts for x in declared["vector"] for end, counts in _VECTOR.items()}
        taps = {f"{x}_tap" for x in tensors}
        placed = any(isinstance(e, t.Call) and e.name in taps and len(e.args) > 2 for e in within(tree))
        self.position = tuple(p.name for p in kernel.params[:3]) if placed else ()  # what such taps are relative to
        self.sought: dict[str, int] = {}  # inputs that are read at places: arguments of reads that the tree seeks, or 0
        self.windows = frozenset() if blocked else {f"{x}_{end}" for x in tensors for end in _WINDOW}
        self.functions: dict[str, str] = {}  # those defined so far, with their types
        self.all = {f.name for f in statements(tree) if isinstance(f, t.Function)}
        self.inside: t.Function | None = None  # the function that is being read
        self.innards = False  # whether that is its body
        sizes = [f"{x}_{axis}" for x in (*tensors, "y") for axis in "NHWCG"]
        self.types = dict.fromkeys((*declared["param"], *sizes, "BH", "BW", "BLOCK"), "int")  # of the names seen so far
        self.constant = {*declared["const"], "BH", "BW", "BLOCK"}
        self.loops: tuple[str, ...] = ()  # variables of the loops around
        self.innermost: str | None = None

    def refuse(self, at: t.At, message: str) -> NoReturn:
        self.tree.refuse(at, message)

    # ---- names

    def declare(self, name: str, at: t.At, kind: str, const: bool = False) -> None:
        owner = next((x for x in self.owners if name.startswith(f"{x}_")), None)
        if name in self.macros:
            self.refuse(at, f"{name!r} is taken, by a pragma or by what stands around a kernel: take another name")
        if name == "y" and self.inside and self.inside.type == "void" and self.inside.name == "kernel":
            self.refuse(at, "'y' is the block's pixels: take another name")
        self.moved(name, at)
        if owner or "__" in name:
            taken = f"begin with '{owner}_'" if owner else "have two '_' in a row"
            self.refuse(at, f"{name!r}: names that {taken} are not a kernel's own: take another name")
        self.types[name] = kind
        if const:
            self.constant.add(name)
        else:
            self.constant.discard(name)

    def moved(self, name: str, at: t.At) -> None:
        if name in self.position and self.inside and self.inside.name == "kernel" and self.innards:
            self.refuse(at, f"{name!r} says where x_tap(i, j, g) reads: take another name")

    # ---- statements

    def items(self, body: Sequence[t.Statement]) -> None:
        types, constant = dict(self.types), set(self.constant)
        for s in body:
            self.statement(s)
        self.types, self.constant = types, constant

    def statement(self, s: t.Statement) -> None:
        if isinstance(s, t.Function):
            self.function(s)
        elif isinstance(s, t.IfDef):
            if s.name.removeprefix("HAS_") not in self.tensors:
                self.refuse(s.at, f"{s.name}: no pragma declares '#pragma glnn optional {s.name.removeprefix('HAS_')}'")
            for branch in (s.yes, s.no):  # at the same level: what is declared there is seen behind it
                for inner in branch:
                    self.statement(inner)
        elif isinstance(s, t.Block):
            self.items(s.body)
        elif isinstance(s, t.Declare):
            for item in s.items:
                for e in (item.size, item.value):
                    if e is not None:
                        self.type(e)
                self.declare(item.name, item.at, s.type, s.const)
        elif isinstance(s, t.For):
            self.loop(s)
        elif isinstance(s, t.Jump):
            self.jump(s)
        elif isinstance(s, t.Assign):
            self.assign(s)
        else:
            for part in children(s):
                if isinstance(part, t.Expr):
                    self.type(part)
                else:
                    self.items((part,))

    def function(self, f: t.Function) -> None:
        if f.name in self.inputs:
            self.refuse(f.at, f"{f.name!r} reads an input: take another name")
        self.declare(f.name, f.at, f.type)
        types, constant, self.inside = dict(self.types), set(self.constant), f
        for p in f.params:
            if (p.out or p.size) and f.name != "kernel":
                self.refuse(p.at, "'out' and arrays are for a blocked kernel's y alone: return what is made")
            if not p.out:
                self.declare(p.name, p.at, p.type)
        self.innards = True
        self.statement(f.body)
        self.innards = False
        self.types, self.constant, self.inside = types, constant, None
        self.functions[f.name] = f.type

    def loop(self, s: t.For) -> None:
        for e in (s.low, s.high, *((s.step,) if s.step else ())):
            self.type(e)
        types, constant, loops, innermost = dict(self.types), set(self.constant), self.loops, self.innermost
        self.declare(s.name, s.at, "int")
        self.loops, self.innermost = (*loops, s.name), s.name
        self.items((s.body,))
        self.types, self.constant, self.loops, self.innermost = types, constant, loops, innermost

    def jump(self, s: t.Jump) -> None:
        if self.innermost is None:
            self.refuse(s.at, f"{s.word!r} stands in a loop alone")
        if self.innermost in self.marked:
            self.refuse(s.at, f"the loop over {self.innermost!r} is written out, none is left to {s.word}: take an if")

    def assign(self, s: t.Assign) -> None:
        target: t.Expr = s.target
        while isinstance(target, t.Member | t.Index):
            target = target.of
        assert isinstance(target, t.Name)
        if target.id in self.loops:
            self.refuse(s.at, f"{target.id!r} counts a loop: assign to a variable of your own")
        self.moved(target.id, s.at)
        if target.id in self.constant or target.id in self.macros:
            self.refuse(s.at, f"{target.id!r} is a constant")
        kind, value = self.type(s.target), self.type(s.value)
        if s.op == "/" and kind == value == "int" and not self.is_constant(s.value):
            self.divided(s.at)

    # ---- expressions

    def type(self, e: t.Expr) -> str | None:
        """The type of an expression where that is easily told, after a look at all of it."""
        if isinstance(e, t.Number):
            return "int" if e.text.isdigit() or e.text[:2] in ("0x", "0X") else "bool" if e.text[0] in "tf" else "float"
        if isinstance(e, t.Name):
            if e.id.startswith("gl_"):
                self.refuse(e.at, f"{e.id!r}: a kernel knows its place by n, h, w and c")
            return self.types.get(e.id)
        if isinstance(e, t.Call):
            for arg in e.args:
                self.type(arg)
            return self.called(e)
        if isinstance(e, t.Binary):
            left, right = self.type(e.left), self.type(e.right)
            if e.op == "/" and left == right == "int" and not self.is_constant(e.right):
                self.divided(e.at)
            if e.op in ("+", "-", "*", "/"):
                return left if left == right else None
            return "bool"
        if isinstance(e, t.Choice):
            self.type(e.condition)
            yes, no = self.type(e.yes), self.type(e.no)
            return yes if yes == no else None
        kinds = [self.type(part) for part in children(e)]
        return kinds[0] if isinstance(e, t.Unary) else None

    def called(self, e: t.Call) -> str | None:
        wanted = self.arguments.get(e.name)
        if wanted is not None and e.name not in self.types and len(e.args) not in wanted:
            counts = " or ".join(map(str, wanted if len(wanted) < 3 else (f"{wanted[0]} to {wanted[-1]}",)))
            self.refuse(e.at, f"{e.name} takes {counts} arguments, it is given {len(e.args)}")
        if e.name in self.windows:
            self.refuse(e.at, f"{e.name}: windows are for blocked kernels, one of one texel reads x(n, h, w, c)")
        if wanted is not None and e.name not in self.types:
            self.placed(e, wanted)
        if _TEXTURE.fullmatch(e.name):
            self.refuse(e.at, f"{e.name!r} is no part of the kernel language: read through inputs, as x(n, h, w, c)")
        if self.inside and e.name == self.inside.name:
            self.refuse(e.at, f"{e.name!r} calls itself: GLSL knows no recursion, take a loop")
        if e.name in self.all and e.name not in self.functions:
            self.refuse(e.at, f"{e.name!r} is defined further down: a function is written before those that call it")
        if e.name in TYPES:
            return e.name
        return "int" if e.name in ("idiv", "imod") else self.functions.get(e.name)

    def placed(self, e: t.Call, counts: tuple[int, ...]) -> None:
        """A read that may give its place: the tree seeks it, in the kernel alone, unless the kernel seeks by hand."""
        own = next((x for x in (e.name, e.name.rpartition("_")[0]) if x in self.inputs), "")
        by_tree = len(e.args) if len(e.args) in counts[1:] else 0
        if not by_tree and len(counts) == 1 and not e.name.endswith(("_seek", "_next")):
            return
        if self.sought.setdefault(own, by_tree) != by_tree and self.sought[own] and by_tree:
            self.refuse(e.at, f"{e.name} names its image here and not elsewhere: name it in all taps or in none")
        if self.sought[own] != by_tree:
            plain, placed = _READS[self.arguments[f"{own}_seek"][0]]
            either = f"{own}{placed} throughout, or {own}_seek, {own}_next and {own}{plain}"
            self.refuse(e.at, f"{own} is sought by hand and by its reads' places: take {either}")
        if not by_tree:
            return
        for place in e.args[counts[0] :]:
            kind = self.type(place)
            if kind not in ("int", None):
                self.refuse(start(place), f"{e.name} takes its place as int: this is {kind}")
        if self.inside is None or self.inside.name != "kernel":
            self.refuse(e.at, f"{e.name} with a place stands in the kernel alone: hand its value to the function")

    def is_constant(self, e: t.Expr) -> bool:
        return all(part.id in self.constant for part in within(e) if isinstance(part, t.Name)) and not any(
            isinstance(part, t.Call) for part in within(e)
        )

    def divided(self, at: t.At) -> None:
        self.refuse(at, "integers are divided by a constant, or with idiv(a, b): '/' is inexact on small devices")
