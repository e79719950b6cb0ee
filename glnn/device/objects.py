"""What a device draws from and to: textures and targets. Device (device.py) makes them and checks thread and limits."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..arguments import NAME, count, instance
from ..errors import ClosedError, DeviceError, InputError, LimitError
from ..layout.codec import FORMATS, texel_bytes
from . import faults
from . import functions as g

if TYPE_CHECKING:
    from .device import Device

IMAGES = {"float32": 0x8814, "float16": 0x881A, "rgba8": 0x8058}  # format -> what it is as an image that is stored into
# format -> moderngl's name of a component, GL's name of its type and of the format (for reading)
CODES: dict[str, tuple[str, int, int]] = {
    "float32": ("f4", 0x1406, g.GL_RGBA),
    "float16": ("f2", 0x140B, g.GL_RGBA),
    "rgba8": ("f1", 0x1401, g.GL_RGBA),
    "rgba32ui": ("u4", 0x1405, 0x8D99),
    "rg32ui": ("u4", 0x1405, 0x8228),
    "r32ui": ("u4", 0x1405, 0x8D94),
    "r16ui": ("u2", 0x1403, 0x8D94),
}

TEXTURE = {  # the arguments of Device.texture
    "width": count(1), "height": count(1), "layers": count(0), "format": NAME,
    "data": instance("an array or bytes", np.ndarray, bytes, bytearray, memoryview),
}  # fmt: skip


class Texture:
    """Texels (layers, height, width, components), plain 2D if layers is 0. Made by Device.texture, freed by release().

    The components are 4, but 2 for format "rg32ui" and 1 for "r32ui" and "r16ui".
    """

    __slots__ = ("device", "format", "glo", "height", "kind", "layers", "mgl", "targets", "width")

    def __init__(self, device: Device, width: int, height: int, layers: int, format: str, data: Any = None):
        self.device, self.format = device, format
        self.width, self.height, self.layers = width, height, layers
        self.kind = g.GL_TEXTURE_2D_ARRAY if layers else g.GL_TEXTURE_2D
        self.targets: dict[tuple[int, int], Target] = {}
        self.glo, self.mgl = 0, cast(Any, None)
        ctx, content, code = device._ctx, None if data is None else self._bytes(data), CODES[format][0]
        components = FORMATS[format][1]
        device._gl.error()
        try:
            if layers:
                self.mgl = ctx.texture_array((width, height, layers), components, content, alignment=1, dtype=code)
            else:
                self.mgl = ctx.texture((width, height), components, content, alignment=1, dtype=code)
            self.glo = self.mgl.glo
            # A float texture with the default filter reads as garbage; nothing here ever interpolates or repeats.
            self.mgl.filter = (ctx.NEAREST, ctx.NEAREST)
            self.mgl.repeat_x = self.mgl.repeat_y = False
            problem = device._gl.error()
        except Exception as error:  # moderngl's own type
            problem = faults.LOST if faults.is_lost(device) else str(error)
        if problem != "GL_NO_ERROR":
            if self.mgl is not None:
                self.mgl.release()
            what = f"a {format} texture of {width} x {height} texels x {layers or 1} ({self.nbytes / 2**20:.1f} MiB)"
            if problem == faults.LOST:
                raise faults.refusal(device, f"{what} was not made", faults.LOST)
            raise DeviceError(
                f"{what} was not made by {device.renderer}: {problem}; use a smaller batch, or close other models"
            )

    def __repr__(self) -> str:
        state = "released" if self.mgl is None else f"glo {self.glo}"
        return f"Texture({self.width}x{self.height}, layers {self.layers}, {self.format}, {state})"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(layers, height, width, components); layers is 1 for a plain 2D texture."""
        return (self.layers or 1, self.height, self.width, FORMATS[self.format][1])

    @property
    def nbytes(self) -> int:
        """Bytes of texels."""
        return self.width * self.height * (self.layers or 1) * texel_bytes(self.format)

    def write(self, data: np.ndarray | bytes) -> None:
        """Sets all texels from (layers, height, width, components) or bytes. Raises InputError for a wrong size."""
        with self.device.use():
            self.live()
            self.device._await_dispatches()
            self.mgl.write(self._bytes(data), alignment=1)
            self.device._state.forget_textures()

    def read(self, layers: range | None = None, rows: range | None = None) -> np.ndarray:
        """The texels, (layers, height, width, components), as they are stored. Waits for the draws before it.

        layers, rows: which of them; None: all
        """
        layers, rows = layers or range(self.layers or 1), rows or range(self.height)
        values = np.empty((len(layers), len(rows), *self.shape[2:]), FORMATS[self.format][0])
        with self.device.use():
            self.live()
            # llvmpipe reads without waiting for a draw to this texture while an earlier one still samples it
            self.device._gl.Finish()
            self.read_to(values.ctypes.data, layers, rows)
            faults.check(self.device, "reading results back failed")
        return values

    def read_to(self, address: int, layers: range, rows: range) -> None:
        """Has texels written to memory, or from a place on in the pixel buffer that is bound; within a turn."""
        device, (_, component, order) = self.device, CODES[self.format]
        gl, step = device._gl, texel_bytes(self.format) * self.width * len(rows)
        device._await_dispatches()
        gl.BindFramebuffer(g.GL_READ_FRAMEBUFFER, device._reader)
        for number, layer in enumerate(layers):
            self._attach(g.GL_READ_FRAMEBUFFER, 0, layer)
            if number == 0 and gl.CheckFramebufferStatus(g.GL_READ_FRAMEBUFFER) != g.GL_FRAMEBUFFER_COMPLETE:
                faults.check(device, f"{self!r} cannot be read back")
                raise DeviceError(f"{device.renderer} cannot read {self!r} back; `glnn doctor` lists what it can")
            gl.ReadPixels(0, rows.start, self.width, len(rows), order, component, address + number * step)
        gl.FramebufferTexture2D(g.GL_READ_FRAMEBUFFER, g.GL_COLOR_ATTACHMENT0, g.GL_TEXTURE_2D, 0, 0)

    def poison(self) -> None:
        """Fills it with NaN (rgba8: with 255), so that a test sees what a draw did not write."""
        self.write(np.full(self.shape, 255 if self.format == "rgba8" else np.nan, FORMATS[self.format][0]))

    def release(self) -> None:
        """Frees the texture and its target; a second call does nothing, nor one after the device was closed."""
        if self.mgl is None:
            return
        with self.device.use():
            for target in self.targets.values():
                target.delete()
            self.mgl.release()
        self.lose()
        self.device._textures.discard(self)
        self.device._state.epoch = object()

    def lose(self) -> None:
        """Takes note that the texture is gone, and its targets with it."""
        for target in self.targets.values():
            target.lose()
        self.targets.clear()
        self.mgl, self.glo = cast(Any, None), 0

    def live(self, device: Device | None = None) -> None:
        """Raises ClosedError after release(), DeviceError if the texture is not of `device`."""
        if self.mgl is None:
            raise ClosedError(f"{self!r} is used after its release")
        if device is not None and self.device is not device:
            raise DeviceError(f"{self!r} belongs to another device: textures are not shared between devices")

    def _bytes(self, data: np.ndarray | bytes) -> bytes | np.ndarray:
        dtype = FORMATS[self.format][0]
        if isinstance(data, np.ndarray):
            if data.size * dtype.itemsize != self.nbytes:
                raise InputError(f"texture data of shape {data.shape}: expected {self.shape}, or as many values")
            return np.ascontiguousarray(data, dtype).reshape(-1).view(np.uint8)
        if len(data) != self.nbytes:
            raise InputError(f"texture data of {len(data)} bytes: expected {self.nbytes} ({self.shape} of {dtype})")
        return data

    def _attach(self, where: int, buffer: int, layer: int) -> None:
        """Makes one layer a colour attachment of the bound framebuffer; moderngl can attach whole textures only."""
        gl, point = self.device._gl, g.GL_COLOR_ATTACHMENT0 + buffer
        if self.layers:
            gl.FramebufferTextureLayer(where, point, self.glo, 0, layer)
        else:
            gl.FramebufferTexture2D(where, point, g.GL_TEXTURE_2D, self.glo, 0)


