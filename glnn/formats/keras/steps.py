"""What a walk through a model's config collects: inputs, steps, names of tensors, and every problem on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from ...errors import ModelFileError, UnsupportedError
from ...graph.graph import TensorSpec
from ...layers.base import Layer
from ...records import dataclass
from .inputs import input_dtype
from .weights.entries import Entry

MOST_CALLS = 20_000  # of layers and models: models that call each other twice are 2^n calls
MOST_OUTPUTS = 1000  # of one layer; a number beyond is damage


@dataclass
class Step:
    """One call of a layer on its way to become a Node: what it is called on, and the names of what it makes.

    mask: the tensor that the call itself names as the mask
    """

    name: str
    entry: Entry
    inputs: list[str]
    outputs: list[str]
    mask: str | None = None
    made: Layer | None = None  # what the entry's is on this call
    constants: dict[str, np.ndarray] = field(default_factory=dict)  # weights that the call itself holds

    @property
    def layer(self) -> Layer | None:
        """The layer that is called; None where the file's could not be made."""
        return self.made or self.entry.layer


@dataclass(frozen=True)
class Sizes:
    """What is computed of shapes alone: a tree with In(k) for the k-th of the tensors whose shapes they are."""

    tree: Any
    tensors: tuple[str, ...]


Found = str | Sizes  # what a Ref is: a tensor by its name, or sizes
Made = list[str] | Step | Sizes  # what a call makes: tensors, a step that makes them, or sizes of tensors


@dataclass(frozen=True)
class Document:
    """A model's config as a file holds it, with the major version of Keras, its backend and its release."""

    where: str
    item: Mapping[str, Any]
    version: int
    backend: str | None = None
    release: str = ""  # the file's keras_version; TensorFlow.js writes "tfjs-layers 4.22.0"
    told: str = ""  # what stands for it in a line of Python, where that is no path


class Steps:
    """The inputs and steps of a model, as far as they are known."""

    def __init__(self, doc: Document):
        self.doc = doc
        self.inputs: list[TensorSpec] = []
        self.steps: list[Step] = []
        self.problems: list[str] = []
        self.used: dict[str, int] = {}  # names, and the last counter behind each
        self.types: dict[str, str] = {}  # of tensors by name, where they are known
        self.calls_made = 0

    def step(self, entry: Entry, what: str, layer: Layer, tensors: list[str], mask: str | None = None) -> str:
        """A step that is no layer of the file but a part of what one does; the name of what it makes."""
        name = self.unique(f"{entry.path}/{what}")
        self.steps.append(Step(name, Entry(name, entry.path, entry.class_name, layer=layer), tensors, [name], mask))
        return name

    def count(self) -> None:
        """Notes a call. Raises ModelFileError where models in models make more of them than there can be."""
        self.calls_made += 1
        if self.calls_made > MOST_CALLS:
            raise ModelFileError(f"{self.doc.where}: more than {MOST_CALLS} calls of layers; the config is damaged")

    def output(self, made: Made, index: int) -> str:
        """The name of one tensor that a call makes."""
        if isinstance(made, Sizes):
            raise UnsupportedError(self.doc.where, ["the shape of a tensor is used as a tensor, or is an output"])
        if not isinstance(index, int) or not 0 <= index < MOST_OUTPUTS:
            raise ValueError(f"output {index!r} of a layer is read")
        if isinstance(made, list):
            return made[index]
        while len(made.outputs) <= index:
            k = len(made.outputs)
            made.outputs.append(made.name if k == 0 else self.unique(f"{made.name}/output{k}"))
        return made.outputs[index]

    def outputs(self, made: list[str] | Step) -> list[str]:
        """All tensors of a nested model, the first of a layer: what the next layer of a Sequential takes."""
        return made if isinstance(made, list) else [self.output(made, 0)]

    def unique(self, name: str) -> str:
        """The name, with a counter after it if it is taken."""
        candidate, count = name, self.used.get(name, 0)
        while candidate in self.used:
            count += 1
            candidate = f"{name}:{count}"
        self.used[candidate] = 0
        self.used[name] = count
        return candidate

    def add_input(self, name: str, shape: Sequence[int | None] | None, dtype: Any) -> str:
        """A new input of the graph; its name. The batch is free."""
        if not shape:
            raise ModelFileError(
                f"{self.doc.where}: the shape of input {name!r} is not in the file. "
                "Call the model once on data of its size, or give it an Input layer, and save it again"
            )
        spec = TensorSpec(self.unique(name), (None, *shape[1:]), input_dtype(dtype))
        self.inputs.append(spec)
        self.types[spec.name] = spec.dtype
        return spec.name
