"""Every kernel compiles and links as WebGL1 and WebGL2 want it: their rules for loops and indices are stricter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from support.kernel_texts import chosen, kernels_of, texts

from glnn.kernels.assemble import ShaderText

if TYPE_CHECKING:
    from playwright.sync_api import Page

MORE = 12  # texts of each dialect beyond one for each kernel
CHUNK = 20
CONTEXTS = {"es300": "webgl2", "es100": "webgl"}
COMPILE = """([kind, pairs]) => {
  const gl = window.gl ??= document.createElement("canvas").getContext(kind);
  if (!gl) return [[-1, "no " + kind]];
  for (const name of ["OES_texture_float", "WEBGL_color_buffer_float", "EXT_color_buffer_float"]) gl.getExtension(name);
  const wrong = [];
  pairs.forEach(([vertex, fragment, samplers], i) => {
    const program = gl.createProgram();
    let log = "";
    for (const [type, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) log += gl.getShaderInfoLog(shader);
      gl.attachShader(program, shader);
      gl.deleteShader(shader);
    }
    if (!log) {
      gl.linkProgram(program);
      if (!gl.getProgramParameter(program, gl.LINK_STATUS)) log = "link: " + gl.getProgramInfoLog(program);
      for (const name of log ? [] : samplers) if (!gl.getUniformLocation(program, name)) log += "no sampler " + name;
    }
    if (log || gl.isContextLost()) wrong.push([i, log || "context lost"]);
    gl.deleteProgram(program);
  });
  const error = gl.getError();
  return error ? [...wrong, [-1, "GL error " + error]] : wrong;
}"""


def complaints(page: Page, dialect: str, wanted: list[ShaderText]) -> list[str]:
    """What the browser says of texts that it refuses, each with the kernel's name and its first wrong line."""
    found = []
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        sent = [[text.vertex, text.fragment, text.samplers] for text in chunk]
        for i, log in page.evaluate(COMPILE, [CONTEXTS[dialect], sent]):
            found.append(f"{chunk[i].kernel if i >= 0 else dialect}: {log.strip()}")
    return found


@pytest.mark.parametrize("renderer", ["llvmpipe", pytest.param("swiftshader", marks=pytest.mark.whole)])
@pytest.mark.parametrize("dialect", CONTEXTS)
def test_every_kernel_compiles(new_page: Callable[[str], Page], dialect: str, renderer: str) -> None:
    wanted = chosen(dialect, MORE)
    assert {text.kernel for text in wanted} == kernels_of(dialect)
    wrong = complaints(new_page(renderer), dialect, wanted)
    assert not wrong, f"{len(wrong)} of {len(wanted)}:\n" + "\n".join(wrong)


@pytest.mark.whole
@pytest.mark.parametrize("dialect", CONTEXTS)
def test_all_texts_compile(new_page: Callable[[str], Page], dialect: str) -> None:
    wanted = list(texts(dialect).values())
    wrong = complaints(new_page("llvmpipe"), dialect, wanted)
    assert not wrong, f"{len(wrong)} of {len(wanted)}:\n" + "\n".join(wrong[:50])


def test_the_browser_refuses_what_is_not_webgl(new_page: Callable[[str], Page]) -> None:
    loop = "precision highp float; uniform int n; void main() { for (int i = 0; i < n; i++) gl_FragColor = vec4(1.0); }"
    vertex = "attribute vec2 p; void main() { gl_Position = vec4(p, 0.0, 1.0); }"
    text = ShaderText("loop", "es100", vertex, loop, (), (), (), ())
    [complaint] = complaints(new_page("llvmpipe"), "es100", [text])
    assert complaint.startswith("loop: ERROR")
