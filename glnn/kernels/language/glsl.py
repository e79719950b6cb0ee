"""Tree -> GLSL, the same for every dialect: what differs between them stands in shaders/dialects.

Lines are broken where the author broke them, so that each printed line has one line of the file behind it. Copies of a
statement, which unrolling made, have a line each.
"""

from __future__ import annotations

from . import tree as t

_CHOICE, _UNARY, _ATOM = 0, 20, 30  # beside the levels of PRECEDENCE


def printed(tree: t.Tree) -> tuple[str, list[int]]:
    """The text, without empty lines, and for each of its lines the line of the file behind it."""
    printer = _Printer()
    for item in tree.items:
        printer.statement(item)
    return "".join(printer.out), printer.lines or [1]


class _Printer:
    def __init__(self) -> None:
        self.out: list[str] = []
        self.lines: list[int] = []
        self.line = 0  # of the file, that is being printed
        self.last: t.At = t.NOWHERE  # where the last statement stood

    # ---- lines

    def place(self, at: t.At) -> None:
        """Begins a new line before what stood on another line of the file."""
        line = at[0]
        if line and line != self.line:
            self.break_line(line)

    def break_line(self, line: int) -> None:
        if self.lines:
            if self.out[-1] == " ":
                self.out.pop()
            self.out.append("\n")
        self.lines.append(line)
        self.line = line

    def begin(self, at: t.At) -> None:
        """Begins a statement: on a new line as well where it is a copy of what was printed before."""
        if at[0]:
            if at[0] == self.line and at <= self.last:
                self.break_line(at[0])
            self.place(at)
            self.last = at
        if self.out and self.out[-1][-1] not in "\n ":
            self.out.append(" ")

    # ---- statements

    def statement(self, s: t.Statement) -> None:
        _STATEMENTS[type(s)](self, s)  # type: ignore[operator]

    def declare(self, s: t.Declare) -> None:
        self.begin(s.at)
        self.out.append(f"const {s.type} " if s.const else f"{s.type} ")
        for number, item in enumerate(s.items):
            if number:
                self.out.append(", ")
            self.item(item)
        self.out.append(";")

    def item(self, item: t.Item) -> None:
        self.place(item.at)
        self.out.append(item.name)
        if item.size is not None:
            self.out.append("[")
            self.expression(item.size, _CHOICE)
            self.out.append("]")
        if item.value is not None:
            self.out.append(" = ")
            self.expression(item.value, _CHOICE)

    def assign(self, s: t.Assign) -> None:
        self.begin(s.at)
        self.expression(s.target, _ATOM)
        self.out.append(f" {s.op}= ")
        self.expression(s.value, _CHOICE)
        self.out.append(";")

    def do(self, s: t.Do) -> None:
        self.begin(s.at)
        self.expression(s.call, _CHOICE)
        self.out.append(";")

    def block(self, s: t.Block) -> None:
        self.begin(s.at)
        self.out.append("{")
        for inner in s.body:
            self.statement(inner)
        self.place(s.end)
        self.out.append(" }" if s.body and self.out[-1] != "\n" else "}")

    def condition(self, s: t.If) -> None:
        self.begin(s.at)
        self.out.append("if (")
        self.expression(s.condition, _CHOICE)
        self.out.append(")")
        self.statement(t.Block((s.yes,)) if s.no is not None and _takes_else(s.yes) else s.yes)
        if s.no is not None:
            self.place(s.no.at)
            self.out.append("else" if self.out[-1] == "\n" else " else")
            self.statement(s.no)

    def loop(self, s: t.For) -> None:
        self.begin(s.at)
        self.out.append(f"for (int {s.name} = ")
        self.expression(s.low, _CHOICE)
        self.out.append(f"; {s.name} < ")
        self.expression(s.high, t.PRECEDENCE["<"] + 1)
        if s.step is None:
            self.out.append(f"; {s.name}++)")
        else:
            self.out.append(f"; {s.name} += ")
            self.expression(s.step, _CHOICE)
            self.out.append(")")
        self.statement(s.body)

    def returned(self, s: t.Return) -> None:
        self.begin(s.at)
        self.out.append("return" if s.value is None else "return ")
        if s.value is not None:
            self.expression(s.value, _CHOICE)
        self.out.append(";")

    def jump(self, s: t.Jump) -> None:
        self.begin(s.at)
        self.out.append(f"{s.word};")

    def function(self, s: t.Function) -> None:
        self.begin(s.at)
        self.out.append(f"{s.type} {s.name}(")
        for number, p in enumerate(s.params):
            self.out.append(", " if number else "")
            self.place(p.at)
            self.out.append(f"{'out ' if p.out else ''}{p.type} {p.name}")
            if p.size is not None:
                self.out.append("[")
                self.expression(p.size, _CHOICE)
                self.out.append("]")
        self.out.append(")")
        self.block(s.body)

    def directive(self, s: t.Directive) -> None:
        self.own_line(s.text, s.at)

    def ifdef(self, s: t.IfDef) -> None:
        self.own_line(f"#{'ifdef' if s.wanted else 'ifndef'} {s.name}", s.at)
        for inner in s.yes:
            self.statement(inner)
        if s.no:
            self.own_line("#else", s.at)
            for inner in s.no:
                self.statement(inner)
        self.own_line("#endif", s.at)

    def own_line(self, text: str, at: t.At) -> None:
        self.break_line(at[0])
        self.out.append(text)
        self.line = -1  # whatever follows begins a new line

    # ---- expressions

    def expression(self, e: t.Expr, lowest: int) -> None:
        """The expression, in brackets if it binds less tightly than `lowest`."""
        out = self.out
        if isinstance(e, t.Number | t.Name):
            self.place(e.at)
            out.append(e.text if isinstance(e, t.Number) else e.id)
        elif isinstance(e, t.Binary):
            level = t.PRECEDENCE[e.op]
            if level < lowest:
                out.append("(")
            self.expression(e.left, level)
            out.append(" ")
            self.place(e.at)
            out.append(f"{e.op} ")
            self.expression(e.right, level + 1)
            if level < lowest:
                out.append(")")
        elif isinstance(e, t.Call):
            self.place(e.at)
            out.append(f"{e.name}(")
            for number, arg in enumerate(e.args):
                if number:
                    out.append(", ")
                self.expression(arg, _CHOICE)
            out.append(")")
        elif isinstance(e, t.Member | t.Index):
            self.expression(e.of, _ATOM)
            if isinstance(e, t.Member):
                out.append(f".{e.name}")
            else:
                out.append("[")
                self.expression(e.index, _CHOICE)
                out.append("]")
        elif isinstance(e, t.Unary):
            if lowest > _UNARY:
                out.append("(")
            self.place(e.at)
            out.append(e.op)
            self.expression(e.of, _UNARY + 1)
            if lowest > _UNARY:
                out.append(")")
        else:
            self.choice(e, lowest)

    def choice(self, e: t.Choice, lowest: int) -> None:
        if lowest > _CHOICE:
            self.out.append("(")
        self.expression(e.condition, _CHOICE + 1)
        self.out.append(" ")
        self.place(e.at)
        self.out.append("? ")
        self.expression(e.yes, _CHOICE)
        self.out.append(" : ")
        self.expression(e.no, _CHOICE)
        if lowest > _CHOICE:
            self.out.append(")")


def _takes_else(s: t.Statement | None) -> bool:
    """Whether an else behind this statement would belong to an if within it."""
    while s is not None:
        if isinstance(s, t.If):
            if s.no is None:
                return True
            s = s.no
        elif isinstance(s, t.For):
            s = s.body
        else:
            return False
    return False


_STATEMENTS = {
    t.Declare: _Printer.declare, t.Assign: _Printer.assign, t.Do: _Printer.do, t.Block: _Printer.block,
    t.If: _Printer.condition, t.For: _Printer.loop, t.Return: _Printer.returned, t.Jump: _Printer.jump,
    t.IfDef: _Printer.ifdef, t.Directive: _Printer.directive, t.Function: _Printer.function,
}  # fmt: skip
