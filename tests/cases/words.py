"""Cases of layers for images, classes and older files, which cases/keras.py adds to the table; and second answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from glnn.graph.shapes import Shape
from glnn.layers.activation import GELU, Activation
from glnn.layers.augmentation import Augmentation, AutoContrast
from glnn.layers.base import Layer
from glnn.layers.embedding import ReversibleEmbedding
from glnn.layers.encoding import CategoryEncoding, Discretization, IntegerLookup
from glnn.layers.former import Cosine, Highway, MaxoutDense, ParametricSoftplus, SReLU
from glnn.layers.image_size import CenterCrop, RandomCrop, Resizing
from glnn.layers.normalization import GroupNormalization, InstanceNormalization
from glnn.primitives.resample import Resample

CASES: list[tuple[Layer, tuple[Shape, ...], str]] = []  # layer, shapes, kind of values


def case(layer: Layer, *shapes: Shape, kind: str = "normal") -> None:
    CASES.append((layer, shapes, kind))


# ---- sizes of images

INTERPOLATIONS = "nearest bilinear bicubic area gaussian mitchellcubic lanczos3 lanczos5".split()
for interpolation in INTERPOLATIONS:
    for size in ((5, 4), (14, 3), (7, 9), (10, 13), (1, 1)):
        case(Resizing(*size, interpolation), (2, 7, 9, 3))
    case(Resizing(3, 4, interpolation, antialias=True), (1, 9, 7, 5))
    case(Resizing(3, 4, interpolation), (1, 1, 2, 1))
    case(Resizing(4, 6, interpolation, data_format="channels_first"), (3, 2, 5, 5))
for options in (
    dict(crop_to_aspect_ratio=True), dict(pad_to_aspect_ratio=True), dict(pad_to_aspect_ratio=True, fill_value=2.5),
):  # fmt: skip
    for shape in ((2, 9, 4, 3), (1, 4, 9, 5), (2, 6, 6, 4), (1, 1, 5, 1)):
        case(Resizing(6, 8, **options), shape)
    case(Resizing(5, 5, "nearest", data_format="channels_first", **options), (2, 3, 4, 7))
for height, width in ((3, 3), (4, 2), (7, 5), (9, 3), (3, 8), (10, 10), (1, 1)):
    case(CenterCrop(height, width), (2, 7, 5, 3))
    case(RandomCrop(height, width), (1, 7, 5, 3))
    case(RandomCrop(height, width, at_inference="resize"), (1, 7, 5, 3))
    case(RandomCrop(height, width, at_inference="slice"), (1, 7, 5, 3))
case(CenterCrop(2, 3, "channels_first"), (2, 3, 5, 6))
case(CenterCrop(2, 3), (2, 5, 6, 3), kind="special")

# ---- what changes images in training

case(Augmentation(), (2, 5, 7, 3))
for shape in ((1, 5, 7, 3), (3, 2, 1, 4), (2, 1, 1, 2)):
    case(AutoContrast(), shape)
    case(AutoContrast((-1.0, 1.0)), shape)
case(AutoContrast((0, 1)), (2, 4, 4, 3), kind="constant")

# ---- classes

for mode in ("one_hot", "multi_hot", "count"):
    for shape in ((3, 7), (2, 1), (2, 5, 3)):
        case(CategoryEncoding(11, mode), shape, kind="rows")
    case(Discretization((-1.0, 0.0, 0.3, 1.0), mode), (3, 7))
case(CategoryEncoding(11, "one_hot"), (5,), kind="rows")
case(CategoryEncoding(4, "count"), (3, 9), (3, 9), kind="rows|normal")
case(CategoryEncoding(1), (2, 3), kind="rows")
for shape in ((7,), (2, 5), (2, 3, 5), (2, 3, 2, 5), (2, 2, 3, 2, 5)):
    case(Discretization((-1.0, 0.0, 0.3, 1.0)), shape)
case(Discretization((0.5,)), (2, 9))
case(Discretization((-3.0, 0.0, 2.0, 5.0)), (5, 9), kind="rows")  # many lie on a boundary
case(Discretization(tuple(np.linspace(-2, 2, 100).tolist())), (2, 9))
case(Discretization((-1.0, 1.0)), (9, 4), kind="special")
WORDS = (5, -3, 8, 2, 10)
for options in (
    {}, dict(num_oov_indices=3), dict(mask_token=2), dict(mask_token=0, num_oov_indices=2),
    dict(output_mode="multi_hot"), dict(output_mode="count", num_oov_indices=2), dict(output_mode="one_hot"),
):  # fmt: skip
    case(IntegerLookup(WORDS, **options), (3, 7), kind="rows")
case(IntegerLookup((-1, *WORDS)), (3, 7), kind="rows")
case(IntegerLookup(WORDS, invert=True), (2, 4), kind="rows")
case(IntegerLookup(WORDS, invert=True, mask_token=0, num_oov_indices=2), (2, 4), kind="rows")

# ---- Keras 1

for shape in ((2, 5), (1, 1), (3, 8)):
    case(MaxoutDense(4, 3), shape)
    case(Highway("tanh"), shape)
case(MaxoutDense(5, bias=False), (2, 7))
case(MaxoutDense(1, 1), (2, 3))
case(Highway(bias=False), (2, 6))
for shape in ((2, 9), (2, 3, 5), (1, 3, 5, 6)):
    for kind in (SReLU, ParametricSoftplus):
        case(kind(), shape)
case(SReLU(clipped=True), (4, 9))
case(SReLU(shared_axes=(1, 2)), (2, 3, 5, 2))
case(ParametricSoftplus(shared_axes=(1,)), (2, 3, 5))
case(Cosine(), (3, 6), (3, 6))
case(Cosine(1), (3, 6), (3, 6))
case(Cosine(2), (2, 3, 5), (2, 3, 5))
case(Cosine((1, 2)), (2, 5, 5), (2, 5, 5))

# ---- more of what there was

case(GroupNormalization(8), (1, 8, 8, 32))
case(GroupNormalization(3, axis=2), (2, 5, 6, 4))
for shape in ((2, 5, 3), (2, 5, 3, 6), (1, 1, 2, 5)):
    case(InstanceNormalization(-1, -1), shape)
    for axis in (None, -1, 1):
        case(InstanceNormalization(axis=axis), shape)
case(Activation("sparse_plus"), (2, 40))
case(GELU(True), (2, 9))
case(GELU(False), (2, 9))
for tied in (True, False):
    case(ReversibleEmbedding(11, 5, tie_weights=tied), (2, 7), kind="rows")


# ---- what comes out, said with other means; None: Keras' layer of that name knows

RADII = {"gaussian": 1.5, "mitchellcubic": 2.0}


def kernel(method: str, t: float) -> float:
    """The weight at a distance: of the normal distribution of deviation 1/2, or Mitchell and Netravali's 1988."""
    if method == "gaussian":
        return float(np.exp(-(t**2) / (2 * 0.5**2))) if t < 1.5 else 0.0
    b = c = 1 / 3
    if t < 1:
        return ((12 - 9 * b - 6 * c) * t**3 + (-18 + 12 * b + 6 * c) * t**2 + 6 - 2 * b) / 6
    return ((-b - 6 * c) * t**3 + (6 * b + 30 * c) * t**2 + (-12 * b - 48 * c) * t + 8 * b + 24 * c) / 6 if t < 2 else 0


