"""ONNX' own list of operators: those that are known take every attribute and input of every opset from 7 on."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import glnn.operators.onnx  # noqa: F401  (fills the vocabulary)
from glnn.operators.table import VOCABULARIES, Word

defs = pytest.importorskip("onnx.defs")
WORDS = VOCABULARIES["onnx"]
TEXTS = {("Constant", "value_string"), ("Constant", "value_strings")}


def test_known_operators_take_all() -> None:
    problems = set()
    for domain, name in WORDS.words:
        for opset in range(7, 29) if not domain else ():
            try:
                schema = defs.get_schema(name, opset, domain)
            except defs.SchemaError:
                continue  # of another opset, or of onnxruntime
            word = WORDS.find(domain, name, opset)
            if not schema.deprecated and (word is None or not (word.refused or word.control)):
                problems |= {f"{name} of opset {opset}: {lack}" for lack in lacking(schema, word)}
    assert not problems


def lacking(schema: Any, word: Word | None) -> list[str]:
    if word is None:
        return ["the operator"]
    found = []
    parameters = inspect.signature(word.function).parameters
    for name, attribute in schema.attributes.items():
        if (schema.name, name) in TEXTS or name in word.ignores:
            continue
        parameter = parameters.get(name) or parameters.get(f"{name}_")
        if parameter is None:
            found.append(f"attribute {name}")
        elif not attribute.default_value.name:
            continue
        elif (value := default(attribute.default_value)) != parameter.default and not (
            isinstance(value, float) and abs(value - parameter.default) < 1e-6 * abs(value)
        ):
            found.append(f"{name} is {parameter.default!r} where nothing is given, not {value!r}")
    most = None if schema.max_input > 1000 else schema.max_input
    if word.least > schema.min_input or (word.most is not None and (most is None or word.most < most)):
        found.append(f"{word.least} to {word.most} inputs, not {schema.min_input} to {most}")
    return found


def default(value: Any) -> Any:
    texts = tuple(text.decode() for text in value.strings)
    numbers = {1: value.f, 2: value.i, 6: tuple(value.floats), 7: tuple(value.ints)}
    return {**numbers, 3: value.s.decode(), 8: texts}.get(value.type)
