"""Which file of a folder is its model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import ModelFileError
from .file import Source, read_head
from .foreign import FOREIGN_MODELS, folder_kind, looks_like
from .hdf5_file import open_hdf5
from .keras.archive import is_archive
from .keras.kerasjs_bin import is_kerasjs_bin
from .native.read import has_graph, is_glnn
from .onnx.read import is_onnx

OWN_MODELS = (".h5", ".hdf5", ".keras", ".glnn", ".onnx")
OTHER_MODELS = (".tflite", ".pb")  # models of formats that are not read: named, not passed over


def model_in(folder: Path) -> Path:
    """The one model file in a folder. Raises ModelFileError that lists the candidates where it is none or several."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    models = [path for path in files if is_model(path)]
    kind = folder_kind(folder)
    if kind and all(path.suffix.lower() in OTHER_MODELS for path in models):
        raise ModelFileError(f"{folder}: this folder is {kind}")
    if len(models) == 1:
        return models[0]
    if models:
        names = ", ".join(path.name for path in models)
        raise ModelFileError(f"{folder}: this folder holds {len(models)} models: {names}. Name the one to load")
    if not files:
        raise ModelFileError(f"{folder}: this folder holds no files, so no model")
    names = ", ".join(path.name for path in files[:12]) + (", ..." if len(files) > 12 else "")
    raise ModelFileError(f"{folder}: no file in this folder is a model; it holds {names}{foreign_in(files)}")


def foreign_in(files: Sequence[Path]) -> str:
    """What the first of these files is that holds a model in a format which is not read; empty if there is none."""
    for path in files:
        try:
            kind = looks_like(path, read_head(path))
        except ModelFileError:
            continue
        if kind.startswith(FOREIGN_MODELS):
            return f". {path.name} is {kind}"
    return ""


def is_model(path: Path) -> bool:
    """Whether a file is a model by itself (weights files and metadata are not); a damaged file counts by its name."""
    try:
        source = Source(path)
        if is_glnn(source):
            return has_graph(path)
        if source.is_hdf5:
            with open_hdf5(path) as file:
                return "model_config" in file.attrs
        if is_archive(source) or is_kerasjs_bin(source) or is_onnx(source):
            return True
        if source.looks_like_json:
            content = source.json
            return isinstance(content, dict) and ("class_name" in content or "modelTopology" in content)
    except ModelFileError:
        return path.suffix.lower() in OWN_MODELS or path.name == "model.json"
    return path.suffix.lower() in (".keras", *OTHER_MODELS)