def along(x: np.ndarray, axis: int, out: int, method: str, antialias: bool) -> np.ndarray:
    """x with an axis of another size."""
    size = x.shape[axis]
    if method == "area":  # each pixel as `out` equal ones, of which `size` make one
        fine = np.repeat(np.moveaxis(x, axis, -1), out, -1)
        return np.moveaxis(fine.reshape(*fine.shape[:-1], out, size).mean(-1), -1, axis)
    wide = max(1.0, size / out) if antialias else 1.0
    weights = np.zeros((size, out))
    for i in range(out):
        for j in range(size):
            weights[j, i] = kernel(method, abs((i + 0.5) * size / out - 0.5 - j) / wide)
    return np.moveaxis(np.moveaxis(x, axis, -1) @ (weights / weights.sum(0)), -1, axis)


def resizing(case: Any) -> np.ndarray | None:
    layer = case.layer
    if layer.interpolation not in ("area", "gaussian", "mitchellcubic"):
        return None
    x, first = case.inputs[0].astype(np.float64), 2 if layer.data_format == "channels_first" else 1
    for axis, out in ((first, layer.height), (first + 1, layer.width)):
        x = along(x, axis, out, layer.interpolation, layer.antialias)
    return x


def random_crop(case: Any) -> np.ndarray | None:
    """As Keras 3.5 and 3.6 say it."""
    layer, x = case.layer, case.inputs[0].astype(np.float64)
    if layer.at_inference == "nothing":
        return x
    _, h, w, _ = x.shape
    crop_height = max(min(h, int(float(w * layer.height) / layer.width)), 1)
    crop_width = max(min(w, int(float(h * layer.width) / layer.height)), 1)
    top, left = int(float(h - crop_height) / 2), int(float(w - crop_width) / 2)
    if layer.at_inference == "slice":
        crop_height, crop_width = layer.height, layer.width
    x = x[:, top : top + crop_height, left : left + crop_width]
    sizes = (layer.height, layer.width)
    return x if x.shape[1:3] == sizes else Resample(sizes=sizes).compute([x], {})


