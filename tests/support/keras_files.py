"""Model files made by hand: HDF5 as Keras 1 and 2 wrote it, JSON beside it, and Keras.js buffers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from support.seeds import seeded

Groups = Mapping[str, Mapping[str, np.ndarray]]  # layer -> weight name -> values
RNG = seeded(7)


def layer(class_name: str, name: str, **config: Any) -> dict[str, Any]:
    """A layer as a Sequential's config holds it."""
    return {"class_name": class_name, "config": {"name": name, **config}}


def called(class_name: str, name: str, *on: Sequence[Any], **config: Any) -> dict[str, Any]:
    """A layer as a functional config of Keras 1 and 2 holds it, called once on [layer, node, output] each."""
    nodes = [[[*ref, {}] for ref in on]] if on else []
    return {"class_name": class_name, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def functional(
    name: str, inputs: Sequence[str], outputs: Sequence[str], layers: Sequence[Any], kind: str = "Model"
) -> dict:
    """A functional model's JSON as Keras 1 and 2 write it; its inputs and outputs are first calls of layers."""
    config = {
        "name": name,
        "layers": list(layers),
        "input_layers": [[n, 0, 0] for n in inputs],
        "output_layers": [[n, 0, 0] for n in outputs],
    }
    return {"class_name": kind, "config": config}


def sequential(*layers: Any, **more: Any) -> dict[str, Any]:
    """A Sequential's JSON whose config is a bare list, as Keras 1 and early Keras 2 write it."""
    return {"class_name": "Sequential", "config": list(layers), **more}


def write_weights(root: h5py.Group, groups: Groups, pieces: int = 1) -> None:
    """Weights in the layout of Keras 1 and 2; `pieces` > 1: names in attributes layer_names0, ..."""
    write_names(root, "layer_names", list(groups), pieces)
    for name, weights in groups.items():
        group = root.create_group(name)
        write_names(group, "weight_names", list(weights), pieces if weights else 1)
        for weight, values in weights.items():
            group[weight] = values


def write_names(node: h5py.Group, key: str, names: Sequence[str], pieces: int) -> None:
    """A list of names as bytes in one attribute or several."""
    encoded = np.array([name.encode() for name in names])
    if pieces == 1:
        node.attrs[key] = encoded
        return
    for number, part in enumerate(np.array_split(encoded, pieces)):
        node.attrs[f"{key}{number}"] = part


def write_model(path: Path, model: Any, groups: Groups, version: str = "2.1.6", pieces: int = 1, **attrs: str) -> Path:
    """A whole model in HDF5 as Keras 1 and 2 write it, the config as bytes."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model).encode()
        file.attrs["keras_version"] = version.encode()
        for key, value in attrs.items():
            file.attrs[key] = value.encode()
        write_weights(file.create_group("model_weights"), groups, pieces)
    return path


def write_kerasjs(folder: Path, stem: str, model: Any, groups: Groups) -> Path:
    """A Keras.js model: <stem>.json, <stem>_weights.buf, <stem>_metadata.json; returns the first."""
    entries, data = [], b""
    for name, weights in groups.items():
        for weight, values in weights.items():
            entries.append(
                dict(
                    layer_name=name,
                    weight_name=weight,
                    offset=len(data),
                    length=values.size,
                    shape=list(values.shape),
                    type="float32",
                )
            )
            data += values.astype("<f4").tobytes()
    (folder / f"{stem}_weights.buf").write_bytes(data)
    (folder / f"{stem}_metadata.json").write_text(json.dumps(entries))
    path = folder / f"{stem}.json"
    path.write_text(json.dumps(model))
    return path


def draw(*shape: int) -> np.ndarray:
    """Normal float32."""
    return RNG.normal(size=shape).astype(np.float32)


def dense(name: str, inputs: int, units: int, keras1: bool = False) -> dict[str, np.ndarray]:
    """The weights of a Dense layer, by the names of Keras 2 or 1."""
    names = (f"{name}_W", f"{name}_b") if keras1 else (f"{name}/kernel:0", f"{name}/bias:0")
    return dict(zip(names, (draw(inputs, units), draw(units)), strict=True))
