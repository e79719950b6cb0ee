"""Plans are plain data: JSON, the same from run to run, and with weights that serve every input shape."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.case import Case
from cases.keras import CASES

from glnn.errors import GlnnError, GraphError, LimitError
from glnn.graph import ActivationCodec, Graph, Node, TensorSpec, validate
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense
from glnn.layout.limits import Limits
from glnn.model import Model
from glnn.plan import Plan, make_plan
from glnn.plan.weights import WeightStore
from glnn.testing import coded_weights, layer_graph

DIGITS = """
import hashlib, sys, glnn
from glnn.layout import Limits
model = glnn.Model.load(sys.argv[1])
for limits in (Limits(), Limits(32, dialect="es100"), Limits(64, 4, dialect="gl330")):
    print(hashlib.sha256(model.plan(limits=limits).to_json().encode()).hexdigest())
"""


def test_a_plan_is_the_same_from_run_to_run(root: Path) -> None:
    """Whatever order Python gives to sets and hashes: an exported page must not change with it."""
    told = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-c", DIGITS, str(root / "examples" / "digits.h5")]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": seed})
        assert done.returncode == 0, done.stderr
        told.add(done.stdout)
    assert len(told) == 1 and len(told.pop().split()) == 3


SETTINGS = {"plain": Limits(), "split": Limits(16, 4), "es100": Limits(64, dialect="es100")}


def case_plan(case: Case, limits: Limits) -> tuple[Plan, WeightStore]:
    graph = layer_graph(case.layer, case.shapes, case.weights)
    store = WeightStore(graph)
    return make_plan(graph, {f"x{i}": shape for i, shape in enumerate(case.shapes)}, limits, store), store


def numbers(value: object) -> list[float]:
    """Every number in JSON data."""
    if isinstance(value, dict):
        return [n for item in value.values() for n in numbers(item)]
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]
    return [value] if isinstance(value, int | float) else []


def in_turn(steps: list[Any]) -> list[int]:
    """The draws of steps, those of repeats once."""
    return [n for step in steps for n in (in_turn(step["steps"]) if isinstance(step, dict) else [step])]


@pytest.mark.parametrize("limits", SETTINGS.values(), ids=SETTINGS)
def test_a_plan_is_json_and_holds_together(limits: Limits) -> None:
    for case in CASES[::5]:
        try:
            plan, store = case_plan(case, limits)
        except LimitError:
            assert limits.max_texture_size == 16
            continue
        data = json.loads(plan.to_json())
        assert set(data) == {"version", "limits", "programs", "slots", "weights", "inputs", "outputs", "draws", "steps"}
        assert in_turn(data["steps"]) == list(range(len(data["draws"])))
        assert all(math.isfinite(n) for n in numbers(data))
        assert {w["key"] for w in data["weights"]} <= set(store.values)
        assert len({w["key"] for w in data["weights"]}) == len(data["weights"])
        for draw in data["draws"]:
            program = data["programs"][draw["program"]]
            assert len(program["samplers"]) == len(draw["textures"])
            assert len(draw["ints"]) % 4 == len(draw["floats"]) % 4 == 0
            for array, count in (("ivec4 P", len(draw["ints"])), ("vec4 F", len(draw["floats"]))):
                declared = f"uniform {array}[{count // 4}];" in program["fragment"]
                assert declared or (f"uniform {array}[" not in program["fragment"] and count in (0, 4))
        assert all(store.values[w.key].size == math.prod(w.shape) for w in plan.weights)


def larger(case: Case) -> list[tuple[int, ...]] | None:
    """Input shapes of a case with another batch and another height and width; None where a layer does not take them."""
    shapes = []
    for shape in case.shapes:
        if len(shape) != 4:
            return None
        n, h, w, c = shape
        shapes.append((n + (n > 1), h + (h > 1), w + 2 * (w > 1), c))
    try:
        layer = case.layer
        if [s.shape for s in layer.weight_specs(*shapes)] != [s.shape for s in layer.weight_specs(*case.shapes)]:
            return None
        layer.output_shape(*shapes)
        free = [(None, None, None, shape[-1]) for shape in shapes]
        layer.weight_specs(*free)
        layer.output_shape(*free)  # so that what it makes of weights does not follow from sizes
    except (ValueError, GlnnError):
        return None
    return shapes


def test_weights_serve_every_input_shape() -> None:
    """A store that saw one image size holds for each key what a store would hold that sees only another."""
    checked = 0
    for case in CASES:
        shapes = larger(case)
        if shapes is None:
            continue
        graph = layer_graph(case.layer, case.shapes, case.weights)
        other = graph.with_(inputs=tuple(replace(s, shape=new) for s, new in zip(graph.inputs, shapes, strict=True)))
        for limits in (Limits(), Limits(dialect="es100")):
            shared, fresh = WeightStore(graph), WeightStore(other)
            make_plan(graph, {s.name: s.shape for s in graph.inputs}, limits, shared)
            given = {s.name: s.shape for s in other.inputs}
            make_plan(other, given, limits, shared)
            for weight in make_plan(other, given, limits, fresh).weights:
                of_both, of_one = shared.values[weight.key], fresh.values[weight.key]
                np.testing.assert_array_equal(of_both, of_one, f"{case.name} {weight.key}")
                checked += 1
    assert checked > 100


def test_shared_weights_are_stored_once() -> None:
    kernel, bias = np.ones((4, 4), np.float32), np.zeros(4, np.float32)
    weights = {"kernel": kernel, "bias": bias}
    nodes = (Node("a", Dense(4), ("x",), ("t",), weights), Node("b", Dense(4), ("t",), ("y",), weights))
    plan = Model(Graph("twice", (TensorSpec("x", (None, 4)),), nodes, ("y",))).plan(limits=Limits())
    assert len(plan.weights) == 2 and len(plan.draws) == 2


def test_activation_bytes_are_those_of_the_slots() -> None:
    plan, _ = case_plan(next(c for c in CASES if c.name.startswith("Conv2D")), Limits())
    assert plan.activation_bytes == sum(s.width * s.height * max(1, s.layers) * 16 for s in plan.slots) > 0
    assert all(w.nbytes >= w.layout.parts * w.layout.width * w.layout.height * 16 for w in plan.weights)


CODED = [("float16", False), *((codec, each) for codec in ("uint16", "uint8", "uint4") for each in (True, False))]


@pytest.mark.parametrize("dialect", ["es300", "es100"])
@pytest.mark.parametrize(("codec", "per_channel"), CODED)
def test_coded_weights_take_their_share_of_bytes(codec: str, per_channel: bool, dialect: str) -> None:
    """Of a layer of some size, scales included: what a code has of a float's bits, and 1 % more."""
    layer, shape = Conv2D(256, (3, 3), padding="same", use_bias=False), (1, 16, 16, 128)
    rng = np.random.default_rng(0)
    weights = {s.name: rng.standard_normal(s.shape).astype(np.float32) for s in layer.weight_specs(shape)}

    def weight_bytes(values: dict) -> int:
        plan = make_plan(layer_graph(layer, [shape], values), {"x0": shape}, Limits(dialect=dialect))
        return plan.weight_bytes

    coded = coded_weights(layer, [shape], weights, codec, per_channel)
    share = weight_bytes(coded) / weight_bytes(weights)
    wanted = {"float16": 16, "uint16": 16, "uint8": 8, "uint4": 4}[codec] / 32
    assert wanted * 0.95 <= share <= wanted + 0.01


