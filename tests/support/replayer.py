"""Draws a plan from its JSON text alone, as another runtime will.

It is written from the plan's data and the description in glnn/layout/tiles.py, with none of glnn's own code for
packing, textures or draws, and knows no operator.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

import glnn

Places = tuple[np.ndarray, ...]
Shape5 = tuple[int, int, int, int, int]
# Bits of a value by codec (of a uint4 alone in a byte: 8), and components and their type by texture format.
BITS = {"float32": 32, "rgba8": 32, "float16": 16, "uint16": 16, "uint8": 8, "uint4": 4}
FORMATS = {
    "float32": (4, np.uint32), "float16": (4, np.uint16), "rgba8": (4, np.uint8), "rgba32ui": (4, np.uint32),
    "rg32ui": (2, np.uint32), "r32ui": (1, np.uint32), "r16ui": (1, np.uint16),
}  # fmt: skip


def bits_of(values: Any, codec: str) -> np.ndarray:
    """Values or codes as the unsigned integers that are stored."""
    if codec in ("float32", "rgba8"):
        return np.asarray(values, np.float32).view(np.uint32)
    return np.asarray(values, np.float32).astype(np.float16).view(np.uint16) if codec == "float16" else values.codes


def stored(lanes: np.ndarray, codec: str, format: str) -> np.ndarray:
    """Integers (.., lanes) as texels (.., components): one after another from the lowest bit on."""
    count, dtype = FORMATS[format]
    width = np.dtype(dtype).itemsize * 8
    bits = width * count // lanes.shape[-1]
    assert bits >= BITS[codec]
    texels = np.zeros((*lanes.shape[:-1], count), np.uint64)
    for i in range(lanes.shape[-1]):
        for low in range(0, bits, width):  # a value may be wider than a component
            texels[..., (i * bits + low) // width] |= (lanes[..., i].astype(np.uint64) >> low) << (i * bits % width)
    return (texels & (2**width - 1)).astype(dtype)


def restored(texels: np.ndarray, codec: str, lanes: int) -> np.ndarray:
    """The floats (.., lanes) in texels of a tensor."""
    words = np.ascontiguousarray(texels).view({16: np.float16, 32: np.float32}[BITS[codec]])
    return words.reshape(*texels.shape[:-1], lanes).astype(np.float32)


def tensor_places(layout: Mapping[str, Any]) -> tuple[Places, Shape5]:
    """(part, layer, row, column, lane) of every value in row-major order, and the shape of all parts together."""
    shape = [1] * (4 - len(layout["shape"])) + layout["shape"]
    dims = [int(np.prod(shape[:-3])), *shape[-3:]]
    (bh, bw), groups = layout["block"], -(-dims[3] // 4)
    n, h, w, c = (i.reshape(-1) for i in np.indices(dims))
    if layout["flat"]:
        ph = pw = 1
        tiles, tile = dims[0] * dims[1] * dims[2] * groups, ((n * dims[1] + h) * dims[2] + w) * groups
        y = x = layer = np.zeros_like(n)
    else:
        ph, pw = -(-dims[1] // bh), -(-dims[2] // bw)
        tiles, tile, y, x, layer = dims[0] * groups, n * groups, h // bh, w // bw, h % bh * bw + w % bw
    each = layout["texels"]  # of a group of four channels
    tiles, tile = tiles * each, (tile + c // 4) * each + c % 4 * each // 4
    row, column = tile // layout["columns"], tile % layout["columns"]
    rows = -(-tiles // layout["columns"])
    part, row = row // layout["part_rows"], row % layout["part_rows"]
    places = np.broadcast_arrays(part, layer, row * ph + y, column * pw + x, c % (4 // each))
    part_rows = layout["part_rows"]
    size = -(-rows // part_rows), bh * bw, min(rows, part_rows) * ph, layout["columns"] * pw, 4 // each
    return tuple(places), size


def in_textures(parts: np.ndarray, layout: Mapping[str, Any], width: int, height: int) -> list[np.ndarray]:
    """(parts, layers, rows, columns, components) as textures: one that has all parts' layers, or one each."""
    space = np.zeros((*parts.shape[:2], height, width, parts.shape[-1]), parts.dtype)
    space[:, :, : parts.shape[2], : parts.shape[3]] = parts
    return [space.reshape(-1, *space.shape[2:])] if layout["stacked"] else list(space)


