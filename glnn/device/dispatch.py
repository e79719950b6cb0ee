"""A draw in the compute stage: its target is an image that a program stores into, texel by texel."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from ..graph.shapes import ceil_div
from . import functions as g
from .objects import IMAGES

if TYPE_CHECKING:
    from .objects import Target
    from .program import Program
    from .state import State


def store_into(gl: Any, now: State, program: Program, target: Target, viewport: tuple[int, int, int, int]) -> None:
    """Binds the texture of a target as the image that the program in use stores into, and says where in it.

    Raises ClosedError.
    """
    x, y, width, height = viewport
    texture = target.texture
    if now.image != texture.glo:
        texture.live()
        gl.BindImageTexture(0, texture.glo, 0, bool(texture.layers), 0, g.GL_WRITE_ONLY, IMAGES[texture.format])
        now.image = texture.glo
    place = x, y, x + width, y + height, target.first, 0, 0, 0
    if place != program.viewed and program.V >= 0:
        gl.Uniform4iv(program.V, 2, bytes((ctypes.c_int * 8)(*place)))
        program.viewed, now.sent_by = place, None


def run(gl: Any, local: tuple[int, int], viewport: tuple[int, int, int, int]) -> None:
    """Runs the program in use once per texel of the viewport; later dispatches see what it stores."""
    gl.DispatchCompute(ceil_div(viewport[2], local[0]), ceil_div(viewport[3], local[1]), 1)
    gl.MemoryBarrier(g.BETWEEN_DISPATCHES)
