"""A page that makes the draws of a plan by itself, without glnn's runner, and says which values are wrong there."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from .. import tensor
from ..errors import UnsupportedError
from ..layout.cells import CellLayout
from ..layout.codec import activation_storage
from ..plan.plan import Plan
from ..plan.steps import in_turns, turns_of

FORMATS = ("float32", "float16", "rgba8")
MOST_DRAWS = 10_000  # of all turns: about 5 MB of page


def draws_page(
    plan: Plan,
    weights: Mapping[str, Any],
    inputs: Mapping[str, np.ndarray],
    expected: np.ndarray,
    tolerance: float,
    title: str,
    about: str,
) -> str:
    """A page of HTML, with no other file, that makes a plan's draws on fixed inputs in WebGL2.

    weights: the values of the plan's weights by key; inputs: arrays by name
    expected, tolerance: of the plan's first output: its values, and how far one may be off
    title, about: words of the page
    The draws of repeats are there turn by turn, as they are made.

    Raises UnsupportedError: a plan of another dialect than es300, of very many draws, or with codes in its textures.
    """
    formats = {slot.format for slot in plan.slots} | {weight.storage.format for weight in plan.weights}
    output = plan.outputs[0]
    wrong = [f"dialect {plan.limits.dialect}"] if plan.limits.dialect != "es300" else []
    made = sum(turns_of(plan.steps))
    wrong += [f"{made:,} draws in all turns (at most {MOST_DRAWS:,})"] if made > MOST_DRAWS else []
    wrong += [f"textures of {format}" for format in sorted(formats - {*FORMATS})]
    wrong += [f"an output in {output.codec}"] if output.codec != "float32" else []
    if wrong:
        raise UnsupportedError("a page of draws", wrong)
    layout = output.layout
    values = layout.packed(np.asarray(expected, np.float32), (layout.width, layout.height))
    data = {
        "buffers": max((draw.layers[1] for draw in plan.draws), default=1),
        "programs": {
            key: {"vertex": text.vertex, "fragment": text.fragment, "samplers": text.samplers}
            for key, text in plan.programs.items()
        },
        "slots": [dataclasses.asdict(slot) for slot in plan.slots],
        "weights": [_textures(plan, number, weights) for number in range(len(plan.weights))],
        "inputs": [
            {"slot": slot, "texels": _text(texels)}
            for spec in plan.inputs
            for slot, texels in zip(
                spec.slots,
                tensor.texels(inputs[spec.name], spec.layout, activation_storage(spec.codec), size=_size(plan, spec)),
                strict=True,
            )
        ],
        "draws": [
            {
                "kernel": draw.kernel, "program": draw.program, "target": draw.target, "layers": draw.layers,
                "viewport": (0, item.row, *draw.viewport), "textures": draw.textures, "ints": draw.ints,
                "floats": draw.floats, "number": item.number, "turns": item.turns,
            }
            for item in in_turns(plan.steps) if (draw := item.draw)
        ],
        "expected": {
            "slot": output.slots[0], "width": layout.width, "height": layout.height, "layers": layout.depth,
            "values": _text(values), "tolerance": tolerance,
        },
    }  # fmt: skip
    told = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    page = resources.files("glnn").joinpath("web").joinpath("draws.html").read_text(encoding="utf-8")
    return page.replace("TITLE", escape(title)).replace("ABOUT", escape(about)).replace("DATA", told)


def _size(plan: Plan, spec: Any) -> tuple[int, int]:
    slot = plan.slots[spec.slots[0]]
    return slot.width, slot.height


def _textures(plan: Plan, number: int, weights: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The textures of a weight, with their texels."""
    weight = plan.weights[number]
    width, height = weight.layout.size
    layers = weight.layout.depth
    assert layers or isinstance(weight.layout, CellLayout)
    parts = tensor.texels(weights[weight.key].reshape(weight.shape), weight.layout, weight.storage)
    made = {"width": width, "height": height, "layers": layers, "format": weight.storage.format}
    return [{**made, "data": _text(part)} for part in parts]


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
