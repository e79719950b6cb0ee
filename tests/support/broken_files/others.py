"""Models of TensorFlow.js, Keras.js and glnn's own that are broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.broken_files.configs import nested
from support.broken_files.table import HUGE, Made, case, kerasjs, kerasjs_bin, native, tfjs


def weights(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda model: change(model["weightsManifest"][0])


TFJS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a huge shape": weights(lambda g: g["weights"][0].update(shape=[HUGE, HUGE])),
    "a shape beyond 64 bits": weights(lambda g: g["weights"][0].update(shape=[10**30])),
    "a negative shape": weights(lambda g: g["weights"][0].update(shape=[-4, -3])),
    "a shape of 100 axes": weights(lambda g: g["weights"][0].update(shape=[4, 3, *[1] * 100])),
    "swapped shapes": weights(lambda g: g["weights"][0].update(shape=[3, 4])),
    "a weight is missing": weights(lambda g: g["weights"].pop(0)),
    "a weight twice": weights(lambda g: g["weights"].append(g["weights"][0])),
    "another dtype": weights(lambda g: g["weights"][0].update(dtype="string")),
    "texts as weights": weights(lambda g: g.update(weights="abc")),
    "a path up": weights(lambda g: g["paths"].__setitem__(0, "../../etc/passwd")),
    "an absolute path": weights(lambda g: g["paths"].__setitem__(0, "/etc/passwd")),
    "a URL as a path": weights(lambda g: g["paths"].__setitem__(0, "http://127.0.0.1:1/x.bin")),
    "a path of numbers": weights(lambda g: g["paths"].__setitem__(0, 7)),
    "no paths": weights(lambda g: g.pop("paths")),
    "a million paths": weights(lambda g: g.update(paths=[f"s{k}" for k in range(100_000)])),
    "a manifest of numbers": lambda m: m.update(weightsManifest=[7]),
    "a manifest that is an object": lambda m: m.update(weightsManifest={"a": 1}),
    "no topology": lambda m: m.pop("modelTopology"),
    "a topology of numbers": lambda m: m.update(modelTopology=7),
    "models nested 400 deep, as a text": lambda m: m.update(modelTopology=nested(400)),
    "models nested 40,000 deep, as a text": lambda m: m.update(modelTopology=nested(40_000)),
}
for name, change in TFJS.items():
    case(f"tfjs: {name}")(lambda folder, change=change: tfjs(folder, change))


BIN: dict[str, Callable[[list[Any]], Any]] = {
    "a huge shape": lambda items: items[0].extend([(3, 2**31), (3, 2**31)]),
    "a shape of 100 axes": lambda items: items[0].extend([(3, 1)] * 100),
    "another dtype": lambda items: items[0].append((4, "float99")),
    "a weight is missing": lambda items: items.pop(),
    "a weight twice": lambda items: items.append(items[0]),
    "swapped shapes": lambda items: items.__setitem__(0, [*items[0][:2], (3, 3), (3, 4), *items[0][4:]]),
    "a million weights of nothing": lambda items: items.extend([[]] * 200_000),
}
for name, change in BIN.items():
    case(f"bin: {name}")(lambda folder, change=change: kerasjs_bin(folder, None, change))

case("bin: models nested 400 deep")(lambda folder: kerasjs_bin(folder, nested(400)))


@case("kerasjs: a huge offset")
def _(folder: Path) -> Made:
    path = kerasjs(folder)
    told = json.loads((folder / "m_metadata.json").read_text())
    told[0]["offset"] = 2**62
    (folder / "m_metadata.json").write_text(json.dumps(told))
    return path


@case("kerasjs: a huge shape")
def _(folder: Path) -> Made:
    path = kerasjs(folder)
    told = json.loads((folder / "m_metadata.json").read_text())
    told[0].update(shape=[2**32, 2**32], length=0)
    (folder / "m_metadata.json").write_text(json.dumps(told))
    return path


def in_native(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Made]:
    """A change of the header."""

    def make(folder: Path) -> Made:
        path = native(folder)
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        change(header)
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
        return path

    return make


def first_tensor(header: dict[str, Any]) -> dict[str, Any]:
    return next(value for key, value in header.items() if key != "__metadata__")


NATIVE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a huge shape": lambda h: first_tensor(h).update(shape=[HUGE, HUGE]),
    "offsets that lie": lambda h: first_tensor(h).update(data_offsets=[0, 2**60]),
    "another dtype": lambda h: first_tensor(h).update(dtype="X99"),
    "a graph of a text": lambda h: h["__metadata__"].update(glnn="x"),
    "a graph nested deep": lambda h: h["__metadata__"].update(glnn="[" * 50_000),
    "a tensor is missing": lambda h: h.pop(next(key for key in h if key != "__metadata__")),
}
for name, change in NATIVE.items():
    case(f"glnn: {name}")(in_native(change))
