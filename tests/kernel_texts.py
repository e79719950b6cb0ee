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
    "bytes": {"max_texture_size": 4096, "draw_buffers": 1, "float_target": "rgba8"},
}


@cache
def _texts(dialect: str, setting: str) -> dict[str, ShaderText]:
    found: dict[str, ShaderText] = {}
    for case in CASES if setting == "whole" else CASES[::4]:
        graph = layer_graph(case.layer, case.shapes, case.weights)
        shapes = {f"x{i}": shape for i, shape in enumerate(case.shapes)}
        try:
            found.update(make_plan(graph, shapes, Limits(dialect=dialect, **SETTINGS[setting])).programs)
        except LimitError:
            assert setting == "split"
    return found


@cache
def texts(dialect: str) -> dict[str, ShaderText]:
    """The distinct texts of all cases in a dialect, by key."""
    return {key: text for setting in SETTINGS for key, text in _texts(dialect, setting).items()}


@cache
def chosen(dialect: str, more: int) -> list[ShaderText]:
    """For each kernel its longest text with floats and with bytes, and `more` of the others: always the same ones."""
    longest: dict[tuple[str, bool], ShaderText] = {}
    for setting in SETTINGS:
        for text in _texts(dialect, setting).values():
            kind = text.kernel, setting == "bytes"
            if kind not in longest or len(text.fragment) > len(longest[kind].fragment):
                longest[kind] = text
    kept = {text.key for text in longest.values()}
    rest = [text for text in texts(dialect).values() if text.key not in kept]
    return [*longest.values(), *sorted(rest, key=lambda text: zlib.crc32(text.key.encode()))[:more]]
