"""The shader texts of all cases: what the tests hand to one compiler after another."""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any

from cases.case import Case
from cases.keras import CASES
from support import shares

from glnn.errors import LimitError
from glnn.graph import ActivationCodec
from glnn.kernels.assemble import ShaderText
from glnn.layout.limits import Limits
from glnn.plan import Plan, make_plan
from glnn.testing import between_copies, coded_weights, layer_graph

SETTINGS: dict[str, dict[str, Any]] = {
    "whole": {"max_texture_size": 4096, "draw_buffers": 8},
    "split": {"max_texture_size": 16, "draw_buffers": 4},  # tensors and weights in several parts
    "half": {"max_texture_size": 4096, "draw_buffers": 1, "float_target": "float16"},
    "bytes": {"max_texture_size": 4096, "draw_buffers": 1, "float_target": "rgba8"},
}
# Weights in a codec, by name of the setting; on devices that alternate from case to case.
CODED = {
    f"{codec}-{'channel' if per_channel else 'tensor'}": (codec, per_channel)
    for codec in ("float16", "uint16", "uint8", "uint4")
    for per_channel in (True, False)
}
ACTIVATIONS = ("uint8", "float16", "rgba8")  # the tensors before and after a layer in a codec
KINDS = (*SETTINGS, *CODED, *(f"between-{codec}" for codec in ACTIVATIONS))


def _plan(case: Case, dialect: str, kind: str, number: int) -> Plan:
    if kind in SETTINGS:
        graph, limits = layer_graph(case.layer, case.shapes, case.weights), SETTINGS[kind]
    elif kind in CODED:
        weights = coded_weights(case.layer, case.shapes, case.weights, *CODED[kind])
        graph, limits = layer_graph(case.layer, case.shapes, weights), list(SETTINGS.values())[number % 4]
    else:
        codecs = ActivationCodec(kind.removeprefix("between-"), -1.0, 2.0)
        graph = between_copies(case.layer, case.shapes, case.weights, lambda name: codecs)
        limits = list(SETTINGS.values())[number % 4]
    return make_plan(graph, {f"x{i}": shape for i, shape in enumerate(case.shapes)}, Limits(dialect=dialect, **limits))


@cache
def _texts(dialect: str, kind: str) -> dict[str, ShaderText]:
    found: dict[str, ShaderText] = {}
    cases = CASES[:: 1 if shares.whole else 3] if kind == "whole" else CASES[::4] if kind in SETTINGS else CASES[::20]
    if kind in CODED:
        cases = [case for case in CASES if any(w.ndim >= 2 for w in case.weights.values())][::5]
    for number, case in enumerate(cases):
        try:
            found.update(_plan(case, dialect, kind, number).programs)
        except LimitError:
            assert dialect == "es100"
    return found


@cache
def texts(dialect: str) -> dict[str, ShaderText]:
    """The distinct texts of all cases in a dialect, or of every third of them, by key."""
    return {key: text for kind in KINDS for key, text in _texts(dialect, kind).items()}


@cache
def chosen(dialect: str, more: int) -> list[ShaderText]:
    """What no test may leave out, and `more` of the others: always the same ones.

    That is for each kernel its longest text with floats and with bytes, and the longest with each codec of weights and
    of tensors between layers, for each kernel that reads weights.
    """
    longest: dict[tuple[str, str], ShaderText] = {}
    for kind in KINDS:
        for text in _texts(dialect, kind).values():
            if kind in SETTINGS:
                group = text.kernel, "bytes" if kind == "bytes" else ""
            elif kind in CODED:
                group = text.kernel if "conv" in text.kernel or text.kernel == "embedding" else "", kind
            else:  # of what reads such a tensor as well: the draw after another of the same layer does not
                read = [way for way in ("_decode1(", "_z) * ") if way in text.fragment]  # by a kernel, or after it
                group = " ".join(read), kind
            if group not in longest or len(text.fragment) > len(longest[group].fragment):
                longest[group] = text
    kept = {text.key: text for text in longest.values()}
    rest = [text for text in texts(dialect).values() if text.key not in kept]
    return [*kept.values(), *sorted(rest, key=lambda text: zlib.crc32(text.key.encode()))[:more]]
