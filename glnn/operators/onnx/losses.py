"""Losses: negative log likelihoods of the classes that targets name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...layers.operators.table import kept
from ...primitives import Sym
from ..say import Misfit, Say
from . import onnx

MOST_AXES = 6  # of tensors; those of more come with the axes after the classes as one


def _folded(t: Say, x: Any, target: Any, make: Callable[[Any, Any], tuple[Any, ...]]) -> tuple[Any, ...]:
    """What is made of scores (N, C, ...) and targets (N, ...), whose axes are as few as tensors may have."""
    if x.rank <= MOST_AXES:
        return make(x, target)
    made = make(t.reshape(x, [*kept(x, (0, 1)), -1]), t.reshape(target, [*kept(target, (0,)), -1]))
    shapes = {2: t.static(target), 3: t.static(x)}
    return tuple(t.reshape(y, shapes[y.rank]) if y.rank else y for y in made)


def _loss(t: Say, x: Any, target: Any, weight: Any, ignored: int | None, reduction: str) -> Sym:
    """-x of the class that is named, along axis 1, by its weight; none where it is the one to be ignored."""
    sizes = kept(target)
    named = t.reshape(target, [sizes[0], 1, *sizes[1:]])
    hit = t.apply("equal", t.index(x, 1), named)
    if ignored is not None:
        hit = t.apply("logical_and", hit, t.apply("not_equal", named, float(ignored)))
    loss, counts = t.reduce("sum", t.where(hit, -x, 0.0), 1), None
    if weight is not None or ignored is not None:
        each = 1.0 if weight is None else t.reshape(weight, [*kept(weight), *(1,) * (x.rank - 2)])
        counts = t.reduce("sum", t.where(hit, each, 0.0), 1)
        loss = loss * counts
    if reduction == "none":
        return loss
    if reduction == "mean" and counts is None:
        return t.reduce("mean", loss, None)
    total = t.reduce("sum", loss, None)
    return total if counts is None or reduction == "sum" else total / t.reduce("sum", counts, None)


def _known(reduction: str) -> None:
    if reduction not in ("none", "mean", "sum"):
        raise Misfit(f"reduction={reduction!r} (known are 'none', 'mean' and 'sum')")


@onnx("NegativeLogLikelihoodLoss", since=12)
def negative_log_likelihood_loss(
    t: Say, x: Any, target: Any, weight: Any = None, *, ignore_index: int | None = None, reduction: str = "mean"
) -> Sym:
    """The losses of logarithms of probabilities (N, C, ...) for the classes that targets (N, ...) name."""
    _known(reduction)
    return _folded(t, x, target, lambda x, named: (_loss(t, x, named, weight, ignore_index, reduction),))[0]


@onnx("SoftmaxCrossEntropyLoss", since=12)
def softmax_cross_entropy_loss(
    t: Say, scores: Any, labels: Any, weights: Any = None, *, ignore_index: int | None = None, reduction: str = "mean"
) -> tuple[Any, ...]:
    """The losses of the logarithms of softmax along axis 1; these."""
    _known(reduction)

    def make(x: Any, named: Any) -> tuple[Any, ...]:
        logs = t.softmax(x, 1, log=True)
        return _loss(t, logs, named, weights, ignore_index, reduction), logs

    return _folded(t, scores, labels, make)
