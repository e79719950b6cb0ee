"""The shader texts of all cases: what the tests hand to one compiler after another."""

from __future__ import annotations

import zlib
from functools import cache

from cases import CASES

from glnn.errors import LimitError
from glnn.kernel import ShaderText
from glnn.layout import Limits
from glnn.plan import make_plan
from glnn.testing import layer_graph

SETTINGS = {
    "whole": {"max_texture_size": 4096, "draw_buffers": 8},
    "split": {"max_texture_size": 16, "draw_buffers": 4},  # tensors and weights in several textures
    "half": {"max_texture_size": 4096, "draw_buffers": 1, "float_target": "float16"},
}


@cache
def texts(dialect: str) -> dict[str, ShaderText]:
    """The distinct texts of all cases in a dialect, by key."""
    found: dict[str, ShaderText] = {}
    for setting, options in SETTINGS.items():
        for case in CASES if setting == "whole" else CASES[::4]:
            graph = layer_graph(case.layer, case.shapes, case.weights)
            shapes = {f"x{i}": shape for i, shape in enumerate(case.shapes)}
            try:
                found.update(make_plan(graph, shapes, Limits(dialect=dialect, **options)).programs)
            except LimitError:
                assert setting == "split"
    return found


@cache
def chosen(dialect: str, more: int) -> list[ShaderText]:
    """One text for each kernel, the longest, and `more` of the others, the same ones in every run."""
    by_kernel: dict[str, ShaderText] = {}
    for text in texts(dialect).values():
        if text.kernel not in by_kernel or len(text.fragment) > len(by_kernel[text.kernel].fragment):
            by_kernel[text.kernel] = text
    kept = {text.key for text in by_kernel.values()}
    rest = [text for text in texts(dialect).values() if text.key not in kept]
    return [*by_kernel.values(), *sorted(rest, key=lambda text: zlib.crc32(text.key.encode()))[:more]]
