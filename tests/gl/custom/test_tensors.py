"""Tensors are values: nothing drawn later changes one; their textures are used again when nobody has them."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.errors import ClosedError, InputError

DOUBLE = "float kernel(float x) { return 2.0 * x; }"
rng = seeded(0)


@pytest.mark.parametrize("options", [{}, {"dialect": "es100"}, {"index": "numpy"}], ids=["es300", "es100", "numpy"])
def test_results_are_values(options: dict) -> None:
    double, x = glnn.kernel(DOUBLE), rng.normal(size=(9, 7)).astype(np.float32)
    with glnn.Device(**options) as device:
        made = [glnn.Tensor(x, device)]
        for _ in range(12):
            made.append(double(made[-1]))
        for power, tensor in enumerate(made):
            np.testing.assert_array_equal(np.asarray(tensor), x * np.float32(2) ** power)
        before = made[3]
        changed = before
        changed += 1  # another tensor
        np.testing.assert_array_equal(np.asarray(before), x * 8)
        np.testing.assert_allclose(np.asarray(changed), x * 8 + 1, rtol=1e-6)


def test_textures_are_used_again() -> None:
    double, x = glnn.kernel(DOUBLE), rng.normal(size=(40, 40)).astype(np.float32)
    with glnn.Device() as device:
        y = double(x, device=device)
        for _ in range(3):
            y = double(y)
        gc.collect()
        count = device.counts()["textures"]
        for _ in range(50):
            y = double(y)
        gc.collect()
        assert device.counts()["textures"] <= count
        np.testing.assert_array_equal(np.asarray(y), x * np.float32(2) ** 54)


def test_two_devices_do_not_mix() -> None:
    add = glnn.kernel("float kernel(float x, float y) { return x + y; }")
    with glnn.Device() as one, glnn.Device("numpy") as other:
        x, y = glnn.Tensor(np.ones(3), one), glnn.Tensor(np.ones(3), other)
        with pytest.raises(InputError, match="several devices"):
            add(x, y)
        np.testing.assert_array_equal(np.asarray(add(x, np.asarray(y))), np.full(3, 2))
    with pytest.raises(ClosedError, match="device of this tensor is closed"):
        np.asarray(x)


def test_threads_share_a_kernel() -> None:
    double, wrong = glnn.kernel(DOUBLE), []
    with glnn.Device() as device:

        def work(seed: int) -> None:
            x = np.random.default_rng(seed).normal(size=(5, seed + 1)).astype(np.float32)
            y = glnn.Tensor(x, device)
            for _ in range(10):
                y = double(y)
            if not np.array_equal(np.asarray(y), x * np.float32(1024)):
                wrong.append(seed)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_what_a_device_does_not_do_is_refused_or_read() -> None:
    x = glnn.Tensor(np.eye(3))
    with pytest.raises(InputError, match="np.hypot"):
        np.hypot(x, 1)
    with pytest.raises(InputError, match="out="):
        np.add(x, 1, out=np.zeros((3, 3)))
    with pytest.raises(InputError, match="numbers that are"):
        x[[0, 1]]
    assert np.linalg.norm(x) == pytest.approx(3**0.5)  # in NumPy, with the values
    assert float(x.sum()) == 3 and len(x) == 3 and x.size == 9 and x.ndim == 2
    assert [np.asarray(row).tolist() for row in x] == np.eye(3).tolist()


@pytest.mark.parametrize("kind", ["opengl", "numpy"])
def test_a_notebook_shows_values_and_texels(kind: str) -> None:
    x = np.float32([[0, 1, np.nan], [2, np.inf, -3]])
    with glnn.Device("numpy") if kind == "numpy" else glnn.Device() as device:
        doubled = glnn.Tensor(x, device) * 2
        whole, texels = doubled._repr_html_(), doubled.show(raw=True)._repr_html_()
        assert "Tensor (2, 3)" in whole and "texels as they lie" in whole
        assert "texture 0: float32" in texels and "texture 0: float32" in whole
        np.testing.assert_array_equal(np.asarray(doubled), x * 2)
