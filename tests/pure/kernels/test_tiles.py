"""Kernels of tiles as texts: the rule that cuts products, loops written out, divisions by multiplication."""

from __future__ import annotations

import numpy as np
import pytest

from glnn.errors import KernelError
from glnn.kernels.tiles import invocations, load_tiles, unrolled
from glnn.layout.limits import COMPUTE, Limits
from glnn.layout.tiles import choose_layout
from glnn.layout.tiling import MAX_NUMBER, MULTIPROCESSORS, Grid, Tiling, choose_tiling

LIMITS = Limits(dialect=COMPUTE)


def test_large_products_take_large_tiles() -> None:
    assert choose_tiling(32 * 56 * 56, 64, 16, 1) == Tiling(128, 16, 8, 2, 2)
    assert choose_tiling(8 * 28 * 28, 32, 32, 9) == Tiling(64, 16, 4, 2, 2)
    assert choose_tiling(32 * 112 * 112, 8, 1, 9).groups == 8  # no columns of zeros for few channels


def test_the_widest_tiles_are_taken_where_narrow_ones_leave_a_last_turn_to_few() -> None:
    """As was measured: many turns even out, short sums start too often."""
    wide, shapes = Tiling(128, 32, 8, 2, 2), [(4096, 512, 128), (4096, 128, 512), (8 * 64 * 64, 32, 32, 9)]
    assert [choose_tiling(*shape) for shape in shapes] == [wide] * 3
    others = [(4096, 384, 128), (1024, 512, 128), (25088, 64, 128), (32 * 64 * 64, 32, 32, 9), (4096, 528, 128)]
    assert wide not in [choose_tiling(*shape) for shape in others]


def test_small_products_share_their_sums() -> None:
    """Until every multiprocessor has work, each share a few steps."""
    tiling = choose_tiling(49, 128, 128, 9)
    assert (tiling.pixels, tiling.groups, tiling.shares) == (32, 8, 8)
    assert choose_tiling(49, 128, 4, 1).shares == 1  # a single step
    assert choose_tiling(1, 2, 1024, 1, least_shares=3).shares >= 3


@pytest.mark.parametrize(("inner", "step"), [(1, 1), (2, 2), (3, 4), (5, 2), (6, 2), (8, 4), (24, 4)])
def test_a_step_wastes_few_channels(inner: int, step: int) -> None:
    assert choose_tiling(100, 16, inner).inner == step


@pytest.mark.parametrize("pixels", [1, 49, 784, 12544, 401408])
@pytest.mark.parametrize("groups", [1, 4, 9, 64, 512])
def test_every_tiling_fits_the_text(pixels: int, groups: int) -> None:
    """What shaders/tiles/product.glsl takes for granted of any that is chosen."""
    for inner in (1, 3, 8, 128):
        tiling = choose_tiling(pixels, groups, inner, 9)
        count = tiling.invocations
        assert tiling.groups == 8 * tiling.q and tiling.pixels == count // 8 * tiling.p  # two waves across
        assert count % 32 == 0 and count % tiling.pixels == 0 and count % tiling.groups == 0
        assert 16 * 2 * tiling.inner * (tiling.pixels + 4 * tiling.groups) <= 32768  # bytes that GL 4.3 has at least


def test_numbers_are_divided_exactly() -> None:
    a = np.concatenate([np.arange(5000), np.random.default_rng(0).integers(0, 4 * MAX_NUMBER, 20000)])
    for b in (1, 2, 3, 7, 13, 49, 100, 1000, 4095, 16384):
        inverse = np.float32(1 / b)
        exact = a // b
        edges = np.concatenate([a, exact * b, exact * b + b - 1])
        got = ((edges.astype(np.float32) + np.float32(0.5)) * inverse).astype(np.int64)
        np.testing.assert_array_equal(got, edges // b)


def test_marked_loops_are_written_out() -> None:
    text = "a\n#unroll i N\nb@i\n#unroll j 2\nc@i_@j\n#end\n#end\nd"
    lines = [(line, ("f", k)) for k, line in enumerate(text.split("\n"), 1)]
    made = unrolled(lines, {"N": 2})
    assert [line for line, _ in made] == ["a", "b0", "c0_0", "c0_1", "b1", "c1_0", "c1_1", "d"]
    assert made[4][1] == ("f", 3)
    with pytest.raises(KernelError, match="f:2: #unroll without its #end"):
        unrolled(lines[:3], {"N": 2})


def test_kernels_are_found_by_name() -> None:
    conv = load_tiles("conv")
    assert conv.tiled and conv.declared["matrix"] == ("weights",) and "MT" in conv.declared["const"]
    with pytest.raises(KernelError, match=r"no kernel file shaders/tiles/none\.glsl"):
        load_tiles("none")


def test_a_draw_takes_a_workgroup_for_each_tile_and_share() -> None:
    tiling = Tiling(32, 8, 4, 1, 4, 3)
    layout = choose_layout((2, 5, 6, 40), LIMITS)
    n, h, w = Grid((2, 5, 6)).across(layout)
    assert (n, h % layout.block[0], w % layout.block[1]) == (2, 0, 0) and h >= 5 and w >= 6
    across, down = invocations(tiling.consts, layout, Grid((2, 5, 6)))
    assert (across, down) == (-(-n * h * w // 32) * 64, 2 * 3)
    rows, _ = invocations(tiling.consts, layout, Grid((2, 5, 6), rows=True))
    assert rows == n * h * 64


def test_the_rule_fills_the_card() -> None:
    for pixels, groups, taps, inner in ((49, 512, 1, 128), (196, 64, 9, 64), (784, 32, 9, 32), (3136, 16, 9, 16)):
        tiling = choose_tiling(pixels, groups, inner, taps)
        tiles = -(-pixels // tiling.pixels) * -(-groups // tiling.groups) * tiling.shares
        assert tiles >= MULTIPROCESSORS or tiling.shares == 8, (pixels, groups, tiling)
