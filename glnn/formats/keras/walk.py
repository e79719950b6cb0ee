"""Walks a Keras model config: each call of a layer becomes a step; nested models are opened where they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import GraphError, ModelFileError, UnsupportedError
from ...graph.graph import TensorSpec
from ...layers.image_size import Resizing
from .calls import Call, Ref, flatten, parse_call, untold
from .inputs import implied_shape, input_dtype, input_shape, tells_input
from .layers import CONTAINERS, build_layer, full_name, on_number, only_operation, operation_problem, unused_weights
from .weights.entries import Entry, Weights

MOST_OUTPUTS = 1000  # of one layer; a number beyond is damage


@dataclass
class Step:
    """One call of a layer on its way to become a Node: what it is called on, and the names of what it makes."""

    name: str
    entry: Entry
    inputs: list[str]
    outputs: list[str]


@dataclass(frozen=True)
class Document:
    """A model's config as a file holds it, with the major version of Keras, its backend and its release."""

    where: str
    item: Mapping[str, Any]
    version: int
    backend: str | None = None
    release: str = ""  # the file's keras_version; TensorFlow.js writes "tfjs-layers 4.22.0"


class Builder:
    """Collects the inputs and steps of a model while its config is walked, and every problem on the way."""

    def __init__(self, doc: Document, weights: Weights | None):
        self.doc, self.weights = doc, weights
        self.inputs: list[TensorSpec] = []
        self.steps: list[Step] = []
        self.problems: list[str] = []
        self.used: set[str] = set()
        self.entries: dict[int, Entry] = {}

    def entry(self, item: Mapping[str, Any], prefix: str, fallback: str) -> Entry:
        """The Entry of a layer's config, made once however often the layer is called."""
        if id(item) in self.entries:
            return self.entries[id(item)]
        config = item["config"]
        options = config if isinstance(config, Mapping) else {}
        name = str(item.get("name") or options.get("name") or fallback)
        path = f"{prefix}{name}"
        entry = Entry(name, path, full_name(item), trainable=options.get("trainable", True) is not False)
        self.entries[id(item)] = entry
        if entry.class_name in CONTAINERS:
            inner = f"{path}/" if prefix or item is not self.doc.item else ""
            entry.children = [
                self.entry(child, inner if name else prefix, f"{str(child.get('class_name')).lower()}_{i + 1}")
                for i, child in enumerate(self.layers(item))
            ]
        elif entry.class_name != "InputLayer" and not only_operation(item, self.doc.version):
            entry.declared = options.get("output_shape") if entry.class_name == "Deconvolution2D" else None
            entry.unused = unused_weights(entry.class_name, options)
            try:
                entry.layer, entry.adapter = build_layer(
                    entry.class_name, options, self.doc.version, self.doc.backend, self.doc.release
                )
            except UnsupportedError as error:
                self.problems += [f"{path} ({entry.class_name}): {problem}" for problem in error.items]
        return entry

    def layers(self, item: Mapping[str, Any]) -> list[Any]:
        """The layers' configs of a model's config; a Merge that opens a Keras 1 Sequential follows its branches."""
        config = item["config"]
        layers = config if isinstance(config, list) else config.get("layers")
        if not isinstance(layers, list):
            raise ModelFileError(
                f"{self.doc.where}: model {item.get('name', '')!r} has no list of layers in its config"
            )
        for layer in layers:
            if not isinstance(layer, Mapping) or not isinstance(layer.get("config"), Mapping | list):
                raise ModelFileError(f"{self.doc.where}: the config holds {str(layer)[:80]!r} where a layer should be")
        if layers and full_name(layers[0]) == "Merge" and layers[0]["config"].get("layers"):
            return [*layers[0]["config"]["layers"], *layers]
        return layers

    def run(self, entry: Entry, item: Mapping[str, Any], given: Sequence[str] | None) -> list[tuple[str, str]]:
        """Walk a model called on the tensors `given` (None: the outermost); its outputs as (name, tensor)."""
        if entry.class_name == "Sequential" or isinstance(item["config"], list):
            return self.run_sequential(entry, item, given)
        return self.run_functional(entry, item["config"], given)

    def call(
        self, entry: Entry, item: Mapping[str, Any], tensors: list[str], numbers: Mapping[int, float] | None = None
    ) -> list[str] | Step:
        """One call of a layer or nested model: the tensors it makes, or the step that makes them."""
        made = on_number(item, self.doc.version, len(tensors), numbers) if numbers else None
        if made is not None:
            entry = replace(entry, layer=made)
        elif numbers:
            told = ", ".join(map(str, numbers.values()))
            self.problems.append(f"{entry.path} ({entry.class_name}): call on the constant {told}")
        if entry.children is not None:
            return [tensor for _, tensor in self.run(entry, item, tensors)]
        if isinstance(entry.layer, Resizing) and self.doc.version >= 3:
            types = {spec.name: spec.dtype for spec in self.inputs}
            entry = replace(entry, layer=replace(entry.layer, images_type=types.get(tensors[0], "float32")))
        problem = None if made else operation_problem(item, self.doc.version, len(tensors))
        arity = entry.layer.arity if entry.layer else None
        if problem:
            self.problems.append(f"{entry.path}: {problem}")
        elif arity is not None and arity != len(tensors):
            self.problems.append(f"{entry.path} ({entry.class_name}): called on {len(tensors)} tensors (takes {arity})")
        step = Step(self.unique(entry.path), entry, tensors, [])
        self.steps.append(step)
        return step

    def output(self, made: list[str] | Step, index: int) -> str:
        """The name of one tensor that a call makes."""
        if not isinstance(index, int) or not 0 <= index < MOST_OUTPUTS:
            raise ValueError(f"output {index!r} of a layer is read")
        if isinstance(made, list):
            return made[index]
        while len(made.outputs) <= index:
            k = len(made.outputs)
            made.outputs.append(made.name if k == 0 else self.unique(f"{made.name}/output{k}"))
        return made.outputs[index]

    def unique(self, name: str) -> str:
        """The name, with a counter after it if it is taken."""
        candidate, count = name, 0
        while candidate in self.used:
            count += 1
            candidate = f"{name}:{count}"
        self.used.add(candidate)
        return candidate

    def add_input(self, name: str, shape: Sequence[int | None] | None, dtype: Any) -> str:
        """A new input of the graph; its name. The batch is free."""
        if not shape:
            raise ModelFileError(
                f"{self.doc.where}: the shape of input {name!r} is not in the file. "
                "Call the model once on data of its size, or give it an Input layer, and save it again"
            )
        spec = TensorSpec(self.unique(name), (None, *shape[1:]), input_dtype(dtype))
        self.inputs.append(spec)
        return spec.name

    def run_sequential(
        self, entry: Entry, item: Mapping[str, Any], given: Sequence[str] | None
    ) -> list[tuple[str, str]]:
        """Walk a Sequential model: each layer on what the one before it made."""
        pairs = list(zip(entry.children or [], self.layers(item), strict=True))
        own = item["config"] if isinstance(item["config"], list) else item["config"]["layers"]
        branches, pairs = pairs[: len(pairs) - len(own)], pairs[len(pairs) - len(own) :]
        tensors = None if given is None else list(given)
        name = entry.name
        if branches:
            tensors = []
            for child, layer in branches:
                opened, called = self.open(child, layer, {})
                tensors += opened if called else self.outputs(self.call(child, layer, opened))
        for child, layer in pairs:
            called = child.class_name == "InputLayer"
            if tensors is None:
                tensors, called = self.open(child, layer, item)
            if not called:
                tensors = self.outputs(self.call(child, layer, tensors))
            name = child.name
        if tensors is None:
            raise ModelFileError(f"{self.doc.where}: the Sequential model {entry.name!r} has no layers")
        return [(name, tensor) for tensor in tensors]

    def open(self, entry: Entry, item: Mapping[str, Any], model: Mapping[str, Any]) -> tuple[list[str], bool]:
        """What a Sequential starts from: tensors, and whether its first entry made them (or takes them)."""
        if entry.children is not None and tells_input(item):
            return [tensor for _, tensor in self.run(entry, item, None)], True
        shape, first = input_shape(item) or input_shape(model), entry
        while first.children:
            first = first.children[0]
        if shape is None and self.weights is not None:
            shape = implied_shape(first.layer, self.weights.first())
        source = entry.class_name == "InputLayer"
        name = entry.name if source else f"{entry.name}_input"
        return [self.add_input(name, shape, (item["config"] if source else {}).get("dtype"))], source

    def outputs(self, made: list[str] | Step) -> list[str]:
        """All tensors of a nested model, the first of a layer: what the next layer of a Sequential takes."""
        return made if isinstance(made, list) else [self.output(made, 0)]

    def run_functional(
        self, entry: Entry, config: Mapping[str, Any], given: Sequence[str] | None
    ) -> list[tuple[str, str]]:
        """Walk a functional model: each call as soon as the tensors it reads are there."""
        items = {child.name: (child, item) for child, item in zip(entry.children or [], config["layers"], strict=True)}
        if len(items) < len(config["layers"]):
            raise ModelFileError(f"{self.doc.where}: model {entry.path!r} has several layers of one name")
        sources, targets = list(flatten(config["input_layers"])), list(flatten(config["output_layers"]))
        waiting = self.calls(items)
        made: dict[tuple[str, int], list[str] | Step] = {}
        if given is not None and len(given) != len(sources):
            raise GraphError(
                f"{self.doc.where}: model {entry.path!r} has {len(sources)} inputs and is called on {len(given)}"
            )
        for k, (key, ref) in enumerate(sources):
            if ref.layer not in items:
                raise ModelFileError(
                    f"{self.doc.where}: model {entry.path!r} has an input {ref.layer!r} that is not among its layers"
                )
            item = items[ref.layer][1]
            shape, dtype = input_shape(item), item["config"].get("dtype")
            made[ref.layer, ref.node] = [self.add_input(key or ref.layer, shape, dtype) if given is None else given[k]]
        reads, ends = self.node_offsets(items, waiting, [ref for _, ref in targets])
        while waiting:
            ready = next((w for w in waiting if all(place(ref, reads) in made for ref in w[2].tensors)), None)
            if ready is None:
                name, _, call = waiting[0]
                lacking = [ref.layer for ref in call.tensors if place(ref, reads) not in made]
                raise GraphError(f"{self.doc.where}: layer {name!r} reads {lacking}, which nothing before it makes")
            waiting.remove(ready)
            name, number, call = ready
            child, item = items[name]
            refs = in_order(call, item, self.doc.version)
            tensors = [self.output(made[place(ref, reads)], ref.output) for ref in refs]
            self.problems += [f"{child.path} ({child.class_name}): {problem}" for problem in call.problems]
            made[name, number] = self.call(child, item, tensors, call.numbers)
        outputs = []
        for key, ref in targets:
            if place(ref, ends) not in made:
                raise GraphError(f"{self.doc.where}: output {ref.layer!r} of model {entry.path!r} is made by no layer")
            outputs.append((key or ref.layer, self.output(made[place(ref, ends)], ref.output)))
        return outputs

    def calls(self, items: Mapping[str, tuple[Entry, Any]]) -> list[tuple[str, int, Call]]:
        """All calls of a functional model's layers: (layer, number of the call, Call)."""
        found = []
        for name, (child, item) in items.items():
            arguments = getattr(child.layer, "call_arguments", ())
            for number, node in enumerate(item.get("inbound_nodes") or []):
                told = untold(node) if getattr(child.layer, "augments", False) else node
                found.append((name, number, parse_call(told, arguments)))
        return found

    def node_offsets(
        self, items: Mapping[str, tuple[Entry, Any]], calls: Sequence[tuple[str, int, Call]], targets: Sequence[Ref]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """By how much the numbers of nested models' calls are shifted, for what layers read and for `output_layers`.

        To Keras 1 and 2 a nested model's making is call 0; Keras 3 counts so in `output_layers` only, and there for
        functional models alone.
        """
        reads: dict[str, int] = {}
        ends: dict[str, int] = {}
        for name, (child, _) in items.items():
            if child.children is None:
                continue
            read = {ref.node for _, _, call in calls for ref in call.tensors if ref.layer == name}
            end = {ref.node for ref in targets if ref.layer == name}
            if self.doc.version >= 3:
                ends[name] = int(child.class_name != "Sequential" and 0 not in end)
            else:
                reads[name] = ends[name] = int(0 not in read | end)
        return reads, ends


def place(ref: Ref, offsets: Mapping[str, int]) -> tuple[str, int]:
    """The layer and the number of its call, counted from 0, that a Ref of this numbering means."""
    return ref.layer, ref.node - offsets.get(ref.layer, 0)


def in_order(call: Call, item: Mapping[str, Any], version: int) -> list[Ref]:
    """The tensors of a call in the order of the inputs of the nested model that is called.

    A dict's tensors go to inputs by name: by key where the model was made of a dict too (by Keras 3: by the keys'
    order, whatever the keys), else by the names of its input layers.
    """
    config = item.get("config")
    if not call.named or not isinstance(config, Mapping) or "input_layers" not in config:
        return call.tensors
    own = isinstance(config["input_layers"], Mapping)
    if own and version >= 3:
        return call.tensors
    names = [(key if own else None) or ref.layer for key, ref in flatten(config["input_layers"])]
    return [call.named[name] for name in names] if set(names) <= set(call.named) else call.tensors
