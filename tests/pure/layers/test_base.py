"""What an author of layers is told: registering, and methods that are missing or give something else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from glnn.errors import GraphError, InputError, KernelError, UnsupportedError
from glnn.graph import reference
from glnn.kernels.files import parse
from glnn.layers import FAMILIES, LAYERS, register
from glnn.layers.base import Layer
from glnn.layout import Limits
from glnn.plan import make_plan
from glnn.testing import layer_graph


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    kept = dict(LAYERS)
    yield
    LAYERS.clear()
    LAYERS.update(kept)


def test_a_class_is_registered_under_its_names() -> None:
    @register("mine>Wave", "Wave2")
    @dataclass(frozen=True)
    class Wave(Layer):
        height: float = 1.0

    assert LAYERS["mine>Wave"] is LAYERS["Wave2"] is LAYERS["Wave"] is Wave and "Wave" not in LAYERS.data
    register()(Wave)
    assert LAYERS["Wave"] is Wave
    assert LAYERS["Wave"].from_config({"name": "w", "height": 2.0}) == Wave(2.0)


def test_every_layer_is_found_by_its_module() -> None:
    """The table of names by module is whole, so that one that is asked for need not be imported before."""
    own = {name: kind.__module__ for name, kind in LAYERS.items() if kind.__module__.startswith("glnn.layers.")}
    assert own == {name: f"glnn.layers.{module}" for module, names in FAMILIES.items() for name in names.split()}
    alone = "import sys; from glnn.layers import LAYERS; LAYERS['Dot']; print('glnn.layers.recurrent' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True).stdout == "False\n"


def test_a_name_has_one_class() -> None:
    def define() -> type[Layer]:
        @register("mine>Wave")
        @dataclass(frozen=True)
        class Wave(Layer):
            height: float = 1.0

        return Wave

    define()
    again = define()
    assert LAYERS["mine>Wave"] is again  # as when a notebook's cell runs twice
    dense = LAYERS["Dense"]
    with pytest.raises(InputError, match="layer 'Dense' is glnn.layers.core.Dense already.*package>name"):

        @register("mine>Dense", "Dense")
        @dataclass(frozen=True)
        class Dense(Layer):
            pass

    assert LAYERS["Dense"] is dense and "mine>Dense" not in LAYERS


def test_only_a_frozen_dataclass_of_a_layer_is_registered() -> None:
    class Bare(Layer):
        pass

    @dataclass
    class Thawed(Layer):
        pass

    @dataclass(frozen=True)
    class Foreign:
        pass

    for wrong in (Bare, Thawed, Foreign, Bare()):
        with pytest.raises(InputError, match="is no frozen dataclass of a Layer"):
            register("mine>Wrong")(wrong)  # type: ignore[type-var]
    assert "mine>Wrong" not in LAYERS


@dataclass(frozen=True)
class Same(Layer):
    """What comes out has the shape of what goes in; nothing else is written."""

    def output_shape(self, *inputs: Any) -> Any:
        return inputs[0]


def test_a_method_that_is_missing_is_named() -> None:
    @dataclass(frozen=True)
    class Empty(Layer):
        pass

    with pytest.raises(NotImplementedError, match="class Empty has no method build, nor output_shape"):
        Empty().output_shape((2, 3))
    graph = layer_graph(Same(), [(2, 3)], {})
    with pytest.raises(UnsupportedError, match="layer 'layer': class Same has no method build, nor lower"):
        make_plan(graph, {"x0": (2, 3)}, Limits())
    with pytest.raises(UnsupportedError, match="layer 'layer': class Same has no method build, nor reference"):
        reference.run(graph, {"x0": np.zeros((2, 3))})


@pytest.mark.parametrize(
    ("result", "told"), [(None, "NoneType"), ([], "nothing"), (np.zeros(3), "ndarray")], ids=["None", "[]", "array"]
)
def test_a_lowering_that_gives_no_tensor_is_refused(result: Any, told: str) -> None:
    class Wrong(Same):
        def lower(self, b: Any, inputs: Any, weights: Any) -> Any:
            return result

    with pytest.raises(GraphError, match=rf"layer 'layer': Wrong.lower returned {told}; .* for each of 1 output,"):
        make_plan(layer_graph(Wrong(), [(2, 3)], {}), {"x0": (2, 3)}, Limits())


def test_what_the_builder_works_out_needs_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "#pragma glnn input p\n#pragma glnn param G0 GN\nvec4 kernel(int n, int h, int w, int c) { return vec4(0.0); }"
    )
    monkeypatch.setattr("glnn.plan.builder.load_kernel", lambda name: parse(name, text, "my.glsl"))

    class Bands(Same):
        def lower(self, b: Any, inputs: Any, weights: Any) -> Any:
            return b.draw("mine", inputs[0].shape, {"p": inputs[0]})

    with pytest.raises(KernelError, match="layer 'layer': my.glsl: GN and GU follow .* 'x' is missing"):
        make_plan(layer_graph(Bands(), [(2, 3)], {}), {"x0": (2, 3)}, Limits())


def test_a_kernel_that_is_missing_is_told_with_its_layer() -> None:
    class Lost(Same):
        def lower(self, b: Any, inputs: Any, weights: Any) -> Any:
            return b.draw("waves", inputs[0].shape, {"x": inputs[0]})

    with pytest.raises(KernelError, match="layer 'layer': there is no kernel file shaders/kernels/waves.glsl"):
        make_plan(layer_graph(Lost(), [(2, 3)], {}), {"x0": (2, 3)}, Limits())
