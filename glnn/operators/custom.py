"""Operators of the user's own: functions that say what an operator of another domain computes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ..arguments import FLAG, NAME, NAMES, checked, count
from ..errors import InputError
from . import onnx
from .table import SAME, VOCABULARIES


@checked(since=count(1), gives=NAMES | NAME, host=FLAG, words=NAME)
def register_op(
    domain: str,
    *names: str,
    since: int = 1,
    gives: str | Sequence[str] = SAME,
    host: bool = False,
    words: str = onnx.NAME,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the operator of these names in a domain, which ONNX files call, is what a function says.

        @glnn.register_op("my.domain", "Wave")
        def wave(t, x, *, rate=1.0):
            return x * t.apply("sin", x * rate)

    The function takes a Trace, the inputs as symbols (None for one that is left out) and the attributes as keyword-only
    arguments; it gives a symbol, several in a tuple. See docs/onnx.md.

    since: the opset of the domain from which on that holds
    gives: the type of what it makes, "float32", "int64", ..., of each of several; "same": that of the first input
    host:  whether the function is one of NumPy arrays instead, on what is read back from the device
    words: "onnx", or "tensorflow" for graph-models of TensorFlow.js, whose domain is ""

    Raises InputError for what is no function of that kind, and for an operator that glnn has.
    """
    vocabulary = VOCABULARIES.get(words)
    if vocabulary is None:
        raise InputError(f"register_op: words={words!r}; known are {', '.join(VOCABULARIES)}")
    if not names or not all(isinstance(name, str) and name for name in (*names,)) or not isinstance(domain, str):
        raise InputError(
            f'register_op({domain!r}, {names!r}): a domain and a name are needed, as in ("my.domain", "Wave")'
        )

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(function):
            raise InputError(f"register_op: {function!r} is no function")
        first = [p for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        if not host and not first:
            raise InputError(
                f"register_op: {function.__name__} takes no Trace; write it as def {function.__name__}(t, x)"
            )
        for name in names:
            known = vocabulary.words.get((domain, name), [])
            own = [word for word in known if word.function.__module__.startswith("glnn.")]
            if own:
                raise InputError(f"register_op: glnn has the operator {name!r} of domain {domain!r} itself")
        kinds = gives if isinstance(gives, str) else tuple(gives)
        return vocabulary(*names, since=since, domain=domain, gives=kinds, host=host)(function)

    return add
