"""Small shaders of tests' own, and values for them."""

from __future__ import annotations

import numpy as np

VERTEX = "#version 300 es\nin vec2 p;\nvoid main() { gl_Position = vec4(p, 0.0, 1.0); }\n"
HEAD = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2DArray;\n"
ADD = (  # a + 2 b + P[1] + F[0], two layers
    HEAD
    + """uniform highp sampler2D a;
uniform sampler2DArray b;
uniform ivec4 P[4];
uniform vec4 F[1];
layout(location = 0) out vec4 y0;
layout(location = 1) out vec4 y1;
void main() {
  ivec2 t = ivec2(gl_FragCoord.xy);
  vec4 s = texelFetch(a, t, 0) + vec4(P[1]) + F[0];
  y0 = s + 2.0 * texelFetch(b, ivec3(t, 0), 0);
  y1 = s + 2.0 * texelFetch(b, ivec3(t, 1), 0);
}
"""
)
FILL = HEAD + "uniform vec4 F[1];\nout vec4 y;\nvoid main() { y = F[0]; }\n"
DTYPES = {"float32": "f4", "float16": "f2", "rgba8": "u1"}


def random(format: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(3)
    return (
        rng.integers(0, 256, shape).astype("u1")
        if format == "rgba8"
        else rng.standard_normal(shape).astype(DTYPES[format])
    )


def numbers(*values: float, dtype: str = "f4") -> bytes:
    return np.array(values, dtype).tobytes()
