"""Checks for layers and kernels, for the tests of those who write them."""

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
    run_layer,
)

__all__ = [
    "Copy", "LayerRun", "as_stored", "assert_close", "between_copies", "check_layer", "coded_weights", "decoded",
    "decoded_activation", "grid", "layer_graph", "made_by_draws", "run_layer",
]  # fmt: skip
