"""glnn as a backend of the package onnx (its `onnx.backend.base`), for its test suite and for tools that take one.

import onnx, glnn.onnx_backend as backend
outputs = backend.prepare(onnx.load("model.onnx")).run([x])
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx.backend.base import Backend, BackendRep, namedtupledict

from .device.device import Device
from .model import Model

DEVICES = ("CPU", "CUDA", "OPENGL", "NUMPY")  # all but the last mean OpenGL, on whatever processor that is


class Prepared(BackendRep):
    """A model that is ready to run. `close()` frees what it holds on the device.

    types: of outputs by name, which NumPy lacks: those of ml_dtypes
    """

    def __init__(self, model: Model, inputs: Sequence[str], types: Mapping[str, Any] | None = None):
        self.model, self.inputs, self.types = model, list(inputs), dict(types or {})

    def run(self, inputs: Any, **options: Any) -> tuple[Any, ...]:
        """The outputs for arrays in the order of the model's inputs, by name, or one alone."""
        if not isinstance(inputs, Mapping):
            given = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
            inputs = dict(zip(self.inputs, given, strict=True))
        made = self.model.predict(dict(inputs))
        typed = [x.astype(self.types[name]) if name in self.types else x for name, x in made.items()]
        return namedtupledict("Outputs", list(made))(*typed)

    def close(self) -> None:
        """Frees textures and programs."""
        self.model.close()


class GlnnBackend(Backend):
    """Runs ONNX models through shaders."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **options: Any) -> Prepared:
        """The model made ready. Raises glnn's errors for what cannot be run, named. options: of glnn.Device."""
        where = Device("numpy") if device.upper() == "NUMPY" else Device(**options) if options else None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model.SerializeToString())
            loaded = Model.load(path, device=where)
        kind = onnx.TensorProto.BFLOAT16
        types = {
            info.name: onnx.helper.tensor_dtype_to_np_dtype(kind)
            for info in model.graph.output
            if info.type.tensor_type.elem_type == kind
        }
        return Prepared(loaded, [spec.name for spec in loaded.inputs], types)

    @classmethod
    def run_model(cls, model: onnx.ModelProto, inputs: Any, device: str = "CPU", **options: Any) -> tuple[Any, ...]:
        """The outputs of a model for inputs."""
        prepared = cls.prepare(model, device, **options)
        try:
            return prepared.run(inputs)
        finally:
            prepared.close()

    @classmethod
    def run_node(
        cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU", outputs_info: Any = None, **options: Any
    ) -> tuple[Any, ...]:
        """The outputs of one node for arrays. Types of outputs, where nothing tells them: those of the first input."""
        import numpy as np
        from onnx import helper

        arrays = [np.asarray(x) for x in (inputs if isinstance(inputs, list | tuple) else [inputs])]
        names = [name for name in node.input if name]

        def told(name: str, dtype: Any, shape: Any) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

        given = [told(name, x.dtype, x.shape) for name, x in zip(names, arrays, strict=True)]
        kinds = outputs_info or [(arrays[0].dtype if arrays else np.float32, None)] * len(node.output)
        made = [told(name, kind, shape) for name, (kind, shape) in zip(node.output, kinds, strict=False)]
        graph = helper.make_graph([node], node.op_type, given, made)
        return cls.run_model(helper.make_model(graph), dict(zip(names, arrays, strict=True)), device, **options)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether `prepare` takes a device of this name."""
        return device.upper() in DEVICES


prepare, run_model, run_node = GlnnBackend.prepare, GlnnBackend.run_model, GlnnBackend.run_node
supports_device, is_compatible = GlnnBackend.supports_device, GlnnBackend.is_compatible
