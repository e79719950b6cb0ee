"""Keras 1 in the words of Keras 2: layer names, config keys, and the order and axes of weights.

The facts are those of Keras 1.2's get_config methods and of Keras 2.0's own upgrade of old files
(keras/engine/topology.py, preprocess_weights_for_loading).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...records import dataclass
from .gates import adapted
from .versions import most

Config = dict[str, Any]

CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
MERGE_MODES = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
    "dot": "Dot",
    "cos": "glnn>Cosine",
}
KEYS = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "inner_activation": "recurrent_activation",
    "pool_length": "pool_size",
    "stride": "strides",
    "filter_length": "kernel_size",
    "p": "rate",
    "sigma": "stddev",
}
KERNEL_KEYS = (("kernel_dim1", "kernel_dim2", "kernel_dim3"), ("nb_row", "nb_col"))  # joined into kernel_size
UNITS = frozenset("Dense SimpleRNN LSTM GRU TimeDistributedDense".split())  # whose output_dim is called units now
DROPPED = frozenset(  # training, initial values, speed: nothing that inference sees
    "init inner_init forget_bias_init W_regularizer U_regularizer b_regularizer W_constraint U_constraint "
    "b_constraint activity_regularizer dropout_W dropout_U input_dtype input_dim input_length weights "
    "gamma_regularizer beta_regularizer".split()
)
ONLY_KERAS_1 = frozenset("nb_filter border_mode subsample subsample_length dim_ordering inner_activation".split())
ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
SIDES = {
    "ZeroPadding1D": ("left_pad", "right_pad"),
    "ZeroPadding2D": ("top_pad", "bottom_pad", "left_pad", "right_pad"),
}
UNTOLD = ("Depthwise", "SeparableConv", "Conv1DTranspose", "Conv3DTranspose", "ConvLSTM")  # what Theano does to them
FLIPPED = frozenset("Conv1D Conv2D Conv3D Conv2DTranspose".split())  # kernels that Theano turns around


def is_keras1(class_name: str, config: Mapping[str, Any]) -> bool:
    """Whether a layer is written in Keras 1's words, whatever version the file claims."""
    return class_name in CLASSES or class_name == "Merge" or bool(ONLY_KERAS_1 & config.keys())


def translate(class_name: str, config: Mapping[str, Any]) -> tuple[str, Config]:
    """The layer's class and config as Keras 2 names them. Raises UnsupportedError for what has no equal there."""
    if class_name == "Merge":
        return merge(config)
    problems: list[str] = []
    new: Config = {}
    units = class_name in UNITS
    for key, value in config.items():
        if key == "dim_ordering":
            if value not in ORDERINGS:
                problems.append(f"option dim_ordering={value!r} (only 'tf' or 'th')")
            new["data_format"] = ORDERINGS.get(value)
        elif key == "output_dim" and units:
            new["units"] = value
        elif key == "length" and class_name == "UpSampling1D":
            new["size"] = value
        elif key == "output_shape" and class_name == "Deconvolution2D":
            continue  # told by the other options; the loader compares it with the shape that comes out
        elif class_name == "BatchNormalization" and key == "mode":
            if value != 0:
                problems.append(f"option mode={value!r} (only 0, statistics per feature from training)")
        elif key not in DROPPED or (key in ("input_dim", "input_length") and class_name == "Embedding"):
            new[KEYS.get(key, key)] = value
    for keys in KERNEL_KEYS:
        if all(key in new for key in keys):
            new["kernel_size"] = [new.pop(key) for key in keys]
    if class_name in SIDES and "padding" in new:
        new["padding"] = sides(class_name, new["padding"])
    if class_name == "BatchNormalization":
        new.setdefault("epsilon", 1e-3)
    if problems:
        raise UnsupportedError(class_name, problems)
    return CLASSES.get(class_name, class_name), new


def sides(class_name: str, padding: Any) -> Any:
    """The zeros of Keras 1's ZeroPadding1D and 2D: numbers by name or in a row -> (before, after) for each axis."""
    names = SIDES[class_name]
    if isinstance(padding, Mapping):
        if not padding.keys() <= set(names):
            raise UnsupportedError(class_name, [f"option padding={padding!r} (only {', '.join(names)})"])
        padding = [padding.get(name, 0) for name in names]
    if class_name == "ZeroPadding2D" and isinstance(padding, list | tuple) and len(padding) == 4:
        return [list(padding[:2]), list(padding[2:])]
    return padding