@pytest.mark.parametrize("per_channel", [True, False])
def test_a_plan_says_how_codes_become_values(per_channel: bool) -> None:
    layer, shape = Dense(7), (2, 5)
    weights = {"kernel": np.eye(5, 7, dtype=np.float32) * np.arange(1, 8, dtype=np.float32), "bias": np.ones(7, "f4")}
    coded = coded_weights(layer, [shape], weights, "uint8", per_channel)
    graph = layer_graph(layer, [shape], coded)
    store = WeightStore(graph)
    plan = make_plan(graph, {"x0": shape}, Limits(), store)
    told = json.loads(plan.to_json())["weights"]
    kernel = told[0]
    assert kernel["codec"] == "uint8" and kernel["storage"]["format"] == "rgba32ui" and kernel["layout"]["lanes"] == 16
    np.testing.assert_array_equal(store.values[kernel["key"]].codes, coded["kernel"].codes[None])
    if not per_channel:
        assert kernel["quant"] == "tensor"
        assert kernel["values"] == [coded["kernel"].scale.flat[0], coded["kernel"].low.flat[0]]
        return
    assert kernel["quant"] == "channel"
    np.testing.assert_array_equal(store.values[told[1]["key"]], np.stack(coded["kernel"].channels()))
    (draw,) = plan.draws
    samplers = plan.programs[draw.program].samplers
    assert [n for (kind, n, _), s in zip(draw.textures, samplers, strict=True) if s == "weights_q_t0"] == [1]


def test_shared_codes_are_stored_once() -> None:
    kernel = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)
    weights = coded_weights(Dense(4, use_bias=False), [(2, 4)], {"kernel": kernel}, "uint4", True)
    nodes = tuple(Node(n, Dense(4, use_bias=False), (x,), (y,), weights) for n, x, y in ("axt", "bty"))
    plan = make_plan(Graph("twice", (TensorSpec("x", (None, 4)),), nodes, ("y",)), {"x": (2, 4)}, Limits())
    kinds = [w.quant for w in plan.weights]
    assert len(plan.draws) == 2 and kinds.count("channel") == 1


@pytest.mark.parametrize(
    ("codec", "fault"),
    [
        (ActivationCodec("uint4"), "codec 'uint4'; known are"),
        (ActivationCodec("uint8"), "positive width"),
        (ActivationCodec("uint8", 1.0, 2.0), "must hold 0"),
        (ActivationCodec("uint8", 0.0, float("inf")), "must be finite"),
    ],
)
def test_a_codec_that_no_tensor_can_have_is_refused(codec: ActivationCodec, fault: str) -> None:
    graph = layer_graph(Dense(3), [(2, 5)], {"kernel": np.zeros((5, 3), "f4"), "bias": np.zeros(3, "f4")})
    with pytest.raises(GraphError, match=fault):
        validate(graph.with_(activations={"y0": codec}))
