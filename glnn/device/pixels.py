"""Texels on their way: raw values into a texture, and what is read from one while draws go on."""

from __future__ import annotations

import ctypes
import math

import numpy as np

from ..errors import ClosedError
from ..layout.codec import FORMATS
from . import context as g
from .objects import Texture

GL_STREAM_READ = 0x88E1


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

    def start(self) -> None:
        """Has the texels copied as the draws so far leave them. Raises ClosedError."""
        texture = self._texture
        texture.live()
        texture.device._gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, self.glo)
        texture.read_to(0, self._layers, self._rows)
        texture.device._gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, 0)

    def take(self) -> np.ndarray:
        """The texels (layers, rows, width, components); waits until they are copied. Raises ClosedError."""
        if not self.glo:
            raise ClosedError("what was being read from a texture was released meanwhile")
        values = np.empty(self._shape, self._dtype)
        gl = self._texture.device._gl
        gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, self.glo)
        gl.GetBufferSubData(g.GL_PIXEL_PACK_BUFFER, 0, self._bytes, values.ctypes.data)
        gl.BindBuffer(g.GL_PIXEL_PACK_BUFFER, 0)
        return values

    def release(self) -> None:
        """Frees the buffer; a second call does nothing."""
        if self.glo:
            self._texture.device._gl.DeleteBuffers(1, ctypes.byref(ctypes.c_uint(self.glo)))
        self.glo = 0
