"""Operators that choose among boxes: steps of the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..shared.boxes import softly_suppressed
from . import tensorflow


def _number(x: Any) -> float:
    return float(np.reshape(x, ()))


@tensorflow("NonMaxSuppressionV2", "NonMaxSuppressionV3", host=True)
def non_max_suppression_v3(boxes: Any, scores: Any, most: Any, overlap: Any, least: Any = -np.inf) -> Any:
    """The numbers of boxes above a score that overlap no better one."""
    return softly_suppressed(boxes, scores, int(_number(most)), _number(overlap), _number(least))[0]


@tensorflow("NonMaxSuppressionV4", host=True)
def non_max_suppression_v4(
    boxes: Any, scores: Any, most: Any, overlap: Any, least: Any = -np.inf, *, pad_to_max_output_size: bool = False
) -> Any:
    """The numbers of boxes above a score that overlap no better one, and how many these are."""
    chosen, _ = softly_suppressed(boxes, scores, int(_number(most)), _number(overlap), _number(least))
    count = np.asarray(len(chosen), np.int32)
    return padded(chosen, int(_number(most))) if pad_to_max_output_size else chosen, count


@tensorflow("NonMaxSuppressionV5", host=True)
def non_max_suppression_v5(
    boxes: Any, scores: Any, most: Any, overlap: Any, least: Any = -np.inf, sigma: Any = 0.0, *,
    pad_to_max_output_size: bool = False,
) -> Any:  # fmt: skip
    """The numbers of boxes above a score that overlap no better one, their scores, and how many these are."""
    count = int(_number(most))
    numbers, kept = softly_suppressed(boxes, scores, count, _number(overlap), _number(least), _number(sigma))
    found = np.asarray(len(numbers), np.int32)
    if pad_to_max_output_size:
        return padded(numbers, count), padded(kept, count), found
    return numbers, kept, found


def padded(values: np.ndarray, count: int) -> np.ndarray:
    """Zeros behind, up to `count` rows."""
    return np.concatenate([values, np.zeros((max(count - len(values), 0), *values.shape[1:]), values.dtype)])


@tensorflow("CombinedNonMaxSuppression", host=True)
def combined_non_max_suppression(
    boxes: Any, scores: Any, most_each: Any, most: Any, overlap: Any, least: Any, *, pad_per_class: bool = False,
    clip_boxes: bool = True,
) -> Any:  # fmt: skip
    """For each image the best boxes of all classes (B, N, 4), their scores, their classes (B, N), their number."""
    each, total, classes = int(_number(most_each)), int(_number(most)), scores.shape[-1]
    size = min(total, each * classes) if pad_per_class else total
    rows: list[tuple[np.ndarray, ...]] = []
    for image, worth in zip(boxes, scores, strict=True):
        found: list[tuple[float, int, np.ndarray]] = []
        for kind in range(classes):
            own = image[:, min(kind, image.shape[1] - 1)]
            numbers, kept = softly_suppressed(own, worth[:, kind], each, _number(overlap), _number(least))
            found += [(float(score), kind, own[k]) for k, score in zip(numbers, kept, strict=True)]
        found = sorted(found, key=lambda one: -one[0])[:size]
        places = np.asarray([box for _, _, box in found], np.float32).reshape(-1, 4)
        places = places.clip(0, 1) if clip_boxes else places
        values = np.asarray([score for score, _, _ in found], np.float32)
        kinds = np.asarray([kind for _, kind, _ in found], np.float32)
        rows.append((padded(places, size), padded(values, size), padded(kinds, size), np.asarray(len(found), np.int32)))
    return tuple(np.stack(column) for column in zip(*rows, strict=True))
