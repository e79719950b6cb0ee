"""The user's own kernels and programs in a page: the bits are Python's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.bits import check_bits

import glnn
from glnn.custom.programs import drawn
from glnn.layout.limits import Limits
from glnn.web import VARIANTS

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIMITS = VARIANTS | {"split": Limits(16, 8, 16, "float32", "es300")}
heat = glnn.kernel("""
#pragma glnn input u
#pragma glnn border edge
float kernel(int i, int j, float alpha) {
    return u(i, j) + alpha * (u(i - 1, j) + u(i + 1, j) + u(i, j - 1) + u(i, j + 1) - 4.0 * u(i, j));
}""")
far = glnn.kernel("""
#pragma glnn input u
#pragma glnn border wrap
#pragma glnn uniform weights[2]
float kernel(float x, int i, int j) {
    float sum = x;
    for (int k = 0; k < 2; k++) sum += weights[k] * u(i + 3 * k, j - k);
    return sum;
}""")


@glnn.program
def simulated(u: Any, v: Any) -> Any:
    """Several turns in a draw and one more, a kernel of texels, arithmetic, an ordinary loop, a reduction."""
    u = glnn.repeat(7, lambda u: heat(u, 0.2), u)
    w = far(x=v, u=u, weights=[0.5, 0.25]) * 2 - u
    for i in glnn.steps(3):
        u = heat(u, 0.1) * 0.5 + i
        w = w * 0.25 + u
    return w, w.sum(1)


@pytest.mark.parametrize("variant", ["webgl2", "webgl2-half", "split", "webgl1", "webgl1-rgba8"])
def test_bits_are_pythons(new_page: Callable[[], Page], site: tuple[Path, str], variant: str) -> None:
    rng = np.random.default_rng(0)
    inputs = {"u": rng.normal(size=(13, 18)).astype(np.float32), "v": rng.normal(size=18).astype(np.float32)}
    graph = drawn(simulated.graph(**inputs))
    check_bits(new_page, site, f"program-{variant}", graph, inputs, LIMITS[variant])
