"""What is done where the driver reports an error: what may be wrong is given to nobody, nor relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeviceError, DeviceLostError

if TYPE_CHECKING:
    from .device import Device

NONE, LOST, MEMORY = "GL_NO_ERROR", "GL_CONTEXT_LOST", "GL_OUT_OF_MEMORY"


def check(device: Device, doing: str) -> None:
    """Raises DeviceLostError, DeviceError where GL had an error since it was asked last; call it within a turn.

    doing: what does not happen then, in words. What was bound, and which values uniforms hold, is not known afterwards.
    """
    error = device._gl.error()
    if error != NONE:
        distrust(device)
        raise refusal(device, doing, error)


def refusal(device: Device, doing: str, error: str) -> DeviceError:
    """The exception for an error of GL by its name, or a message of the driver."""
    if error == LOST:
        return DeviceLostError(
            f"{doing}: the OpenGL context of {device.renderer} is gone ({error}): its driver was reset, or the GPU was "
            "taken away. Make a new glnn.Device"
        )
    what = "use a smaller batch, or close other models" if error == MEMORY else "try again; `glnn doctor` tests it"
    return DeviceError(f"{doing}: {device.renderer} reported {error}. What it made is not given to anybody; {what}")


def is_lost(device: Device) -> bool:
    """Whether GL says now that the context is gone; its errors are cleared."""
    return device._gl.error() == LOST


def distrust(device: Device) -> None:
    """Has everything bound and set anew, since calls may have been without effect."""
    state = device._state
    state.forget()
    state.sent_by, state.epoch = None, object()
    for program in device._programs:
        program.ints, program.floats, program.viewed = None, None, ()
