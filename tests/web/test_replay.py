"""A page replays what Python ran: the same shader texts, and on the same renderer the same bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from support.replays import Exported, Run, difference, different_bits

from glnn.layout.codec import CODECS
from glnn.web import VARIANTS

FLOAT32 = [name for name, limits in VARIANTS.items() if limits.float_target == "float32"]
# Relative to the largest value, after all layers.
ACROSS_RENDERERS = 1e-5
AGAINST_NUMPY = 1e-5  # float32, and rgba8, which holds all of its bits
HALF = 2.0  # times the error of NumPy with every tensor rounded to float16; or one pass' tolerance, where that is more
MODELS = ("digits", "mobilenet")
Replay = Callable[[str, str, str], Run]


@pytest.fixture(scope="module")
def replay(request: pytest.FixtureRequest, browsers: Callable) -> Replay:
    """(model, variant, renderer) -> the run in a page; each made once."""

    @cache
    def run(name: str, variant: str, renderer: str) -> Run:
        exported: Exported = request.getfixturevalue(name)
        page = browsers(renderer).new_page()
        page.set_default_timeout(120_000)
        try:
            about = exported.open(page, variant=variant)
            assert about["variant"] == variant
            assert renderer in about["renderer"].lower()
            run = exported.in_page(page)
            compiled = page.evaluate("compiled.length")
            assert compiled - page.evaluate("probes") == len(run.fragments)
            return run
        finally:
            page.close()

    return run


@pytest.fixture(params=MODELS)
def exported(request: pytest.FixtureRequest) -> Exported:
    return request.getfixturevalue(request.param)


def named(exported: Exported) -> str:
    return "digits" if exported.folder.name == "digits" else "mobilenet"


@pytest.mark.parametrize("variant", VARIANTS)
def test_bits_are_pythons_on_the_same_renderer(exported: Exported, replay: Replay, variant: str) -> None:
    got, expected = replay(named(exported), variant, "llvmpipe").outputs, exported.in_python(variant).outputs
    total = sum(v.size for v in expected.values())
    assert different_bits(got, expected) == 0, f"of {total}; the largest difference is {difference(got, expected):.1e}"


@pytest.mark.parametrize("variant", FLOAT32)
def test_another_renderer_gives_nearly_the_same(exported: Exported, replay: Replay, variant: str) -> None:
    got = replay(named(exported), variant, "swiftshader").outputs
    assert difference(got, exported.in_python(variant).outputs) <= ACROSS_RENDERERS


@pytest.mark.parametrize("renderer", ["llvmpipe", pytest.param("swiftshader", marks=pytest.mark.whole)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_pages_agree_with_numpy(exported: Exported, replay: Replay, variant: str, renderer: str) -> None:
    got = replay(named(exported), variant, renderer).outputs
    half = VARIANTS[variant].float_target == "float16"
    allowed = max(HALF * exported.rounding, CODECS["float16"].tolerance) if half else AGAINST_NUMPY
    assert difference(got, exported.reference) <= allowed


# SwiftShader compiles for half a minute what computes floats of bytes; what else runs there is above already.
TEXTS = [(variant, "llvmpipe", ()) for variant in VARIANTS]
TEXTS += [(variant, "swiftshader", () if variant in FLOAT32 else pytest.mark.whole) for variant in VARIANTS]


@pytest.mark.parametrize("variant, renderer", [pytest.param(*which, marks=marks) for *which, marks in TEXTS])
def test_pages_draw_with_pythons_shader_texts(exported: Exported, replay: Replay, variant: str, renderer: str) -> None:
    run, python = replay(named(exported), variant, renderer), exported.in_python(variant)
    assert run.fragments == python.fragments and run.vertices == python.vertices
