"""Runs of channels and images that are read where they lie: by all kernels, on many devices, drawing nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support.loops import Loop

import glnn
from glnn.graph import ActivationCodec
from glnn.layout.limits import Limits
from glnn.layout.sections import run, section
from glnn.passes import optimize
from glnn.plan import make_plan
from glnn.primitives.move import Remap
from glnn.testing import check_layer, layer_graph

DEVICES: dict[str, dict[str, Any]] = {
    "es300": {},
    "es100": {"dialect": "es100"},
    "split": {"max_texture_size": 16},
    "split es100": {"max_texture_size": 64, "dialect": "es100"},
    "half": {"float_targets": ["float16"]},
    "phone": {"draw_buffers": 1, "texture_units": 8},
    "bytes": {"float_targets": ["rgba8"]},
    "numpy": {},
}


@pytest.fixture(params=DEVICES, scope="module")
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    own = DEVICES[request.param]
    with glnn.Device("numpy") if request.param == "numpy" else glnn.Device(stage="fragment", **own) as made:
        yield made


def part(t: Any, x: Any, start: int = 4, size: int = 8) -> Any:
    return t.slice(x, -1, start, size)


def _turns(t: Any, x: Any, k: Any, m: Any) -> list:
    """Channels of the slice that a turn sees."""
    h = part(t, t.reduce("sum", x, 1), 8, 5)
    return list(t.repeat(lambda h, x: [t.apply("tanh", part(t, x, 8, 5) + h), part(t, x) * 2.0], [h], [x]))


def _handed_on(t: Any, x: Any, k: Any, m: Any) -> list:
    """A turn gives nothing but channels of others, to be carried and stacked."""
    h = part(t, t.reduce("max", x, 1), 0, 4)
    step = lambda h, x: [part(t, x, 8, 4), part(t, t.concat([x, h], -1), 12, 4)]  # noqa: E731
    return list(t.repeat(step, [h], [part(t, x, 0, 12)]))


def _packed(t: Any, x: Any, k: Any, m: Any) -> list:
    """Two carried tensors in one, both of which each turn reads and makes."""

    def step(s: Any, x: Any) -> list:
        h, c = t.slice(s, 0, 0, 1), t.slice(s, 0, 1, 1)
        z = t.apply("tanh", x) * h
        return [t.where(t.apply("less", t.index(s, 0), 0.5), z + c, c - z), s]

    return list(t.repeat(step, [t.slice(x, -1, 0, 8)], [part(t, x)], axis=0))


SAME: dict[str, Any] = {"kernel_size": (3, 3), "strides": (1, 1), "dilation": (1, 1), "padding": "same"}
# Channels of 13 that are read, and how many draws that takes (None: as many as it takes).
WORDS: dict[str, tuple[Callable[..., Any], int | None]] = {
    "handed out": (lambda t, x, k, m: part(t, x), 1),
    "by a map": (lambda t, x, k, m: t.apply("tanh", part(t, x)), 1),
    "by a map, with others": (lambda t, x, k, m: part(t, x) * part(t, x, 0) + t.apply("exp", part(t, x, 12, 1)), 1),
    "up to the last channel": (lambda t, x, k, m: t.apply("tanh", part(t, x, 8, 5)), 1),
    "not in whole groups": (lambda t, x, k, m: part(t, x, 4, 6) + part(t, x, 0, 6), 2),
    "not from a whole group": (lambda t, x, k, m: part(t, x, 3, 4) + part(t, x, 4, 4), 2),
    "a part of a part": (lambda t, x, k, m: t.apply("tanh", part(t, part(t, x), 4, 4)), 1),
    "by a dense layer": (lambda t, x, k, m: t.dense(part(t, x), m), 1),
    "by a convolution": (lambda t, x, k, m: t.conv(part(t, x), k, **SAME), 1),
    "of a convolution": (lambda t, x, k, m: t.apply("exp", part(t, t.dense(part(t, x), m), 0, 4)), 2),
    "beside a dense layer": (lambda t, x, k, m: part(t, x, 12, 1) * t.dense(part(t, x), m), 1),
    "by windows": (lambda t, x, k, m: t.window("max", part(t, x), size=(2, 2), strides=(1, 1)), 1),
    "by sums": (lambda t, x, k, m: t.reduce("mean", part(t, x), -1), 1),
    "by sums of images": (lambda t, x, k, m: t.reduce("mean", part(t, x), (1, 2)), None),
    "by softmax": (lambda t, x, k, m: t.softmax(part(t, x), -1), None),
    "by a product": (lambda t, x, k, m: t.matmul(part(t, x), t.transpose(part(t, x, 0), (0, 1, 3, 2))), None),
    "by a transpose": (lambda t, x, k, m: t.plain(t.transpose(part(t, x), (0, 3, 1, 2))), 1),
    "by a reshape": (lambda t, x, k, m: t.reshape(part(t, x), (-1, 4)), 1),
    "one after the other": (lambda t, x, k, m: t.concat([part(t, x), part(t, x, 0, 4), part(t, x, 8, 5)], -1), 1),
    "images": (lambda t, x, k, m: t.conv(t.slice(part(t, x), 0, 1, 1), k, **SAME), 1),
    "images, by a map": (lambda t, x, k, m: t.slice(x, 0, 1, 1) * t.slice(x, 0, 0, 1), 1),
    "images, by sums": (lambda t, x, k, m: t.reduce("mean", t.slice(x, 0, 1, 1), -1), 1),
    "images, by a product": (
        lambda t, x, k, m: t.matmul(t.slice(x, 0, 1, 1), t.transpose(t.slice(x, 0, 0, 1), (0, 1, 3, 2))),
        None,
    ),
    "images, by windows": (lambda t, x, k, m: t.window("max", t.slice(x, 0, 1, 1), size=(2, 2), strides=(1, 1)), 1),
    "turn by turn": (_turns, None),
    "two in one": (_packed, None),
    "handed on": (_handed_on, None),
}
X = np.random.default_rng(5).normal(size=(2, 5, 6, 13)).astype(np.float32)
WEIGHTS = {
    "k": (np.random.default_rng(6).normal(size=(3, 3, 8, 5)) / 8).astype(np.float32),
    "m": (np.random.default_rng(7).normal(size=(8, 6)) / 3).astype(np.float32),
}


@pytest.mark.parametrize("name", WORDS)
def test_channels_are_read_where_they_lie(device: glnn.Device, name: str) -> None:
    make, draws = WORDS[name]
    run = check_layer(device, Loop(make, {name: w.shape for name, w in WEIGHTS.items()}), [X], WEIGHTS)
    if draws and device.limits.max_texture_size > 64:
        assert len(run.plan.draws) == draws


def test_only_whole_groups_and_whole_images_are_read_where_they_lie() -> None:
    assert run((2, 13), 1, 4, 9) and run((2, 13), 1, 4, 8) and run((2, 13), 1, 0, 13)
    assert run((2, 13), 1, 4, 6) is None and run((2, 13), 1, 3, 4) is None
    assert run((3, 2, 13), 0, 1, 2) is None and run((3, 2, 2, 13), 1, 1, 1) is None
    images = run((3, 2, 2, 2, 2, 13), 0, 1, 2)
    assert images and images.starts == (4, None, None) and images.shape == (2, 2, 2, 2, 2, 13)
    found = section((7, 2, 13), 0)
    assert found is not None
    inner = run(found[0].shape, 1, 8, 5)
    assert inner is not None
    whole, _ = inner.of(found[0])
    assert (whole.group, whole.axes, whole.starts, whole.shape) == (2, found[0].axes, found[0].starts, (2, 5))
    again = run(whole.shape, 1, 4, 1)
    assert again is not None and again.of(whole)[0].group == 3


@pytest.mark.parametrize("codec", ["float16", "uint8"])
def test_a_part_is_stored_as_its_tensor(codec: str) -> None:
    """What is stated for the part asks for nothing: it has no texture; what is stated for the whole holds for it."""

    def make(t: Any, x: Any) -> list:
        y = t.softmax(x, -1)
        return [t.reduce("sum", part(t, y), -1), t.reduce("max", y, -1)]

    def planned(stated: ActivationCodec, of_part: bool) -> set[str]:
        graph = optimize(layer_graph(Loop(make, {}), [X.shape], {}))
        (remap,) = [node for node in graph.nodes if isinstance(node.layer, Remap)]
        name = remap.outputs[0] if of_part else remap.inputs[0]
        plan = make_plan(graph.with_(activations={name: stated}), {"x0": X.shape}, Limits())
        return {slot.format for slot in plan.slots}

    stated = ActivationCodec(codec, *(0, 1) * (codec == "uint8"))
    assert planned(stated, True) == planned(ActivationCodec("float32"), False) < planned(stated, False)
