"""Options that versions and backends of Keras take differently: settled by who wrote the file, or refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Keras up to 2.3.1 enlarged from the corners of pixels. So did TensorFlow's Keras before 1.15, but it wrote no
# `interpolation`: where there is one, the file is of a version that goes by centres.
CENTRES_SINCE = (2, 4)
CALLS_ALONE_SINCE = (3, 3)
TORCH_CROPS_SINCE = (3, 15)  # Keras' torch backend crops what a transposed convolution makes where the others do
ZEROED_SINCE = (3, 10)  # Keras makes rows of a softmax 0 that a mask leaves nothing of; before they were of equal parts
MASKED = frozenset("Softmax MultiHeadAttention GroupedQueryAttention".split())
SPREAD = frozenset(
    f"{kind}Conv{axes}D{turned}"
    for kind, turned, counts in (
        ("", "", "123"),
        ("Depthwise", "", "12"),
        ("Separable", "", "12"),
        ("", "Transpose", "123"),
    )
    for axes in counts
)
POOLED = frozenset(f"{kind}Pooling{axes}D" for kind in ("Average", "Max") for axes in "123")
RESIZED = ("Resizing", "CenterCrop", "RandomWidth")  # which TensorFlow.js has as well


def is_tfjs(release: str) -> bool:
    """Whether a file's keras_version is that of TensorFlow.js."""
    return release.startswith("tfjs")


def settled(
    name: str, config: Mapping[str, Any], version: int, release: str, backend: str | None
) -> tuple[dict[str, Any], list[str]]:
    """A layer's config with such options as the file's writer takes them, and what is left open, in words.

    name, config: in the words of Keras 2; release: the file's keras_version, "" where it has none
    """
    new, problems = dict(config), []
    if name in MASKED:
        new["zeroed"] = version >= 3 and (numbered(release) or ZEROED_SINCE) >= ZEROED_SINCE
    if name in SPREAD and most(config, "strides") > 1 and most(config, "dilation_rate") > 1:
        problems.append(
            f"options strides={config['strides']} with dilation_rate={config['dilation_rate']} (backends of Keras "
            "compute different values, or none; one of the two must be 1)"
        )
    if name == "DepthwiseConv2D" and is_tfjs(release) and most(config, "dilation_rate") > 1:
        problems.append(f"option dilation_rate={config['dilation_rate']} (Keras dilates, TensorFlow.js does not)")
    if name == "UpSampling2D" and config.get("interpolation") == "bilinear":
        centres = has_centres(version, release)
        if centres is None or backend == "theano":
            problems.append(
                "option interpolation='bilinear' (Theano enlarges by a rule of its own)"
                if backend == "theano"
                else "option interpolation='bilinear' (TensorFlow.js and Keras before 2.4 enlarge by another rule than "
                'later ones, and the file does not tell its version; add "keras_version" beside "class_name")'
            )
        new["half_pixel_centers"] = centres
    if name == "SReLU":
        new["clipped"] = backend == "theano"
    if name == "RandomCrop":
        new["at_inference"] = cropped(version, release)
        if new["at_inference"] is None:
            problems.append(
                "a crop that releases of Keras 3 make at inference or not, and the file does not tell its own"
            )
    if name == "Solarization" and numbered(release) in ((3, 6), (3, 7)):
        problems.append("random values at inference, which Keras 3.6 and 3.7 give and others do not")
    if name in RESIZED and is_tfjs(release):
        problems.append(f"{name} of TensorFlow.js, which goes by another rule than Keras")
    if name == "Resizing" and backend == "torch" and config.get("interpolation") in ("nearest", "bicubic"):
        problems.append(f"option interpolation={config['interpolation']!r} (of the torch backend: by another rule)")
    if (
        name in SPREAD | POOLED
        and config.get("padding") == "same"
        and (reason := other_same(name, config, release, backend))
    ):
        problems.append(f"option padding='same' (of the {backend} backend: {reason})")
    return new, problems


def cropped(version: int, release: str) -> str | None:
    """What RandomCrop does at inference (see RandomCrop); None: not known."""
    number = (2, 0) if version < 3 else numbered(release)
    return None if number is None else "resize" if number < (3, 6) else "slice" if number < (3, 8) else "nothing"


def counts_other_calls(version: int, release: str) -> bool:
    """Whether a layer's calls in other models may count where a config tells which one is read: before Keras 3.3.

    The JSON of Keras 3 does not tell its release.
    """
    return version >= 3 and (numbered(release) or (3, 0)) < CALLS_ALONE_SINCE


def has_centres(version: int, release: str) -> bool | None:
    """Whether bilinear enlargement goes by the centres of pixels (else by their corners); None: not known."""
    if is_tfjs(release):
        return False
    if version >= 3 or release.endswith("-tf"):
        return True
    number = numbered(release)
    return None if number is None else number >= CENTRES_SINCE


def numbered(release: str) -> tuple[int, int] | None:
    """The first two numbers of a release; None where it does not begin so."""
    parts = re.match(r"(\d+)\.(\d+)", release)
    return None if parts is None else (int(parts[1]), int(parts[2]))


def other_same(name: str, config: Mapping[str, Any], release: str, backend: str | None) -> str | None:
    """Why padding "same" may not be TensorFlow's on this backend; None where it is, whatever the image's size."""
    pooled = name in POOLED
    size = config.get("pool_size" if pooled else "kernel_size")
    sizes = size if isinstance(size, list | tuple) else [size]
    strides = config.get("strides") or (size if pooled else 1)
    symmetric = most({"strides": strides}, "strides") == 1 and all(isinstance(k, int) and k % 2 for k in sizes)
    if backend == "theano" and (not symmetric or pooled):
        return "it pads both ends of an image alike"
    if backend == "torch" and name.startswith("Average") and not symmetric:
        return "it repeats the image's edge where others leave it out of the mean"
    if backend == "torch" and name.endswith("Transpose") and (numbered(release) or (0, 0)) < TORCH_CROPS_SINCE:
        keys = ("kernel_size", "strides", "dilation_rate", "output_padding")
        sides = zip(*(by_axis(config.get(key), int(name[4])) for key in keys), strict=True)
        if any(crops_both(*side) for side in sides):
            return "before Keras 3.15 it crops other edges of the image than all others do"
    return None


def by_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """An option along each of so many axes."""
    return tuple(value) if isinstance(value, list | tuple) and len(value) == axes else (value,) * axes


def crops_both(size: int, stride: int | None, dilation: int | None, extra: int | None) -> bool:
    """Whether torch's own padding and output padding are both needed for "same", which move the image by a pixel.

    size, stride, dilation, extra: a transposed convolution's kernel, strides, dilation, output padding along one axis
    """
    stride, extent = stride or 1, (size - 1) * (dilation or 1) + 1
    surplus = extent - extent % 2 - (stride - extent % 2 if extra is None else extra)  # of what the taps reach
    return surplus > 0 and surplus % 2 == 1


def most(config: Mapping[str, Any], key: str) -> int:
    """The largest number of an option that is one or several; 1 where it is absent or something else."""
    value = config.get(key)
    numbers = value if isinstance(value, list | tuple) else [value]
    return max((number for number in numbers if isinstance(number, int)), default=1)
