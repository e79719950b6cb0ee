"""Loops over glnn.steps in the text of a program: each becomes a function of one turn and a call that repeats it.

    for i in glnn.steps(n):      def turn(u, i):
        u = step(u)                  u = step(u)
                                     return locals()
                                 u, i = loop(glnn.steps(n), turn, locals())

The rest of the function stays as it is, at its lines, with its closure. See docs/decisions/029-loops-of-programs.md.
"""

from __future__ import annotations

import ast
import linecache
import types
from collections.abc import Iterator
from typing import Any, NoReturn

from ..errors import InputError
from .loops import UNBOUND, Loop, steps
from .text import cell_name

LOOPS, LOCALS, NOTHING = "__glnn_loops__", "__glnn_locals__", "__glnn_nothing__"
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FLAGS = 0x1FE0000  # of a code object: what `from __future__` asked for


def rewritten(function: Any) -> Any:
    """The function with its loops over glnn.steps as loops of a plan; itself if it has none.

    Raises InputError, with the user's line, for a loop that cannot be one.
    """
    if isinstance(function, types.MethodType):
        return types.MethodType(rewritten(function.__func__), function.__self__)
    if not isinstance(function, types.FunctionType) or not _mentions(function, function.__code__):
        return function
    code = function.__code__
    lines = linecache.getlines(code.co_filename)
    found = _definition(lines, code)
    if found is None:  # of `python -c`: a loop of it says so when it begins
        return function
    rewriter = _Rewriter(function, found, lines)
    body = [part for statement in found.body for part in rewriter.statement(statement)]
    return _compiled(function, found, body, rewriter.loops) if rewriter.loops else function


def _mentions(function: types.FunctionType, code: types.CodeType) -> bool:
    """Whether a function may go by glnn.steps, under whatever name."""
    known = {"steps", *(n for n, value in _around(function).items() if value is steps)}
    inner = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return not known.isdisjoint((*code.co_names, *code.co_freevars)) or any(_mentions(function, c) for c in inner)


