"""JSON by the letter of its standard, but for the infinities that Python's writers add."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

from ..errors import ModelFileError

EXPORT = "The file may be cut short; export it again"


def parse_json(text: str | bytes, where: str, again: str = EXPORT, infinities: bool = True) -> Any:
    """The value in a text: no NaN, no number beyond float64, no name twice in an object.

    infinities: whether Infinity may stand there as a number

    Raises ModelFileError, which begins with `where`, with line and column where it is malformed.
    """
    constant = _infinity if infinities else _none
    try:
        content = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return json.loads(content, object_pairs_hook=_object, parse_constant=constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise ModelFileError(
            f"{where}: not text in UTF-8 (byte {error.start}), so not the JSON it should be"
        ) from error
    except json.JSONDecodeError as error:
        raise ModelFileError(
            f"{where}: malformed JSON at line {error.lineno}, column {error.colno}: {error.msg}. {again}"
        ) from error
    except RecursionError:
        raise ModelFileError(f"{where}: malformed JSON: nested too deeply to be a model") from None
    except ValueError as error:
        raise ModelFileError(f"{where}: malformed JSON: {error}. {again}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the name {name!r} stands twice")
    return made


def _none(constant: str) -> Any:
    raise ValueError(f"{constant} is no number in JSON")


def _infinity(constant: str) -> float:
    return _none(constant) if constant == "NaN" else float(constant)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits[:20]} is beyond float64")
    return value
