"""What a layer is: a frozen dataclass of its config with `build`, which says it in primitives.

A new layer is one such class with `@register(...)`, and a line in the case table of the tests. Its shape, its reference
in NumPy and its draws follow from `build`.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..errors import InputError, UnsupportedError
from ..graph.shapes import Dims
from ..graph.weight import WeightSpec
from ..primitives.base import Builder, Value
from ..primitives.expand import computed, shapes_of
from ..primitives.functions import ALIASES, FUNCTIONS, LINEAR, Function
from .registry import Registry

LAYERS = Registry()

NUMBERS = ("float", "float | None")  # types of fields

# Config keys that say nothing about inference: names, training, initial values, bookkeeping of Keras' serialiser.
IGNORED_KEYS = frozenset(
    "name trainable dtype batch_input_shape batch_shape input_dtype input_dim input_length build_config "
    "registered_name kernel_initializer bias_initializer depthwise_initializer pointwise_initializer beta_initializer "
    "gamma_initializer moving_mean_initializer moving_variance_initializer alpha_initializer kernel_regularizer "
    "bias_regularizer depthwise_regularizer pointwise_regularizer beta_regularizer gamma_regularizer alpha_regularizer "
    "activity_regularizer kernel_constraint bias_constraint depthwise_constraint pointwise_constraint beta_constraint "
    "gamma_constraint alpha_constraint momentum seed noise_shape init W_regularizer b_regularizer W_constraint "
    "b_constraint input_shape lora_rank lora_alpha quantization_config optional sparse ragged virtual_batch_size "
    "fused renorm autocast rng_type".split()
)


class Layer:
    """Base of all layers. Subclasses are frozen dataclasses whose fields bear the names of Keras' config.

    `build(self, t, *xs, w)` makes the output of inputs xs and weights w (by name), all of them symbols, with the words
    of a Trace t; a layer of several outputs returns a list of them. Shapes have the batch first; there and in
    `output_shape` any dimension may be None (free). A layer with a kernel of its own has `output_shape`, `reference`
    and `lower` instead.
    """

    arity: ClassVar[int | None] = 1  # number of inputs; None: one or more
    ignored: ClassVar[frozenset[str]] = frozenset()  # further config keys of this layer that do not matter at inference
    renamed: ClassVar[Mapping[str, str]] = {}  # older or foreign spelling of a config key -> field
    own_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that glnn sets, in a pass or while it reads a file: a Keras config that holds one is refused."""
    exact_inputs: ClassVar[tuple[int, ...]] = ()
    """Inputs (by number) that hold whole numbers: stored with full precision where the device can."""
    call_arguments: ClassVar[tuple[str, ...]] = ()
    """Arguments of its call that are tensors, in the order in which they follow its first inputs."""
    signature: ClassVar[tuple[str, ...]] = ()
    """All arguments of its call, in order, where several may be tensors: the field `given` names its inputs then."""
    passes_mask: ClassVar[bool] = False
    """Whether what it makes has the mask of its input (Keras' supports_masking)."""
    by_steps: ClassVar[bool] = False
    """Whether it goes through a sequence step by step, from states to states."""
    takes_masks: ClassVar[bool] = False
    """Whether it computes with the mask of its first input: a tensor (N, T) of 0 and 1, its last input then.

    It has a field `masked`, which says that it is there.
    """
    augments: ClassVar[bool] = False
    """Whether Keras has it among the layers that change images, whose calls it writes down with training=True."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in vars(cls):
            cls.__repr__ = cls.__repr__  # type: ignore[method-assign]  # its own, so that @dataclass writes none

    def __repr__(self) -> str:
        """The class with the options that differ from their defaults: Dense(units=10, activation='softmax')."""
        options: list[str] = []
        fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(self) if dataclasses.is_dataclass(self) else ()
        for field in fields:
            default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            value = _told(getattr(self, field.name))
            if field.repr and value != _told(default):
                options.append(f"{field.name}={value}")
        return f"{type(self).__name__}({', '.join(options)})"

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
                made = cls(**values)
                strange = (key for key in values if not _suits(fields[key].type, getattr(made, key)))
                unknown += [f"option {key}={values[key]!r:.80}, which is no number" for key in strange]
                if not unknown:
                    return made.checked(where)
            except UnsupportedError as error:
                unknown += error.items
            except (TypeError, ValueError) as error:
                unknown.append(f"config {values!r}: {error}")
        raise UnsupportedError(where or cls.__name__, unknown)

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        """A config value as the field `key` keeps it: lists become tuples, dicts such that can be hashed.

        A field that holds a layer overrides it, with `layer_of(value)`.
        """
        if isinstance(value, Mapping):
            return Options((name, cls.convert(key, v)) for name, v in value.items())
        return tuple(cls.convert(key, v) for v in value) if isinstance(value, list | tuple) else value

    def checked(self, where: str = "") -> Layer:
        """The layer itself. Raises UnsupportedError with what it tells to be `unsupported`."""
        if items := self.unsupported():
            raise UnsupportedError(where or type(self).__name__, items)
        return self

    def unsupported(self) -> list[str]:
        """What this config asks for and glnn does not do, one string an option; empty if all is well."""
        return []

    def mask_of(self) -> Layer | None:
        """The layer that makes a mask (N, T) of its input, where it makes one."""
        return None

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        """The weights, in the order in which Keras keeps them, for inputs of these shapes."""
        return []

    def output_shape(self, *inputs: Dims) -> Any:
        """The shape that comes out for inputs of these shapes. Raises ValueError where they do not fit."""
        self._needs_build("output_shape")
        made = shapes_of(self, tuple(map(tuple, inputs)))
        return made[0] if len(made) == 1 else list(made)

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> Any:
        """The layer in plain NumPy, in the precision of its inputs: what the kernels are judged by."""
        self._needs_build("reference")
        made = computed(self, inputs, weights)
        return made[0] if len(made) == 1 else list(made)

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Any:
        """The draws that compute a layer that says no `build`, but has a kernel of its own.

        Weights are `graph.weight.Weight`s: what is sliced, turned, reshaped or broadcast stays one, known by name and
        view to all plans; arithmetic gives plain arrays.
        """
        raise NotImplementedError(f"class {type(self).__name__} has no method build, nor lower")

    def _needs_build(self, method: str) -> None:
        if not hasattr(self, "build"):
            raise NotImplementedError(f"class {type(self).__name__} has no method build, nor {method}")


class Options(dict[str, Any]):
    """A dict in a config, which can be hashed as the layer that holds it is."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self))


