"""What lives on a device: textures, targets, programs. Made and released by Device (device.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import gl as g

if TYPE_CHECKING:
    from .device import Device

# format -> NumPy dtype, moderngl's name of it, GL's name of the component type (for reading)
FORMATS: dict[str, tuple[np.dtype, str, int]] = {
    "float32": (np.dtype("float32"), "f4", 0x1406),
    "float16": (np.dtype("float16"), "f2", 0x140B),
    "rgba8": (np.dtype("uint8"), "f1", 0x1401),
}


class Texture:
    """A texture of (layers, height, width) RGBA texels, or of (height, width) if layers is 0. Made by Device.texture."""

    __slots__ = ("device", "format", "framebuffer", "glo", "height", "kind", "layers", "mgl", "width")

    def __init__(self, device: Device, mgl: Any, width: int, height: int, layers: int, format: str):
        self.device, self.mgl, self.glo = device, mgl, mgl.glo
        self.width, self.height, self.layers, self.format = width, height, layers, format
        self.kind = g.GL_TEXTURE_2D_ARRAY if layers else g.GL_TEXTURE_2D
        self.framebuffer: Target | None = None

    def __repr__(self) -> str:
        state = "released" if self.mgl is None else f"glo {self.glo}"
        return f"Texture({self.width}x{self.height}, layers {self.layers}, {self.format}, {state})"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(layers, height, width, 4); layers is 1 for a plain 2D texture."""
        return (self.layers or 1, self.height, self.width, 4)

    @property
    def nbytes(self) -> int:
        """Bytes of texels."""
        return self.width * self.height * (self.layers or 1) * 4 * FORMATS[self.format][0].itemsize

    def write(self, data: np.ndarray | bytes) -> None:
        """All texels from an array of (layers, height, width, 4) values, or its bytes."""
        self.device._write(self, data)

    def read(self) -> np.ndarray:
        """All texels as an array (layers, height, width, 4) of float32, float16 or uint8. Waits for the draws before it."""
        return self.device._read(self)

    def release(self) -> None:
        """Frees the texture and its target; a second call does nothing."""
        self.device._release(self)


class Target:
    """A framebuffer with every layer of a texture as a draw buffer. Made by Device.target."""

    __slots__ = ("buffers", "glo", "texture")

    def __init__(self, glo: int, texture: Texture):
        self.glo, self.texture, self.buffers = glo, texture, texture.layers or 1


class Program:
    """A linked program. Sampler i of `samplers` reads texture unit i. Made by Device.program."""

    __slots__ = ("F", "P", "floats", "glo", "ints", "mgl", "samplers", "vao", "vao_mgl")

    def __init__(self, mgl: Any, vao: Any, samplers: tuple[str, ...]):
        self.mgl, self.glo, self.vao_mgl, self.vao, self.samplers = mgl, mgl.glo, vao, vao.glo, samplers
        self.P = mgl["P"].location if "P" in mgl else -1
        self.F = mgl["F"].location if "F" in mgl else -1
        self.ints: bytes | None = None  # what the uniforms hold now
        self.floats: bytes | None = None
