"""Walks a Keras model config: each call of a layer becomes a step; nested models are opened where they are called."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import GraphError, ModelFileError, UnsupportedError
from ...layers.base import IGNORED_KEYS
from ...layers.core import Dense, Identity
from ...layers.wrappers import Fold, Unfold
from .calls import Bound, Call, Ref, bind, flatten, in_order, parse_call, place, untold
from .inputs import implied_shape, input_shape, tells_input
from .layers import CONTAINERS, build_layer, full_name, unused_weights
from .operator_names import is_operation
from .sharing import shared_with
from .steps import Document, Found, Made, Sizes, Step, Steps
from .versions import counts_other_calls
from .weights.entries import Entry, Weights

MOVING = frozenset(
    "Identity Dropout Flatten Reshape Permute RepeatVector Concatenate ZeroPadding1D ZeroPadding2D".split()
)
WRAPPERS = frozenset(("TimeDistributed",))


class Builder(Steps):
    """Collects the inputs and steps of a model while its config is walked, and every problem on the way."""

    def __init__(self, doc: Document, weights: Weights | None):
        super().__init__(doc)
        self.weights = weights
        self.entries: dict[int, Entry] = {}
        self.items: list[Mapping[str, Any]] = []  # those of the entries

    def entry(self, item: Mapping[str, Any], prefix: str, fallback: str) -> Entry:
        """The Entry of a layer's config, made once however often the layer is called."""
        known = item if id(item) in self.entries else shared_with(item, self.items)
        if known is not None:
            return self.entries[id(known)]
        config = item["config"]
        options = config if isinstance(config, Mapping) else {}
        name = str(item.get("name") or options.get("name") or fallback)
        path = f"{prefix}{name}"
        trainable = options.get("trainable", True) is not False
        entry = Entry(name, path, full_name(item), trainable=trainable, config=options)
        entry.python_class = str(item.get("class_name")).rpartition(">")[2]
        self.entries[id(item)] = entry
        self.items.append(item)
        if entry.class_name in CONTAINERS:
            inner = f"{path}/" if prefix or item is not self.doc.item else ""
            entry.children = [
                self.entry(child, inner if name else prefix, f"{str(child.get('class_name')).lower()}_{i + 1}")
                for i, child in enumerate(self.layers(item))
            ]
        elif entry.class_name in WRAPPERS and isinstance(options.get("layer"), Mapping):
            inner = options["layer"]
            entry.wraps, entry.children = True, [self.entry(inner, f"{path}/", str(inner.get("class_name")).lower())]
            entry.children[0].wrapper = path
            self.problems += unknown_options(entry, options)
        elif entry.class_name != "InputLayer" and not is_operation(item, self.doc.version):
            entry.declared = options.get("output_shape") if entry.class_name == "Deconvolution2D" else None
            entry.unused = unused_weights(entry.class_name, options)
            try:
                entry.layer, entry.adapter = build_layer(
                    entry.class_name, options, self.doc.version, self.doc.backend, self.doc.release, path
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
        if entry.wraps:
            return self.run_wrapped(entry, item, given or [])
        if entry.class_name == "Sequential" or isinstance(item["config"], list):
            return self.run_sequential(entry, item, given)
        return self.run_functional(entry, item["config"], given)

    def run_wrapped(
        self, entry: Entry, item: Mapping[str, Any], given: Sequence[str], mask: str | None = None
    ) -> list[tuple[str, str]]:
        """A layer or model at each step of a sequence: on all steps at once, as if they were a batch."""
        inner = (entry.children or [])[0]
        if len(given) != 1:
            self.problems.append(f"{entry.path} ({entry.class_name}): called on {len(given)} tensors (takes 1)")
        if isinstance(inner.layer, Dense | Identity):  # which take any axes before the last
            return [(entry.name, self.outputs(self.call(inner, item["config"]["layer"], list(given), None, mask))[0])]
        folded = self.step(entry, "fold", Fold(), list(given), mask)
        made = self.outputs(self.call(inner, item["config"]["layer"], [folded]))
        return [(entry.name, self.step(entry, "unfold", Unfold(), [tensor, *given], mask)) for tensor in made]

    def call(
        self,
        entry: Entry,
        item: Mapping[str, Any],
        tensors: list[str],
        bound: Bound | None = None,
        mask: str | None = None,
    ) -> list[str] | Step:
        """One call of a layer or nested model: the tensors it makes, or the step that makes them."""
        self.count()
        layer = entry.layer
        if bound is not None:
            self.problems += [f"{entry.path} ({entry.class_name}): {problem}" for problem in bound.problems]
            layer = replace(layer, **bound.fields) if layer is not None and bound.fields else layer  # type: ignore[type-var]
        if entry.wraps:
            return [tensor for _, tensor in self.run_wrapped(entry, item, tensors, mask)]
        if entry.children is not None:
            if mask is not None:  # that of the model's only input
                tensors = [self.step(entry, "masked", Identity(), tensors, mask)]
            return [tensor for _, tensor in self.run(entry, item, tensors)]
        if hasattr(layer, "images_type") and self.doc.version >= 3:
            types = {spec.name: spec.dtype for spec in self.inputs}
            layer = replace(layer, images_type=types.get(tensors[0], "float32"))  # type: ignore[type-var]
        arity = layer.arity if layer else None
        if not tensors or (arity is not None and arity != len(tensors)):
            takes = arity or "1 at least"
            self.problems.append(f"{entry.path} ({entry.class_name}): called on {len(tensors)} tensors (takes {takes})")
        step = Step(self.unique(entry.path), entry, tensors, [], mask, layer if layer is not entry.layer else None)
        self.steps.append(step)
        if tensors and type(layer).__name__ in MOVING and self.types.get(tensors[0]):
            self.types[self.output(step, 0)] = self.types[tensors[0]]
        return step

    def operate(self, entry: Entry, item: Mapping[str, Any], call: Call, made: Callable[[Ref], Found]) -> Made:
        """One call of an operator: the step that makes its tensors, or sizes."""
        from .operations import operation  # with all operators, which models of layers alone need not wait for

        try:
            found = operation(item, call, made, self.types)
        except UnsupportedError as error:
            self.problems += [f"{entry.path}: {problem}" for problem in error.items]
            return Step(self.unique(entry.path), entry, [], [])
        if isinstance(found, Sizes):
            return found
        layer, tensors, arrays, dtype = found
        constants = {f"constant{k}": array for k, array in enumerate(arrays)}
        step = Step(self.unique(entry.path), entry, tensors, [], None, layer, constants)
        self.steps.append(step)
        self.types[self.output(step, 0)] = dtype
        return step

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
        if entry.children is not None and not entry.wraps and tells_input(item):
            return [tensor for _, tensor in self.run(entry, item, None)], True
        shape, first = input_shape(item) or input_shape(model), entry
        while first.children:
            first = first.children[0]
        if shape is None and self.weights is not None:
            shape = implied_shape(first.layer, self.weights.first())
        source = entry.class_name == "InputLayer"
        name = entry.name if source else f"{entry.name}_input"
        return [self.add_input(name, shape, (item["config"] if source else {}).get("dtype"))], source

    def run_functional(
        self, entry: Entry, config: Mapping[str, Any], given: Sequence[str] | None
    ) -> list[tuple[str, str]]:
        """Walk a functional model: each call as soon as the tensors it reads are there."""
        items = {child.name: (child, item) for child, item in zip(entry.children or [], config["layers"], strict=True)}
        if len(items) < len(config["layers"]):
            raise ModelFileError(f"{self.doc.where}: model {entry.path!r} has several layers of one name")
        sources, targets = list(flatten(config["input_layers"])), list(flatten(config["output_layers"]))
        waiting = self.calls(items)
        made: dict[tuple[str, int], Made] = {}
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
            if is_operation(item, self.doc.version):
                made[name, number] = self.operate(
                    child, item, call, lambda ref: self.found(made[place(ref, reads)], ref)
                )
                continue
            bound = bind(call, child.layer.signature, child.layer.call_arguments) if child.layer else bind(call)
            refs = in_order(call, bound, item, self.doc.version)
            tensors = [self.output(made[place(ref, reads)], ref.output) for ref in refs]
            mask = self.output(made[place(bound.mask, reads)], bound.mask.output) if bound.mask else None
            made[name, number] = self.call(child, item, tensors, bound, mask)
        outputs = []
        for key, ref in targets:
            if place(ref, ends) not in made:
                raise GraphError(f"{self.doc.where}: output {ref.layer!r} of model {entry.path!r} is made by no layer")
            outputs.append((key or ref.layer, self.output(made[place(ref, ends)], ref.output)))
        return outputs

    def found(self, made: Made, ref: Ref) -> Found:
        """What an operator reads: a tensor by name, or sizes."""
        if not isinstance(made, Sizes):
            return self.output(made, ref.output)
        from .operations import part

        return part(made, ref.output)

    def calls(self, items: Mapping[str, tuple[Entry, Any]]) -> list[tuple[str, int, Call]]:
        """All calls of a functional model's layers: (layer, number of the call, Call)."""
        found = []
        for name, (child, item) in items.items():
            for number, node in enumerate(item.get("inbound_nodes") or []):
                told = untold(node) if getattr(child.layer, "augments", False) else node
                found.append((name, number, parse_call(told)))
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
        read_of: defaultdict[str, set[int]] = defaultdict(set)
        end_of: defaultdict[str, set[int]] = defaultdict(set)
        made_of = Counter(layer for layer, _, _ in calls)
        for _, _, call in calls:
            for ref in call.tensors:
                read_of[ref.layer].add(ref.node)
        for ref in targets:
            end_of[ref.layer].add(ref.node)
        for name, (child, _) in items.items():
            read, end, made = read_of[name], end_of[name], made_of[name]
            if counts_other_calls(self.doc.version, self.doc.release) and max(read, default=0) >= made > 0:
                reads[name] = max(read) - made + 1
            elif child.children is None or child.wraps:
                continue
            elif self.doc.version >= 3:
                ends[name] = int(child.class_name != "Sequential" and 0 not in end)
            else:
                reads[name] = ends[name] = int(0 not in read | end)
        return reads, ends


def unknown_options(entry: Entry, options: Mapping[str, Any]) -> list[str]:
    """What the config of a wrapper says besides its layer, in words."""
    known = IGNORED_KEYS | {"layer"}
    return [f"{entry.path} ({entry.class_name}): option {k}={v!r}" for k, v in options.items() if k not in known]
