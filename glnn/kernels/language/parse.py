"""Text of the kernel language -> tree. What it leaves out is refused at its place, with what to write instead.

The language is described in docs/kernels.md. Files of shaders/lib and shaders/codecs (`library`) may have more: bit
operations, for dialects that have them, and #define.
"""

from __future__ import annotations

from collections.abc import Callable

from . import tree as t
from .expressions import Reader
from .tokens import LEFT_OUT, Token
from .walk import depth

Read = Callable[[], t.Statement]

_ASSIGNMENTS = frozenset({"=", "+=", "-=", "*=", "/="})
_LOOP = LEFT_OUT["while"]

MAX_DEPTH = 150  # of expressions and statements within each other: passes go down by calling themselves
DEEP = "what stands here is nested too deeply: give parts of it to variables"


def parse_file(text: str, file: str, library: bool = False, line: int = 1) -> t.Tree:
    """The functions, constants and pragmas of a file. Raises KernelError. A line of 0: of no place."""
    parser = Parser(text, file, library, line)
    tree = t.Tree(parser.whole(parser.item), tuple(parser.pragmas), file, text)
    deep, at = depth(tree)
    if deep > MAX_DEPTH:
        tree.refuse(at, DEEP)
    return tree


def parse_statements(text: str, file: str = "") -> t.Tree:
    """Statements without a function around them. Raises KernelError."""
    parser = Parser(text, file, False)
    return t.Tree(parser.whole(parser.statement), (), file, text)


def parse_expression(text: str, line: int = 0) -> t.Expr:
    """One expression. Raises KernelError. A line of 0: of no place, as what the assembler makes."""
    parser = Reader(text, "", False, line)
    e = parser.expression()
    if parser.token.kind != "end":
        parser.refuse(f"expected the end of the expression, found {parser.token.text!r}")
    return e


