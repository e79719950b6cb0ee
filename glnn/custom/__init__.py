"""The user's own kernels and programs: glnn.kernel, glnn.program, glnn.repeat, glnn.steps, glnn.Tensor."""

from .calls import Kernel, kernel
from .loops import steps
from .programs import Program, program, repeat
from .tensor import Tensor

__all__ = ["Kernel", "Program", "Tensor", "kernel", "program", "repeat", "steps"]
