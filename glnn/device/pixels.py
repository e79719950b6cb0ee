"""Texels on their way: raw values into a texture, and what is read from one while draws go on."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from ..errors import ClosedError, DeviceError
from ..graph.shapes import ceil_div
from ..layout.codec import FORMATS
from . import faults
from . import functions as g
from .objects import CODES, Texture
from .share import cores

GL_STREAM_READ = 0x88E1
MAPPED = 0x2 | 0x40 | 0x80  # written by the host, which keeps it mapped, and seen by the GPU without being told
GL_SYNC_GPU_COMMANDS_COMPLETE, GL_SYNC_FLUSH_COMMANDS_BIT = 0x9117, 0x1
FOREVER = (1 << 64) - 1  # nanoseconds
# One core copies about as fast as the GPU fetches: larger values go in pieces of so many bytes, by so many threads.
PIECE, COPIERS = 1 << 21, 4


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


class Writing:
    """Pixel buffers from which the GPU fetches raw values itself, while the host goes on; of array textures.

    There are two, so that the next values may be handed over before the last have been fetched. A piece of many is
    fetched while the next is copied.
    """

    def __init__(self, texture: Texture):
        self._texture, self._turn = texture, 0
        self._copiers: ThreadPoolExecutor | None = None
        self._dtype, components = FORMATS[texture.format]
        self._row = texture.width * components
        self._threads = min(COPIERS, cores())
        count = self._row * texture.height
        gl = texture.device._gl
        self._buffers: list[tuple[int, np.ndarray]] = []
        self._fences: list[int | None] = [None, None]
        for _ in range(2):
            name = ctypes.c_uint()
            gl.GenBuffers(1, ctypes.byref(name))
            texture.device._state.saw(name.value)
            gl.BindBuffer(g.GL_PIXEL_UNPACK_BUFFER, name.value)
            size = count * self._dtype.itemsize
            gl.BufferStorage(g.GL_PIXEL_UNPACK_BUFFER, size, None, MAPPED)
            address = gl.MapBufferRange(g.GL_PIXEL_UNPACK_BUFFER, 0, size, MAPPED)
            place = (ctypes.c_char * size).from_address(address) if address else bytes(size)
            self._buffers.append((name.value, np.frombuffer(place, self._dtype)))
            if not address:
                break
        gl.BindBuffer(g.GL_PIXEL_UNPACK_BUFFER, 0)
        try:
            faults.check(texture.device, f"{2 * size} bytes of memory for inputs were not mapped")
            if not address:
                raise faults.refusal(texture.device, f"{2 * size} bytes for inputs were not mapped", faults.MEMORY)
        except DeviceError:
            self.release()
            raise

    def write(self, values: np.ndarray) -> None:
        """Sets texels as `write_raw` does; call it in the device's turn."""
        texture, gl, fence = self._texture, self._texture.device._gl, self._fences[self._turn]
        texture.live()
        if fence:
            gl.ClientWaitSync(fence, GL_SYNC_FLUSH_COMMANDS_BIT, FOREVER)
            gl.DeleteSync(fence)
        name, memory = self._buffers[self._turn]
        _, component, order = CODES[texture.format]
        texture.device._await_dispatches()
        gl.ActiveTexture(g.GL_TEXTURE0)
        gl.BindTexture(texture.kind, texture.glo)
        gl.BindBuffer(g.GL_PIXEL_UNPACK_BUFFER, name)
        for first, rows in self._copied(values, memory):
            place = first * self._row * self._dtype.itemsize
            gl.TexSubImage3D(texture.kind, 0, 0, first, 0, texture.width, rows, 1, order, component, place)
        gl.BindBuffer(g.GL_PIXEL_UNPACK_BUFFER, 0)
        self._fences[self._turn] = gl.FenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        if not self._fences[self._turn]:  # nothing to wait for later
            gl.Finish()
        texture.device._state.forget_textures()
        self._turn = 1 - self._turn

    def _copied(self, values: np.ndarray, memory: np.ndarray) -> Iterator[tuple[int, int]]:
        """Copies values into memory, and zeros behind them -> (first row, rows) of each piece when it is there."""
        rows = ceil_div(values.size, self._row)
        memory[values.size : rows * self._row] = 0
        if self._threads < 2 or values.nbytes < 2 * PIECE or not values.flags.c_contiguous:
            memory[: values.size].reshape(values.shape)[...] = values
            yield 0, rows
            return
        flat, step = values.reshape(-1), ceil_div(PIECE, self._row * self._dtype.itemsize)

        def copy(first: int) -> tuple[int, int]:
            piece = slice(first * self._row, min((first + step) * self._row, flat.size))
            memory[piece] = flat[piece]
            return first, min(step, rows - first)

        if self._copiers is None:
            self._copiers = ThreadPoolExecutor(self._threads, "glnn-copies")
        pieces = [self._copiers.submit(copy, first) for first in range(0, rows, step)]
        try:
            for piece in pieces:
                yield piece.result()
        finally:
            wait(pieces)  # an interrupt leaves nobody who writes here still

    def release(self) -> None:
        """Frees the buffers; a second call does nothing."""
        if self._copiers is not None:
            self._copiers.shutdown()
        gl = self._texture.device._gl
        for fence in filter(None, self._fences):
            gl.DeleteSync(fence)
        for name, _ in self._buffers:
            gl.DeleteBuffers(1, ctypes.byref(ctypes.c_uint(name)))
        self._fences, self._buffers = [None, None], []


class Reading:
    """A pixel buffer for some rows of a texture, all layers; `start` and `take` are called by turns, in its turn."""

    def __init__(self, texture: Texture, rows: range):
        self._texture, self._rows = texture, rows
        self._layers = range(texture.layers or 1)
        self._dtype, _ = FORMATS[texture.format]
        self._shape = len(self._layers), len(rows), *texture.shape[2:]
        self._bytes = math.prod(self._shape) * self._dtype.itemsize
        gl, name = texture.device._gl, ctypes.c_uint()
        gl.GenBuffers(1, ctypes.byref(name))
        self.glo = name.value
        texture.device._state.saw(self.glo)
        gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, self.glo)
        gl.BufferData(g.GL_PIXEL_PACK_BUFFER, self._bytes, None, GL_STREAM_READ)
        gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, 0)
        try:
            faults.check(texture.device, f"{self._bytes} bytes for results were not made")
        except DeviceError:
            self.release()
            raise

    def start(self) -> None:
        """Has the texels copied as the draws so far leave them. Raises ClosedError."""
        texture = self._texture
        texture.live()
        texture.device._gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, self.glo)
        try:
            texture.read_to(0, self._layers, self._rows)
        finally:
            texture.device._gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, 0)
        faults.check(texture.device, "reading results back failed")

    def take(self) -> np.ndarray:
        """The texels (layers, rows, width, components); waits until they are copied. Raises ClosedError."""
        if not self.glo:
            raise ClosedError("what was being read from a texture was released meanwhile")
        values = np.empty(self._shape, self._dtype)
        gl = self._texture.device._gl
        gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, self.glo)
        gl.GetBufferSubData(g.GL_PIXEL_PACK_BUFFER, 0, self._bytes, values.ctypes.data)
        gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, 0)
        faults.check(self._texture.device, "reading results back failed")
        return values

    def release(self) -> None:
        """Frees the buffer; a second call does nothing."""
        if self.glo:
            self._texture.device._gl.DeleteBuffers(1, ctypes.byref(ctypes.c_uint(self.glo)))
        self.glo = 0
