"""Which codec for which layer, and weights as codes: value = code * scale + low. NumPy only.

The range of the codes is that of the weights with 0 in it, and exactly one code stands for 0. Scales keep so few bits
of mantissa that code * scale is exact in float32: NumPy and every GPU decode the same values, whatever they fuse.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from .errors import InputError, QuantizationError
from .graph.graph import Graph, Node
from .graph.quantized import BITS, CODE_DTYPES, Quantized, codec_of
from .primitives.map import Map

__all__ = ["WEIGHT_CODECS", "Encoder", "affine", "codec_of", "encode", "half", "linear", "nbytes", "noise"]

WEIGHT_CODECS = ("float32", "float16", "uint16", "uint8", "uint4")  # by falling size
HALF_MAX = 65504.0  # the largest finite float16
SLAB = 1 << 20  # values that are worked on in float64 at once

Choice = str | Mapping[str, str] | Callable[[Node], str | None]
Names = str | Iterable[str] | Callable[[Node], bool]


# ---- arrays


def affine(low: Any, high: Any, codec: str) -> tuple[np.ndarray, np.ndarray]:
    """(scale, zero) of ranges from low to high (arrays of one shape), 0 taken in: value = (code - zero) * scale.

    The scale is rounded up to 24 - bits bits of mantissa, so that (code - zero) * scale is a float32 for every code.
    """
    bits = BITS[codec]
    levels = 2**bits - 1
    low, high = np.minimum(np.asarray(low, np.float64), 0), np.maximum(np.asarray(high, np.float64), 0)
    mantissa, exponent = np.frexp((high - low) / levels)
    scale = np.ldexp(np.ceil(np.ldexp(mantissa, 24 - bits)), exponent - (24 - bits))
    scale = np.where(scale < 2.0**-126, 2.0**-126, scale)  # GPUs take what is smaller for 0
    return scale, np.clip(np.rint(-low / scale), 0, levels)


def linear(values: np.ndarray, codec: str, axes: Sequence[int] | None = None) -> Quantized:
    """Values (...) as codes of "uint4", "uint8" or "uint16"; one scale along each of `axes` (None: one for all).

    |decoded - value| <= scale / 2, and 0 stays 0. Where all values that share a scale are equal they are kept exactly.
    Raises QuantizationError for values that are not finite, or so large that their range is not.
    """
    values = np.asarray(values)
    others = tuple(a for a in range(values.ndim) if axes is None or a not in axes)
    if not values.size:
        return Quantized.make(codec, values.astype(CODE_DTYPES[codec]), 1, 0)
    if not np.isfinite(values).all():
        raise QuantizationError("values hold NaN or infinity, which no code stands for")
    least, most = (f(values, axis=others, keepdims=True).astype(np.float64) for f in (np.min, np.max))
    scale, zero = affine(least, most, codec)
    # Equal values: the scale is their magnitude, and codes 0 and 1 are enough.
    same = (least == most) & (least != 0)
    scale, zero = np.where(same, np.abs(least), scale), np.where(same, least < 0, zero)
    scale = np.where((least == 0) & (most == 0), 1.0, scale)
    levels = 2 ** BITS[codec] - 1
    largest = np.maximum(zero, np.where(same, 1 - zero, levels - zero)) * scale
    if largest.max() > np.finfo(np.float32).max:
        raise QuantizationError(f"values up to {np.abs(values).max():.4g}: their range leaves float32")
    codes = np.empty(values.shape, CODE_DTYPES[codec])
    step = max(1, SLAB * len(values) // values.size)
    for start in range(0, len(values), step):
        part = slice(start, start + step)
        s, z = (a if len(a) == 1 else a[part] for a in (scale, zero))
        codes[part] = np.clip(np.rint(values[part] / s) + z, 0, levels)
    return Quantized.make(codec, codes, scale, -zero * scale + 0.0)


def half(values: np.ndarray) -> np.ndarray:
    """Values as float16. Raises QuantizationError for values that are not finite or beyond 65504."""
    if not np.isfinite(values).all():
        raise QuantizationError("values hold NaN or infinity")
    largest = float(np.abs(values).max(initial=0))
    if largest > HALF_MAX:
        raise QuantizationError(f"values up to {largest:.6g}: float16 ends at {HALF_MAX:.0f}. Use uint16 or float32")
    return values.astype(np.float16)


def encode(node: Node, name: str, codec: str, per_channel: bool) -> Any:
    """A node's weight in another codec. Raises QuantizationError, which names layer and weight.

    What is computed with element by element stays as it is where no code holds it.
    """
    values = np.asarray(node.weights[name], np.float32)
    try:
        if codec == "float16":
            return half(values)
        if per_channel:
            made = linear(values, codec, (values.ndim - 1,))  # primitives have the output channels last
            if made.nbytes < values.nbytes:  # else scales of a few values each cost more than they save
                return made
        return linear(values, codec)
    except QuantizationError as error:
        if isinstance(node.layer, Map):  # a mask of huge numbers, say, which is added
            return node.weights[name]
        raise QuantizationError(f"layer {node.label!r}, weight {name!r}: {error}") from None


def check_finite(values: np.ndarray, where: str, remedy: str) -> None:
    """Raises QuantizationError, with number, place and what to do, where values are NaN or infinite."""
    bad = ~np.isfinite(values)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise QuantizationError(
            f"{where} {int(bad.sum())} of {values.size} values are NaN or infinite, the first at {list(first)}: "
            f"{values[first]}. {remedy}"
        )


def check_weights(node: Node) -> None:
    """Raises QuantizationError, which names layer and weight, where a node's weights are NaN or infinite."""
    remedy = f"Mend the model, or leave the layer as it is: skip={[node.label]!r}"
    for name, array in node.weights.items():
        check_finite(np.asarray(array), f"layer {node.label!r}, weight {name!r}:", remedy)


