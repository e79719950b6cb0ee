"""All that printed kernels call: GLSL's own functions, and what works on values, masks and textures."""

from .functions import *  # noqa: F403
from .runtime import *  # noqa: F403
