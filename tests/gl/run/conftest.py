"""The device and the models that tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.models import conv_net, forked

import glnn
from glnn.model import Model


@pytest.fixture(scope="module")
def device() -> Iterator[glnn.Device]:
    with glnn.Device() as made:
        yield made


@pytest.fixture
def no_gl_error(device: glnn.Device) -> Iterator[None]:
    assert device.error() == "GL_NO_ERROR"
    yield
    if not device.closed:
        assert device.error() == "GL_NO_ERROR"


@pytest.fixture(scope="module")
def net(device: glnn.Device) -> Iterator[Model]:
    with Model(conv_net(), device) as model:
        yield model


@pytest.fixture(scope="module")
def fork(device: glnn.Device) -> Iterator[Model]:
    with Model(forked(), device) as model:
        yield model
