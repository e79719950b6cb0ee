"""What a device can really do: drawn, read back and compared, not inferred from the names of extensions.

A probe runs when it is asked for, so that making a Device compiles three small programs, not twenty; one where the
renderer is among TRIED.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DeviceError, DeviceLostError, GlnnError
from ..kernels.stages import outputs_text, place_text, write_lines
from ..layout.limits import COMPUTE, DIALECTS, TARGETS
from ..records import dataclass
from . import functions as g

if TYPE_CHECKING:
    from .device import Device

MAX_UNITS = 16  # what every WebGL2 has; the cost of the probe grows with it

# Renderers on which the tests run every probe: what they say of sizes and units is so, and targets that keep what they
# are cleared with keep what is drawn. In software a program takes 25 ms to compile and more.
TRIED = ("llvmpipe", "swiftshader")

_cache: dict[tuple[str, ...], dict[str, ProbeResult]] = {}


@dataclass(frozen=True)
class ProbeResult:
    """One thing that was tried: its name, whether it works, and what was seen."""

    name: str
    works: bool
    detail: str = ""


# ---- the texts that are drawn

_PRECISION = "precision highp float;\nprecision highp int;\nprecision highp sampler2D;\n"
_HEADS = {
    "es300": f"#version 300 es\n{_PRECISION}precision highp sampler2DArray;\n",
    "gl330": "#version 330 core\n",
    "es100": f"#version 100\n{_PRECISION}",
}


def vertex_text(dialect: str) -> str:
    """The vertex shader of every draw: attribute `vec2 p` in clip space. A compute shader has none."""
    if dialect == COMPUTE:
        return ""
    head, word = _HEADS[dialect].splitlines()[0], "attribute" if dialect == "es100" else "in"
    return f"{head}\n{word} vec2 p;\nvoid main() {{ gl_Position = vec4(p, 0.0, 1.0); }}\n"


def _copy_text(dialect: str) -> str:
    """Copies a texture of F[0].xy texels, times F[0].z = 1: some drivers lower the precision of arithmetic only."""
    read, write, out = ("texture2D", "gl_FragColor", "") if dialect == "es100" else ("texture", "o", "out vec4 o;\n")
    return (
        f"{_HEADS[dialect]}uniform sampler2D a;\nuniform vec4 F[1];\n{out}"
        f"void main() {{ {write} = {read}(a, gl_FragCoord.xy / F[0].xy) * F[0].z; }}\n"
    )


def _layers_text(dialect: str, count: int, format: str = "float32") -> str:
    """Copies `count` layers of an array texture through as many draw buffers, last layer first."""
    if dialect == COMPUTE:
        texels = [f"texelFetch(a, ivec3(col, row, {count - 1 - i}), 0) * F[0].z" for i in range(count)]
        return (
            f"#version 430\n{outputs_text(dialect, count, format)}uniform ivec4 y_V[2];\nuniform sampler2DArray a;\n"
            "uniform vec4 F[1];\n"
            f"void main() {{ {place_text(dialect)} {' '.join(write_lines(dialect, texels, True))} }}\n"
        )
    outs = "".join(f"layout(location = {i}) out vec4 o{i};\n" for i in range(count))
    body = "".join(
        f"  o{i} = texture(a, vec3(gl_FragCoord.xy / F[0].xy, {count - 1 - i}.0)) * F[0].z;\n" for i in range(count)
    )
    return f"{_HEADS[dialect]}uniform sampler2DArray a;\nuniform vec4 F[1];\n{outs}void main() {{\n{body}}}\n"


def _units_text(dialect: str, count: int) -> str:
    """The sum over textures u0.. of u_i * (i + 1), each a single texel."""
    read, write, out = ("texture2D", "gl_FragColor", "") if dialect == "es100" else ("texture", "o", "out vec4 o;\n")
    names = "".join(f"uniform sampler2D u{i};\n" for i in range(count))
    terms = " + ".join(f"{read}(u{i}, vec2(0.5)) * {i + 1}.0" for i in range(count))
    return f"{_HEADS[dialect]}{names}{out}void main() {{ {write} = ({terms}) / 1024.0; }}\n"


def _pattern(format: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values that a lower precision or a smaller range would change."""
    bits = np.arange(1, 1 + math.prod(shape), dtype="u4") * np.uint32(2654435761)
    bits = ((bits ^ bits >> 15) * np.uint32(0x2C1B3C6D)).reshape(shape)  # numpy.random takes long to import
    if format == "rgba8":
        return (bits >> 24).astype("u1")
    high, low = (bits >> 24) & 127, bits & 0x807FFFFF
    if format == "float16":  # any sign and fraction of 10 bits; exponents of 5 to 20 of 31, for float32 67 to 194
        return (low >> 16 & 0x8000 | low & 0x3FF | 5 + (high & 15) << 10).astype("u2").view("f2")
    return (low | 67 + high << 23).view("f4")


