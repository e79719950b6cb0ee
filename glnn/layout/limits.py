"""What bounds a layout: a device's limits, and those of every shader."""

from __future__ import annotations

from dataclasses import replace

from ..records import dataclass

DIALECTS = ("es300", "gl330", "es100")  # of fragment shaders, in the order of preference
COMPUTE = "gl430"  # the dialect of compute shaders: what speaks it computes in the stage "compute"
TEXEL = "texelFetch"  # the form of a fetch that counts texels by whole numbers
# The forms in which each dialect can fetch a texel, by their files in shaders/fetch: the first is drawn with, unless
# another was measured as faster.
FETCHES = {
    "es300": ("texture", TEXEL),
    "gl330": ("texture", TEXEL),
    "es100": ("texture2D",),
    COMPUTE: (TEXEL, "texture"),
}
TARGETS = ("float32", "float16", "rgba8")  # texels that can be drawn to, best first
PRECISIONS = ("highp", "mediump")  # of arithmetic in shaders
NAMES = {"float_target": TARGETS, "dialect": (*DIALECTS, COMPUTE), "precision": PRECISIONS}  # of limits that are words
# Tile numbers are divided in float arithmetic in the shaders (exact below 2**24 with one correction).
MAX_TILES = 1 << 24
# llvmpipe ends all loops of an invocation after 65,535 turns in total, silently; half leaves room for its own count.
MAX_LOOP_TURNS = 1 << 15


@dataclass(frozen=True)
class Limits:
    """What a device can do: sizes in texels, counts, the best target that can be drawn to and read, the dialect."""

    max_texture_size: int = 4096
    draw_buffers: int = 8
    texture_units: int = 16
    float_target: str = "float32"
    dialect: str = "es300"
    array_layers: int = 256
    precision: str = "highp"  # of arithmetic in shaders: "mediump" stands for half floats

    @property
    def stage(self) -> str:
        """Where kernels run: "fragment", as draws, or "compute", as dispatches of workgroups."""
        return "compute" if self.dialect == COMPUTE else "fragment"

    @property
    def fetches(self) -> tuple[str, ...]:
        """The forms in which texels can be fetched, the one that is estimated as the fastest first."""
        return FETCHES[self.dialect]

    @property
    def as_drawn(self) -> Limits:
        """The limits of the same device where kernels are fragment shaders: for pages, and for NumPy."""
        return replace(self, dialect=DIALECTS[0]) if self.stage == "compute" else self
