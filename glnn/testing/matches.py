"""A kernel held to a reference in every corner: dialect x limits of a device x codec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import ARRAYS, BY_NAME, NAME, NAMES, SHAPE, checked, count, number, sequence
from ..device.device import Device
from ..errors import DeviceError, InputError, KernelError, LimitError, NoDeviceError
from ..graph.graph import ActivationCodec
from ..layout.codec import CODECS
from .corners import Corner, Limits, product
from .layers import (
    LayerRun,
    as_stored,
    decoded,
    decoded_activation,
    grid,
    run_graph,
    with_copies,
)
from .subjects import Subject, subject_of

TINY = 1e-37  # below which drivers may take a value for zero (docs/kernels.md)
HALF_ARITHMETIC = 2e-2  # what is allowed where shaders compute in half floats
SHOWN = 6  # corners and places that a message names


@dataclass(frozen=True)
class Failure:
    """What is wrong in one corner: the worst place, what came there and what should have, how many values differ.

    ulp: how many float32 numbers lie between the two; None where one is NaN or infinite
    """

    corner: Corner
    message: str
    index: tuple[int, ...] = ()
    got: float | None = None
    expected: float | None = None
    ulp: int | None = None
    count: int = 0


@dataclass(frozen=True)
class Matched:
    """Where a kernel was tried: the corners that it agreed in, and those that it could not run in, with the reason."""

    name: str
    corners: tuple[Corner, ...]
    left_out: tuple[tuple[Corner, str], ...] = ()

    def __str__(self) -> str:
        out = "".join(f"\n  not run: {corner}: {why}" for corner, why in self.left_out)
        return f"{self.name} agrees with its reference in {len(self.corners)} corners{out}"


class Mismatch(AssertionError):
    """A kernel that differs from its reference: `failures`, the first told in full, and how many corners ran."""

    def __init__(self, name: str, failures: Sequence[Failure], tried: int):
        self.name, self.failures, self.tried = name, tuple(failures), tried
        first = self.failures[0]
        lines = [f"{name} differs from its reference in {len(failures)} of {tried} corners", *told(first)]
        others = [str(f.corner) for f in self.failures[1:]]
        if others and len(failures) == tried:
            lines.append("  and in every other corner")
        elif others:
            more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
            lines.append(f"  as well in: {'; '.join(others[:SHOWN])}{more}")
        super().__init__("\n".join(lines))


def told(failure: Failure) -> list[str]:
    """A failure in lines."""
    return [f"  in the corner {failure.corner}:", *(f"    {line}" for line in failure.message.splitlines())]


LIMITS = sequence("a list of names, or of dicts of a Device's arguments", (NAME | BY_NAME).fits)


@checked(
    inputs=ARRAYS | BY_NAME, weights=BY_NAME, numbers=BY_NAME, shape=SHAPE, tolerance=number(0), ulp=count(),
    dialects=NAMES | NAME, limits=LIMITS, codecs=NAMES | NAME, weight_codecs=NAMES, options=BY_NAME,
)  # fmt: skip
def assert_matches(
    kernel: Any,
    reference: Any = None,
    inputs: Mapping[str, Any] | Sequence[Any] = (),
    *,
    weights: Mapping[str, Any] | None = None,
    numbers: Mapping[str, Any] | None = None,
    shape: tuple[int, ...] | None = None,
    tolerance: float | None = None,
    ulp: int | None = None,
    dialects: Sequence[str] | None = None,
    limits: Iterable[str | Limits] | None = None,
    codecs: Sequence[str] | None = None,
    weight_codecs: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> Matched:
    """A kernel agrees with a reference on devices of each dialect, limit and codec -> the corners that were tried.

    kernel:        a .glsl file's path, its text, what glnn.kernel made; a layer, a primitive; a kernel of glnn by name
    reference:     a function of the inputs (float64, as the device holds them) by position, which is given weights and
                   numbers as well where it has arguments of their names; or an array; None: a layer's own
    inputs:        arrays in the order of `#pragma glnn input`, or by name with those that are optional
    weights:       arrays of `matrix` and `vector` pragmas, or a layer's, by name
    numbers:       those of `const` and `param` pragmas, by name
    shape:         of the output, None: that of the reference's result
    tolerance:     relative to the largest value, None: that of the corner's codec, as docs/testing.md has them
    ulp:           instead: each value at most so many float32 numbers away; on float32 alone, other codecs are left out
    dialects, limits, codecs: what is gone through, None: what the run of tests chose; see glnn.testing.corners.product
    weight_codecs: codecs of weights that are tried besides: float16, uint16, uint8, uint4
    options:       further arguments of Builder.draw: window, looped

    NaN and infinities have to stand in the same places, and what lies beside a tensor in its textures has to be zero. A
    corner whose textures are too small for the tensors is left out, as is a codec that cannot hold the values.

    Raises Mismatch (an AssertionError) that names the corners, the place, both values and their distance; KernelError
    for a kernel that does not compile; NoDeviceError where there is no OpenGL; InputError if no corner is left.
    """
    __tracebackhide__ = True
    subject = subject_of(kernel, reference, inputs, weights or {}, numbers or {}, shape, options or {})
    if weight_codecs and not any(np.ndim(w) > 1 for n in subject.graph("float32").nodes for w in n.weights.values()):
        raise InputError(f"weight_codecs={weight_codecs!r}: {subject.name} has no weights of two axes or more")
    if ulp is not None:
        codecs, limits = ("float32",), limits or ("own limits", "1 draw buffer", "textures of 16")
    return hold(subject, product(dialects, limits, codecs, weight_codecs), tolerance, ulp)


def hold(
    subject: Subject, corners: Sequence[Corner], tolerance: float | None = None, ulp: int | None = None
) -> Matched:
    """A subject held to its reference in these corners. Raises as `assert_matches` does."""
    __tracebackhide__ = True
    tried: list[Corner] = []
    failures: list[Failure] = []
    left_out: list[tuple[Corner, str]] = []
    for corner in corners:
        try:
            device = corner.device()
        except NoDeviceError:
            raise
        except DeviceError as error:  # what this machine cannot be
            left_out.append((corner, str(error).splitlines()[0]))
            continue
        try:
            failure = judged(subject, corner, device, tolerance, ulp)
        except (LimitError, Unfit) as error:
            left_out.append((corner, str(error).splitlines()[0]))
            continue
        except KernelError as error:
            raise KernelError(f"in the corner {corner}: {error}") from error
        tried.append(corner)
        failures += [failure] if failure else []
    if failures:
        raise Mismatch(subject.name, failures, len(tried))
    if not tried:
        why = "; ".join(f"{corner}: {reason}" for corner, reason in left_out[:SHOWN]) or "none was asked for"
        raise InputError(f"{subject.name}: no corner is left to try it in ({why})")
    return Matched(subject.name, tuple(tried), tuple(left_out))


class Unfit(Exception):
    """A corner that cannot hold what is to be judged there."""


def judged(
    subject: Subject, corner: Corner, device: Device, tolerance: float | None, ulp: int | None
) -> Failure | None:
    """What is wrong in a corner, None if nothing is. Raises LimitError, Unfit for one that cannot hold the values."""
    target = device.limits.float_target
    stored = "float32" if corner.codec in ("float32", target) else corner.codec
    inputs = [decoded(x, target).astype(np.float32) for x in subject.inputs]
    codecs: dict[str, ActivationCodec] = {}
    if stored != "float32":
        if stored == "uint8" and not all(np.isfinite(x).all() for x in inputs):
            raise Unfit("uint8 holds neither NaN nor infinities")
        codecs = {f"a{i}": grid(stored, x) for i, x in enumerate(inputs)}
        inputs = [decoded_activation(x, codecs[f"a{i}"]).astype(np.float32) for i, x in enumerate(inputs)]
    if subject.fixed and any(not np.array_equal(x, y, True) for x, y in zip(inputs, subject.inputs, strict=True)):
        raise Unfit(f"{corner.codec} does not hold these inputs as they are, and the reference is a value")
    graph = subject.graph(corner.weights)
    expected = subject.expected([x.astype(np.float64) for x in inputs], graph)
    if stored == "uint8" and not all(np.isfinite(y).all() for y in expected):
        raise Unfit("uint8 holds neither NaN nor infinities")
    if stored != "float32":
        codecs |= {f"b{i}": grid(stored, y) for i, y in enumerate(expected)}
        graph = with_copies(graph, codecs.__getitem__)
    run = run_graph(device, graph, inputs)
    error = device.error()
    if error != "GL_NO_ERROR":
        return Failure(corner, f"OpenGL tells of {error}")
    steps = [0.5 * codecs[f"b{i}"].scale if stored == "uint8" else 0.0 for i in range(len(expected))]
    half = HALF_ARITHMETIC if device.limits.precision == "mediump" else 0.0
    allowed = max(CODECS[target].tolerance, CODECS[stored].tolerance, half) if tolerance is None else tolerance
    return compared(run, [as_stored(y, target if stored == "uint8" else _narrower(stored, target)) for y in expected],
                    corner, allowed, steps, ulp)  # fmt: skip


def _narrower(stored: str, target: str) -> str:
    return "float16" if "float16" in (stored, target) else target


def compared(
    run: LayerRun,
    expected: Sequence[np.ndarray],
    corner: Corner,
    tolerance: float,
    steps: Sequence[float],
    ulp: int | None,
) -> Failure | None:
    """The first output that differs, and where most; then what lies outside of the tensors."""
    for i, (got, want) in enumerate(zip(run.outputs, expected, strict=True)):
        name = "y" if len(expected) == 1 else f"y{i}"
        if got.shape != want.shape:
            return Failure(corner, f"{name} has shape {got.shape}, the reference {want.shape}")
        scale = float(np.abs(want[np.isfinite(want)]).max(initial=0))
        failure = differing(name, got, want, corner, tolerance * scale + steps[i] + TINY, ulp)
        if failure:
            return failure
    for i, dead in enumerate(run.dead):
        if np.any(dead != 0):
            name = "y" if len(expected) == 1 else f"y{i}"
            return Failure(corner, f"lanes or pixels outside of {name} are not zero: {dead[dead != 0][0]} is there")
    return None


def differing(
    name: str, got: np.ndarray, want: np.ndarray, corner: Corner, atol: float, ulp: int | None
) -> Failure | None:
    """Where two arrays of one shape differ most; None where they agree."""
    finite = np.isfinite(got) & np.isfinite(want)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    with np.errstate(all="ignore"):
        off = np.where(same, 0.0, np.where(finite, np.abs(got.astype(np.float64) - want), np.inf))
        apart = distance(got, want)
        bad = ~same & (~finite | ((apart > ulp) & (off > TINY) if ulp is not None else off > atol))
    count = int(bad.sum())
    if not count:
        return None
    index = tuple(int(k) for k in np.unravel_index(int(np.argmax(np.where(bad, off, -1.0))), got.shape))
    g, w = float(got[index]), float(want[index])
    far = int(apart[index]) if finite[index] else None
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    told = [f"{place} is {g:.9g}, expected {w:.9g}"]
    if far is not None:
        most = f"{ulp} ULP are allowed" if ulp is not None else f"{atol:.3g} is allowed"
        told[0] += f": off by {off[index]:.3g}, {far} ULP ({most})"
    told.append(f"{count} of {got.size} values differ" + (f", the first at {_first(bad)}" if count > 1 else ""))
    return Failure(corner, "\n".join(told), index, g, w, far, count)


def _first(bad: np.ndarray) -> str:
    return str([int(k) for k in np.argwhere(bad)[0]])


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many float32 numbers lie between the values of two arrays, int64; of NaN and infinities it says nothing."""

    def steps(x: np.ndarray) -> np.ndarray:
        bits = np.asarray(x, np.float32).view(np.int32).astype(np.int64)
        return np.where(bits < 0, -(1 << 31) - bits, bits)

    return np.abs(steps(a) - steps(b))
