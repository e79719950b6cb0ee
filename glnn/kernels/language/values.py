"""What is constant: the value of an expression of numbers and known names, as GLSL counts."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from .tree import NOWHERE, At, Binary, Call, Declare, Expr, Name, Number, Unary

Value = int | float | bool
Env = Mapping[str, int | float]  # the names that are constant, with their values


def _divided(a: Value, b: Value) -> Value:
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_OPERATORS: dict[str, Callable] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_FLOORED: dict[str, Callable] = {"idiv": operator.floordiv, "imod": operator.mod}  # of shaders/lib/common.glsl


def evaluate(e: Expr, env: Env) -> Value | None:
    """The value of an expression of numbers and names in `env`; None if it is not constant."""
    if isinstance(e, Number):
        return _number(e.text)
    if isinstance(e, Name):
        return env.get(e.id)
    if isinstance(e, Binary):
        a, b = evaluate(e.left, env), evaluate(e.right, env)
        if e.op in ("&&", "||") and (e.op == "||") in [side for side in (a, b) if isinstance(side, bool)]:
            return e.op == "||"  # whatever the other is
        if a is None or b is None:
            return None
        if e.op in ("&&", "||"):
            return bool(a and b) if e.op == "&&" else bool(a or b)
        if isinstance(a, bool) or isinstance(b, bool):
            return {"==": a == b, "!=": a != b}.get(e.op) if isinstance(a, bool) and isinstance(b, bool) else None
        return _OPERATORS[e.op](a, b) if e.op in _OPERATORS and (e.op != "/" or b) else None
    if isinstance(e, Unary):
        a = evaluate(e.of, env)
        if a is None:
            return None
        return (not a) if e.op == "!" else None if isinstance(a, bool) else -a if e.op == "-" else a
    if isinstance(e, Call) and e.name in _FLOORED and len(e.args) == 2:
        a, b = evaluate(e.args[0], env), evaluate(e.args[1], env)
        return _FLOORED[e.name](a, b) if type(a) is int and type(b) is int and b > 0 else None
    return None


def whole(e: Expr, env: Env) -> int | None:
    """The value of a constant expression, if it is an integer."""
    value = evaluate(e, env)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(text: str) -> Value | None:
    if text.isdigit():
        return int(text)
    if text in ("true", "false"):
        return text == "true"
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    return None if text.endswith("u") else float(text)


def number(value: int, at: At = NOWHERE) -> Expr:
    """An integer as an expression."""
    return Number(str(value), at) if value >= 0 else Unary("-", Number(str(-value), at), at)


def seen_after(s: Declare, env: Env) -> Env:
    """What is constant behind a declaration: its constants with their values, and no longer what it hides."""
    if not s.const and not any(item.name in env for item in s.items):
        return env
    known = {name: value for name, value in env.items() if name not in {item.name for item in s.items}}
    for item in s.items:
        value = evaluate(item.value, known) if s.const and item.value else None
        if value is not None:
            known[item.name] = value
    return known


def without(env: Env, *names: str) -> Env:
    """What is constant where these names are variables."""
    return {n: v for n, v in env.items() if n not in names} if any(n in env for n in names) else env
