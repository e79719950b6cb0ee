"""Text expansion of kernels: #ifdef, marked loops, constant indices, constant conditions; and the count of loop turns.

Why in the text: a driver that does not unroll keeps the arrays of a blocked kernel in memory, which costs a factor of
five to eight on a software rasteriser. Every line carries a mark with its number in the kernel's file, so that an error
in the expanded text still points at the line that the author wrote.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping

from ...errors import KernelError

MARK = re.compile("\x01(\\d+)\x02")
_SPACE = "(?:\\s|\x01\\d+\x02)*"
_FOR = re.compile(
    rf"\bfor{_SPACE}\({_SPACE}int{_SPACE}(\w+){_SPACE}={_SPACE}([^;]+);{_SPACE}(\w+){_SPACE}<{_SPACE}([^;]+);"
    rf"{_SPACE}(\w+){_SPACE}(\+\+|\+={_SPACE}[^)]+)\)"
)
_ANY_FOR = re.compile(r"\bfor\s*\(")
_IF = re.compile(r"\bif\s*\(")
_ARRAY = re.compile(r"\b(float|int|bool|vec[234]|mat4)\s+(\w+)\[([^\]]*)\]\s*;")

Env = Mapping[str, int | float]


def _c_div(a: int | float, b: int | float) -> int | float:
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_OPS: dict[type, Callable] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: _c_div,
    ast.Mod: lambda a, b: a - _c_div(a, b) * b, ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def evaluate(text: str, env: Env) -> int | float | bool | None:
    """The value of a GLSL expression of numbers and names in `env` (C's division); None if it is not constant."""
    text = " ".join(MARK.sub(" ", text).split())
    if text.isdigit():
        return int(text)
    python = re.sub(r"!(?!=)", " not ", text.replace("&&", " and ").replace("||", " or "))
    try:
        return _value(ast.parse(python.strip(), mode="eval").body, env)
    except (SyntaxError, LookupError, ZeroDivisionError):
        return None


def _value(node: ast.expr, env: Env) -> int | float | bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.Name):
        return env[node.id]
    if isinstance(node, ast.BinOp):
        return _OPS[type(node.op)](_value(node.left, env), _value(node.right, env))
    if isinstance(node, ast.UnaryOp):
        return _OPS[type(node.op)](_value(node.operand, env))
    if isinstance(node, ast.BoolOp):
        values = [_value(v, env) for v in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _OPS[type(node.ops[0])](_value(node.left, env), _value(node.comparators[0], env))
    raise LookupError(ast.dump(node))


def closing(text: str, start: int, pair: str = "()") -> int:
    """The place of the bracket that closes the one at `start`."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == pair[0]) - (text[i] == pair[1])
        if depth == 0:
            return i
    raise KernelError(f"unbalanced {pair} in {MARK.sub('', text[start : start + 60])!r}")


def _skip(text: str, i: int) -> int:
    match = re.compile(_SPACE).match(text, i)
    return match.end() if match else i


def _statement_end(text: str, i: int) -> int:
    """The place after the statement that begins at i: a block, a for, an if with its else, or up to a semicolon."""
    i = _skip(text, i)
    if text[i] == "{":
        return closing(text, i, "{}") + 1
    for pattern in (_ANY_FOR, _IF):
        match = pattern.match(text, i)
        if match:
            end = _statement_end(text, closing(text, match.end() - 1) + 1)
            after = _skip(text, end)
            if pattern is _IF and text.startswith("else", after):
                return _statement_end(text, after + 4)
            return end
    return text.index(";", i) + 1


def mark(text: str, first: int = 1) -> str:
    """The text with each line's number before it, comments removed."""
    lines = [re.sub(r"//.*", "", line) for line in text.split("\n")]
    return "\n".join(f"\x01{i}\x02{line}" for i, line in enumerate(lines, first))


def resolve_ifdefs(text: str, defined: set[str]) -> str:
    """Keeps or drops the lines between #ifdef / #ifndef, #else and #endif; what a kernel sees of optional inputs."""
    out, keep = [], [True]
    for line in text.split("\n"):
        bare = MARK.sub("", line).strip()
        if bare.startswith(("#ifdef", "#ifndef")):
            word, name = bare.split()[:2]
            keep.append(keep[-1] and (name in defined) == (word == "#ifdef"))
        elif bare.startswith("#else"):
            keep[-1] = keep[-2] and not keep[-1]
        elif bare.startswith("#endif"):
            keep.pop()
        elif keep[-1]:
            out.append(line)
    return "\n".join(out)


def unroll(text: str, names: set[str], env: Env) -> str:
    """The text with every loop over a variable in `names` written out. Raises KernelError for bounds that vary."""
    pos = 0
    while True:
        match = _FOR.search(text, pos)
        if not match:
            return text
        name = match.group(1)
        if name not in names:
            pos = match.end()
            continue
        low, high = evaluate(match.group(2), env), evaluate(match.group(4), env)
        step = 1 if match.group(6) == "++" else evaluate(match.group(6)[2:], env)
        if low is None or high is None or not step:
            raise KernelError(
                f"loop over {name!r} is to be unrolled, but {MARK.sub('', match.group(0))!r} "
                "has bounds that are not constant"
            )
        end = _statement_end(text, match.end())
        body = text[match.end() : end]
        word = re.compile(rf"\b{name}\b")
        copies = "\n".join(word.sub(str(value), body) for value in range(int(low), int(high), int(step)))
        text = text[: match.start()] + "{" * (not copies) + copies + "}" * (not copies) + text[end:]
        pos = match.start()


def fold_conditions(text: str, env: Env) -> str:
    """`if` with a constant condition becomes its branch, or nothing."""
    pos = 0
    while True:
        match = _IF.search(text, pos)
        if not match:
            return text
        close = closing(text, match.end() - 1)
        value = evaluate(text[match.end() : close], env)
        if value is None:
            pos = match.end()
            continue
        end = _statement_end(text, close + 1)
        after, other = _skip(text, end), ""
        yes = text[close + 1 : end]
        if text.startswith("else", after):
            end = _statement_end(text, after + 4)
            other = text[after + 4 : end]
        text = text[: match.start()] + (yes if value else other or "{}") + text[end:]
        pos = match.start()


def calls(text: str, name: str, replace: Callable[[list[str]], str]) -> str:
    """Each call `name(a, b)` replaced by what `replace([a, b])` gives."""
    pattern, pos = re.compile(rf"\b{name}\s*\("), 0
    out: list[str] = []
    while True:
        match = pattern.search(text, pos)
        if not match:
            return "".join(out) + text[pos:]
        close = closing(text, match.end() - 1)
        args, depth, last = [], 0, match.end()
        for i in range(match.end(), close):
            depth += (text[i] in "([") - (text[i] in ")]")
            if text[i] == "," and depth == 0:
                args.append(text[last:i])
                last = i + 1
        args.append(text[last:close])
        out.append(text[pos : match.start()] + replace(args))
        pos = close + 1


def scalar_arrays(text: str, env: Env) -> str:
    """Local arrays whose every index is constant become plain variables; those that nobody reads vanish."""
    for kind, name, size in {name: (kind, name, size) for kind, name, size in _ARRAY.findall(text)}.values():
        use = re.compile(rf"\b{name}\[([^\[\]]+)\]")
        declaration = re.compile(rf"\b{kind}\s+{name}\[[^\]]*\]\s*;")
        body = declaration.sub("\x03", text)
        indices = {i: evaluate(i, env) for i in set(use.findall(body))}
        if any(v is None for v in indices.values()):
            value = evaluate(size, env)
            if value is None:
                raise KernelError(f"array {name}[{MARK.sub('', size)}] needs a constant size")
            text = body.replace("\x03", f"{kind} {name}[{value}];")
            continue
        body = use.sub(lambda m, indices=indices, name=name: f"{name}_{indices[m.group(1)]}", body)  # type: ignore[misc]
        body, used = _drop_unread(body, name)
        text = body.replace("\x03", f"{kind} {', '.join(f'{name}_{i}' for i in used)};" if used else "")
    return text


def _drop_unread(text: str, name: str) -> tuple[str, list[int]]:
    uses = [int(i) for i in re.findall(rf"\b{name}_(\d+)\b", text)]
    written = [int(i) for i in re.findall(rf"\b{name}_(\d+)\s*=[^=]", text)]
    counts = {i: uses.count(i) for i in set(uses)}
    unread = {i for i in counts if written.count(i) == counts[i]}
    if unread:
        text = re.sub(
            rf"\b{name}_(\d+)\s*=[^=;][^;]*;", lambda m: "" if int(m.group(1)) in unread else m.group(0), text
        )
    return text, sorted(set(uses) - unread)


def loop_turns(text: str, env: Env) -> int:
    """Turns that all loops of the text take together, nested ones multiplied. Raises KernelError for unknown bounds."""
    total, pos = 0, 0
    while True:
        match = _ANY_FOR.search(text, pos)
        if not match:
            return total
        head = _FOR.match(text, match.start())
        low = evaluate(head.group(2), env) if head else None
        high = evaluate(head.group(4), env) if head else None
        step = None if not head else 1 if head.group(6) == "++" else evaluate(head.group(6)[2:], env)
        if head is None or low is None or high is None or not step:
            shown = MARK.sub("", text[match.start() : match.start() + 80]).split("\n")[0]
            raise KernelError(
                f"the bounds of {shown!r} must be constants, params or sizes: for (int i = A; i < B; i++)"
            )
        turns = max(0, -(-(int(high) - int(low)) // int(step)))
        end = _statement_end(text, head.end())
        total += turns * (1 + loop_turns(text[head.end() : end], env))
        pos = end


def finish(text: str) -> tuple[str, list[int]]:
    """The text without marks and empty lines, and for each of its lines the line of the kernel's file behind it."""
    lines, origins, current = [], [], 0
    for line in text.split("\n"):
        marks = MARK.findall(line)
        bare = MARK.sub("", line).strip()
        current = int(marks[0]) if marks else current
        if bare:
            lines.append(bare)
            origins.append(current)
        current = int(marks[-1]) if marks else current
    return "\n".join(lines), origins
