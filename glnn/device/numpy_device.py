"""The device without OpenGL: it runs the texts that a driver would compile, as NumPy code (glnn.kernels.numpy).

Plans, textures, parts and codecs are those of an OpenGL device of the same limits.
"""

from __future__ import annotations

import hashlib
import linecache
import os
import re
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import numpy as np

from ..arguments import checked
from ..errors import ClosedError, InputError
from ..layout.limits import PRECISIONS, Limits
from . import state
from .arrays import ArrayProgram, ArrayTarget, ArrayTexture, printed, title_of
from .device import Device
from .lifetime import generations
from .messages import Locate
from .objects import TEXTURE, Target, Texture
from .probe import ProbeResult, names
from .program import Program
from .wishes import ARGUMENTS, Wishes, choose

# What a device of NumPy could do, if nothing asks for less: no more than a usual GPU, so that plans are alike.
QUERIED = Limits(max_texture_size=8192, draw_buffers=8, texture_units=16, array_layers=2048)
FLOAT64 = "float64"


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

    @checked(**ARGUMENTS)
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
        stage: str | None = None,
    ):
        self._closed = True
        wide = (precision or os.environ.get("GLNN_PRECISION", "").strip()) == FLOAT64
        if precision is not None and precision not in (*PRECISIONS, FLOAT64):
            raise InputError(f"precision={precision!r}: allowed are {', '.join((*PRECISIONS, FLOAT64))}")
        if stage == "compute":
            raise InputError("stage='compute': a device of NumPy runs fragment shaders alone; leave the argument out")
        self._wishes = Wishes.gather(
            0, max_texture_size, draw_buffers, texture_units, float_targets, dialect, profile,
            "highp" if wide else precision, array_layers, "fragment",
        )  # fmt: skip
        self.real: Any = np.dtype(np.float64 if wide else np.float32)
        self.sources = None if sources is None else Path(sources)
        self._open()

    def _open(self) -> None:
        self._turn = _Turn()
        self.renderer, self.vendor = f"NumPy {np.__version__}, {self.real}", "glnn"
        self.version = self.glsl_version = "none: kernels run as Python"
        self.software = True
        self.queried = QUERIED
        self.limits, self.forced = choose(lambda name: True, QUERIED, self._wishes, self.renderer)
        self.forced.pop("index", None), self.forced.pop("stage", None)
        self.generation = next(generations)
        self._textures = set()
        self._made: dict[str, ArrayProgram] = {}
        self._closed = False

    def __reduce__(self) -> tuple[Any, ...]:
        own = ("index", "precision", "stage")
        asked = {name: value for name, value in self._wishes.asked.items() if name not in own}
        precision = FLOAT64 if self.real == np.float64 else self._wishes.precision
        return (_remake, ({**asked, "precision": precision, "sources": self.sources},))

    def __del__(self) -> None:
        pass

    @property
    def why_stage(self) -> str:
        """As the texts are those of fragment shaders."""
        return "fragment (in NumPy)"

    @property
    def probe(self) -> tuple[ProbeResult, ...]:
        """What OpenGL devices are probed for; all of it works."""
        return tuple(ProbeResult(name, True, "in NumPy") for name in names(self))

    def revive(self, generation: int) -> None:
        """Does nothing: arrays do not go with a context."""

    @checked(**TEXTURE)
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
                title = title_of(fragment_text, locate)
                source, file = self._source(printed(fragment_text, title, str(self.real), locate), title)
                self._made[key] = ArrayProgram(source, file, samplers)
            program = self._made[key]
            program.users += 1
            return program

    def _source(self, made: str, title: str) -> tuple[str, str]:
        """The Python to run and the name of its file: in the folder of sources, where there is one."""
        name = f"{title}-{hashlib.sha256(made.encode()).hexdigest()[:12]}.py"
        if self.sources is None:
            file = f"<glnn {name}>"
            linecache.cache[file] = (len(made), None, made.splitlines(keepends=True), file)
            return made, file
        path = self.sources / name
        if not path.exists():
            self.sources.mkdir(parents=True, exist_ok=True)
            path.write_text(made, encoding="utf-8")
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
            made.draw(into, viewport, cast(Sequence[ArrayTexture], textures), ivec4s, vec4s)

    def again(self, make: Callable[[Callable[..., None]], None], count: int) -> Callable[[], None]:
        """What makes draws each time it is called; see Device.again."""
        return partial(make, self.draw)

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


def _remake(wishes: dict[str, Any]) -> NumpyDevice:
    return NumpyDevice(**wishes)
