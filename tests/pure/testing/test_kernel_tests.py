"""Tests in kernels' files as they are read: what they say, and where those that say nothing sensible are refused."""

from __future__ import annotations

import numpy as np
import pytest

from glnn.errors import KernelError
from glnn.kernels.files import kernel_names, read_shader
from glnn.testing import Mismatch, choice
from glnn.testing.kernel_tests import read_tests, run_test

KERNEL = """// Every SH-th row and SW-th column.
#pragma glnn input x
#pragma glnn param SH SW
@
vec4 kernel(int n, int h, int w, int c) { return x(n, h * SH, w * SW, c); }
"""
HALVES = "#pragma glnn test halves: x = normal(1, 4, 6, 3), SH = 2, SW = 2 expect x[:, ::2, ::2]"


def text(*lines: str) -> str:
    return KERNEL.replace("@", "\n".join(lines))


@pytest.fixture
def numpy_device() -> None:
    """Devices are NumPy's."""
    choice.begin(choice.Choice(numpy=True, dialects=("es300",), codecs=("float32", "float16")))
    yield
    choice.end()


def test_a_test_is_read() -> None:
    one, two, three = read_tests(
        text(
            HALVES,
            "  #pragma  glnn test same: x = arange(3), SH = 1, SW = 1,",
            "#pragma glnn expect x within 2 ulp",
            "#pragma glnn test coarse-1: x = stack([ones(3)], axis=1), SH = 1, SW = 1",
            "#pragma glnn expect x within 1e-3 as float16, rgba8",
            "/* #pragma glnn test none: x */",
        ),
        "a.glsl",
    )
    assert (one.name, one.file, one.line) == ("halves", "a.glsl", 4)
    assert [name for name, _ in one.inputs] == ["x", "SH", "SW"] and one.expect.text == "x[:, ::2, ::2]"
    assert (one.tolerance, one.ulp, one.codecs) == (None, None, ())
    assert (two.name, two.line, two.ulp, two.tolerance) == ("same", 5, 2, None)
    assert (three.name, three.line, three.ulp, three.tolerance, three.codecs) == (
        "coarse-1",
        7,
        None,
        1e-3,
        ("float16", "rgba8"),
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("#pragma glnn test ¦x = 1 expect x", "a test has a name"),
        ("#pragma glnn test a: x = 1¦", ""),
        ("#pragma glnn expect¦ x", "no test stands before this"),
        ("#pragma glnn test a: ¦1 expect x", "inputs are NAME = EXPRESSION"),
        ("#pragma glnn test a: x = ¦blur(1) expect x", "no function blur"),
        ("#pragma glnn test a: x = 1 expect ¦blur(x)", "no function blur"),
        ("#pragma glnn test a: x = 1 expect x ¦// 2", "floor_divide"),
        ("#pragma glnn test a: x = 1 expect¦", "nothing is expected"),
        ("#pragma glnn test a: x = 1 expect x within ¦little", "within a number"),
        ("#pragma glnn test a: x = 1 expect x within ¦1.5 ulp", "within whole ULP"),
        ("#pragma glnn test a: x = 1 expect x as ¦float8", "float32, float16, rgba8, uint8"),
        ("#pragma glnn test¦ a: x = (1 expect x", "cannot be read"),
    ],
)
def test_what_is_no_test_is_refused_at_its_place(line: str, told: str) -> None:
    if not told:
        line, told = "#pragma glnn test¦ a: x = 1", "this test expects nothing"
    column = line.index("¦") + 1
    with pytest.raises(KernelError, match=told) as caught:
        read_tests(text(line.replace("¦", "")), "a.glsl")
    first, shown, caret = str(caught.value).splitlines()[:3]
    assert first.startswith(f"a.glsl:4:{column}: ") and shown.strip() == line.replace("¦", "")
    assert caret.index("^") == 4 + column - 1


def test_a_name_is_taken_once() -> None:
    with pytest.raises(KernelError, match="a.glsl:5:.* a test 'halves' before this"):
        read_tests(text(HALVES, HALVES), "a.glsl")


@pytest.mark.usefixtures("numpy_device")
def test_a_right_kernel_passes_and_a_wrong_one_is_told() -> None:
    (test,) = read_tests(text(HALVES), "a.glsl")
    assert len(run_test(test, text(HALVES)).corners) > 4
    with pytest.raises(
        Mismatch, match=r"a\.glsl:4: test 'halves' differs from its reference in \d+ of \d+ corners"
    ) as caught:
        run_test(test, text(HALVES).replace("w * SW", "w"))
    told, failure = str(caught.value), caught.value.failures[0]
    x = np.random.default_rng([__import__("zlib").crc32(b"x"), 0]).standard_normal((1, 4, 6, 3)).astype(np.float32)
    n, h, w, c = failure.index
    assert failure.got == x[n, 2 * h, w, c] and failure.expected == x[n, 2 * h, 2 * w, c]
    assert "in the corner es300, own limits, float32:" in told
    assert (
        f"y[{n}, {h}, {w}, {c}] is {failure.got:.9g}, expected {failure.expected:.9g}: off by " in told
        and "ULP" in told
    )


@pytest.mark.usefixtures("numpy_device")
def test_values_that_do_not_fit_the_kernel_are_told_with_the_test() -> None:
    for inputs, told in (
        ("x = ones((1, 2))", "no value came for SH, SW"),
        ("x = ones((1, 2)), SH = 1, SW = 1, Q = 1", "no pragma declares 'Q'"),
        ("x = ones((1, 2)), SH = [1, 2], SW = 1", "SH is a number"),
        ("x = q, SH = 1, SW = 1", "'q' is no value here"),
    ):
        held = text(f"#pragma glnn test a: {inputs} expect x")
        with pytest.raises(KernelError, match=rf"^a\.glsl:4: test 'a': .*{told}"):
            run_test(read_tests(held, "a.glsl")[0], held)


@pytest.mark.usefixtures("numpy_device")
def test_a_value_is_judged_where_the_codec_holds_the_inputs() -> None:
    whole = text("#pragma glnn test a: x = [[1, 2, 3]], SH = 1, SW = 1 expect [[1, 2, 3]]")
    fine = text("#pragma glnn test a: x = [[1.0001, 2, 3]], SH = 1, SW = 1 expect [[1.0001, 2, 3]]")
    codecs = [{c.codec for c in run_test(read_tests(t, "a")[0], t).corners} for t in (whole, fine)]
    assert codecs == [{"float32", "float16"}, {"float32"}]


def test_our_own_kernels_have_tests() -> None:
    held = {name: read_tests(read_shader(f"kernels/{name}.glsl"), name) for name in kernel_names()}
    assert sum(map(len, held.values())) >= 17
    assert {"pad", "rank", "cumulate", "softmax"} <= {name for name, tests in held.items() if tests}
