"""Which input part a page has, and what it needs: pictures, drawings, text by a vocabulary, or numbers.

A page makes tokens of a text as Keras' TextVectorization does: `standardize` ("lower_and_strip_punctuation", "lower",
"strip_punctuation" or None; ASCII alone), then `split` ("whitespace" or "character"). A token's number is its place in
the vocabulary; what is not there is "[UNK]", or where the vocabulary has no such token, refused by the page. Texts that
are too short are filled with 0 at the end (`padding="post"`) or in front ("pre", as in pad_sequences), too long ones
are cut there. Where there are no labels and the model gives one value for each token of the vocabulary, the page takes
the output as what comes next (logits or shares, after the last token), and keeps the last tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import NAME, NAMES, checked, plain_array
from ..errors import InputError
from ..graph.shapes import Shape

KINDS = ("picture", "drawing", "text", "table")  # each has a part of the page of its name
DRAWN = 64  # pixels: grey pictures up to this height and width are drawn on the page
CHOICES = {
    "standardize": ("lower_and_strip_punctuation", "lower", "strip_punctuation", None),
    "split": ("whitespace", "character"),
    "padding": ("post", "pre"),
}
IMAGES = {"png": b"\x89PNG", "jpg": b"\xff\xd8\xff", "webp": b"RIFF", "gif": b"GIF8"}  # by their first bytes
Add = Callable[[bytes, str], dict[str, Any]]


@checked("export_web", vocabulary=NAMES | NAME, columns=NAMES | NAME)
def page_data(
    inputs: Sequence[tuple[str, Shape]],
    picture: list[int] | None,
    add: Add,
    *,
    vocabulary: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    examples: Sequence[Any] | Mapping[str, Any] = (),
    **text: Any,
) -> dict[str, Any]:
    """What the manifest says of the page.

    inputs:     names and shapes, batch first
    picture:    how the only input is a picture, see export.pictures
    add:        makes a file of the export out of bytes and a suffix
    vocabulary: tokens by their numbers; a str: characters, split as such and not standardized unless that is said
    columns:    names for the last axis of the (first) input, where it takes numbers
    examples:   inputs to begin with, by name or in a list: picture files, texts, or arrays without the batch axis
    text:       standardize, split, padding; with a vocabulary alone

    Raises InputError for what does not go with the model's inputs.
    """
    unknown = [key for key in text if key not in CHOICES]
    if unknown:
        raise InputError(f"export_web: there is no option {', '.join(unknown)}; see glnn.web.export_web")
    data: dict[str, Any] = {"kind": "table", "text": None, "columns": None}
    if vocabulary is not None:
        data |= {"kind": "text", "text": text_data(inputs, vocabulary, add, text)}
    elif text:
        raise InputError(
            f"{', '.join(text)}: these go with vocabulary, the tokens of the model. Give it, or leave them"
        )
    elif picture:
        height, width, channels = picture[:3]
        data["kind"] = "drawing" if channels == 1 and max(height, width) <= DRAWN else "picture"
    if columns is not None:
        shape = inputs[0][1]
        if data["kind"] != "table" or isinstance(columns, str) or len(columns) != shape[-1]:
            takes = f"{shape[-1]} columns" if data["kind"] == "table" else f"a {data['kind']}"
            raise InputError(f"columns: {columns!r}, while input {inputs[0][0]!r} takes {takes}. Give a name for each")
        data["columns"] = list(columns)
    named = examples if isinstance(examples, Mapping) else dict(unnamed(examples))
    data["examples"] = [{"name": name, **example(data["kind"], name, it, inputs, add)} for name, it in named.items()]
    return data


def text_data(
    inputs: Sequence[tuple[str, Shape]], vocabulary: Sequence[str], add: Add, options: Mapping[str, Any]
) -> dict[str, Any]:
    """How a page makes tokens of a text, and the file of its vocabulary. Raises InputError."""
    tokens = list(vocabulary)
    if not tokens or not all(isinstance(token, str) for token in tokens) or len(set(tokens)) < len(tokens):
        raise InputError("vocabulary: give texts, one for each number from 0 on, none of them twice")
    characters = isinstance(vocabulary, str)
    usual = {"standardize": None, "split": "character"} if characters else {}
    made = {key: options.get(key, usual.get(key, choices[0])) for key, choices in CHOICES.items()}
    for key, value in made.items():
        if value not in CHOICES[key]:
            raise InputError(f"{key}: {value!r} is none of {', '.join(map(repr, CHOICES[key]))}")
    name, shape = inputs[0]
    if len(inputs) != 1 or len(shape) not in (2, 3) or len(shape) == 3 and shape[2] != len(tokens):
        shapes = ", ".join(f"{key} {size}" for key, size in inputs)
        raise InputError(
            f"vocabulary: a page takes text for one input of numbers (batch, steps), or of codes (batch, steps, "
            f"{len(tokens)}); this model has {shapes}"
        )
    return {
        **add(json.dumps(tokens, separators=(",", ":")).encode(), "json"),
        **made,
        "standardize": made["standardize"] or "",
    }


def unnamed(examples: Sequence[Any]) -> list[tuple[str, Any]]:
    """Names for a list of examples: those of files, else numbers."""
    if isinstance(examples, str | bytes) or not isinstance(examples, Sequence | np.ndarray):
        raise InputError(f"examples: {type(examples).__name__}. Give a list of inputs, or a dict of them by name")
    return [
        (Path(it).stem if isinstance(it, Path) else f"Example {number}", it) for number, it in enumerate(examples, 1)
    ]


def example(kind: str, name: str, given: Any, inputs: Sequence[tuple[str, Shape]], add: Add) -> dict[str, Any]:
    """An example as the manifest has it. Raises InputError."""
    if kind == "text":
        if not isinstance(given, str):
            raise InputError(f"examples: {name!r} is {type(given).__name__}; this page takes text")
        return {"text": given}
    if kind != "table":
        try:
            data = given if isinstance(given, bytes) else Path(given).read_bytes()
        except (OSError, TypeError, ValueError) as error:
            raise InputError(f"examples: {name!r}: {error}. Give the path of a picture, or its bytes") from error
        suffix = next((suffix for suffix, start in IMAGES.items() if data.startswith(start)), None)
        if suffix is None:
            raise InputError(f"examples: {name!r} is no picture that browsers read. Give {', '.join(IMAGES)}")
        return add(data, suffix)
    by_name = given if isinstance(given, Mapping) else {inputs[0][0]: given}
    if set(by_name) != {key for key, _ in inputs}:
        raise InputError(
            f"examples: {name!r}: give an array for each of {', '.join(key for key, _ in inputs)}, by name"
        )
    values = []
    for key, shape in inputs:
        array = plain_array(by_name[key], f"examples: {name!r}").astype(np.float32)
        if array.shape != tuple(shape[1:]):
            raise InputError(f"examples: {name!r} has shape {array.shape}; input {key!r} takes {tuple(shape[1:])}")
        if not np.isfinite(array).all():
            raise InputError(f"examples: {name!r} has values that are not finite, which a page's fields do not take")
        values.append([float(f"{value:.7g}") for value in array.ravel()])
    return {"values": values}
