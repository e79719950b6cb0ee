"""The device without OpenGL: textures are NumPy arrays, a program is the Python of a shader's text.

It runs the very texts that a driver would compile (glnn.kernels.numpy), with the same textures, parts and codecs.
"""

from __future__ import annotations

import hashlib
import linecache
import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import numpy as np

from ..errors import ClosedError, DeviceError, InputError, LimitError
from ..kernels.numpy.printer import module
from ..kernels.numpy.runtime import Texels
from ..layout.codec import FORMATS
from ..layout.limits import Limits
from . import state
from .device import Device, generations
from .exact import EXACT, FORMULAS
from .messages import Locate
from .objects import Program, Target, Texture
from .probe import ProbeResult, names
from .wishes import PRECISIONS, Wishes, choose

# What a device of NumPy could do, if nothing asks for less: no more than a usual GPU, so that plans are alike.
QUERIED = Limits(max_texture_size=8192, draw_buffers=8, texture_units=16, array_layers=2048)
INVOCATIONS = 1 << 14  # that run at once: few enough for their values to stay in a processor's cache
FLOAT64 = "float64"


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

    def read(self) -> np.ndarray:
        """All texels, (layers, height, width, components), as they are stored; on a device of float64 its floats."""
        with self.device.use():
            self.live()
            return np.ascontiguousarray(np.moveaxis(self.planes, 0, 3))

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

    __slots__ = ("first",)

    def __init__(self, texture: ArrayTexture, first: int, count: int):
        device = texture.device
        self.texture, self.first, self.buffers, self.glo = texture, first, count, 1
        if count > device.limits.draw_buffers:
            raise LimitError(f"{texture!r} as a target: this device has {device.limits.draw_buffers} draw buffers")
        if texture.format not in ("float32", "float16", "rgba8"):
            raise DeviceError(f"{device.renderer} cannot render to {texture!r}, as no OpenGL device does")

    def delete(self) -> None:
        """Takes note that the target is gone."""
        self.glo = 0


class ArrayProgram(Program):
    """The Python of a fragment shader: `source` its text, `file` what tracebacks and debuggers call it."""

    __slots__ = ("file", "namespace", "source")

    def __init__(self, source: str, file: str, samplers: Sequence[str]):
        self.source, self.file, self.samplers = source, file, tuple(samplers)
        self.glo, self.users = 1, 0
        self.namespace: dict[str, Any] = {"exact": FORMULAS, "__name__": "glnn_numpy", "__file__": file}
        exec(compile(source, file, "exec"), self.namespace)  # printed by glnn from a kernel: no model file gets here

    def run(self, textures: Sequence[ArrayTexture], ints: list[Any], floats: list[Any], places: np.ndarray) -> Any:
        """The outputs for invocations at places (4, n)."""
        self.namespace.update(zip(self.samplers, (t.texels for t in textures), strict=False))
        with np.errstate(all="ignore"):
            return self.namespace["draw"](ints, floats, places)

    def delete(self) -> None:
        """Takes note that the program is gone."""
        self.glo = 0
        self.namespace.clear()


