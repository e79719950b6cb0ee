"""How a Keras config writes down what a layer is called on: `inbound_nodes`, `input_layers`, `output_layers`.

Tensors may lie in lists and dicts, nested; Keras numbers them list by list, and dicts in the order of their keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from ...records import dataclass

TRAINING = "training"


@dataclass(frozen=True)
class Ref:
    """A tensor of a Keras config: output `output` of call `node` of layer `layer`; its type where the config tells."""

    layer: str
    node: int
    output: int
    dtype: str = field(default="", compare=False)


@dataclass(frozen=True)
class Unread:
    """An argument that is no tensor, number, text or structure of these."""

    value: Any


@dataclass
class Call:
    """One entry of `inbound_nodes`: the arguments of a call, in which tensors are Refs and lists are tuples.

    Slices are ("slice:", start, stop, step), an ellipsis is "...", arrays are of NumPy.
    """

    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    named: dict[str, Ref] = field(default_factory=dict)  # where it is called on one dict of tensors: the same by key

    @property
    def tensors(self) -> list[Ref]:
        """All that it reads, in order."""
        return [ref for value in (*self.args, *self.options.values()) for ref in refs(value)]


@dataclass
class Bound:
    """The tensors that a layer is called on, and what the call says of its fields; and what of it glnn does not do."""

    tensors: list[Ref] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    mask: Ref | None = None  # what the call itself names as the mask
    problems: list[str] = field(default_factory=list)


def parse_call(node: Any) -> Call:
    """A Call from one entry of `inbound_nodes`, in lists as of Keras 1 and 2 or in args and kwargs as Keras 3 has."""
    if isinstance(node, Mapping) and "args" in node:
        args, options = node["args"], node.get("kwargs") or {}
        named = by_key(args[0] if args else options.get("inputs"), keras_tensor)
        return Call(tuple(map(argument, args)), {key: argument(value) for key, value in options.items()}, named)
    own: dict[str, Any] = {}
    first = listed_argument(node, own)
    options = {key: listed_argument(value, {}) for key, value in own.items()}
    return Call((first,), options, by_key(node, listed))


def by_key(value: Any, tensor: Callable[[Any], Ref | None]) -> dict[str, Ref]:
    """The tensors of a dict that holds nothing else, by key; empty for any other value."""
    if not isinstance(value, Mapping) or tensor(value):
        return {}
    found = {key: ref for key, item in value.items() if (ref := tensor(item))}
    return found if len(found) == len(value) else {}


def in_turn(value: Any) -> Iterable[Any]:
    """What a list or dict holds, in the order in which Keras numbers it."""
    return [value[key] for key in sorted(value)] if isinstance(value, Mapping) else value


def refs(value: Any) -> Iterator[Ref]:
    """The tensors in an argument."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, tuple | Mapping):
        for item in in_turn(value):
            yield from refs(item)


# ---- Keras 3


def argument(value: Any) -> Any:
    """An argument of Keras 3."""
    if ref := keras_tensor(value):
        return ref
    if isinstance(value, list | tuple):
        return tuple(map(argument, value))
    if isinstance(value, Mapping):
        kind, config = value.get("class_name"), value.get("config")
        if kind in ("__numpy__", "__tensor__") and isinstance(config, Mapping):
            return array(config.get("value"), config.get("dtype"))
        if kind == "__slice__" and isinstance(config, Mapping):
            return ("slice:", *(argument(config.get(end)) for end in ("start", "stop", "step")))
        if kind == "__ellipsis__":
            return "..."
        return Unread(value) if "class_name" in value else {key: argument(item) for key, item in value.items()}
    return value


def array(values: Any, dtype: Any = None) -> Any:
    """Nested lists of numbers as an array; a number alone as it is."""
    made = np.asarray(values)
    if made.dtype.kind not in "biuf":
        return Unread(values)
    if isinstance(dtype, str) and dtype.startswith("float"):
        made = made.astype(np.float64)
    return made if made.ndim else made.item()


def keras_tensor(value: Any) -> Ref | None:
    """The Ref in Keras 3's {"class_name": "__keras_tensor__", ...}; None for anything else."""
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        layer, node, output = value["config"]["keras_history"]
        return Ref(layer, node, output, str(value["config"].get("dtype", "")))
    return None


# ---- Keras 1 and 2


def listed(value: Any) -> Ref | None:
    """The Ref in [layer, node, output, options]; None for anything else."""
    return Ref(value[0], value[1], value[2]) if is_leaf(value) and value[0] != "_CONSTANT_VALUE" else None


def listed_argument(value: Any, options: dict[str, Any]) -> Any:
    """An argument of Keras 2; what its first tensor or constant has behind it goes into `options`."""
    if is_leaf(value):
        if len(value) > 3 and isinstance(value[3], Mapping):
            for key, option in value[3].items():
                options.setdefault(key, option)
        return listed(value) or listed_argument(value[2], {})
    if isinstance(value, list) and value and holds_numbers(value):
        made = array(value)
        return tuple(value) if made.ndim == 1 and made.dtype.kind == "i" else made
    if isinstance(value, list):
        return tuple(listed_argument(item, options) for item in value)
    if isinstance(value, Mapping):
        if set(value) == {"start", "stop", "step"}:
            return ("slice:", *(listed_argument(value[end], {}) for end in ("start", "stop", "step")))
        if value.get("class_name") == "__ellipsis__":
            return "..."
        return {key: listed_argument(item, options) for key, item in value.items()}
    return value


