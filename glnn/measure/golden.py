"""What every draw of a plan gives, for the checks of an exported page: run in NumPy, and where that would take minutes
and there is OpenGL, there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ..device.device import Device
from ..errors import DeviceError, InputError
from ..graph.exact import whole_numbers
from ..graph.graph import Graph
from ..image import picture_axes
from ..layout.limits import Limits
from ..plan.plan import Plan, make_plan
from ..plan.steps import taken, turns_of
from ..plan.weights import WeightStore
from ..run.executor import Executor
from ..run.inputs import named_inputs
from ..run.resident import Resident
from ..web.golden import Check, Drawn, codec_of, record, tolerances, values_of, watched

SEED = 0
Arrays = Mapping[str, np.ndarray]


def observe(plan: Plan, device: Device, weights: Mapping[str, Any], inputs: Arrays) -> list[Drawn]:
    """What each draw gives in the turns that are watched (see web/golden.py), read right after it.

    Raises what an Executor does.
    """
    resident = Resident(device, weights)
    turns, seen, order = list(turns_of(plan.steps)), [0] * len(plan.draws), taken(plan.steps)
    codecs = [codec_of(plan, draw) for draw in plan.draws]
    made: list[Drawn] = []

    def draw(program: Any, target: Any, viewport: tuple[int, int, int, int], *rest: Any) -> None:
        device.draw(program, target, viewport, *rest)
        index = next(order)
        turn, seen[index] = seen[index], seen[index] + 1
        if watched(turn, turns[index]):
            texture = target.texture
            first, count = next(key for key, made in texture.targets.items() if made is target)
            x, y, width, height = viewport
            texels = texture.read()[first : first + count, y : y + height, x : x + width]
            made.append(Drawn(index, turn, values_of(texels, codecs[index])))

    try:
        with device.use():
            executor = Executor(plan, device, resident)
            try:
                executor.load(inputs)
                executor.replay(draw=draw)
            finally:
                executor.release()
    finally:
        resident.release()
    return made


def records(graph: Graph, store: WeightStore, plan: Plan, inputs: Arrays) -> tuple[list[dict[str, Any]], str]:
    """The record of each draw with what it may be off by elsewhere -> (records, who computed them).

    Rounding is measured against the same plan in float64 with float32 textures. Raises what an Executor does.
    """
    shapes = {name: x.shape for name, x in inputs.items()}
    limits = plan.limits
    wide = plan if limits.float_target == "float32" else make_plan(graph, shapes, _floats(limits), store)
    with _device(limits) as device:
        here, by = observe(plan, device, store.values, inputs), device.renderer
    with _numpy(wide.limits, "float64") as device:
        exact = observe(wide, device, store.values, inputs)
    if _like(here, exact):
        noise: list[Any] = [_errors(a.values, b.values) for a, b in zip(here, exact, strict=True)]
    else:  # a soft float takes a texel of its own: the noise of the same draws with float32 textures
        with _numpy(wide.limits, "highp") as device:
            plain = observe(wide, device, store.values, inputs)
        if [(d.draw, d.turn) for d in plain] != [(d.draw, d.turn) for d in here]:
            noise = [None] * len(here)
        else:
            noise = [_errors(a.values, b.values) for a, b in zip(plain, exact, strict=True)]
    made = []
    for drawn, errors in zip(here, noise, strict=True):
        codec = codec_of(plan, plan.draws[drawn.draw])
        about = {"draw": drawn.draw, "turn": drawn.turn, "codec": codec}
        made.append({**about, "tolerance": tolerances(drawn.values, codec, errors), **record(drawn.values)})
    return made, by


def check_of(
    graph: Graph, store: WeightStore, shapes: Mapping[str, tuple[int, ...]], given: Any, picture: Mapping[str, Any]
) -> Check:
    """The check of an export for `check=True` or inputs as for predict. Raises InputError.

    picture: Preparation.data() of the export
    """
    if given is True:
        inputs: Arrays = seeded(graph, shapes, picture)
    else:
        try:
            inputs = named_inputs(given, graph.given)
        except InputError as error:
            raise InputError(f"check: {error}; or give True for inputs of a seed") from None
        wrong = [f"{name!r} {x.shape}" for name, x in inputs.items() if x.shape != tuple(shapes[name])]
        if wrong:
            wanted = ", ".join(f"{name!r} {tuple(shape)}" for name, shape in shapes.items())
            raise InputError(f"check: input {', '.join(wrong)} is not of the page's shape, which is {wanted}")
    seed = SEED if given is True else None
    return Check(inputs, seed, lambda plan: records(graph, store, plan, inputs))


def seeded(
    graph: Graph, shapes: Mapping[str, tuple[int, ...]], picture: Mapping[str, Any], seed: int = SEED
) -> dict[str, np.ndarray]:
    """Inputs out of a seed: pixels in the export's scale for a picture, 0 and 1 for what looks up, else normal."""
    rng, exact = np.random.default_rng(seed), whole_numbers(graph)
    made = {}
    for name, shape in shapes.items():
        if name in exact:
            values = rng.integers(0, 2, shape).astype(np.float64)
        elif len(shapes) == 1 and (axes := picture_axes(shape)):
            channel = axes[2]
            spread = [-1 if axis == channel else 1 for axis in range(4)]
            factor, offset = (np.array(picture[key][: shape[channel]]).reshape(spread) for key in ("factor", "offset"))
            values = rng.integers(0, 256, shape) * factor + offset
        else:
            values = rng.standard_normal(shape)
        made[name] = values.astype(np.float32)
    return made


def _floats(limits: Limits) -> Limits:
    return replace(limits, float_target="float32")


def _like(here: Sequence[Drawn], there: Sequence[Drawn]) -> bool:
    return [(d.draw, d.turn, d.values.shape) for d in here] == [(d.draw, d.turn, d.values.shape) for d in there]


def _errors(values: np.ndarray, exact: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.subtract(values, exact, dtype=np.float64)


@contextmanager
def _device(limits: Limits) -> Iterator[Device]:
    """NumPy; for soft floats, of which it takes minutes, OpenGL where there is some that can."""
    if limits.float_target == "rgba8":
        try:
            device = Device(**_wishes(limits))
        except DeviceError:
            pass
        else:
            with device:
                if device.limits.max_texture_size >= limits.max_texture_size:
                    yield device
                    return
    with _numpy(limits, limits.precision) as device:
        yield device


@contextmanager
def _numpy(limits: Limits, precision: str) -> Iterator[Device]:
    with Device("numpy", **{**_wishes(limits), "precision": precision}) as device:
        yield device


def _wishes(limits: Limits) -> dict[str, Any]:
    return {
        "max_texture_size": limits.max_texture_size,
        "draw_buffers": limits.draw_buffers,
        "texture_units": limits.texture_units,
        "float_targets": [limits.float_target],
        "dialect": limits.dialect,
        "precision": limits.precision,
        "array_layers": limits.array_layers,
    }