class Parser(Reader):
    """Reads files and statements."""

    def __init__(self, text: str, file: str, library: bool, line: int = 1):
        super().__init__(text, file, library, line)
        self.pragmas: list[t.Pragma] = []

    # ---- files

    def whole(self, read: Read) -> tuple[t.Statement, ...]:
        try:
            return self.several(read, ())
        except RecursionError:
            self.refuse(DEEP)

    def several(self, read: Read, ends: tuple[str, ...], directives: tuple[str, ...] = ()) -> tuple[t.Statement, ...]:
        """Statements or items up to one of the words `ends`, or to a directive that begins so; neither is taken."""
        found: list[t.Statement] = []
        while True:
            token = self.token
            if token.kind == "directive":
                if token.text.startswith(directives):
                    return tuple(found)
                made = self.directive(read, ends)
                found += [made] if made else []
            elif token.text in ends or (token.kind == "end" and not directives and not ends):
                return tuple(found)
            elif token.kind == "end":
                word = "an #endif" if directives else f"a {ends[0]!r}"
                self.refuse(f"the text ends before {word}")
            else:
                found.append(read())

    def directive(self, read: Read, ends: tuple[str, ...]) -> t.Statement | None:
        token = self.take()
        words = token.text.split("//")[0].split()
        if words[:2] == ["#pragma", "glnn"] and len(words) > 2:
            column = token.at[1] + token.text.index(words[2], token.text.index("glnn") + 4)
            self.pragmas.append(t.Pragma(words[2], tuple(words[3:]), (token.at[0], column)))
            return None
        if words[0] in ("#ifdef", "#ifndef") and len(words) == 2 and words[1].startswith("HAS_"):
            yes = self.several(read, ends, ("#else", "#endif"))
            no: tuple[t.Statement, ...] = ()
            if self.directed(yes, token).text.startswith("#else"):
                no = self.several(read, ends, ("#endif",))
                self.directed(no, token)
            return t.IfDef(words[1], words[0] == "#ifdef", yes, no, token.at)
        if self.library and words[0] == "#define":
            return t.Directive(token.text.split("//")[0].rstrip(), token.at)
        other = f"{words[0]} is no part of the kernel language: there are {_ALL}"
        self.refuse(_DIRECTIVES.get(words[0], other), token.at)

    def directed(self, body: tuple[t.Statement, ...], opened: Token) -> Token:
        """The #else or #endif of an #ifdef that was opened."""
        if self.token.kind != "directive":
            self.refuse("an #ifdef stands around whole statements or functions: its #endif is missing", opened.at)
        return self.take()

    def item(self) -> t.Statement:
        """A function or a constant."""
        if self.token.text == "const":
            return self.declaration()
        kind = self.kind("a function or a constant")
        name = self.name("the name of a function")
        if self.token.text != "(":
            const = f"const {kind.text} {name.text} = .."
            self.refuse(f"{name.text!r} stands outside of functions, where only constants do: {const}", name.at)
        self.take()
        params: list[t.Param] = []
        while not self.found(")"):
            if params:
                self.expect(",")
            params.append(self.parameter())
        if self.token.text == ";":
            self.refuse("a function is written before those that call it: leave this line away")
        return t.Function(kind.text, name.text, tuple(params), self.block(), kind.at)

    def parameter(self) -> t.Param:
        at = self.token.at
        out = self.found("out")
        kind = self.kind("the type of a parameter")
        name = self.name("the name of a parameter")
        size = None
        if self.found("["):
            size = self.expression()
            self.expect("]")
        if (out or size) and (name.text != "y" or kind.text != "vec4"):
            self.refuse(f"'out' and arrays are for a blocked kernel's 'out vec4 y[BLOCK]' alone; {LEFT_OUT['out']}", at)
        return t.Param(kind.text, name.text, size, out, at)

    def kind(self, what: str) -> Token:
        token = self.tokens[self.next]
        if token.text not in self.types:
            if token.text in LEFT_OUT:
                self.refuse(f"{token.text!r} is no part of the kernel language: {LEFT_OUT[token.text]}")
            self.refuse(f"expected {what}, found {token.text!r}; types are {', '.join(sorted(self.types))}")
        self.next += 1
        return token

    # ---- statements

    def block(self) -> t.Block:
        at = self.expect("{").at
        body = self.several(self.statement, ("}",))
        return t.Block(body, at, self.expect("}").at)

    def statement(self) -> t.Statement:
        token = self.token
        word = token.text
        if word == "{":
            return self.block()
        if word in _STATEMENTS:
            return _STATEMENTS[word](self, token)
        if word == "const" or (word in self.types and self.tokens[self.next + 1].kind == "name"):
            return self.declaration()
        target = self.expression()
        sign = self.token
        if sign.text in _ASSIGNMENTS:
            self.take()
            if not _is_place(target):
                self.refuse("what stands left of an assignment is a variable, its lanes or an element", token.at)
            value = self.expression()
            if self.token.text in _ASSIGNMENTS:
                self.refuse("one assignment to a statement: write two")
            self.expect(";")
            return t.Assign(target, sign.text[:-1], value, token.at)
        if sign.text in ("++", "--"):
            self.refuse(LEFT_OUT[sign.text])
        if not isinstance(target, t.Call):
            self.refuse(f"expected an assignment or a call, found {sign.text!r} behind an expression")
        self.expect(";")
        return t.Do(target, token.at)

    def inner(self) -> t.Statement:
        """The statement that a loop or a condition governs."""
        token = self.token
        if token.kind == "directive":
            self.refuse("an #ifdef stands around whole statements: put braces around what a loop or condition governs")
        made = self.statement()
        if isinstance(made, t.Declare):
            self.refuse("a declaration alone has nobody to read it: put braces around it and what uses it", token.at)
        return made

    def declaration(self) -> t.Declare:
        at = self.token.at
        const = self.found("const")
        kind = self.kind("a type")
        items: list[t.Item] = []
        while not items or self.found(","):
            name = self.name("the name of a variable")
            size = value = None
            if self.found("["):
                if self.token.text == "]":
                    self.refuse("an array says how many elements it has: vec4 a[4]")
                size = self.expression()
                self.expect("]")
            if self.token.text == "=" and size:
                self.refuse("es100 has no values for a whole array: write each element, or a function of the index")
            if self.found("="):
                value = self.expression()
            if const and value is None:
                self.refuse(f"the constant {name.text!r} has no value: const {kind.text} {name.text} = ..", name.at)
            items.append(t.Item(name.text, size, value, name.at))
        if kind.text == "void":
            self.refuse("a variable has a type: float, int, bool, a vector or a matrix", kind.at)
        self.expect(";")
        return t.Declare(kind.text, tuple(items), const, at)

    def condition(self, token: Token) -> t.If:
        self.take()
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        yes = self.inner()
        return t.If(condition, yes, self.inner() if self.found("else") else None, token.at)

    def loop(self, token: Token) -> t.For:
        """for (int i = A; i < B; i++): anything else is refused where it differs."""
        self.take()
        self.expect("(")

        def want(*words: str) -> Token:
            if self.token.text not in words:
                self.refuse(_LOOP)
            return self.take()

        want("int")
        if self.token.kind != "name":
            self.refuse(_LOOP)
        name = self.take().text
        want("=")
        low = self.expression()
        want(";"), want(name), want("<")
        high = self.binary(t.PRECEDENCE["<"] + 1)  # i < a && b is no bound
        want(";"), want(name)
        step = None if want("++", "+=").text == "++" else self.expression()
        want(")")
        return t.For(name, low, high, step, self.inner(), token.at)

    def returned(self, token: Token) -> t.Return:
        self.take()
        value = None if self.token.text == ";" else self.expression()
        self.expect(";")
        return t.Return(value, token.at)

    def jump(self, token: Token) -> t.Jump:
        self.take()
        self.expect(";")
        return t.Jump(token.text, token.at)


def _is_place(e: t.Expr) -> bool:
    while isinstance(e, t.Member | t.Index):
        e = e.of
    return isinstance(e, t.Name)


_STATEMENTS: dict[str, Callable[[Parser, Token], t.Statement]] = {
    "if": Parser.condition, "for": Parser.loop, "return": Parser.returned, "break": Parser.jump,
    "continue": Parser.jump,
}  # fmt: skip
_ALL = "'#pragma glnn ..', '#ifdef HAS_x', '#ifndef HAS_x', '#else' and '#endif'"
_HAS = "an #ifdef asks for an optional input: #ifdef HAS_x"
_DIRECTIVES = {
    "#define": "no #define in a kernel: declare 'const float A = 1.0;' or a function",
    "#if": _HAS, "#ifdef": _HAS, "#ifndef": _HAS, "#elif": _HAS,
    "#else": "an #else without an #ifdef", "#endif": "an #endif without an #ifdef",
    "#pragma": "the pragmas of a kernel begin with '#pragma glnn' and say what they declare",
}  # fmt: skip
