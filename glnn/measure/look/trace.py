"""Every tensor between the layers of a model, read right after the draw that makes it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ...arguments import NAME, checked
from ...errors import InputError
from ...graph.graph import Graph
from ...graph.shapes import shape_text
from ...plan.plan import Made, Plan, TensorPlan
from ...run.executor import Executor
from ...run.inputs import with_states
from ...run.session import Arrays, Session
from ...show import html
from ...show.tables import number
from ...show.views.pictures import TILES, Picture, samples_of
from ...show.views.tensors import raw_texels
from ..quantize.ranges import batches
from .layers import Layer, apart, given, named, values_of
from .turns import TurnReader, layers_of_turns

KEPT_BYTES = 256 << 20  # of all arrays, up to which they are read at once
SEEN = "~seen"  # behind the name of a tensor that is an output for the trace alone
VALUES = 1 << 12  # of one picture in the view of a whole trace


class Trace(Mapping[str, Any]):
    """The tensors that a model's layers make of inputs, by layer: `trace["conv1"]` is an array, in order of the run.

    A layer of several outputs has a list of arrays. Two calls of one layer, whose label is the same, go by the names of
    their nodes. The inputs are there under their own names.

    Where all arrays take less than 256 MB they are read in one run. Else each is read in a run of its own when it is
    asked for, and not kept; `close()` or `with` then frees what these runs need.

    layers: what there is to trace; inside: for layers that have no tensor of their own in the plan (see `Model.trace`),
    the layer in whose draw they end

    What is made in the turns of a repeat is there too, with the turns in front: "lstm/h" (turns, N, units) is a state
    as each turn leaves it, "lstm/conv" what a primitive makes there.
    """

    def __init__(self, session: Session, graph: Graph, x: Any, layers: Sequence[str] | None, fused: bool):
        _ = session.device  # of a closed model none
        self.model, self._graph, self._fused = graph.name, graph, fused
        self._arrays = with_states(x, graph)
        if not len(next(iter(self._arrays.values()))):
            raise InputError("trace: no sample was given; give one at least")
        self._part: Arrays = next(batches(graph, self._arrays))
        self._session = session if fused else session.on(apart(graph))
        self._ours = not fused
        try:
            plan = self._plan()
            self._layers, self.inside = self._find(plan, layers)
            self._lost(plan)
            tensors = {
                name: shape for item in self.layers for name, shape in zip(item.tensors, item.shapes, strict=True)
            }
            self._held: Arrays | None = None
            if 4 * sum(map(math.prod, tensors.values())) <= KEPT_BYTES:
                self._held = self._read(tensors)
        except BaseException:
            self.close()
            raise
        if self._held is not None:
            self.close()

    # ---- what there is

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that are traced, in the order in which they run."""
        return tuple(self._layers.values())

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __contains__(self, label: object) -> bool:
        return label in self._layers

    @checked(label=NAME)
    def __getitem__(self, label: str) -> Any:
        """What a layer made: an array (float32), or a list of several. Raises InputError, with names that are close."""
        item = self._layer(label)
        found = self._held if self._held is not None else self._read(item.tensors)
        arrays = [found[name] for name in item.tensors]
        return arrays if len(arrays) > 1 else arrays[0]

    def raw(self, label: str) -> list[np.ndarray]:
        """The texels of what a layer made as they lie, (layers, height, width, components) for each texture.

        Of the first samples, where the batch is run in pieces. It takes a run. Raises InputError.
        """
        return [texels for _, parts in self._texels(self._layer(label)) for texels in parts]

    def show(self, label: str, sample: int = 0, tiles: int = TILES, first: int = 0, raw: bool = False) -> Any:
        """A picture of what a layer made, for a notebook; `.to_png()` is it as a file.

        sample: which of the batch; tiles: how many channels, from channel `first` on
        raw:    the texels as they lie instead: parts, layers, lanes, and what belongs to no value
        """
        item = self._layer(label)
        if raw:
            return html.Fragment(
                *(raw_texels(made.layout, made.codec.codec, texels) for made, texels in self._texels(item))
            )
        array = self[label]
        pictures = [Picture(one, sample, tiles, first) for one in (array if isinstance(array, list) else [array])]
        return pictures[0] if len(pictures) == 1 else html.Fragment(*(one.to_html() for one in pictures))

    def save(self, folder: Any, sample: int = 0, tiles: int = TILES) -> list[Path]:
        """Writes a picture of each tensor into a folder, a PNG by number and label -> the files, in order."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        made = []
        for number_, (name, label, array) in enumerate(self._every()):
            words = "".join(c if c.isalnum() or c in "-_." else "_" for c in (label or name))
            file = place / f"{number_:03d}-{words}.png"
            image = Picture(array, min(sample, samples_of(array.shape) - 1), tiles)
            file.write_bytes(image.to_png(max(1, min(16, 480 // max(image.pixels().shape[:2])))))
            made.append(file)
        return made

    def close(self) -> None:
        """Frees what runs of the trace hold on the device. What was read stays."""
        if self._ours:
            self._session.close()

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __repr__(self) -> str:
        inside = f", {len(self.inside)} inside others" if self.inside else ""
        return f"<Trace of {self.model!r}: {len(self)} layers{inside}>"

    def _repr_html_(self) -> str:
        pairs = []
        for name, label, array in self._every():
            finite = array[np.isfinite(array)]
            ends = (
                f"{number(float(finite.min()))} .. {number(float(finite.max()))}" if finite.size else "nothing finite"
            )
            bad = int(array.size - finite.size)
            words = (
                f"<code>{escape(label)}</code>{html.note(f'{self._kinds[name]}, {shape_text(array.shape)}, {ends}')}"
            )
            words += f' <span class="bad">{bad:,} NaN or infinite</span>' if bad else ""
            pairs.append((words, Picture(array, values=VALUES).to_html()))
        notes = [f"{len(self)} layers, {len(next(iter(self._arrays.values())))} samples"]
        body = html.boxes(pairs)
        if self.inside:
            words = ", ".join(f"{a} in {b}" for a, b in self.inside.items())
            body += html.box(f"{len(self.inside)} layers are finished in the draws of others", escape(words))
        return html.view(html.title(f"Trace: {self.model}", *notes), body)

    # ---- finding

    def _find(self, plan: Plan, wanted: Sequence[str] | None) -> tuple[dict[str, Layer], dict[str, str]]:
        graph, there = self._graph, {item.name for item in plan.made}
        shapes = {name: array.shape for name, array in self._arrays.items()}
        specs = {k: tuple(int(d or 1) for d in s.shape) for k, s in graph.specs(shapes).items()}
        labels = Counter([node.label for node in graph.nodes] + [spec.name for spec in graph.inputs])
        rows: list[tuple[str, str, tuple[str, ...]]] = [(spec.name, "Input", (spec.name,)) for spec in graph.given]
        rows += [(n.label if labels[n.label] == 1 else n.name, n.kind, n.outputs) for n in graph.nodes]
        roots = {name: node.label for node in graph.nodes for name in node.outputs}
        self._kinds = {name: kind for _, kind, names in rows for name in names}
        known = {spec.name for spec in graph.inputs} | there
        inside: dict[str, str] = {}
        found: dict[str, Layer] = {}
        for label, kind, names in rows:
            if self._fused and not set(names) <= known:
                inside[label] = self._end(names, known) or "nothing that runs"
                continue
            found |= layers_of_turns(plan, roots.get(names[0], ""), {*specs, *found})
            found[label] = Layer(label, kind, tuple(names), tuple(specs[name] for name in names))
        self._kinds |= {label: item.kind for label, item in found.items() if item.turns}
        if wanted is None:
            return found, inside
        chosen = {}
        for label in [wanted] if isinstance(wanted, str) else wanted:
            if label in inside:
                raise InputError(
                    f"trace: layer {label!r} has no tensor of its own, it ends in the draw of {inside[label]!r}. "
                    "fused=False draws each layer by itself"
                )
            chosen[label] = named(found, label)
        return {label: item for label, item in found.items() if label in chosen}, inside

    def _end(self, names: Sequence[str], known: set[str]) -> str | None:
        """The label of the layer in whose tensor these end, the first that is in the plan."""
        readers, ahead = self._graph.consumers(), list(names)
        for name in ahead:  # which grows
            for node in readers.get(name, ()):
                if set(node.outputs) & known:
                    return node.label
                ahead += [other for other in node.outputs if other not in ahead]
        return None

    def _layer(self, label: str) -> Layer:
        return named(self._layers, label)

    # ---- running

    def _plan(self) -> Plan:
        return self._session.plan({name: array.shape for name, array in self._part.items()})

    def _lost(self, plan: Plan) -> None:
        """Makes outputs of tensors that are nowhere in the plan as they are: of axes in another order, or another's."""
        there = {item.name for item in plan.made} | {spec.name for spec in plan.inputs}
        lost = tuple(name for item in self.layers for name in item.tensors if name not in there and not item.turns)
        if lost:
            graph = self._session.graph
            names = (*(graph.output_names or graph.outputs), *(name + SEEN for name in lost))
            self._session = self._session.on(graph.with_(outputs=(*graph.outputs, *lost), output_names=names))

    def _run(self, part: Arrays, names: Mapping[str, Any], see: Callable[[Executor, Made], None]) -> Arrays:
        """One run; `see` is called for each tensor of these names while it lies in its textures -> those of turns."""
        if self._ours and self._session.closed:
            self._session = self._session.on(self._session.graph)
        session = self._session
        with session.device.use():
            executor = session.executor({name: array.shape for name, array in part.items()})
            plan = executor.plan
            items = {
                item.name: item for spec in plan.outputs if (item := _ending(spec, len(plan.steps))).name != spec.name
            }
            items |= {spec.name: given(spec) for spec in plan.inputs}
            items |= {item.name: item for item in plan.made}
            wanted = sorted((item for item in items.values() if item.name in names), key=lambda item: item.steps)
            executor.load(part)
            done, turns = 0, {name: item for name, item in plan.turning.items() if name in names and name not in items}
            reader = TurnReader(executor, turns) if turns else None
            draw = reader.draw if reader else None
            for item in wanted:
                executor.replay(done, item.steps, draw)
                done = item.steps
                see(executor, item)
            if reader:
                executor.replay(done, None, draw)
            return reader.arrays if reader else {}

    def _read(self, names: Any) -> Arrays:
        """The arrays of tensors by name, of all samples."""
        pieces: dict[str, list[np.ndarray]] = {name: [] for name in names}
        specs = self._graph.specs()
        for part in batches(self._graph, self._arrays):
            made = self._run(part, pieces, lambda executor, item: pieces[item.name].append(values_of(executor, item)))
            for name, array in made.items():
                pieces[name].append(array)
        turns = {name: item.turns for item in self.layers for name in item.tensors if item.turns}
        cut = {k for k, v in pieces.items() if len(v) > 1 and (k in turns or specs[k].shape[0] is None)}
        return {k: np.concatenate(v, turns.get(k, 0)) if k in cut else v[0] for k, v in pieces.items()}

    def _every(self) -> Iterator[tuple[str, str, np.ndarray]]:
        """Name of tensor, label and array of every tensor; of the first samples where they are not held."""
        rows = [(name, item.label) for item in self.layers for name in item.tensors]
        if self._held is not None:
            yield from ((name, label, self._held[name]) for name, label in rows)
            return
        for name, label in rows:
            yield name, label, self._read([name])[name]

    def _texels(self, item: Layer) -> Iterator[tuple[Made, list[np.ndarray]]]:
        if item.turns:
            raise InputError(f"trace: {item.label!r} is made in turns, one after another: no texture holds all of them")
        found: dict[str, tuple[Made, list[np.ndarray]]] = {}

        def see(executor: Executor, made: Made) -> None:
            found[made.name] = made, [texture.read() for texture in executor.textures(made)]

        self._run(self._part, dict.fromkeys(item.tensors), see)
        if self._held is not None:
            self.close()
        yield from (found[name] for name in item.tensors)


def _ending(spec: TensorPlan, steps: int) -> Made:
    """An output that is there for the trace alone, under the name of the tensor that it is."""
    return replace(given(spec), name=spec.name.removesuffix(SEEN), steps=steps)
