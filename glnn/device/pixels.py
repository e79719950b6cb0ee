"""Texels on their way: raw values into a texture, and what is read from one while draws go on."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ClosedError, DeviceError
from ..graph.shapes import ceil_div
from ..layout.codec import FORMATS
from . import faults
from . import functions as g
from .objects import CODES, Texture

if TYPE_CHECKING:
    from .device import Device

GL_STREAM_READ = 0x88E1
# Of memory that the host keeps mapped, where host and GPU see what the other wrote without being told.
WRITTEN, READ = 0x2 | 0x40 | 0x80, 0x1 | 0x40 | 0x80
GL_SYNC_GPU_COMMANDS_COMPLETE, GL_SYNC_FLUSH_COMMANDS_BIT = 0x9117, 0x1
FOREVER = (1 << 64) - 1  # nanoseconds


def write_raw(texture: Texture, values: np.ndarray) -> None:
    """Sets texels of the first layer, row by row, from values one after another; what is left of a row is 0."""
    row = texture.width * texture.shape[3]
    flat = np.ascontiguousarray(values, FORMATS[texture.format][0]).reshape(-1)
    rows, rest = divmod(flat.size, row)
    pieces = [(0, rows, flat[: rows * row])] if rows else []
    pieces += [(rows, 1, np.pad(flat[rows * row :], (0, row - rest)))] if rest else []
    with texture.device.use():
        texture.live()
        texture.device._await_dispatches()
        for first, count, piece in pieces:
            place = (0, first, 0, texture.width, count, 1) if texture.layers else (0, first, texture.width, count)
            texture.mgl.write(piece.view(np.uint8), viewport=place, alignment=1)
        texture.device._state.forget_textures()


class PixelBuffer:
    """A buffer that pixels come from or go to, in place of the host's memory, while it is bound."""

    def __init__(self, device: Device, kind: int):
        self._gl, self._kind, name = device._gl, kind, ctypes.c_uint()
        self._gl.GenBuffers(1, ctypes.byref(name))
        self.glo = name.value
        device._state.saw(self.glo)

    def bind(self) -> None:
        """Has pixels come from here, or go here."""
        self._gl.BindBuffer(self._kind, self.glo)

    def unbind(self) -> None:
        """Has pixels come from and go to the host's memory."""
        self._gl.BindBuffer(self._kind, 0)

    def release(self) -> None:
        """Frees the buffer; a second call does nothing."""
        if self.glo:
            self._gl.DeleteBuffers(1, ctypes.byref(ctypes.c_uint(self.glo)))
        self.glo = 0


class Mapped(PixelBuffer):
    """One of `size` bytes whose memory the host keeps mapped, for one way; with a fence for the GPU's use.

    flags: WRITTEN or READ. doing: what it is for, in words. Raises DeviceError where there is no such memory.
    """

    def __init__(self, device: Device, size: int, flags: int, doing: str):
        super().__init__(device, g.GL_PIXEL_UNPACK_BUFFER if flags == WRITTEN else g.GL_PIXEL_PACK_BUFFER)
        self._copiers = device._copiers
        self._fence: int | None = None
        self.bind()
        self._gl.BufferStorage(self._kind, size, None, flags)
        address = self._gl.MapBufferRange(self._kind, 0, size, flags)
        self.unbind()
        try:
            faults.check(device, f"{size} bytes of memory for {doing} were not mapped")
            if not address:
                raise faults.refusal(device, f"{size} bytes for {doing} were not mapped", faults.MEMORY)
        except DeviceError:
            self.release()
            raise
        self._bytes = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def used(self) -> None:
        """What the GPU was told so far is what `await_use` waits for."""
        self._forget()
        self._fence = self._gl.FenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        if not self._fence:  # nothing to wait for later
            self._gl.Finish()

    def await_use(self) -> None:
        """Waits until the GPU is done with the memory."""
        if self._fence:
            self._gl.ClientWaitSync(self._fence, GL_SYNC_FLUSH_COMMANDS_BIT, FOREVER)
        self._forget()

    def _forget(self) -> None:
        if self._fence:
            self._gl.DeleteSync(self._fence)
        self._fence = None

    def write(self, values: np.ndarray, unit: int) -> Iterator[tuple[int, int]]:
        """Copies values into the memory, and zeros up to a multiple of `unit` of them -> see Copiers.pieces."""
        self.await_use()
        memory = self._bytes.view(values.dtype)
        memory[values.size : ceil_div(values.size, unit) * unit] = 0
        return self._copiers.pieces(memory, values, unit)

    def read(self, values: np.ndarray) -> None:
        """Copies its bytes into an array, once they are there."""
        self.await_use()
        for _ in self._copiers.pieces(values.reshape(-1).view(np.uint8), self._bytes):
            pass

    def release(self) -> None:
        """Frees the buffer; a second call does nothing."""
        self._forget()
        super().release()


