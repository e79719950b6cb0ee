"""Graphs that repeat a body, of every kind that a plan tells apart; their runs on a device, and in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from support.bodies import body, dense, draw, repeated

from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import Activation, Softmax
from glnn.layers.conv import Conv2D
from glnn.layers.merging import Add, Concatenate, Multiply
from glnn.layers.normalization import LayerNormalization
from glnn.primitives.loop import Slices
from glnn.primitives.matmul import Matmul

Dims = tuple[int | None, ...]
ADD, MULTIPLY, TANH = Add(), Multiply(), Activation("tanh")


@dataclass(frozen=True)
class Case:
    """A graph's nodes by the number of turns, and its outputs; `shapes` of its inputs by name, T: as many as turns."""

    make: Callable[[int], Node | Sequence[Node]]
    shapes: Mapping[str, tuple[int | str, ...]]
    counts: tuple[int, ...] = (1, 2, 7)
    outputs: tuple[str, ...] = ()  # those of a single node, where none are named

    def shape(self, name: str, count: int) -> tuple[int, ...]:
        return tuple(count if size == "T" else int(size) for size in self.shapes[name])

    def graph(self, count: int) -> Graph:
        made = self.make(count)
        nodes = (made,) if isinstance(made, Node) else tuple(made)
        specs = tuple(TensorSpec(name, (None,) * len(shape)) for name, shape in self.shapes.items())
        return Graph("repeats", specs, nodes, self.outputs or nodes[0].outputs)

    def inputs(self, count: int) -> dict[str, np.ndarray]:
        return {name: draw(*self.shape(name, count), seed=k) for k, name in enumerate(self.shapes)}


def rnn(units: int = 6) -> Graph:
    nodes = (
        dense("w", "h", "a", units, units),
        Node("add", ADD, ("a", "x"), ("s",)),
        Node("tanh", TANH, ("s",), ("h2",)),
    )
    return body({"h": 2, "x": 2}, nodes, ("h2", "h2"))


def _recurrent(axis: int = 0, back: bool = False, out: int = 0, out_back: bool = False) -> Callable[[int], Node]:
    along, stacked = (Slices(axis, back),), (Slices(out, out_back),)
    return lambda _: repeated("r", rnn(), ("h", "x"), ("end", "all"), carried=1, sliced=along, stacked=stacked)


def _followed(axis: int = 0, back: bool = False, out: bool = False) -> Callable[[int], Node]:
    """What is carried is stacked as well, by a draw that does not read what it replaces: two draws a turn."""
    nodes = (
        dense("w", "h", "a", 6, 6),
        Node("add", ADD, ("a", "c"), ("s",)),
        Node("more", TANH, ("s",), ("c2",)),
        Node("tanh", TANH, ("a",), ("t",)),
        Node("times", MULTIPLY, ("t", "x"), ("h2",)),
    )
    what, sliced = body({"h": 2, "c": 2, "x": 2}, nodes, ("h2", "c2", "h2")), (Slices(axis, back),)
    stacked = (Slices(0, out),)
    reads, makes = ("h", "c", "x"), ("end", "sum", "all")
    return lambda _: repeated("r", what, reads, makes, carried=2, sliced=sliced, stacked=stacked)


def _iterated(count: int) -> Node:
    nodes = (dense("w", "h", "a", 5, 5), Node("tanh", TANH, ("a",), ("h2",)))
    return repeated("r", body({"h": 2}, nodes, ("h2",)), ("h",), ("end",), carried=1, count=count)


def _mapped(_: int) -> Node:
    """No tensor is carried; what is stacked is read in the body as well."""
    nodes = (
        dense("w", "x", "a", 6, 9),
        Node("tanh", TANH, ("a",), ("b",)),
        Node("times", MULTIPLY, ("a", "b"), ("c",)),
    )
    stacked = (Slices(), Slices(reverse=True), Slices())
    return repeated(
        "r", body({"x": 2}, nodes, ("a", "b", "c")), ("x",), ("p", "q", "r"), sliced=(Slices(),), stacked=stacked
    )


