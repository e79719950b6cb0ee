"""Every kernel compiles in every dialect: on the driver of this machine, and by the reference compiler of Khronos."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from cases import CASES

import glnn
from glnn.errors import LimitError
from glnn.kernel import DIALECTS, ShaderText, kernel_names
from glnn.layout import Limits
from glnn.plan import make_plan
from glnn.testing import layer_graph

MORE = 150  # texts of each dialect that are compiled beyond one for each kernel
SETTINGS = {
    "whole": {"max_texture_size": 4096, "draw_buffers": 8},
    "split": {"max_texture_size": 16, "draw_buffers": 4},  # tensors and weights in several textures
    "half": {"max_texture_size": 4096, "draw_buffers": 1, "float_target": "float16"},
}


@cache
def texts(dialect: str) -> dict[str, ShaderText]:
    """The distinct texts of all cases in a dialect, by key."""
    found: dict[str, ShaderText] = {}
    for setting, options in SETTINGS.items():
        for case in CASES if setting == "whole" else CASES[::4]:
            graph = layer_graph(case.layer, case.shapes, case.weights)
            shapes = {f"x{i}": shape for i, shape in enumerate(case.shapes)}
            try:
                found.update(make_plan(graph, shapes, Limits(dialect=dialect, **options)).programs)
            except LimitError:
                assert setting == "split"
    return found


@cache
def chosen(dialect: str) -> list[ShaderText]:
    """One text for each kernel, the longest, and a share of the others that stays the same from run to run."""
    by_kernel: dict[str, ShaderText] = {}
    for text in texts(dialect).values():
        if text.kernel not in by_kernel or len(text.fragment) > len(by_kernel[text.kernel].fragment):
            by_kernel[text.kernel] = text
    kept = {text.key for text in by_kernel.values()}
    rest = [text for text in texts(dialect).values() if text.key not in kept]
    return [*by_kernel.values(), *sorted(rest, key=lambda text: zlib.crc32(text.key.encode()))[:MORE]]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_cases_use_every_kernel(dialect: str) -> None:
    assert {text.kernel for text in chosen(dialect)} == set(kernel_names())
    assert all(text.dialect == dialect for text in texts(dialect).values())


def compile_on_device(dialect: str, wanted: list[ShaderText]) -> None:
    with glnn.Device(dialect=dialect) as device:
        for text in wanted:
            program = device.program(text.vertex, text.fragment, text.locate, text.samplers)
            device.drop(program)
        assert device.error() == "GL_NO_ERROR"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_kernels_compile_on_this_device(dialect: str) -> None:
    compile_on_device(dialect, chosen(dialect))


@pytest.mark.whole
@pytest.mark.parametrize("dialect", DIALECTS)
def test_all_texts_compile_on_this_device(dialect: str) -> None:
    compile_on_device(dialect, list(texts(dialect).values()))


def validate(wanted: list[ShaderText], folder: Path) -> None:
    tool = shutil.which("glslangValidator")
    if not tool:
        pytest.skip("glslangValidator is not installed (Debian, Ubuntu: apt-get install -y glslang-tools)")
    files = {}
    for i, text in enumerate(wanted):
        files[f"{i}.frag"], files[f"{i}.vert"] = text.fragment, text.vertex
    for name, content in files.items():
        (folder / name).write_text(content)
    done = subprocess.run([tool, *files], cwd=folder, capture_output=True, text=True, timeout=300)
    wrong = [line for line in done.stdout.splitlines() if line.startswith(("ERROR", "WARNING"))]
    assert done.returncode == 0 and not wrong, "\n".join(wrong[:20] or [done.stdout[-2000:], done.stderr])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_kernels_pass_the_reference_compiler(dialect: str, tmp_path: Path) -> None:
    validate(chosen(dialect), tmp_path)


@pytest.mark.whole
@pytest.mark.parametrize("dialect", DIALECTS)
def test_all_texts_pass_the_reference_compiler(dialect: str, tmp_path: Path) -> None:
    validate(list(texts(dialect).values()), tmp_path)


def test_the_reference_compiler_sees_an_error(tmp_path: Path) -> None:
    text = chosen("es300")[0]
    broken = replace(text, fragment=text.fragment.replace("void main() {", "void main() { oops;"))
    with pytest.raises(AssertionError, match="oops"):
        validate([broken], tmp_path)
