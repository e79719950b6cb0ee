"""Operators that Keras writes into functional models among the layers: keras.ops, and TensorFlow's functions.

Each becomes an Operation of the table (glnn/layers/operators) on the arguments of its call. Arithmetic with shapes
(tf.shape(x)[0] * 2) becomes part of the arguments that it ends in, and is done when the model is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...graph.shapes import Shape
from ...layers.operation import CALL, Operation
from ...layers.operators import OPERATORS
from ...layers.operators.elementwise import INTEGERS, WIDE_INTEGERS
from ...layers.operators.sizes import MAKERS, SIZES
from ...layers.operators.table import SAME
from ...primitives.expr import Constant, In
from ...records import dataclass
from .calls import Call, Ref, Unread
from .operator_names import IDLE, LAMBDAS, TENSORFLOW, class_word
from .steps import Found, Sizes

MOST_WHOLE = 4096  # integers of an array that are kept as such: numbers of rows, sizes
WRAPPING = frozenset("add subtract multiply negative power square".split())
PIXELS = frozenset(("depth_to_space", "space_to_depth"))
TYPED = frozenset(("cast", "saturate_cast"))


@dataclass
class Gathered:
    """The arguments of an operation while they are read: tensors and arrays get numbers."""

    find: Callable[[Ref], Found]
    tensors: list[str] = field(default_factory=list)
    arrays: list[np.ndarray] = field(default_factory=list)
    plain: bool = False  # whether a tensor itself was read, not its shape

    def tree(self, value: Any) -> Any:
        """An argument as an Operation keeps it. Raises UnsupportedError for one that is of no known kind."""
        if isinstance(value, Ref):
            found = self.find(value)
            if isinstance(found, Sizes):
                return renumbered(found.tree, [self.number(name) for name in found.tensors])
            self.plain = True
            return In(self.number(found))
        if isinstance(value, np.ndarray):
            return self.constant(value)
        if isinstance(value, tuple):
            return tuple(map(self.tree, value))
        if isinstance(value, Unread | Mapping):
            raise UnsupportedError("operator", [f"call on {getattr(value, 'value', value)!r:.80}"])
        return value

    def number(self, name: str) -> int:
        if name not in self.tensors:
            self.tensors.append(name)
        return self.tensors.index(name)

    def constant(self, array: np.ndarray) -> Any:
        if array.dtype.kind in "biu" and array.size <= MOST_WHOLE:
            return nested(array.tolist())
        self.arrays.append(array.astype(np.float32))
        return Constant(f"constant{len(self.arrays) - 1}", array.shape)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return tuple(array.shape for array in self.arrays)


def nested(value: Any) -> Any:
    """Lists as tuples."""
    return tuple(map(nested, value)) if isinstance(value, list) else value


def renumbered(tree: Any, numbers: Sequence[int]) -> Any:
    """The tree with other numbers for its inputs."""
    if isinstance(tree, In):
        return In(numbers[tree.number])
    return tuple(renumbered(item, numbers) for item in tree) if isinstance(tree, tuple) else tree


def part(sizes: Sizes, output: int) -> Sizes:
    """One of the sizes, or groups of them, that an operator makes."""
    several = isinstance(sizes.tree, tuple) and len(sizes.tree) == 4 and sizes.tree[1] in ("unstack", "split")
    return Sizes((CALL, "getitem", (sizes.tree, output), ()), sizes.tensors) if several else sizes


def told(item: Mapping[str, Any]) -> str:
    """The operator as its writer knows it."""
    config = item.get("config") or {}
    function = config.get("function")
    return f"tf.{function}" if isinstance(function, str) else f"keras.ops.{class_word(str(item.get('class_name')))}"


@dataclass
class Read:
    """An operator as it is called: its word, arguments and options, and the type of what it makes."""

    word: str
    args: tuple[Any, ...]
    options: dict[str, Any]


def read(item: Mapping[str, Any], call: Call) -> Read:
    """The operator of an item and a call of it, in the words of the table. Raises UnsupportedError."""
    config = item.get("config") or {}
    options = dict(call.options)
    if item.get("class_name") in LAMBDAS:
        word, renamed = TENSORFLOW.get(str(config.get("function")).removeprefix("compat.v1."), ("", {}))
        options = {renamed.get(key, key): value for key, value in options.items()}
        made = tensorflow(word, call.args, options)
    else:
        word = class_word(str(item.get("class_name")))
        own = {key: nested(value) for key, value in config.items() if key != "dtype" or word in TYPED}
        made = operations_call(word, call.args, own | options)
        if word in PIXELS and made.options.get("data_format") == "channels_first":
            told_so = "data_format='channels_first' (backends of Keras order channels differently; transpose before)"
            raise UnsupportedError("operator", [f"operation {told(item)}: {told_so}"])
    if not (made.word in OPERATORS or made.word in SIZES):
        raise UnsupportedError("operator", [f"operation {told(item)} (not known)"])
    known = OPERATORS[made.word].signature.parameters if made.word in OPERATORS else {}
    made.options = {key: value for key, value in made.options.items() if key in known or not idle(key, value)}
    return made


def operations_call(word: str, args: tuple[Any, ...], options: dict[str, Any]) -> Read:
    """A call of keras.ops: tensors are the arguments that the config does not tell, in the table's order."""
    if word not in OPERATORS:
        return Read(word, args, options)
    parameters = OPERATORS[word].signature.parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        first = [
            options.pop(one.name) for one in parameters if one.name in options and one.kind is one.POSITIONAL_OR_KEYWORD
        ]
        return Read(word, (*first, *args), options)
    free = [parameter.name for parameter in parameters if parameter.name not in options]
    if len(free) < len(args):
        return Read(word, args, options)
    return Read(word, (), dict(zip(free, args, strict=False)) | options)