# ---- the probes


def names(device: Device) -> list[str]:
    """Every probe there is for a device; compute shaders are tried on OpenGL."""
    spoken = (*DIALECTS, COMPUTE) if hasattr(device, "_gl") else DIALECTS
    size, units = device.queried.max_texture_size, min(device.queried.texture_units, MAX_UNITS)
    per_dialect = [
        [d, *(f"{d} {t}" for t in TARGETS), *(f"{d} {n} draw buffers" for n in buffer_counts(d))] for d in spoken
    ]
    return [*sum(per_dialect, []), f"texture size {size}", f"{units} texture units", "keeps NaN and infinity"]


def buffer_counts(dialect: str) -> tuple[int, ...]:
    """The numbers of draw buffers that are tried, most first; es100 has one."""
    return () if dialect == "es100" else (8, 4, 1)


def ask(device: Device, name: str) -> ProbeResult:
    """The result of the probe called `name` (see `names`); each runs once per driver and process."""
    results = known(device)
    if name not in results:
        results[name] = _run(device, name)
    return results[name]


def works(device: Device, name: str) -> bool:
    """Whether what a probe asks for works; a target of a renderer that the tests know is cleared instead."""
    dialect, what, *_ = [*name.split(), ""]
    counts = buffer_counts(dialect) if dialect in DIALECTS and name not in known(device) else ()
    if counts and what in (TARGETS[0], str(counts[0])) and any(tried in device.renderer.lower() for tried in TRIED):
        with suppress(GlnnError, AssertionError):
            _cleared(device, TARGETS[0], counts[0])
            return True
    return ask(device, name).works


def known(device: Device) -> dict[str, ProbeResult]:
    """The results so far of a device's driver, by name."""
    return _cache.setdefault((device.vendor, device.renderer, device.version), {})


def _run(device: Device, name: str) -> ProbeResult:
    if name in (*DIALECTS, COMPUTE):
        tried = [ask(device, f"{name} {target}") for target in reversed(TARGETS)]
        works = [result.name.split()[1] for result in reversed(tried) if result.works]
        return ProbeResult(name, bool(works), f"renders to {', '.join(works)}" if works else tried[0].detail)
    words = name.split()
    limits, programs = device.limits, list(device._programs)
    device.limits = replace(device.queried, dialect=COMPUTE) if words[0] == COMPUTE else device.queried
    try:
        if name.startswith("texture size"):
            seen = [_copy(device, *_first(device), shape) for shape in ((1, int(words[2])), (int(words[2]), 1))]
            return ProbeResult(name, True, f"drawn to the last texel: {seen[0]}")
        if name.endswith("texture units"):
            return ProbeResult(name, True, _units(device, _first(device)[0], int(words[0])))
        if name == "keeps NaN and infinity":
            return ProbeResult(name, True, _specials(device, *_first(device)))
        if name.endswith("draw buffers"):
            return ProbeResult(name, True, _layers(device, words[0], _first(device, words[0])[1], int(words[1])))
        if words[0] == COMPUTE:  # kernels store into layers of array textures alone
            return ProbeResult(name, True, _layers(device, words[0], words[1], 1))
        if words[1] == TARGETS[0] and (counts := buffer_counts(words[0])):
            with suppress(GlnnError, AssertionError):  # one program shows both
                told = _layers(device, words[0], words[1], counts[0])
                more = f"{words[0]} {counts[0]} draw buffers"
                known(device)[more] = ProbeResult(more, True, told)
                return ProbeResult(name, True, "exact")
        return ProbeResult(name, True, _copy(device, words[0], words[1]))
    except DeviceLostError:  # which says nothing of the driver
        raise
    except (GlnnError, AssertionError) as error:
        return ProbeResult(name, False, " ".join(str(error).split())[:300])
    finally:
        device.limits = limits
        device.release_programs(keep=programs)


def _first(device: Device, dialect: str | None = None) -> tuple[str, str]:
    """The first dialect and target that work. Raises DeviceError if none does."""
    for spoken in (dialect,) if dialect else DIALECTS:
        for target in TARGETS:
            if ask(device, f"{spoken} {target}").works:
                return spoken, target
    raise DeviceError(f"{device.renderer} renders to none of {', '.join(TARGETS)}")


