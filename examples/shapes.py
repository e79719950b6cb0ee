"""Pictures of shapes as a camera sees them, drawn: what train_shapes.py learns and the gallery shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

KINDS = ("circle", "square", "triangle", "star", "cross", "none of these")
SIZE = 48  # pixels, of the pictures' height and width
FINE = 3  # times as many while they are drawn
CONTRAST = 0.25  # the least difference of brightness between a shape and what is behind it


def corners(kind: str) -> np.ndarray:
    """The corners of a shape around 0 at a distance of at most 1: (N, 2)."""
    if kind == "cross":
        arm = 0.33  # half of its width
        quarter = np.array([(1, -arm), (1, arm), (arm, arm)])
        return np.concatenate([quarter @ turn(k * np.pi / 2) for k in range(4)])
    count = {"circle": 48, "square": 4, "triangle": 3, "star": 10}[kind]
    angle = np.arange(count) * 2 * np.pi / count
    reach = np.where(np.arange(count) % 2, 0.42, 1) if kind == "star" else np.ones(count)
    return np.stack([np.sin(angle) * reach, -np.cos(angle) * reach], 1)


def turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def picture(rng: np.random.Generator, kind: str, behind: Callable[[np.random.Generator], np.ndarray]) -> np.ndarray:
    """A picture (SIZE, SIZE, 3) of 0..255 with one shape, or none, drawn, cut out or painted, held at any angle.

    behind: gives a picture (SIZE, SIZE, 3) of 0..1 to draw on
    """
    side = SIZE * FINE
    ground = behind(rng) if rng.random() < 0.5 else paper(rng)
    image = Image.fromarray(np.round(ground * 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    if kind != KINDS[-1]:
        draw, middle = ImageDraw.Draw(image), side * rng.uniform(0.42, 0.58, 2)
        stretch = np.diag(rng.uniform(0.8, 1, 2)) @ np.array([[1, rng.uniform(-0.2, 0.2)], [0, 1]])
        points = corners(kind) @ turn(rng.uniform(0, 2 * np.pi)) @ stretch * side * rng.uniform(0.26, 0.44) + middle
        outline = [tuple(point) for point in points]
        colour = apart(rng, ground)
        if rng.random() < 0.5:
            draw.polygon(outline, fill=colour)
        else:
            draw.line([*outline, *outline[:2]], fill=colour, width=round(side * rng.uniform(0.02, 0.07)), joint="curve")
    elif rng.random() < 0.5:  # lines and letters are no shapes
        for _ in range(rng.integers(1, 4)):
            ImageDraw.Draw(image).line(list(rng.uniform(0, side, 4)), fill=apart(rng, ground), width=FINE * 2)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2) * FINE)).resize(
        (SIZE, SIZE), Image.Resampling.BOX
    )
    made = np.asarray(image, np.float32) / 255
    made = (made - 0.5) * rng.uniform(0.6, 1.1) + 0.5 + rng.uniform(-0.12, 0.12) + rng.normal(0, 0.02, made.shape)
    return np.round(np.clip(made, 0, 1) * 255).astype(np.uint8)


def paper(rng: np.random.Generator) -> np.ndarray:
    """A plain sheet or table in light that comes from a side."""
    slope = np.add.outer(*(np.linspace(-1, 1, SIZE) * strength for strength in rng.uniform(-0.12, 0.12, 2)))
    return np.clip(rng.uniform(0.05, 1) + rng.uniform(-0.15, 0.15, 3) + slope[..., None], 0, 1)


def apart(rng: np.random.Generator, ground: np.ndarray) -> tuple[int, ...]:
    """A colour that is seen on a picture."""
    for _ in range(100):
        colour = rng.uniform(0, 1, 3)
        if abs(colour.mean() - ground[SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4].mean()) > CONTRAST:
            break
    return tuple(int(v * 255) for v in colour)
