"""What is seen of a model while it is loaded: told of models that can't be loaded too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from typing import Any

from ..errors import ModelFileError
from ..graph.graph import Graph
from ..records import dataclass


@dataclass(frozen=True)
class LayerSeen:
    """A layer as the file has it: its name, its class, what of it is not supported."""

    name: str
    type: str
    problems: tuple[str, ...] = ()


@dataclass
class Survey:
    """What a file holds: its format, who wrote it, its layers, what of them glnn does not do, its Graph if it has one.

    problems: of the model as a whole; advice: what to do about them; parameters: numbers in the file's weights, None
    where they were not counted; size: of these weights as they are stored, in bytes
    """

    path: str
    format: str = ""
    writer: str = ""
    layers: list[LayerSeen] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    advice: str = ""
    parameters: int | None = None
    size: int | None = None
    graph: Graph | None = None

    @property
    def supported(self) -> bool:
        """Whether glnn runs the model."""
        return self.graph is not None


_current: ContextVar[Survey | None] = ContextVar("survey", default=None)


@contextmanager
def surveying(path: str) -> Iterator[Survey]:
    """A Survey that hears of what is loaded meanwhile."""
    made = Survey(path)
    token = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(token)


def written_by(writer: str, version: str = "", by: str | None = None) -> None:
    """Notes who wrote the file: a program, its version, its backend or converter. Of several, the last counts."""
    if (seen := _current.get()) is not None:
        seen.writer = " ".join(part for part in (writer, version, f"({by})" if by else "") if part)


def operators_seen(model: Any) -> None:
    """Notes the calls of a model of operators, and what of them is not supported."""
    from ..operators.check import problems
    from ..operators.table import VOCABULARIES

    if (seen := _current.get()) is not None:
        words = VOCABULARIES[model.words]
        for call in model.body.every_call():
            seen.layers.append(LayerSeen(call.label, call.op, tuple(problems(call, words))))


def note(layers: Iterable[Any], problems: Sequence[str], weights: Any) -> None:
    """Notes layers (entries of a Keras config), what is not supported, by layer, and the weights of the file."""
    seen = _current.get()
    if seen is None:
        return
    left = list(dict.fromkeys(problems))
    for entry in layers:
        heads = (f"{entry.path} ({entry.class_name}): ", f"{entry.path}: ")
        own = [(text, text[len(head) :]) for text in left for head in heads if text.startswith(head)]
        left = [text for text in left if text not in [whole for whole, _ in own]]
        seen.layers.append(LayerSeen(entry.path, entry.class_name, tuple(words for _, words in own)))
    seen.problems = left
    try:
        seen.parameters = sum(math.prod(stored.shape) for stored in weights.every()) if weights is not None else None
    except ModelFileError:  # told where the model is loaded
        seen.parameters = None
