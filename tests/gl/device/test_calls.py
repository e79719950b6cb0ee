"""Draws that are noted once and made again: the same bits as one by one, whatever happens in between."""

from __future__ import annotations

import ctypes
from collections import Counter
from typing import Any

import numpy as np
import pytest
from support.small_net import X, model, off

import glnn
from glnn import tensor
from glnn.device import calls
from glnn.errors import ClosedError
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.recurrent import LSTM
from glnn.layout.codec import activation_storage

STEPS = 7
FLOATS = activation_storage("float32")
VERTEX = "#version 300 es\nin vec2 p;\nvoid main() { gl_Position = vec4(p, 0.0, 1.0); }\n"
COPY = """#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D X;
out vec4 y;
void main() { y = texelFetch(X, ivec2(gl_FragCoord.xy), 0); }
"""


@pytest.fixture(params=["fragment", "compute"])
def device(request: pytest.FixtureRequest):
    with glnn.Device(stage=request.param) as made:
        yield made
        assert made.error() == "GL_NO_ERROR"


def lstm(device: glnn.Device) -> glnn.Model:
    rng, layer = np.random.default_rng(0), LSTM(6, return_sequences=True)
    weights = {s.name: rng.normal(size=s.shape).astype(np.float32) for s in layer.weight_specs((1, STEPS, 5))}
    specs = (TensorSpec("x", (None, STEPS, 5)),)
    return glnn.Model(Graph("lstm", specs, (Node("lstm", layer, ("x",), ("y",), weights),), ("y",)), device)


def sequence(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, STEPS, 5)).astype(np.float32)


def names(device: glnn.Device, made: list[calls.Call]) -> list[str]:
    """What the functions of a list are called."""
    known = {address: name for name, address in device._gl._addresses.items()}
    return [known[ctypes.cast(function, ctypes.c_void_p).value] for function, _ in made]


def test_draws_made_again_are_those_made_one_by_one(device: glnn.Device) -> None:
    with lstm(device) as network:
        for seed in range(4):
            x = sequence(seed)
            got = network.predict(x, verbose=0)
            executor = network.session.executor({"x": x.shape})
            with device.use():
                executor.load({"x": x}, poison=True)
                executor.replay(draw=device.draw)
            (spec,) = executor.plan.outputs
            first = executor.textures(spec)[0].read()
            with device.use():
                executor.load({"x": x}, poison=True)
                executor.replay()
            np.testing.assert_array_equal(executor.textures(spec)[0].read(), first)
            np.testing.assert_allclose(got, network.reference(x), rtol=0, atol=1e-5)


def test_models_that_share_programs_by_turns(device: glnn.Device) -> None:
    """Each sets the uniforms of the programs that both have; so does a draw for itself, and one in a repeat."""
    with model(device) as one, model(device) as two, model(device) as three:
        part = X[:2]
        for network, x in [(one, X), (three, X), (two, part), (three, X), (one, X), (one, X), (two, part), (two, part)]:
            np.testing.assert_allclose(network.predict(x, verbose=0), network.reference(x), rtol=0, atol=1e-5)
        assert off(one) < 1e-5 and off(one) < 1e-5
        executor = one.session.executor({"x": X.shape})
        with device.use():
            program, target, viewport, read, ints, floats = executor.draws[0]
            device.draw(program, target, viewport, read, bytes(len(ints)), floats)
        assert off(one) < 1e-5
        with device.use():
            executor.replay(draw=device.draw)
        assert off(one) < 1e-5 and off(two) < 1e-5
        executor = two.session.executor({"x": part.shape})
        (spec,) = executor.plan.outputs
        for _ in range(2):
            assert off(one) < 1e-5
            with device.use():
                executor.load({"x": part})
                executor.replay(draw=device.draw)
            got = tensor.read(executor.textures(spec), spec.layout, FLOATS)
            np.testing.assert_allclose(got, two.reference(part), rtol=0, atol=1e-5)


def test_draws_around_a_list_in_one_turn(device: glnn.Device) -> None:
    """What is bound after the list is known, so that the next draw binds what it needs."""
    with model(device) as network:
        assert off(network) < 1e-5
        executor = network.session.executor({"x": X.shape})
        source = np.random.default_rng(2).normal(size=(1, 2, 2, 4)).astype(np.float32)
        texture, into = device.texture(2, 2, 0, "float32", source), device.texture(2, 2, 0, "float32")
        own = device.program(VERTEX, COPY), device.target(into), (0, 0, 2, 2), [texture]
        for _ in range(2):
            with device.use():
                executor.load({"x": X})
                device.draw(*own)
                executor.replay()
                into.poison()
                device.draw(*own)
                np.testing.assert_array_equal(into.read(), source)
                executor.replay(draw=device.draw)
            assert off(network) < 1e-5


