"""Processes: fork is refused by name, spawn and forkserver pools work, what is pickled opens a device of its own."""

from __future__ import annotations

import copy
import multiprocessing
import pickle

import numpy as np
import pytest
from support.small_net import X, Y, model, off, python

import glnn

POOL = """
import multiprocessing as mp
from support.small_net import model, off
def work(number):
    with model() as own:
        return off(own)
if __name__ == "__main__":
    {before}
    with mp.get_context({method!r}).Pool(4) as pool:
        try:
            print(max(pool.map_async(work, range(8)).get(timeout=60)))
        except Exception as error:
            print(type(error).__name__, error)
"""


def test_after_a_fork_a_used_device_is_refused_at_once() -> None:
    said = python(POOL.format(before="print(off(model()))", method="fork"))
    assert "ForkError" in said and "forkserver" in said and "spawn" in said


def test_a_fork_before_the_first_use_works() -> None:
    assert float(python(POOL.format(before="pass", method="fork"))) < 1e-5


def predicted(network: glnn.Model) -> float:
    return off(network)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pools_of_other_methods_work_and_take_a_pickled_model(method: str) -> None:
    with model() as network, multiprocessing.get_context(method).Pool(4) as pool:
        assert off(network) < 1e-5
        assert max(pool.map_async(predicted, [network] * 8).get(timeout=100)) < 1e-5


def test_a_model_in_a_forked_child_can_be_closed() -> None:
    said = python(
        """
import os
from support.small_net import model, off
network = model()
off(network)
child = os.fork()
if not child:
    network.close()
    network.device if not network.session.closed else None
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), off(network) < 1e-5)
"""
    )
    assert said == "7 True\n"


def test_a_pickled_model_holds_weights_report_and_device() -> None:
    with glnn.Device(max_texture_size=64, profile="webgl2-phone") as device, model(device) as network:
        small = network.quantize("uint8", verbose=0)
        again = pickle.loads(pickle.dumps(small))
        assert again.device.limits == device.limits and again.report.ratio == small.report.ratio
        np.testing.assert_array_equal(again.predict(X, verbose=0), small.predict(X, verbose=0))
        again.device.close()
        small.close()


def test_copies_share_the_device() -> None:
    with glnn.Device() as device, model(device) as network:
        for twin in (copy.copy(network), copy.deepcopy(network)):
            with twin:
                assert twin.device is device and off(twin) < 1e-5
        assert np.abs(network.predict(X, verbose=0) - Y).max() < 1e-5


def test_a_loaded_model_pickles(root) -> None:
    with glnn.Model.load(root / "examples" / "digits.h5") as loaded:
        x = np.random.default_rng(0).random((3, 8, 8, 1), np.float32)
        with pickle.loads(pickle.dumps(loaded)) as again:
            np.testing.assert_array_equal(again.predict(x), loaded.predict(x))
