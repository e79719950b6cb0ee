"""docs/security.md: no model file runs code, by what is called anywhere in glnn and by files that try."""

from __future__ import annotations

import ast
import json
import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import glnn
from glnn.errors import GlnnError

RUNS = {"eval", "exec", "compile", "__import__", "import_module"}
LOADS = {("pickle", "load"), ("pickle", "loads"), ("marshal", "loads"), ("marshal", "load"), ("shelve", "open")}
# Where code is run, and whose it is.
OWN, USERS = "glnn's own modules, by constants", "what the user names or wrote"
KNOWN = {
    "__init__.py: import_module": OWN,
    "device/__init__.py: import_module": OWN,
    "formats/registry.py: import_module": OWN,
    "layers/__init__.py: import_module": OWN,
    "layers/registry.py: import_module": OWN,
    "operators/onnx/__init__.py: import_module": OWN,
    "show/__init__.py: import_module": OWN,
    "testing/__init__.py: import_module": OWN,
    "measure/compare/keras_run.py: import_module": "Keras, asked for as a reference",
    "measure/compare/onnx_run.py: import_module": "onnxruntime, asked for as a reference",
    "records.py: exec": "the __init__ of glnn's own classes",
    "device/arrays.py: compile": "kernels, printed as Python",
    "device/arrays.py: exec": "kernels, printed as Python",
    "measure/compare/reproduce.py: compile": "a test that was just written, of arrays and options",
    "measure/compare/reproduce.py: exec": "a test that was just written, of arrays and options",
    "cli/commands.py: import_module": USERS,
    "custom/rewrite.py: compile": USERS,
}


def called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name) and function.id in RUNS:
                yield function.id
            elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
                owner, name = function.value.id, function.attr
                if name in ("__import__", "import_module") or (owner, name) in LOADS:
                    yield name
            for word in node.keywords:
                if word.arg == "allow_pickle" and not (
                    isinstance(word.value, ast.Constant) and word.value.value is False
                ):
                    yield "allow_pickle"
        elif isinstance(node, ast.Import) and {alias.name for alias in node.names} & {"pickle", "marshal", "dill"}:
            yield "import pickle"


def test_code_is_run_where_it_is_glnns_or_the_users_own(root: Path) -> None:
    found = {
        f"{path.relative_to(root / 'glnn')}: {name}"
        for path in (root / "glnn").rglob("*.py")
        for name in called(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(KNOWN), sorted(found ^ set(KNOWN))


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def trying(folder: Path, mark: Path) -> Iterator[Path]:
    """Model files that would run code with whoever evaluates, unpickles or imports what stands in them."""
    (folder / "model.pkl").write_bytes(pickle.dumps(Bomb(mark)))
    yield folder / "model.pkl"
    with zipfile.ZipFile(folder / "model.pt", "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Bomb(mark)))
    yield folder / "model.pt"
    text = f"__import__('os').mkdir({str(mark)!r})"
    code = {"class_name": "Lambda", "config": {"name": "l", "function": text, "function_type": "lambda"}}
    own = {"class_name": text, "module": "os", "registered_name": text, "config": {"name": text}}
    for number, layer in enumerate((code, own)):
        start = {"class_name": "InputLayer", "config": {"name": "i", "batch_input_shape": [None, 4]}}
        config = {"class_name": "Sequential", "config": {"name": "s", "layers": [start, layer]}}
        path = folder / f"model{number}.h5"
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(config)
            file.attrs["keras_version"] = "2.15.0"
            file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
        yield path


def test_files_that_try_to_run_code_do_not(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    paths = [*trying(tmp_path, mark)]
    assert len(paths) == 4
    for path in paths:
        with pytest.raises(GlnnError, match=path.name):
            glnn.Model.load(path)
    assert not mark.exists()
    pickle.loads((tmp_path / "model.pkl").read_bytes())
    assert mark.exists()  # what would have been seen
