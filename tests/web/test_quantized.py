"""Quantized models in a page: the same integers in the textures as in Python, and so the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.replays import Exported, difference, different_bits, export

import glnn
from glnn.graph.quantized import Quantized
from glnn.layout.cells import matrix_cells, vector_cells
from glnn.layout.limits import Limits
from glnn.web import VARIANTS

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What Model.quantize is asked for, and the largest error against float32's probabilities that may come of it.
CODINGS: dict[str, tuple[dict[str, Any], float]] = {
    "uint8": ({"weights": "uint8"}, 0.05),
    "uint8-tensor": ({"weights": "uint8", "per_channel": False}, 0.05),
    "uint4": ({"weights": "uint4"}, 0.5),
    "uint16": ({"weights": "uint16"}, 1e-3),
    "float16": ({"weights": "float16"}, 5e-3),
    "uint8-uint8": ({"weights": "uint8", "activations": "uint8"}, 0.1),
    "uint4-float16": ({"weights": "uint4", "activations": "float16"}, 0.5),
}
FACE = [name for name, limits in VARIANTS.items() if limits.float_target != "float16"]


@pytest.fixture(scope="module", params=CODINGS)
def quantized(request: pytest.FixtureRequest, digits: Exported, root: Path, site: tuple[Path, str]) -> Exported:
    """The digits model in one of CODINGS, exported."""
    options = dict(CODINGS[request.param][0])
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        calibrate = (data["images"][:32] / 16).astype(np.float32)[..., None]
    if "activations" in options:
        options["calibrate"] = calibrate
    with glnn.Device() as device, glnn.Model(digits.model.graph, device) as model:
        made = model.quantize(**options, verbose=0)
        graph = made.graph
        made.close()
    return export(glnn.Model(graph), f"digits-{request.param}", digits.input, *site)


@pytest.mark.parametrize("variant", VARIANTS)
def test_bits_and_texts_are_pythons(
    new_page: Callable[[], Page], digits: Exported, quantized: Exported, variant: str
) -> None:
    page = new_page()
    assert quantized.open(page, variant=variant)["variant"] == variant
    run, expected = quantized.in_page(page), quantized.in_python(variant)
    assert run.fragments == expected.fragments and run.vertices == expected.vertices
    assert different_bits(run.outputs, expected.outputs) == 0, difference(run.outputs, expected.outputs)
    allowed = CODINGS[quantized.folder.name.removeprefix("digits-")][1]
    assert 0 < difference(run.outputs, digits.in_python("webgl2").outputs) <= allowed


# SwiftShader takes long to compile floats of bytes: a push has the integers alone, of weights and of tensors between.
ACROSS = [pytest.param(coding, "webgl2") for coding in CODINGS] + [
    pytest.param(coding, "webgl1-rgba8", marks=() if coding in ("uint8", "uint8-uint8") else pytest.mark.whole)
    for coding in CODINGS
]


@pytest.mark.parametrize("quantized, variant", ACROSS, indirect=["quantized"])
def test_another_renderer_gives_nearly_the_same(
    new_page: Callable[[str], Page], quantized: Exported, variant: str
) -> None:
    # A value near the middle of two codes of an activation may become either, half a step from what it was.
    allowed = 2e-2 if quantized.model.optimized.activations else 1e-5
    page = new_page("swiftshader")
    quantized.open(page, variant=variant)
    assert difference(quantized.predict(page), quantized.in_python(variant).outputs) <= allowed


def test_textures_hold_integers_where_there_are_any(quantized: Exported) -> None:
    for name, limits in VARIANTS.items():
        plan = quantized.model.plan({quantized.model.inputs[0].name: quantized.input.shape}, limits)
        kept = [w for w in plan.weights if isinstance(quantized.model.session.store.values[w.key], Quantized)]
        assert bool(kept) == ("uint" in quantized.folder.name.split("-")[1])
        for weight in kept:
            assert weight.storage.integer == (limits.dialect == "es300"), name
            assert limits.dialect == "es300" or weight.storage.format == "rgba8"


@pytest.mark.parametrize("variant", ["webgl2", "webgl1"])
def test_passes_have_times_whatever_they_draw_to(
    new_page: Callable[[], Page], digits: Exported, site: tuple[Path, str], root: Path, variant: str
) -> None:
    """Targets of bytes among such of floats: each is read back as what it is."""
    codecs = {node.outputs[0]: glnn.graph.ActivationCodec("uint8", 0, 4) for node in digits.model.optimized.nodes[:-1]}
    model = glnn.Model(digits.model.optimized.with_(activations=codecs))
    made, page = export(model, "digits-bytes", digits.input, *site), new_page()
    made.open(page, variant=variant)
    passes = page.evaluate("model.profile()")
    slots = model.plan({model.inputs[0].name: digits.input.shape}, VARIANTS[variant]).slots
    assert {slot.format for slot in slots} == {"rgba8", "float32"}
    assert len(passes) > 1 and all(p["ms"] >= 0 for p in passes)
    page.evaluate("async () => { for (let i = 0; i < 3; i++) await model.profile(); }")
    assert page.evaluate("contexts.map(gl => gl.getError())") == [0] * page.evaluate("contexts.length")
    assert different_bits(made.predict(page), made.in_python(variant).outputs) == 0


def test_a_lost_context_gets_its_integers_back(new_page: Callable[[], Page], digits: Exported, tmp_path: Path) -> None:
    page, made = new_page(), Exported(digits.model, digits.folder.with_name("digits-uint4"), digits.site, digits.input)
    if not made.folder.is_dir():
        with glnn.Model(digits.model.graph).quantize("uint4", verbose=0) as model:
            export(model, made.folder.name, digits.input, digits.folder.parent, digits.site)
    made.open(page, variant="webgl2")
    expected = made.predict(page)
    page.evaluate(
        """async () => {
          const extension = contexts.find(gl => !gl.isContextLost()).getExtension("WEBGL_lose_context");
          const heard = name => soon(new Promise(resolve => model.addEventListener(name, resolve, {once: true})));
          const gone = heard("contextlost");
          extension.loseContext();
          await gone;
          await new Promise(resolve => setTimeout(resolve));
          const back = heard("contextrestored");
          extension.restoreContext();
          await back;
        }"""
    )
    assert different_bits(made.predict(page), expected) == 0


@pytest.fixture(scope="module")
def face(models: Path, site: tuple[Path, str]) -> tuple[Exported, np.ndarray]:
    """Face landmarks with the uint8 codes of its TensorFlow.js file, exported, and what it should give."""
    folder = models / "face_landmark68_tiny"
    with np.load(folder / "inputs.npz") as inputs, np.load(folder / "expected.npz") as expected:
        [x], [wanted] = inputs.values(), expected.values()
    return export(glnn.Model.load(folder), "face", np.asarray(x, np.float32), *site), wanted


@pytest.mark.parametrize("variant", FACE)
def test_face_landmarks_in_a_page(
    new_page: Callable[[], Page], face: tuple[Exported, np.ndarray], variant: str
) -> None:
    made, wanted = face
    page = new_page()
    made.open(page, variant=variant)
    [got] = made.predict(page).values()
    assert np.abs(got - wanted).max() <= 1e-4
    assert different_bits({"fc": got}, {"fc": made.in_python(variant).outputs["fc"]}) == 0


def test_face_landmarks_keep_their_integers(face: tuple[Exported, np.ndarray], models: Path) -> None:
    """The codes of the TensorFlow.js model's files lie in the exported shards, in the order of their cells."""
    made, _ = face
    blob = b"".join((made.folder / s["file"]).read_bytes() for s in made.manifest["weights"]["shards"])
    source = b"".join(path.read_bytes() for path in sorted((models / "face_landmark68_tiny").glob("*.bin")))
    assert len(source) < len(blob) <= 1.02 * len(source) + 4096
    kernels = [node.weights["kernel"] for node in made.model.graph.nodes if "kernel" in node.weights]
    assert kernels and all(isinstance(kernel, Quantized) for kernel in kernels)
    for kernel in kernels:
        codes = np.ascontiguousarray(kernel.codes)
        cells = matrix_cells(codes.reshape(-1, *codes.shape[-2:])), vector_cells(codes.reshape(-1, codes.shape[-2]))
        assert codes.tobytes() in source and any(made.tobytes() in blob for made in cells)


def test_too_few_layers_are_seen(new_page: Callable[[], Page], digits: Exported, site: tuple[Path, str]) -> None:
    """A tensor in more layers than the device has: the variant is passed over, and the message says why."""
    folder, url = site
    digits.model.export_web(folder / "layers", variants={"split": Limits(16, 1, 16, "float32", "es300")})
    page = new_page()
    page.add_init_script(
        """const parameter = WebGL2RenderingContext.prototype.getParameter;
        WebGL2RenderingContext.prototype.getParameter = function (name) {
          return name === this.MAX_ARRAY_TEXTURE_LAYERS ? 1 : parameter.call(this, name);
        };"""
    )
    page.goto(f"{url}harness.html")
    _, code, message = page.evaluate("url => settle(start(url))", f"{url}layers/")["failed"]
    assert code == "no-variant" and "MAX_ARRAY_TEXTURE_LAYERS" in message and "has 1" in message
