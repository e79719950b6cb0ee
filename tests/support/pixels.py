"""Whole fragment shaders run over a small picture, on any device."""

from __future__ import annotations

import numpy as np

import glnn
from glnn.device import probe

SIZE = 7, 5  # width, height


def text(body: str, dialect: str = "es300", before: str = "") -> str:
    """A shader whose main starts with int x and y, the place of its pixel, and ends with the vec4 made by `body`."""
    head = {
        "es300": "#version 300 es\nprecision highp float;\nprecision highp int;\nout vec4 made;\n",
        "gl330": "#version 330\nout vec4 made;\n",
        "es100": "#version 100\nprecision highp float;\nprecision highp int;\n#define made gl_FragColor\n",
    }[dialect]
    start = "int x = int(gl_FragCoord.x);\nint y = int(gl_FragCoord.y);\n"
    return f"{head}{before}\nvoid main() {{\n{start}{body}\n}}\n"


def drawn(device: glnn.Device, shader: str, size: tuple[int, int] = SIZE) -> np.ndarray:
    """What a shader makes on a device: (height, width, 4) float32."""
    texture = device.texture(*size, 0, "float32")
    try:
        texture.poison()
        program = device.program(probe.vertex_text(device.limits.dialect), shader)
        device.draw(program, device.target(texture), (0, 0, *size), [])
        return texture.read()[0]
    finally:
        texture.release()