def cell_places(layout: Mapping[str, Any], shape: list[int]) -> tuple[Places, Shape5]:
    """The same for (taps, in, out) or (taps, channels) weights."""
    if len(shape) == 3:
        t, i, o = (index.reshape(-1) for index in np.indices(shape))
        run, value = o // 4 * layout["rows"] + i // 4, i % 4 * 4 + o % 4
    else:
        t, o = (index.reshape(-1) for index in np.indices(shape))
        run, value = o // 4, o % 4
    texel, lane = t * layout["texels"] + value // layout["lanes"], value % layout["lanes"]
    if layout["run_taps"] != layout["taps"]:
        run, texel = run * layout["taps"] + t, texel - t * layout["texels"]
    run_texels = layout["run_taps"] * layout["texels"]
    row, column = run // layout["columns"], run % layout["columns"] * run_texels + texel
    rows = -(-layout["rows"] * layout["cols"] * layout["taps"] // layout["run_taps"] // layout["columns"])
    part, row = row // layout["part_rows"], row % layout["part_rows"]
    part_rows = layout["part_rows"]
    size = -(-rows // part_rows), 1, min(rows, part_rows), layout["columns"] * run_texels, layout["lanes"]
    return (part, np.zeros_like(part), row, column, lane), size


class Replayer:
    """Makes textures and programs of a plan's JSON text, and draws."""

    def __init__(self, text: str, values: Mapping[str, np.ndarray], device: glnn.Device):
        self.plan, self.device = json.loads(text), device
        assert self.plan["version"] == 2
        self.array = self.plan["limits"]["dialect"] != "es100"
        self.slots = [device.texture(s["width"], s["height"], s["layers"], s["format"]) for s in self.plan["slots"]]
        for slot in self.slots:
            slot.poison()
        self.weights = [self.weight(w, values[w["key"]]) for w in self.plan["weights"]]
        self.programs = {
            key: device.program(p["vertex"], p["fragment"], samplers=p["samplers"])
            for key, p in self.plan["programs"].items()
        }

    def weight(self, plan: Mapping[str, Any], values: Any) -> list[Any]:
        """The textures of a weight; values are an array, or codes with scales that the draws already hold."""
        layout, kept, tensor = plan["layout"], plan["storage"], "block" in plan["layout"]
        places, size = tensor_places(layout) if tensor else cell_places(layout, plan["shape"])
        bits = bits_of(values, kept["codec"])
        if plan["quant"] == "tensor":
            np.testing.assert_array_equal(plan["values"], [values.scale.flat[0], values.low.flat[0]])
        lanes = np.zeros(size, bits.dtype)
        lanes[places] = bits.reshape(-1)
        width, height = plan["size"]  # of the texture, which may be larger than what is used
        array = self.array and (tensor or size[0] > 1)
        textures = in_textures(stored(lanes, kept["codec"], kept["format"]), layout, width, height)
        return [
            self.device.texture(width, height, len(t) if array else 0, kept["format"], t.tobytes()) for t in textures
        ]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        for spec in self.plan["inputs"]:
            places, size = tensor_places(spec["layout"])
            bits = bits_of(inputs[spec["name"]], spec["codec"])
            lanes = np.zeros(size, bits.dtype)
            lanes[places] = bits.reshape(-1)
            slot = self.plan["slots"][spec["slots"][0]]  # if there are more, all are alike
            texels = stored(lanes, spec["codec"], slot["format"])
            textures = in_textures(texels, spec["layout"], slot["width"], slot["height"])
            for number, part in zip(spec["slots"], textures, strict=True):
                self.slots[number].write(part.tobytes())
        self.take(self.plan["steps"], list(range(len(self.slots))), [])
        outputs = {}
        for spec in self.plan["outputs"]:
            places, size = tensor_places(spec["layout"])
            texels = np.concatenate([self.slots[s].read()[:, : size[2], : size[3]] for s in spec["slots"]])
            parts = restored(texels, spec["codec"], size[4]).reshape(size)
            outputs[spec["name"]] = parts[places].reshape(spec["shape"])
        return outputs

    def take(self, steps: list[Any], stands: list[int], turns: list[int]) -> None:
        """Takes steps. stands: the slot that stands for each; turns: of the repeats around, innermost first."""
        for step in steps:
            if isinstance(step, int):
                self.draw(self.plan["draws"][step], stands, turns)
                continue
            for turn in range(step["count"]):
                other = list(stands)
                for a, b in step["swaps"] if turn % 2 else []:
                    other[a], other[b] = stands[b], stands[a]
                self.take(step["steps"], other, [turn, *turns])

    def draw(self, draw: Mapping[str, Any], stands: list[int], turns: list[int]) -> None:
        """Makes a draw as it is in these turns."""
        place, up, ints = (draw["target"], draw["layers"][0]), 0, list(draw["ints"])
        for count in draw.get("counts", []):
            ints[count["place"]] += count["step"] * turns[count["depth"]]
        if "move" in draw:
            move = draw["move"]
            part, section = divmod(move["first"] + turns[0] * move["step"], move["per"])
            place, up = move["places"][part], section * move["rows"]
            ints[0] -= section * move["tiles"]
        target = self.device.target(self.slots[stands[place[0]]], place[1], draw["layers"][1])
        read = [
            self.slots[stands[n]] if kind == "slot" else self.weights[n][part] for kind, n, part in draw["textures"]
        ]
        floats = np.array(draw["floats"], np.float32).tobytes()
        viewport = (0, up, *draw["viewport"])
        packed = np.array(ints, np.int32).tobytes()
        self.device.draw(self.programs[draw["program"]], target, viewport, read, packed, floats)

    def release(self) -> None:
        for texture in (*self.slots, *(part for parts in self.weights for part in parts)):
            texture.release()
        for program in self.programs.values():
            self.device.drop(program)
