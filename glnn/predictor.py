"""A model for workers: small to send, loaded where it is first used. For Ray, Spark, Dask and pools alike."""

from __future__ import annotations

import inspect
import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import BY_NAME, NAME, checked, count
from .device.share import checked_threads, given_index, limited
from .errors import InputError

if TYPE_CHECKING:
    from .graph.graph import TensorSpec
    from .model import Model

ERROR = "error"  # the column that says why a picture gave no result
KEPT = 4  # models that a process keeps; what it has not used for the longest time goes
OWN = ("size", "channels", "note")  # arguments of glnn.image.read that the model tells
_models: OrderedDict[str, Model] = OrderedDict()  # by their predictors' keys
_lock = threading.RLock()


class Predictor:
    """A model's path and how to predict with it: pickles small, and loads the model at its first call in a process.

    path:       what Model.load takes; workers load it, so it has to be there where they run
    inputs:     which column of a batch is which input: a name for a model of one input, else a mapping from inputs to
                columns; None: columns are called as inputs are, or a batch has one column alone
    pictures:   a column holds pictures (paths, bytes of files or arrays): arguments of glnn.image.read, such as
                {"scale": "unit"}; size and channels are the model's. One that cannot be read gets NaN (0 in outputs of
                whole numbers) and the reason in the column "error", which is "" for the others
    batch_size: samples that are drawn at once, see Model.predict
    threads:    of a software renderer; None: LP_NUM_THREADS, or else this process's share of the cores
    load:       further arguments of Model.load by name, such as {"custom_objects": {...}}
    device:     arguments of glnn.Device; without an index CUDA_VISIBLE_DEVICES and ranks choose the GPU

    docs/many-machines.md tells what follows from which variable, and how engines take it. Raises InputError.
    """

    @checked(inputs=NAME | BY_NAME, pictures=BY_NAME, batch_size=count(1), load=BY_NAME)
    def __init__(
        self, path: Any, *, inputs: str | Mapping[str, str] | None = None, pictures: Mapping[str, Any] | None = None,
        batch_size: int | None = None, threads: int | None = None, load: Mapping[str, Any] | None = None, **device: Any,
    ):  # fmt: skip
        self.path = os.fspath(path) if isinstance(path, os.PathLike) else path
        self.inputs, self.batch_size, self.threads = inputs, batch_size, checked_threads(threads)
        self.pictures, self.load, self.device = None if pictures is None else dict(pictures), dict(load or {}), device
        _check_names(self.load, _arguments("Model"), "load", ("path", "device", "verbose"))
        _check_names(device, _arguments("Device"), "glnn.Predictor", ())
        if pictures is not None:
            from .image import Preparation, read

            _check_names(pictures, [*inspect.signature(read).parameters][1:], "pictures", OWN)
            Preparation(**{name: value for name, value in pictures.items() if name != "levels"})
        self._key = uuid.uuid4().hex  # copies in one process share a model

    def __repr__(self) -> str:
        return f"<glnn.Predictor {str(self.path)!r}>"

    @property
    def model(self) -> Model:
        """The model of this process, loaded at the first call. Raises what Model.load and glnn.Device do."""
        with _lock:
            model = _models.pop(self._key, None)
            if model is None:
                model = self._loaded()
            _models[self._key] = model
            while len(_models) > KEPT:
                _models.popitem(last=False)  # freed once no thread predicts with it any more
            return model

    def _loaded(self) -> Model:
        from .device.device import Device
        from .model import Model

        wishes = dict(self.device)
        if wishes.get("index") is None and not _environment_names_a_device():
            wishes["index"] = given_index()
        with limited(self.threads):
            return Model.load(self.path, device=Device(**wishes), verbose=0, **self.load)

    def close(self) -> None:
        """Frees this process's model; the next call loads it again."""
        with _lock:
            model = _models.pop(self._key, None)
        if model is not None:
            device = model.session.given
            model.close()
            if device is not None:
                device.close()

    def __call__(self, *batch: Any) -> Any:
        """Results for a batch: columns by name, or an array for each input in the model's order.

        Columns come back with the outputs by name: those that the model did not take as they came, and what it took
        where it holds paths of pictures. Arrays come back as an array, or as a dict where there are several. Raises
        InputError (columns that are missing or clash, shapes, outputs without a row for each sample), DeviceError.
        """
        if len(batch) != 1 or not isinstance(batch[0], Mapping):
            outputs = self._outputs(list(batch))
            return next(iter(outputs.values())) if len(outputs) == 1 else outputs
        columns = {str(name): value for name, value in batch[0].items()}
        taken = self._taken(columns)
        outputs = self._outputs([columns[name] for name in taken])
        names = self.pictures is not None and all(isinstance(one, str | os.PathLike) for one in columns[taken[0]])
        left = columns if names else {name: value for name, value in columns.items() if name not in taken}
        if clash := sorted(set(left) & set(outputs)):
            raise InputError(f"the columns {clash} are outputs of {self.path} as well. Rename them before predicting")
        return {**left, **outputs}

    def function(self) -> Callable[..., Any]:
        """A function of one array for each input: what Spark's predict_batch_udf calls this for, on each worker."""
        names = [f"x{i}" for i, _ in enumerate(self.model.inputs)]
        function: Any = lambda *arrays: self(*arrays)  # noqa: E731  # named by its signature, which Spark counts
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        function.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])
        return function

    def _taken(self, columns: Mapping[str, Any]) -> list[str]:
        """The columns that are the model's inputs, in its order. Raises InputError."""
        specs = self.model.inputs
        if isinstance(self.inputs, Mapping):
            _check_names(self.inputs, [spec.name for spec in specs], f"inputs of {self.path}", ())
        only = self.inputs if isinstance(self.inputs, str) else next(iter(columns)) if len(columns) == 1 else None
        if isinstance(self.inputs, str) and len(specs) > 1:
            raise InputError(f"inputs={self.inputs!r}: the model takes {_told(specs)}. Give a column for each by name")
        named = self.inputs if isinstance(self.inputs, Mapping) else {}
        if only is not None and len(specs) == 1:
            named = {specs[0].name: only}
        taken = [named.get(spec.name, spec.name) for spec in specs]
        if missing := [name for name in taken if name not in columns]:
            raise InputError(
                f"the batch has the columns {sorted(columns)}; {missing} are missing. {self.path} takes "
                f"{_told(specs)}. Say which column is which: glnn.Predictor(path, inputs={{input: column}})"
            )
        return taken

    def _outputs(self, arrays: Sequence[Any]) -> dict[str, np.ndarray]:
        """The outputs by name for an array of each input, with the column of errors where they are pictures."""
        model = self.model
        if self.pictures is None:
            return self._rows(
                model, {spec.name: a for spec, a in zip(model.inputs, self._counted(arrays), strict=True)}
            )
        from .image.batch import read_all

        (spec,), (column,) = self._picture_input(model), self._counted(arrays)
        read, good, errors = read_all(column, spec.shape, self.pictures, f"{self.path}: input {spec.name!r}")
        found = self._rows(model, {spec.name: read})
        if ERROR in found:
            raise InputError(f"{self.path}: an output is called {ERROR!r}, as the column of what was not read")
        outputs: dict[str, np.ndarray] = {}
        for name, rows in found.items():
            blank = np.nan if rows.dtype.kind == "f" else 0
            outputs[name] = np.full((len(errors), *rows.shape[1:]), blank, rows.dtype)
            outputs[name][good] = rows
        return {**outputs, ERROR: errors}

    def _counted(self, arrays: Sequence[Any]) -> Sequence[Any]:
        specs = self.model.inputs
        if len(arrays) != len(specs):
            raise InputError(f"{len(arrays)} arrays were given; {self.path} takes {_told(specs)}, in this order")
        return arrays

    def _picture_input(self, model: Model) -> list[TensorSpec]:
        if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
            raise InputError(f"pictures: {self.path} takes {_told(model.inputs)}, not one batch of pictures")
        return model.inputs

    def _rows(self, model: Model, x: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """What the model gives, one row for each sample. Raises InputError where an output has other rows."""
        made = dict(model.predict(dict(x), batch_size=self.batch_size, verbose=0))
        count = len(next(iter(x.values())))
        for name, rows in made.items():
            if not np.ndim(rows) or len(rows) != count:
                raise InputError(
                    f"{self.path}: output {name!r} has the shape {np.shape(rows)} for {count} samples, no row for "
                    "each. Give batches of one sample, and arrays instead of columns"
                )
        return made


def _environment_names_a_device() -> bool:
    return any(os.environ.get(name, "").strip() for name in ("GLNN_DEVICE", "GLNN_DEVICE_INDEX"))


def _arguments(what: str) -> list[str]:
    from .device.device import Device
    from .model import Model

    return [*inspect.signature(Model.load if what == "Model" else Device.__init__).parameters]


def _check_names(given: Mapping[str, Any], allowed: Sequence[str], what: str, kept: Sequence[str]) -> None:
    names = [name for name in allowed if name not in (*kept, "self")]
    if unknown := sorted(set(given) - set(names)):
        raise InputError(f"{what}: no argument {', '.join(unknown)}; there are {', '.join(names)}")


def _told(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(f"{spec.name!r} {tuple(spec.shape)}" for spec in specs)
