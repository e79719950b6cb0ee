"""What a user hands to one load in place of layers and functions that only Python code tells: custom objects."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError
from ..primitives import Sym, Trace
from ..primitives.expand import computed
from ..primitives.functions import ALIASES, FUNCTIONS, Function
from ..records import dataclass
from .activation import Activation
from .base import IGNORED_KEYS, LAYERS, Layer, is_layer
from .registry import scope

ALLOWED = (
    "a class of glnn.layers.Layer, a layer, a function of a Trace and symbols (lambda t, x: ...), or the name of a "
    "layer or function that does the same"
)


@dataclass(frozen=True)
class Said(Layer):
    """A layer that a function says, (t, *xs, **options) -> what `build` gives; options are those of the file."""

    arity: ClassVar[int | None] = None
    name: str
    say: Callable[..., Any] = field(repr=False)
    options: tuple[tuple[str, Any], ...] = ()

    def unsupported(self) -> list[str]:
        taken = inspect.signature(self.say).parameters.values()
        names = {p.name for p in taken if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if any(p.kind is p.VAR_KEYWORD for p in taken):
            return []
        return [
            f"option {name}={value!r} (the function given for {self.name!r} has no argument {name}=)"
            for name, value in self.options
            if name not in names
        ]

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Any:
        made = self.say(t, *xs, **dict(self.options))
        for sym in made if isinstance(made, list) else [made]:
            if not isinstance(sym, Sym):
                raise TypeError(f"the function given for {self.name!r} returns {sym!r:.60}, which is no symbol")
        return made


@dataclass(frozen=True)
class Given:
    """What is given for a name: stands where LAYERS has a class, and where an activation has a function."""

    name: str
    say: Callable[..., Any] | None = None
    layer: Layer | None = None
    own_fields: ClassVar[frozenset[str]] = frozenset()

    def from_config(self, config: Mapping[str, Any], where: str = "") -> Layer:
        """The layer given, or one that the function says of the file's options; a Lambda's are its `arguments`."""
        if self.layer is not None:
            return self.layer
        assert self.say is not None
        if self.name.split(":")[0] == "Lambda":
            config = config.get("arguments") or {}
        options = tuple((k, Layer.convert(k, v)) for k, v in config.items() if k not in IGNORED_KEYS)
        return Said(self.name, self.say, options).checked(where or self.name)

    @property
    def as_function(self) -> Function | None:
        """The same as a function at the end of a layer; None for a layer with weights or several inputs."""
        if isinstance(self.layer, Activation):
            return self.layer.activation
        if self.say is None:
            return None
        layer = Said(self.name, self.say)

        def formula(x: np.ndarray) -> np.ndarray:
            return computed(layer, [x], {})[0]

        return Function(self.name, formula=formula, pointwise=False, say=self.say)


@contextmanager
def custom_objects(objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Layers and functions by their names in files, for what this thread loads meanwhile. Raises InputError."""
    with scope(checked(objects)):
        yield


def checked(objects: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was given by name, as LAYERS and activations take it. Raises InputError that names what is none of it."""
    if objects is None:
        return {}
    if not isinstance(objects, Mapping):
        raise InputError(f"custom_objects: a dict of names and what stands for them, not {type(objects).__name__}")
    return {name: given(name, thing) for name, thing in objects.items()}


def given(name: Any, thing: Any) -> Any:
    """What stands for a name. Raises InputError."""
    where = f"custom_objects[{name!r}]"
    if not isinstance(name, str):
        raise InputError(f"{where}: names are text, as the file has them, not {type(name).__name__}")
    if is_layer(thing):
        return thing
    if isinstance(thing, Layer):
        return Given(name, layer=thing)
    if isinstance(thing, str) and thing in LAYERS:
        return LAYERS[thing]
    if isinstance(thing, str) and ALIASES.get(thing, thing) in FUNCTIONS:
        return Given(name, layer=Activation(FUNCTIONS[ALIASES.get(thing, thing)]))
    if callable(thing) and not isinstance(thing, type):
        return Given(name, say=thing)
    hint = (
        ". Put @dataclass(frozen=True) before the class" if isinstance(thing, type) and issubclass(thing, Layer) else ""
    )
    raise InputError(f"{where} is {thing!r:.80}; allowed is {ALLOWED}{hint}")
