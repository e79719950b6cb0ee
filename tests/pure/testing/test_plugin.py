"""The pytest plugin in a project of somebody else's, on devices in NumPy: what it collects, tells and lets choose."""

from __future__ import annotations

import pytest
from support.inner import run

from glnn.errors import NoDeviceError
from glnn.testing import choice, corners

KERNEL = """// Twice its input, and one.
#pragma glnn input x
#pragma glnn test zeros: x = zeros((1, 3)) expect 1
#pragma glnn test twice: x = normal(2, 5, 7, 3)
#pragma glnn expect 2 * x + 1
vec4 kernel(int n, int h, int w, int c) {
    return 2.0 * x(n, h, w, c) + 1.0;
}
"""
NUMPY = ("--glnn-opengl=numpy", "--glnn-dialects=es300", "--glnn-codecs=float32,uint8")
DEVICES = """
import pytest

def test_all(gl_device):
    print("has", gl_device.limits.dialect)

@pytest.mark.gl_device(profiles=["webgl1-phone"], dialects="es300", max_texture_size=32)
def test_marked(gl_device):
    assert gl_device.limits.max_texture_size == 32
"""


def test_a_kernels_file_is_a_file_of_tests(pytester: pytest.Pytester) -> None:
    pytester.makefile(".glsl", twice=KERNEL)
    result = run(pytester, *NUMPY, "-v", "twice.glsl")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["twice.glsl::zeros PASSED*", "twice.glsl::twice PASSED*"])
    run(pytester, *NUMPY, "twice.glsl::zeros").assert_outcomes(passed=1)
    run(pytester, *NUMPY, "-k", "twice and not zeros").assert_outcomes(passed=1)
    pytester.makefile(".glsl", twice=KERNEL.replace("#pragma glnn test", "  #pragma  glnn\ttest").replace("\n", "\r\n"))
    run(pytester, *NUMPY).assert_outcomes(passed=2)


def test_a_wrong_line_is_told_with_file_line_corner_and_values(pytester: pytest.Pytester) -> None:
    pytester.makefile(".glsl", twice=KERNEL.replace("return 2.0", "return 2.5"))
    result = run(pytester, *NUMPY)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines(
        [
            r"twice\.glsl:4: test 'twice' differs from its reference in 7 of 7 corners",
            r"  in the corner es300, own limits, float32:",
            r"    y\[\d, \d, \d, \d\] is -?[\d.]+, expected -?[\d.]+: off by [\d.]+, \d+ ULP \(.* is allowed\)",
            r"    210 of 210 values differ, the first at \[0, 0, 0, 0\]",
            r"  and in every other corner",
            r"    4: #pragma glnn test twice: x = normal\(2, 5, 7, 3\)",
        ]
    )
    result.stdout.no_fnmatch_line("*kernel_tests.py*")  # Python's own lines are nobody's concern


def test_a_kernel_that_is_none_is_told_at_its_place(pytester: pytest.Pytester) -> None:
    pytester.makefile(".glsl", bad=KERNEL.replace("return 2.0", "return 2.0 % 1"))
    result = run(pytester, *NUMPY)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*bad.glsl:7:16: '%' is no part of the kernel language*", "    *^"])
    pytester.makefile(".glsl", bad=KERNEL.replace("expect 1", "expect blur(x)"))
    result = run(pytester, *NUMPY)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["bad.glsl:3:*: there is no function blur*"])


def test_files_without_tests_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makefile(".glsl", plain="void main() { gl_FragColor = vec4(1 % 2); }")
    run(pytester, *NUMPY).assert_outcomes()


def test_gl_device_goes_through_dialects_and_what_a_marker_names(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(DEVICES)
    result = run(pytester, "--glnn-opengl=numpy", "--strict-markers", "-v")
    result.stdout.fnmatch_lines_random(
        [
            "*::test_all[[]es300[]] PASSED*",
            "*::test_all[[]gl330[]] PASSED*",
            "*::test_all[[]es100[]] PASSED*",
            "*::test_marked[[]es300, textures of 32[]] PASSED*",
            "*::test_marked[[]webgl1-phone, textures of 32[]] PASSED*",
        ]
    )
    result = run(pytester, "--glnn-opengl=numpy", "--glnn-profiles=webgl2-phone", "-v", "-k", "all")
    result.stdout.fnmatch_lines(["*::test_all[[]webgl2-phone[]] PASSED*"])
    result.assert_outcomes(passed=1, deselected=2)


def test_the_ini_file_chooses(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nglnn_opengl = numpy\nglnn_dialects = es100 es300\nglnn_codecs = float32\n")
    pytester.makepyfile(DEVICES)
    pytester.makefile(".glsl", twice=KERNEL)
    run(pytester).assert_outcomes(passed=6)
    run(pytester, "--glnn-dialects=es100", "-k", "all").assert_outcomes(passed=1, deselected=4)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--glnn-dialects=es90"], "es90 came; allowed are es300, gl330, es100"),
        (["--glnn-codecs=float8"], "float8 came; allowed are float32"),
        (["--glnn-profiles=webgl9"], "--glnn-profiles='webgl9': no such profile"),
    ],
)
def test_names_that_are_not_there_are_refused_at_the_start(
    pytester: pytest.Pytester, args: list[str], told: str
) -> None:
    result = run(pytester, *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{told}*"])


@pytest.fixture
def without_opengl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices of OpenGL cannot be made."""

    def none(index: object = None, **wishes: object) -> None:
        raise NoDeviceError("no OpenGL context could be made. Tried:\n  - EGL")

    monkeypatch.setattr(corners, "Device", none)
    monkeypatch.delenv("CI", raising=False)


MATCHES = """
import numpy as np
from glnn.testing import assert_matches

def test_matches():
    assert_matches("pad", lambda x: x, [np.ones((2, 3))], numbers={"TOP": 0, "LEFT": 0})
"""


@pytest.mark.usefixtures("without_opengl")
def test_without_opengl_tests_skip_and_say_why(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_devices=DEVICES, test_matches=MATCHES)
    pytester.makefile(".glsl", twice=KERNEL)
    result = run(pytester, "-rs")
    result.assert_outcomes(skipped=8)
    result.stdout.fnmatch_lines(["SKIPPED*: no OpenGL here: no OpenGL context could be made*`glnn doctor` says more"])


@pytest.mark.usefixtures("without_opengl")
def test_without_opengl_tests_fail_where_ci_is_set(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(test_devices=DEVICES, test_matches=MATCHES)
    pytester.makefile(".glsl", twice=KERNEL)
    monkeypatch.setenv("CI", "true")
    result = run(pytester)
    result.assert_outcomes(failed=3, errors=5)  # a fixture's failure is an error
    result.stdout.fnmatch_lines(["*no OpenGL here, and CI is set: no OpenGL context could be made*"])
    run(pytester, "--glnn-opengl=skip").assert_outcomes(skipped=8)
    pytester.makeini("[pytest]\nglnn_opengl = skip\n")
    run(pytester).assert_outcomes(skipped=8)
    monkeypatch.setenv("CI", "false")
    run(pytester, "--glnn-opengl=require").assert_outcomes(failed=3, errors=5)


def test_what_a_run_chose_is_over_after_it(pytester: pytest.Pytester) -> None:
    before = choice.current()
    run(pytester, "--glnn-opengl=numpy", "--glnn-codecs=float16")
    assert choice.current() is before
