"""A Keras model config (Sequential or functional, of Keras 1, 2 or 3, models nested to any depth) -> Graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import GlnnError, GraphError, ModelFileError, UnsupportedError
from ...graph.graph import Graph, Node, as_tuple, validate
from ...graph.shapes import Dims
from ...layers.custom import Said
from .. import surveys
from ..file import Source, unwrapped
from .advice import advice
from .layers import CONTAINERS, full_name
from .masks import hand_on
from .states import keep
from .steps import Document
from .walk import Builder
from .weights.entries import Weights

# What walking a config raises where something is not of the kind, or not in the place, that Keras writes.
DAMAGE = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)


def document(where: str, item: Any, keras_version: str | None = None, backend: str | None = None) -> Document:
    """A Document from a parsed model JSON, or a text of one. Raises ModelFileError where it is no Keras model."""
    item = unwrapped(item, f"{where}: the model's config")
    if not isinstance(item, Mapping) or not isinstance(item.get("class_name"), str) or "config" not in item:
        raise ModelFileError(f"{where}: not a Keras model: an object with 'class_name' and 'config' is needed")
    if full_name(item) not in CONTAINERS:
        raise ModelFileError(
            f"{where}: the model's class is {item['class_name']!r}; only Sequential and functional models say in their "
            "file what they compute, a class of its own is Python code. Build it as a functional model and save that"
        )
    text = str(item.get("keras_version") or keras_version or "")
    version = int(text[0]) if text[:1].isdigit() else guess_version(item)
    backend = item.get("backend") or backend
    surveys.written_by("Keras", text or f"{min(version, 3)} (by its config)", backend)
    return Document(where, item, min(version, 3), backend, text)


def is_model_json(source: Source) -> bool:
    """Whether the file is JSON that describes a model of Keras."""
    if not source.looks_like_json:
        return False
    content = source.json
    return isinstance(content, dict) and "class_name" in content and "config" in content


def guess_version(item: Mapping[str, Any]) -> int:
    """The major version of a config that does not tell it: Keras 3 writes modules and batch_shape."""
    text = repr(item)
    return 3 if "module" in item or "'__keras_tensor__'" in text or "'batch_shape'" in text else 2


def build_graph(doc: Document, weights: Weights | None, hint: str = "") -> Graph:
    """The Graph of a model config with its weights in place.

    weights: None for a model whose weights were not found; `hint` then tells where they were looked for
    Raises UnsupportedError (everything that glnn lacks, together), WeightsMismatchError, ModelFileError, GraphError.
    """
    builder = Builder(doc, weights)
    try:
        root = builder.entry(doc.item, "", "")
        tensors = builder.run(root, doc.item, None)
    except DAMAGE as error:
        raise ModelFileError(
            f"{doc.where}: the model's config is damaged ({type(error).__name__}: {error}). Export the model again"
        ) from error
    surveys.note(root.leaves(), builder.problems, weights)
    if builder.problems:
        raise UnsupportedError(doc.where, list(dict.fromkeys(builder.problems)), advice(doc, root, builder.steps))
    hand_on(builder)
    if builder.problems:
        raise UnsupportedError(doc.where, list(dict.fromkeys(builder.problems)))
    states, shapes = infer(builder)
    if builder.problems:
        raise UnsupportedError(doc.where, list(dict.fromkeys(builder.problems)))
    check_sizes(builder)
    if weights is not None:
        weights.assign(root)
    elif root.count:
        raise ModelFileError(f"{doc.where}: the model needs weights, and none were found. {hint}")
    nodes = tuple(
        Node(
            step.name,
            step.layer,
            tuple(step.inputs),
            tuple(step.outputs),
            {**step.entry.weights, **step.constants},
            step.entry.path,
            kind=step.entry.class_name
            if step.constants or step.entry.layer is None or isinstance(step.layer, Said)
            else "",
        )
        for step in builder.steps
        if step.layer is not None
    )
    names = (*unique_names([name for name, _ in tensors]), *states)
    outputs = (*(tensor for _, tensor in tensors), *states.values())
    kept = tuple(states)
    graph = Graph(root.name or "model", tuple(builder.inputs), nodes, outputs, names, states=kept)
    return validate(graph.of_shapes(shapes))


def infer(builder: Builder) -> tuple[dict[str, str], dict[str, Dims]]:
    """Shapes in the order of the steps: how many tensors each makes, and which weights each layer needs.

    Returns the states that stateful layers begin with, and what each becomes; and the shapes.
    """
    states: dict[str, str] = {}
    where = builder.doc.where
    shapes: dict[str, Dims] = {spec.name: spec.shape for spec in builder.inputs}
    for step in builder.steps:
        path = step.entry.path
        given = [shapes[name] for name in step.inputs]
        try:
            states |= keep(builder, step, shapes)
            shapes |= {spec.name: spec.shape for spec in builder.inputs if spec.name in states}
            given = [shapes[name] for name in step.inputs]
            layer = step.layer
            if layer is None:
                raise GraphError(
                    f"{where}: {path!r} ({step.entry.class_name}) is called, and it is no layer that computes"
                )
            if not step.entry.specs and step.entry.layer is not None:
                step.entry.specs = tuple(layer.weight_specs(*given))
            made = as_tuple(layer.output_shape(*given))
        except GlnnError:
            raise
        except Exception as error:
            words = ", ".join(map(str, given))
            raise GraphError(
                f"{where}: layer {path!r} ({step.entry.class_name}) cannot take {words}: {error}"
            ) from error
        builder.output(step, len(made) - 1)
        if len(step.outputs) > len(made):
            raise GraphError(f"{where}: layer {path!r} makes {len(made)} tensors, {len(step.outputs)} are read")
        declared = step.entry.declared
        if declared and not agrees(declared, made[0]):
            raise UnsupportedError(
                where,
                [f"{path} ({step.entry.class_name}): option output_shape={declared} (the others make {made[0]})"],
            )
        shapes.update(zip(step.outputs, map(tuple, made), strict=True))
    return states, shapes


def check_sizes(builder: Builder) -> None:
    """Raise UnsupportedError where arithmetic with shapes, done for a batch of any size, would not suit one of 3."""
    steps = [step for step in builder.steps if getattr(step.layer, "sized", False)]
    if not steps:
        return
    free: dict[str, Dims] = {spec.name: spec.shape for spec in builder.inputs}
    known: dict[str, Dims] = {
        name: tuple(3 if axis == 0 else n for axis, n in enumerate(s)) for name, s in free.items()
    }
    for step in builder.steps:
        for shapes in (free, known):
            assert step.layer is not None
            made = as_tuple(step.layer.output_shape(*(shapes[name] for name in step.inputs)))
            shapes.update(zip(step.outputs, map(tuple, made), strict=True))
        if step in steps:
            given = ([shapes[name] for name in step.inputs] for shapes in (free, known))
            wrong = step.layer.unsure(*given)  # type: ignore[union-attr]
            if wrong:
                words = f"{step.entry.path}: it computes with a free size in a way that cannot be followed ({wrong})"
                raise UnsupportedError(builder.doc.where, [words])


def agrees(declared: Any, made: Dims) -> bool:
    """Whether a shape that a config declares is the one that comes out, as far as it tells sizes; the batch is free."""
    if not isinstance(declared, list | tuple) or len(declared) != len(made):
        return False
    return all(size in (None, found) for size, found in zip(declared[1:], made[1:], strict=True))


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with counters after those that occur again."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.append(f"{name}:{count}" if count else name)
    return tuple(result)
