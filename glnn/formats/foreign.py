"""What a file or folder is that glnn does not read: known by its content, told with what to do next. Nothing is opened
that could run code."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

KERAS = "save the Keras model with model.save('model.h5')"
EXPORT = "torch.onnx.export(model, inputs, 'model.onnx')"
SAVE = f"that format is not read. Load it where it was made, and {KERAS}, any other as ONNX"
NO_MODEL = "it holds no model; load the model's own file"
NEVER = "which glnn never opens because it can run code"
TORCH = f"a PyTorch checkpoint, {NEVER}. Write the model with {EXPORT}, and load that"
UNPACK = "unpack it first, and load what it holds"

NO_FORMAT = "of no format"  # how `looks_like` begins on a file that it does not know
FOREIGN_MODELS = ("a PyTorch", "a Python pickle", "a TensorFlow", "a frozen", "a Core ML", "a model of")

STAND_INS: tuple[tuple[bytes, str], ...] = (  # first bytes, in lower case -> what stands in a file's place
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull` in its repository"),
    (b"<!doctype html", "an HTML page, perhaps a download that failed; download the file again"),
    (b"<html", "an HTML page, perhaps a download that failed; download the file again"),
)
MAGIC: tuple[tuple[bytes | tuple[bytes, ...], str], ...] = (  # first bytes -> what such a file is
    (b"\x89PNG", f"a PNG picture; {NO_MODEL}"),
    (b"\xff\xd8\xff", f"a JPEG picture; {NO_MODEL}"),
    (b"GIF8", f"a GIF picture; {NO_MODEL}"),
    (b"%PDF", f"a PDF document; {NO_MODEL}"),
    (b"\x93NUMPY", f"a NumPy .npy array; {NO_MODEL}"),
    ((b"\xff\xfe", b"\xfe\xff"), "text in UTF-16; write it again in UTF-8"),
    (b"MATLAB", f"a MATLAB file; {NO_MODEL}"),
    (b"\x1f\x8b", f"a gzip archive; {UNPACK}"),
    (b"BZh", f"a bzip2 archive; {UNPACK}"),
    (b"\xfd7zXZ", f"an xz archive; {UNPACK}"),
    (b"7z\xbc\xaf", f"a 7z archive; {UNPACK}"),
    (b"Rar!", f"a RAR archive; {UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"a zstd archive; {UNPACK}"),
    (b"node {", f"a TensorFlow graph in text; {SAVE}"),
    (b"model_checkpoint_path:", f"the list of a TensorFlow checkpoint, weights without a model; {SAVE}"),
    (b"<", "an HTML or XML page, perhaps a download that failed; download the file again"),
)
PICKLE = re.compile(  # protocols 2 to 5; a dict, a list or a class in the older ones
    rb"\x80[\x02-\x05]|\(dp?\d|\(lp?\d|c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n|[\]}]q[\x00-\x02]", re.ASCII
)
OLD_TORCH = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # the number that PyTorch pickled first before 1.6
SUFFIXES: tuple[tuple[str, str], ...] = (  # where the content says nothing
    (".pb", f"a TensorFlow graph; {SAVE}"),
    (".mlmodel", f"a Core ML model; {SAVE}"),
    (".tflite", f"a TensorFlow Lite model; {SAVE}"),
    (".index", f"part of a TensorFlow checkpoint, weights without a model; {SAVE}"),
    (".meta", f"part of a TensorFlow checkpoint; {SAVE}"),
    (".buf", "the weights of a Keras.js model; load the model's .json instead"),
    (".bin", "binary data, perhaps a shard of a TensorFlow.js model's weights; load the model's model.json instead"),
)


def stand_in(head: bytes) -> str | None:
    """What stands in the file's place by its first bytes (a pointer, an error page), in words; None if nothing does."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((kind for magic, kind in STAND_INS if start.startswith(magic)), None)


