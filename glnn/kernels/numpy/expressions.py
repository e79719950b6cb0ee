"""Expressions of GLSL as Python that works on arrays, with their types; what GLSL would refuse is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from ..language import tree as t
from ..language.values import Value, evaluate
from ..language.walk import within
from . import types
from .names import ATOM, COMPARED, DTYPES, REAL, UNARY, Callee, Code, Known, bracketed, number, solid
from .places import Locate, refused

# GLSL's operators in Python, and how tightly they bind there.
_OPERATORS = {
    "||": ("|", 4), "^^": ("!=", COMPARED), "&&": ("&", 6), "|": ("|", 4), "^": ("^", 5), "&": ("&", 6),
    "==": ("==", COMPARED), "!=": ("!=", COMPARED), "<": ("<", COMPARED), ">": (">", COMPARED),
    "<=": ("<=", COMPARED), ">=": (">=", COMPARED), "<<": ("<<", 7), ">>": (">>", 7),
    "+": ("+", 8), "-": ("-", 8), "*": ("*", 9), "/": ("/", 9),
}  # fmt: skip
_PYTHON = {"not": "negated"}  # GLSL's functions that have another name in functions.py
_CONVERSIONS = {"float": REAL, "int": "gl.integers", "uint": "gl.unsigned", "bool": "gl.truth"}


class Expressions:
    """Prints expressions; a printer of statements keeps `scopes`, and says which mask is the present one."""

    def __init__(self, text: str, locate: Locate | None):
        self.text, self.locate = text, locate
        self.scopes: list[dict[str, Known]] = [{}]
        self.functions: dict[str, list[Callee]] = {}
        self.constants: dict[str, int | float] = {}  # numbers of the text, by name
        self.uses: set[str] = set()  # functions that the present one calls
        self.masked = False  # whether the present function has to know its mask
        self.mask = "True"

    def refuse(self, at: t.At, message: str) -> NoReturn:
        raise refused(self.text, self.locate, at, message)

    def find(self, name: str) -> Known | None:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def value(self, e: t.Expr) -> Value | None:
        """The value of an expression of the text's own numbers; None if it is not constant."""
        names = {part.id for part in within(e) if isinstance(part, t.Name)}
        return evaluate(e, {name: self.constants[name] for name in names if self.is_number(name)})

    def is_number(self, name: str) -> bool:
        """Whether a name stands for one of the text's numbers, and for nothing declared since."""
        return name in self.constants and self.find(name) is self.scopes[0].get(name)

    # ---- expressions

    def code(self, e: t.Expr) -> Code:
        """The Python of an expression. Raises KernelError for names that nothing declares and types that do not fit."""
        if isinstance(e, t.Number):
            return number(e.text)
        if isinstance(e, t.Name):
            known = self.find(e.id)
            if known is None:
                self.refuse(e.at, f"{e.id!r} is declared nowhere")
            return Code(known.python, known.type)
        if isinstance(e, t.Call):
            return self.call(e)
        if isinstance(e, t.Binary):
            return self.binary(e)
        if isinstance(e, t.Choice):
            return self.choice(e)
        if isinstance(e, t.Unary):
            return self.unary(e)
        if isinstance(e, t.Index):
            return self.index(e)
        return self.member(e)

    def solid(self, e: t.Expr) -> Code:
        """The same as a value of the device's own type: where no operator with an array would make it one."""
        return solid(self.code(e))

    def unary(self, e: t.Unary) -> Code:
        of = self.code(e.of)
        if e.op == "!":
            self.want(of.type == "bool", e.at, f"!{of.type}: only a bool has an opposite")
            return Code(f"gl.negated({of.text})", "bool")
        self.want(types.kind(of.type) != "bool", e.at, f"{e.op}{of.type}: a bool has no sign")
        return Code(f"{e.op}{bracketed(of, UNARY)}", of.type, UNARY, of.literal)

    def binary(self, e: t.Binary) -> Code:
        left = self.code(e.left)
        if e.op in ("&&", "||"):
            right = self.under(left.text if e.op == "&&" else f"gl.negated({left.text})", e.right)
        else:
            right = self.code(e.right)
        made = self.operated(e.op, left.type, right.type)
        if made is None:
            self.refuse(e.at, f"{left.type} {e.op} {right.type}: GLSL converts nothing by itself; float(a), int(a) do")
        if (types.is_matrix(left.type) or types.is_matrix(right.type)) and e.op == "*":
            if types.size(left.type) > 1 and types.size(right.type) > 1:
                return Code(f"gl.times({left.text}, {right.text})", made)
        if e.op in ("==", "!=") and types.size(left.type) > 1:
            text = f"gl.equal({left.text}, {right.text})"
            return Code(text if e.op == "==" else f"gl.negated({text})", "bool")
        if e.op == "/" and types.kind(left.type) != "float":
            return Code(f"gl.divide({left.text}, {right.text})", made)
        if left.literal and right.literal and e.op == "/":
            left = solid(left)
        sign, level = _OPERATORS[e.op]
        text = f"{bracketed(left, level + (level == COMPARED))} {sign} {bracketed(right, level + 1)}"
        return Code(text, made, level, left.literal and right.literal)

    @staticmethod
    def operated(op: str, left: str, right: str) -> str | None:
        """The type of an operator's result; None where it does not take these types."""
        if not (types.is_value(left) and types.is_value(right)) or (op == "^^" and left != "bool"):
            return None
        a, b, same = types.kind(left), types.kind(right), left == right
        if op in ("&&", "||", "^^"):
            return "bool" if same and left == "bool" else None
        if op in ("==", "!="):
            return "bool" if same else None
        if op in ("<", ">", "<=", ">="):
            return "bool" if same and left in ("float", "int", "uint") else None
        if op in ("<<", ">>"):
            return left if {a, b} <= {"int", "uint"} else None
        if a != b or a == "bool" or (op in ("&", "|", "^") and a == "float"):
            return None
        if types.is_matrix(left) and types.is_matrix(right):
            return left if same else None
        for one, other in ((left, right), (right, left)):
            if types.size(other) == 1:
                return one
            if types.is_matrix(one) and op == "*":
                return other if types.size(one) == types.size(other) else None
        return left if same else None

    def choice(self, e: t.Choice) -> Code:
        known = self.value(e.condition)
        condition = self.code(e.condition)
        self.want(condition.type == "bool", e.at, f"the condition of ?: is a bool, not {condition.type}")
        yes = solid(self.under(condition.text, e.yes))
        no = solid(self.under(f"gl.negated({condition.text})", e.no))
        self.want(yes.type == no.type, e.at, f"?: chooses between values of one type, not {yes.type} and {no.type}")
        if isinstance(known, bool):
            return yes if known else no
        return Code(f"gl.choose({condition.text}, {yes.text}, {no.text})", yes.type)

    def under(self, condition: str, e: t.Expr) -> Code:
        """An expression that counts where a condition holds: what it calls may write globals there alone."""
        outer, masked = self.mask, self.masked
        self.mask, self.masked = f"gl.both({outer}, {condition})", False
        made = self.code(e)
        self.mask, self.masked = outer, masked or self.masked
        return made

    def index(self, e: t.Index) -> Code:
        of, index = self.code(e.of), self.code(e.index)
        self.want(index.type in ("int", "uint"), e.at, f"an index is an int, not {index.type}")
        array = types.array(of.type)
        made = array[0] if array else ""
        if not array and not (types.is_value(of.type) and types.size(of.type) > 1):
            self.refuse(e.at, f"{of.type} has no elements")
        made = made or self.element(of.type)
        plain = re.fullmatch(r"\d+", index.text) and not of.literal
        return Code(f"{bracketed(of, ATOM)}[{index.text}]" if plain else f"gl.item({of.text}, {index.text})", made)

    @staticmethod
    def element(type: str) -> str:
        """The type of v[i]."""
        return types.vector("float", types.size(type)) if types.is_matrix(type) else types.kind(type)

    def member(self, e: t.Member) -> Code:
        of = self.code(e.of)
        lanes = types.lanes(of.type, e.name)
        if lanes is None:
            self.refuse(e.at, f"{of.type} has no .{e.name}")
        made = types.vector(types.kind(of.type), len(lanes))
        if len(lanes) == 1:
            return Code(f"{bracketed(of, ATOM)}[{lanes[0]}]", made)
        return Code(f"gl.lanes({of.text}, {', '.join(map(str, lanes))})", made)

    # ---- calls

    def call(self, e: t.Call) -> Code:
        args = [self.code(arg) for arg in e.args]
        own = self.functions.get(e.name)
        if own:
            given = tuple(arg.type for arg in args)
            callee = next((f for f in own if f.params == given), None)
            if callee is None:
                takes = " or ".join(f"({', '.join(f.params)})" for f in own)
                self.refuse(e.at, f"{e.name} takes {takes}, it is given ({', '.join(given)})")
            self.uses.add(callee.python)
            self.masked |= callee.masked
            words = [*([self.mask] if callee.masked else []), *(solid(arg).text for arg in args)]
            return Code(f"{callee.python}({', '.join(words)})", callee.type)
        if types.is_value(e.name):
            return self.constructed(e, args)
        made = types.called(e.name, [arg.type for arg in args])
        if made is None:
            self.refuse(e.at, f"no function {e.name!r} takes ({', '.join(arg.type for arg in args)})")
        if e.name in ("texture", "texture2D"):
            return Code(f"gl.fetch({self.place(e, args)})", made)
        if e.name == "texelFetch":
            return Code(f"gl.texel({', '.join(arg.text for arg in args)})", made)
        text = f"gl.{_PYTHON.get(e.name, e.name)}({', '.join(solid(arg).text for arg in args)})"
        of_bits = e.name in ("uintBitsToFloat", "intBitsToFloat", "unpackHalf2x16")
        return Code(f"{REAL}({text})" if of_bits else text, made)

    def place(self, e: t.Call, args: Sequence[Code]) -> str:
        """The arguments of a fetch: the texture, the place and the layer."""
        at = e.args[1]
        if isinstance(at, t.Call) and at.name == "vec3" and len(at.args) == 2:
            inner = [self.code(arg) for arg in at.args]
            if [arg.type for arg in inner] == ["vec2", "float"]:
                return f"{args[0].text}, {inner[0].text}, {inner[1].text}"
        return f"{args[0].text}, {args[1].text}"

    def constructed(self, e: t.Call, args: Sequence[Code]) -> Code:
        made, kind, count = e.name, types.kind(e.name), types.size(e.name)
        if not args or not all(types.is_value(arg.type) for arg in args):
            self.refuse(e.at, f"{made}(..) of what is no value")
        dtype = DTYPES[kind]
        sizes = [types.size(arg.type) for arg in args]
        if types.is_matrix(made):
            if len(args) == 1 and sizes[0] == 1:
                return Code(f"gl.diagonal({dtype}, {count}, {args[0].text})", made)
            words = [solid(arg).text for arg in args]
            if all(size == 1 for size in sizes) and len(args) == count * count:
                words = [f"gl.vector({dtype}, {', '.join(words[k : k + count])})" for k in range(0, len(words), count)]
            elif len(args) != count or set(sizes) != {count}:
                self.refuse(e.at, f"{made}({', '.join(arg.type for arg in args)})")
            return Code(f"gl.columns({', '.join(words)})", made)
        if len(args) == 1 and (sizes[0] == count or count == 1):
            arg = args[0] if sizes[0] == count else args[0]._replace(text=f"{bracketed(args[0], ATOM)}[0]")
            return Code(self.converted(arg, kind), made)
        words = [self.converted(arg, kind) for arg in args]
        if len(args) == 1 and sizes[0] == 1:
            return Code(f"gl.spread({dtype}, {count}, {words[0]})", made)
        if sum(sizes) != count:
            self.refuse(e.at, f"{made}(..) takes {count} components, it is given {sum(sizes)}")
        return Code(f"gl.vector({dtype}, {', '.join(words)})", made)

    @staticmethod
    def converted(arg: Code, kind: str) -> str:
        """A value as one of another kind."""
        if types.kind(arg.type) == kind:
            return arg.text if not (arg.literal and kind == "float") else solid(arg).text
        return f"{_CONVERSIONS[kind]}({arg.text})"

    def want(self, right: bool, at: t.At, message: str) -> None:
        if not right:
            self.refuse(at, message)

    def is_uniform(self, e: t.Expr) -> bool:
        """Whether an expression of numbers and names is sure to be the same for all invocations."""
        if isinstance(e, t.Name):
            known = self.find(e.id)
            return known is not None and known.uniform
        if isinstance(e, t.Binary):
            return self.is_uniform(e.left) and self.is_uniform(e.right)
        if isinstance(e, t.Unary | t.Member | t.Index):
            return self.is_uniform(e.of)
        return isinstance(e, t.Number)
