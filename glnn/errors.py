"""Every exception that glnn raises on purpose.

A message says what failed and where (file, layer or argument), what came, what is allowed and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "GlnnError",
    "ModelFileError",
    "DownloadError",
    "WeightsMismatchError",
    "UnsupportedError",
    "GraphError",
    "InputError",
    "QuantizationError",
    "DeviceError",
    "NoDeviceError",
    "LimitError",
    "KernelError",
    "ForkError",
    "DeviceLostError",
    "ClosedError",
]


class GlnnError(Exception):
    """Base of all exceptions of glnn."""


class ModelFileError(GlnnError):
    """A model file that is missing, empty, truncated, or of no format that glnn reads."""


class DownloadError(ModelFileError):
    """A file that can't be fetched from its URL. `status`: what the server answered (HTTP), None where it did not.

    passing: whether it may go well in a moment; wait: seconds that the server asks for
    """

    def __init__(self, message: str, status: int | None = None, passing: bool = False, wait: float = 0.0):
        self.status, self.passing, self.wait = status, passing, wait
        super().__init__(message)


class WeightsMismatchError(ModelFileError):
    """A weights file that does not belong to its model: names the first layer and weight that differ."""


class UnsupportedError(GlnnError):
    """Layers or options that glnn does not have, all of one model listed together in `items`; `advice`: what to do."""

    def __init__(self, where: str, items: Sequence[str], advice: str = ""):
        self.where = where
        self.items = tuple(items)
        self.advice = advice
        lines = "\n".join(f"  - {item}" for item in self.items)
        super().__init__(
            f"{where}: {len(self.items)} thing{'s' if len(self.items) != 1 else ''} "
            f"that glnn does not support:\n{lines}" + (f"\n{advice}" if advice else "")
        )


class GraphError(GlnnError):
    """A graph that does not hold together: unknown tensors, cycles, shapes that do not fit."""


class InputError(GlnnError, ValueError):
    """An argument of wrong number, name, rank, shape, dtype or value."""


class QuantizationError(GlnnError, ValueError):
    """Weights, ranges or calibration data that cannot be quantized: names the layer and what came."""


class DeviceError(GlnnError):
    """The OpenGL device failed, or was asked for what it does not do."""


class NoDeviceError(DeviceError):
    """No OpenGL context could be made: lists what was tried and the package to install."""


class LimitError(DeviceError):
    """A tensor or a kernel that does not fit the device's limits, even split."""


class KernelError(GlnnError):
    """A kernel that does not assemble or compile; points at the line of the kernel's own file."""


class ForkError(DeviceError):
    """OpenGL used in a process that was forked from one that had used it."""


class DeviceLostError(DeviceError):
    """A device whose context is gone: another library ended its display, or the driver took it away."""


class ClosedError(DeviceError):
    """A model or device used after close()."""
