"""A sound network of many kinds of layers, and deliberate faults that are put into single layers of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glnn import passes
from glnn.graph.graph import ActivationCodec, Graph, Node, TensorSpec, validate
from glnn.layers.activation import Activation, PReLU, Softmax
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D
from glnn.layers.core import Dense, Permute, Reshape
from glnn.layers.merging import Add, Average, Concatenate, Multiply, Subtract
from glnn.layers.multi_head_attention import MultiHeadAttention
from glnn.layers.normalization import BatchNormalization, GroupNormalization, LayerNormalization
from glnn.layers.pooling import AveragePooling2D, MaxPooling2D
from glnn.layers.recurrent import GRU, LSTM
from glnn.layers.resizing import UpSampling2D
from glnn.passes import optimize
from glnn.plan.plan import Plan, make_plan
from glnn.plan.steps import Draw
from glnn.primitives.functions import FUNCTIONS
from glnn.run import session

SHAPE = (12, 10, 3)


def network() -> Graph:
    """Convolutions, norms, pooling, merging, attention, recurrence: (N, 12, 10, 3) -> (N, 5), with seeded weights."""
    rng = np.random.default_rng(7)
    shapes: dict[str, Any] = {"image": (None, *SHAPE)}
    nodes: list[Node] = []

    def add(name: str, layer: Layer, *reads: str) -> None:
        reads = reads or (nodes[-1].outputs[0] if nodes else "image",)
        weights = {}
        for spec in layer.weight_specs(*(shapes[read] for read in reads)):
            values = rng.normal(0, 0.4, spec.shape).astype(np.float32)
            weights[spec.name] = np.abs(values) + np.float32(0.01) if "variance" in spec.name else values
        if name == "bytes":  # more than float16 holds
            weights = {key: w * np.float32(1e6) for key, w in weights.items()}
        if name == "digit":
            weights["kernel"] *= np.float32(1e-6)
        nodes.append(Node(name, layer, reads, (name,), weights))
        shapes[name] = layer.output_shape(*(shapes[read] for read in reads))

    add("conv", Conv2D(6, (3, 4), padding="same"))
    add("bn", BatchNormalization())
    add("relu", Activation("relu"))
    add("depthwise", DepthwiseConv2D((3, 3), padding="same"))
    add("prelu", PReLU(shared_axes=(1, 2)))
    add("max_pool", MaxPooling2D((2, 2), padding="same"))
    add("transposed", Conv2DTranspose(5, (3, 3), padding="same"))
    add("strided", Conv2D(6, (3, 3), strides=(2, 2), padding="same"), "relu")
    add("group_norm", GroupNormalization(2))
    add("large", Conv2D(5, (3, 3), padding="same"))
    add("average", AveragePooling2D((3, 2), strides=(1, 1), padding="same"))
    add("joined", Concatenate(), "transposed", "average")
    add("pointwise", Conv2D(7, (1, 1)))
    add("up", UpSampling2D((2, 2)))
    add("narrow", Conv2D(5, (5, 5), strides=(2, 2)))
    add("sequence", Reshape((-1, 5)))
    add("layer_norm", LayerNormalization())
    add("attention", MultiHeadAttention(2, 3, given=("query", "value")), "layer_norm", "layer_norm")
    add("residual", Add(), "attention", "layer_norm")
    add("lstm", LSTM(6, return_sequences=True))
    add("gru", GRU(5, return_sequences=True))
    add("turned", Permute((2, 1)))
    add("hidden", Dense(6, "tanh"))
    add("gate", Dense(6, "sigmoid"))
    add("gated", Multiply(), "hidden", "gate")
    add("bytes", Dense(5))
    add("last", Reshape((25,)))
    add("digit", Dense(5))
    add("softmax", Softmax())
    return validate(Graph("sound", (TensorSpec("image", shapes["image"]),), tuple(nodes), ("softmax",)))


# ---- faults


@dataclass(frozen=True)
class Fault:
    """What is wrong with one layer, while its reference stays right.

    node: changes the layer or its weights before they are drawn; graph: the graph in primitives; draw: a draw of it;
    text: its shader
    """

    name: str
    layer: str
    node: Callable[[Node], Node] | None = None
    graph: Callable[[Graph], Graph] | None = None
    draw: Callable[[Plan, Draw], Draw] | None = None
    text: tuple[str, str] | None = None


def weights(change: Callable[[str, np.ndarray], np.ndarray]) -> Callable[[Node], Node]:
    """A node with changed weights."""
    return lambda node: node.with_(weights={name: change(name, np.array(w)) for name, w in node.weights.items()})


def option(**options: Any) -> Callable[[Node], Node]:
    """A node with other options."""
    return lambda node: node.with_(layer=replace(node.layer, **options))  # type: ignore[type-var]


def swapped_gates(first: int, second: int, units: int) -> Callable[[Node], Node]:
    """A recurrent layer that takes two of its gates for each other."""

    def change(name: str, w: np.ndarray) -> np.ndarray:
        gates = np.split(w, w.shape[-1] // units, axis=-1)
        gates[first], gates[second] = gates[second], gates[first]
        return np.concatenate(gates, axis=-1)

    return weights(change)


def only(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Node], Node]:
    """A node with one weight changed."""
    return weights(lambda each, w: np.ascontiguousarray(change(w)) if each == name else w)


def wrong_side(graph: Graph) -> Graph:
    """Where an even kernel pads one more on the right, it is on the left."""
    nodes = (
        n.with_(layer=replace(n.layer, padding=((1, 1), (2, 1)))) if n.label == "conv" else n  # type: ignore[type-var]
        for n in graph.nodes
    )
    return graph.with_(nodes=tuple(nodes))


def half(graph: Graph) -> Graph:
    """The output of `bytes` in float16."""
    made = {name for node in graph.nodes if node.label == "bytes" for name in node.outputs} - {*graph.outputs}
    return graph.with_(activations={**graph.activations, **{name: ActivationCodec("float16") for name in made}})


def stale(plan: Plan, draw: Draw) -> Draw:
    """A draw that reads what another layer left, in the place of its last input."""
    others = [d for d in plan.draws if d.label == "strided"]
    if not others:
        return draw
    return replace(draw, textures=(*draw.textures[:-1], ("slot", others[0].target, 0)))


def shifted(name: str, by: int) -> Callable[[Plan, Draw], Draw]:
    """A draw with another value of an integer."""

    def change(plan: Plan, draw: Draw) -> Draw:
        names = plan.programs[draw.program].names
        ints = [value + by * (k < len(names) and names[k] == name) for k, value in enumerate(draw.ints)]
        return replace(draw, ints=tuple(ints))

    return change


FAULTS = (
    Fault("wrong padding side", "conv", graph=wrong_side),
    Fault("wrong epsilon", "bn", node=option(epsilon=0.1)),
    Fault("another activation", "relu", node=option(activation=FUNCTIONS["elu"])),
    Fault("channel order", "depthwise", node=only("depthwise_kernel", lambda w: w[:, :, ::-1])),
    Fault("lost weights", "prelu", node=only("alpha", np.zeros_like)),
    Fault(
        "another operation", "max_pool", node=lambda node: node.with_(layer=AveragePooling2D((2, 2), padding="same"))
    ),
    Fault("dead lanes", "transposed", text=("c + 3 < y_C ? y_0.w : 0.0", "c + 3 < y_C ? y_0.w : 1.0")),
    Fault("wrong stride", "strided", text=("block_x * 2", "block_x * 1")),
    Fault("wrong groups", "group_norm", node=option(groups=3)),
    Fault("transposed kernel", "large", node=only("kernel", lambda w: w.transpose(1, 0, 2, 3))),
    Fault("window off by one", "average", node=option(pool_size=(2, 2))),
    Fault("stale texture", "joined", draw=stale),
    Fault("eight bits", "pointwise", node=only("kernel", lambda w: np.rint(w * 64).astype(np.float32) / 64)),
    Fault("size off by one", "up", draw=shifted("SW", 1)),
    Fault("flipped kernel", "narrow", node=only("kernel", lambda w: w[::-1, ::-1])),
    Fault("wrong epsilon of variance", "layer_norm", node=option(epsilon=1e-4)),
    Fault("missing scale", "attention", node=only("query/kernel", lambda w: w * np.float32(3**0.5))),
    Fault("wrong sign", "residual", node=lambda node: node.with_(layer=Subtract())),
    Fault("swapped gates", "lstm", node=swapped_gates(0, 1, 6)),
    Fault("swapped gates of a GRU", "gru", node=swapped_gates(0, 1, 5)),
    Fault("missing bias", "hidden", node=only("bias", np.zeros_like)),
    Fault("cheap sigmoid", "gate", node=option(activation=FUNCTIONS["hard_sigmoid"])),
    Fault("sum for product", "gated", node=lambda node: node.with_(layer=Average())),
    Fault("float16 overflow", "bytes", graph=half),
    Fault("last term of a sum", "digit", node=only("kernel", lambda w: np.r_[w[:-1], 0 * w[-1:]])),
    Fault("channel order in the shader", "softmax", text=("out_0 = y_encode(y_0);", "out_0 = y_encode(y_0.zyxw);")),
)


def plant(monkeypatch: Any, *faults: Fault) -> None:
    """Has all models that are made from now on draw with these faults, whole networks and layers alone."""

    def optimized(graph: Graph) -> Graph:
        for fault in faults:
            if fault.node:
                change = fault.node
                graph = graph.with_(nodes=tuple(change(n) if n.label == fault.layer else n for n in graph.nodes))
        graph = optimize(graph)
        for fault in faults:
            graph = fault.graph(graph) if fault.graph else graph
        return graph

    def planned(*args: Any, **options: Any) -> Plan:
        plan = make_plan(*args, **options)
        for fault in faults:
            plan = _spoiled(plan, fault)
        return plan

    monkeypatch.setattr(passes, "optimize", optimized)
    monkeypatch.setattr(session, "make_plan", planned)


def _spoiled(plan: Plan, fault: Fault) -> Plan:
    programs = dict(plan.programs)

    def changed(step: Any) -> Any:
        if not isinstance(step, Draw) or step.label != fault.layer:
            return step
        if fault.draw:
            return fault.draw(plan, step)
        if fault.text:
            text = programs[step.program]
            text = replace(text, fragment=text.fragment.replace(*fault.text))
            programs[text.key] = text
            return replace(step, program=text.key)
        return step

    return replace(plan, steps=tuple(map(changed, plan.steps)), programs=programs)
