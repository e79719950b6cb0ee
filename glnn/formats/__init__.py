"""Model files -> Graph. One room for a family of formats; the format is found by a file's content."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Each room registers its loaders; this is the order in which they are asked.
# isort: off
from . import native  # noqa: F401
from . import keras  # noqa: F401
from . import tfjs  # noqa: F401
# isort: on

from ..errors import GlnnError, ModelFileError
from ..graph.graph import Graph
from .file import Source, as_path
from .folder import model_in
from .foreign import looks_like
from .registry import LOADERS, Loader, loader
from .remote import Origin, is_url

__all__ = ["LOADERS", "Loader", "Source", "load", "loader"]

JSON_KINDS = {  # a key -> what a JSON object that has it is
    "tmVersion": "this is the metadata of a Teachable Machine export; load the model.json beside it",
    "model_type": "this is the config of a model of Hugging Face's transformers, which holds no layers of Keras",
    "date_saved": "this is the metadata.json of a .keras archive; load the archive",
    "error": "this is an error message of a server, not a model; download the file again",
}
StrPath = str | os.PathLike[str]


def load(
    path: StrPath, weights: StrPath | None = None, metadata: StrPath | None = None, verbose: Any = "auto"
) -> Graph:
    """The Graph in a model file, in a folder that holds one model, or at a URL (http or https) of a model file.

    weights:  the weights file of a model whose structure stands alone (JSON), or the folder of a TensorFlow.js model's
              shards; looked for beside the model if None
    metadata: the metadata file of a Keras.js model; looked for beside the model if None
    verbose:  of downloads: 1 shows a bar, 0 none, "auto" one on a terminal when it takes long; or a function that is
              handed how many bytes are here, of how many

    The weights and the metadata may be URLs too. What is fetched is kept in the folder that GLNN_CACHE names, else in
    the user's cache, and not fetched again as long as the server says that it is the same.

    Raises DownloadError, ModelFileError (missing, empty, truncated, foreign), WeightsMismatchError (weights of another
    model), UnsupportedError (all layers and options that glnn does not have), GraphError (a structure that cannot be).
    """
    origin = Origin(str(path), verbose)

    def local(given: Any, argument: str) -> Path:
        return origin.file(str(given)) if is_url(given) else as_path(given, argument)

    try:
        place = local(path, "path")
        source = Source(
            model_in(place) if place.is_dir() else place,
            None if weights is None else local(weights, "weights"),
            None if metadata is None else local(metadata, "metadata"),
            origin if is_url(path) else None,
        )
        return find_loader(source).load(source)
    except GlnnError as error:
        error.args = tuple(origin.retold(text) if isinstance(text, str) else text for text in error.args)
        raise


def find_loader(source: Source) -> Loader:
    """The loader that knows this file by its content. Raises ModelFileError that says what the file looks like."""
    for candidate in LOADERS:
        if candidate.sniff(source):
            return candidate
    known = ", ".join(candidate.name for candidate in LOADERS)
    if source.looks_like_json:
        raise ModelFileError(f"{source.path}: {json_kind(source)}. Formats read: {known}")
    raise ModelFileError(f"{source.path}: this is {looks_like(source.path, source.head)}. Formats read: {known}")


def json_kind(source: Source) -> str:
    """What a JSON file is that no loader took, in words. Raises ModelFileError where it is not even JSON."""
    content = source.json
    first = content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else {}
    if "layer_name" in first:
        return "this is the metadata of a Keras.js model; load the model's own .json and give this as metadata="
    if "paths" in first and "weights" in first:
        return "this is the weights manifest of a TensorFlow.js model without the model; load its model.json instead"
    if isinstance(content, dict):
        for key, kind in JSON_KINDS.items():
            if key in content:
                return kind
    keys = ", ".join(map(repr, list(content)[:6])) if isinstance(content, dict) else f"a {type(content).__name__}"
    return f"this JSON is not a Keras model (it holds {keys}; a model holds 'class_name' and 'config')"
