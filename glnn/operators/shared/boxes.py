"""Choosing boxes by their scores and by how much they overlap, in NumPy: how many there are depends on values."""

from __future__ import annotations

import heapq

import numpy as np


def corners(boxes: np.ndarray, centred: bool) -> np.ndarray:
    """Boxes (.., 4) as (low, low, high, high): of two corners in any order, or of centres and sizes."""
    wide = boxes.astype(np.float32)
    if centred:
        middle, half = wide[..., :2], wide[..., 2:] / 2
        return np.concatenate([middle - half, middle + half], -1)
    return np.concatenate([np.minimum(wide[..., :2], wide[..., 2:]), np.maximum(wide[..., :2], wide[..., 2:])], -1)


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The intersection of a box (4,) with each of others (K, 4) over their union; 0 where one has no area."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(sides, 0), 1)
    areas = np.prod(others[:, 2:] - others[:, :2], 1)
    own = np.prod(box[2:] - box[:2])
    union = own + areas - shared
    fair = (own > 0) & (areas > 0) & (union > 0)
    with np.errstate(all="ignore"):
        return np.where(fair, shared / np.where(fair, union, 1), 0)


def suppressed(
    boxes: np.ndarray, scores: np.ndarray, most: int, most_overlap: float, least_score: float | None
) -> list[int]:
    """The numbers of boxes (K, 4), by `corners`, best first, of which none overlaps a better one by more than this.

    Of equal scores the first goes first. least_score: boxes are better than that.
    """
    order = np.argsort(-scores, kind="stable")
    if least_score is not None:
        order = order[scores[order] > least_score]
    chosen: list[int] = []
    while len(order) and len(chosen) < most:
        best, order = order[0], order[1:]
        chosen.append(int(best))
        order = order[~(overlap(boxes[best], boxes[order]) > most_overlap)]
    return chosen


def softly_suppressed(
    boxes: np.ndarray, scores: np.ndarray, most: int, too_much: float, least_score: float = -np.inf, sigma: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """(numbers, scores) of boxes (K, 4) of two corners, best first, of which none overlaps a better one so much.

    sigma: above 0, scores of boxes that overlap less fall by exp(-overlap^2 / (2 sigma)), formula 2 of Bodla et al.,
    "Soft-NMS" (2017). least_score: boxes are better than that, then too.
    """
    places = corners(boxes, False)
    heap = [(-float(score), k, 0) for k, score in enumerate(scores) if score > least_score]
    heapq.heapify(heap)
    chosen: list[int] = []
    kept: list[float] = []
    while heap and len(chosen) < most:
        negative, k, seen = heapq.heappop(heap)
        shared, score = overlap(places[k], places[chosen[seen:]].reshape(-1, 4)), -negative
        if (shared >= too_much).any():
            continue
        lowered = score * float(np.prod(np.exp(-(shared**2) / (2 * sigma)))) if sigma else score
        if lowered == score:
            chosen.append(k)
            kept.append(score)
        elif lowered > least_score:
            heapq.heappush(heap, (-lowered, k, len(chosen)))
    return np.asarray(chosen, np.int32), np.asarray(kept, np.float32)
