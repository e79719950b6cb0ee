"""Tensors on a device as a notebook shows them: how they lie, their values, their texels and what is dead in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.fragments import static

import glnn
from glnn import tensor
from glnn.layout.codec import activation_storage
from glnn.layout.tiles import Layout, choose_layout
from glnn.show.views.tensors import Tensorlike, dead, live, raw_texels


class Lying(Tensorlike):
    """An array in textures."""

    def __init__(self, device: glnn.Device, array: np.ndarray, codec: str):
        stored = activation_storage(codec)
        self.layout, self.codec, self.array = (
            choose_layout(array.shape, device.limits, True, 4 // stored.lanes),
            codec,
            array,
        )
        layers = self.layout.depth if device.limits.dialect != "es100" else 0
        self.textures = [device.texture(*self.layout.size, layers, stored.format) for _ in range(self.layout.textures)]
        tensor.write(self.textures, array, self.layout, stored)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return tensor.read(self.textures, self.layout, activation_storage(self.codec))

    def _lying(self) -> tuple[Layout, str, list[np.ndarray]]:
        return self.layout, self.codec, [texture.read() for texture in self.textures]


@pytest.mark.parametrize("codec", ["float32", "float16", "rgba8"])
@pytest.mark.parametrize("limits", [{}, {"dialect": "es100", "max_texture_size": 16}], ids=str)
@pytest.mark.parametrize("shape", [(1, 7, 9, 3), (3, 5), (2, 1, 1, 6)])
def test_views(codec: str, limits: dict[str, Any], shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    with glnn.Device(**limits) as device:
        one = Lying(device, values, codec)
        layout, _, texels = one._lying()
        view = one._repr_html_()
        made = static(view)
        assert made.opened["details"] == 2 and codec in view and "layers" in one.show(raw=True)._repr_html_()
        assert one.show().array.shape == shape
        masks = live(layout, texels)
        lanes = 4 // layout.texels
        assert sum(int(mask.sum()) for mask in masks) == values.size * (masks[0].shape[-1] // lanes)
        assert (
            all((held[~mask] == 0).all() for held, mask in zip(texels, masks, strict=True))
            and dead(layout, texels) == 0
        )


def test_what_lies_where_nothing_should_is_told() -> None:
    with glnn.Device() as device:
        one = Lying(device, np.ones((1, 3, 3, 3), np.float32), "float32")
        layout, codec, texels = one._lying()
        assert "are not 0" not in raw_texels(layout, codec, texels)
        texels[0][0, 0, 0, 3] = np.nan  # the fourth lane of three channels
        assert dead(layout, texels) == 1 and "1 values in lanes" in raw_texels(layout, codec, texels)


def test_textures_larger_than_the_layout_as_shared_slots_are() -> None:
    layout = Layout((1, 2, 2, 4), (1, 1), stacked=True)
    texels = [np.full((3, 9, 9, 4), 7.0, np.float32)]
    (mask,) = live(layout, texels)
    assert mask.shape == texels[0].shape and mask.sum() == 16 and mask[0, :2, :2].all()
    assert dead(layout, texels) == 0
