"""The plugin where there is OpenGL: a project of one file, and devices that a test gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.inner import run
from support.pages import blocks

DOCS = Path(__file__).parents[3] / "docs" / "testing.md"


def shown(name: str) -> str:
    """A kernel's file as docs/testing.md shows it."""
    return next(b.text for b in blocks(DOCS.read_text(encoding="utf-8")) if b.note == ("file", name))


def test_a_project_of_one_file_as_the_documentation_has_it(pytester: pytest.Pytester) -> None:
    text = shown("echo.glsl")
    assert len(text.splitlines()) == 10 and text.count("#pragma glnn test") == 2
    pytester.makefile(".glsl", echo=text)
    run(pytester).assert_outcomes(passed=2)
    wrong = text.replace("w - 1", "w - 2")
    assert wrong != text
    pytester.makefile(".glsl", echo=wrong)
    result = run(pytester)
    result.assert_outcomes(failed=2)
    result.stdout.re_match_lines(
        [
            r"echo\.glsl:4: test '\w+' differs from its reference in \d+ of \d+ corners",
            r"  in the corner es300, own limits, float32:",
            r"    y\[.*\] is .*, expected .*: off by .*, \d+ ULP",
        ]
    )


def test_nothing_but_pytest_is_needed(pytester: pytest.Pytester) -> None:
    pytester.makefile(".glsl", echo=shown("echo.glsl"))
    run(pytester, "-p", "no:xdist", "-k", "three_pixels").assert_outcomes(passed=1, deselected=1)


def test_kernels_of_values_have_tests_as_well(pytester: pytest.Pytester) -> None:
    pytester.makefile(".glsl", heat=shown("heat.glsl"))
    run(pytester, "--glnn-dialects=es300,es100").assert_outcomes(passed=2)


def test_gl_device_is_open_while_a_test_has_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import numpy as np, pytest
        from glnn.testing import assert_matches, check_layer, corners
        from glnn.layers.core import Flatten
        seen = []

        def test_device(gl_device):
            seen.append(gl_device)
            for size in range(32, 32 + corners.MOST_DEVICES):
                corners.opened(max_texture_size=size)
            check_layer(gl_device, Flatten(), [np.ones((2, 3, 4), np.float32)])

        @pytest.mark.gl_device(profiles=["webgl1-phone", "webgl2-phone"])
        def test_profile(gl_device, request):
            assert gl_device.limits.float_target == {"webgl1-phone": "rgba8", "webgl2-phone": "float16"}[
                request.node.callspec.id
            ]
            assert all(repr(device).endswith("closed>") for device in seen if device is not gl_device)

        @pytest.mark.parametrize("gl_device", ["es100", {"draw_buffers": 4}], indirect=True)
        def test_own(gl_device):
            assert gl_device.limits.draw_buffers in (1, 4)
        """
    )
    run(pytester, "-p", "no:randomly").assert_outcomes(passed=7)


def test_a_device_that_is_beyond_this_one_is_told(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.gl_device(max_texture_size=1 << 20)
        def test_large(gl_device):
            pass
        """
    )
    monkeypatch.delenv("CI", raising=False)
    result = run(pytester, "-rs", "--glnn-dialects=es300")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*this OpenGL cannot be es300, textures of 1048576: max_texture_size=1048576:*"])
    run(pytester, "--glnn-opengl=require", "--glnn-dialects=es300").assert_outcomes(errors=1)


def test_the_tests_of_the_documentation_pass(pytester: pytest.Pytester) -> None:
    """The page's own run calls no test function: here pytest does."""
    page = [b.text for b in blocks(DOCS.read_text(encoding="utf-8")) if b.language == "python"]
    pytester.makefile(".glsl", echo=shown("echo.glsl"))
    pytester.makepyfile(test_page="\n".join(page))
    run(pytester, "test_page.py", "--glnn-update").assert_outcomes(passed=7)
    run(pytester, "test_page.py", "-k", "ripple").assert_outcomes(passed=1, deselected=6)
