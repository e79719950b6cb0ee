"""A device that each test leaves as it found it."""

from __future__ import annotations

import pytest

from glnn.device import Device
from glnn.errors import NoDeviceError


@pytest.fixture(scope="module")
def shared():
    """In the fragment stage, whatever a GPU would rather have: what is drawn here are fragment shaders."""
    try:
        made = Device(stage="fragment")
    except NoDeviceError as error:
        pytest.skip(str(error))
    with made:
        yield made


@pytest.fixture
def device(shared):
    """The module's device; each test leaves it as it found it."""
    shared.release_programs()
    assert shared.error() == "GL_NO_ERROR"
    before = shared.counts()
    yield shared
    for texture in list(shared._textures):
        texture.release()
    shared.release_programs()
    assert shared.error() == "GL_NO_ERROR"
    assert shared.counts() == before
