"""Inputs packed and outputs unpacked by draws: the bits that NumPy makes; and pieces of a batch that overlap."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.small_net import X, model

import glnn
from glnn.device import copies, pixels
from glnn.errors import ClosedError, DeviceLostError
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import Activation
from glnn.layers.core import Permute
from glnn.run import transfer

DEVICES: dict[str, dict[str, Any]] = {
    "es300": {},
    "gl330": {"dialect": "gl330", "draw_buffers": 4},
    "es100": {"dialect": "es100"},
    "split": {"max_texture_size": 16},
    "split es100": {"max_texture_size": 32, "dialect": "es100"},
    "half": {"float_targets": ["float16"]},
    "bytes": {"float_targets": ["rgba8"]},
    "mediump": {"precision": "mediump"},
    "compute": {"stage": "compute"},
    "compute split": {"stage": "compute", "max_texture_size": 32},
}
SHAPES = [(1, 1), (3, 1), (2, 9), (1, 5, 7, 3), (3, 8, 6, 4), (2, 3, 5, 17), (5, 4, 4, 1), (2, 2, 3, 4, 6), (1, 31, 2)]


@pytest.fixture(params=DEVICES, scope="module")
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**DEVICES[request.param]) as made:
        yield made
        assert made.error() == "GL_NO_ERROR"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the device, all that can be is packed and unpacked by draws."""
    monkeypatch.setattr(transfer, "LEAST", dict.fromkeys(transfer.LEAST, 1))


def network(shape: tuple[int, ...]) -> Graph:
    nodes = [Node("a", Activation("linear"), ("x",), ("a",)), Node("b", Activation("softplus"), ("x",), ("b",))]
    if len(shape) == 4:
        nodes.append(Node("c", Permute((2, 1, 3)), ("x",), ("c",)))
    specs = (TensorSpec("x", (None, *shape[1:])),)
    return Graph("ends", specs, tuple(nodes), tuple(node.outputs[0] for node in nodes))