def encoded(x: np.ndarray, mode: str, depth: int, weights: Any = 1.0) -> np.ndarray:
    x = x[..., 0] if mode == "one_hot" and x.ndim > 1 and x.shape[-1] == 1 else x
    made = (x[..., None] == np.arange(depth)) * np.asarray(weights)
    return made if mode == "one_hot" else made.max(1) if mode == "multi_hot" else made.sum(1)


def lookup(case: Any) -> np.ndarray:
    layer, x = case.layer, case.inputs[0]
    words = [word for word in layer.vocabulary if word != layer.oov_token]
    masks = [] if layer.mask_token is None else [layer.mask_token]
    if layer.invert:
        known = dict(enumerate([*masks, *[-1] * layer.num_oov_indices, *words]))
        return np.vectorize(lambda place: known.get(place, -1), otypes=[float])(x)
    first = len(masks) + layer.num_oov_indices

    def place(value: float) -> float:
        if value in masks:
            return 0
        return first + words.index(value) if value in words else len(masks) + value % layer.num_oov_indices

    places = np.vectorize(place, otypes=[float])(x)
    return places if layer.output_mode == "int" else encoded(places, layer.output_mode, first + len(words))


def encoding(case: Any) -> np.ndarray:
    weights = case.inputs[1][..., None] if len(case.inputs) > 1 else 1.0
    return encoded(case.inputs[0], case.layer.output_mode, case.layer.num_tokens, weights)


def maxout(case: Any) -> np.ndarray:
    (x,), w = case.inputs, case.weights
    parts = [x @ matrix for matrix in w["W"]]
    return np.max([part + w["b"][k] if "b" in w else part for k, part in enumerate(parts)], 0)


def highway(case: Any) -> np.ndarray:
    (x,), w = case.inputs, {"b": 0.0, "b_carry": 0.0, **case.weights}
    gate = 1 / (1 + np.exp(-(x @ w["W_carry"] + w["b_carry"]).astype(np.float64)))
    y = x @ w["W"] + w["b"]
    return gate * (np.tanh(y) if case.layer.activation.name == "tanh" else y) + (1 - gate) * x


def srelu(case: Any) -> np.ndarray:
    (x,), w = case.inputs, case.weights
    right = w["t_left"] + np.abs(w["t_right"])
    middle = np.where(x < w["t_left"], w["a_left"] * (x - w["t_left"]), x - w["t_left"])
    bounded = np.minimum(middle, np.abs(w["t_right"]))
    middle = bounded if case.layer.clipped else np.where(x < w["t_left"], middle, bounded)
    return w["t_left"] + middle + np.maximum(x - right, 0) * w["a_right"]


def softplus(case: Any) -> np.ndarray:
    return case.weights["alphas"] * np.log1p(np.exp(case.weights["betas"] * case.inputs[0]))


def cosine(case: Any) -> np.ndarray:
    x, y = (a.astype(np.float64) for a in case.inputs)
    axes = (case.layer.axes,) * 2 if isinstance(case.layer.axes, int) else case.layer.axes

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        made = np.stack(
            [np.tensordot(p, q, ([axes[0] % a.ndim - 1], [axes[1] % b.ndim - 1])) for p, q in zip(a, b, strict=True)]
        )
        return made if made.ndim > 1 else made[:, None]

    root = np.sqrt(np.clip(product(x, x) * product(y, y), 0, None))
    return (product(x, y) / np.maximum(root, 1e-7))[:, None]


def instance(case: Any) -> np.ndarray:
    layer, x = case.layer, case.inputs[0].astype(np.float64)
    kept = () if layer.axis is None else (layer.axis % x.ndim,)
    over = tuple(k for k in range(1, x.ndim) if k not in kept)
    mean, deviation = x.mean(over, keepdims=True), x.std(over, keepdims=True)
    if layer.groups is None:
        y = (x - mean) / (deviation + layer.epsilon)
    else:
        y = (x - mean) / np.sqrt(deviation**2 + layer.epsilon)
    gamma, beta = (case.weights[name].reshape([-1 if k in kept else 1 for k in range(x.ndim)]) for name in case.weights)
    return y * gamma + beta


def gelu(case: Any) -> np.ndarray:
    x, erf = case.inputs[0].astype(np.float64), np.vectorize(math.erf)
    if case.layer.approximate:
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


ANSWERS: dict[str, Callable[[Any], np.ndarray | None]] = {
    "Resizing": resizing,
    "RandomCrop": random_crop,
    "Augmentation": lambda case: case.inputs[0],
    "IntegerLookup": lookup,
    "CategoryEncoding": encoding,
    "MaxoutDense": maxout,
    "Highway": highway,
    "SReLU": srelu,
    "ParametricSoftplus": lambda case: (
        case.weights["alphas"] * np.log1p(np.exp(case.weights["betas"] * case.inputs[0]))
    ),
    "Cosine": cosine,
    "InstanceNormalization": instance,
    "GELU": gelu,
}