# ---- layers


def matches(pattern: str, node: Node) -> bool:
    """Whether a pattern with * ? [] is a layer's name."""
    return any(name == pattern or fnmatchcase(name, pattern) for name in (node.name, node.label) if name)


def check_patterns(graph: Graph, patterns: Iterable[Any], argument: str) -> None:
    """Raises InputError for a pattern that is no text, or that matches no layer, with names that are close."""
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise InputError(f"{argument}: {pattern!r} was given; allowed are names of layers, with * for any part")
        if not any(matches(pattern, node) for node in graph.nodes):
            names = list(dict.fromkeys(node.label for node in graph.nodes))
            close = difflib.get_close_matches(pattern.strip("*"), names, 3, 0.4) or names[:5]
            raise InputError(
                f"{argument}: {pattern!r} matches no layer of {graph.name!r}; there are {', '.join(map(repr, close))} "
                "and others (what passes fold into another layer, as batch normalisation, is part of that one)"
            )


def skipped(graph: Graph, skip: Names) -> set[str]:
    """The names of the nodes that `skip` (patterns, or a callable of a node) leaves out. Raises InputError."""
    if callable(skip):
        return {node.name for node in graph.nodes if skip(node)}
    patterns = [skip] if isinstance(skip, str) else list(skip)
    check_patterns(graph, patterns, "skip")
    return {node.name for node in graph.nodes if any(matches(p, node) for p in patterns)}


def choose(graph: Graph, choice: Choice | None, skip: Names, allowed: Sequence[str], argument: str) -> dict[str, str]:
    """The codec of each node, by node name; nodes that are skipped or not chosen are not in it. Raises InputError."""
    out = skipped(graph, skip)
    if isinstance(choice, str) and choice not in allowed:
        raise InputError(f"{argument}={choice!r}; allowed are {', '.join(allowed)}")
    if isinstance(choice, Mapping):
        check_patterns(graph, choice, argument)
        for pattern, wanted in choice.items():
            if wanted not in allowed:
                raise InputError(f"{argument}: codec {wanted!r} for {pattern!r}; allowed are {', '.join(allowed)}")
    elif choice is not None and not isinstance(choice, str) and not callable(choice):
        raise InputError(f"{argument}={choice!r}: a codec, a mapping of layer names to codecs, or a callable")
    chosen: dict[str, str] = {}
    for node in graph.nodes:
        codec: Any = choice
        if isinstance(choice, Mapping):
            codec = next((c for pattern, c in choice.items() if matches(pattern, node)), None)
        elif callable(choice):
            codec = choice(node)
        if codec is not None and codec not in allowed:
            raise InputError(f"{argument}: codec {codec!r} for layer {node.label!r}; allowed are {', '.join(allowed)}")
        if codec not in (None, "float32") and node.name not in out:
            chosen[node.name] = codec
    return chosen


@dataclass
class Encoder:
    """Weights of a graph in other codecs, each made once: what layers share stays shared."""

    graph: Graph
    per_channel: bool = True

    def __post_init__(self) -> None:
        self._made: dict[tuple, Any] = {}
        self._checked: set[str] = set()

    def weights(self, node: Node, codec: str) -> dict[str, Any]:
        """A node's weights by name: arrays of two or more axes in this codec, the others as they are."""
        if codec == "float32":
            return dict(node.weights)
        if node.name not in self._checked:
            check_weights(node)
            self._checked.add(node.name)
        new: dict[str, Any] = {}
        for name, array in node.weights.items():
            if array.ndim < 2 or codec_of(array) == codec:
                new[name] = array
                continue
            axes = (array.ndim - 1,) if self.per_channel else ()
            key = node.origins[name], codec, axes
            if key not in self._made:
                self._made[key] = encode(node, name, codec, self.per_channel)
            new[name] = self._made[key]
        return new

    def apply(self, chosen: Mapping[str, str]) -> Graph:
        """The graph with the weights of nodes in chosen codecs, by node name."""
        nodes = (
            n.with_(weights=self.weights(n, chosen[n.name])) if n.name in chosen and n.weights else n
            for n in self.graph.nodes
        )
        return self.graph.with_(nodes=tuple(nodes))


def quantizable(node: Node) -> bool:
    """Whether a node has weights that codecs are for: arrays of two or more axes."""
    return any(array.ndim >= 2 for array in node.weights.values())


def nbytes(node: Node) -> int:
    """Bytes of a node's weights as they are stored, scales included."""
    return sum(int(array.nbytes) for array in node.weights.values())


def noise(before: Node, after: Node) -> float | None:
    """Signal to noise in dB of the weights that changed: 10 log10 of their power over the error's; inf: no error."""
    signal = error = 0.0
    changed = False
    for name, old in before.weights.items():
        new = after.weights[name]
        if new is not old:
            wide = np.asarray(old, np.float32).astype(np.float64)
            signal += float(np.square(wide).sum())
            error += float(np.square(wide - np.asarray(new, np.float32)).sum())
            changed = True
    if not changed:
        return None
    return float("inf") if error == 0 else -float("inf") if signal == 0 else 10 * float(np.log10(signal / error))
