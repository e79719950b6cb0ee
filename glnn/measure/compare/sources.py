"""What a model is compared with: another device or model, Keras, or a run that was saved."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arguments import plain_array
from ...errors import InputError
from ...graph.graph import Graph
from ...run.inputs import numpy_file
from ...run.session import Arrays, Session
from ..steps.segments import segments
from ..steps.stepping import Steps

if TYPE_CHECKING:
    from collections.abc import Callable

NUMPY = "numpy"


class Source:
    """A reference's tensors of one piece of the samples, asked for in the order in which the model draws them."""

    name = NUMPY

    def begin(self, arrays: Arrays) -> None:
        """The samples that are asked about from now on, by input name."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *raised: object) -> None:
        """Frees what it took on a device."""

    def value(self, tensor: str) -> np.ndarray | None:
        """A tensor of the user's graph; None where the reference has none, and NumPy computes it."""
        return None


class DeviceRun(Source):
    """The same tensors of a graph on a device, drawn as they are asked for."""

    def __init__(
        self, name: str, graph: Graph, session: Session, shapes: Mapping[str, tuple[int | None, ...]], owned: bool
    ):
        self.name, self.graph, self.session, self.shapes = name, graph, session, shapes
        self.owned = owned
        self._found: Arrays = {}
        self._tensors: Iterator[tuple[str, np.ndarray]] = iter(())

    def __exit__(self, *raised: object) -> None:
        if self.owned:
            self.session.close()

    def begin(self, arrays: Arrays) -> None:
        names = [spec.name for spec in self.graph.inputs]
        if set(names) != set(arrays):
            raise InputError(f"reference {self.name}: its inputs are {names}, not {sorted(arrays)}; give another model")
        self._found, self._tensors = {}, drawn(self.graph, self.session, arrays)

    def value(self, tensor: str) -> np.ndarray | None:
        if tensor not in self.shapes:
            return None
        while tensor not in self._found:
            name, array = next(self._tensors, ("", np.empty(0)))
            if not name:
                return None
            self._found[name] = array
        return self._found.pop(tensor)


