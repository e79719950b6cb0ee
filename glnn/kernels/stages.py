"""What differs between the stages that a text can run in: fragment shaders draw, compute shaders store into images."""

from __future__ import annotations

from collections.abc import Sequence

from ..layout.limits import COMPUTE

LOCAL = (32, 2)  # invocations of a workgroup along a row and down: near the best of all sizes that were tried on a GPU
# What GLSL calls the texels of an image, by the file in shaders/codecs that encodes them.
IMAGES = {"float32": "rgba32f", "float16": "rgba16f", "rgba8": "rgba8", "uint8_range": "rgba8"}


def outputs_text(dialect: str, outputs: int, codec: str, local: tuple[int, int] = LOCAL) -> str:
    """What a text writes to. codec: the file in shaders/codecs that encodes what is written.

    local: invocations of a compute shader's workgroup, along a row and down
    """
    if dialect == COMPUTE:
        group = f"layout(local_size_x = {local[0]}, local_size_y = {local[1]}) in;\n"
        return f"{group}layout({IMAGES[codec]}, binding = 0) writeonly uniform image2DArray y_image;\n"
    if dialect == "es100":
        return "#define out_0 gl_FragColor\n"
    return "".join(f"layout(location = {i}) out vec4 out_{i};\n" for i in range(outputs))


def place_text(dialect: str) -> str:
    """Statements for main that say which texel this invocation makes: `row` and `col`.

    Of a compute shader y_V[0] has the first column and row and those past the last; y_V[1].x the first layer.
    """
    if dialect != COMPUTE:
        return "int row = int(gl_FragCoord.y); int col = int(gl_FragCoord.x);"
    found = (f"int {name} = y_V[0].{a} + int(gl_GlobalInvocationID.{a});" for name, a in (("row", "y"), ("col", "x")))
    return f"{' '.join(found)} if (row >= y_V[0].w || col >= y_V[0].z) return;"


def write_lines(dialect: str, encoded: Sequence[str], selected: bool) -> list[str]:
    """Statements that write the texels of a block. selected: zeros are selected outside of the tensor where needed."""
    if dialect == COMPUTE:
        return [f"imageStore(y_image, ivec3(col, row, y_V[1].x + {i}), {v});" for i, v in enumerate(encoded)]
    # es100: gl_FragColor is mediump, and Mesa rounds to half what reaches it from a branch, but not what a
    # selection brings (docs/driver-notes.md).
    live = "n < y_N ? {} : vec4(0.0)" if dialect == "es100" and selected else "{}"
    return [f"out_{i} = {live.format(v)};" for i, v in enumerate(encoded)]