def is_layer(cls: Any) -> bool:
    """Whether this is a frozen dataclass of a Layer."""
    params = getattr(cls, "__dataclass_params__", None)
    return isinstance(cls, type) and issubclass(cls, Layer) and params is not None and params.frozen


def layer_of(value: Any) -> Layer:
    """The layer in Keras' serialised form, {"class_name": ..., "config": ...}. Raises UnsupportedError."""
    if isinstance(value, Layer):
        return value
    name, config = (value.get("class_name"), value.get("config")) if isinstance(value, Mapping) else (None, None)
    if not isinstance(name, str) or not isinstance(config, Mapping):
        raise UnsupportedError("layer", [f"{value!r:.80}, which is no layer"])
    if name not in LAYERS:
        raise UnsupportedError(name, [f"layer {name} in it (no such layer in glnn)"])
    try:
        return LAYERS[name].from_config(config, name)
    except UnsupportedError as error:
        raise UnsupportedError(name, [f"layer {name} in it: {item}" for item in error.items]) from error


def _told(value: Any) -> str:
    """An option's value as text, which tells 1 from 1.0; a function without constants of its own by its name."""
    return repr(value.name if isinstance(value, Function) and FUNCTIONS.get(value.name) == value else value)


L = TypeVar("L", bound=type[Layer])


def register(*names: str) -> Callable[[L], L]:
    """Class decorator: the names under which model files know this layer; without any, the name of the class.

    Raises InputError for what is no frozen dataclass of a Layer, and for a name that another class has.
    """

    def add(cls: L) -> L:
        if not is_layer(cls):
            raise InputError(f"register: {cls!r} is no frozen dataclass of a Layer. Put @dataclass(frozen=True) below")
        for name in names or (cls.__name__,):
            # The class itself once more is a notebook's cell or a module that ran twice.
            taken, new = (f"{c.__module__}.{c.__qualname__}" for c in (LAYERS.known(name) or cls, cls))
            if taken != new:
                raise InputError(
                    f"register: layer {name!r} is {taken} already, and {new} cannot have the name as well. "
                    "Keras' custom layers are called package>name"
                )
        for name in names or (cls.__name__,):
            LAYERS[name] = cls
        return cls

    return add


def resolve(value: Any) -> Function:
    """The Function that a config's `activation` means.

    Takes None, a name, a Function, or Keras' serialised form of a function or of an activation layer
    ({"class_name": "function" or "LeakyReLU", "config": ...}). Raises UnsupportedError for anything else.
    """
    if value is None:
        return LINEAR
    if isinstance(value, Function):
        return value
    if isinstance(value, str):
        own = getattr(LAYERS.get(value), "as_function", None)
        if isinstance(own, Function):
            return own
        name = ALIASES.get(value, value)
        if name in FUNCTIONS:
            return FUNCTIONS[name]
    elif isinstance(value, Mapping) and isinstance(value.get("class_name"), str):
        kind, config = value["class_name"], value.get("config")
        if isinstance(config, str):
            return resolve(config)
        function = getattr(LAYERS.get(kind), "function", None)
        if function is not None and isinstance(config, Mapping):
            layer: Any = LAYERS[kind].from_config(config, f"activation {kind}")
            try:
                return layer.function
            except ValueError as error:
                raise UnsupportedError("activation", [str(error)]) from error
        if not config:
            return resolve(kind)
    raise UnsupportedError(
        "activation",
        [
            f"activation {value!r}; known are {', '.join(sorted(FUNCTIONS))}. One of your own: "
            f"custom_objects={{{value if isinstance(value, str) else 'its name'!r}: lambda t, x: ...}}"
        ],
    )


class Activated(Layer):
    """A layer whose field `activation` may be given as anything that `resolve` takes, and is a Function afterwards."""

    activation: Function

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", resolve(self.activation))


def _suits(kind: Any, value: Any) -> bool:
    """Whether a value suits a field of this type, where that is a number's."""
    return kind not in NUMBERS or isinstance(value, numbers.Real) or (value is None and kind != "float")
