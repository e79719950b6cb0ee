"""The compute stage: who gets it, what falls back and says so; a device in it does all that one of draws does."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import pixels
from support.seeds import seeded

import glnn
from glnn.device import probe
from glnn.device.stages import dialects, why
from glnn.errors import ClosedError, DeviceError, InputError, KernelError
from glnn.kernels.stages import IMAGES
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.recurrent import SimpleRNN
from glnn.layout.codec import FORMATS, activation_storage
from glnn.layout.limits import COMPUTE, DIALECTS, Limits
from glnn.plan import make_plan
from glnn.testing import layer_graph, run_layer

RNG = seeded(0)
CONV = Conv2D(6, (3, 3), padding="same", activation="relu")
WEIGHTS = {
    "kernel": RNG.standard_normal((3, 3, 5, 6)).astype(np.float32),
    "bias": RNG.standard_normal(6).astype(np.float32),
}
X = RNG.standard_normal((2, 9, 11, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def computing() -> Iterator[glnn.Device]:
    with glnn.Device(stage="compute") as device:
        yield device


def test_auto_is_compute_on_gpus_alone() -> None:
    assert dialects(None, "NVIDIA H100/PCIe/SSE2") == dialects("auto", "NVIDIA H100/PCIe/SSE2") == (COMPUTE, *DIALECTS)
    assert dialects("auto", "llvmpipe (LLVM 15.0.6, 256 bits)") == DIALECTS
    assert dialects("compute", "llvmpipe") == (COMPUTE,)
    assert dialects("fragment", "NVIDIA H100/PCIe/SSE2") == DIALECTS


def test_why_tells_of_what_does_not_work() -> None:
    fragment = Limits()
    assert "do not work" in why(fragment, None, "a GPU", lambda name: False)
    assert "in software" in why(fragment, "auto", "llvmpipe", lambda name: True)
    assert why(replace(fragment, dialect=COMPUTE), "compute", "llvmpipe", lambda name: True) == "compute (as asked for)"


def test_the_device_says_its_stage(computing: glnn.Device, device: glnn.Device) -> None:
    assert (computing.limits.stage, computing.limits.dialect) == ("compute", COMPUTE)
    assert computing.forced == {"stage": "compute"} and computing.why_stage.startswith("compute")
    assert device.limits.stage == "fragment" or "llvmpipe" not in device.renderer
    assert computing.limits.as_drawn == replace(computing.limits, dialect="es300")
    assert all(result.works for result in computing.probe if result.name.startswith(COMPUTE))


def test_a_pickled_device_asks_for_it_again(computing: glnn.Device) -> None:
    with pickle.loads(pickle.dumps(computing)) as again:
        assert again.limits == computing.limits


def test_wishes_that_contradict_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong, said in (
        ({"stage": "vertex"}, "auto, fragment, compute"),
        ({"stage": "compute", "dialect": "es300"}, "gl430"),
        ({"stage": "fragment", "dialect": "gl430"}, "es300, gl330, es100"),
        ({"stage": "compute", "profile": "webgl1-phone"}, "webgl1-phone"),
        ({"stage": "compute", "index": "numpy"}, "fragment shaders alone"),
    ):
        with pytest.raises(InputError, match=said):
            glnn.Device(**wrong)  # type: ignore[arg-type]
    monkeypatch.setenv("GLNN_STAGE", "compute")
    with glnn.Device() as device:
        assert device.limits.stage == "compute"
    with glnn.Device("numpy") as device, glnn.Device(dialect="es100") as other:  # an argument goes before a variable
        assert device.limits.stage == other.limits.stage == "fragment"


def test_where_compute_shaders_do_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for, it is refused with what to do; "auto" draws instead, and says so."""
    real = probe.ask
    no = lambda device, name: (  # noqa: E731
        probe.ProbeResult(name, False, "no") if name.startswith(COMPUTE) else real(device, name)
    )
    monkeypatch.setattr(probe, "ask", no)
    with pytest.raises(DeviceError, match=r"stage='compute': .* give stage='fragment', or 'auto'"):
        glnn.Device(stage="compute")
    monkeypatch.setattr("glnn.device.stages.is_software", lambda renderer: False)
    with glnn.Device() as device:
        assert device.limits.stage == "fragment" and "do not work" in device.why_stage


def test_every_tensor_between_layers_can_be_an_image() -> None:
    for codec in ("float32", "float16", "rgba8", "uint8"):
        kept = activation_storage(codec)
        assert kept.text in IMAGES and kept.format in FORMATS


def test_a_device_in_compute_draws_too(computing: glnn.Device) -> None:
    """A program of somebody's own, with a vertex shader, into a target that was made for images."""
    body = "made = vec4(float(x), float(y), 0.5, -1.0);"
    texture = computing.texture(7, 5, 0, "float32")
    program = computing.program(probe.vertex_text("es300"), pixels.text(body))
    computing.draw(program, computing.target(texture), (0, 0, 7, 5), [])
    np.testing.assert_array_equal(texture.read()[0, 3, 4], [4, 3, 0.5, -1])
    texture.release()
    assert computing.error() == "GL_NO_ERROR"


