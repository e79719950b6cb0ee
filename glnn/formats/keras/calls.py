"""How a Keras config writes down what a layer is called on: `inbound_nodes`, `input_layers`, `output_layers`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    named: dict[str, Ref] = field(default_factory=dict)  # inputs of a nested model given as a dict
    problems: list[str] = field(default_factory=list)
    plain: bool = True  # called on tensors and nothing else


def parse_call(node: Any, arguments: Sequence[str] = ()) -> Call:
    """A Call from one entry of `inbound_nodes`, in the list form of Keras 1 and 2 or the args/kwargs form of Keras 3.

    arguments: keyword arguments of the layer that may be tensors, in the order in which the layer takes them
    """
    call = Call()
    if isinstance(node, Mapping) and "args" in node:
        for value in node["args"]:
            add_argument(call, value)
        options = node.get("kwargs") or {}
        tensors = {key: ref for key, value in options.items() if (ref := keras_tensor(value))}
        for key in ("inputs", "x", *arguments):
            if key in tensors:
                call.tensors.append(tensors.pop(key))
            elif key == "inputs" and isinstance(options.get(key), list | tuple | Mapping):
                add_argument(call, options[key])
        call.problems += [f"call argument {key}= (a tensor)" for key in tensors]
        check_options(
            call, {key: value for key, value in options.items() if not keras_tensor(value) and key != "inputs"}
        )
        return call
    if isinstance(node, Mapping):
        for key, value in node.items():
            add_listed(call, value, key)
        return call
    items = [node] if is_leaf(node) else node
    for item in items:
        add_listed(call, item, None)
    return call


def add_listed(call: Call, item: Any, key: str | None) -> None:
    """Add [layer, node, output, options] to a call."""
    if not is_leaf(item):
        call.problems.append(f"call on {item!r}, which is no tensor of the model")
        return
    if item[0] == "_CONSTANT_VALUE":
        call.problems.append(f"call on the constant {item[2]!r}")
        return
    ref = Ref(item[0], item[1], item[2])
    if key is not None:
        call.named[key] = ref
    call.tensors.append(ref)
    check_options(call, item[3] if len(item) > 3 and isinstance(item[3], Mapping) else {})


def add_argument(call: Call, value: Any) -> None:
    """Add a positional argument of Keras 3: a tensor, a list or dict of tensors, or None."""
    ref = keras_tensor(value)
    if ref:
        call.tensors.append(ref)
    elif isinstance(value, list | tuple):
        for item in value:
            add_argument(call, item)
    elif isinstance(value, Mapping) and value and all(keras_tensor(item) for item in value.values()):
        for key, item in value.items():
            ref = keras_tensor(item)
            assert ref
            call.named[key] = ref
            call.tensors.append(ref)
    elif value is not None:
        call.problems.append(f"call on the constant {value!r}")


def check_options(call: Call, options: Mapping[str, Any]) -> None:
    """Note the options of a call that would change what the layer computes at inference."""
    for key, value in options.items():
        if says_nothing(value) or key == "name":
            continue
        call.problems.append(f"call argument {key}={value!r}" + (" (the layer would train)" if key == TRAINING else ""))


def says_nothing(value: Any) -> bool:
    """Whether an option is None or False, or a list of such: Keras 3 gives a model of two inputs mask=[None, None]."""
    return value is None or value is False or (isinstance(value, list) and all(map(says_nothing, value)))


def keras_tensor(value: Any) -> Ref | None:
    """The Ref in Keras 3's {"class_name": "__keras_tensor__", ...}; None for anything else."""
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        layer, node, output = value["config"]["keras_history"]
        return Ref(layer, node, output)
    return None


def is_leaf(value: Any) -> bool:
    """Whether this is [layer, node, output, ...] and not a list of such."""
    return isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int)


def flatten(value: Any, key: str | None = None) -> Iterator[tuple[str | None, Ref]]:
    """The tensors of `input_layers` or `output_layers`, however nested, each with its key where it is in a dict."""
    if is_leaf(value):
        yield key, Ref(value[0], value[1], value[2])
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from flatten(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from flatten(item, key)
    else:
        raise ValueError(f"{value!r} is not [layer, node, output]")