def _around(function: types.FunctionType) -> dict[str, Any]:
    """What names mean that a function takes from around it."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return function.__globals__ | {name: cell.cell_contents for name, cell in cells if _filled(cell)}


def _filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # it raises where there is none yet
    except ValueError:
        return False
    return True


def _definition(lines: list[str], code: types.CodeType) -> ast.FunctionDef | None:
    """The function in the text of its file; None where it is not there."""
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if code.co_firstlineno in (first, node.lineno):
                return node
    return None


def _compiled(
    function: types.FunctionType, found: ast.FunctionDef, body: list[ast.stmt], loops: tuple[Loop, ...]
) -> types.FunctionType:
    """A function like another, with another body."""
    code = function.__code__
    bare = ast.arguments(
        [_bare(a) for a in found.args.posonlyargs], [_bare(a) for a in found.args.args],
        found.args.vararg and _bare(found.args.vararg), [_bare(a) for a in found.args.kwonlyargs],
        [None] * len(found.args.kwonlyargs), found.args.kwarg and _bare(found.args.kwarg), [],
    )  # fmt: skip
    made = ast.copy_location(ast.FunctionDef(found.name, bare, body, []), found)
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    cells |= {name: types.CellType(value) for name, value in ((LOOPS, loops), (LOCALS, locals), (NOTHING, UNBOUND))}
    tree = ast.parse(f"def around({', '.join(cells)}): pass")
    (outer,) = tree.body
    assert isinstance(outer, ast.FunctionDef)
    outer.body = [made]
    ast.fix_missing_locations(tree)
    whole = compile(tree, code.co_filename, "exec", flags=code.co_flags & FLAGS, dont_inherit=True)
    (around,) = (const for const in whole.co_consts if isinstance(const, types.CodeType))
    (inner,) = (c for c in around.co_consts if isinstance(c, types.CodeType) and c.co_name == found.name)
    closure = tuple(cells[name] for name in inner.co_freevars)
    again = types.FunctionType(inner, function.__globals__, function.__name__, function.__defaults__, closure)
    again.__kwdefaults__ = function.__kwdefaults__
    return again


def _bare(argument: ast.arg) -> ast.arg:
    return ast.copy_location(ast.arg(argument.arg), argument)


class _Rewriter:
    def __init__(self, function: types.FunctionType, found: ast.FunctionDef, lines: list[str]):
        self.found, self.lines, self.file = found, lines, cell_name(function.__code__.co_filename)
        self.known = _around(function)
        self.loops: tuple[Loop, ...] = ()
        self._done: set[int] = set()  # nodes of loops that were seen

    def statement(self, node: ast.stmt, until: int = 0) -> list[ast.stmt]:
        """What stands for a statement. until: the last line of the outermost loop of Python's around it, or 0."""
        if isinstance(node, (*SCOPES, ast.ClassDef)):
            return [node]
        if isinstance(node, ast.For) and self._is_steps(node.iter):
            return self._loop(node, until)
        if isinstance(node, ast.For | ast.While):
            until = until or node.end_lineno or node.lineno
        blocks = [node]
        while blocks:  # statements that hold others, and what is between (handlers, cases)
            block = blocks.pop()
            for field in ("body", "orelse", "finalbody"):
                inner = getattr(block, field, None)
                if isinstance(inner, list):
                    setattr(block, field, [part for s in inner for part in self.statement(s, until)])
            blocks += [*getattr(block, "handlers", ()), *getattr(block, "cases", ())]
        return [node]

    def _is_steps(self, node: ast.expr) -> bool:
        """Whether an expression is a call of glnn.steps."""
        if not isinstance(node, ast.Call):
            return False
        path: list[str] = []
        named = node.func
        while isinstance(named, ast.Attribute):
            path.insert(0, named.attr)
            named = named.value
        value = self.known.get(named.id) if isinstance(named, ast.Name) else None
        for name in path:
            value = getattr(value, name, None)
        return value is steps

    def _loop(self, node: ast.For, until: int) -> list[ast.stmt]:
        if not isinstance(node.target, ast.Name):
            self.refuse(node.target, "the number of the turn is one variable: 'for i in glnn.steps(n):'")
        if node.orelse:
            self.refuse(node.orelse[0], "a loop of the plan has no else: put it behind the loop")
        self._check(node)
        number = node.target.id
        names = tuple(dict.fromkeys([number, *(name for s in node.body for name in _assigned(s))]))
        self._check_captured(node, set(names), until)
        inside = [n for s in node.body for n in ast.walk(s)]
        read = any(isinstance(n, ast.Name) and n.id == number and isinstance(n.ctx, ast.Load) for n in inside)
        self._done |= {id(n) for n in inside}
        mine = len(self.loops)
        self.loops = (*self.loops, Loop(names, number, read, f"{self.file}:{node.lineno}"))
        turn = f"__glnn_turn{mine}__"
        heads = "".join(f"    if {name} is {NOTHING}: del {name}\n" for name in names)
        text = (
            f"def {turn}({', '.join(names)}):\n{heads}    return {LOCALS}()\n"
            f"{', '.join(names)}, = {LOOPS}[{mine}](None, {turn}, {LOCALS}())"
        )
        made, after = ast.parse(text).body
        for n in (*ast.walk(made), *ast.walk(after)):
            if hasattr(n, "lineno"):
                ast.copy_location(n, node)
        assert isinstance(made, ast.FunctionDef) and isinstance(after, ast.Assign) and isinstance(after.value, ast.Call)
        made.body[-1:-1] = [part for s in node.body for part in self.statement(s)]
        after.value.args[0] = node.iter
        self._done.add(id(made))
        return [made, after]

    # ---- what is no loop of a plan

    def _check(self, node: ast.For) -> None:
        """Refuses what leaves a turn, and what changes something else than variables of the function."""
        names = {name for s in node.body for name in _assigned(s)}
        for inner, looped in _within(node.body):
            if isinstance(inner, ast.Break | ast.Continue) and not looped:
                word = "break" if isinstance(inner, ast.Break) else "continue"
                self.refuse(inner, f"{word} in a loop of the plan: all turns do the same. Choose values by np.where")
            if isinstance(inner, ast.Return | ast.Yield | ast.YieldFrom | ast.Await):
                word = type(inner).__name__.lower()
                self.refuse(inner, f"{word} in a loop of the plan: all turns do the same. Put it behind the loop")
            if isinstance(inner, ast.Delete):
                self.refuse(inner, "del in a loop of the plan, which carries variables from turn to turn")
            if isinstance(inner, ast.Subscript | ast.Attribute) and isinstance(inner.ctx, ast.Store):
                root: ast.expr = inner
                while isinstance(root, ast.Subscript | ast.Attribute):
                    root = root.value
                if not isinstance(root, ast.Name) or root.id not in names:
                    self.refuse(
                        inner, f"{ast.unparse(inner)} = .. in a loop of the plan changes an object, once for all "
                        "turns. Carry a variable: assign the whole of it anew",
                    )  # fmt: skip
        everywhere = [n for s in self.found.body for n in ast.walk(s) if isinstance(n, ast.Global | ast.Nonlocal)]
        for inner in everywhere:
            if not names.isdisjoint(inner.names):
                self.refuse(inner, f"{', '.join(inner.names)} is assigned in a loop of the plan: make it a variable of "
                            "the program, and return it")  # fmt: skip

    def _check_captured(self, loop: ast.For, names: set[str], until: int) -> None:
        """Refuses functions made before the loop that see a variable of it: they would see it as it was before."""
        inside = self._done | {id(n) for s in loop.body for n in ast.walk(s)}
        for node in (n for s in self.found.body for n in ast.walk(s)):
            if not isinstance(node, (*SCOPES, ast.GeneratorExp)) or id(node) in inside:
                continue
            if node.lineno > max(loop.lineno, until):
                continue
            seen = sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & names - _own(node))
            if seen:
                self.refuse(
                    node, f"this function sees {', '.join(seen)}, which the loop of the plan in line {loop.lineno} "
                    "assigns: in the turns it would see what it was before. Give it as an argument, or make the "
                    "function in the loop",
                )  # fmt: skip

    def refuse(self, node: ast.AST, told: str) -> NoReturn:
        """Raises InputError at a place of the user's text, with a caret."""
        line, column = node.lineno, node.col_offset  # type: ignore[attr-defined]
        text = self.lines[line - 1].rstrip("\n")
        column = len(text.encode()[:column].decode(errors="ignore"))
        raise InputError(f"{self.file}:{line}:{column + 1}: {told}\n    {text}\n    {' ' * column}^")


def _own(node: ast.AST) -> set[str]:
    """The names of a function's own parameters and variables."""
    names = {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    return names | {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _within(body: list[ast.stmt], looped: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """The nodes in statements but not in functions among them, and whether each is in a loop among them."""
    for node in body:
        yield node, looped
        if isinstance(node, (*SCOPES, ast.ClassDef)):
            continue
        inner = looped or isinstance(node, ast.For | ast.While)
        yield from _within(list(ast.iter_child_nodes(node)), inner)  # type: ignore[arg-type]


def _assigned(node: ast.AST, comprehension: bool = False) -> Iterator[str]:
    """The variables of the function that a statement assigns."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and not comprehension:
        yield node.id
    if isinstance(node, ast.NamedExpr):
        yield node.target.id
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.alias):
        yield (node.asname or node.name).split(".")[0]
    name = getattr(node, "name", None)
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and name:
        yield name
    if isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest
    for inner in ast.iter_child_nodes(node):
        yield from _assigned(inner, comprehension or isinstance(node, COMPREHENSIONS))
