"""Convolutions in billions of operations a second, and as a share of what the fragment stage can do at most.

    python benchmarks/convolutions.py

The roof is a shader that multiplies and adds in eight sums and fetches nothing. A layer and the roof run by turns, as
processors' clocks move; each figure is the median of the turns, a layer's time that of its draws alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

import models
import moderngl
import numpy as np
import timing

import glnn

# (side of the image, channels, filters, side of the kernel)
LAYERS = [
    (56, 64, 64, 3), (28, 128, 128, 3), (14, 256, 256, 3), (64, 128, 128, 3), (56, 64, 256, 1), (28, 512, 128, 1),
    (14, 512, 1000, 1), (14, 1024, 256, 1), (7, 512, 2048, 1),
]  # fmt: skip
SIDE, TURNS, SUMS = 256, 2000, 8
VERTEX = "#version 330\nin vec2 at; void main() { gl_Position = vec4(at, 0.0, 1.0); }"
FRAGMENT = f"""#version 330
uniform float half_;
out vec4 y;
void main() {{
    {" ".join(f"vec4 s{i} = gl_FragCoord + {i}.0;" for i in range(SUMS))}
    for (int i = 0; i < {TURNS}; i++) {{ {" ".join(f"s{i} = s{i} * half_ + half_;" for i in range(SUMS))} }}
    y = {" + ".join(f"s{i}" for i in range(SUMS))};
}}"""


ROOF = SIDE * SIDE * TURNS * SUMS * 4 * 2  # operations


def roof() -> Callable[[], None]:
    """What draws the roof, in a context of its own."""
    context = moderngl.create_context(standalone=True, backend="egl")
    program = context.program(VERTEX, FRAGMENT)
    program["half_"] = 0.5
    corners = context.buffer(np.float32([-1, -1, 1, -1, -1, 1, 1, 1]).tobytes())
    square = context.vertex_array(program, [(corners, "2f", "at")])
    target = context.framebuffer([context.texture((SIDE, SIDE), 4, dtype="f4")])

    def run() -> None:
        with context:
            target.use()
            square.render(moderngl.TRIANGLE_STRIP)
            context.finish()

    return run


def main() -> None:
    """Prints a line for each layer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    args = parser.parse_args()
    with glnn.Device(stage="fragment") as device:
        print(device.renderer)
        most = roof()
        for side, channels, filters, kernel in LAYERS:
            shape = (1, side, side, channels)
            with glnn.Model(models.conv_graph(side, channels, filters, kernel), device) as model:
                executor = model.session.executor({"x0": shape})
                with device.use():
                    executor.load({"x0": models.sample(shape)})
                times = timing.by_turns({"layer": timing.draws_only(executor), "roof": most}, args.turns)
            count = 2 * side**2 * channels * filters * kernel**2
            got, top = count / median(times["layer"]) / 1e9, ROOF / median(times["roof"]) / 1e9
            share = timing.ratio(times["roof"], times["layer"]).median * count / ROOF
            name = f"{kernel}x{kernel}, {side} x {side} x {channels} to {filters}"
            print(f"{name:32} {got:6.1f} of {top:6.1f} GFLOP/s, share {share:.2f}", flush=True)


if __name__ == "__main__":
    main()