class Writing:
    """Pixel buffers from which the GPU fetches raw values itself, while the host goes on; of array textures.

    There are two, so that the next values may be handed over before the last have been fetched. A piece of many is
    fetched while the next is copied.
    """

    def __init__(self, texture: Texture):
        self._texture, self._turn = texture, 0
        self._dtype, components = FORMATS[texture.format]
        self._row = texture.width * components
        size = self._row * texture.height * self._dtype.itemsize
        self._buffers: list[Mapped] = []
        try:
            for _ in range(2):
                self._buffers.append(Mapped(texture.device, size, WRITTEN, "inputs"))
        except DeviceError:
            self.release()
            raise

    def write(self, values: np.ndarray) -> None:
        """Sets texels as `write_raw` does; call it in the device's turn."""
        texture, gl, buffer = self._texture, self._texture.device._gl, self._buffers[self._turn]
        texture.live()
        _, component, order = CODES[texture.format]
        texture.device._await_dispatches()
        gl.ActiveTexture(g.GL_TEXTURE0)
        gl.BindTexture(texture.kind, texture.glo)
        buffer.bind()
        try:
            for start, end in buffer.write(values, self._row):
                first, rows = start // self._row, ceil_div(end - start, self._row)
                place = start * self._dtype.itemsize
                gl.TexSubImage3D(texture.kind, 0, 0, first, 0, texture.width, rows, 1, order, component, place)
        finally:  # an interrupt leaves no buffer in the way, nor memory that the GPU still reads taken for free
            buffer.unbind()
            buffer.used()
            texture.device._state.forget_textures()
        self._turn = 1 - self._turn

    def release(self) -> None:
        """Frees the buffers; a second call does nothing."""
        for buffer in self._buffers:
            buffer.release()
        self._buffers = []


class Copied(PixelBuffer):
    """One of `size` bytes for results, which the driver copies out. Raises DeviceError."""

    def __init__(self, device: Device, size: int):
        super().__init__(device, g.GL_PIXEL_PACK_BUFFER)
        self.bind()
        self._gl.BufferData(self._kind, size, None, GL_STREAM_READ)
        self.unbind()
        try:
            faults.check(device, f"{size} bytes for results were not made")
        except DeviceError:
            self.release()
            raise

    def used(self) -> None:
        """Whoever reads waits by himself."""

    def read(self, values: np.ndarray) -> None:
        """Copies its bytes into an array, once they are there."""
        self.bind()
        self._gl.GetBufferSubData(self._kind, 0, values.nbytes, values.ctypes.data)
        self.unbind()


class Reading:
    """A pixel buffer for some rows of a texture, all layers; `start` and `take` are called by turns, in its turn."""

    def __init__(self, texture: Texture, rows: range):
        self._texture, self._rows = texture, rows
        self._layers = range(texture.layers or 1)
        self._dtype, _ = FORMATS[texture.format]
        self._shape = len(self._layers), len(rows), *texture.shape[2:]
        size, device = math.prod(self._shape) * self._dtype.itemsize, texture.device
        self._buffer = Mapped(device, size, READ, "results") if device.maps else Copied(device, size)

    @property
    def glo(self) -> int:
        """The buffer's name, 0 once it was released."""
        return self._buffer.glo

    def start(self) -> None:
        """Has the texels copied as the draws so far leave them. Raises ClosedError."""
        texture = self._texture
        texture.live()
        self._buffer.bind()
        try:
            texture.read_to(0, self._layers, self._rows)
        finally:
            self._buffer.unbind()
        self._buffer.used()
        faults.check(texture.device, "reading results back failed")

    def take(self) -> np.ndarray:
        """The texels (layers, rows, width, components); waits until they are copied. Raises ClosedError."""
        if not self.glo:
            raise ClosedError("what was being read from a texture was released meanwhile")
        values = np.empty(self._shape, self._dtype)
        self._buffer.read(values)
        faults.check(self._texture.device, "reading results back failed")
        return values

    def release(self) -> None:
        """Frees the buffer; a second call does nothing."""
        self._buffer.release()