def _exchanged(_: int) -> Node:
    """Two carried tensors of one shape that change places, and one that stays; a constant that is stacked."""
    nodes = (Node("add", ADD, ("a", "x"), ("s",)), Node("tanh", TANH, ("s",), ("t",)))
    what = body({"a": 2, "b": 2, "same": 2, "x": 2, "c": 2}, nodes, ("b", "t", "same", "c", "x", "a"))
    stacked = (Slices(), Slices(), Slices())
    reads, makes = ("a", "b", "same", "x", "c"), ("a2", "b2", "same2", "cs", "xs", "as")
    return repeated("r", what, reads, makes, carried=3, sliced=(Slices(),), stacked=stacked)


def _constant(_: int) -> Node:
    """Something that is the same in all turns, and two carried tensors of different shapes."""
    nodes = (
        dense("w", "h", "a", 6, 4),
        Node("add", ADD, ("a", "c"), ("s",)),
        Node("tanh", TANH, ("s",), ("t",)),
        Node("keep", ADD, ("sum", "t"), ("sum2",)),
        dense("v", "t", "b", 4, 6, 7),
        Node("more", TANH, ("b",), ("h2",)),
    )
    what = body({"h": 2, "sum": 2, "c": 2}, nodes, ("h2", "sum2", "t"))
    return repeated("r", what, ("h", "sum", "c"), ("h3", "sum3", "ts"), count=_, carried=2, stacked=(Slices(1),))


def _images(_: int) -> Node:
    kernel = {"kernel": draw(3, 3, 5, 3) / 6, "bias": draw(3)}
    nodes = (
        Node("join", Concatenate(), ("h", "x"), ("j",)),
        Node("conv", Conv2D(3, (3, 3), padding="same", activation="tanh"), ("j",), ("h2",), kernel),
        Node("times", MULTIPLY, ("h2", "h"), ("y",)),
    )
    what = body({"h": 4, "x": 4}, nodes, ("h2", "y"))
    return repeated(
        "r", what, ("h", "x"), ("end", "ys"), carried=1, sliced=(Slices(0, True),), stacked=(Slices(0, True),)
    )


def _sequences(_: int) -> Node:
    """Turns over (T, N, L, C): a stack of sequences."""
    nodes = (dense("w", "x", "a", 3, 5), Node("tanh", TANH, ("a",), ("y",)), Node("add", ADD, ("h", "y"), ("h2",)))
    what = body({"h": 3, "x": 3}, nodes, ("h2", "y"))
    return repeated("r", what, ("h", "x"), ("end", "ys"), carried=1, sliced=(Slices(),), stacked=(Slices(),))


def _vectors(_: int) -> Node:
    nodes = (Node("add", ADD, ("h", "x"), ("s",)), Node("tanh", TANH, ("s",), ("h2",)))
    what = body({"h": 1, "x": 1}, nodes, ("h2", "s"))
    return repeated("r", what, ("h", "x"), ("end", "ss"), carried=1, sliced=(Slices(),), stacked=(Slices(),))


def _numbers(_: int) -> Node:
    nodes = (Node("add", ADD, ("h", "x"), ("s",)), Node("tanh", TANH, ("s",), ("h2",)))
    what = body({"h": 0, "x": 0}, nodes, ("h2", "s"))
    return repeated("r", what, ("h", "x"), ("end", "ss"), carried=1, sliced=(Slices(),), stacked=(Slices(),))


def _channels(_: int) -> Node:
    """Slices along the last axis, which have to be moved to the front."""
    nodes = (Node("add", ADD, ("h", "x"), ("s",)), Node("tanh", TANH, ("s",), ("h2",)))
    what = body({"h": 2, "x": 2}, nodes, ("h2", "s"))
    return repeated("r", what, ("h", "x"), ("end", "ss"), carried=1, sliced=(Slices(-1),), stacked=(Slices(2, True),))


