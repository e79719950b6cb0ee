"""Every kernel compiles in every dialect: on the driver of this machine, and by the reference compiler of Khronos."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.kernel_texts import chosen, kernels_of, texts

import glnn
from glnn.kernels.assemble import ShaderText
from glnn.layout.limits import DIALECTS

# Texts of gl330 are those of es300 but for their heads, and the matrix draws them: planning them again takes a minute.
PUSHED = [pytest.param(dialect, marks=[pytest.mark.whole] if dialect == "gl330" else []) for dialect in DIALECTS]
MORE = 110  # texts of each dialect that are compiled beyond one for each kernel


@pytest.mark.parametrize("dialect", PUSHED)
def test_the_cases_use_every_kernel(dialect: str) -> None:
    assert {text.kernel for text in chosen(dialect, MORE)} == kernels_of(dialect)
    assert all(text.dialect == dialect for text in texts(dialect).values())


@pytest.mark.parametrize("dialect", PUSHED)
def test_every_codec_is_among_the_texts(dialect: str) -> None:
    """Each way in which weights are decoded, and tensors between layers decoded and encoded."""
    found = "\n".join(text.fragment for text in chosen(dialect, 0))
    if dialect == "es100":
        wanted = ["weights_decode2(", "b.xz + b.yw * 256.0", "floor(v / 16.0)", "weights_decode(vec4 texel, int k)"]
    else:
        wanted = ["usampler2D weights_t0", "usampler2DArray weights_t0", "65535u", "15u", "255u", "table_decode(uvec4"]
    for piece in (*wanted, "weights_q_seek(", "* weights_s + weights_l", "y_encode1("):
        assert piece in found, piece
    for read in (
        r"\b(x|finish_\d)_decode1\(",
        r"- (\w+)_z\) \* \1_s",
    ):  # by kernels, and by what is computed after them
        assert re.search(read, found), read


def compile_on_device(dialect: str, wanted: list[ShaderText]) -> None:
    with glnn.Device(dialect=dialect) as device:
        for text in wanted:
            program = device.program(text.vertex, text.fragment, text.locate, text.samplers)
            device.drop(program)
        assert device.error() == "GL_NO_ERROR"


@pytest.mark.parametrize("dialect", PUSHED)
def test_kernels_compile_on_this_device(dialect: str) -> None:
    compile_on_device(dialect, chosen(dialect, MORE))


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


@pytest.mark.parametrize("dialect", PUSHED)
def test_kernels_pass_the_reference_compiler(dialect: str, tmp_path: Path) -> None:
    validate(chosen(dialect, MORE), tmp_path)


@pytest.mark.whole
@pytest.mark.parametrize("dialect", DIALECTS)
def test_all_texts_pass_the_reference_compiler(dialect: str, tmp_path: Path) -> None:
    validate(list(texts(dialect).values()), tmp_path)


def test_the_reference_compiler_sees_an_error(tmp_path: Path) -> None:
    text = chosen("es300", 0)[0]
    broken = replace(text, fragment=text.fragment.replace("void main() {", "void main() { oops;"))
    with pytest.raises(AssertionError, match="oops"):
        validate([broken], tmp_path)
