"""Repeats on every kind of device: against NumPy, from their JSON alone, and how little a turn more costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support.bodies import apart, body, dense, draw, repeated, run
from support.repeats import ADD, CASES, MULTIPLY, TANH
from support.replayer import Replayer
from support.shares import kept

import glnn
from glnn.errors import LimitError
from glnn.graph import ActivationCodec, Graph, Node, TensorSpec
from glnn.layers.activation import Activation
from glnn.layers.embedding import Embedding
from glnn.plan.steps import Repeat, each_draw
from glnn.primitives.loop import Slices
from glnn.quant import Encoder

DEVICES: dict[str, dict[str, Any]] = {
    "es300": {},
    "gl330": {"dialect": "gl330", "draw_buffers": 4},
    "es100": {"dialect": "es100"},
    "split": {"max_texture_size": 16},
    "split 64": {"max_texture_size": 64},
    "split es100": {"max_texture_size": 16, "dialect": "es100"},
    "split 64 es100": {"max_texture_size": 64, "dialect": "es100"},
    "half": {"float_targets": ["float16"]},
    "phone": {"draw_buffers": 1, "texture_units": 8},
    "bytes": {"float_targets": ["rgba8"]},
    "split bytes es100": {"max_texture_size": 64, "dialect": "es100", "float_targets": ["rgba8"]},
}
TOLERANCE = {"float32": 1e-5, "rgba8": 1e-5, "float16": 5e-2}


@pytest.fixture(params=DEVICES, scope="module")
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**DEVICES[request.param]) as made:
        yield made


PAIRS = [(name, count) for name, case in CASES.items() for count in case.counts]
OFTEN = ("es300", "bytes")  # devices that draw every case with every count on a push; others draw every sixth


def marked(name: str, number: int) -> Any:
    often = name in OFTEN or (number + list(DEVICES).index(name)) % 6 == 0
    return pytest.param(name, *PAIRS[number], marks=[] if often else [pytest.mark.whole])


@pytest.mark.parametrize(
    ("device", "case", "count"),
    kept([marked(name, number) for name in DEVICES for number in range(len(PAIRS))]),
    indirect=["device"],
    scope="module",
)
def test_repeats_agree_with_numpy_and_replay_from_their_json(device: glnn.Device, case: str, count: int) -> None:
    graph, inputs = CASES[case].graph(count), CASES[case].inputs(count)
    graph = apart(graph) if count == 2 else graph
    try:
        made = run(graph, inputs, device, times=2 if count < 1000 else 1)
    except LimitError as error:  # a thousand turns need more textures than can be read at once
        assert count == 1000 and device.limits.dialect == "es100" and device.limits.max_texture_size < 100, error
        return
    assert made.error() < TOLERANCE[device.limits.float_target]
    assert not made.dead.any()
    replayer = Replayer(made.plan.to_json(), made.store.values, device)
    try:
        again = replayer.run(inputs)
    finally:
        replayer.release()
    for name, wanted in made.outputs.items():
        np.testing.assert_array_equal(again[name].view(np.uint32), wanted.view(np.uint32), name)
    assert device.error() == "GL_NO_ERROR"


def test_what_is_read_is_what_the_last_turn_wrote() -> None:
    """llvmpipe did not wait for a draw to a texture that a draw before it, still under way, read (driver-notes.md)."""
    graph, inputs = CASES["finished"].graph(5), CASES["finished"].inputs(5)
    with glnn.Device() as device:
        assert max(run(graph, inputs, device, times=3).error() for _ in range(30)) < 1e-5


def test_turns_make_no_objects_and_no_programs(device: glnn.Device) -> None:
    case = CASES["iterated"]
    few, many = (run(case.graph(count), case.inputs(count), device, times=3).plan for count in (2, 90))
    assert few.slots == many.slots and few.programs.keys() == many.programs.keys()


@pytest.mark.parametrize("case", ["recurrent", "nested", "sequences", "exchanged", "followed"])
def test_the_replayer_sees_a_plan_that_is_wrong(case: str) -> None:
    """A changed number of a repeat changes what comes out: the comparisons above are no empty ones."""

    def counted(plan: dict[str, Any]) -> dict[str, Any]:
        return next(d for d in plan["draws"] if d.get("counts"))["counts"][-1]

    def moved(plan: dict[str, Any]) -> dict[str, Any]:
        return next(d for d in plan["draws"] if "move" in d)["move"]

    def repeat(plan: dict[str, Any]) -> dict[str, Any]:
        return next(step for step in plan["steps"] if not isinstance(step, int))

    changes: list[Callable[[dict], Any]] = [
        lambda plan: repeat(plan)["swaps"].clear(),
        lambda plan: repeat(plan).update(count=5),
        lambda plan: repeat(plan)["steps"].reverse(),
        lambda plan: counted(plan).update(step=0),
        lambda plan: moved(plan).update(first=moved(plan)["first"] + moved(plan)["step"]),
        lambda plan: moved(plan).update(step=0),
        lambda plan: moved(plan).update(rows=0),
    ]
    graph, inputs = apart(CASES[case].graph(6)), CASES[case].inputs(6)
    with glnn.Device() as device:
        made = run(graph, inputs, device)
        for number, change in enumerate(changes):
            data = json.loads(made.plan.to_json())
            if not repeat(data)["swaps"] and not number:  # what is carried lies in a stack
                continue
            change(data)
            try:
                got = Replayer(json.dumps(data), made.store.values, device).run(inputs)
            except IndexError:  # a section that no place is for
                continue
            differ = any((got[name].view("u4") != wanted.view("u4")).any() for name, wanted in made.outputs.items())
            assert differ, f"change {number}"


def chain(*nodes: Node, shapes: dict[str, tuple], outputs: tuple[str, ...], **more: Any) -> Graph:
    specs = tuple(TensorSpec(name, shape) for name, shape in shapes.items())
    return Graph("chain", specs, nodes, outputs, **more)


def test_codecs_of_what_repeats_carry_and_stack(device: glnn.Device) -> None:
    """What a turn hands on may be coded, and what is stacked; a range is for stacks alone."""
    case = CASES["recurrent"]
    (turns,) = case.graph(5).nodes
    ends = (Node("a", TANH, ("end",), ("y",)), Node("b", TANH, ("all",), ("ys",)))
    inputs = case.inputs(5)
    shapes = {name: x.shape for name, x in inputs.items()}
    for codec, allowed in (("float16", 5e-3), ("rgba8", 1e-5), ("uint8", 1e-2)):
        coded = ActivationCodec(codec, -1.0, 1.0) if codec == "uint8" else ActivationCodec(codec)
        graph = chain(turns, *ends, shapes=shapes, outputs=("y", "ys"), activations={"end": coded, "all": coded})
        made = run(graph, inputs, device)
        best = device.limits.float_target
        assert made.error() < max(allowed, 2e-2 if best == "float16" else 0)
        (loop,) = (step for step in made.plan.steps if isinstance(step, Repeat))
        formats = {made.plan.slots[d.target].format for d in each_draw(loop.steps)}
        if codec == "float16" and best == "float32":
            others = {made.plan.slots[d.target].format for d in made.plan.draws if d.label in ("a", "b")}
            assert formats == {"float16"} and others == {"float32"}
    read = (Node("x2", TANH, ("x",), ("t",)), turns.with_(inputs=("h", "t")))
    for coded in (ActivationCodec("uint8", -1.0, 1.0), ActivationCodec("float16"), ActivationCodec("rgba8")):
        made = run(chain(*read, shapes=shapes, outputs=("end", "all"), activations={"t": coded}), inputs, device)
        assert made.error() < {"uint8": 3e-2, "float16": 1e-2, "rgba8": 2e-2}[coded.codec]
    inner = turns.layer.body.with_(activations={"a": ActivationCodec("float16"), "s": ActivationCodec("uint8", -4, 4)})
    coarse = turns.with_(layer=type(turns.layer)(inner, None, 1, turns.layer.sliced, turns.layer.stacked))
    made = run(chain(coarse, shapes=shapes, outputs=("end", "all")), inputs, device)
    assert 1e-5 < made.error() < 0.1


def test_quantized_weights_of_bodies(device: glnn.Device) -> None:
    case = CASES["half reversed"]
    for codec in ("uint8", "uint4", "float16"):
        made = run(Encoder(case.graph(7)).apply({"r": codec}), case.inputs(7), device)
        assert made.error() < (2e-2 if device.limits.float_target == "float16" else 1e-5), codec


def test_whole_numbers_that_are_carried_stay_exact(device: glnn.Device) -> None:
    """Rows 2051, 2053, ... of a table, which half precision cannot tell from their neighbours."""
    nodes = (
        Node("table", Embedding(2100, 4), ("k",), ("e",), {"embeddings": draw(2100, 4)}),
        Node("next", ADD, ("k", "two"), ("k2",)),
    )
    what = body({"k": 2, "two": 2}, nodes, ("k2", "e"))
    turns = repeated("r", what, ("k", "two"), ("end", "rows"), carried=1, count=20, stacked=(Slices(),))
    given = {"k": np.array([[2051.0], [3.0]], np.float32), "two": np.full((2, 1), 2, np.float32)}
    graph = chain(turns, shapes={"k": (2, 1), "two": (2, 1)}, outputs=("end", "rows"))
    try:
        made = run(graph, given, device)
    except LimitError as error:  # the table alone needs more textures than can be read
        assert device.limits.dialect == "es100" and "embeddings" in str(error) or device.limits.max_texture_size < 100
        return
    assert made.error() < (2e-3 if device.limits.float_target == "float16" else 1e-6)
    assert made.outputs["end"].tolist() == [[2091], [43]]


def lstm(units: int, features: int, weights: list[np.ndarray]) -> Graph:
    """A step of Keras' LSTM, its gates i, f, c, o apart."""
    kernel, recurrent, bias = weights
    nodes: list[Node] = []
    for k, gate in enumerate("ifco"):
        part = slice(k * units, (k + 1) * units)
        x, h = dense(f"{gate}x", "x", f"{gate}.x", features, units), dense(f"{gate}h", "h", f"{gate}.h", units, units)
        nodes += [
            x.with_(weights={"kernel": kernel[:, part], "bias": bias[part]}),
            h.with_(weights={"kernel": recurrent[:, part], "bias": np.zeros(units, np.float32)}),
            Node(f"{gate}+", ADD, (f"{gate}.x", f"{gate}.h"), (f"{gate}.s",)),
            Node(f"{gate}!", TANH if gate == "c" else Activation("sigmoid"), (f"{gate}.s",), (gate,)),
        ]
    nodes += [
        Node("keep", MULTIPLY, ("f", "c0"), ("kept",)),
        Node("take", MULTIPLY, ("i", "c"), ("taken",)),
        Node("cell", ADD, ("kept", "taken"), ("c1",)),
        Node("squash", TANH, ("c1",), ("t",)),
        Node("out", MULTIPLY, ("o", "t"), ("h1",)),
    ]
    return body({"h": 2, "c0": 2, "x": 2}, nodes, ("h1", "c1", "h1"))


@pytest.mark.parametrize("backwards", [False, True])
def test_an_lstm_is_keras_lstm(backwards: bool) -> None:
    keras = pytest.importorskip("keras")
    layer = keras.layers.LSTM(10, return_sequences=True, return_state=True, go_backwards=backwards)
    x, zeros = draw(3, 50, 7), np.zeros((3, 10), np.float32)
    expected = [np.asarray(value) for value in layer(x)]
    weights = [np.asarray(w) for w in layer.get_weights()]
    options = {"carried": 2, "sliced": (Slices(1, backwards),), "stacked": (Slices(1),)}
    node = repeated("lstm", lstm(10, 7, weights), ("h", "c", "x"), ("h1", "c1", "hs"), **options)
    shapes = {"h": zeros.shape, "c": zeros.shape, "x": x.shape}
    with glnn.Device() as device:
        made = run(chain(node, shapes=shapes, outputs=("hs", "h1", "c1")), {"h": zeros, "c": zeros, "x": x}, device)
    for got, wanted in zip(made.outputs.values(), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)
