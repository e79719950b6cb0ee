"""Tides that are computed: sums of waves whose periods are those of moon and sun, each harbour with its own."""

from __future__ import annotations

import numpy as np

SEEN, AHEAD = 72, 24  # hours
PERIODS = np.array([12.4206, 12.0, 12.6583, 23.9345, 25.8193])  # hours, of the constituents M2, S2, N2, K1 and O1
HEIGHTS = np.array([1.0, 0.4, 0.2, 0.3, 0.2])  # metres, at most


def tides(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Harbours, with some wind: metres of water as seen (count, SEEN, 1), and as they were then (count, AHEAD, 1)."""
    hours = np.arange(SEEN + AHEAD)
    height = rng.uniform(0.1, 1, (count, 5)) * HEIGHTS
    phase = rng.uniform(0, 2 * np.pi, (count, 5))
    waves = np.cos(2 * np.pi * hours[:, None] / PERIODS + phase[:, None])
    level = (height[:, None] * waves).sum(-1) + rng.uniform(-0.5, 0.5, (count, 1))
    level[:, :SEEN] += rng.normal(0, 0.03, (count, SEEN))
    level = level.astype(np.float32)[..., None]
    return level[:, :SEEN], level[:, SEEN:]
