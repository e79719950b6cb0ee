"""Threads: one model from many, a device in each, short-lived ones, and objects that nobody closed."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from support.small_net import X, Y, graph, model, off, python

import glnn
from glnn.errors import ClosedError


def run_in_threads(count: int, work) -> None:
    """Runs work(number) in threads at once; raises what the first failing one raised."""
    failed: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_one_model_from_many_threads() -> None:
    with glnn.Device() as device, model(device) as network:
        batches = [X[: 1 + number % 4] for number in range(8)]

        def work(number: int) -> None:
            x = batches[number]
            for _ in range(25):
                np.testing.assert_allclose(network.predict(x, verbose=0), Y[: len(x)], atol=1e-5)

        run_in_threads(8, work)
        assert device.error() == "GL_NO_ERROR"


def test_a_device_in_each_thread() -> None:
    def work(number: int) -> None:
        with glnn.Device() as own, model(own) as network:
            for _ in range(25):
                assert off(network) < 1e-5

    run_in_threads(8, work)


@pytest.mark.whole
@pytest.mark.parametrize("run", range(20))
def test_many_threads_never_crash(run: int) -> None:
    said = python(
        """
import glnn
from gl.device.test_threads import run_in_threads
from support.small_net import model, off
with model() as shared:
    def work(number):
        with glnn.Device() as own, model(own) as network:
            for _ in range(200):
                assert off(network) < 1e-5 and off(shared) < 1e-5
    run_in_threads(8, work)
print("right")
""",
        timeout=600,
    )
    assert said == "right\n"


def test_short_lived_threads_leave_nothing_behind() -> None:
    said = python(
        """
import threading
from pathlib import Path
from glnn.device import current
from support.small_net import model, off
worked, ended, release = [], [], current.Egl.release_thread
def counted(egl):
    ended.append(threading.get_ident())
    release(egl)
current.Egl.release_thread = counted
PAGE = 4096
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6
wrong = []
with model() as network:
    def work():
        worked.append(threading.get_ident())
        if off(network) > 1e-5 or off(network) > 1e-5:
            wrong.append(1)
    def threads(count):
        for _ in range(count):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    threads(50)
    before, objects = resident(), network.device.counts()
    threads(500)
    print(resident() - before, objects == network.device.counts(), not wrong, worked == ended)
"""
    )
    grown, same, right, once = said.split()
    assert float(grown) < 10 and same == right == once == "True"  # EGL frees what a thread had once, when it ends


def test_close_from_another_thread_while_one_predicts() -> None:
    network, stopped = model(), []

    def work(number: int) -> None:
        if number == 0:
            network.predict(X, verbose=0)
            network.close()
            return
        try:
            for _ in range(1000):
                assert off(network) < 1e-5
        except ClosedError:
            stopped.append(number)

    run_in_threads(3, work)
    assert sorted(stopped) == [1, 2] and network.session.closed


def test_what_nobody_closed_is_freed_at_the_next_call() -> None:
    with glnn.Device() as device, model(device) as kept:
        off(kept)
        before = device.counts()
        for _ in range(3):
            network = glnn.Model(graph(), device)
            network.predict(X[:2], verbose=0)
            assert device.counts() != before
            del network
            gc.collect()
        off(kept)
        assert device.counts() == before


def test_a_dropped_device_is_closed_and_what_it_held_with_it() -> None:
    device = glnn.Device()
    network = model(device)
    off(network)
    turn = device._turn
    del device, network
    threading.Thread(target=gc.collect).start()  # the collector may run in any thread
    gc.collect()
    with model() as other:
        assert off(other) < 1e-5
    from glnn.device import state

    assert not state._dropped and turn is not None


def test_the_default_device_is_shared_and_models_of_a_dropped_thread_go_on() -> None:
    made: list[glnn.Model] = []
    run_in_threads(1, lambda number: made.append(model()))
    assert off(made[0]) < 1e-5
    run_in_threads(2, lambda number: made.append(model()) or off(made[-1]))
    assert len({network.device for network in made}) == 1
    for network in made:
        network.close()
