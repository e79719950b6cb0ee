"""The shader texts of all cases: what the tests hand to one compiler after another."""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from functools import cache
from typing import Any

from cases.case import Case
from cases.keras import CASES

from glnn.errors import LimitError
from glnn.graph import ActivationCodec
from glnn.kernels.assemble import ShaderText, kernel_names
from glnn.layout.limits import Limits
from glnn.plan import Plan, make_plan
from glnn.plan.choice import BY_COST, Choice
from glnn.testing import between_copies, coded_weights, layer_graph

from . import shares

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
KINDS = (*SETTINGS, *CODED, *(f"between-{codec}" for codec in ACTIVATIONS), "forced")
FORCED = "winograd"  # a recipe that estimates take for larger images than those of the cases
ALIKE = 2  # cases of one layer and kind that a push has texts of


def _plan(case: Case, dialect: str, kind: str, number: int) -> Plan:
    choice = Choice(forced=FORCED) if kind == "forced" else BY_COST
    if kind in SETTINGS or kind == "forced":
        graph, limits = layer_graph(case.layer, case.shapes, case.weights), SETTINGS.get(kind, SETTINGS["whole"])
    elif kind in CODED:
        weights = coded_weights(case.layer, case.shapes, case.weights, *CODED[kind])
        graph, limits = layer_graph(case.layer, case.shapes, weights), list(SETTINGS.values())[number % 4]
    else:
        codecs = ActivationCodec(kind.removeprefix("between-"), -1.0, 2.0)
        graph = between_copies(case.layer, case.shapes, case.weights, lambda name: codecs)
        limits = list(SETTINGS.values())[number % 4]
    shapes = {f"x{i}": shape for i, shape in enumerate(case.shapes)}
    return make_plan(graph, shapes, Limits(dialect=dialect, **limits), choice=choice)


@cache
def _cases(largest: bool) -> list[Case]:
    """All cases, or a push's share: planning them takes longer than compiling what comes of them.

    The share has some of each layer and each of its options that is a word. largest: and that with the most values.
    """
    if shares.whole:
        return CASES
    alike = defaultdict[tuple[Any, ...], list[Case]](list)
    for case in CASES:
        words = (value for value in vars(case.layer).values() if isinstance(value, str))
        alike[(type(case.layer), *words)].append(case)
    some = [case for own in alike.values() for case in own[:: -(-len(own) // ALIKE)]]
    most = [max(own, key=lambda case: sum(map(math.prod, case.shapes))) for own in alike.values()] if largest else []
    return list({id(case): case for case in some + most}.values())


@cache
def _texts(dialect: str, kind: str) -> dict[str, ShaderText]:
    found: dict[str, ShaderText] = {}
    cases, step = _cases(kind == "whole"), 1 if shares.whole else 2  # a share holds few of each layer already
    if kind in CODED:
        cases = [case for case in cases if any(w.ndim >= 2 for w in case.weights.values())][:: 5 // step]
    elif kind == "forced":
        cases = [case for case in CASES if type(case.layer).__name__ == "Conv2D"]
    elif kind != "whole":
        cases = cases[:: (4 if kind in SETTINGS else 20) // step]
    for number, case in enumerate(cases):
        try:
            found.update(_plan(case, dialect, kind, number).programs)
        except LimitError:
            assert dialect == "es100"
    return found


@cache
def texts(dialect: str) -> dict[str, ShaderText]:
    """The distinct texts of all cases in a dialect, by key."""
    return {key: text for kind in KINDS for key, text in _texts(dialect, kind).items()}


def kernels_of(dialect: str) -> set[str]:
    """The names of the kernels that a dialect can say: a recipe for several draw buffers is not in es100."""
    return {name for name in kernel_names() if dialect != "es100" or not name.startswith(FORCED)}


@cache
def chosen(dialect: str, more: int) -> list[ShaderText]:
    """What no test may leave out, and `more` of the others: always the same ones.

    That is for each kernel its longest text with floats and with bytes, and the longest with each codec of weights and
    of tensors between layers, for each kernel that reads weights.
    """
    longest: dict[tuple[str, str], ShaderText] = {}
    for kind in KINDS:
        for text in _texts(dialect, kind).values():
            if kind in SETTINGS or kind == "forced":
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
