"""How a Keras config writes down what a layer is called on: `inbound_nodes`, `input_layers`, `output_layers`.

Tensors may lie in lists and dicts, nested; Keras numbers them list by list, and dicts in the order of their keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TRAINING = "training"


@dataclass(frozen=True)
class Ref:
    """A tensor of a Keras config: output `output` of call `node` of layer `layer`."""

    layer: str
    node: int
    output: int


@dataclass
class Call:
    """One entry of `inbound_nodes`: the tensors a layer is called on, and what of the call glnn does not do."""

    tensors: list[Ref] = field(default_factory=list)
    named: dict[str, Ref] = field(default_factory=dict)  # where it is called on one dict of tensors: the same by key
    numbers: dict[int, float] = field(default_factory=dict)  # among the tensors, by place
    problems: list[str] = field(default_factory=list)


def parse_call(node: Any, arguments: Sequence[str] = ()) -> Call:
    """A Call from one entry of `inbound_nodes`, in the list form of Keras 1 and 2 or the args/kwargs form of Keras 3.

    arguments: keyword arguments of the layer that may be tensors, in the order in which the layer takes them
    """
    call = Call()
    if isinstance(node, Mapping) and "args" in node:
        options = node.get("kwargs") or {}
        tensors = {key: ref for key, value in options.items() if (ref := keras_tensor(value))}
        inputs = options.get("inputs")
        for value in [*node["args"], inputs] if isinstance(inputs, list | tuple | Mapping) else node["args"]:
            add_argument(call, value)
        call.named = by_key(node["args"][0] if node["args"] else inputs, keras_tensor)
        for key in ("inputs", "x", *arguments):
            if key in tensors:
                call.tensors.append(tensors.pop(key))
        call.problems += [f"call argument {key}= (a tensor)" for key in tensors]
        check_options(
            call, {key: value for key, value in options.items() if not keras_tensor(value) and key != "inputs"}
        )
        return call
    add_listed(call, node)
    call.named = by_key(node, listed)
    return call


def by_key(value: Any, tensor: Callable[[Any], Ref | None]) -> dict[str, Ref]:
    """The tensors of a dict that holds nothing else, by key; empty for any other value."""
    if not isinstance(value, Mapping) or tensor(value):
        return {}
    found = {key: ref for key, item in value.items() if (ref := tensor(item))}
    return found if len(found) == len(value) else {}


def listed(value: Any) -> Ref | None:
    """The Ref in [layer, node, output, options]; None for anything else."""
    return Ref(value[0], value[1], value[2]) if is_leaf(value) and value[0] != "_CONSTANT_VALUE" else None


def add_listed(call: Call, value: Any) -> None:
    """Add [layer, node, output, options], or a list or dict of such, to a call."""
    if is_leaf(value):
        if ref := listed(value):
            call.tensors.append(ref)
            check_options(call, value[3] if len(value) > 3 and isinstance(value[3], Mapping) else {})
        else:
            call.problems.append(f"call on the constant {value[2]!r}")
    elif isinstance(value, list | Mapping):
        for item in in_turn(value):
            add_listed(call, item)
    else:
        call.problems.append(f"call on {value!r}, which is no tensor of the model")


def in_turn(value: list | tuple | Mapping) -> Iterable[Any]:
    """What a list or dict holds, in the order in which Keras numbers it."""
    return [value[key] for key in sorted(value)] if isinstance(value, Mapping) else value


def add_argument(call: Call, value: Any) -> None:
    """Add a positional argument of Keras 3: a tensor, None, or a list or dict of such."""
    ref = keras_tensor(value)
    if ref:
        call.tensors.append(ref)
    elif isinstance(value, list | tuple) or (isinstance(value, Mapping) and "class_name" not in value):
        for item in in_turn(value):
            add_argument(call, item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        call.numbers[len(call.tensors) + len(call.numbers)] = value
    elif value is not None:
        call.problems.append(f"call on the constant {value!r}")


def check_options(call: Call, options: Mapping[str, Any]) -> None:
    """Note the options of a call that would change what the layer computes at inference."""
    for key, value in options.items():
        if says_nothing(value) or key == "name":
            continue
        call.problems.append(f"call argument {key}={value!r}" + (" (the layer would train)" if key == TRAINING else ""))


def says_nothing(value: Any) -> bool:
    """Whether an option is None or False, or a list or dict of such: a model of two inputs gets mask=[None, None]."""
    if isinstance(value, list | Mapping):
        return all(map(says_nothing, in_turn(value)))
    return value is None or value is False


def keras_tensor(value: Any) -> Ref | None:
    """The Ref in Keras 3's {"class_name": "__keras_tensor__", ...}; None for anything else."""
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        layer, node, output = value["config"]["keras_history"]
        return Ref(layer, node, output)
    return None


def is_leaf(value: Any) -> bool:
    """Whether this is [layer, node, output, ...] and not a list of such."""
    return isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int)


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


def untold(node: Any) -> Any:
    """A call of Keras 3 without `training`, which it writes for layers that change images whether told or not.

    At inference it computes as if it had not been told.
    """
    if not isinstance(node, Mapping) or not isinstance(node.get("kwargs"), Mapping):
        return node
    return {**node, "kwargs": {key: value for key, value in node["kwargs"].items() if key != "training"}}