def merge(config: Mapping[str, Any]) -> tuple[str, Config]:
    """Keras 1's Merge as the merging layer of its mode. Raises UnsupportedError for functions."""
    mode = config.get("mode", "sum")
    if config.get("mode_type", "raw") != "raw" or not isinstance(mode, str):
        raise UnsupportedError("Merge", ["mode is a function (Python code in a model file is never run)"])
    if mode not in MERGE_MODES:
        raise UnsupportedError("Merge", [f"option mode={mode!r} (only {', '.join(MERGE_MODES)})"])
    new: Config = {"name": config.get("name")}
    if mode == "concat":
        new["axis"] = config.get("concat_axis", -1)
    if mode in ("dot", "cos"):
        new["axes"] = config.get("dot_axes", -1)
    return MERGE_MODES[mode], new


@dataclass(frozen=True)
class Adapter:
    """How stored weights become a layer's: `count` stored ones for each of the layer's, turned by `convert`.

    `extra`: and so many more, in the order in which the file has them all.
    Weights are arrays or Quantized; `convert` turns and joins the integers of the latter and leaves them as they are.
    """

    convert: Callable[[Sequence[Any]], list[Any]]
    count: int = 1
    extra: int = 0


def adapter(class_name: str, config: Mapping[str, Any], version: int, backend: str | None) -> Adapter | None:
    """What to do to the weights of a layer (named and configured as in Keras 2); None where they are as they should be.

    Raises UnsupportedError where the file does not say enough to be sure.
    """
    first = config.get("data_format") == "channels_first"
    if backend == "theano" and class_name.startswith(UNTOLD):
        raise UnsupportedError(class_name, ["weights of the Theano backend, whose kernels are turned around"])
    if found := adapted(class_name, config, version):
        return Adapter(found[1], found[0])
    flip = backend == "theano" and class_name in FLIPPED
    if class_name == "SReLU" and backend is None:
        return Adapter(rising)
    if version >= 2:
        return Adapter(lambda stored: [turned(stored[0]), *stored[1:]]) if flip else None
    if class_name == "LocallyConnected2D" and first:
        return Adapter(lambda stored: [stored[0], *(bias.reshape(*bias.shape[1:], -1) for bias in stored[1:])])
    if class_name not in FLIPPED:
        return None
    if first and backend is None:
        raise UnsupportedError(
            class_name,
            [
                "weights in Theano's order (dim_ordering 'th') in a file that does not say which backend made them; "
                'add "backend": "theano" or "backend": "tensorflow" beside "class_name" in the model\'s JSON'
            ],
        )
    axes = kernel_axes(class_name, first)

    def convert(stored: Sequence[Any]) -> list[Any]:
        kernel = stored[0]
        if class_name == "Conv1D":
            length = config.get("kernel_size", -1)
            kernel = conv1d_kernel(kernel, int(config.get("filters", -1)), most({"length": length}, "length"))
        elif axes:
            kernel = kernel.transpose(axes)
        return [turned(kernel) if flip else kernel, *stored[1:]]

    return Adapter(convert)


def rising(stored: Sequence[Any]) -> list[Any]:
    """The weights of an SReLU. Raises UnsupportedError where backends compute different values with them."""
    if (np.asarray(stored[1]) < 0).any():
        raise UnsupportedError(
            "SReLU",
            [
                "a negative a_left, which Theano cuts off and TensorFlow does not, in a file that does not say which "
                'backend it is of; add the attribute "backend" beside "keras_version"'
            ],
        )
    return list(stored)


def kernel_axes(class_name: str, first: bool) -> tuple[int, ...] | None:
    """The order of a Keras 1 kernel's axes that makes it Keras 2's; None if it is the same."""
    return {
        ("Conv2D", True): (2, 3, 1, 0),
        ("Conv3D", True): (2, 3, 4, 1, 0),
        ("Conv2DTranspose", True): (2, 3, 0, 1),
        ("Conv2DTranspose", False): (0, 1, 3, 2),
    }.get((class_name, first))


def conv1d_kernel(kernel: Any, filters: int, length: int) -> Any:
    """(length, 1, Cin, Cout), or (Cout, Cin, length, 1) as Keras 1.0 wrote it -> (length, Cin, Cout)."""
    if kernel.ndim != 4:
        return kernel
    if kernel.shape[:2] == (length, 1) and kernel.shape[3] == filters:
        return kernel[:, 0]
    return kernel.transpose(2, 3, 1, 0)[:, 0]


def turned(kernel: Any) -> Any:
    """A kernel (*taps, in, out) turned around in all its taps: Theano convolves where the others correlate."""
    return kernel[(slice(None, None, -1),) * (kernel.ndim - 2)]