def drawn(graph: Graph, session: Session, arrays: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Each measured tensor of the user's graph with its name, right after its draw."""
    device = session.device
    with device.use():
        executor = session.executor({name: array.shape for name, array in arrays.items()})
    steps = Steps(executor, arrays)
    done: set[str] = set()
    for segment in segments(graph, executor.plan):
        if segment.name not in done:
            steps.advance(segment.made.steps)
            done.add(segment.name)
            yield segment.name, segment.plain(steps.read(segment.made)[0])


class Recorded(Source):
    """Tensors that are all there: of Keras, or of a saved run, by layer."""

    def __init__(self, name: str, keys: Mapping[str, str], record: Callable[[Arrays], Mapping[str, np.ndarray]]):
        self.name, self._keys, self._record = name, keys, record
        self._arrays: Mapping[str, np.ndarray] = {}

    def begin(self, arrays: Arrays) -> None:
        self._arrays = self._record(arrays)
        if not set(self._keys.values()) & set(self._arrays):
            known = ", ".join(list(self._arrays)[:5]) or "nothing"
            raise InputError(f"reference {self.name}: none of the model's layers is in it; it has {known}")

    def value(self, tensor: str) -> np.ndarray | None:
        key = self._keys.get(tensor, "")
        return np.asarray(self._arrays[key]) if key in self._arrays else None


def layer_keys(graph: Graph) -> dict[str, str]:
    """The name that each tensor has in a saved run: the layer's label, from its second tensor on with #2, #3 .."""
    counts: Counter[str] = Counter()
    keys: dict[str, str] = {}
    for node in graph.nodes:
        for name in node.outputs:
            counts[node.label] += 1
            keys[name] = node.label if counts[node.label] == 1 else f"{node.label}#{counts[node.label]}"
    return keys


def source_of(reference: Any, graph: Graph, session: Session, origin: Any = None) -> Source:
    """The Source that `reference` names; origin: what the model was loaded from. Raises InputError."""
    if isinstance(reference, str) and reference == NUMPY:
        return Source()
    known = {tensor: spec.shape for tensor, spec in graph.specs().items()}
    if hasattr(reference, "limits") and hasattr(reference, "draw"):
        return DeviceRun(f"device {reference.renderer}", graph, Session(session.graph, reference), known, True)
    if isinstance(getattr(reference, "session", None), Session):
        theirs = {tensor: spec.shape for tensor, spec in reference.graph.specs().items()}
        same = {tensor: shape for tensor, shape in known.items() if len(theirs.get(tensor, ())) == len(shape)}
        return DeviceRun(f"model {reference.name}", reference.graph, reference.session, same, False)
    if isinstance(reference, str) and reference == "keras":
        reference = origin
        if origin is None:
            raise InputError("reference='keras': the model was made here; give reference= a Keras model or its file")
    if isinstance(reference, str) and reference == "onnxruntime":
        reference = origin
        if not isinstance(origin, str | os.PathLike) or Path(origin).suffix.lower() != ".onnx":
            raise InputError("reference='onnxruntime': the model is of no ONNX file; give reference= its .onnx")
    if hasattr(reference, "layers") and callable(reference):
        from .keras_run import recorder

        return Recorded("Keras", layer_keys(graph), recorder(reference, graph))
    if isinstance(reference, str | os.PathLike):
        path = Path(reference)
        if path.suffix.lower() == ".npz":
            return Recorded(str(path), layer_keys(graph), saved_run(path))
        if path.suffix.lower() == ".onnx":
            from . import onnx_run

            return Recorded(f"onnxruntime with {path.name}", onnx_run.names(graph), onnx_run.recorder(path, graph))
        if path.suffix.lower() in (".keras", ".h5", ".hdf5"):
            from .keras_run import loaded, recorder

            return Recorded(f"Keras with {path}", layer_keys(graph), recorder(loaded(path), graph))
    raise InputError(
        f"reference={reference!r:.80}: allowed are 'numpy', 'keras', 'onnxruntime', a Keras model or its file "
        "(.keras, .h5), an .onnx, a glnn.Device, a glnn.Model, or the .npz of a run that compare(save=..) wrote"
    )


# ---- saved runs

INPUT = "input/"  # before the names of inputs in a saved run


def saved_run(path: Path) -> Callable[[Arrays], Mapping[str, np.ndarray]]:
    """The arrays of a saved run, checked to be of the same inputs. Raises InputError."""

    def record(arrays: Arrays) -> Mapping[str, np.ndarray]:
        with numpy_file(f"reference {path}", "Give what compare(save=..) wrote"):
            with np.load(path, allow_pickle=False) as file:  # no file may run code
                run = {name: plain_array(file[name], name) for name in file.files}
        for name, array in arrays.items():
            before = run.get(INPUT + name)
            if before is not None and not (before.shape == array.shape and np.array_equal(before, array, True)):
                raise InputError(f"reference {path}: it is a run on another input {name!r}; compare on that one")
        return run

    return record


class SavedRun:
    """An .npz that tensors are written to one by one, by layer; it takes its name once it is whole."""

    def __init__(self, path: Any):
        self.path = Path(path).expanduser()
        if self.path.suffix.lower() != ".npz" or not self.path.parent.is_dir():
            raise InputError(f"save={str(path)!r}: the name of an .npz in a folder that is there")
        self._part = self.path.with_name(f".{self.path.name}.part")

    def __enter__(self) -> SavedRun:
        self._zip = zipfile.ZipFile(self._part, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._names: set[str] = set()
        return self

    def add(self, name: str, array: np.ndarray) -> None:
        """Writes an array under a name, once."""
        if name not in self._names:
            self._names.add(name)
            with self._zip.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._zip.close()
        if error is None:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)
