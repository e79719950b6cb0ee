"""Whole model files of every format that glnn reads, as they are in the repository or written here: what is broken."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from support import broken_files as broken
from support import torch_models
from support.broken_files import table
from support.tfjs_files import small as quantized_tfjs

GOLDEN = Path(__file__).parents[2] / "golden"
DATA = Path(__file__).parents[2] / "data"
LARGEST = 64 << 10  # bytes of a seed's file
BINS = sorted((GOLDEN / "kerasjs1").glob("*.bin"))
SIDES = (".npz", "answers.json")  # beside models, and no part of them


class Seed(NamedTuple):
    """A folder's files by name, and the one to load."""

    name: str
    files: dict[str, bytes]
    entry: str


def _folder(path: Path, entry: str, name: str = "") -> Seed:
    names = [p for p in sorted(path.iterdir()) if p.is_file() and not p.name.endswith(SIDES)]
    return Seed(name or path.name, {p.name: p.read_bytes() for p in names}, entry)


def _file(path: Path) -> Seed:
    return Seed(f"{path.parent.name}/{path.name}", {path.name: path.read_bytes()}, path.name)


def _written(make: Callable[[Path], Path], name: str) -> Seed:
    with tempfile.TemporaryDirectory() as folder:
        path = make(Path(folder))
        return _folder(path.parent, path.name, name)


def _kerases(suffix: str) -> Iterator[Seed]:
    """The models of real Keras 2 and 3 of a suffix, with the weights beside them where they are JSON."""
    for version in ("2.13.1", "3.0.5", "3.15.1"):
        with tarfile.open(GOLDEN / "keras" / f"{version}.tar.xz") as archive:
            held = {m.name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}  # type: ignore[union-attr]
        for name, data in held.items():
            stem = name.removesuffix(suffix)
            if not name.endswith(suffix) or name.endswith(".weights.h5") or len(data) > LARGEST:
                continue
            files = {Path(name).name: data}
            if suffix == ".json":
                if stem + ".weights.h5" not in held:
                    continue
                files[Path(stem).name + ".weights.h5"] = held[stem + ".weights.h5"]
            yield Seed(f"{version}/{name}", files, Path(name).name)


def _hdf5() -> Iterator[Seed]:
    yield _written(table.h5, "two layers")
    for folder, names in (("keras1", "*.h5"), ("keras2", "*.h5"), ("keras2_words", "*.h5")):
        for path in sorted((GOLDEN / folder).glob(names)):
            if not path.name.endswith(".weights.h5") and path.stat().st_size < LARGEST:
                yield _file(path)
    yield from _kerases(".h5")


def _json() -> Iterator[Seed]:
    yield _written(table.json_hdf5, "two layers")
    yield Seed(
        "attention2",
        {n: (GOLDEN / "attention2" / n).read_bytes() for n in ("model.json", "model.weights.h5")},
        "model.json",
    )
    yield from _kerases(".json")


def _archives() -> Iterator[Seed]:
    yield _written(broken.archive, "two layers")
    yield from _kerases(".keras")


def _layers_models() -> Iterator[Seed]:
    yield _written(table.tfjs, "two layers")
    yield _written(lambda folder: quantized_tfjs(folder)[0], "quantized")
    for path in sorted((DATA / "tfjs_saved").glob("*/model.json")):
        yield _folder(path.parent, path.name)


def _graph_models() -> Iterator[Seed]:
    from cases.tensorflow import CASES

    for case in CASES[::7]:
        model, outputs = case.build()
        yield _written(lambda folder, m=model, o=outputs: m.write(folder, o), case.name)  # type: ignore[misc]


def _onnx() -> Iterator[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(torch_models.unpacked(Path(folder)).glob("*.onnx")):
            if path.stat().st_size < LARGEST // 2:
                yield _file(path)


def _onnx_nodes() -> Iterator[Seed]:
    """Models of one operator, of each kind of data that initializers have."""
    from cases.onnx_all import CASES
    from support.onnx_nodes import model_of

    for case in CASES[:: max(1, len(CASES) // 60)]:
        yield Seed(f"{case.op} {case.name}", {"m.onnx": model_of(case)[0].SerializeToString()}, "m.onnx")


def _onnx_external() -> Iterator[Seed]:
    import onnx

    for seed in list(_onnx())[::3]:
        model = onnx.load(io.BytesIO(seed.files[seed.entry]))
        with tempfile.TemporaryDirectory() as folder:
            onnx.external_data_helper.convert_model_to_external_data(model, location="w.bin", size_threshold=0)
            onnx.save(model, Path(folder) / "m.onnx")
            yield _folder(Path(folder), "m.onnx", seed.name)


def _native() -> Iterator[Seed]:
    from support.formats import small

    from glnn.formats import load
    from glnn.formats.native.write import save

    yield _written(table.native, "two layers")
    yield _written(lambda folder: save(small(), folder / "m.glnn"), "small")
    for path in sorted((GOLDEN / "native1").glob("*.glnn")):
        yield _file(path)
    for seed in (*list(_layers_models())[-3:], *list(_onnx())[::8], *list(_graph_models())[::6]):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in seed.files.items():
                (Path(folder) / name).write_bytes(data)
            (Path(folder) / "new").mkdir()
            yield _file(save(load(Path(folder) / seed.entry), Path(folder) / "new" / "m.glnn"))._replace(name=seed.name)


FORMATS: dict[str, Callable[[], Iterator[Seed]]] = {
    "HDF5 of Keras 1 to 3": _hdf5,
    "JSON and HDF5": _json,
    ".keras": _archives,
    "TensorFlow.js layers-model": _layers_models,
    "TensorFlow.js graph-model": _graph_models,
    "Keras.js": lambda: iter([_written(table.kerasjs, "two layers")]),
    "Keras.js .bin": lambda: iter([_written(table.kerasjs_bin, "two layers"), *map(_file, BINS)]),
    "ONNX": lambda: (seed for some in (_onnx(), _onnx_nodes()) for seed in some),
    "ONNX with external data": _onnx_external,
    ".glnn": _native,
}  # fmt: skip


@cache
def seeds(form: str) -> list[Seed]:
    """The whole files of a format."""
    return list(FORMATS[form]())