def looks_like(path: Path, head: bytes) -> str:
    """What a file seems to be, in words, by its first bytes and (where these say nothing) its suffix."""
    if kind := stand_in(head):
        return kind
    if head.startswith(b"PK\x03\x04"):
        return zip_kind(path)
    for magic, kind in MAGIC:
        if head.lstrip().startswith(magic):
            return kind
    if OLD_TORCH in head[:32]:
        return TORCH
    if PICKLE.match(head):
        return f"a Python pickle, {NEVER}. Where it was made, {KERAS}, a PyTorch module with {EXPORT}"
    if head[257:262] == b"ustar":
        return f"a tar archive; {UNPACK}"
    if head[4:8] == b"TFL3":
        return f"a TensorFlow Lite model; {SAVE}"
    if b"_tf_keras_" in head:
        return f"part of a TensorFlow SavedModel; {SAVE}"
    if kind := protobuf_kind(head):
        return kind
    if kind := text_kind(head):
        return kind
    for suffix, kind in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return kind
    if re.search(r"\.data-\d+-of-\d+$", path.name):
        return f"part of a TensorFlow checkpoint, weights without a model; {SAVE}"
    return f"{NO_FORMAT} that glnn knows (it begins with {head[:8]!r})"


def text_kind(head: bytes) -> str | None:
    """What a file of text, or of nothing at all, is in words; None where it holds anything else."""
    if not head.strip(b"\0"):
        return f"{NO_FORMAT} that glnn knows (nothing but zero bytes, perhaps a download that broke off)"
    if re.fullmatch(rb"[\t\n\r -~]*", head):
        lines = head.decode("ascii").split("\n")
        if any(line.startswith("class_name:") for line in lines):
            return "a Keras model in YAML, which is not read. Convert it: keras.models.model_from_yaml(text).to_json()"
        return f"{NO_FORMAT} that glnn knows (text that begins {lines[0][:60]!r}, perhaps a download that failed)"
    return None


def zip_kind(path: Path) -> str:
    """What kind of ZIP archive this is, by the names in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "a truncated ZIP archive; copy or download it again"
    if "config.json" in names and any(name.startswith("model.weights") for name in names):
        return "a .keras archive, a whole model; load it by itself"
    if names and all(name.endswith(".npy") for name in names):
        return f"a NumPy .npz archive of arrays; {NO_MODEL}"
    if any(name.endswith("data.pkl") for name in names):
        return TORCH
    return f"a ZIP archive (of {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}); {UNPACK}"


def protobuf_kind(head: bytes) -> str | None:
    """Which of the models in protobuf begins so, told by the first fields: Core ML, SavedModel, frozen graph."""
    if head[:1] == b"\x08" and len(head) > 5 and head[1] < 0x20:  # field 1 is a version
        if head[2:3] == b"\x12":  # a message: of a picture's name in Core ML, of operators
            message = after_length(head, 3)
            within = after_length(head, message + 1)
            core = head[1] > 1 or head[within : within + 1] == b"\x0a"
            return f"a Core ML model; {SAVE}" if core else f"the graph of a TensorFlow SavedModel; {SAVE}"
    if head[:1] == b"\x0a":  # a node: its name, then its operator
        node = after_length(head, 1)
        size = head[node + 1] if head[node : node + 1] == b"\x0a" and len(head) > node + 1 else 0
        name, then = head[node + 2 : node + 2 + size], head[node + 2 + size :]
        if size and re.fullmatch(rb"[\w./-]+", name) and re.match(rb"\x12[\x01-\x40][A-Z]\w+", then):
            return f"a frozen TensorFlow graph; {SAVE}"
    return None


def after_length(head: bytes, place: int) -> int:
    """Where what follows the length (a number of 7 bits a byte) at `place` begins."""
    while place < len(head) and head[place] & 0x80:
        place += 1
    return place + 1


def folder_kind(folder: Path) -> str | None:
    """What a folder is that holds a model in a form of many files, in words; None where it is not known."""
    names = {path.name for path in folder.iterdir()}
    if names & {"saved_model.pb", "saved_model.pbtxt"}:
        return (
            "a TensorFlow SavedModel, which is not read. Load it with tf.keras.models.load_model of Keras 2 "
            "and save it with model.save('model.h5')"
        )
    if {"Manifest.json", "Data"} <= names:
        return f"a Core ML package; {SAVE}"
    if "checkpoint" in names or any(re.search(r"\.data-\d+-of-\d+$", name) for name in names):
        return f"a TensorFlow checkpoint, weights without a model; {SAVE}"
    return None
