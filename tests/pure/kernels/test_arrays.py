"""Local arrays: as variables where every index is constant, and what is refused of them."""

from __future__ import annotations

import pytest

from glnn.errors import KernelError
from glnn.kernels.language.arrays import scalar_arrays
from glnn.kernels.language.glsl import printed
from glnn.kernels.language.parse import parse_statements
from glnn.kernels.language.values import Env


def scalar(text: str, env: Env) -> str:
    return " ".join(printed(scalar_arrays(parse_statements(text), env))[0].split())


def test_arrays_with_constant_indices_become_variables() -> None:
    text = "vec4 w[N * 2];\nw[0] = a; w[1 + 2] = b;\nf(w[0], w[3]);"
    assert scalar(text, {"N": 2}) == "vec4 w_0, w_3; w_0 = a; w_3 = b; f(w_0, w_3);"


def test_values_that_nobody_reads_vanish() -> None:
    assert scalar("vec4 w[3]; w[0] = a(1); w[1] = b; f(w[1]);", {}) == "vec4 w_1; w_1 = b; f(w_1);"
    assert scalar("vec4 w[3]; w[0] = a; w[0] += b;", {}) == "vec4 w_0; w_0 = a; w_0 += b;"
    assert scalar("vec4 w[3]; w[0] = a; w[0].x = b;", {}) == "vec4 w_0; w_0 = a; w_0.x = b;"
    assert scalar("int w[3];\nh();", {}) == "h();"
    assert scalar("int w[3]; if (a) w[0] = 1; h();", {}) == "if (a) {} h();"


def test_arrays_with_other_indices_stay() -> None:
    assert scalar("float w[A + 1]; w[i] = 1.0;", {"A": 3}) == "float w[4]; w[i] = 1.0;"
    assert scalar("float w[2], v[2]; w[i] = 1.0; v[1] = w[0];", {}) == "float w[2]; w[i] = 1.0;"
    with pytest.raises(KernelError, match=r"k.glsl:1:9: array 'w' needs a constant size of 1 or more\n"):
        scalar_arrays(parse_statements("float w[x_H]; w[i] = 1.0;", "k.glsl"), {})


def test_arrays_end_with_their_block() -> None:
    text = "{ float w[2]; w[0] = 1.0; f(w[0]); } { float w[3]; w[i] = 2.0; } f(w[0]);"
    assert scalar(text, {}) == "{ float w_0; w_0 = 1.0; f(w_0); } { float w[3]; w[i] = 2.0; } f(w[0]);"
    assert (
        scalar("{ float w[2]; w[0] = 1.0; f(w[0]); } w[0] = 2.0;", {})
        == "{ float w_0; w_0 = 1.0; f(w_0); } w[0] = 2.0;"
    )
    assert scalar("float w[2]; w[0] = 1.0; f(w[0]); for (int w = 0; w < 2; w++) g(w);", {}).endswith("g(w);")


@pytest.mark.parametrize("text", ["float w[3]; w[3] = 1.0;", "float w[3]; f(w[-1]);"])
def test_elements_that_an_array_does_not_have_are_refused(text: str) -> None:
    with pytest.raises(KernelError, match=r"k.glsl:1:\d+: w has 3 elements, there is no \[(3|-1)\]\n"):
        scalar_arrays(parse_statements(text, "k.glsl"), {})


def test_an_array_is_no_value() -> None:
    with pytest.raises(KernelError, match=r"k.glsl:1:15: an array is read and written element by element: w\[0\]"):
        scalar_arrays(parse_statements("float w[3]; f(w);", "k.glsl"), {})
