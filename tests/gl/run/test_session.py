"""Session: a dict of arrays in, a dict out; other graphs on its device; what it holds there."""

from __future__ import annotations

import numpy as np
import pytest
from support.small_net import X, Y, graph

import glnn
from glnn.errors import ClosedError, InputError
from glnn.run.session import Session


def test_a_dict_goes_in_and_a_dict_comes_out(device: glnn.Device) -> None:
    with Session(graph(), device) as session:
        outputs = session.run({"x": X})
        assert outputs.keys() == {"d"}
        np.testing.assert_allclose(outputs["d"], Y, atol=1e-5)
        assert session.run({"x": X[:0]})["d"].shape == (0, 5)
        with pytest.raises(InputError, match="'x'"):
            session.run({"y": X})


def test_another_graph_runs_on_the_same_device(device: glnn.Device) -> None:
    with Session(graph(), device) as session:
        session.run({"x": X})
        before = device.counts()
        inner = graph().with_(outputs=("a",))
        with session.on(inner) as other:
            assert other.device is device and other.run(X)["a"].shape == (4, 16, 16, 8)
        assert device.counts() == before


def test_pieces_of_a_batch_and_executors_by_shape(device: glnn.Device) -> None:
    with Session(graph(), device) as session:
        whole = session.run(np.concatenate([X, X, X]), batch_size=5)["d"]
        np.testing.assert_allclose(whole, np.concatenate([Y, Y, Y]), atol=1e-5)
        assert [dict(key)["x"][0] for key in session._executors] == [5, 2]


def test_pieces_by_default_are_of_one_size(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "piece", lambda self, shapes: 10)
    with Session(graph(), device) as session:
        whole = session.run(np.concatenate([X, X, X]))["d"]
        np.testing.assert_allclose(whole, np.concatenate([Y, Y, Y]), atol=1e-5)
        assert [dict(key)["x"][0] for key in session._executors] == [6]


def test_closing_frees_all_and_is_final(device: glnn.Device) -> None:
    before = device.counts()
    session = Session(graph(), device)
    session.run(X)
    session.close(), session.close()
    assert device.counts() == before
    with pytest.raises(ClosedError, match="'small' is closed"):
        session.run(X[:0])
