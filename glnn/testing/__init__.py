"""Checks for layers and kernels, for the tests of those who write them; docs/testing.md walks through them.

What is here is imported when it is asked for: pytest loads the plugin of this package at every start.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .corners import Corner
    from .layers import (
        Copy,
        LayerRun,
        as_stored,
        assert_close,
        between_copies,
        check_layer,
        coded_weights,
        decoded,
        decoded_activation,
        grid,
        layer_graph,
        made_by_draws,
        run_graph,
        run_layer,
        with_copies,
    )
    from .matches import Failure, Matched, Mismatch, assert_matches

_LAZY = {
    "corners": ("Corner",),
    "layers": (
        "Copy", "LayerRun", "as_stored", "assert_close", "between_copies", "check_layer", "coded_weights", "decoded",
        "decoded_activation", "grid", "layer_graph", "made_by_draws", "run_graph", "run_layer", "with_copies",
    ),
    "matches": ("Failure", "Matched", "Mismatch", "assert_matches"),
}  # fmt: skip

__all__ = [
    "Copy", "Corner", "Failure", "LayerRun", "Matched", "Mismatch", "as_stored", "assert_close", "assert_matches",
    "between_copies", "check_layer", "coded_weights", "decoded", "decoded_activation", "grid",
    "layer_graph", "made_by_draws", "run_graph", "run_layer", "with_copies",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    for place, names in _LAZY.items():
        if name in names:
            value = getattr(importlib.import_module(f".{place}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'glnn.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
