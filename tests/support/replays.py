"""An exported model in Python and in a page: the same variant, the same input, what each ran and what came out."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import glnn
from glnn.graph import as_tuple
from glnn.web import VARIANTS
from glnn.web.export import plan_data

if TYPE_CHECKING:
    from playwright.sync_api import Page

NEVER = " if (gl_FragCoord.x < 0.0) discard;"  # what pages send to llvmpipe besides
HARNESS = Path(__file__).parent.parent / "web" / "harness.html"


@dataclass(eq=False)
class Run:
    """One prediction: output values by name, and SHA-256 of the vertex and fragment texts that were drawn with."""

    outputs: dict[str, np.ndarray]
    fragments: set[str]
    vertices: set[str]


@dataclass(eq=False)
class Exported:
    """A model in a served folder, the input that the tests give it, and Python's runs of its variants."""

    model: glnn.Model
    folder: Path
    site: str
    input: np.ndarray
    _runs: dict[str, Run] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the folder is served, with a slash at the end."""
        return f"{self.site}{self.folder.name}/"

    @property
    def manifest(self) -> dict[str, Any]:
        """What manifest.json says."""
        return json.loads((self.folder / "manifest.json").read_text())

    def in_python(self, variant: str) -> Run:
        """The run of a variant on this machine's OpenGL, limited as the variant is; made once."""
        if variant not in self._runs:
            limits = VARIANTS[variant]
            with (
                glnn.Device(
                    dialect=limits.dialect,
                    draw_buffers=limits.draw_buffers,
                    texture_units=limits.texture_units,
                    max_texture_size=limits.max_texture_size,
                    float_targets=[limits.float_target],
                ) as device,
                glnn.Model(self.model.graph, device) as model,
            ):
                name = model.inputs[0].name
                outputs = model.predict({name: self.input}, verbose=0)
                plan = model.session.executor({name: self.input.shape}).plan
                texts = [program["fragment"] for program in plan_data(plan, defaultdict(lambda: (0, 0)))["programs"]]
                vertices = {_sha256(plan.programs[draw.program].vertex) for draw in plan.draws}
                self._runs[variant] = Run(outputs, set(map(_sha256, texts)), vertices)
        return self._runs[variant]

    @cached_property
    def reference(self) -> dict[str, np.ndarray]:
        """What NumPy gives, in float64."""
        return self.model.reference({self.model.inputs[0].name: self.input})

    @cached_property
    def rounding(self) -> float:
        """How far NumPy comes from that where every tensor and weight is rounded to float16, see `difference`."""

        def rounded(array: Any) -> np.ndarray:
            return np.asarray(array, np.float64).astype(np.float16).astype(np.float64)

        graph = self.model.optimized
        values = {graph.inputs[0].name: rounded(self.input)}
        for node in graph.nodes:
            weights = {name: rounded(array) for name, array in node.weights.items()}
            made = node.layer.reference([values[name] for name in node.inputs], weights)
            values.update(zip(node.outputs, map(rounded, as_tuple(made)), strict=True))
        names = graph.output_names or graph.outputs
        return difference(dict(zip(names, map(values.get, graph.outputs), strict=True)), self.reference)

    def open(self, page: Page, **options: Any) -> dict[str, Any]:
        """Loads the model in a page of the harness; what `start` in harness.html tells of it."""
        page.goto(f"{self.site}harness.html?of={self.folder.name}")
        page.evaluate("async url => { window.given = await floats(url) }", f"{self.url}input.bin")
        return page.evaluate("([url, options]) => start(url, options)", [self.url, options])

    def in_page(self, page: Page) -> Run:
        """The run in a page that `open` was called for."""
        page.evaluate("drawn.clear()")
        outputs = self.predict(page)
        programs = [text.split("\0") for text in page.evaluate("[...drawn]")]
        vertices, fragments = ({_sha256(texts[i].replace(NEVER, "")) for texts in programs} for i in (0, 1))
        return Run(outputs, fragments, vertices)

    def predict(self, page: Page) -> dict[str, np.ndarray]:
        """One prediction in the page, of the input."""
        given = {self.model.inputs[0].name: "given"}
        raw = page.evaluate(f"predict({{{', '.join(f'{json.dumps(k)}: {v}' for k, v in given.items())}}})")
        return self.values(raw)

    def values(self, bits: dict[str, list[int]]) -> dict[str, np.ndarray]:
        """Outputs of the harness (bits by name) as arrays."""
        shapes = {output["name"]: output["shape"] for output in self.manifest["outputs"]}
        return {k: np.array(v, np.uint32).view(np.float32).reshape(shapes[k]) for k, v in bits.items()}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def export(model: glnn.Model, name: str, x: np.ndarray, site: Path, url: str) -> Exported:
    """The model's export below the folder of a site that is served at url, its input beside it."""
    model.export_web(site / name, input_shape=x.shape)
    (site / name / "input.bin").write_bytes(x.tobytes())
    return Exported(model, site / name, url, x)


def difference(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> float:
    """The largest difference relative to the largest expected value, over all outputs; NaN counts as infinite."""
    assert got.keys() == expected.keys()
    worst = 0.0
    for name, wanted in expected.items():
        assert got[name].shape == wanted.shape
        error = np.abs(got[name].astype(np.float64) - wanted).max() / np.abs(wanted).max()
        worst = max(worst, float(np.nan_to_num(error, nan=np.inf)))
    return worst


def different_bits(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> int:
    """How many values differ in any bit."""
    return sum(int((got[k].view(np.uint32) != v.view(np.uint32)).sum()) for k, v in expected.items())
