"""What a driver may do at every step of a prediction: fail, run out of memory, lose its context, compile nothing."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from support.driver_faults import CODES, COMPILES, Driver
from support.models import conv_net, draw

import glnn
from glnn.device.probe import vertex_text
from glnn.errors import DeviceError, DeviceLostError, KernelError
from glnn.model import Model

KINDS = (*CODES, "compile")
SHARE = 9  # of the steps, one in so many is tried on a push


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with glnn.Device() as made:
        yield Driver(made)


def steps(driver: Driver, make: Callable[[], object]) -> int:
    """How many calls of OpenGL something takes."""
    with driver.failing():
        make()
    assert driver.count > 10
    return driver.count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("warm", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("share", [pytest.param(1, marks=pytest.mark.whole), SHARE], ids=["every", "some"])
def test_a_fault_at_every_step(driver: Driver, kind: str, warm: bool, share: int) -> None:
    """glnn's error, or the right values; then these, and nothing left behind. warm: not the first prediction."""
    device, graph, x = driver.device, conv_net(filters=7), draw(2, 9, 7, 3)
    driver.install()
    with Model(graph, device) as model:
        expected = model.predict(x)
        model.predict(x)
        count = steps(driver, lambda: model.predict(x) if warm else Model(graph, device).predict(x))
    device.release_programs()
    refused = set[type]()
    for at in range(0, count, share) if kind != "compile" else range(0, count, 4 * share):
        if warm and kind == "compile":
            continue
        driver.install()
        before, generation = device.counts(), device.generation
        with Model(graph, device) as model:
            if warm:
                model.predict(x)
                model.predict(x)
            with driver.failing(at, kind):
                try:
                    np.testing.assert_array_equal(model.predict(x), expected, f"call {at}, {driver.struck}")
                except DeviceError as error:
                    refused.add(type(error))
                    assert len(str(error)) > 40, error
                except KernelError as error:
                    assert kind != "lost" and driver.struck in COMPILES, error
                    refused.add(type(error))
            assert driver.struck or kind == "compile"
            np.testing.assert_array_equal(model.predict(x), expected, f"after call {at}, {driver.struck}")
            if kind == "lost":
                assert device.generation > generation, driver.struck
        if device.generation == generation:
            assert device.counts() == before, (at, driver.struck)
        device.release_programs()
    if kind == "compile":
        assert warm or KernelError in refused
    elif kind != "lost":
        assert DeviceError in refused and refused <= {DeviceError, KernelError}
    else:
        assert not refused, "a lost context comes back within the prediction"
    assert device.error() == "GL_NO_ERROR"


def test_a_context_that_does_not_come_back_is_said(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    device, x = driver.device, draw(1, 9, 7, 3)
    with Model(conv_net(), device) as model:
        expected = model.predict(x)
        with monkeypatch.context() as patch, driver.failing(3, "lost"):
            patch.setattr(device, "revive", lambda generation: None)
            with pytest.raises(DeviceLostError, match="gone"):
                model.predict(x)
            with pytest.raises(DeviceLostError, match="gone"):
                model.predict(x)
        np.testing.assert_array_equal(model.predict(x), expected)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to read the process's memory")
@pytest.mark.parametrize("count", [pytest.param(10_000, marks=pytest.mark.whole), 600])
def test_predictions_stay_flat(driver: Driver, count: int) -> None:
    """Objects and memory after thousands of predictions, among them some that fail."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    device, x = driver.device, draw(3, 9, 7, 3)
    driver.install()
    with Model(conv_net(filters=5), device) as model:
        counts, memory = {}, 0
        for number in range(count):
            if number % 50 == 7:
                with driver.failing(number % 11, "out of memory"), pytest.raises(DeviceError):
                    model.predict(x[: 1 + number % 3])
            model.predict(x[: 1 + number % 3])
            if number == count // 2:  # a heap that other tests left in pieces has settled by then
                gc.collect()
                counts, memory = device.counts(), resident()
        gc.collect()
        assert device.counts() == counts
        assert resident() - memory < 2 << 20


FILL = "#version 300 es\nprecision highp float;\nuniform vec4 F[1];\nout vec4 o;\nvoid main() { o = F[0]; }\n"


def test_a_uniform_that_was_not_set_is_set_again(driver: Driver) -> None:
    """Draws that are made one by one leave out what a program holds already, as far as that is known."""
    device = driver.device
    driver.install()
    texture = device.texture(2, 2, 0, "float32")
    with device.use():
        program, target = device.program(vertex_text("es300"), FILL), device.target(texture)

        def drawn(value: float) -> np.ndarray:
            texture.poison()
            device.draw(program, target, (0, 0, 2, 2), [], None, np.full(4, value, "f4").tobytes())
            return texture.read()

        count = steps(driver, lambda: drawn(-1.0))
        for at in range(count):
            with driver.failing(at, "invalid operation"), contextlib.suppress(DeviceError):
                assert (drawn(at) == at).all(), driver.struck
            assert (drawn(at) == at).all(), driver.struck
        device.drop(program)
    texture.release()
