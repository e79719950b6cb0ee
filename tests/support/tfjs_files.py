"""TensorFlow.js layers-models made from NumPy arrays: any quantization per weight, any size of shards, any groups."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import layer, sequential
from support.seeds import seeded

from glnn import passes
from glnn.errors import ModelFileError
from glnn.formats import load
from glnn.graph import Graph
from glnn.graph.quantized import Quantized
from glnn.graph.reference import run

Weights = Mapping[str, np.ndarray]  # name -> values
Codecs = str | None | Mapping[str, str | None]  # one for all, or by name; None: as they are
PLAIN = {"float32": "<f4", "int32": "<i4", "uint8": "u1", "bool": "u1"}
CODES = {"uint8": "u1", "uint16": "<u2"}
RNG = seeded(11)


def chosen(codecs: Codecs, name: str) -> str | None:
    """The codec of a weight."""
    return codecs.get(name) if isinstance(codecs, Mapping) else codecs


def quantize(values: np.ndarray, codec: str) -> tuple[np.ndarray, dict[str, Any]]:
    """(what stands in the shard, the manifest's `quantization`), as TensorFlow.js' converter makes them."""
    original = "int32" if values.dtype.kind == "i" else "float32"
    if codec == "float16":
        return values.astype("<f2"), {"dtype": codec, "original_dtype": original}
    low, top = float(values.min()), float(values.max())
    scale = (top - low) / (2 ** (8 * np.dtype(CODES[codec]).itemsize) - 1) or 1.0
    codes = np.round((values.astype(np.float64) - low) / scale).astype(CODES[codec])
    return codes, {"dtype": codec, "min": low, "scale": scale, "original_dtype": original}


def decoded(values: np.ndarray, codec: str | None) -> np.ndarray:
    """The values that a model computes with once they went through a codec, as TensorFlow.js' own reader makes them."""
    if codec is None:
        return values
    stored, told = quantize(values, codec)
    if codec == "float16":
        return stored.astype(np.float32)
    wide = stored * told["scale"] + told["min"]
    return (np.floor(wide + 0.5) if told["original_dtype"] == "int32" else wide).astype(np.float32)


def entry(name: str, values: np.ndarray, codec: str | None) -> tuple[dict[str, Any], bytes]:
    """A weight's entry in the manifest, and its bytes."""
    dtype = {"f": "float32", "i": "int32", "u": "uint8", "b": "bool"}[values.dtype.kind]
    told: dict[str, Any] = {"name": name, "shape": list(values.shape), "dtype": dtype}
    if codec is None:
        return told, values.astype(PLAIN[dtype]).tobytes()
    stored, quantization = quantize(values, codec)
    return told | {"quantization": quantization}, stored.tobytes()


def write_tfjs(
    folder: Path,
    topology: Any,
    groups: Sequence[Weights],
    codecs: Codecs = None,
    shard: int = 4 << 20,
    name: Callable[[int, int, int], str] = lambda group, k, count: f"group{group + 1}-shard{k + 1}of{count}.bin",
    **more: Any,
) -> Path:
    """A model.json with its shards of at most `shard` bytes, named by `name(group, number, count)`; its path."""
    manifest = []
    for number, weights in enumerate(groups):
        entries, data = [], b""
        for key, values in weights.items():
            told, stored = entry(key, values, chosen(codecs, key))
            entries.append(told)
            data += stored
        pieces = [data[k : k + shard] for k in range(0, len(data), shard)]
        paths = [name(number, k, len(pieces)) for k in range(len(pieces))]
        for path, piece in zip(paths, pieces, strict=True):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(piece)
        manifest.append({"paths": paths, "weights": entries})
    model = {"format": "layers-model", "generatedBy": "test", "modelTopology": topology, "weightsManifest": manifest}
    path = folder / "model.json"
    path.write_text(json.dumps(model | more))
    return path


def converted(model: Any) -> dict[str, Any]:
    """A Keras model's config as the Python converter wraps it."""
    return {"keras_version": "3.8.0", "backend": "tensorflow", "model_config": json.loads(model.to_json())}


def named(model: Any) -> dict[str, np.ndarray]:
    """A Keras model's weights by their paths."""
    return {variable.path: np.asarray(variable) for variable in model.weights}


def through(model: Any, codecs: Codecs) -> None:
    """Gives a Keras model the weights that it has after its own went through codecs."""
    for variable in model.weights:
        variable.assign(decoded(np.asarray(variable), chosen(codecs, variable.path)))


def draw(*shape: int) -> np.ndarray:
    """Normal float32."""
    return RNG.normal(size=shape).astype(np.float32)


def dense_group(name: str, inputs: int, units: int) -> dict[str, np.ndarray]:
    """The weights of a Dense layer."""
    return {f"{name}/kernel": draw(inputs, units), f"{name}/bias": draw(units)}


def two_layers() -> dict[str, Any]:
    """A Sequential of two Dense layers, 4 -> 3 -> 2."""
    return sequential(
        layer("Dense", "first", units=3, activation="relu", batch_input_shape=[None, 4]),
        layer("Dense", "second", units=2, activation="linear"),
    )


def small(folder: Path, **more: Any) -> tuple[Path, dict[str, np.ndarray]]:
    """`two_layers` in three shards of uint8: its model.json and its weights."""
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    return write_tfjs(folder, two_layers(), [weights], "uint8", 9, **more), weights


def refused(path: Path, *words: str, error: type[Exception] = ModelFileError, **more: Any) -> None:
    """Loading raises this error, whose message names the file and holds all these words."""
    with pytest.raises(error) as caught:
        load(path, **more)
    assert type(caught.value) is error
    for word in words:
        assert word in str(caught.value), str(caught.value)


def agree(model: Any, graph: Graph, codecs: Codecs = None) -> None:
    """The graph computes what Keras does with the weights that the file holds, before and after the passes."""
    through(model, codecs)
    x = [draw(2, *spec.shape[1:]) for spec in graph.inputs]  # type: ignore[arg-type]
    wanted = model.predict(x if len(x) > 1 else x[0], verbose=0)
    given = {spec.name: array for spec, array in zip(graph.inputs, x, strict=True)}
    for each in (graph, passes.optimize(graph)):
        found = run(each, given).values()
        for ours, theirs in zip(found, wanted if isinstance(wanted, list) else [wanted], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)


def check_stored(graph: Graph, weights: dict[str, np.ndarray], codecs: Codecs) -> None:
    """Every weight of the graph is what its codec made of it, the integers and halves bit for bit."""
    seen = 0
    for node in graph.nodes:
        for name, kept in node.weights.items():
            path = f"{node.label}/{name}"
            codec = chosen(codecs, path)
            if codec is None:
                assert isinstance(kept, np.ndarray) and kept.dtype == np.float32
                np.testing.assert_array_equal(kept, weights[path])
            else:
                codes, told = quantize(weights[path], codec)
                held = kept if codec == "float16" else kept.codes
                assert held.dtype == codes.dtype and held.shape == codes.shape and held.tobytes() == codes.tobytes()
                if codec != "float16":
                    assert isinstance(kept, Quantized) and kept.codec == codec and kept.per_tensor
                    assert kept.scale.flat[0] == np.float32(told["scale"]) and kept.low.flat[0] == np.float32(
                        told["min"]
                    )
            seen += 1
    assert seen == len(weights)