class _Turn(state.Turn):
    """One thread's time on a device of NumPy."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> _Turn:
        if state.local.turn is None:
            state.free_dropped()
        self._lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class NumpyDevice(Device):
    """A device that needs no OpenGL: `glnn.Device("numpy")`. Its arguments are Device's, but for the index.

    precision: "highp" (float32), "mediump" (half arithmetic), or "float64": floats of float32 textures, uniforms and
               arithmetic are float64, and activation functions their NumPy formulas
    sources:   a folder for the Python of each program; what lies there already runs as it is, with your prints and
               breakpoints in it
    """

    def __init__(
        self,
        index: int | str | None = "numpy",
        max_texture_size: int | None = None,
        draw_buffers: int | None = None,
        texture_units: int | None = None,
        float_targets: Sequence[str] | str | None = None,
        dialect: str | None = None,
        profile: str | os.PathLike[str] | None = None,
        precision: str | None = None,
        array_layers: int | None = None,
        sources: str | os.PathLike[str] | None = None,
    ):
        self._closed = True
        wide = (precision or os.environ.get("GLNN_PRECISION", "").strip()) == FLOAT64
        if precision is not None and precision not in (*PRECISIONS, FLOAT64):
            raise InputError(f"precision={precision!r}: allowed are {', '.join((*PRECISIONS, FLOAT64))}")
        self._wishes = Wishes.gather(
            0, max_texture_size, draw_buffers, texture_units, float_targets, dialect, profile,
            "highp" if wide else precision, array_layers,
        )  # fmt: skip
        self.real = np.dtype(np.float64 if wide else np.float32)
        self.sources = None if sources is None else Path(sources)
        self._open()

    def _open(self) -> None:
        self._turn = _Turn()
        self.renderer, self.vendor = f"NumPy {np.__version__}, {self.real}", "glnn"
        self.version = self.glsl_version = "none: kernels run as Python"
        self.queried = QUERIED
        self.limits, self.forced = choose(lambda name: True, QUERIED, self._wishes, self.renderer)
        self.forced.pop("index", None)
        self.generation = next(generations)
        self._textures = set()
        self._made: dict[str, ArrayProgram] = {}
        self._closed = False

    def __reduce__(self) -> tuple[Any, ...]:
        asked = {name: value for name, value in self._wishes.asked.items() if name not in ("index", "precision")}
        precision = FLOAT64 if self.real == np.float64 else self._wishes.precision
        return (_remake, ({**asked, "precision": precision, "sources": self.sources},))

    def __del__(self) -> None:
        pass

    @property
    def probe(self) -> tuple[ProbeResult, ...]:
        """What OpenGL devices are probed for; all of it works."""
        return tuple(ProbeResult(name, True, "in NumPy") for name in names(self))

    def revive(self, generation: int) -> None:
        """Does nothing: arrays do not go with a context."""

    def texture(
        self, width: int, height: int, layers: int, format: str, data: np.ndarray | bytes | None = None
    ) -> Texture:
        """See Device.texture; without data the texels are 0."""
        self._check_size(width, height, layers, format)
        with self.use():
            texture = ArrayTexture(self, width, height, layers, format, data)
            self._textures.add(texture)
        return texture

    def target(self, texture: Texture, first: int = 0, count: int | None = None) -> Target:
        """What draws into a texture, layer first + i by output i. Raises LimitError, DeviceError."""
        key = first, count or texture.layers or 1
        with self.use():
            texture.live(self)
            if key not in texture.targets:
                texture.targets[key] = ArrayTarget(cast(ArrayTexture, texture), *key)
            return texture.targets[key]

    def program(
        self,
        vertex_text: str,
        fragment_text: str,
        locate: Locate | None = None,
        samplers: Sequence[str] | None = None,
    ) -> Program:
        """The Python of a fragment shader's text, made once per text. Raises KernelError at the author's line."""
        if samplers is None:
            samplers = re.findall(r"^\s*uniform (?:highp )?u?sampler\w+ (\w+);", fragment_text, re.M)
        key = "\0".join([fragment_text, *samplers])
        with self.use():
            if key not in self._made:
                title = _title(fragment_text, locate)
                source, file = self._source(_printed(fragment_text, title, str(self.real), locate), title)
                self._made[key] = ArrayProgram(source, file, samplers)
            program = self._made[key]
            program.users += 1
            return program

    def _source(self, printed: str, title: str) -> tuple[str, str]:
        """The Python to run and the name of its file: in the folder of sources, where there is one."""
        name = f"{title}-{hashlib.sha256(printed.encode()).hexdigest()[:12]}.py"
        if self.sources is None:
            file = f"<glnn {name}>"
            linecache.cache[file] = (len(printed), None, printed.splitlines(keepends=True), file)
            return printed, file
        path = self.sources / name
        if not path.exists():
            self.sources.mkdir(parents=True, exist_ok=True)
            path.write_text(printed, encoding="utf-8")
        return path.read_text(encoding="utf-8"), str(path.resolve())

    def source(self, program: Program) -> str:
        """The Python that a program runs: a module, whose `draw` makes the outputs."""
        return cast(ArrayProgram, program).source

    def drop(self, program: Program) -> None:
        """Gives back what one call of `program` took; the last one deletes it."""
        if self._closed or not program.glo:
            return
        with self.use():
            program.users -= 1
            if program.users <= 0:
                self.release_programs(keep=[p for p in self._made.values() if p is not program])

    def draw(
        self,
        program: Program,
        target: Target,
        viewport: tuple[int, int, int, int],
        textures: Sequence[Texture],
        ints: bytes | None = None,
        floats: bytes | None = None,
    ) -> None:
        """See Device.draw; floats are of the device's type, `real`."""
        with self.use():
            if not target.glo:
                raise ClosedError(f"the target of {target.texture!r} is drawn to after its release")
            if not program.glo:
                raise ClosedError("a program is drawn with after it was released")
            for texture in textures:
                texture.live(self)
            made, into = cast(ArrayProgram, program), cast(ArrayTarget, target)
            ivec4s = np.frombuffer(ints or b"", np.int32).reshape(-1, 4).tolist()
            vec4s = [list(row) for row in np.frombuffer(floats or b"", self.real).reshape(-1, 4)]
            self._draw(made, into, viewport, cast(Sequence[ArrayTexture], textures), ivec4s, vec4s)

    def _draw(
        self,
        program: ArrayProgram,
        target: ArrayTarget,
        viewport: tuple[int, int, int, int],
        textures: Sequence[ArrayTexture],
        ints: list[Any],
        floats: list[Any],
    ) -> None:
        x, y, width, height = viewport
        step = max(1, INVOCATIONS // width)
        texture = cast(ArrayTexture, target.texture)
        made = np.empty((target.buffers, 4, height, width), texture.planes.dtype)
        for first in range(0, height, step):
            rows = min(step, height - first)
            places = np.ones((4, rows, width), self.real)
            places[0] = np.arange(x, x + width) + 0.5
            places[1] = (np.arange(y + first, y + first + rows) + 0.5)[:, None]
            places[2] = 0.5
            outputs = program.run(textures, ints, floats, places.reshape(4, -1))
            for layer in range(target.buffers):
                output = np.broadcast_to(outputs[layer], (4, rows * width)).reshape(4, rows, width)
                made[layer, :, first : first + rows] = _stored(output, texture.format)
        for layer in range(target.buffers):  # a draw reads what was there before it
            texture.planes[:, target.first + layer, y : y + height, x : x + width] = made[layer]

    def finish(self) -> None:
        """Does nothing: draws are done when they return."""

    def error(self) -> str:
        """What an OpenGL device says where there was no error."""
        return "GL_NO_ERROR"

    def counts(self) -> dict[str, int]:
        """The live textures, targets (called framebuffers, as elsewhere) and programs."""
        framebuffers = sum(len(texture.targets) for texture in self._textures)
        return {"textures": len(self._textures), "framebuffers": framebuffers, "programs": len(self._made)}

    def texture_bytes(self) -> int:
        """Bytes of the texels of all live textures."""
        return sum(cast(ArrayTexture, texture).planes.nbytes for texture in self._textures)

    def release_programs(self, keep: Sequence[Program] = ()) -> None:
        """Deletes every program but those to keep."""
        with self.use():
            for key, program in list(self._made.items()):
                if program not in keep:
                    self._made.pop(key).delete()

    def close(self) -> None:
        """Frees textures and programs, from any thread; a second call does nothing."""
        if self._closed:
            return
        with self._turn:
            for texture in list(self._textures):
                texture.release()
            self.release_programs()
            self._closed = True


def _stored(output: np.ndarray, format: str) -> np.ndarray:
    """Values as a target keeps them."""
    if format == "rgba8":
        return np.rint(np.clip(np.nan_to_num(output, nan=0.0), 0, 1) * 255).astype(np.uint8)
    with np.errstate(over="ignore"):
        return output.astype(np.float16) if format == "float16" else output


def _title(text: str, locate: Locate | None) -> str:
    """What a text is called: its kernel's file."""
    places = (locate(line) for line in range(1, text.count("\n") + 2)) if locate else ()
    file = next((place[0] for place in places if place and place[0] != "generated"), "text")
    return re.sub(r"\W+", "_", Path(file).stem) or "text"


_cache: dict[tuple[str, str, str], str] = {}


def _printed(text: str, title: str, real: str, locate: Locate | None) -> str:
    """The Python of a text, printed once in a process."""
    key = (hashlib.sha256(text.encode()).hexdigest(), title, real)
    if key not in _cache:
        while len(_cache) >= 512:
            del _cache[next(iter(_cache))]
        _cache[key] = module(text, title, real, EXACT if real == FLOAT64 else None, locate)
    return _cache[key]


def _remake(wishes: dict[str, Any]) -> NumpyDevice:
    return NumpyDevice(**wishes)