def _nested(_: int) -> Node:
    """Turns of turns: the inner ones over slices of a slice, in reverse; what they carry and stack goes on."""
    inner = repeated("in", rnn(), ("g", "x"), ("g2", "ys"), carried=1, sliced=(Slices(0, True),), stacked=(Slices(),))
    nodes = (
        Node("add", ADD, ("h", "c"), ("g",)),
        inner,
        Node("tanh", TANH, ("g2",), ("t",)),
        Node("more", TANH, ("ys",), ("zs",)),
    )
    what = body({"h": 2, "x": 3, "c": 2}, nodes, ("g2", "ys", "t", "zs"))
    stacked = (Slices(), Slices(0, True), Slices())
    return repeated(
        "r", what, ("h", "x", "c"), ("end", "yss", "ts", "zss"), carried=1, sliced=(Slices(),), stacked=stacked
    )


def _counted(_: int) -> Node:
    """Turns within a fixed number of turns, nothing sliced."""
    inner = _iterated(3)
    nodes = (inner.with_(inputs=("h",), outputs=("g",)), Node("add", ADD, ("h", "g"), ("h2",)))
    return repeated(
        "r", body({"h": 2}, nodes, ("h2", "g")), ("h",), ("end", "gs"), carried=1, count=_, stacked=(Slices(),)
    )


def _nested_images(_: int) -> Node:
    """Slices of slices where leading axes are folded: of a tensor of six."""
    nodes = (Node("add", ADD, ("g", "y"), ("s",)), Node("tanh", TANH, ("s",), ("g2",)))
    inner = body({"g": 4, "y": 4}, nodes, ("g2", "s"))
    options = {"carried": 1, "sliced": (Slices(0, True),), "stacked": (Slices(),)}
    node = repeated("in", inner, ("h", "x"), ("h2", "ys"), **options)
    options = {"carried": 1, "sliced": (Slices(0, True),), "stacked": (Slices(0, True),)}
    return repeated("r", body({"h": 4, "x": 5}, (node,), ("h2", "ys")), ("h", "x"), ("end", "yss"), **options)


def _large(_: int) -> Node:
    """A turn alone outgrows small textures, and in rows that do not divide evenly."""
    nodes = (Node("add", ADD, ("h", "x"), ("s",)), Node("tanh", TANH, ("s",), ("h2",)))
    what = body({"h": 4, "x": 4}, nodes, ("h2", "s"))
    return repeated("r", what, ("h", "x"), ("end", "ss"), carried=1, sliced=(Slices(),), stacked=(Slices(),))


def _among_others(_: int) -> list[Node]:
    """What the turns read is made before them, and slots of several sizes are free: no value may lose its own."""
    first = (
        dense("b1", "x", "x3", 6, 6, 11),
        Node("b2", TANH, ("h",), ("h2",)),
        dense("b3", "h", "w1", 6, 30, 12),
        dense("b4", "h", "w2", 6, 60, 13),
        dense("b5", "w1", "v1", 30, 6, 14),
        dense("b6", "w2", "v2", 60, 6, 15),
        Node("b7", ADD, ("v1", "v2"), ("c",)),
    )
    nodes = (
        Node("m1", ADD, ("x", "c"), ("m",)),
        Node("m2", ADD, ("h", "m"), ("n",)),
        Node("m3", TANH, ("n",), ("s",)),
        dense("w", "s", "a", 6, 6),
        Node("m4", TANH, ("a",), ("t",)),
        dense("wide", "t", "o", 6, 30, 16),
        dense("back", "o", "p", 30, 6, 17),
        Node("tanh", TANH, ("p",), ("h2",)),
    )
    what = body({"h": 2, "x": 2, "c": 2}, nodes, ("h2", "s"))
    turns = repeated("r", what, ("h2", "x3", "c"), ("e", "ss"), carried=1, sliced=(Slices(),), stacked=(Slices(),))
    last = (
        dense("a1", "ss", "s1", 6, 30, 18),
        dense("a2", "s1", "s2", 30, 6, 19),
        dense("a3", "e", "e1", 6, 20, 20),
        Node("a4", ADD, ("e1", "e1"), ("e2",)),
    )
    return [*first, turns, *last]


