"""The user's own kernels and programs: glnn.kernel, glnn.program, glnn.repeat, glnn.Tensor."""

from .calls import Kernel, kernel
from .tensor import Tensor

__all__ = ["Kernel", "Tensor", "kernel"]
