"""What lives on a device of NumPy: textures that are arrays, programs that are the Python of a shader's text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..errors import DeviceError, LimitError
from ..kernels.numpy.printer import module
from ..kernels.numpy.runtime import Texels
from ..layout.codec import FORMATS
from .exact import FORMULAS
from .messages import Locate
from .objects import Target, Texture
from .program import Program

if TYPE_CHECKING:
    from .numpy_device import NumpyDevice

INVOCATIONS = 1 << 14  # that run at once: few enough for their values to stay in a processor's cache


class ArrayTexture(Texture):
    """Texels in an array: `planes` (components, layers, height, width), float64 for float32 on a device of float64."""

    __slots__ = ("planes", "texels")
    device: NumpyDevice

    def __init__(self, device: NumpyDevice, width: int, height: int, layers: int, format: str, data: Any = None):
        self.device, self.format = device, format
        self.width, self.height, self.layers, self.kind = width, height, layers, 0
        self.targets = {}
        self.glo, self.mgl = 1, cast(Any, self)  # alive
        dtype, components = FORMATS[format]
        dtype = device.real if format == "float32" else dtype
        try:
            self.planes = np.zeros((components, layers or 1, height, width), dtype)
        except MemoryError as error:
            raise DeviceError(
                f"there is no memory for a {format} texture of {width} x {height} texels x {layers or 1} "
                f"({self.nbytes / 2**20:.1f} MiB): use a smaller batch, or close other models"
            ) from error
        self.texels = Texels(self.planes.reshape(components, -1), layers or 1, height, width, device.real.type)
        if data is not None:
            self._set(data)

    def __repr__(self) -> str:
        gone = ", released" if self.mgl is None else ""
        return f"Texture({self.width}x{self.height}, layers {self.layers}, {self.format}{gone})"

    def _set(self, data: np.ndarray | bytes) -> None:
        if isinstance(data, np.ndarray) and data.dtype == self.planes.dtype and data.size == self.planes.size:
            values = data.reshape(self.shape)
        else:
            values = np.frombuffer(cast(Any, self._bytes(data)), FORMATS[self.format][0]).reshape(self.shape)
        self.planes[...] = np.moveaxis(values, 3, 0)

    def write(self, data: np.ndarray | bytes) -> None:
        """Sets all texels from (layers, height, width, components) or bytes. Raises InputError for a wrong size."""
        with self.device.use():
            self.live()
            self._set(data)

    def read(self, layers: range | None = None, rows: range | None = None) -> np.ndarray:
        """The texels, (layers, height, width, components), as they are stored; on a device of float64 its floats.

        layers, rows: which of them; None: all
        """
        with self.device.use():
            self.live()
            one, other = (slice(part.start, part.stop) if part else slice(None) for part in (layers, rows))
            return np.ascontiguousarray(np.moveaxis(self.planes[:, one, other], 0, 3))

    def release(self) -> None:
        """Frees the texture; a second call does nothing, nor one after the device was closed."""
        if self.mgl is None:
            return
        self.lose()
        self.device._textures.discard(self)

    def lose(self) -> None:
        """Takes note that the texture is gone, and its targets with it."""
        super().lose()
        self.planes = self.texels = cast(Any, None)


class ArrayTarget(Target):
    """Some layers of a texture: what draw buffer i writes is layer first + i."""

    __slots__ = ()

    def __init__(self, texture: ArrayTexture, first: int, count: int):
        device = texture.device
        self.texture, self.first, self.buffers, self.glo = texture, first, count, 1
        self.live = True
        if count > device.limits.draw_buffers:
            raise LimitError(f"{texture!r} as a target: this device has {device.limits.draw_buffers} draw buffers")
        if texture.format not in ("float32", "float16", "rgba8"):
            raise DeviceError(f"{device.renderer} cannot render to {texture!r}, as no OpenGL device does")

    def delete(self) -> None:
        """Takes note that the target is gone."""
        self.lose()


class ArrayProgram(Program):
    """The Python of a fragment shader: `source` its text, `file` what tracebacks and debuggers call it."""

    __slots__ = ("file", "namespace", "source")

    def __init__(self, source: str, file: str, samplers: Sequence[str]):
        self.source, self.file, self.samplers = source, file, tuple(samplers)
        self.glo, self.users, self.local = 1, 0, None
        self.namespace: dict[str, Any] = {"exact": FORMULAS, "__name__": "glnn_numpy", "__file__": file}
        exec(compile(source, file, "exec"), self.namespace)  # printed by glnn from a kernel: no model file gets here

    def draw(
        self,
        target: ArrayTarget,
        viewport: tuple[int, int, int, int],
        textures: Sequence[ArrayTexture],
        ints: list[Any],
        floats: list[Any],
    ) -> None:
        """Runs once per texel of viewport (x, y, width, height); ints and floats are the uniforms, by vectors."""
        x, y, width, height = viewport
        step = max(1, INVOCATIONS // width)
        texture = cast(ArrayTexture, target.texture)
        real, made = texture.device.real, np.empty((target.buffers, 4, height, width), texture.planes.dtype)
        self.namespace.update(zip(self.samplers, (t.texels for t in textures), strict=False))
        for first in range(0, height, step):
            rows = min(step, height - first)
            places = np.ones((4, rows, width), real)
            places[0] = np.arange(x, x + width) + 0.5
            places[1] = (np.arange(y + first, y + first + rows) + 0.5)[:, None]
            places[2] = 0.5
            with np.errstate(all="ignore"):
                outputs = self.namespace["draw"](ints, floats, places.reshape(4, -1))
            for layer in range(target.buffers):
                output = np.broadcast_to(outputs[layer], (4, rows * width)).reshape(4, rows, width)
                made[layer, :, first : first + rows] = stored(output, texture.format)
        for layer in range(target.buffers):  # a draw reads what was there before it
            texture.planes[:, target.first + layer, y : y + height, x : x + width] = made[layer]

    def delete(self) -> None:
        """Takes note that the program is gone."""
        self.glo = 0
        self.namespace.clear()


def stored(output: np.ndarray, format: str) -> np.ndarray:
    """Values as a target keeps them."""
    if format == "rgba8":
        return np.rint(np.clip(np.nan_to_num(output, nan=0.0), 0, 1) * 255).astype(np.uint8)
    with np.errstate(over="ignore"):
        return output.astype(np.float16) if format == "float16" else output


def title_of(text: str, locate: Locate | None) -> str:
    """What a text is called: its kernel's file."""
    places = (locate(line) for line in range(1, text.count("\n") + 2)) if locate else ()
    file = next((place[0] for place in places if place and place[0] != "generated"), "text")
    return re.sub(r"\W+", "_", Path(file).stem) or "text"


_cache: dict[tuple[str, str, str], str] = {}


def printed(text: str, title: str, real: str, locate: Locate | None) -> str:
    """The Python of a text, printed once in a process."""
    key = (hashlib.sha256(text.encode()).hexdigest(), title, real)
    if key not in _cache:
        while len(_cache) >= 512:
            del _cache[next(iter(_cache))]
        _cache[key] = module(text, title, real, FORMULAS if real == "float64" else (), locate)
    return _cache[key]
