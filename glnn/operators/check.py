"""What of a model of operators glnn does not do, all of it, before anything is built."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ..errors import UnsupportedError
from .program import Call, Operators
from .table import VOCABULARIES, Vocabulary

HOST = "Load the model with host=True to have NumPy compute these steps of values that are read back"


def check(model: Operators) -> None:
    """Raises UnsupportedError with every operator, opset and attribute that is not known."""
    words = VOCABULARIES[model.words]
    items = list(dict.fromkeys(item for call in model.body.every_call() for item in problems(call, words)))
    if items:
        raise UnsupportedError(model.where, items)


def problems(call: Call, words: Vocabulary) -> Iterator[str]:
    """What is not supported of one call, in words."""
    newest = words.newest.get(call.domain)
    word = words.find(call.domain, call.op, call.version)
    spelled = f"{call.domain}.{call.op}" if call.domain else call.op
    if word is None:
        known = words.words.get((call.domain, call.op))
        if known:
            yield f"operator {spelled} of opset {call.version} (known from opset {known[0].since} on)"
            return
        names = [name for domain, name in words.words if domain == call.domain]
        close = difflib.get_close_matches(call.op, names, 1)
        yield f"operator {spelled}" + (f" (there is {close[0]})" if close else "")
        return
    if word.refused:
        yield f"operator {spelled}: {word.refused}"
        return
    if newest is not None and call.version > newest:
        yield f"opset {call.version} of domain {call.domain or 'ai.onnx'!r} (known up to {newest})"
    if not word.control:
        for name in call.attributes.keys() - word.options - set(word.ignores):
            yield f"node {call.label!r}: attribute {name} of {spelled}"
    given = len(call.inputs)
    if (word.most is not None and given > word.most and any(call.inputs[word.most :])) or given < word.least:
        takes = f"{word.least} to {word.most if word.most is not None else 'any'}"
        yield f"node {call.label!r}: {spelled} with {given} inputs (it takes {takes})"
