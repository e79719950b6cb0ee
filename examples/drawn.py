"""Pictures that are computed, so that examples need none of anybody's: a landscape, and strokes of a brush."""

from __future__ import annotations

import numpy as np


def smooth(rng: np.random.Generator, height: int, width: int, cell: int) -> np.ndarray:
    """Value noise (height, width) in 0..1 whose hills are about `cell` pixels wide."""
    grid = rng.random((height // cell + 2, width // cell + 2))
    y, x = np.mgrid[:height, :width] / cell
    i, j = y.astype(int), x.astype(int)
    v, u = (t * t * (3 - 2 * t) for t in (y - i, x - j))
    top, below = (grid[k, j] * (1 - u) + grid[k, j + 1] * u for k in (i, i + 1))
    return top * (1 - v) + below * v


def landscape(height: int = 256, width: int = 384, seed: int = 3) -> np.ndarray:
    """A sun over mountains and a lake, float32 (height, width, 3) in 0..1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / height
    horizon, sun = 0.62, (0.2, 1.2)
    far = np.hypot(y - sun[0], x - sun[1])
    sky = np.array([0.30, 0.50, 0.80]) + np.minimum(y / horizon, 1)[..., None] * np.array([0.65, 0.25, -0.15])
    clouds = sum(smooth(rng, height, width, cell) * cell for cell in (64, 32, 16)) / 112
    sky += np.clip(clouds - 0.52, 0, 1)[..., None] * 1.2 + np.exp(-9 * far)[..., None] * np.array([0.5, 0.4, 0.1])
    image = np.where((far < 0.085)[..., None], [1.0, 0.96, 0.75], sky)
    for depth, colour in enumerate(([0.45, 0.47, 0.62], [0.28, 0.33, 0.42], [0.12, 0.22, 0.20])):
        ridge = sum(smooth(rng, 1, width, cell)[0] * cell for cell in (96, 48, 24, 12, 6)) / 186
        line = horizon - 0.30 + 0.11 * depth - 0.24 * (ridge - 0.5) * (1.5 - 0.3 * depth)
        rough = smooth(rng, height, width, 7) * 0.10 + smooth(rng, height, width, 3) * 0.05
        image = np.where((y > line)[..., None], np.array(colour) + rough[..., None], image)
    shore = int(height * horizon)
    rows = np.clip(shore - 1 - np.arange(height - shore) * 1.3, 0, None).astype(int)
    waves = np.sin(np.arange(height - shore)[:, None] ** 0.75 * 4 + 5 * smooth(rng, height - shore, width, 40))
    image[shore:] = image[rows] * 0.72 + np.array([0.02, 0.06, 0.12]) + 0.05 * waves[..., None]
    return np.clip(image, 0, 1).astype(np.float32)


def strokes(height: int = 256, width: int = 256, seed: int = 5, length: int = 14) -> np.ndarray:
    """Thick strokes that follow whirls, in blue and yellow, float32 (height, width, 3) in 0..1.

    Noise is averaged along a field of directions (line integral convolution, Cabral and Leedom 1993).
    """
    rng = np.random.default_rng(seed)
    turn = 5 * np.pi * smooth(rng, height, width, 90)
    noise = smooth(rng, height, width, 3)
    y, x = np.mgrid[:height, :width].astype(float)
    total = np.zeros((height, width))
    for way in (-1, 1):
        b, a = y.copy(), x.copy()
        for _ in range(length):
            i, j = np.rint(b).astype(int) % height, np.rint(a).astype(int) % width
            total += noise[i, j]
            b, a = b + way * np.sin(turn[i, j]), a + way * np.cos(turn[i, j])
    bristles = (total - total.mean()) / total.std()
    tone = (smooth(rng, height, width, 50) - 0.5) * 2.6 + 0.36 * bristles
    palette = np.array(
        [[0.03, 0.06, 0.25], [0.08, 0.25, 0.58], [0.35, 0.66, 0.80], [0.97, 0.88, 0.55], [0.94, 0.58, 0.10]]
    )
    place = np.clip((tone + 1.3) / 2.6, 0, 1) * (len(palette) - 1)
    low = np.minimum(place.astype(int), len(palette) - 2)
    part = (place - low)[..., None]
    return (palette[low] * (1 - part) + palette[low + 1] * part).astype(np.float32)
