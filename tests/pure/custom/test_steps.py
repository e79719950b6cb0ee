"""for i in glnn.steps(n): a loop of Python outside of a program, a loop of the plan in one, with the same values."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn import steps as turns
from glnn.errors import InputError
from glnn.plan.steps import Repeat

rng = seeded(0)
X = rng.normal(size=(3, 4)).astype(np.float32)
FACTOR = np.float32(0.5)


@pytest.fixture(scope="module")
def device() -> Iterator[glnn.Device]:
    with glnn.Device("numpy") as device:
        yield device


# ---- functions that are run as they are, and as programs


def one_state(x: Any, n: int) -> Any:
    for _ in glnn.steps(n):
        x = np.tanh(x) * FACTOR + 0.25
    return x


def the_number(x: Any, n: int) -> Any:
    total = 0.0
    for i in glnn.steps(n):
        x = x * 0.5 + i
        total += x.sum() * i
    return x, total, i if n else None


def several(x: Any, n: int) -> Any:
    a, b, count = x, x * 0.5, 0
    for _ in turns(n):
        a, b = b, a
        if FACTOR > 0:
            a = a + 0.125 * x
        (count := count + 1)
    return a, b, count


def structures(x: Any, n: int) -> Any:
    state, mode = {"x": x, "more": [x.sum(), (x[0], "kept")]}, "same"
    for _ in glnn.steps(n):
        kept = state["more"][1][0] * 0.5
        state = {"x": state["x"] + kept, "more": [state["x"].max(), (kept, "kept")]}
        mode = "same"
    return state["x"], state["more"][0], mode


def inside_others(x: Any, n: int) -> Any:
    y = x
    for k in range(2):
        if k == 1:
            for _ in glnn.steps(n):
                for part in (0.5, 0.25, 9.0):
                    if part > 1:
                        break
                    y = y * part + x
    try:
        for _ in glnn.steps(2):
            x = x + y
            for _ in glnn.steps(3):
                y = y * 0.5 + x * 0.125
            scaled = [v * 0.5 for v in (x, y)]
            half = (lambda factor: y * factor)(0.5)
            x = scaled[0] + half
    finally:
        z = x
    return x, y, z


def two_loops(x: Any, n: int) -> Any:
    y = 0 * x
    if n >= 0:
        for _ in glnn.steps(n):
            p = x * 0.5
            seen = lambda: p + y  # noqa: B023, E731
            x = seen() * 0.5
        for _ in glnn.steps(n + 1):
            p = x + y
            y = p * 0.25
    return x, y


FUNCTIONS = [one_state, the_number, several, structures, inside_others, two_loops]


def leaves(made: Any) -> list[Any]:
    return list(made) if isinstance(made, tuple) else [made]


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_program_is_the_loop(function: Callable[..., Any], n: int, device: glnn.Device) -> None:
    program = glnn.program(function, device=device)
    for want, made in zip(leaves(function(X, n)), leaves(program(X, n)), strict=True):
        if isinstance(want, str | None):
            assert made == want
        else:
            np.testing.assert_allclose(np.asarray(made, np.float32), want, rtol=1e-5, atol=1e-6)
    assert any(isinstance(step, Repeat) for step in program.plan(X, 3).steps)


def test_it_is_the_plan_of_glnn_repeat(device: glnn.Device) -> None:
    def run(x: Any, n: int) -> Any:
        return glnn.repeat(n, lambda x: np.tanh(x) * FACTOR + 0.25, x)

    said = glnn.program(run, device=device).plan(X, 100).to_json()
    loop = glnn.program(one_state, device=device).plan(X, 100)
    assert loop.to_json().replace("one_state", "run") == said and len(loop.draws) < 4


def test_closures_methods_and_programs_in_programs(device: glnn.Device) -> None:
    class Model:
        factor = 0.5

        def run(self, x: Any, n: int, /, *more: Any, by: float = 0.25, **named: Any) -> Any:
            for i in glnn.steps(n):
                x = x * self.factor + by * i + later * len(more) + sum(named.values())
            return x

    inner = glnn.program(Model().run, device=device)

    @glnn.program(device=device)
    def outer(x: Any) -> Any:
        for _ in glnn.steps(2):
            x = inner(x, 3, 1, y=2.0)
        return x

    later = 0.125  # a cell that is filled after the functions are made
    want = X
    for _ in range(2):
        want = Model().run(want, 3, 1, y=2.0)
    np.testing.assert_allclose(np.asarray(outer(X)), want, rtol=1e-5)


def test_elsewhere_it_is_a_range() -> None:
    assert list(glnn.steps(3)) == [0, 1, 2] and len(glnn.steps(np.int64(4))) == 4 and repr(turns(2)) == "glnn.steps(2)"
    for count in (1.5, -1, True, "3", None):
        with pytest.raises(InputError, match=r"glnn.steps: count=.*: a whole number of turns is needed"):
            glnn.steps(count)  # type: ignore[arg-type]


def test_errors_stay_at_their_lines(device: glnn.Device) -> None:
    @glnn.program(device=device)
    def wrong(x: Any) -> Any:
        for _ in glnn.steps(2):
            x = x + 1
            raise RuntimeError("mine")
        return x

    with pytest.raises(RuntimeError, match="mine") as caught:
        wrong(X)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename == __file__ and last.line == 'raise RuntimeError("mine")'


LOOP = "    for i in glnn.steps(3):\n"
# what is wrong: the function's body, and what is said of it; the caret stands below '^'
WRONG = {
    "break": (LOOP + "        x = x * 2\n        if n: ^break\n", "break in a loop of the plan"),
    "continue": (LOOP + "        ^continue\n", "continue in a loop of the plan"),
    "return": (LOOP + "        ^return x\n", "return in a loop of the plan"),
    "yield": (LOOP + "        x = (^yield x)\n", "yield in a loop of the plan"),
    "else": (LOOP + "        x = x * 2\n    else:\n        ^x = x + 1\n", "has no else"),
    "del": (LOOP + "        ^del x\n", "del in a loop"),
    "two variables": ("    for ^i, j in glnn.steps(3):\n        x = x * 2\n", "is one variable"),
    "an item": ("    d = [x]\n" + LOOP + "        ^d[0] = d[0] * 2\n", r"d\[0\] = .. in a loop"),
    "an attribute": ("    n.x = x\n" + LOOP + "        ^n.x = n.x * 2\n", "n.x = .. in a loop"),
    "a lambda before": ("    f = ^lambda: x\n" + LOOP + "        x = f()\n", "this function sees x"),
    "a function before": ("    ^def f(y): return x + y\n" + LOOP + "        x = f(2)\n", "this function sees x"),
    "global": ("    ^global x1\n" + LOOP + "        x1 = x\n", "x1 is assigned in a loop"),
    "shape": ("^" + LOOP + "        x = x[1:]\n", r"variable 'x' has shape \(3, 4\) before a turn and \(2, 4\) after"),
    "no tensor": ("    m = 'a'\n^" + LOOP + "        m = m + 'a'\n        x = x * 2\n", "'m' is 'a' .* and 'aa'"),
    "a structure": ("    m = [x]\n^" + LOOP + "        m = [*m, x]\n", "variable 'm' is "),
    "nothing": ("^" + LOOP + "        z = x * 2\n", "carries nothing on"),
    "afterwards": ("^" + LOOP + "        z = x * 2\n        x = z\n    return z * 2\n", "'z' has a value in the turns"),
    "kept": ("    z = []\n" + LOOP + "        x = x * 2\n        z.append(x)\n    return z\n", "is read in it alone"),
    "an index": (LOOP + "        x = x * [1, 2, 3][i]\n", "an index asks for values"),
    "a count": ("    for i in glnn.steps(x.sum()):\n        x = x * 2\n", "the number of turns asks for values"),
    "elsewhere": ("    return [x for i in glnn.steps(3)]\n", "is no loop of the plan here"),
    "a state of none": ("    for _ in glnn.steps(3):\n        x = y\n        y = x\n", "'y'"),
}  # fmt: skip


@pytest.mark.parametrize("what", list(WRONG))
def test_what_is_no_loop_of_a_plan(what: str, device: glnn.Device, tmp_path: Path, monkeypatch: Any) -> None:
    marked, message = WRONG[what]
    text = "import glnn\n\ndef run(x, n):\n" + marked.replace("^", "") + "    return x\n"
    (tmp_path / f"wrong_{what.replace(' ', '_')}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__(f"wrong_{what.replace(' ', '_')}")
    error: Any = UnboundLocalError if what == "a state of none" else InputError
    n = type("Object", (), {})()
    with pytest.raises(error, match=message) as caught:
        glnn.program(module.run, device=device)(X, n)
    if "^" in marked:
        before = "import glnn\n\ndef run(x, n):\n" + marked[: marked.index("^")]
        line = before.count("\n") + 1
        assert f"{module.__file__}:{line}:" in str(caught.value)
        if not marked.startswith("^") and "\n^" not in marked:
            column = len(before) - before.rfind("\n") - 1
            assert f":{line}:{column + 1}: " in str(caught.value)
            *_, shown, caret = str(caught.value).splitlines()
            assert caret.index("^") - 4 == column and shown[4:] == text.splitlines()[line - 1]
    sys.modules.pop(module.__name__)


def test_a_function_without_a_text(device: glnn.Device) -> None:
    space: dict[str, Any] = {"glnn": glnn}
    exec("def run(x):\n    for _ in glnn.steps(2): x = x * 2\n    return x", space)
    with pytest.raises(InputError, match="which glnn must find in a file or a cell"):
        glnn.program(space["run"], device=device)(X)
