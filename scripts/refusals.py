"""What layers refuse, in a reader's words, out of the source of their `unsupported`: for make_layers.py."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from typing import Any


class Left:
    """Stands for what only a file tells: by the name of the option where it is one."""

    def __init__(self, name: str = "...") -> None:
        self._name = name

    def __getattr__(self, name: str) -> Left:
        return Left(f"`{name}`")

    def __repr__(self) -> str:
        return self._name


def refusals(kind: Any) -> list[str]:
    """What `unsupported` of a layer may say of options that it has, in a reader's words."""
    found: list[str] = []
    for owner in kind.__mro__:
        method = vars(owner).get("unsupported")
        if method is None or owner.__name__ == "Layer":
            continue
        found += said(method, {"self": Left()}, set())
        if "super()" not in inspect.getsource(method):
            break
    parts = {text for text in found for other in found if text != other and text in other}
    return list(dict.fromkeys(readable(text) for text in found if text not in parts and has(kind, text)))


def said(function: Any, known: dict[str, Any], seen: set[Any]) -> list[str]:
    """The texts about options in a function of glnn, and in those that it calls; `known`: its arguments."""
    if function in seen or not getattr(function, "__module__", "").startswith("glnn."):
        return []
    seen.add(function)
    found: list[str] = []
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        text = words(node, function.__globals__ | known)
        if re.match(r"options? |\w+=", text):
            found.append(text)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = function.__globals__.get(node.func.id)
            if inspect.isfunction(called):
                found += said(called, arguments(called, node, function.__globals__ | known), seen)
    return found


def arguments(function: Any, call: ast.Call, known: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by their names, as far as these are known without a file."""
    given: list[Any] = []
    for node in call.args:
        value = valued(node.value if isinstance(node, ast.Starred) else node, known)
        given += value if isinstance(node, ast.Starred) and isinstance(value, tuple) else [value]
    try:
        return dict(inspect.signature(function).bind(*given).arguments)
    except TypeError:
        return {}


def valued(node: ast.AST, known: dict[str, Any]) -> Any:
    """What an expression comes to; Left where that takes a file."""
    try:
        return eval(compile(ast.Expression(node), "", "eval"), known)  # type: ignore[arg-type]  # of glnn's own source
    except Exception:
        return Left()


def words(node: ast.AST, known: dict[str, Any]) -> str:
    """The text of a string about options, "..." for values in it that take a file."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if node.value.startswith("option") else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(p.value if isinstance(p, ast.Constant) else valued(p.value, known)) for p in node.values)  # type: ignore[attr-defined]
    return ""


def has(kind: Any, text: str) -> bool:
    """Whether a layer has the option that a text is about, as a name where only names are allowed."""
    fields = {field.name: field.default for field in dataclasses.fields(kind)}
    name = re.findall(r"\w+", re.sub(r"^options? ", "", text))[0]
    return name in fields and not ("only 'same'" in text and isinstance(fields[name], tuple))


def readable(text: str) -> str:
    """What is refused, as a reader of the page wants it: `padding` other than 'same' and 'valid'."""
    text = re.sub(r"^options? ", "", text)
    match = re.fullmatch(r"(\w+)(=\S+)?((?: with \S+)?) ?(?:\((.*)\))?", text)
    if match is None:
        return text
    name, value, more, why = match.groups()
    value = "" if value is None or "`" in value or value == "=..." else value
    more = f" with `{more.removeprefix(' with ')}`" if more else ""
    if why is None:
        return f"`{name}{value}`{more}" + ("" if value or more else " of other values than Keras documents")
    if why.startswith("only "):
        return f"`{name}`{more} other than {why.removeprefix('only ')}"
    return f"`{name}{value}`{more} ({why})"
