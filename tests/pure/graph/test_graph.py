"""What a graph and its parts look like to who prints them: names, options and shapes, never the weights' values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.quantized import Quantized
from glnn.kernels.assemble import Bound, Call, assemble
from glnn.kernels.finish import Finish, Spread
from glnn.layers.activation import Activation, LeakyReLU, ReLU
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense
from glnn.layout import Limits, choose_layout
from glnn.layout.cells import choose_cells
from glnn.plan import make_plan
from glnn.primitives.functions import FUNCTIONS

DENSE = {"kernel": np.zeros((4, 3), np.float32), "bias": np.zeros(3, np.float32)}


def graph() -> Graph:
    specs = (TensorSpec("x", (None, 4)),)
    return Graph("net", specs, (Node("d", Dense(3), ("x",), ("y",), DENSE, "head/d"),), ("y",), ("scores",))


def test_a_layer_shows_what_is_not_default() -> None:
    assert repr(Dense(10, "softmax")) == "Dense(units=10, activation='softmax')"
    assert repr(Dense(3, use_bias=False)) == "Dense(units=3, use_bias=False)"
    assert repr(Conv2D(6, (3, 3))) == "Conv2D(filters=6, kernel_size=(3, 3))"
    assert repr(ReLU()) == "ReLU()" and repr(LeakyReLU(0.1)) == "LeakyReLU(negative_slope=0.1)"
    changed = FUNCTIONS["elu"].with_(alpha=0.5)
    assert repr(Activation(changed)) == "Activation(activation=Function('elu', alpha=0.5))"


def test_a_layer_of_another_package_does_too() -> None:
    @dataclass(frozen=True)
    class Wave(Layer):
        height: float = 1.0
        sizes: tuple[int, ...] = ()

    assert repr(Wave()) == "Wave()" and repr(Wave(2.0, (1,))) == "Wave(height=2.0, sizes=(1,))"
    assert repr(Wave(1)) == "Wave(height=1)"  # equal to the default, and not the same

    @dataclass(frozen=True)
    class Own(Wave):
        def __repr__(self) -> str:
            return "my own"

    assert repr(Own()) == "my own"


def test_a_node_and_a_graph() -> None:
    (node,) = graph().nodes
    weights = "kernel float32 (4, 3), bias float32 (3,)"
    assert repr(node) == f"<Node 'd' ('head/d'): Dense(units=3), x -> y; {weights}>"
    coded = Quantized.make("uint8", np.zeros((4, 3)), 1, 0)
    assert repr(node.with_(weights={"kernel": coded}, label="d")) == (
        "<Node 'd': Dense(units=3), x -> y; kernel uint8 (4, 3)>"
    )
    assert repr(Node("r", ReLU(), ("a",), ("b",))) == "<Node 'r': ReLU(), a -> b>"
    assert repr(graph()) == "<Graph 'net': 1 nodes, x (?, 4) -> scores>"
    assert repr(TensorSpec("x", (None, 4))) == "TensorSpec('x', (None, 4))"
    assert repr(TensorSpec("x", (2, 4), "int32")) == "TensorSpec('x', (2, 4), 'int32')"
    assert eval(repr(TensorSpec("x", (2, 4), "int32"))) == TensorSpec("x", (2, 4), "int32")


def test_layouts_and_plans() -> None:
    limits = Limits()
    blocked = choose_layout((2, 8, 9, 5), limits)
    sizes = "tiles: 4 of 4 x 3, textures: 1 x 6 x 5 x 12 texels"
    assert repr(blocked) == f"<Layout of (2, 8, 9, 5): blocks of 2 x 3, {sizes}>"
    flat = choose_layout((90000, 1), limits)
    assert repr(flat).startswith("<Layout of (90000, 1): flat, tiles: 90000 of 1 x 1, textures: 1 x 1 x ")
    cells = choose_cells((9, 5, 8), limits)
    assert repr(cells) == "<CellLayout: 2 x 2 cells x 9 taps x 4 texels, parts: 1 x 3 x 72 texels>"
    plan = make_plan(graph(), {"x": (1, 4)}, limits)
    assert repr(plan).startswith("<Plan x (1, 4) -> scores (1, 3): 1 draws, 1 programs in es300, ")
    same = Finish("return t0;", tensors=(Spread("finish_1"),))
    text = assemble(Call("map", blocked, (("finish_1", Bound(blocked)),), finish=same))
    assert repr(text).startswith("<ShaderText of kernel 'map' in es300: ") and len(repr(text)) < 90