def _copy(device: Device, dialect: str, format: str, shape: tuple[int, int] = (5, 7)) -> str:
    data = _pattern(format, (1, *shape, 4))
    source, into = device.texture(shape[1], shape[0], 0, format, data), device.texture(shape[1], shape[0], 0, format)
    try:
        into.poison()
        target = device.target(into)
        program = device.program(vertex_text(dialect), _copy_text(dialect))
        device.draw(program, target, (0, 0, shape[1], shape[0]), [source], None, _size(shape))
        _same(into.read(), data, format)
    finally:
        source.release()
        into.release()
    return "exact"


def _layers(device: Device, dialect: str, format: str, count: int) -> str:
    data = _pattern(format, (count, 5, 7, 4))
    source = device.texture(7, 5, count, format, data)
    into = device.texture(7, 5, count, format)
    try:
        into.poison()
        target = device.target(into)
        program = device.program(vertex_text(dialect), _layers_text(dialect, count, format))
        device.draw(program, target, (0, 0, 7, 5), [source], None, _size((5, 7)))
        _same(into.read(), data[::-1], format)
    finally:
        source.release()
        into.release()
    return f"{count} layer{'s' if count > 1 else ''} of an array texture written in one draw, {format}"


def _cleared(device: Device, format: str, count: int) -> None:
    """Clears each of so many layers with its own values. Raises AssertionError where others are there afterwards."""
    data = np.ascontiguousarray(np.broadcast_to(_pattern(format, (count, 1, 1, 4)), (count, 5, 7, 4)))
    into = device.texture(7, 5, count, format)
    try:
        device._gl.BindFramebuffer(g.GL_DRAW_FRAMEBUFFER, device.target(into).framebuffer())
        device._state.target = None
        device._state.cover(device._gl, (0, 0, 7, 5))  # a smaller scissor has the driver draw, by programs of its own
        for layer in range(count):
            device._gl.ClearBufferfv(g.GL_COLOR, layer, data[layer, 0, 0].ctypes.data)
        _same(into.read(), data, format)
    finally:
        into.release()


def _units(device: Device, dialect: str, count: int) -> str:
    texels = [device.texture(1, 1, 0, "rgba8", bytes([0, 51 * (i % 6), 255, 255])) for i in range(count)]
    into = device.texture(1, 1, 0, "rgba8")
    try:
        program = device.program(
            vertex_text(dialect), _units_text(dialect, count), samplers=[f"u{i}" for i in range(count)]
        )
        device.draw(program, device.target(into), (0, 0, 1, 1), texels)
        got = into.read()[0, 0, 0].astype(int)
        want = [0, sum((i % 6) / 5 * (i + 1) for i in range(count)) / 1024 * 255, sum(range(count + 1)) / 1024 * 255]
        assert np.abs(got[:3] - want).max() <= 1, f"{count} textures read at once gave {got[:3]}, not {np.round(want)}"
    finally:
        for texture in [*texels, into]:
            texture.release()
    return f"{count} textures read in one draw"


def _specials(device: Device, dialect: str, format: str) -> str:
    assert format != "rgba8", "rgba8 holds no NaN"
    data = np.array([[[[np.nan, np.inf, -np.inf, -0.0]]]], format)
    source, into = device.texture(1, 1, 0, format, data), device.texture(1, 1, 0, format, np.ones_like(data))
    try:
        program = device.program(vertex_text(dialect), _copy_text(dialect))
        device.draw(program, device.target(into), (0, 0, 1, 1), [source], None, _size((1, 1)))
        got = into.read()
        assert np.array_equal(got, data, equal_nan=True), f"{data.ravel()} came back as {got.ravel()}"
    finally:
        source.release()
        into.release()
    return f"in {format}"


def _size(shape: tuple[int, int]) -> bytes:
    return np.array([shape[1], shape[0], 1, 0], "f4").tobytes()


def _same(got: np.ndarray, want: np.ndarray, format: str) -> None:
    if np.array_equal(got, want):
        return
    if np.isnan(got.astype("f4")).any():
        raise AssertionError(f"{format}: some texels were not written")
    with np.errstate(over="ignore"):
        half = want.astype("f2").astype("f4")
    if format == "float32" and np.array_equal(got, half):
        raise AssertionError("float32: the values are rounded to half precision on the way")
    raise AssertionError(f"{format}: the values that come back differ from those drawn")
