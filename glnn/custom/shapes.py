"""Shapes of what kernels make: of the inputs broadcast, or by an expression such as (a.shape[0], 2 * n)."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph.shapes import Shape

_OPERATORS: dict[type, Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., int]] = {"max": max, "min": min}
ALLOWED = "whole numbers, x.shape, x.shape[k], x.ndim, x.size of inputs, params, + - * // %, max and min"


def shape_by(expression: Any, shapes: Mapping[str, Shape], numbers: Mapping[str, int], what: str) -> Shape:
    """The shape that an expression gives: text, several of them, numbers, or a function of the shapes by name.

    shapes: of the inputs by name. Raises InputError, beginning with `what`.
    """
    if callable(expression):
        made = expression(**shapes)
    elif isinstance(expression, str):
        made = _evaluated(expression, shapes, numbers, what)
    elif isinstance(expression, Sequence):
        made = tuple(_evaluated(e, shapes, numbers, what) if isinstance(e, str) else e for e in expression)
    else:
        made = expression
    sizes = tuple(made) if isinstance(made, Sequence) else (made,)
    if not all(isinstance(size, int | np.integer) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise InputError(f"{what}: the shape {expression!r} comes to {made!r}; whole numbers of 1 or more are needed")
    return tuple(map(int, sizes))


def _evaluated(text: str, shapes: Mapping[str, Shape], numbers: Mapping[str, int], what: str) -> Any:
    def refuse(why: str) -> InputError:
        return InputError(f"{what}: the shape {text!r}: {why}. Allowed are {ALLOWED}; inputs are {', '.join(shapes)}")

    def value(node: ast.AST) -> Any:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return node.value
        if isinstance(node, ast.Tuple):
            return tuple(value(e) for e in node.elts)
        if isinstance(node, ast.Name) and node.id in numbers:
            return numbers[node.id]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in shapes:
            shape = shapes[node.value.id]
            found = {"shape": shape, "ndim": len(shape), "size": int(np.prod(shape))}
            if node.attr in found:
                return found[node.attr]
        if isinstance(node, ast.Subscript):
            of, index = value(node.value), value(node.slice)
            if isinstance(of, tuple) and isinstance(index, int) and -len(of) <= index < len(of):
                return of[index]
            raise refuse(f"{ast.unparse(node)} is none of {of}")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        if isinstance(node, ast.BinOp):
            left, right = value(node.left), value(node.right)
            if isinstance(left, tuple) and isinstance(right, tuple) and isinstance(node.op, ast.Add):
                return left + right
            if isinstance(left, int) and isinstance(right, int) and type(node.op) in _OPERATORS:
                if not right and isinstance(node.op, ast.FloorDiv | ast.Mod):
                    raise refuse("it divides by 0")
                return _OPERATORS[type(node.op)](left, right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS and node.args:
            return _FUNCTIONS[node.func.id](*map(value, node.args))
        raise refuse(f"{ast.unparse(node)!r} is not known")

    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise refuse(str(error)) from None
    return value(tree.body)


def broadcast(shapes: Mapping[str, Shape], what: str) -> Shape:
    """The shape of all together, as NumPy broadcasts. Raises InputError that names what came."""
    try:
        return tuple(np.broadcast_shapes(*shapes.values()))
    except ValueError:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise InputError(f"{what}: the shapes do not broadcast: {told}. Each axis must be equal, or 1") from None
