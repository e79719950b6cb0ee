"""What is wrong with a user's kernel is told at its file and line, with a caret."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import glnn
from glnn.errors import InputError, KernelError

IMAGE = np.ones((3, 4))
# what is wrong, the text, what the message says; the caret stands below the first place of what '^' marks
WRONG = {
    "syntax": ("float kernel(float x) {\n    return x +^;\n}", "expected a value"),
    "undeclared input": ("float kernel(int i, int j) {\n    return ^v(i, j);\n}", "'v' is no function, and no input"),
    "undeclared name": ("float kernel(float x) {\n    return x + ^z;\n}", "'z' is not declared"),
    "a loop": (
        "#pragma glnn input u\nfloat kernel(int i, int j) {\n    int most = int(u(i, j));\n    float s = 0.0;\n"
        "    for (int k = 0; k < ^most; k++) s += 1.0;\n    return s;\n}",
        "WebGL1 forbids such a loop",
    ),
    "while": ("float kernel(float x) {\n    ^while (x > 1.0) x -= 1.0;\n    return x;\n}", "a loop is for"),
    "shape": ("#pragma glnn input u\nfloat kernel(int i) {\n    return ^u(i);\n}", "u is read by 1 index"),
    "indices": ("^float kernel(float x, int i) { return x; }", "the kernel has 1 indices"),
    "feedback": (
        "#pragma glnn input u\n#pragma glnn ^output u\nfloat kernel(int i, int j) { return u(i, j); }",
        "feedback",
    ),
    "own result": ("float kernel(float x, int i, int j) {\n    return x + ^y(i - 1, j);\n}", "feedback: 'y'"),
    "a place": ("#pragma glnn input u\nfloat kernel(int i, int j) {\n    return u(^0.5, j);\n}", "an index is an int"),
    "type": ("float kernel(float x) {\n    return ^vec2(x);\n}", "'kernel' gives float, this is vec2"),
    "border": (
        "#pragma glnn input u\n#pragma glnn ^border mirror u\nfloat kernel(int i, int j) { return u(i, j); }",
        "RULE",
    ),
    "pragma": ("#pragma glnn ^matrix m\nfloat kernel(float x) { return x; }", "unknown pragma 'matrix'"),
    "never read": ("#pragma glnn ^input u\nfloat kernel(float x) { return x; }", "never read"),
    "assigned": ("float kernel(float x, int i, int j) {\n    ^i += 1;\n    return x;\n}", "the place of the value"),
    "array": ("#pragma glnn uniform w[3]\nfloat kernel(float x) {\n    return x * ^w;\n}", "'w' has 3 numbers"),
    "helper": ("float ^lane(float x) { return x; }\nfloat kernel(float x) { return lane(x); }", "is taken"),
    "shape words": ("#pragma glnn ^shape x.size[9]\nfloat kernel(float x) { return x; }", "x.size"),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_at_the_line_of_a_file(what: str, tmp_path: Path) -> None:
    marked, message = WRONG[what]
    before = marked[: marked.index("^")]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)
    text = marked.replace("^", "", 1)
    if what == "helper":  # a function is told at its type
        column = 0
    file = tmp_path / "mine.glsl"
    file.write_text(text)
    with glnn.Device("numpy") as device, pytest.raises(KernelError) as caught:
        glnn.kernel(file, device=device)(*(IMAGE, [1, 2, 3])[: 1 + ("[3]" in text)])
    told = str(caught.value)
    assert message in told
    assert f"{file}:{line}:{column + 1}: " in told
    rows = told.splitlines()
    caret = next(k for k, row in enumerate(rows) if row.strip() == "^")
    assert rows[caret - 1].strip() == text.splitlines()[line - 1].strip()
    assert rows[caret].index("^") - 4 == column


def test_at_the_line_of_a_script() -> None:
    with pytest.raises(KernelError) as caught:
        glnn.kernel("""
        float kernel(float x) {
            return x + nowhere;
        }""")
    lines = Path(__file__).read_text().splitlines()
    line = next(k for k, row in enumerate(lines, 1) if row.strip() == "return x + nowhere;")
    assert f"{__file__}:{line}:24: 'nowhere' is not declared" in str(caught.value)


ADD = "float kernel(float x, float y) { return x + y; }"


@pytest.mark.parametrize(
    ("args", "named", "message"),
    [
        ((IMAGE, np.ones((2, 4))), {}, r"do not broadcast: x \(3, 4\), y \(2, 4\)"),
        ((IMAGE,), {}, r"missing \['y'\]; it takes x, y"),
        ((IMAGE, 1, 2), {}, "3 arguments were given; it takes x, y"),
        ((IMAGE, 1), {"x": 2}, r"given twice \['x'\]"),
        ((IMAGE, 1), {"z": 2}, r"unknown \['z'\]"),
        ((IMAGE, "text"), {}, "dtype <U4 was given"),
        ((np.full(3, 2**25), 1), {}, "whole numbers up to 33554432"),
    ],
)
def test_arguments(args: tuple, named: dict, message: str) -> None:
    with glnn.Device("numpy") as device, pytest.raises(InputError, match=message):
        glnn.kernel(ADD, device=device)(*args, **named)


def test_shapes_by_expression() -> None:
    text = "float kernel(int i, int j) { return float(10 * i + j); }"
    want = 10 * np.arange(2)[:, None] + np.arange(3.0)
    with glnn.Device("numpy") as device:
        for shape in ((2, 3), "(2, 1 + 2)", lambda: (2, 3), ["2", 3]):
            np.testing.assert_array_equal(np.asarray(glnn.kernel(text, shape=shape, device=device)()), want)
        for shape in ("(2, zeros)", "__import__('os')", "(2, 3 // 0)", "(2, -3)", (2, 0), "2 +"):
            with pytest.raises(InputError, match="the shape"):
                glnn.kernel(text, shape=shape, device=device)()
    with pytest.raises(KernelError, match="nothing says how large"), glnn.Device("numpy") as device:
        glnn.kernel(text, device=device)()


def test_files_that_are_missing() -> None:
    with pytest.raises(InputError, match=r"no kernel file 'nowhere\.glsl'"):
        glnn.kernel("nowhere.glsl")
    with pytest.raises(InputError, match="takes a text or the path of a file, not int"):
        glnn.kernel(3)  # type: ignore[arg-type]


def test_in_a_notebook_the_cell_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Compiler:
        def format_code_name(self, name: str) -> tuple[str, str] | None:
            return ("Cell", "In[7]") if name == __file__ else None

    class Shell:
        compile = Compiler()

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=Shell))
    with pytest.raises(KernelError, match=r"^In\[7\]:\d+:\d+: 'nowhere' is not declared"):
        glnn.kernel("float kernel(float x) { return x + nowhere; }")
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))  # imported by a script
    with pytest.raises(KernelError, match=r"^\S*test_errors.py:\d+:\d+: 'nowhere' is not declared"):
        glnn.kernel("float kernel(float x) { return x + nowhere; }")
