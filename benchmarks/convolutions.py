"""Convolutions in billions of operations a second, and as a share of what the fragment stage can do at most.

    python benchmarks/convolutions.py

The roof is a shader that multiplies and adds in eight sums and fetches nothing. A layer and the roof run by turns, as
processors' clocks move; each figure is the median of the turns, a layer's time that of its draws with bias and relu.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import moderngl
import numpy as np
import timing

import glnn
from glnn.graph.graph import Graph, Node, TensorSpec, validate
from glnn.layers.conv import Conv2D

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


def roof(context: moderngl.Context) -> Callable[[], float]:
    """What draws the roof -> operations a second."""
    program = context.program(VERTEX, FRAGMENT)
    program["half_"] = 0.5
    corners = context.buffer(np.float32([-1, -1, 1, -1, -1, 1, 1, 1]).tobytes())
    square = context.vertex_array(program, [(corners, "2f", "at")])
    target = context.framebuffer([context.texture((SIDE, SIDE), 4, dtype="f4")])

    def run() -> float:
        target.use()
        context.finish()
        start = time.perf_counter()
        square.render(moderngl.TRIANGLE_STRIP)
        context.finish()
        return SIDE * SIDE * TURNS * SUMS * 4 * 2 / (time.perf_counter() - start)

    return run


def layer(
    device: glnn.Device, side: int, channels: int, filters: int, kernel: int
) -> tuple[glnn.Model, Callable[[], float]]:
    """A model of one convolution, and what draws it -> operations a second."""
    rng, shape = np.random.default_rng(0), (1, side, side, channels)
    weights = {
        "kernel": rng.standard_normal((kernel, kernel, channels, filters)).astype(np.float32),
        "bias": np.zeros(filters, np.float32),
    }
    node = Node("y", Conv2D(filters, kernel, padding="same", activation="relu"), ("x",), ("y",), weights)
    model = glnn.Model(validate(Graph("convolution", (TensorSpec("x", shape),), (node,), ("y",))), device)
    executor = model.session.executor({"x": shape})
    with device.use():
        executor.load({"x": rng.standard_normal(shape).astype(np.float32)})
    draw = timing.draws_only(executor)

    def run() -> float:
        start = time.perf_counter()
        draw()
        return 2 * side**2 * channels * filters * kernel**2 / (time.perf_counter() - start)

    return model, run


def main() -> None:
    """Prints a line for each layer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    args = parser.parse_args()
    with glnn.Device(stage="fragment") as device:
        print(device.renderer)
        context = moderngl.create_context(standalone=True, backend="egl")
        most = roof(context)
        for side, channels, filters, kernel in LAYERS:
            model, run = layer(device, side, channels, filters, kernel)
            run()
            pairs = []
            for _ in range(args.turns):
                with context:
                    top = most()
                pairs.append((run(), top))
            model.close()
            got, tops = np.median(pairs, axis=0) / 1e9
            share = np.median([a / b for a, b in pairs])
            name = f"{kernel}x{kernel}, {side} x {side} x {channels} to {filters}"
            print(f"{name:32} {got:6.1f} of {tops:6.1f} GFLOP/s, share {share:.2f}", flush=True)


if __name__ == "__main__":
    main()
