"""Model files -> Graph. One room for a family of formats; the format is found by a file's content."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..arguments import FLAG, FUNCTION, VERBOSE, checked
from ..errors import GlnnError, ModelFileError, UnsupportedError
from ..graph.garbage import building
from ..graph.graph import Graph
from ..layers.custom import custom_objects as custom
from .file import Source, as_path
from .foreign import looks_like
from .registry import LOADERS, Loader, loader, loaders
from .remote.urls import is_url
from .surveys import LayerSeen, Survey, surveying

__all__ = ["LOADERS", "Loader", "Source", "Survey", "load", "loader", "survey"]

JSON_KINDS = {  # a key -> what a JSON object that has it is
    "tmVersion": "this is the metadata of a Teachable Machine export; load the model.json beside it",
    "model_type": "this is the config of a model of Hugging Face's transformers, which holds no layers of Keras",
    "date_saved": "this is the metadata.json of a .keras archive; load the archive",
    "format": "this is a TensorFlow.js model without 'modelTopology', its graph; download or convert it again",
    "error": "this is an error message of a server, not a model; download the file again",
}
StrPath = str | os.PathLike[str]


@checked(verbose=VERBOSE | FUNCTION, host=FLAG)
def load(
    path: Any, weights: StrPath | None = None, metadata: StrPath | None = None,
    custom_objects: Mapping[str, Any] | None = None, verbose: Any = "auto", host: bool = True,
) -> Graph:  # fmt: skip
    """The Graph in a model file, in a folder that holds one, at a URL (http or https) of a file, or a model of Keras.

    weights:  the weights file of a model whose structure stands alone (JSON), or the folder of a TensorFlow.js model's
              shards; looked for beside the model if None
    metadata: the metadata file of a Keras.js model; looked for beside the model if None
    custom_objects: layers and functions by the names that the file has for them, for this load alone: a class of
              glnn.layers.Layer, a layer, a function `lambda t, x: ...` of a Trace and symbols, or the name of a layer
              or function that does the same. A Lambda is called "Lambda:" and its layer's name
    verbose:  of downloads: 1 shows a bar, 0 none, "auto" one on a terminal when it takes long; or a function that is
              handed how many bytes are here, of how many
    host:     whether operators of ONNX and TensorFlow whose results depend on values may run in NumPy; False: a model
              that has some is refused, with their names

    The weights and the metadata may be URLs too. What is fetched is kept in the folder that GLNN_CACHE names, else in
    the user's cache, and not fetched again as long as the server says that it is the same.

    Raises DownloadError, ModelFileError (missing, empty, truncated, foreign), WeightsMismatchError (weights of another
    model), UnsupportedError (all layers and options that glnn does not have), GraphError (a structure that cannot be).
    """
    with custom(custom_objects):
        if not isinstance(path, str | os.PathLike):
            from .keras import objects

            if objects.is_keras(path):
                return objects.load_object(path, weights, metadata)
        with opened(path, weights, metadata, verbose, host) as source:
            with building():
                return find_loader(source).load(source)


@checked(verbose=VERBOSE | FUNCTION)
def survey(
    path: StrPath, weights: StrPath | None = None, metadata: StrPath | None = None,
    custom_objects: Mapping[str, Any] | None = None, verbose: Any = "auto",
) -> Survey:  # fmt: skip
    """What a model file holds and what of it glnn does not do; the arguments are those of `load`.

    Raises what `load` raises but UnsupportedError: what is not supported is told in the Survey.
    """
    with opened(path, weights, metadata, verbose) as source, surveying(str(path)) as seen, custom(custom_objects):
        found = find_loader(source)
        seen.format = found.name
        try:
            graph = seen.graph = found.load(source)
        except UnsupportedError as error:
            seen.advice = error.advice
            told = {text for layer in seen.layers for text in layer.problems} | set(seen.problems)
            if not told:
                seen.problems = list(error.items)
            return seen
    kept = graph.weights().values()
    seen.parameters, seen.size = sum(int(w.size) for w in kept), sum(int(w.nbytes) for w in kept)
    seen.layers = seen.layers or [LayerSeen(node.label, node.kind) for node in graph.nodes]
    return seen


@contextmanager
def opened(
    path: Any, weights: StrPath | None, metadata: StrPath | None, verbose: Any = "auto", host: bool = True
) -> Iterator[Source]:  # fmt: skip
    """The files of a model, fetched where they are at a URL. Errors of glnn within name the URL, not the copy."""
    origin: Any = None  # imported for URLs alone
    if any(is_url(given) for given in (path, weights, metadata) if given is not None):
        from .remote.origin import Origin

        origin = Origin(str(path), verbose)

    def local(given: Any, argument: str) -> Path:
        return origin.file(str(given)) if is_url(given) else as_path(given, argument)

    try:
        place = local(path, "path")
        if place.is_dir():
            from .folder import model_in

            place = model_in(place)
        yield Source(
            place,
            None if weights is None else local(weights, "weights"),
            None if metadata is None else local(metadata, "metadata"),
            origin if is_url(path) else None,
            host,
        )
    except GlnnError as error:
        if origin is not None:
            error.args = tuple(origin.retold(text) if isinstance(text, str) else text for text in error.args)
        raise


def find_loader(source: Source) -> Loader:
    """The loader that knows this file by its content. Raises ModelFileError that says what the file looks like."""
    for candidate in loaders():
        if candidate.sniff(source):
            return candidate
    known = ", ".join(candidate.name for candidate in loaders())
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
