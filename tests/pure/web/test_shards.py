"""The bytes of a page's weights: what views share is there once, and each lies where its place says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glnn.graph.quantized import Quantized, unpack4
from glnn.graph.weight import Weight
from glnn.web.shards import collect, touching

Places = Mapping[str, tuple[int, int]]


def found(blob: bytes, place: tuple[int, int], weight: Weight) -> np.ndarray:
    """The values (or codes) that lie at a place."""
    offset, length = place
    codes = np.asarray(getattr(weight.values, "codes", weight.values))
    if getattr(weight.values, "codec", "") == "uint4":
        return unpack4(np.frombuffer(blob, "u1", length, offset), codes.shape)
    assert length == codes.nbytes and offset % codes.itemsize == 0
    return np.frombuffer(blob, codes.dtype, codes.size, offset).reshape(codes.shape)


def stored(weights: Mapping[str, Weight]) -> tuple[bytes, Places]:
    """What `collect` makes, each weight compared with what lies at its place."""
    blob, places = collect(weights)
    assert list(places.keys() ^ weights.keys()) == []
    for key, weight in weights.items():
        values = np.asarray(getattr(weight.values, "codes", weight.values))
        np.testing.assert_array_equal(found(blob, places[key], weight), values, key)
    return blob, places


def test_views_of_one_root_share_its_bytes() -> None:
    root = Weight.root("a", np.arange(24, dtype="f4"))
    turned = root.reshape(4, 6).T
    blob, places = stored({"end": root[12:], "all": root.reshape(4, 6), "middle": root[6:18], "turned": turned})
    assert len(blob) == 2 * root.values.nbytes  # what is turned lies there on its own
    assert [places[key] for key in ("all", "middle", "end", "turned")] == [(0, 96), (24, 48), (48, 48), (96, 96)]


def test_names_tell_what_is_shared_not_memory() -> None:
    """Bands of one root whose values are copies share bytes; neighbours in memory of two names do not."""
    memory = np.arange(24, dtype="f4")
    root = Weight.root("a", memory[:12])
    bands = {key: Weight(band.name, band.view, band.values.copy()) for key, band in (("x", root[:8]), ("y", root[4:]))}
    blob, places = stored({**bands, "z": Weight.root("b", memory[12:])})
    assert len(blob) == memory.nbytes and (places["x"], places["y"], places["z"]) == ((0, 32), (16, 32), (48, 48))
    blob, places = stored({"part": root[4:8], "b": Weight.root("b", memory[8:20])})
    assert len(blob) == 16 + 48


def test_cells_lie_there_as_textures_take_them() -> None:
    """A 4 x 4 block, or four channels, for each group and tap: rows are input channels, and what is missing is 0."""
    kernel = Weight.root("a", np.arange(2 * 5 * 6, dtype="f4").reshape(2, 5, 6))
    codes = Weight.root("b", Quantized.make("uint4", np.arange(2 * 5).reshape(2, 5).astype(np.uint8), 1, 0))
    blob, places = collect({"k": kernel, "c": codes, "rows": kernel}, {"k", "c"})
    cells = np.zeros((2, 2, 2, 4, 4), "f4")  # groups of outputs, of inputs, taps, inputs, outputs
    for tap, i, o in np.ndindex(2, 5, 6):
        cells[o // 4, i // 4, tap, i % 4, o % 4] = kernel.values[tap, i, o]
    assert blob[: cells.nbytes] == cells.tobytes() and places["k"] == (0, cells.nbytes)
    offset, length = places["c"]
    expected = [0, 1, 2, 3, 5, 6, 7, 8, 4, 0, 0, 0, 9, 0, 0, 0]  # groups, taps, channels
    assert unpack4(np.frombuffer(blob, "u1", length, offset), (16,)).tolist() == expected
    assert np.array_equal(found(blob, places["rows"], kernel), kernel.values)


def test_parts_of_a_root_with_a_hole_between_lie_apart() -> None:
    root = Weight.root("a", np.arange(24, dtype="f4"))
    weights = {"a": root[:4], "b": root[20:], "c": root[2:8], "same as b": Weight.root("b", root.values[20:].copy())}
    blob, places = stored(weights)
    assert len(blob) == 12 * 4 and places["b"] == places["same as b"]


def test_reversed_and_every_second_lie_on_their_own() -> None:
    root = Weight.root("a", np.arange(24, dtype="f4").reshape(4, 6))
    blob, _ = stored({"back": root[::-1], "rows": root[::2], "wide": root[:1].broadcast_to((3, 6)), "one": root[1]})
    assert len(blob) == (24 + 12 + 18 + 6) * 4


def test_uint4_views_share_whole_bytes() -> None:
    codes = np.random.default_rng(1).integers(0, 16, 31).astype(np.uint8)
    root = Weight.root("a", Quantized.make("uint4", codes, 1, 0))
    cuts = {"whole": slice(None), "even": slice(4, 20), "odd": slice(7, 16), "end": slice(28, 31), "one": slice(9, 10)}
    weights: dict[str, Any] = {key: root[cut] for key, cut in cuts.items()}
    weights["bytes"] = Weight.root("b", Quantized.make("uint8", codes, 1, 0))
    weights["floats"] = Weight.root("c", np.arange(3, dtype="f4"))
    blob, places = stored(weights)
    # 16 bytes for all that begin at even codes; 5 and 1 for the odd ones; 31 of uint8, 12 of floats; multiples of 4
    assert len(blob) == 16 + 8 + 4 + 32 + 12
    assert places["even"] == (2, 8) and places["end"] == (14, 2) and places["odd"][1] == 5
    assert all(places[key][0] % 4 == 0 for key in ("odd", "one", "bytes", "floats"))


def test_codes_and_floats_of_one_root_lie_apart() -> None:
    """A layer may draw with some of a Quantized as it is, and with some in which channels are mixed, as floats."""
    root = Weight.root("a", Quantized.make("uint8", np.arange(8).reshape(2, 4), 0.5, 1))
    floats = Weight(root.name, root[1:].view, np.asarray(root[1:]))
    blob, _ = stored({"codes": root, "floats": floats})
    assert len(blob) == 8 + 16


def test_spans_are_gathered_where_they_touch() -> None:
    groups = list(touching([(0, 4, "a"), (4, 8, "b"), (5, 6, "c"), (9, 12, "d")]))
    assert [[key for _, _, key in group] for group in groups] == [["a", "b", "c"], ["d"]]