def values(shape: tuple[int, ...]) -> np.ndarray:
    x = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    x.flat[0], x.flat[-1] = np.inf, np.nan
    x.flat[x.size // 2] = 1e-40
    return x


def bits(x: np.ndarray) -> np.ndarray:
    """The bits of floats; those of any NaN are one's, as half targets have one of their own."""
    return np.where(np.isnan(x), np.float32(np.nan), x).view(np.uint32)


@pytest.mark.parametrize("shape", SHAPES)
def test_draws_make_the_bits_that_numpy_makes(
    shape: tuple[int, ...], device: glnn.Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = values(shape)
    with glnn.Model(network(shape), device) as one, glnn.Model(network(shape), device) as other:
        monkeypatch.setattr(transfer, "LEAST", dict.fromkeys(transfer.LEAST))
        expected = one.predict({"x": x}, verbose=0)
        monkeypatch.setattr(transfer, "LEAST", dict.fromkeys(transfer.LEAST, 1))
        device.maps = device._gl.mapped  # on software too, which the rule would spare it
        for _ in range(3):  # each of two buffers, and the first again
            got = other.predict({"x": x}, verbose=0)
            for name, wanted in expected.items():
                assert got[name].flags.c_contiguous and got[name].dtype == np.float32
                np.testing.assert_array_equal(bits(got[name]), bits(wanted))
        ours, theirs = (m.session.executor({"x": shape}) for m in (other, one))
        floats = device.limits.float_target != "rgba8" and device.limits.precision == "highp"
        upload, (spec,) = other.session.executor({"x": shape})._uploads["x"], ours.plan.inputs
        assert (upload._draws is not None) == (floats and transfer.packing(spec, device.limits) is not None)
        assert (upload._draws is not None) == floats or (device.limits.max_texture_size < 64 and x.size > 500)
        for texture, wanted in zip(ours.textures(spec), theirs.textures(spec), strict=True):
            used = slice(None), slice(spec.layout.height), slice(spec.layout.width)
            np.testing.assert_array_equal(texture.read()[used], wanted.read()[used])


def test_large_values_are_copied_in_pieces_by_threads(drawn: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs, each piece handed over when it is there, and results; what does not lie in a row is one piece."""
    monkeypatch.setattr(copies, "PIECE", 512)
    monkeypatch.setattr(copies, "cores", lambda: 3)
    x = values((2, 23, 17, 3))
    with glnn.Device() as device, glnn.Model(network(x.shape), device) as net:
        device.maps = device._gl.mapped
        if not device.maps:
            pytest.skip("needs OpenGL 4.4")
        for turn, given in enumerate([x, x * 2, x * 3, np.asfortranarray(x * 4)], 1):
            np.testing.assert_array_equal(bits(net.predict({"x": given}, verbose=0)["a"]), bits(x * turn))
        assert device._copiers._pool is not None  # whoever wrote what was read
        writing = net.session.executor({"x": x.shape})._uploads["x"]._mapped
        (texture,) = {writing._texture}
        with device.use():
            reading = pixels.Reading(texture, range(texture.height))
            for factor in (5, 6):
                writing.write(x * factor)
                reading.start()
                found = reading.take().reshape(-1)
                np.testing.assert_array_equal(bits(found[: x.size]), bits(x.reshape(-1) * factor))
                assert not found[x.size : -(-x.size // writing._row) * writing._row].any()
            reading.release()


def test_pieces_come_in_order_and_none_is_written_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "PIECE", 512)
    monkeypatch.setattr(copies, "cores", lambda: 3)
    copiers, x = copies.Copiers(), values((2, 23, 17, 3))
    memory = np.full(x.size + 50, 7, np.float32)
    pieces = list(copiers.pieces(memory, x, 60))
    assert len(pieces) > 9 and pieces[0][0] == 0 and pieces[-1][1] == x.size
    assert all(end == first and end % 60 == 0 for (_, end), (first, _) in zip(pieces, pieces[1:], strict=False))
    np.testing.assert_array_equal(bits(memory[: x.size]), bits(x.reshape(-1)))
    assert (memory[x.size :] == 7).all()
    submit = copiers._pool.submit
    slow = lambda copy, first: submit(lambda: (time.sleep(0.01), copy(first))[1])  # noqa: E731
    monkeypatch.setattr(copiers._pool, "submit", slow)
    broken_off = copiers.pieces(memory, x * 5, 60)
    next(broken_off)
    broken_off.close()
    np.testing.assert_array_equal(bits(memory[: x.size]), bits(x.reshape(-1) * 5))
    assert len(list(copiers.pieces(memory, np.asfortranarray(x), 60))) == 1
    np.testing.assert_array_equal(bits(memory[: x.size]), bits(x.reshape(-1)))
    copiers.release()
    with pytest.raises(RuntimeError):
        submit(int)


def test_an_interrupt_while_values_are_copied_leaves_nothing_bound(
    drawn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = values((2, 23, 17, 3))
    with glnn.Device() as device, glnn.Model(network(x.shape), device) as net:
        device.maps = device._gl.mapped
        if not device.maps:
            pytest.skip("needs OpenGL 4.4")
        want = net.predict({"x": x}, verbose=0)["a"]

        def interrupted(*_: Any) -> Iterator[tuple[int, int]]:
            raise KeyboardInterrupt
            yield 0, 0

        with monkeypatch.context() as patch:
            patch.setattr(copies.Copiers, "pieces", interrupted)
            with device.use():  # as the turn ends, which sets back what others bound
                with pytest.raises(KeyboardInterrupt):
                    net.predict({"x": x}, verbose=0)
                assert device._gl.integer(0x88EF) == 0  # GL_PIXEL_UNPACK_BUFFER_BINDING
        np.testing.assert_array_equal(bits(net.predict({"x": x}, verbose=0)["a"]), bits(want))
        assert device.error() == "GL_NO_ERROR"


def test_what_fits_no_raw_texture_is_packed_by_numpy(drawn: None) -> None:
    with glnn.Device(max_texture_size=16) as device, glnn.Model(network((2, 24, 20, 3)), device) as net:
        x = values((2, 24, 20, 3))
        assert net.predict({"x": x}, verbose=0)["a"].shape == x.shape
        assert net.session.executor({"x": x.shape})._uploads["x"]._draws is None


def test_what_draws_packed_is_freed_with_the_model(device: glnn.Device, drawn: None) -> None:
    before = device.counts()
    with glnn.Model(network((2, 5, 5, 3)), device) as net:
        net.predict({"x": values((2, 5, 5, 3))}, verbose=0)
    after = device.counts()
    assert {kind: after[kind] for kind in ("textures", "framebuffers", "buffers")} == {
        kind: before[kind] for kind in ("textures", "framebuffers", "buffers")
    }


# ---- pieces that overlap


@pytest.fixture
def overlapping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glnn.run.session.overlaps", lambda device: True)


@pytest.fixture
def ours() -> Iterator[glnn.Device]:
    with glnn.Device() as made:
        yield made
        assert made.closed or made.error() == "GL_NO_ERROR"


@pytest.mark.parametrize("least", [None, 1])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_pieces_overlap(
    size: int, least: int | None, ours: glnn.Device, overlapping: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(transfer.LEAST, "software", least)
    x = np.concatenate([X * k for k in (1, -2, 3)])[:11]
    with model(ours) as net:
        expected = np.concatenate([net.predict(x[k : k + 1], verbose=0) for k in range(len(x))])
        before = ours.counts()
        for _ in range(2):
            np.testing.assert_allclose(net.predict(x, size, verbose=0), expected, rtol=0, atol=1e-6)
        downloads = net.session.executor({"x": (size, *x.shape[1:])})._downloads.values()
        assert [len(item._unused) for item in downloads] == [2] and not any(item._under_way for item in downloads)
        assert ours.counts()["buffers"] > before["buffers"]
    with model(ours) as net:
        assert ours.counts()["buffers"] == 1  # the triangle


def test_what_goes_away_while_pieces_overlap(ours: glnn.Device, overlapping: None, monkeypatch: Any) -> None:
    """The executor that a piece was started on, as by another shape in another thread; or the context."""
    with model(ours) as net:
        x, expected = X, net.reference(X)
        start = glnn.run.executor.Executor.start
        for error in (ClosedError, DeviceLostError):
            lost = iter([True])

            def started(self: Any, inputs: Any, error: Any = error, lost: Any = lost) -> Any:
                take = start(self, inputs)

                def give() -> Any:
                    if next(lost, False):
                        raise error("gone")
                    return take()

                return give

            monkeypatch.setattr(glnn.run.executor.Executor, "start", started)
            np.testing.assert_allclose(net.predict(x, 1, verbose=0), expected, rtol=0, atol=1e-5)
        monkeypatch.undo()
        executor = net.session.executor({"x": (1, *x.shape[1:])})
        with ours.use():
            take = executor.start({"x": x[:1]})
            executor.release()
            with pytest.raises(ClosedError, match="meanwhile"):
                take()
        net.session._executors.clear()


def test_an_error_in_a_later_piece_leaves_nothing(ours: glnn.Device, overlapping: None, monkeypatch: Any) -> None:
    with model(ours) as net:
        start, calls = glnn.run.executor.Executor.start, iter([False, True])

        def started(self: Any, inputs: Any) -> Any:
            if next(calls, False):
                raise KeyboardInterrupt
            return start(self, inputs)

        monkeypatch.setattr(glnn.run.executor.Executor, "start", started)
        with pytest.raises(KeyboardInterrupt):
            net.predict(X, 1, verbose=0)
        np.testing.assert_allclose(net.predict(X, 1, verbose=0), net.reference(X), rtol=0, atol=1e-5)
    assert ours.counts()["buffers"] == 1