def test_nothing_is_sent_twice(device: glnn.Device) -> None:
    with lstm(device) as network:
        x = sequence(0)
        network.predict(x, verbose=0), network.predict(x, verbose=0)
        again = network.session.executor({"x": x.shape})._again
        assert isinstance(again, calls.Draws)
        first, second = (Counter(names(device, made)) for made in (again._calls, again._again or []))
        one = "DrawArrays" if device.limits.stage == "fragment" else "DispatchCompute"
        count = first[one]
        assert count == second[one] >= 3 * STEPS
        assert all(second[name] < first[name] for name in ("Uniform4iv", "Uniform4fv"))
        assert second["UseProgram"] <= count and second["BindFramebuffer"] <= count
        assert second["Viewport"] == second["Scissor"] < count
        for made in (again._calls, again._again or []):
            bound: dict[Any, Any] = {}
            for name, (function, arguments) in zip(names(device, made), made, strict=True):
                assert function is not None
                key = (name, arguments[0]) if name in ("BindTextureUnit", "BindFramebuffer") else name
                if not name.startswith(("DrawArrays", "Uniform", "Dispatch", "MemoryBarrier")):
                    assert bound.get(key) != arguments, f"{name}{arguments} changes nothing"
                bound[key] = arguments


def test_what_others_release_changes_nothing_and_what_is_released_is_told(device: glnn.Device) -> None:
    with model(device) as network:
        assert off(network) < 1e-5
        executor = network.session.executor({"x": X.shape})
        noted = executor._again._calls
        device.texture(3, 3, 0, "float32").release()
        with model(device) as other:
            assert off(other) < 1e-5
        assert off(network) < 1e-5 and executor._again._calls is noted
        assert off(network) < 1e-5
        device.release_programs()
        for _ in range(2):
            with pytest.raises(ClosedError, match="release"):
                network.predict(X, verbose=0)


def test_textures_made_anew_under_the_same_names(device: glnn.Device) -> None:
    """GL gives the names of deleted textures to the next ones."""
    with model(device) as network:
        for _ in range(2):
            assert off(network) < 1e-5
            executor = network.session.executor({"x": X.shape})
            executor.slots[0].release()
            with pytest.raises(ClosedError, match="release"):
                network.predict(X, verbose=0)
            network.session._executors.clear()
            executor.release()
        assert off(network) < 1e-5


def test_an_interrupt_between_calls(device: glnn.Device) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with lstm(device) as network:
        x = sequence(3)
        expected = network.predict(x, verbose=0)
        again = network.session.executor({"x": x.shape})._again
        for known in (True, False):
            network.predict(x, verbose=0), network.predict(x, verbose=0)
            if not known:
                device._state.sent_by = None
            (again._again if known else again._calls).insert(5, (stop, ()))
            with pytest.raises(KeyboardInterrupt):
                network.predict(x, verbose=0)
            np.testing.assert_array_equal(network.predict(x, verbose=0), expected)


def test_a_long_repeat_is_made_draw_by_draw(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glnn.device.device.MOST", 5)
    with lstm(device) as network, model(device) as other:
        for x in map(sequence, range(2)):
            np.testing.assert_allclose(network.predict(x, verbose=0), network.reference(x), rtol=0, atol=1e-5)
            assert off(other) < 1e-5
        assert not isinstance(network.session.executor({"x": x.shape})._again, calls.Draws)


def test_a_context_without_the_newer_functions(device: glnn.Device) -> None:
    for name in ("BindSamplers", "BindTextureUnit"):
        setattr(device._gl, name, None)
        device._gl._addresses.pop(name, None)
    assert len(calls.usual(device._gl)) >= 16 + 14
    with model(device) as network, lstm(device) as loop:
        assert off(network) < 1e-5
        for x in map(sequence, range(3)):  # of the third the list is made again
            np.testing.assert_allclose(loop.predict(x, verbose=0), loop.reference(x), rtol=0, atol=1e-5)
        made = loop.session.executor({"x": x.shape})._again._calls
        assert "ActiveTexture" in names(device, made) and "BindTextureUnit" not in names(device, made)
