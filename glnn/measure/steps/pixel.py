"""A draw of a plan watched at one of its pixels: the lines that ran, the texels that were read and what each adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...device.arrays import ArrayProgram, ArrayTexture, stored
from ...graph.quantized import Quantized
from ...run.session import Arrays, Session
from ...show.reports.explanation import Line, TexelRead
from .watching import Place, Watch
from .writing import Spot, Writing, lanes, run_to, texel_values

BYTES = ("rgba8", "uint8")  # codecs of tensors that lie in bytes
Sources = Mapping[str, tuple[str, int, int]]  # by sampler: "slot" or "weight", its number, which of its textures


@dataclass(frozen=True)
class Aim:
    """A value where it is written: by the k-th draw that is made, to a texel of its target, in one of its lanes."""

    k: int
    spot: Spot
    lane: int


@dataclass(frozen=True)
class Seen:
    """What was seen of a value on the NumPy device. copied: where it is written, if the draw only copied it."""

    value: float
    kernel: str
    lines: list[Line]
    left_out: int
    texels: list[TexelRead]
    copied: Aim | None = None


class Pixel:
    """Runs a session's plan on a NumPy device up to a draw, and watches that for one value."""

    def __init__(self, numpy: Session, arrays: Arrays, writing: Writing):
        self.arrays, self.writing, self.plan = arrays, writing, writing.plan
        with numpy.device.use():
            self.executor = numpy.executor({key: array.shape for key, array in arrays.items()})
        self.store = numpy.store

    def seen(self, aim: Aim, trace: bool = False) -> Seen:
        """What makes a value. trace: whether to look for where it was copied from."""
        found: list[Seen] = []
        run_to(self.executor, self.arrays, aim.k, lambda call: found.append(self._watched(aim, call, trace)))
        slot, codec = self.writing.taken[aim.k].draw.target, self.writing.making(aim.k).codec
        value = texel_values(self.executor.slots[slot], aim.spot, codec)[aim.lane]
        (seen,) = found
        same = seen.copied is not None and float(value) == self._value_at(seen.copied)
        return Seen(
            float(value), seen.kernel, seen.lines, seen.left_out, seen.texels, seen.copied if same else None
        )  # fmt: skip

    def _value_at(self, aim: Aim) -> float:
        slot, codec = self.writing.taken[aim.k].draw.target, self.writing.making(aim.k).codec
        return float(texel_values(self.executor.slots[slot], aim.spot, codec)[aim.lane])

    def _watched(self, aim: Aim, call: Sequence[Any], trace: bool) -> Seen:
        """What is seen right before the draw is made."""
        program, _, _, textures, ints, floats = call
        assert isinstance(program, ArrayProgram)
        draw, codec = self.writing.taken[aim.k].draw, self.writing.making(aim.k).codec
        layer, row, column = aim.spot
        real = self.executor.device.real
        sources: Sources = dict(zip(program.samplers, draw.textures, strict=False))
        watch = Watch(
            program, [texture.texels for texture in textures if isinstance(texture, ArrayTexture)],
            np.frombuffer(ints, np.int32).reshape(-1, 4).tolist(), list(np.frombuffer(floats, real).reshape(-1, 4)),
            np.array([[column + 0.5], [row + 0.5], [0.5], [1.0]], real),
            {name: self._blank(*source, aim.k) for name, source in sources.items()},
        )  # fmt: skip
        buffer = layer - draw.layers[0]

        def value(outputs: list[np.ndarray]) -> np.ndarray:
            if codec.codec in BYTES:
                return lanes(stored(outputs[buffer].T, "rgba8"), codec)[:, aim.lane]
            return outputs[buffer][aim.lane]

        text = self.plan.programs[draw.program]
        file = next((file for file, _ in text.origins if file != "generated"), "")
        outputs = {f"y_{buffer}", "y", f"out_{buffer}"}
        lines, left_out, reads, _ = watch.lines(file, outputs, 4 * buffer + aim.lane)
        changes = watch.changes(reads, value)
        texels = [self._read(read, change, sources, aim.k) for read, change in zip(reads, changes, strict=True)]
        texels.sort(key=lambda read: -abs(read.change))
        copied = watch.copied(reads, value) if trace else None
        source = self._source(copied[:2], copied[2] or 0, sources, aim.k) if copied else None
        return Seen(np.nan, text.kernel, lines, left_out, texels, source)

    def _blank(self, kind: str, number: int, part: int, k: int) -> float | None:
        """What the components of a texel are where its values are 0; None: codes of weights, which none stands for."""
        if kind == "weight":
            return None if self.plan.weights[number].quant else 0.0
        last = max((j for j, item in enumerate(self.writing.taken[:k]) if item.draw.target == number), default=None)
        if last is None:
            return 0.0
        codec = self.writing.making(last).codec
        return codec.zero / 255 if codec.codec == "uint8" else 0.0

    # ---- what was read

    def _source(self, read: Place, component: int, sources: Sources, k: int) -> Aim | None:
        """What wrote a component of a texel that was read."""
        kind, slot, _ = sources[read[0]]
        if kind != "slot":
            return None
        spot = self._spot(slot, read[1])
        writer = self.writing.writer(slot, spot, k)
        return None if writer is None else Aim(writer, spot, component)

    def _spot(self, slot: int, number: int) -> Spot:
        texture = self.executor.slots[slot]
        layer, row, column = np.unravel_index(number, (texture.layers or 1, texture.height, texture.width))
        return int(layer), int(row), int(column)

    def _read(self, read: Place, change: float, sources: Sources, k: int) -> TexelRead:
        sampler, number = read
        kind, source, part = sources[sampler]
        if kind == "weight":
            told = self._of_weight(source, part, number, change)
            of = sources.get(f"{sampler.rpartition('_q_t')[0]}_t0")  # the weights whose scales these are
            return replace(told, tensor=f"{self._weight_name(of[1])} (scale, low)") if of else told
        spot = self._spot(source, number)
        held = self.writing.held(source, spot, k)
        if held is None:
            return TexelRead(f"slot {source}", spot, (), change)
        values = texel_values(self.executor.slots[source], spot, held.codec)
        elements = tuple(
            (tuple(int(k) for k in np.unravel_index(n, (held.shape or held.layout.shape))), float(values[lane]))
            for lane, n in enumerate(held.numbers)
            if n >= 0
        )
        return TexelRead(held.name, spot, elements, change, held.turn)

    def _of_weight(self, number: int, part: int, texel: int, change: float) -> TexelRead:
        weight = self.plan.weights[number]
        held = self.store.values[weight.key]
        room = weight.layout.packed(
            np.arange(1, int(np.prod(weight.shape)) + 1).reshape(weight.shape), weight.layout.size
        )
        room = room[part] if weight.layout.textures > 1 else room.reshape(-1, *room.shape[2:])
        layer, row, column = (int(k) for k in np.unravel_index(texel, room.shape[:3]))
        numbers = [int(n) - 1 for n in room[layer, row, column] if n]
        values = np.asarray(held, np.float32) if isinstance(held, Quantized) else np.asarray(held)
        places = [tuple(int(k) for k in np.unravel_index(n, weight.shape)) for n in numbers]
        codes: tuple[tuple[int, float, float], ...] = ()
        if isinstance(held, Quantized):
            parts = [np.broadcast_to(a, held.shape).reshape(-1) for a in (held.codes, held.scale, held.low)]
            codes = tuple((int(parts[0][n]), float(parts[1][n]), float(parts[2][n])) for n in numbers)
        elements = tuple((place, float(values.flat[n])) for place, n in zip(places, numbers, strict=True))
        return TexelRead(self._weight_name(number), (layer, row, column), elements, change, (), codes)

    def _weight_name(self, number: int) -> str:
        key = self.plan.weights[number].key
        root = self.store.weights.get(key)
        return root.name if root is not None else key