def holds_numbers(value: Any) -> bool:
    """Whether a list holds numbers, or lists of such, and nothing else."""
    return all(holds_numbers(item) if isinstance(item, list) else isinstance(item, int | float) for item in value)


def is_leaf(value: Any) -> bool:
    """Whether this is [layer, node, output, ...] and not a list of such."""
    return isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int)


# ---- what a layer makes of it


def bind(call: Call, signature: tuple[str, ...] = (), arguments: tuple[str, ...] = ()) -> Bound:
    """What a layer is called on.

    signature: the names of its arguments, where they are more than one. Tensors are taken in their order, and told by
    the field `given`; those in lists as "mask.0", "mask.1". Other values are fields of the layer.
    arguments: of a layer without, which are tensors that follow its first inputs
    """
    bound = Bound()
    if not signature:
        for value in call.args:
            add_tensors(bound, value)
        options = dict(call.options)
        for key in ("inputs", "x", *arguments):
            if key != "inputs" or not bound.tensors:
                add_tensors(bound, options.pop(key, None))
        masks = list(refs(options.get("mask")))
        if masks:
            del options["mask"]
            bound.mask = masks[0]
            bound.problems += ["call argument mask= (several tensors)"] * (len(masks) > 1)
        for key, value in options.items():
            check_option(bound, key, value)
        return bound
    args = call.args
    if len(args) == 1 and isinstance(args[0], tuple) and len(args[0]) == 1:  # Keras 2 has lists of one tensor
        args = args[0]
    values = dict(zip(signature, args, strict=False)) | call.options
    if len(call.args) > len(signature):
        bound.problems.append(f"call with {len(call.args)} arguments (takes {len(signature)})")
    given: list[str] = []
    for name in [*signature, *(key for key in values if key not in signature)]:
        value = values.get(name)
        places = value if isinstance(value, tuple) else None
        if isinstance(value, Ref) and name in signature:
            given.append(name)
            bound.tensors.append(value)
        elif places and name in signature and all(isinstance(item, Ref | None) for item in places):
            given += [f"{name}.{k}" for k, item in enumerate(places) if item]
            bound.tensors += [item for item in places if item]
        elif name in signature and isinstance(value, bool | int | float) and value is not False:
            bound.fields[name] = value
        else:
            check_option(bound, name, value)
    bound.fields["given"] = tuple(given)
    return bound


def add_tensors(bound: Bound, value: Any) -> None:
    """Add an argument of a layer that takes tensors: one, None, or a list or dict of such."""
    if isinstance(value, Ref):
        bound.tensors.append(value)
    elif isinstance(value, tuple | Mapping) and not isinstance(value, str):
        for item in in_turn(value):
            add_tensors(bound, item)
    elif isinstance(value, int | float | np.ndarray) and value is not False:
        bound.problems.append(f"call on the constant {value!r:.60}")
    elif value is not None:
        bound.problems.append(f"call on {getattr(value, 'value', value)!r:.60}, which is no tensor of the model")


def check_option(bound: Bound, key: str, value: Any) -> None:
    """Note an option of a call that would change what the layer computes at inference."""
    if isinstance(value, Ref):
        bound.problems.append(f"call argument {key}= (a tensor)")
    elif not says_nothing(value) and key != "name":
        told = getattr(value, "value", value)
        bound.problems.append(f"call argument {key}={told!r}" + (" (the layer would train)" if key == TRAINING else ""))


def says_nothing(value: Any) -> bool:
    """Whether an option is None or False, or a list or dict of such: a model of two inputs gets mask=[None, None]."""
    if isinstance(value, tuple | list | Mapping):
        return all(map(says_nothing, in_turn(value)))
    return value is None or value is False


def flatten(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str | None, Ref]]:
    """The tensors of `input_layers` or `output_layers` in Keras' order, each with its key where it is in a dict.

    What is nested within a dict's value has its path as the key: "masks.0", "masks.left".
    """
    if is_leaf(value):
        yield ".".join(path) or None, Ref(value[0], value[1], value[2])
    elif isinstance(value, Mapping):
        for name in sorted(value):
            yield from flatten(value[name], (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from flatten(item, (*path, str(number)) if path else ())
    else:
        raise ValueError(f"{value!r} is not [layer, node, output]")


def place(ref: Ref, offsets: Mapping[str, int]) -> tuple[str, int]:
    """The layer and the number of its call, counted from 0, that a Ref of this numbering means."""
    return ref.layer, ref.node - offsets.get(ref.layer, 0)


def in_order(call: Call, bound: Bound, item: Mapping[str, Any], version: int) -> list[Ref]:
    """The tensors of a call in the order of the inputs of the nested model that is called.

    A dict's tensors go to inputs by name: by key where the model was made of a dict too (by Keras 3: by the keys'
    order, whatever the keys), else by the names of its input layers.
    """
    config = item.get("config")
    if not call.named or not isinstance(config, Mapping) or "input_layers" not in config:
        return bound.tensors
    own = isinstance(config["input_layers"], Mapping)
    if own and version >= 3:
        return bound.tensors
    names = [(key if own else None) or ref.layer for key, ref in flatten(config["input_layers"])]
    return [call.named[name] for name in names] if set(names) <= set(call.named) else bound.tensors


def untold(node: Any) -> Any:
    """A call of Keras 3 without `training`, which it writes for layers that change images whether told or not.

    At inference it computes as if it had not been told.
    """
    if not isinstance(node, Mapping) or not isinstance(node.get("kwargs"), Mapping):
        return node
    return {**node, "kwargs": {key: value for key, value in node["kwargs"].items() if key != "training"}}
