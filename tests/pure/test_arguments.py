"""What arguments may be, and what is said of others: the kinds, the decorator, and faults that the fuzzer found."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fuzz import arguments

import glnn
from glnn import arguments as kinds
from glnn.errors import InputError, LimitError, ModelFileError, UnsupportedError
from glnn.layers.normalization import LayerNormalization
from glnn.testing import check_layer

A = np.ones((2, 3), np.float32)
GOOD: list[tuple[kinds.Kind, tuple[Any, ...]]] = [
    (kinds.FLAG, (True, False, 0, 1, np.bool_(True))),
    (kinds.VERBOSE, (0, 1, 2, True, "auto")),
    (kinds.count(1, 3), (1, 3, np.int64(2))),
    (kinds.number(0), (0, 0.5, np.float32(2), 10**30)),
    (kinds.PATH, ("x", Path("a/b"), "/dev/null/x")),
    (kinds.NAMES, (["a"], ("a", "b"), {"a"}, {"a": 1}.keys(), np.array(["a"]))),
    (kinds.SHAPE, ((1, None), [2], np.array([2, 3]), ())),
    (kinds.SHAPES, ({"x": (1, 2)}, {})),
    (kinds.DEVICE, (glnn.Device("numpy"),)),
    (kinds.ARRAYS, ([A, 2.0], A)),
]
BAD: list[tuple[kinds.Kind, tuple[Any, ...]]] = [
    (kinds.FLAG, (2, "yes", None, A, [])),
    (kinds.VERBOSE, ("loud", 3, A, None)),
    (kinds.count(1, 3), (0, 4, True, 2.0, "2", np.zeros(0))),
    (kinds.number(0), (-1, float("nan"), float("inf"), 1j, "1", 10**400, True)),
    (kinds.PATH, ("\0", "é" * 300, b"x", 3, None, "\udcff\0")),
    (kinds.NAMES, ("a", [1], {"a": 1}, np.ones((1, 1)), iter("a"))),
    (kinds.SHAPE, ((-1,), "12", (1.0,), np.ones((1, 1)), (2**31,))),
    (kinds.SHAPES, ({1: (1,)}, {"x": 1}, [(1, 2)])),
    (kinds.DEVICE, (0, "numpy", glnn.Device)),
    (kinds.ARRAYS, (["a"], "a", [[[1], [1, 2]]], 3)),
]


def test_kinds() -> None:
    for kind, values in GOOD:
        assert all(kind.fits(value) for value in values), kind.allowed
    for kind, values in BAD:
        for value in values:
            with pytest.raises(InputError, match="x=.*: expected "):
                kind.check("x", value)


def test_either_of_two_kinds() -> None:
    kind = kinds.NAME | kinds.FUNCTION
    assert kind.fits("a") and kind.fits(len) and not kind.fits(3)
    assert kind.allowed == "a name (str), or a function"


def test_a_message_is_one_short_line() -> None:
    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError

    assert kinds.told(Mute()) == "<Mute>" and len(kinds.told("x" * 999)) == kinds.MOST_TOLD
    assert "\n" not in kinds.told(np.ones((5, 5)))


class Thing:
    """Has checked arguments."""

    @kinds.checked(a=kinds.count(1), b=kinds.NAME, c=kinds.FLAG)
    def method(self, a: int, b: str | None = None, *more: Any, c: bool = False) -> Any:
        return a, b, more, c


def test_checked_looks_at_what_is_given_alone() -> None:
    thing = Thing()
    assert thing.method(1) == (1, None, (), False) == thing.method(a=1, b=None)
    assert thing.method(2, "b", 7, 8, c=True) == (2, "b", (7, 8), True)
    for wrong in ((0,), (None,), (1, 2)):
        with pytest.raises(InputError, match=r"^Thing\.method: [ab]="):
            thing.method(*wrong)
    with pytest.raises(InputError, match=r"c=None: expected True or False"):
        thing.method(1, c=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword"):
        thing.method(1, d=2)  # type: ignore[call-arg]
    assert list(inspect.signature(Thing.method).parameters) == ["self", "a", "b", "more", "c"]
    with pytest.raises(TypeError, match="no argument nope"):
        kinds.checked(nope=kinds.FLAG)(lambda a: a)


# ---- what was found, by kind

TEXT = "float kernel(float a) { return a; }"
WRONG: dict[str, Callable[[glnn.Model, Any], Any]] = {
    "a flag that is an array": lambda m, t: m.quantize(per_channel=np.zeros(0)),
    "verbose that is an array": lambda m, t: m.predict(A, verbose=np.zeros(0)),
    "shapes that are none": lambda m, t: m.plan({"x0": 1}),
    "another input's shape": lambda m, t: m.plan({"nope": (1, 3)}),
    "sizes that do not fit": lambda m, t: m.plan({"x0": (1, 4)}),
    "limits that are none": lambda m, t: m.plan(limits=3),  # type: ignore[arg-type]
    "seconds that are none": lambda m, t: m.tune(seconds=float("nan")),
    "a layer's name that is none": lambda m, t: m.get_layer(None),  # type: ignore[arg-type]
    "no variant": lambda m, t: m.export_web("x", variants={}),
    "variants that are no limits": lambda m, t: m.export_web("x", variants={"x": 1}),
    "labels that are none": lambda m, t: m.export_web("x", labels=True),  # type: ignore[arg-type]
    "a folder that is no path": lambda m, t: m.export_web("\0"),
    "a run to save nowhere": lambda m, t: m.compare(A, save=True),
    "predictions without end": lambda m, t: m.profile(A, repeat=10**30),
    "a trace of no names": lambda m, t: m.trace(A, layers=True),  # type: ignore[arg-type]
    "nothing to skip": lambda m, t: m.quantize(skip=None),
    "a device that is none": lambda m, t: glnn.Model(m.graph, True),  # type: ignore[arg-type]
    "an infinite size": lambda m, t: glnn.Device("numpy", max_texture_size=float("inf")),  # type: ignore[arg-type]
    "a precision that is an array": lambda m, t: glnn.Device("numpy", precision=np.zeros(0)),  # type: ignore[arg-type]
    "a profile whose name is too long": lambda m, t: glnn.Device("numpy", profile="x" * 9999),
    "a texture of no width": lambda m, t: m.device.texture(None, 1, 0, "float32"),  # type: ignore[arg-type]
    "a picture too large": lambda m, t: glnn.image.read(np.zeros((2, 2, 3), np.uint8), 10**9),
    "levels that are none": lambda m, t: glnn.image.read(np.zeros((2, 2, 3), np.uint8), levels=True),  # type: ignore[arg-type]
    "text of no picture": lambda m, t: glnn.image.as_text([]),  # type: ignore[arg-type]
    "a predictor's pairs": lambda m, t: glnn.Predictor("x", load=[[1, 2, 3]]),  # type: ignore[arg-type]
    "a kernel's device": lambda m, t: glnn.kernel(TEXT, device=1),  # type: ignore[arg-type]
    "a kernel of a ragged list": lambda m, t: glnn.kernel(TEXT, device=m.device)([1, [2]]),
    "turns of nothing": lambda m, t: glnn.repeat(2, None, t),  # type: ignore[arg-type]
    "an axis too many": lambda m, t: t.sum(axis=2),
    "half an axis": lambda m, t: t.sum(axis=2.5),
    "another shape": lambda m, t: t + np.ones((2, 4)),
    "a product with a number": lambda m, t: t @ 2.0,
    "a type that is none": lambda m, t: t.astype({"y": A}),
    "an array as index": lambda m, t: t[np.zeros(0)],
    "an axis of a list": lambda m, t: np.concatenate((t, t), [1]),  # type: ignore[call-overload]
    "a layer's numbers": lambda m, t: check_layer(m.device, m.layers[0].layer, (1, 2, 3)),  # type: ignore[arg-type]
    "a number beside a tensor": lambda m, t: np.concatenate((t, 1.0)),  # type: ignore[arg-type]
    "an operator's words": lambda m, t: glnn.register_op("a", "b", words=[]),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name: str) -> None:
    model = arguments.model()
    with pytest.raises(InputError) as told:
        WRONG[name](model, glnn.Tensor(A, model.device))
    assert len(str(told.value)) > 20 and "\n" not in str(told.value)


def test_an_index_beyond_a_tensor_ends_a_loop() -> None:
    tensor = glnn.Tensor(A, arguments.model().device)
    with pytest.raises(IndexError) as told:
        tensor[2]
    assert isinstance(told.value, InputError)
    assert len(list(tensor)) == 2


@pytest.mark.parametrize("path", ["\0", "é" * 300])
def test_files_that_cannot_be(path: str) -> None:
    with pytest.raises(ModelFileError, match="no file can be called so"):
        glnn.Model.load(path)


def test_textures_that_hold_no_cell() -> None:
    with glnn.Device("numpy", max_texture_size=2) as device, pytest.raises(LimitError, match="hold no cell"):
        arguments.model().plan(limits=device.limits)


def test_an_option_that_is_no_number() -> None:
    with pytest.raises(UnsupportedError, match="epsilon='Add', which is no number"):
        LayerNormalization.from_config({"epsilon": "Add"})
