"""One value of a layer's output, explained: its draw is run for its pixel alone on the NumPy device and watched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ... import tensor
from ...device.arrays import ArrayProgram, ArrayTexture
from ...device.numpy_device import NumpyDevice
from ...errors import InputError, UnsupportedError
from ...graph.graph import ActivationCodec, Graph
from ...graph.quantized import Quantized
from ...layout.codec import activation_storage
from ...plan.steps import Draw, each_draw
from ...run.executor import Executor
from ...run.inputs import with_states
from ...run.session import Arrays, Session
from ...show.reports.explanation import Explanation, TexelRead
from .segments import Chain, Segment, segments
from .stepping import Steps
from .watching import Place, Watch

Numbered = tuple[str, np.ndarray, np.ndarray | None]  # name, number of the element in each lane (or -1), the values


def explain(graph: Graph, session: Session, x: Any, layer: str, index: Sequence[int]) -> Explanation:
    """The value at an index (batch first) of a layer's output for inputs x as for predict.

    Raises InputError (a layer or an index that is not there, a layer that no draw makes), UnsupportedError for what is
    made in the turns of a repeat.
    """
    try:
        arrays = with_states(x, graph)
    except InputError as error:
        raise InputError(f"explain: {error}") from None
    name = graph.find(layer).outputs[0]
    at = _checked(layer, index, (len(next(iter(arrays.values()))), *_shape(graph, arrays, name)[1:]))
    with _stepped(session) as numpy:
        with numpy.device.use():
            executor = numpy.executor({key: array.shape for key, array in arrays.items()})
        found = segments(graph, executor.plan)
        segment = next((s for s in found if s.name == name), None)
        if segment is None:
            within = next((s for s in found if layer in s.labels), None)
            told = (
                f"it is part of the draw of {within.nodes[-1].label!r}: explain that" if within else "no draw makes it"
            )
            raise InputError(f"explain: layer {layer!r} has no tensor of its own; {told}")
        return _Explained(graph, session, numpy, executor, segment, arrays, at).explanation()


def _shape(graph: Graph, arrays: Arrays, name: str) -> tuple[int, ...]:
    specs = graph.specs({key: array.shape for key, array in arrays.items()})
    return tuple(int(size or 1) for size in specs[name].shape)


def _checked(layer: str, index: Sequence[int], shape: tuple[int, ...]) -> tuple[int, ...]:
    given = tuple(index) if isinstance(index, list | tuple) else (index,)
    whole = all(isinstance(k, int | np.integer) and not isinstance(k, bool) for k in given)
    if not whole or len(given) != len(shape) or any(not -n <= k < n for k, n in zip(given, shape, strict=True)):
        raise InputError(
            f"explain: index {given} of layer {layer!r}, whose output has the shape {shape}: a whole number for each "
            "axis, the sample first"
        )
    return tuple(int(k) % n for k, n in zip(given, shape, strict=True))


@contextmanager
def _stepped(session: Session) -> Iterator[Session]:
    """A session of the same graph on a NumPy device of the same limits: the same plan, the same texts."""
    if isinstance(session.device, NumpyDevice):
        yield session
        return
    with ExitStack() as stack:
        device = stack.enter_context(NumpyDevice())
        device.limits = session.device.limits  # arrays have none, and plans must be the same
        yield stack.enter_context(Session(session.graph, device))


class _Explained:
    def __init__(
        self, graph: Graph, session: Session, numpy: Session, executor: Executor, segment: Segment, arrays: Arrays,
        index: tuple[int, ...],
    ):  # fmt: skip
        self.graph, self.session, self.numpy, self.executor = graph, session, numpy, executor
        self.segment, self.arrays, self.plan, self.index = segment, arrays, executor.plan, index
        made = segment.made
        mark = np.zeros(segment.plain(np.empty(made.shape, bool)).shape, bool)
        mark[index] = True
        packed = made.layout.packed(segment.stored(mark), (made.layout.width, made.layout.height))
        self.part, self.buffer, self.row, self.column, lane = (int(k) for k in np.argwhere(packed)[0])
        self.lane = lane
        self.step, self.draw = self._find_draw()

    def _find_draw(self) -> tuple[int, Draw]:
        """The step of the plan that writes the value, and its draw."""
        made = self.segment.made
        slot = made.slots[0 if made.layout.stacked else self.part]
        first = self.part * made.layout.layers if made.layout.stacked else 0
        for number in range(made.steps - 1, -1, -1):
            step = self.plan.steps[number]
            if not isinstance(step, Draw):
                break
            if step.target == slot and step.layers[0] == first:
                return number, step
        raise UnsupportedError(
            f"explain: layer {self.segment.labels[-1]!r}",
            ["its output is made in the turns of a repeat, which are not stepped"],
            "Explain a value of a layer before or after it",
        )

    def explanation(self) -> Explanation:
        """Runs the plan up to the draw and watches that."""
        steps = Steps(self.executor, self.arrays)
        steps.advance(self.step)
        made, executor = self.segment.made, self.executor
        number = sum(1 for _ in each_draw(self.plan.steps[: self.step]))
        program, _, _, textures, ints, floats = executor.draws[number]
        assert isinstance(program, ArrayProgram)
        place = np.array([[self.column + 0.5], [self.row + 0.5], [0.5], [1.0]], executor.device.real)
        kernel = self.plan.programs[self.draw.program].kernel
        sources = dict(zip(program.samplers, self.draw.textures, strict=False))
        texels = [texture.texels for texture in textures if isinstance(texture, ArrayTexture)]
        vectors = np.frombuffer(ints, np.int32).reshape(-1, 4).tolist()
        numbers = list(np.frombuffer(floats, executor.device.real).reshape(-1, 4))
        blanks = {name: self._blank(*source) for name, source in sources.items()}
        watch = Watch(program, texels, vectors, numbers, place, blanks)
        single = made.layout.texels > 1  # a value to a texel, in bytes: its number in the texel is not a lane of floats
        buffer, lane = (0 if single else self.buffer), self.lane
        outputs = {f"y_{buffer}", "y"} | ({f"out_{buffer}"} if not single else set())
        lines, left_out, reads, _ = watch.lines(f"{kernel}.glsl", outputs)
        coded = made.codec.codec in ("rgba8", "uint8")
        changes: Sequence[float | None] = [None] * len(reads)
        if not coded:
            changes = watch.changes(reads, buffer, lane)
        tensors = {name: self._numbered(source, steps) for name, source in sources.items()}
        found = [self._read(read, change, tensors, sources) for read, change in zip(reads, changes, strict=True)]
        found.sort(key=lambda read: -abs(read.change or 0))
        steps.advance(made.steps)
        value, there = self._value(steps), self._on_device()
        wide = Chain(self.graph, np.float64, self.arrays).value(self.segment.name)
        label = self.segment.nodes[-1].label
        return Explanation(
            self.graph.name, label, self.segment.name, self.index, value, there, float(wide[self.index]), number,
            len(self.plan.draws), kernel, (self.buffer, self.row, self.column), lane, tuple(lines), tuple(found),
            left_out,
        )  # fmt: skip

    def _value(self, steps: Steps) -> float:
        made = self.segment.made
        packed = made.layout.packed(steps.read(made)[0], (made.layout.width, made.layout.height))
        return float(packed[self.part, self.buffer, self.row, self.column, self.lane])

    def _on_device(self) -> float:
        """The value on the model's own device."""
        if self.numpy is self.session:
            steps = Steps(self.executor, self.arrays)
        else:
            with self.session.device.use():
                executor = self.session.executor({name: array.shape for name, array in self.arrays.items()})
            steps = Steps(executor, self.arrays)
        steps.advance(self.segment.made.steps)
        return self._value(steps)

    # ---- what was read

    def _blank(self, kind: str, number: int, part: int) -> float:
        """What the components of a texel are where its values are 0."""
        codec = self._tensor(number)[1] if kind == "slot" else None
        return codec.zero / 255 if codec and codec.codec == "uint8" else 0.0

    def _tensor(self, slot: int) -> tuple[str, ActivationCodec, Any, Any]:
        """The tensor that a slot holds before the draw: its name, codec, layout and place."""
        held = [made for made in self.plan.drawn if slot in made.slots and made.steps <= self.step]
        if held:
            made = held[-1]
            return made.name, made.codec, made.layout, made
        spec = next((spec for spec in self.plan.inputs if slot in spec.slots), None)
        if spec is None:
            return f"slot {slot}", ActivationCodec("float32"), None, None
        return spec.name, ActivationCodec(spec.codec), spec.layout, spec

    def _numbered(self, source: tuple[str, int, int], steps: Steps) -> Numbered:
        """For each texel of a texture the numbers of the elements that it holds, and their values."""
        kind, number, part = source
        if kind == "weight":
            weight = self.plan.weights[number]
            held = self.numpy.store.values[weight.key]
            values = np.asarray(held, np.float32) if isinstance(held, Quantized) else np.asarray(held)
            numbers = np.arange(1, values.size + 1).reshape(weight.shape)
            room = weight.layout.packed(numbers, weight.layout.size) - 1
            root = self.numpy.store.weights.get(weight.key)
            name = root.name if root is not None else weight.key
            room = room[part] if weight.layout.textures > 1 else room.reshape(-1, *room.shape[2:])
            return name, room, values
        name, codec, layout, place = self._tensor(number)
        if layout is None:
            return name, np.empty(0), None
        texture = self.executor.slots[number]
        numbers = np.arange(1, int(np.prod(layout.shape)) + 1).reshape(layout.shape)
        room = layout.packed(numbers, (texture.width, texture.height)) - 1
        room = room.reshape(-1, *room.shape[2:]) if layout.textures == 1 else room[place.slots.index(number)]
        stored = [self.executor.slots[slot] for slot in place.slots]
        values = _decoded(stored, layout, codec)
        return name, room, values

    def _read(
        self, read: Place, change: float | None, tensors: Mapping[str, Numbered],
        sources: Mapping[str, tuple[str, int, int]],
    ) -> TexelRead:  # fmt: skip
        sampler, number = read
        name, room, values = tensors[sampler]
        kind = sources[sampler][0]
        if values is None:
            return TexelRead(name, (0, 0, number), (), change)
        layer, row, column = (int(k) for k in np.unravel_index(number, room.shape[:3]))
        flat = values.reshape(-1)
        elements = tuple(
            (tuple(int(k) for k in np.unravel_index(n, values.shape)), float(flat[n]))
            for n in room[layer, row, column].tolist()
            if n >= 0
        )
        if kind == "weight" and self.plan.weights[sources[sampler][1]].quant:
            change = None
        return TexelRead(name, (layer, row, column), elements, change)


def _decoded(textures: Sequence[Any], layout: Any, codec: ActivationCodec) -> np.ndarray:
    with textures[0].device.use():
        values = tensor.read(textures, layout, activation_storage(codec.codec))
    if codec.codec == "uint8":
        return (values.astype(np.float32) - np.float32(codec.zero)) * np.float32(codec.scale)
    return values
