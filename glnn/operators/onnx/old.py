"""Operators as opset 6 has them, of which the first exporters wrote files: broadcasting where an attribute says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...graph.shapes import checked_axis
from ...layers.operators.table import kept
from ...primitives import Sym
from ..say import Misfit, Say
from . import onnx
from .activations import prelu
from .elementwise import BOOL, add, divide, multiply, power, subtract, two
from .normalization import batch_normalization, by_channel

TRUTHS = {
    "And": "logical_and", "Or": "logical_or", "Xor": "logical_xor", "Equal": "equal", "Less": "less",
    "Greater": "greater",
}  # fmt: skip


def _broadcasting(function: Callable[[Say, Any, Any], Any]) -> Callable[..., Any]:
    def make(t: Say, x: Any, y: Any, *, axis: int | None = None, broadcast: int = 0) -> Any:
        """A function of x and y, whose axes are those of x from `axis` on; without it, x's last ones."""
        if not broadcast and x.shape != y.shape:
            raise Misfit(f"broadcast=0 and two shapes, {x.shape} and {y.shape}")
        if axis is not None and 0 < y.rank < x.rank:
            after = x.rank - checked_axis(axis, x.rank) - y.rank
            y = t.give(t.reshape(y, [*kept(y), *(1,) * after]), y.dtype) if after > 0 else y
        return function(t, x, y)

    return make


for _name, _function in dict(Add=add, Sub=subtract, Mul=multiply, Div=divide, Pow=power).items():
    onnx(_name)(_broadcasting(_function))
for _name, _word in TRUTHS.items():
    onnx(_name, gives=BOOL)(_broadcasting(two(_word)))


@onnx("PRelu")
def prelu_by_channel(t: Say, x: Any, slope: Any) -> Sym:
    """x, times a slope where it is less than 0: one for all, or one for each channel."""
    return prelu(t, x, slope if slope.shape == (1,) or x.rank < 2 else by_channel(t, x, slope))


def _inference(is_test: int) -> None:
    if not is_test:
        raise Misfit("is_test=0 is training; export the model for inference")


@onnx("BatchNormalization", ignores=("momentum", "consumed_inputs"))
def batch_normalization_6(
    t: Say, x: Any, scale: Any, bias: Any, mean: Any, var: Any, *, epsilon: float = 1e-5, spatial: int = 1,
    is_test: int = 0,
) -> Sym:  # fmt: skip
    _inference(is_test)
    return batch_normalization(t, x, scale, bias, mean, var, epsilon=epsilon, spatial=spatial)


@onnx("Dropout", ignores=("ratio", "consumed_inputs"))
def dropout_6(t: Say, x: Any, *, is_test: int = 0) -> Any:
    _inference(is_test)
    return x
