"""The tables of operators: for each vocabulary, functions by name, domain, and the opset since which they hold."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from ..records import dataclass

SAME = "same"  # the type of the first input


@dataclass(frozen=True, eq=False)
class Word:
    """An operator of a vocabulary from an opset on: a function of a Say, tensors and attributes, by NumPy's manners.

    gives:   the type of what it makes, of each of several; "same": that of its first input
    exact:   a formula in NumPy on arrays and attributes, for what is known before inputs come
    host:    whether the function is one of arrays in NumPy itself: what it makes has a shape that values tell
    reads:   whether it is computed in NumPy of what is read back, by the types of its inputs and its attributes
    control: whether it takes the walk and the call, in place of tensors and attributes: it has bodies
    ignores: attributes that say nothing about what is computed
    refused: why no model with it is taken, in words
    """

    name: str
    function: Callable[..., Any]
    since: int = 1
    domain: str = ""
    gives: str | tuple[str, ...] = SAME
    exact: Callable[..., Any] | None = None
    host: bool = False
    control: bool = False
    ignores: tuple[str, ...] = ()
    refused: str = ""
    reads: Callable[..., bool] | None = None

    def in_numpy(self, kinds: Sequence[str], options: Mapping[str, Any]) -> bool:
        """Whether NumPy computes it, unless its inputs of these types are known before others come."""
        return self.host or (self.reads is not None and self.reads(kinds, **options))

    @cached_property
    def options(self) -> frozenset[str]:
        """The attributes that it takes, by name."""
        parameters = inspect.signature(self.function).parameters.values()
        return frozenset(p.name.rstrip("_") for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)

    @cached_property
    def most(self) -> int | None:
        """How many inputs it takes at most; None: any number."""
        parameters = list(inspect.signature(self.function).parameters.values())
        if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
            return None
        return sum(p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for p in parameters) - self._own

    @cached_property
    def least(self) -> int:
        """How many inputs it takes at least."""
        parameters = inspect.signature(self.function).parameters.values()
        needed = (p for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and p.default is p.empty)
        return sum(1 for _ in needed) - self._own

    @property
    def _own(self) -> int:
        """How many parameters stand before the inputs."""
        return 3 if self.control else 0 if self.host else 1


class Vocabulary:
    """Operators by domain and name."""

    def __init__(self, name: str, newest: Mapping[str, int] | None = None):
        self.name = name
        self.newest = dict(newest or {})  # the last opset of each domain that is known
        self.words: dict[tuple[str, str], list[Word]] = {}

    def add(self, word: Word) -> Word:
        """Puts a word in; of several of one name the one with the highest opset that is not above a model's holds."""
        known = self.words.setdefault((word.domain, word.name), [])
        known[:] = sorted([w for w in known if w.since != word.since] + [word], key=lambda w: w.since)
        return word

    def refuse(self, *names: str, why: str) -> None:
        """Operators that are known, and not taken."""
        for name in names:
            self.add(Word(name, lambda t, *xs: None, refused=why))

    def find(self, domain: str, name: str, version: int) -> Word | None:
        """The word that holds for an opset; None where there is none."""
        known = [word for word in self.words.get((domain, name), ()) if word.since <= version]
        return known[-1] if known else None

    def __call__(
        self, *names: str, since: int = 1, domain: str = "", gives: str | Sequence[str] = SAME,
        exact: Callable[..., Any] | None = None, host: bool = False, control: bool = False, ignores: Sequence[str] = (),
        reads: Callable[..., bool] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # fmt: skip
        """Decorator of a function: the operator of these names. See Word."""

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            for name in names:
                kinds = gives if isinstance(gives, str) else tuple(gives)
                self.add(Word(name, function, since, domain, kinds, exact, host, control, tuple(ignores), "", reads))
            return function

        return add


VOCABULARIES: dict[str, Vocabulary] = {}


def vocabulary(name: str, newest: Mapping[str, int] | None = None) -> Vocabulary:
    """The vocabulary of this name, made where it is not there."""
    return VOCABULARIES.setdefault(name, Vocabulary(name, newest))
