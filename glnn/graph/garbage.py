"""When Python looks for garbage: not while a model is built, which makes 100,000 objects and throws none away."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def building() -> Iterator[None]:
    """The garbage collector waits meanwhile, if it runs; also for a function, as a decorator."""
    runs = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if runs:
            gc.enable()
