"""How the weights of recurrent layers lie in files of Keras 1 and of the CuDNN layers, and how glnn wants them.

The facts are those of Keras 1.2's layers and of TensorFlow's hdf5_format.preprocess_weights_for_loading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...graph.quantized import Quantized

Convert = Callable[[Sequence[Any]], list[Any]]
CUDNN = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}
PLACES = {
    "LSTM": (0, 6, 3, 9),
    "GRU": (0, 3, 6),
}  # in Keras 1, of the first weight of each gate, in the order of Keras 2


def renamed(name: str, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """A CuDNN layer as the plain layer that computes the same; others as they are."""
    if name not in CUDNN:
        return name, config
    own = {"activation": "tanh", "recurrent_activation": "sigmoid"}
    return CUDNN[name], {**config, **own, **({"reset_after": True} if name == "CuDNNGRU" else {})}


def adapted(name: str, config: Mapping[str, Any], version: int) -> tuple[int, Convert] | None:
    """How many stored weights make each weight of a layer, and how; None where they are as they should be.

    name: as the file has it; config: in the words of Keras 2. Raises UnsupportedError for what Bidirectional mixes.
    """
    if name in CUDNN:
        return 1, cudnn_lstm if name == "CuDNNLSTM" else cudnn_gru
    if name == "Bidirectional":
        parts = [item for key in ("layer", "backward_layer") if isinstance(item := config.get(key), Mapping)]
        found = [adapted(str(item.get("class_name")), item.get("config") or {}, version) for item in parts]
        if not any(found):
            return None
        if None in found or len({item[0] for item in found if item}) > 1:
            raise UnsupportedError("Bidirectional", ["two layers whose weights lie differently in the file"])
        ((count, first), *more) = [item for item in found if item]
        second = more[0][1] if more else first
        return count, lambda stored: [*first(stored[: len(stored) // 2]), *second(stored[len(stored) // 2 :])]
    if version < 2 and name in PLACES and config.get("consume_less") != "gpu":  # which keeps the gates side by side
        return len(PLACES[name]), joined_gates(PLACES[name])
    return None


def joined_gates(first: tuple[int, ...]) -> Convert:
    """Weights kept apart by gate, (W, U, b) at each of these places -> kernel, recurrent_kernel, bias."""

    def convert(stored: Sequence[Any]) -> list[Any]:
        return [joined([stored[place + k] for place in first]) for k in range(3)]

    return convert


def joined(parts: Sequence[Any]) -> Any:
    """Weights side by side along the last axis. Quantized ones of one codec keep their integers and their scales;

    where they differ in codec, or have scales along other axes, float32.
    """
    quantized = [part for part in parts if isinstance(part, Quantized)]
    scales = [part.channels() for part in quantized]
    if len(quantized) == len(parts) and len({part.codec for part in quantized}) == 1 and None not in scales:
        codes = np.concatenate([part.codes for part in quantized], axis=-1)
        scale, low = (np.concatenate([pair[k] for pair in scales if pair]) for k in range(2))
        return Quantized.make(quantized[0].codec, codes, scale, low)
    return np.concatenate([np.asarray(part) for part in parts], axis=-1)


def cudnn_lstm(stored: Sequence[Any]) -> list[Any]:
    """CuDNNLSTM's kernels lie gate by gate column by column; its two biases are added."""
    kernel, recurrent, bias = map(np.asarray, stored)
    return [from_columns(kernel, 4), transposed(recurrent, 4), sum(np.split(bias, 2))]


def cudnn_gru(stored: Sequence[Any]) -> list[Any]:
    """The same of a CuDNNGRU, whose two biases stay apart."""
    kernel, recurrent, bias = map(np.asarray, stored)
    return [from_columns(kernel, 3), transposed(recurrent, 3), bias.reshape(2, -1)]


def from_columns(kernel: np.ndarray, gates: int) -> np.ndarray:
    """Each gate's part of a kernel, which is told column by column."""
    return np.hstack([part.T.reshape(part.shape, order="F") for part in np.hsplit(kernel, gates)])


def transposed(kernel: np.ndarray, gates: int) -> np.ndarray:
    """Each gate's part of a recurrent kernel, transposed."""
    return np.hstack([part.T for part in np.hsplit(kernel, gates)])
