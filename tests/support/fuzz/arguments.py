"""Arguments of the public calls, one or two of them wrong: out of a seed, in a folder that may be written to."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from support.fuzz.odd import ODD, nothing
from support.models import one

import glnn
from glnn import testing
from glnn.formats import survey
from glnn.layers.core import Dense
from glnn.model import Model
from glnn.show import CompareReport, FieldReport, Profile
from glnn.web import export_web

A, B = np.ones((2, 3), np.float32), np.arange(3, dtype=np.float32)
PICTURE = np.zeros((4, 5, 3), np.uint8)
GRAPH = Path("whole.glnn")
TWO = 0.15  # the part of cases with two wrong arguments


class Call(NamedTuple):
    """A call that goes well with these arguments by name; those that are None are left out then."""

    function: Callable[..., Any]
    arguments: Mapping[str, Any]


@cache
def model() -> Model:
    """A model of inputs (?, 3) on the NumPy device."""
    weights = {"kernel": np.ones((3, 2), np.float32), "bias": np.zeros(2, np.float32)}
    return Model(one(Dense(2), (3,), **weights), glnn.Device("numpy"))


@cache
def staged() -> Model:
    """A model of ONNX whose graph follows from the sizes of its inputs."""
    import onnx.parser

    text = (
        '<ir_version: 8, opset_import: ["": 17]> g (float[n, m] x) => (float[k] y) '
        "{ all = Constant<value_ints=[-1]>() y = Reshape(x, all) }"
    )
    path = Path("staged.onnx")
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    return Model.load(path, device=glnn.Device("numpy"))


def loaded(**options: Any) -> None:
    """A model that is loaded and closed."""
    Model.load(**{"path": GRAPH, **options}).close()


def predictor(**options: Any) -> None:
    """A predictor, and a call of it."""
    batch = options.pop("batch", A)
    made = glnn.Predictor(**{"path": GRAPH, "index": "numpy", **options})
    made(batch)
    made.close()


def unset(*names: str) -> dict[str, None]:
    """Arguments that are left out where all goes well."""
    return dict.fromkeys(names)


@cache
def calls() -> dict[str, Call]:
    """The public calls by name."""
    m, device = model(), model().device
    kernel = glnn.kernel("float kernel(float a, float b) { return a + b; }", device=device)
    tensor = kernel(A, A)
    program = glnn.program(lambda a, b: kernel(a, b) * 2.0, device=device)
    report, profile = m.compare(A, verbose=0), m.profile(A, repeat=1)
    layer, shape = m.layers[0].name, {m.inputs[0].name: (2, 3)}
    dense, weights = Dense(2), dict(m.layers[0].weights)
    page = {"vocabulary": None, "columns": None, "examples": (), "standardize": None, "fit": "stretch"}
    return {
        "load": Call(loaded, unset(
            "path", "weights", "metadata", "device", "custom_objects", "verbose", "host", "tune",
        )),
        "survey": Call(lambda **o: survey(**{"path": GRAPH, **o}), unset(
            "path", "weights", "metadata", "custom_objects", "verbose",
        )),
        "Model": Call(Model, {"graph": m.graph, "device": device, "report": None, "tune": False}),
        "predict": Call(m.predict, {"x": A, "batch_size": None, "verbose": 0}),
        "reference": Call(m.reference, {"x": A}),
        "summary": Call(m.summary, {"print_fn": nothing}),
        "plan": Call(m.plan, {"input_shapes": shape, "limits": None}),
        "plan, staged": Call(lambda **o: staged().plan(**o), {"input_shapes": None, "limits": device.limits}),
        "fixed": Call(m.fixed, {"input_shapes": shape}),
        "fixed, staged": Call(lambda **o: staged().fixed(**o), {"input_shapes": {"x": (3, 4)}}),
        "tune": Call(m.tune, {"input_shapes": shape, "seconds": 0.01, "verbose": 0}),
        "get_layer": Call(m.get_layer, {"name": layer}),
        "save": Call(m.save, {"path": "m.glnn"}),
        "export_web": Call(m.export_web, {
            "folder": "web", "input_shape": (1, 3), "variants": ["webgl2"], "labels": None, "scale": "raw",
            "check": False, "outputs": None, "force": True, "verbose": 0, "filter": "bilinear",
            "background": "white", **page,
        }),
        "web.export_web": Call(lambda **o: export_web(m.session.graph, store=m.session.store, **o), {
            "folder": "web", "input_shapes": {m.inputs[0].name: (1, 3)}, "variants": ["webgl2"], "labels": None,
            "scale": "raw",
        }),
        "compare": Call(m.compare, {"x": A, "reference": "numpy", "save": "run.npz", "verbose": 0}),
        "reproduce": Call(report.reproduce, {"layer": layer, "folder": "."}),
        "explain": Call(m.explain, {"x": A, "layer": layer, "index": (0, 0), "turn": None}),
        "profile": Call(m.profile, {"x": A, "repeat": 1, "timer": "auto", "first": True}),
        "Profile.layer": Call(profile.layer, {"label": layer}),
        "Profile.compare": Call(profile.compare, {"other": profile}),
        "Profile.from_json": Call(Profile.from_json, {"text": profile.to_json()}),
        "CompareReport.from_json": Call(CompareReport.from_json, {"text": report.to_json()}),
        "FieldReport.from_json": Call(FieldReport.from_json, {"text": "{}"}),
        "quantize": Call(lambda **o: m.quantize(**o).close(), {
            "weights": "uint8", "per_channel": True, "activations": None, "calibrate": A, "skip": (), "max_drift": None,
            "verbose": 0,
        }),
        "range_report": Call(m.range_report, {"x": A, "verbose": 0}),
        "trace": Call(m.trace, {"x": A, "layers": None, "fused": False}),
        "trace[]": Call(lambda name: m.trace(A)[name], {"name": layer}),
        "Predictor": Call(predictor, unset(
            "path", "inputs", "pictures", "batch_size", "threads", "load", "precision", "batch",
        )),
        "Device": Call(lambda **o: glnn.Device(**{"index": "numpy", **o}).close(), unset(
            "index", "max_texture_size", "draw_buffers", "texture_units", "float_targets", "dialect", "profile",
            "precision", "array_layers", "stage", "sources",
        )),
        "texture": Call(lambda **o: device.texture(**o).release(), {
            "width": 2, "height": 2, "layers": 1, "format": "float32", "data": np.zeros((1, 2, 2, 4), np.float32),
        }),
        "image.read": Call(glnn.image.read, {
            "source": PICTURE, "size": (4, 4), "channels": 3, "scale": "raw", "fit": "stretch", "filter": "bilinear",
            "background": "white", "levels": None, "note": nothing,
        }),
        "image.as_text": Call(glnn.image.as_text, {"image": np.zeros((4, 4)), "low": 0.0, "high": 1.0}),
        "Preparation": Call(glnn.image.Preparation, {
            "scale": "raw", "fit": "stretch", "filter": "bilinear", "background": "white",
        }),
        "kernel": Call(glnn.kernel, {
            "text_or_file": "float kernel(float a) { return a; }", "name": None, "shape": None, "device": device,
        }),
        "a kernel": Call(lambda **o: kernel(**o).numpy(), {"a": A, "b": B, "device": None}),
        "program": Call(lambda f, device: glnn.program(f, device=device), {"f": nothing, "device": device}),
        "a program": Call(lambda a, b: program(a, b).numpy(), {"a": A, "b": A}),
        "Program.plan": Call(lambda **o: program.plan(A, A, **o), {"limits": None}),
        "Program.export_web": Call(lambda folder, **o: program.export_web(folder, A, A, **o), {
            "folder": "web", "variants": ["webgl2"], "force": True, "verbose": 0,
        }),
        "Tensor": Call(glnn.Tensor, {"value": A, "device": device}),
        "tensor.reshape": Call(lambda shape: tensor.reshape(shape), {"shape": (3, 2)}),
        "tensor.transpose": Call(lambda axes: tensor.transpose(axes), {"axes": (1, 0)}),
        "tensor.sum": Call(tensor.sum, {"axis": 0, "keepdims": False}),
        "tensor.argmax": Call(tensor.argmax, {"axis": 0}),
        "tensor.astype": Call(tensor.astype, {"dtype": "float32"}),
        "tensor +": Call(lambda b: tensor + b, {"b": A}),
        "tensor @": Call(lambda b: tensor @ b, {"b": A.T}),
        "tensor[]": Call(lambda key: tensor[key], {"key": 0}),
        "np.where": Call(lambda a, b, c: np.where(a > tensor, b, c), {"a": tensor, "b": A, "c": tensor}),
        "np.clip": Call(lambda a, b: np.clip(tensor, a, b), {"a": 0.0, "b": 1.0}),
        "np.concatenate": Call(lambda more, axis: np.concatenate((tensor, more), axis), {"more": A, "axis": 0}),
        "steps": Call(lambda count: list(zip(glnn.steps(count), range(3), strict=False)), {"count": 2}),
        "repeat": Call(lambda count, body, state: glnn.repeat(count, body, state), {
            "count": 2, "body": lambda u: u * 1.0, "state": tensor,
        }),
        "register_op": Call(lambda name, **o: glnn.register_op("own.fuzz", name, **o), {
            "name": "One", "since": 1, "gives": "same", "host": False, "words": "onnx",
        }),
        "register_layer": Call(lambda name, kind: glnn.register_layer(name)(kind), {
            "name": "FuzzOne", "kind": object,
        }),
        "testing.check_layer": Call(testing.check_layer, {
            "device": device, "layer": dense, "inputs": [A], "weights": weights, "tolerance": None,
        }),
        "testing.assert_matches": Call(testing.assert_matches, {
            "kernel": kernel, "reference": lambda a, b: a + b, "inputs": (A, A), "weights": None, "numbers": None,
            "shape": None, "tolerance": None, "ulp": None, "dialects": ["es300"], "limits": ["default"],
            "codecs": ["float32"],
            "weight_codecs": (), "options": None,
        }),
    }  # fmt: skip


def ready() -> None:
    """Makes what all cases share, once, in the current folder."""
    calls(), staged()


def tried(number: int, seed: int, told: dict[str, Any]) -> None:
    """Case `number` in the current folder; `told` is told which it is. Raises what the call does."""
    rng = random.Random(f"{seed} arguments {number}")
    model().save(GRAPH)
    name = rng.choice(list(calls()))
    call = calls()[name]
    wrong = rng.sample(list(call.arguments), min(len(call.arguments), 1 + (rng.random() < TWO)))
    odd = {key: rng.choice(ODD) for key in wrong}
    told["of"], told["how"] = name, ", ".join(f"{key}={shown(value)}" for key, value in odd.items())
    good = {key: value for key, value in call.arguments.items() if value is not None}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        call.function(**{**good, **odd})


def shown(value: Any) -> str:
    """A value for people, whatever its `repr` does."""
    try:
        return f"{value!r:.60}".replace("\n", " ")
    except Exception:
        return f"<{type(value).__name__}>"
