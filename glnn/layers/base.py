"""What a layer is: a frozen dataclass of its config with a shape rule, a NumPy reference and a lowering to kernels.

A new layer is one such class with `@register(...)`, its kernel in shaders/ops (where it needs one) and a line in the
case table of the tests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from ..errors import UnsupportedError

Shape = tuple[int, ...]
Dims = tuple[int | None, ...]

LAYERS: dict[str, type[Layer]] = {}

# Config keys that say nothing about inference: names, training, initial values, bookkeeping of Keras' serialiser.
IGNORED_KEYS = frozenset(
    "name trainable dtype batch_input_shape batch_shape input_dtype input_dim input_length build_config "
    "registered_name kernel_initializer bias_initializer depthwise_initializer pointwise_initializer beta_initializer "
    "gamma_initializer moving_mean_initializer moving_variance_initializer alpha_initializer kernel_regularizer "
    "bias_regularizer depthwise_regularizer pointwise_regularizer beta_regularizer gamma_regularizer alpha_regularizer "
    "activity_regularizer kernel_constraint bias_constraint depthwise_constraint pointwise_constraint beta_constraint "
    "gamma_constraint alpha_constraint momentum seed noise_shape init W_regularizer b_regularizer W_constraint "
    "b_constraint input_shape lora_rank lora_alpha quantization_config optional sparse ragged virtual_batch_size "
    "fused renorm".split()
)


@dataclass(frozen=True)
class WeightSpec:
    """A weight that a layer needs: its name and shape."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Value:
    """A tensor during lowering: its concrete shape, and a number that is its own."""

    id: int
    shape: Shape


class Builder(Protocol):
    """What a layer's `lower` draws with; the planner implements it (plan.py)."""

    def draw(
        self,
        kernel: str,
        shape: Shape,
        inputs: Mapping[str, Value],
        *,
        cells: Mapping[str, np.ndarray] | None = None,
        tensors: Mapping[str, np.ndarray] | None = None,
        const: Mapping[str, int | float] | None = None,
        param: Mapping[str, int] | None = None,
        activation: Activation | None = None,
        window: Mapping[str, Window] | None = None,
    ) -> Value:
        """One pass of shaders/ops/<kernel>.glsl that makes a tensor of `shape`.

        cells:   weights by name for inner loops, as (rows, columns, taps, 4 or 16) blocks (see layout.py)
        tensors: constants by name, read by the kernel like an input
        const:   numbers that the text of the kernel holds (unroll bounds, kernel sizes)
        param:   integers that may change with the shapes; they do not make a new program
        window:  how the block's origin in an input follows from the output's (see Window)
        """
        ...


@dataclass(frozen=True)
class Window:
    """Where a blocked kernel's taps start: input pixel = output pixel * mul // div, along height and width."""

    mul: tuple[int, int] = (1, 1)
    div: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Activation:
    """A pointwise function fused to the end of a kernel: its name in shaders/lib/activations.glsl and its constants."""

    name: str
    constants: tuple[tuple[str, float], ...] = ()


class Layer:
    """Base of all layers. Subclasses are frozen dataclasses whose fields bear the names of Keras' config.

    Methods return one shape (a tuple), array or value; a layer of several outputs returns a list of them.
    Shapes have the batch first. In `output_shape` any dimension may be None (free); elsewhere all are numbers.
    """

    arity: ClassVar[int | None] = 1  # number of inputs; None: one or more
    ignored: ClassVar[frozenset[str]] = frozenset()  # further config keys of this layer that do not matter at inference
    renamed: ClassVar[Mapping[str, str]] = {}  # older or foreign spelling of a config key -> field
    exact_inputs: ClassVar[tuple[int, ...]] = ()
    """Inputs (by number) that hold whole numbers: stored with full precision where the device can."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str = "") -> Layer:
        """A layer from its Keras config. Raises UnsupportedError that lists the options which are not supported."""
        fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        values, unknown = {}, []
        for key, value in config.items():
            key = cls.renamed.get(key, key)
            if key in fields:
                values[key] = cls.convert(key, value)
            elif key not in IGNORED_KEYS and key not in cls.ignored:
                unknown.append(f"option {key}={value!r}")
        if not unknown:
            try:
                layer = cls(**values)
                unknown += layer.unsupported()
            except UnsupportedError as error:
                unknown += error.items
            except (TypeError, ValueError) as error:
                unknown.append(f"config {values!r}: {error}")
        if unknown:
            raise UnsupportedError(where or cls.__name__, unknown)
        return layer

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        """A config value as the field `key` keeps it: lists become tuples."""
        return tuple(cls.convert(key, v) for v in value) if isinstance(value, list | tuple) else value

    def unsupported(self) -> list[str]:
        """What this config asks for and glnn does not do, one string an option; empty if all is well."""
        return []

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        """The weights, in the order in which Keras keeps them, for inputs of these shapes."""
        return []

    def output_shape(self, *inputs: Dims) -> Any:
        """The shape that comes out for inputs of these shapes. Raises ValueError where they do not fit."""
        raise NotImplementedError

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> Any:
        """The layer in plain NumPy, in the precision of its inputs: what the kernels are judged by."""
        raise NotImplementedError

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Any:
        """The draws that compute this layer."""
        raise NotImplementedError


L = TypeVar("L", bound=type[Layer])


def register(*names: str) -> Callable[[L], L]:
    """Class decorator: the names under which model files know this layer."""

    def add(cls: L) -> L:
        for name in names or (cls.__name__,):
            LAYERS[name] = cls
        return cls

    return add