def idle(key: str, value: Any) -> bool:
    """Whether an option that an operator does not have changes nothing."""
    return key in IDLE and (not IDLE[key] or value in IDLE[key]) or (key == "dtype") or key == "fill_value"


FORMATS = {"NHWC": "channels_last", "NCHW": "channels_first"}


def tensorflow(word: str, args: tuple[Any, ...], options: dict[str, Any]) -> Read:
    """TensorFlow's arguments in the words of the table, where they differ in more than the name."""
    if options.get("data_format") in FORMATS:
        options["data_format"] = FORMATS[options["data_format"]]
    if options.get("dilation_rate", 1) is None:
        options["dilation_rate"] = 1
    if word == "pad" and isinstance(options.get("mode"), str):
        options["mode"] = options["mode"].lower()
    if word in ("softmax", "log_softmax", "argmax", "argmin", "one_hot") and options.get("axis") is None:
        options["axis"] = 0 if word.startswith("arg") else -1
    if word == "take":
        indices, batch = options.pop("indices", None), options.get("batch_dims") or 0
        options["axis"] = options.get("axis") if options.get("axis") is not None else batch
        return Read(word, (*args, indices) if indices is not None else args, options)
    if word in ("cumsum", "cumprod"):
        options.setdefault("axis", 0)
    if word == "gelu":
        options.setdefault("approximate", False)
    if word == "roll" and options.get("shift") is not None:
        return Read(word, (*args, options.pop("shift")), options)
    if word == "arange" and "start" in options:
        args = (options.pop("start"), *args)
    return Read(word, args, options)


def sizes_alone(made: Read, gathered: Gathered) -> bool:
    """Whether what is asked for follows of shapes alone."""
    if made.word in MAKERS:
        return True
    return made.word in SIZES and not gathered.plain and bool(gathered.tensors)


def operation(item: Mapping[str, Any], call: Call, find: Callable[[Ref], Found], types: Mapping[str, str]) -> Any:
    """What an operator becomes on a call: (Operation, tensors, arrays, type of its result), or Sizes.

    find: what a tensor of the config is; types: of tensors by name, where they are known
    Raises UnsupportedError for what glnn does not have.
    """
    made = read(item, call)
    gathered = Gathered(find)
    args = tuple(map(gathered.tree, made.args))
    options = {key: gathered.tree(value) for key, value in made.options.items()}
    if sizes_alone(made, gathered):
        return Sizes((CALL, made.word, args, tuple(sorted(options.items()))), tuple(gathered.tensors))
    if not gathered.tensors:
        raise UnsupportedError("operator", [f"operation {told(item)} of constants alone"])
    own = [types.get(name, "") for name in gathered.tensors]
    for ref in call.tensors:
        if ref.dtype and isinstance(name := find(ref), str):
            own[gathered.tensors.index(name)] = ref.dtype
    word = settled(made.word, own, item)
    if word in TYPED:
        options["source"] = own[0]
    layer = Operation(word, args, tuple(options.items()), gathered.shapes)
    problems = layer.unsupported()
    if problems:
        raise UnsupportedError("operator", [f"operation {told(item)}: {problem}" for problem in problems])
    return layer, gathered.tensors, gathered.arrays, result_type(word, own, options)


def settled(word: str, types: Sequence[str], item: Mapping[str, Any]) -> str:
    """The operator that is meant for tensors of these types. Raises UnsupportedError where floats differ."""
    if all(dtype == "bool" for dtype in types):
        word = {"add": "logical_or", "multiply": "logical_and"}.get(word, word)
    narrow = [dtype for dtype in types if dtype in INTEGERS - WIDE_INTEGERS]
    if word in WRAPPING and narrow and len(narrow) == len(types):
        raise UnsupportedError(
            "operator", [f"operation {told(item)} of {narrow[0]}, which wraps around; cast to int32 or float32 before"]
        )
    if word == "mean" and item.get("class_name") in LAMBDAS and types[0] in INTEGERS:
        raise UnsupportedError("operator", [f"operation {told(item)} of {types[0]}, which cuts off; cast to float32"])
    return word


def result_type(word: str, types: Sequence[str], options: Mapping[str, Any]) -> str:
    """The type of what an operator makes; "" where it is not known."""
    if word in TYPED:
        return str(options.get("dtype", ""))
    gives = OPERATORS[word].gives
    known = set(types)
    return gives if gives != SAME else known.pop() if len(known) == 1 else "float32" if "float32" in known else ""