def _early(_: int) -> Node:
    """A carried tensor is made anew before turns within the turn that carry one like it."""
    inner = (dense("v", "g", "u", 6, 6, 21), Node("u2", TANH, ("u",), ("g2",)))
    turns = repeated("in", body({"g": 2}, inner, ("g2",)), ("h2",), ("z",), carried=1, count=2)
    nodes = (Node("now", ADD, ("h", "x"), ("a",)), Node("new", TANH, ("a",), ("h2",)), turns)
    what = body({"h": 2, "x": 2}, nodes, ("h2", "z"))
    return repeated("r", what, ("h", "x"), ("end", "zs"), carried=1, sliced=(Slices(),), stacked=(Slices(),))


def _forgetful(_: int) -> Node:
    """Carried tensors that no turn reads, but one as the other's successor."""
    nodes = (Node("new", TANH, ("x",), ("h2",)), Node("add", ADD, ("g", "x"), ("g2",)))
    what = body({"h": 2, "i": 2, "g": 2, "x": 2}, nodes, ("h2", "h", "g2"))
    return repeated("r", what, ("h", "i", "g", "x"), ("h3", "i3", "g3"), carried=3, sliced=(Slices(),))


def _unread(_: int) -> Node:
    nodes = (Node("new", TANH, ("x",), ("h2",)), Node("add", ADD, ("g", "x"), ("g2",)))
    what = body({"h": 2, "g": 2, "x": 2}, nodes, ("h2", "g2"))
    return repeated("r", what, ("h", "g", "x"), ("h3", "g3"), carried=2, sliced=(Slices(),))


def _finished(_: int) -> Node:
    """Draws of blocks whose finish reads what is carried and sliced by taps, one of them into a stack."""
    kernel = {"kernel": draw(3, 3, 2, 3) / 6, "bias": draw(3)}
    nodes = (
        Node("conv", Conv2D(3, (3, 3), padding="same"), ("x",), ("a",), kernel),
        Node("add", ADD, ("a", "h"), ("b",)),
        Node("times", MULTIPLY, ("b", "z"), ("c",)),
        Node("tanh", TANH, ("c",), ("h2",)),
        Node("conv2", Conv2D(3, (3, 3), padding="same"), ("x",), ("d",), {**kernel, "bias": draw(3, seed=9)}),
        Node("add2", ADD, ("d", "h"), ("e",)),
        Node("add3", ADD, ("e", "row"), ("y",)),
    )
    what = body({"h": 4, "x": 4, "z": 4, "row": 4}, nodes, ("h2", "y"))
    reads = ("h", "x", "z", "row")
    options = {"sliced": (Slices(), Slices(0, True), Slices(1)), "stacked": (Slices(),)}
    return repeated("r", what, reads, ("end", "ys"), carried=1, **options)


def _matrices(_: int) -> Node:
    """Products of what is sliced and carried, which lie in rows."""
    nodes = (
        Node("product", Matmul(), ("m", "h"), ("a",)),
        Node("tanh", TANH, ("a",), ("h2",)),
        Node("again", Matmul(transpose_b=True), ("x", "h2"), ("b",)),
        Node("add", ADD, ("b", "c"), ("y",)),
    )
    what = body({"h": 3, "m": 3, "x": 3, "c": 3}, nodes, ("h2", "y"))
    return repeated(
        "r", what, ("h", "m", "x", "c"), ("end", "ys"), carried=1, sliced=(Slices(), Slices(1)), stacked=(Slices(),)
    )


