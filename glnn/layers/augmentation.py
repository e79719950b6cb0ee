"""Layers that change images in training: nearly all leave them as they are at inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..primitives import Sym, Trace
from ..records import dataclass
from .base import Layer, register
from .core import Identity


@register(
    *"AugMix CutMix Equalization MaxNumBoundingBoxes MixUp RandAugment RandomBrightness RandomColorDegeneration "
    "RandomColorJitter RandomContrast RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur "
    "RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation "
    "RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom Solarization".split()
)
class Augmentation(Identity):
    """Changes images in training."""

    augments = True
    passes_mask = False
    ignored = frozenset(
        "addition_factor all_ops alpha bins bounding_box_format brightness_factor chain_depth contrast_factor "
        "data_format factor fill_mode fill_value height_factor hue_factor interpolation kernel_size lower "
        "max_number mode num_chains num_ops saturation_factor scale sigma threshold_factor upper value_range "
        "width_factor x_factor y_factor".split()
    )


@register("AutoContrast")
@dataclass(frozen=True)
class AutoContrast(Layer):
    """(N, H, W, C), in training and later: each channel stretched to all of value_range, where it is not of one value.

    Keras goes along axes 1 and 2 whatever the order of axes, and so does this.
    """

    augments: ClassVar[bool] = True
    ignored: ClassVar[frozenset[str]] = frozenset(("bounding_box_format", "data_format"))
    value_range: tuple[float, float] = (0, 255)

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if x.rank != 4:
            raise ValueError(f"AutoContrast takes images (N, H, W, C), not {x.shape}")
        (least, most), (first, last) = (t.reduce(kind, x, (1, 2), True) for kind in ("min", "max")), self.value_range
        stretched = t.apply("clip", (x - least) / (most - least), 0.0, 1.0) * (last - first) + first
        return t.where(least < most, stretched, x)