def test_only_the_viewport_is_written(computing: glnn.Device) -> None:
    text = (
        "#version 430\nlayout(local_size_x = 4, local_size_y = 4) in;\nuniform ivec4 y_V[2];\n"
        "layout(rgba32f, binding = 0) writeonly uniform image2DArray y_image;\nvoid main() {\n"
        "ivec2 at = y_V[0].xy + ivec2(gl_GlobalInvocationID.xy);\nif (any(greaterThanEqual(at, y_V[0].zw))) return;\n"
        "imageStore(y_image, ivec3(at, y_V[1].x), vec4(at, y_V[1].x, 1.0)); }\n"
    )
    texture = computing.texture(9, 8, 3, "float32", np.zeros((3, 8, 9, 4)))
    computing.draw(computing.program("", text), computing.target(texture, 1, 1), (2, 3, 5, 4), [])
    got, want = texture.read(), np.zeros((3, 8, 9, 4))
    for y in range(3, 7):
        for x in range(2, 7):
            want[1, y, x] = x, y, 1, 1
    np.testing.assert_array_equal(got, want)
    texture.release()
    with pytest.raises(ClosedError):
        computing.draw(computing.program("", text), computing.target(texture, 1, 1), (2, 3, 5, 4), [])


def test_errors_of_the_driver_are_told_at_the_line(computing: glnn.Device) -> None:
    with pytest.raises(KernelError, match=r"compute shader, line 3 of the assembled text.*oops"):
        computing.program("", "#version 430\nlayout(local_size_x = 1) in;\nvoid main() { oops; }\n")
    counts = computing.counts()
    assert counts == computing.counts()


def test_poison_reaches_what_is_not_written(computing: glnn.Device) -> None:
    texture = computing.texture(3, 2, 1, "float32")
    texture.poison()
    assert np.isnan(texture.read()).all()
    texture.release()


def test_both_stages_give_the_same(computing: glnn.Device, device: glnn.Device) -> None:
    """Plans are alike but for the dialect, and so are the values; a loop's draws move in what they write to."""
    layer = DepthwiseConv2D((3, 3), padding="same")
    weights = {s.name: RNG.standard_normal(s.shape).astype(np.float32) for s in layer.weight_specs(X.shape)}
    drawn, stored = (run_layer(one, layer, [X], weights) for one in (device, computing))
    assert [(d.viewport, d.layers, d.textures) for d in drawn.plan.draws] == [
        (d.viewport, d.layers, d.textures) for d in stored.plan.draws
    ]
    assert drawn.plan.slots == stored.plan.slots
    np.testing.assert_allclose(stored.outputs[0], drawn.outputs[0], rtol=1e-5, atol=1e-6)
    layer, x = SimpleRNN(6, return_sequences=True), RNG.standard_normal((2, 9, 5)).astype(np.float32)
    weights = {s.name: RNG.standard_normal(s.shape).astype(np.float32) for s in layer.weight_specs(x.shape)}
    one, other = (run_layer(where, layer, [x], weights).outputs[0] for where in (device, computing))
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_no_text_of_it_gets_into_a_page(computing: glnn.Device, tmp_path: Path) -> None:
    graph = layer_graph(CONV, [X.shape], WEIGHTS)
    assert all(t.dialect == COMPUTE for t in make_plan(graph, {"x0": X.shape}, computing.limits).programs.values())
    with glnn.Model(graph, computing) as model:
        model.predict(X, verbose=0)
        model.export_web(tmp_path / "page", input_shape=X.shape)
    texts = [file.read_text(errors="replace") for file in (tmp_path / "page").rglob("*.js*")]
    assert any("#version 300 es" in text for text in texts)
    assert not any("#version 430" in text or "imageStore" in text for text in texts)


def test_a_value_is_explained_of_a_model_in_compute(computing: glnn.Device) -> None:
    """Kernels are stepped in NumPy, as fragment shaders of the same plan."""
    with glnn.Model(layer_graph(CONV, [X.shape], WEIGHTS), computing) as model:
        told = model.explain(X, model.graph.nodes[-1].label, (1, 2, 3, 4))
        assert np.isclose(told.value, told.device_value, atol=1e-5)
        assert np.isclose(told.value, model.predict(X, verbose=0)[1, 2, 3, 4], atol=1e-5)
    layer, x = SimpleRNN(6, return_sequences=True), RNG.standard_normal((2, 9, 5)).astype(np.float32)
    weights = {s.name: RNG.standard_normal(s.shape).astype(np.float32) for s in layer.weight_specs(x.shape)}
    with glnn.Model(layer_graph(layer, [x.shape], weights), computing) as model:
        told = model.explain(x, "layer", (1, 4, 3))
        assert np.isclose(told.value, told.device_value, atol=1e-5) and told.turns


def test_layers_are_told_apart_in_both_stages(computing: glnn.Device) -> None:
    """Draws of tiles make all parts of a tensor at once, and what steps a plan knows."""
    x = RNG.standard_normal((1, 20, 20, 40)).astype(np.float32)
    weights = {
        "kernel": RNG.standard_normal((3, 3, 40, 6)).astype(np.float32) / 20, "bias": np.ones(6, np.float32)
    }  # fmt: skip
    for limits in ({}, {"max_texture_size": 16, "array_layers": 256}):
        with (
            glnn.Device(stage="compute", **limits) as device,  # type: ignore[arg-type]
            glnn.Model(layer_graph(CONV, [x.shape], weights), device) as model,
        ):
            assert not model.compare(x, verbose=0).guilty
