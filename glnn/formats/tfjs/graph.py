"""The JSON of a TensorFlow.js graph-model -> Operators: signature, nodes, functions, arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import GraphError, ModelFileError, UnsupportedError
from ...graph.graph import TensorSpec
from ...graph.quantized import Quantized
from ...graph.shapes import ANY, Dims
from ...operators import Body, Call, Operators
from ...operators.order import ordered
from ...operators.tensorflow import NAME
from ...records import dataclass
from ..file import Source, unwrapped
from ..keras.weights.entries import Stored
from ..surveys import written_by
from .frames import without_frames
from .manifest import read_manifest
from .nodes import AGAIN, TYPES, Function, Nodes, dims, read_nodes, type_name, value
from .shards import Shards

DEEPEST = 50  # functions that call functions
IMAGES = ("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2dNative", "ResizeBilinear", "MaxPool")


def operators(source: Source) -> Operators:
    """The operators of a graph-model."""
    where, content = str(source.path), source.json
    topology = unwrapped(content.get("modelTopology"), f"{where}: 'modelTopology'")
    if not isinstance(topology, Mapping):
        raise ModelFileError(
            f"{where}: 'modelTopology' should be an object with 'node', it is {topology!r:.40}. {AGAIN}"
        )
    made_by = [content[key] for key in ("generatedBy", "convertedBy") if isinstance(content.get(key), str)]
    if made_by:
        written_by(made_by[0], by=", ".join(made_by[1:]) or None)
    manifest = content.get("weightsManifest")
    if manifest is None:
        raise ModelFileError(f"{where}: the file has no 'weightsManifest'; convert the model again, with its weights")
    weights = read_manifest(where, manifest, Shards(source.path, source.weights, source.origin), typed=True)
    return File(where, content, topology, {stored.name: stored for stored in weights.every()}).model()


def mapping(given: Any) -> Mapping[str, Any]:
    """An object of JSON; empty where it is none."""
    return given if isinstance(given, Mapping) else {}


@dataclass(frozen=True, eq=False)
class File:
    """A file while it is read."""

    where: str
    content: Mapping[str, Any]
    topology: Mapping[str, Any]
    weights: Mapping[str, Stored]

    def model(self) -> Operators:
        """The whole."""
        metadata = mapping(self.content.get("userDefinedMetadata"))
        signature = mapping(metadata.get("signature") or self.content.get("signature"))
        wanted = [str(mapping(item).get("name", "")) for item in mapping(signature.get("outputs")).values()]
        nodes = read_nodes(self.topology.get("node"), self.where, wanted)
        outputs = self.outputs(nodes, mapping(signature.get("outputs")), metadata.get("structuredOutputKeys"))
        inputs, calls = self.inputs(nodes, mapping(signature.get("inputs")))
        body = self.body(Nodes(calls, nodes.before), [s.name for s in inputs], [read for _, read in outputs], 0)
        specs = tuple(TensorSpec(name, ANY) for name, _ in outputs)
        return Operators("model", NAME, tuple(inputs), specs, body, self.where)

    # ---- what goes in and comes out

    def inputs(self, nodes: Nodes, told: Mapping[str, Any]) -> tuple[list[TensorSpec], dict[str, Call]]:
        """The inputs by the names of the signature, and the calls, of which some give them the nodes' names."""
        calls = dict(nodes.calls)
        named = {key: value(str(mapping(item).get("name", "")), {}) for key, item in told.items()}
        given = {key: node for key, node in named.items() if node in calls}
        for name, call in nodes.calls.items():
            if call.op == "Placeholder" and name not in given.values():
                given[name] = name
        specs, readers = [], {name for call in calls.values() if call.op in IMAGES for name in call.inputs[:1]}
        for key, node in given.items():
            call = calls.pop(node)
            attributes = mapping(self.node(node).get("attr"))
            kind = type_name(mapping(attributes.get("dtype")).get("type", "DT_FLOAT"))
            name = key if key == node or key not in nodes.calls else node
            shape = self.shape(attributes, mapping(told.get(key)), node)
            if shape == ANY and node in readers:
                shape = (None,) * 4
            if kind not in TYPES.values():
                raise UnsupportedError(self.where, [f"input {name!r} of type {kind} (only numbers and bool)"])
            specs.append(TensorSpec(name, shape, kind))
            if name != node:
                calls[node] = Call("Identity", (name,), call.outputs[:1], {}, node)
        return specs, calls

    def shape(self, attributes: Mapping[str, Any], told: Mapping[str, Any], node: str) -> Dims:
        """The shape of an input: of its node, else of the signature, else of what TensorFlow inferred."""
        inferred = mapping(mapping(attributes.get("_output_shapes")).get("list")).get("shape")
        first = inferred[0] if isinstance(inferred, list) and inferred else None
        for item in (mapping(attributes.get("shape")).get("shape"), told.get("tensorShape"), first):
            try:
                shape = dims(item)
            except (AttributeError, TypeError, ValueError, OverflowError):
                raise ModelFileError(f"{self.where}: input {node!r}: shape {item!r:.60}. {AGAIN}") from None
            if shape != ANY:
                return shape
        return ANY

    def node(self, name: str) -> Mapping[str, Any]:
        """A node as the file has it."""
        return next(item for item in self.topology["node"] if item["name"] == name)

    def outputs(self, nodes: Nodes, told: Mapping[str, Any], keys: Any) -> list[tuple[str, str]]:
        """The outputs: the name that they have outside, and the value. Raises GraphError where there are none."""
        found = [(key, value(str(mapping(item).get("name", "")), {})) for key, item in told.items()]
        found = [(key, read) for key, read in found if read.partition(":")[0] in nodes.calls]
        if not found:
            read = {name.partition(":")[0] for call in nodes.calls.values() for name in call.inputs}
            controls = {name for names in nodes.before.values() for name in names}
            found = [(n, n) for n, call in nodes.calls.items() if n not in read | controls and call.op != "NoOp"]
        if not found:
            raise GraphError(f"{self.where}: the graph has no outputs")
        if isinstance(keys, list) and len(keys) == len(set(map(str, keys))) == len(found):
            found = [(str(key), read) for key, (_, read) in zip(keys, found, strict=True)]
        return found

    # ---- bodies

    def body(self, nodes: Nodes, inputs: Sequence[str], outputs: Sequence[str], depth: int) -> Body:
        """What is needed of calls to make values. Raises ModelFileError, GraphError."""
        calls = without_frames(nodes, self.where)
        makers = {name: call for call in calls for name in call.outputs}
        needed: dict[str, Call] = {}
        unseen = list(outputs)
        while unseen:
            name = unseen.pop()
            call = makers.get(name) or makers.get(name.partition(":")[0])
            if name in inputs or (call is not None and call.label in needed):
                continue
            if call is None:
                raise GraphError(
                    f"{self.where}: node {name.partition(':')[0]!r} is read, which the graph does not have"
                )
            needed[call.label] = call
            unseen += [*call.inputs, *(n for body in call.bodies for n in free_names(body))]
        kept = [self.with_functions(call, depth) for call in calls if call.label in needed]
        return self.with_arrays(Body(tuple(inputs), ordered(kept, self.where), tuple(outputs)))

    def with_arrays(self, body: Body) -> Body:
        """The body with its constants as arrays, those of bodies in it as well."""
        arrays, kinds, missing = {}, {}, []
        for call in body.calls:
            if call.op != "Const":
                continue
            stored = self.weights.get(call.name)
            if stored is None:
                missing.append(call.name)
                continue
            array = arrays[call.name] = stored.read()
            if not isinstance(array, Quantized) and array.dtype.name == "float16":
                kinds[call.name] = "float32"
        if missing:
            names = ", ".join(map(repr, missing[:4])) + (", ..." if len(missing) > 4 else "")
            raise ModelFileError(
                f"{self.where}: 'weightsManifest' lacks the values of {len(missing)} nodes: {names}. {AGAIN}"
            )
        calls = tuple(call.with_bodies(self.with_arrays) for call in body.calls if call.op != "Const")
        return Body(body.inputs, calls, body.outputs, {**body.arrays, **arrays}, {**body.kinds, **kinds})

    def with_functions(self, call: Call, depth: int) -> Call:
        """The call with the functions that it names as bodies."""
        found = {k: self.function(v.name, depth + 1) for k, v in call.attributes.items() if isinstance(v, Function)}
        return Call(call.op, call.inputs, call.outputs, {**call.attributes, **found}, call.name) if found else call

    def function(self, name: str, depth: int) -> Body:
        """A function of the library."""
        library = mapping(self.topology.get("library")).get("function")
        signed = [(mapping(mapping(f).get("signature")), f) for f in library or []] if isinstance(library, list) else []
        signature, item = next(((s, f) for s, f in signed if s.get("name") == name), (None, None))
        if signature is None or item is None:
            raise GraphError(f"{self.where}: function {name!r} is called, which 'library' does not hold")
        if depth > DEEPEST:
            raise GraphError(f"{self.where}: function {name!r} is called {DEEPEST} deep in others; one calls itself")
        what = f"function {name!r}"
        inputs, results = (
            [str(mapping(arg).get("name", "")) for arg in signature.get(key) or []] for key in ("inputArg", "outputArg")
        )
        ret = mapping(item.get("ret"))
        if lacking := [result for result in results if not isinstance(ret.get(result), str)]:
            raise ModelFileError(f"{self.where}: {what}: 'ret' lacks {lacking[0]!r}. {AGAIN}")
        given = [ret[result] for result in results]
        nodes = read_nodes(item.get("nodeDef") or [], self.where, given, what)
        ops = {n: call.op for n, call in nodes.calls.items()}
        return self.body(nodes, inputs, [value(name, ops) for name in given], depth)


def free_names(body: Body) -> list[str]:
    """What a body reads from outside."""
    own = {*body.inputs, *body.arrays, *(name for call in body.calls for name in call.outputs)}
    read = [n for call in body.calls for n in (*call.inputs, *(m for inner in call.bodies for m in free_names(inner)))]
    return [name for name in (*read, *body.outputs) if name not in own]