def _virtual(_: int) -> Node:
    """Inputs that no texture holds, of sections and of what is carried: sums, and tensors one after the other."""
    norm = {"gamma": draw(6, seed=3), "beta": draw(6, seed=4)}
    nodes = (
        Node("add", ADD, ("h", "x"), ("a",)),
        Node("norm", LayerNormalization(), ("a",), ("b",), norm),
        Node("tanh", TANH, ("b",), ("h2",)),
        Node("join", Concatenate(), ("x", "h", "c"), ("j",)),
        Node("soft", Softmax(), ("j",), ("y",)),
    )
    what = body({"h": (None, 6), "x": (None, 6), "c": (None, 2)}, nodes, ("h2", "y"))
    return repeated("r", what, ("h", "x", "c"), ("end", "ys"), carried=1, sliced=(Slices(),), stacked=(Slices(),))


CASES = {
    "recurrent": Case(_recurrent(), {"h": (3, 6), "x": ("T", 3, 6)}, (1, 2, 7, 1000)),
    "reversed": Case(_recurrent(back=True, out_back=True), {"h": (1, 6), "x": ("T", 1, 6)}),
    "half reversed": Case(_recurrent(back=True), {"h": (3, 6), "x": ("T", 3, 6)}),
    "batch first": Case(_recurrent(axis=1, out=1), {"h": (3, 6), "x": (3, "T", 6)}),
    "followed": Case(_followed(), {"h": (3, 6), "c": (3, 6), "x": ("T", 3, 6)}, (1, 2, 7, 1000)),
    "followed back": Case(_followed(1, True, True), {"h": (2, 6), "c": (2, 6), "x": (2, "T", 6)}),
    "iterated": Case(_iterated, {"h": (2, 5)}, (0, 1, 2, 7, 1000)),
    "mapped": Case(_mapped, {"x": ("T", 5, 6)}),
    "exchanged": Case(_exchanged, {"a": (2, 9), "b": (2, 9), "same": (1, 3), "x": ("T", 2, 9), "c": (1, 2)}),
    "constant": Case(_constant, {"h": (2, 6), "sum": (2, 4), "c": (1, 4)}),
    "images": Case(_images, {"h": (2, 7, 9, 3), "x": ("T", 2, 7, 9, 2)}),
    "finished": Case(
        _finished, {"h": (2, 7, 9, 3), "x": ("T", 2, 7, 9, 2), "z": ("T", 2, 7, 9, 3), "row": (2, "T", 1, 9, 3)}
    ),
    "matrices": Case(_matrices, {"h": (4, 3, 4), "m": ("T", 4, 3, 3), "x": (4, "T", 3, 4), "c": (4, 3, 3)}),
    "virtual": Case(_virtual, {"h": (3, 6), "x": ("T", 3, 6), "c": (3, 2)}),
    "sequences": Case(_sequences, {"h": (2, 3, 5), "x": ("T", 2, 3, 3)}),
    "vectors": Case(_vectors, {"h": (7,), "x": ("T", 7)}),
    "numbers": Case(_numbers, {"h": (), "x": ("T",)}),
    "channels": Case(_channels, {"h": (2, 3), "x": (2, 3, "T")}),
    "nested": Case(_nested, {"h": (3, 6), "x": ("T", 4, 3, 6), "c": (3, 6)}),
    "nested images": Case(_nested_images, {"h": (2, 3, 5, 2), "x": ("T", 3, 2, 3, 5, 2)}, (1, 2, 4)),
    "large": Case(_large, {"h": (2, 20, 20, 3), "x": ("T", 2, 20, 20, 3)}, (1, 2, 3)),
    "among others": Case(
        _among_others, {"h": (3, 6), "x": ("T", 3, 6)}, (1, 2, 7), ("e1", "s2", "e2")
    ),
    "early": Case(_early, {"h": (3, 6), "x": ("T", 3, 6)}),
    "forgetful": Case(_forgetful, {"h": (3, 6), "i": (3, 6), "g": (3, 6), "x": ("T", 3, 6)}),
    "unread": Case(_unread, {"h": (3, 6), "g": (3, 6), "x": ("T", 3, 6)}),
    "counted": Case(_counted, {"h": (2, 5)}, (1, 2, 7)),
}  # fmt: skip