class Target:
    """Layers of a texture that are drawn to: layer first + i is draw buffer i. Made by Device.target, freed with it.

    Compute shaders store into the texture itself and need no framebuffer.
    """

    __slots__ = ("buffers", "first", "glo", "live", "texture")

    def __init__(self, texture: Texture, first: int, count: int):
        device = texture.device
        self.texture, self.first, self.buffers, self.glo, self.live = texture, first, count, 0, True
        if device.limits.stage == "fragment" and self.buffers > device.limits.draw_buffers:
            raise LimitError(f"{texture!r} as a target: this device has {device.limits.draw_buffers} draw buffers")
        if device.limits.stage == "fragment":
            self.framebuffer()

    def framebuffer(self) -> int:
        """The name of the framebuffer, made now if there is none. Raises ClosedError, DeviceError."""
        if not self.live:
            raise ClosedError(f"the target of {self.texture!r} is drawn to after its release")
        if not self.glo:
            self._make()
        return self.glo

    def _make(self) -> None:
        texture, first = self.texture, self.first
        device = texture.device
        gl, self.glo = device._gl, device._state.new_framebuffer()
        gl.BindFramebuffer(g.GL_DRAW_FRAMEBUFFER, self.glo)
        device._state.target = None
        points = range(g.GL_COLOR_ATTACHMENT0, g.GL_COLOR_ATTACHMENT0 + self.buffers)
        for layer in range(self.buffers):
            texture._attach(g.GL_DRAW_FRAMEBUFFER, layer, first + layer)
        gl.DrawBuffers(self.buffers, (ctypes.c_uint * self.buffers)(*points))
        status = gl.CheckFramebufferStatus(g.GL_DRAW_FRAMEBUFFER)
        try:
            faults.check(device, f"{texture!r} cannot be drawn to")
        except DeviceError:
            self.delete()
            raise
        if status != g.GL_FRAMEBUFFER_COMPLETE:
            self.delete()
            raise DeviceError(
                f"{device.renderer} cannot render to {texture!r} (framebuffer status {status:#x}); "
                "`glnn doctor` lists what it can"
            )

    def delete(self) -> None:
        """Deletes the framebuffer; the texture stays."""
        device = self.texture.device
        if self.glo:
            device._gl.DeleteFramebuffers(1, ctypes.byref(ctypes.c_uint(self.glo)))
        self.lose()
        device._state.epoch = object()
        device._state.target = None  # GL binds framebuffer 0 in place of a deleted one

    def lose(self) -> None:
        """Takes note that it is gone."""
        self.glo, self.live = 0, False
