"""What outputs of a layer between copies ("b0", .. of glnn.testing.between_copies) are, held as codes or as halves."""

from __future__ import annotations

import numpy as np

from glnn.graph import ActivationCodec, Graph, as_tuple
from glnn.plan import Plan
from glnn.plan.steps import Repeat
from glnn.primitives.expand import expanded
from glnn.testing import as_stored

LARGEST = float(np.finfo(np.float16).max)


def held_as(plan: Plan, graph: Graph, output: int) -> ActivationCodec:
    """The codec of what the copy reads that is an output.

    It is the output's but where that is a part of another tensor, or all of it, which keeps its own, or where a layer's
    turns carry it: between them it may leave the range that was seen, and stays floats.
    """
    _, holders = expanded(graph)
    name = holders[f"b{output}"][-1][0]
    made = next(m for m in plan.made if m.name == name)
    carried = made.section is not None or any(isinstance(step, Repeat) for step in plan.steps)
    assert carried or made.codec.codec == graph.activations[f"b{output}"].codec, f"b{output}: {made.codec}"
    return made.codec


def from_codes(plan: Plan, graph: Graph, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> list[np.ndarray]:
    """What a layer makes, in float64, where it reads its own outputs as the codes that came out: sums of scores do.

    Each is as it was before it was rounded. So scores are judged by the exact ones, and what is made of them by those
    that the device had, whichever of two codes its own rounding came to.
    """
    primitives, holders = expanded(graph)
    coded = {
        holders[f"b{i}"][-1][0]: came for i, came in enumerate(outputs) if held_as(plan, graph, i).codec == "uint8"
    }
    made = {f"x{i}": x.astype(np.float64) for i, x in enumerate(inputs)}
    for node in primitives.nodes:
        weights = {key: np.asarray(w, np.float64) for key, w in node.weights.items()}
        read = [coded[key].astype(np.float64) if key in coded else made[key] for key in node.inputs]
        made |= zip(node.outputs, as_tuple(node.layer.reference(read, weights)), strict=True)
    return [made[holders[f"b{i}"][-1][0]] for i in range(len(outputs))]


def reads_own_outputs(graph: Graph) -> bool:
    """Whether one of a layer's primitives reads what is an output as well."""
    primitives, holders = expanded(graph)
    read = {key for node in primitives.nodes if not node.name.startswith("out b") for key in node.inputs}
    return any(holders[f"b{i}"][-1][0] in read for i in range(len(graph.outputs)))


def as_halves(got: np.ndarray, want: np.ndarray, truncates: bool) -> tuple[np.ndarray, np.ndarray]:
    """What came and what is expected where both went through halves: what is beyond their largest is infinity.

    truncates: the driver may make the largest half of it (dialect es100), which counts as infinity there
    """
    want = as_stored(want, "float16")
    cut = truncates & np.isinf(want) & (got == np.copysign(LARGEST, want))
    return np.where(cut, want, got), want
