"""The environment variables that glnn reads, told by `glnn help env` and docs/environment.md."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import NamedTuple


class Variable(NamedTuple):
    """A variable: its name, what it takes, what it does."""

    name: str
    allowed: str
    about: str


# What a device is asked for where no argument says it: each lowers what OpenGL offers, none raises it.
DEVICE = (
    Variable("GLNN_DEVICE", "numpy", "run without OpenGL, in NumPy (slow)"),
    Variable("GLNN_DEVICE_INDEX", "0, 1, ...", "which GPU (EGL device); without it the first that works"),
    Variable("GLNN_PROFILE", "a profile, or a file", "limits of another device, see `glnn doctor` and its --json"),
    Variable("GLNN_DIALECT", "es300, es100, gl330", "the GLSL of the kernels: that of WebGL2, of WebGL1, of a desktop"),
    Variable("GLNN_STAGE", "auto, fragment, compute", "where kernels run; auto: as compute shaders on GPUs that can"),
    Variable(
        "GLNN_PRECISION",
        "highp, mediump, float64",
        "mediump: half floats, as phones; float64: in NumPy",
    ),
    Variable("GLNN_FLOAT_TARGETS", "of float32, float16, rgba8", "what may be rendered to, with commas between"),
    Variable("GLNN_DRAW_BUFFERS", "1 to 8", "layers written in one draw"),
    Variable("GLNN_TEXTURE_UNITS", "2 or more", "textures read in one draw"),
    Variable("GLNN_MAX_TEXTURE_SIZE", "1 or more", "largest side of a texture, in texels"),
    Variable("GLNN_ARRAY_LAYERS", "1 or more", "layers of an array texture"),
    Variable("GLNN_COMPILE_AHEAD", "0", "no second thread that compiles programs before the first prediction"),
)
OTHERS = (
    Variable("GLNN_CACHE", "a folder", "for models from a URL and what was tuned; without it a folder of the user's"),
    Variable(
        "GLNN_TUNE", "0, 1", "1: measure how a model is drawn fastest before its first prediction; 0: use no tables"
    ),
)
TESTS = (
    Variable("GLNN_TEST_MODELS", "a folder", "trained models that some tests run; they are skipped without it"),
    Variable("GLNN_REQUIRE_WEB", "1", "browser tests fail where there is no browser, and are not skipped"),
    Variable("GLNN_CHROMIUM", "a program", "the Chromium of the browser tests; without it the one on the PATH"),
)
ALL = DEVICE + OTHERS + TESTS


def text() -> str:
    """The variables as a table for a person."""
    width, wide = (max(len(v[k]) for v in ALL) for k in range(2))
    parts = (DEVICE, OTHERS, TESTS)
    rows = [[f"  {v.name:<{width}}  {v.allowed:<{wide}}  {v.about}" for v in part] for part in parts]
    return "\n".join(
        [
            "Environment variables. An argument (--profile, Device(profile=...)) goes before its variable, and a",
            "variable before what a profile says. An empty one counts as not set. Limits can only be lowered.",
            "",
            *rows[0],
            "",
            "For files:",
            "",
            *rows[1],
            "",
            "For the tests of glnn alone:",
            "",
            *rows[2],
        ]
    )


def unknown(environment: Mapping[str, str]) -> list[str]:
    """What to say of variables that begin as glnn's do and that nothing reads: misspelled ones."""
    names = [v.name for v in ALL]
    told = []
    for name in sorted(environment):
        if name.startswith("GLNN_") and name not in names:
            close = difflib.get_close_matches(name, names, 1)
            meant = f" (did you mean {close[0]}?)" if close else ""
            told.append(f"nothing reads the environment variable {name}{meant}; `glnn help env` lists those there are")
    return told
