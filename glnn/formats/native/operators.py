"""A model of operators in a .glnn file: its calls and bodies as JSON, its arrays as tensors of the container."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import ModelFileError
from ...graph.graph import TensorSpec
from ...graph.quantized import Quantized
from ...graph.sequences import item_type
from ...graph.shapes import ANY
from ...operators import Body, Call, Operators
from .container import AGAIN
from .fields import Fields
from .values import NOT_FINITE, encoded

DEEPEST = 50  # bodies in bodies

Add = Callable[[str, Any, str], Any]  # name of an array, the array, where it is: what the JSON says of it
Take = Callable[[Any, str], Any]  # back


def spec_json(spec: TensorSpec) -> dict[str, Any]:
    """An input or output; no shape where not even the rank is known."""
    shape = {} if spec.shape == ANY else {"shape": list(spec.shape)}
    return {"name": spec.name, **shape, "dtype": spec.dtype}


def operators_json(model: Operators, add: Add) -> dict[str, Any]:
    """The model as JSON values, its arrays handed to `add`. Raises InputError."""
    return {
        "words": model.words,
        "inputs": [spec_json(spec) for spec in model.inputs],
        "outputs": [spec_json(spec) for spec in model.outputs],
        "body": body_json(model.body, add, ""),
    }


def body_json(body: Body, add: Add, path: str) -> dict[str, Any]:
    """A body; arrays are named by the path of bodies that holds them."""
    return {
        "inputs": list(body.inputs),
        "calls": [call_json(call, add, f"{path}{k}/") for k, call in enumerate(body.calls)],
        "outputs": list(body.outputs),
        "arrays": {name: add(path + name, array, f"array {name!r}") for name, array in body.arrays.items()},
        **({"kinds": dict(body.kinds)} if body.kinds else {}),
    }


def call_json(call: Call, add: Add, path: str) -> dict[str, Any]:
    """A call; what it does not say is left out."""
    told: dict[str, Any] = {"op": call.op, "version": call.version}
    told |= {"domain": call.domain} if call.domain else {}
    told |= {"name": call.name} if call.name else {}
    told |= {"inputs": list(call.inputs), "outputs": list(call.outputs)}
    if call.attributes:
        told["attributes"] = {key: value_json(value, add, path + key) for key, value in call.attributes.items()}
    return told


def value_json(value: Any, add: Add, path: str) -> Any:
    """An attribute."""
    if isinstance(value, Body):
        return {"body": body_json(value, add, path + "/")}
    if isinstance(value, np.ndarray | Quantized):
        return {"array": add(path, value, f"attribute {path!r}")}
    if isinstance(value, list | tuple):
        return [value_json(item, add, f"{path}.{k}") for k, item in enumerate(value)]
    return encoded(value, f"attribute {path!r}")


class OperatorsReader:
    """Makes a model of its fields; `take` gives the arrays of the file."""

    def __init__(self, where: str, take: Take):
        self.where, self.take = where, take

    def model(self, name: str, data: Fields) -> Operators:
        """The model. Raises ModelFileError."""
        inputs, outputs = (tuple(map(self.spec, data.take(key, list))) for key in ("inputs", "outputs"))
        words = data.take("words", str)
        body = self.body(data.take("body", dict), 0)
        data.done()
        if len(outputs) != len(body.outputs):
            raise ModelFileError(f"{self.where}: {len(outputs)} outputs of {len(body.outputs)}. {AGAIN}")
        return Operators(name, words, inputs, outputs, body, self.where)

    def spec(self, item: Any) -> TensorSpec:
        """An input or output."""
        from .entries import DTYPES

        data = Fields(f"{self.where}: an input or output", item)
        name, shape, dtype = data.take("name", str), data.take("shape", list, None), data.take("dtype", str)
        data.done()
        sizes = ANY if shape is None else tuple(shape)
        if shape is not None and not all(size is None or (type(size) is int and size >= 0) for size in shape):
            raise ModelFileError(f"{data.where} {name!r}: shape {shape!r:.60}. {AGAIN}")
        if item_type(dtype) not in (*DTYPES, "bfloat16", "list"):
            raise ModelFileError(f"{data.where} {name!r}: dtype {dtype!r:.40}. {AGAIN}")
        return TensorSpec(name, sizes, dtype)

    def body(self, item: Any, depth: int) -> Body:
        """A body."""
        data = Fields(f"{self.where}: a body", item)
        if depth > DEEPEST:
            raise ModelFileError(f"{self.where}: bodies are nested more than {DEEPEST} deep. {AGAIN}")
        inputs, outputs = data.names("inputs"), data.names("outputs")
        calls = tuple(self.call(call, depth) for call in data.take("calls", list))
        told = data.take("arrays", dict)
        arrays = {key: self.take(value, f"{self.where}: array {key!r}") for key, value in told.items()}
        kinds = data.take("kinds", dict, {})
        data.done()
        if wrong := [kind for kind in kinds.values() if kind not in ("bfloat16", "float32")]:
            raise ModelFileError(f"{self.where}: an array of type {wrong[0]!r:.40}. {AGAIN}")
        return Body(inputs, calls, outputs, arrays, kinds)

    def call(self, item: Any, depth: int) -> Call:
        """A call."""
        data = Fields(f"{self.where}: a call", item)
        op, version = data.take("op", str), data.take("version", int)
        domain, name = data.take("domain", str, ""), data.take("name", str, "")
        inputs, outputs = data.names("inputs"), data.names("outputs")
        told: Mapping[str, Any] = data.take("attributes", dict, {})
        data.done()
        return Call(op, inputs, outputs, {k: self.value(v, k, depth) for k, v in told.items()}, name, domain, version)

    def value(self, value: Any, key: str, depth: int) -> Any:
        """An attribute."""
        if isinstance(value, list):
            return tuple(self.value(item, key, depth) for item in value)
        if not isinstance(value, dict):
            return value
        if set(value) == {"body"}:
            return self.body(value["body"], depth + 1)
        if set(value) == {"array"}:
            return self.take(value["array"], f"{self.where}: attribute {key!r}")
        if set(value) == {"float"} and value["float"] in NOT_FINITE:
            return NOT_FINITE[value["float"]]
        raise ModelFileError(f"{self.where}: attribute {key!r} is {value!r:.60}. {AGAIN}")
