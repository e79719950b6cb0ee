"""Pictures side by side and simple charts, as HTML and SVG that a saved notebook keeps."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from ...errors import InputError
from ..html import Fragment
from ..tables import number
from .pictures import colours
from .png import data_uri

INKS = ("#4c7fe0", "#e0762f", "#2f9e6b", "#b65fcf", "#c9a013", "#d1495b")  # seen on light and on dark
WIDE, HIGH, LEFT, RIGHT, TOP, BELOW = 560, 230, 56, 18, 20, 38  # pixels of a chart, and those around its curves


def pictures(images: Mapping[str, Any], width: int = 240, span: tuple[float, float] | None = None) -> Fragment:
    """Images side by side, each under its name and `width` pixels wide on the screen.

    images: (height, width) of any values, in greys, or in blue and red around 0; (height, width, 3) of 0..1 or of uint8
            are colours
    span:   the values of black and white; None: the least and greatest of each image

    Raises InputError for an image of another shape.
    """
    parts = []
    for name, image in images.items():
        pixels = _pixels(np.asarray(image), span, name)
        sharp = "image-rendering:pixelated;" if width > pixels.shape[1] else ""
        parts.append(
            f'<figure style="margin:4px 10px 4px 0"><img src="{data_uri(pixels)}" alt="{escape(name)}" '
            f'style="{sharp}width:{width}px;height:auto;display:block;margin:0">'
            f'<figcaption class="note" style="max-width:{width}px">{escape(name)}</figcaption></figure>'
        )
    return Fragment(f'<div style="display:flex;flex-wrap:wrap;align-items:flex-start">{"".join(parts)}</div>')


def lines(
    series: Mapping[str, Any], x: str = "", y: str = "", log: bool = False, dots: Collection[str] = ()
) -> Fragment:
    """Curves by name: a sequence of values at 0, 1, 2, .. or a pair (places, values).

    x, y: what the axes are called
    log:  whether the upright axis is logarithmic
    dots: names whose values are drawn as dots

    Raises InputError where there is nothing to draw, or for values of 0 and less on a logarithmic axis.
    """
    curves = {name: _curve(values) for name, values in series.items()}
    if not curves or any(not len(places) for places, _ in curves.values()):
        raise InputError("lines: give one curve or more, each of one value or more")
    if log and any((values <= 0).any() for _, values in curves.values()):
        raise InputError("lines: a logarithmic axis has no place for 0 and less: leave log=True out")
    wide = _span(np.concatenate([places for places, _ in curves.values()]))
    high = _span(np.concatenate([np.log10(values) if log else values for _, values in curves.values()]))
    parts = [_frame(wide, high, x, y, log)]
    for k, (name, (places, values)) in enumerate(curves.items()):
        ink = INKS[k % len(INKS)]
        across = LEFT + (places - wide[0]) / (wide[1] - wide[0]) * (WIDE - LEFT - RIGHT)
        down = _down((np.log10(values) if log else values), high)
        spots = list(zip(across, down, strict=True))
        if name in dots:
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{ink}"/>' for a, b in spots]
        else:
            path = " ".join(f"{a:.1f},{b:.1f}" for a, b in spots)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="2"/>')
        if len(curves) > 1 or name:
            parts.append(_text(WIDE - RIGHT, TOP + 14 + 16 * k, name, "end", ink))
    return Fragment(_svg(HIGH, parts))


def bars(values: Mapping[str, float], unit: str = "") -> Fragment:
    """A bar for each name, with its value behind it. Raises InputError where one is below 0 or not finite."""
    if not values or any(not 0 <= value < math.inf for value in values.values()):
        raise InputError(f"bars: give one value or more, of 0 and above, not {dict(values)}")
    start = 16 + 7 * max(map(len, values))
    longest = max(values.values()) or 1
    words = [f"{number(value)} {unit}".strip() for value in values.values()]
    room = WIDE - start - 12 - 7 * max(map(len, words))
    parts = []
    for k, (name, value) in enumerate(values.items()):
        long = value / longest * room
        parts.append(_text(start - 8, 22 * k + 15, name, "end"))
        parts.append(f'<rect x="{start}" y="{22 * k + 3}" width="{long:.1f}" height="16" rx="2" fill="{INKS[0]}"/>')
        parts.append(_text(start + long + 6, 22 * k + 15, words[k]))
    return Fragment(_svg(22 * len(values) + 4, parts))


def _pixels(image: np.ndarray, span: tuple[float, float] | None, name: str) -> np.ndarray:
    if image.ndim not in (2, 3) or 0 in image.shape or (image.ndim == 3 and image.shape[2] != 3):
        raise InputError(f"pictures: {name!r} is an array {image.shape}: give (height, width) or (height, width, 3)")
    if image.ndim == 3:
        return image if image.dtype == np.uint8 else np.rint(255 * np.clip(np.nan_to_num(image), 0, 1)).astype(np.uint8)
    finite = image[np.isfinite(image)]
    low, high = span or ((float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0))
    shades = colours(np.clip(image, low, high) if span else image, low, high)[..., :3]
    grey = (shades == shades[..., :1]).all()
    return np.ascontiguousarray(shades[..., :1] if grey else shades)


def _curve(values: Any) -> tuple[np.ndarray, np.ndarray]:
    places, values = values if isinstance(values, tuple) else (np.arange(len(values)), values)
    return np.asarray(places, float), np.asarray(values, float)


def _span(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _down(values: Any, high: tuple[float, float]) -> Any:
    return HIGH - BELOW - (values - high[0]) / (high[1] - high[0]) * (HIGH - BELOW - TOP)


def _ticks(low: float, high: float) -> list[float]:
    """Four or so round numbers in between: 1, 2 or 5 times a power of ten apart."""
    power = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = power * next(k for k in (1, 2, 5, 10) if (high - low) / (k * power) <= 5)
    return [step * k for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _frame(wide: tuple[float, float], high: tuple[float, float], x: str, y: str, log: bool) -> str:
    base, parts = HIGH - BELOW, []
    for tick in _ticks(*high):
        at = _down(tick, high)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDE - RIGHT}" stroke="currentColor" stroke-opacity=".15"/>')
        parts.append(_text(LEFT - 6, at + 4, number(10.0**tick if log else tick), "end"))
    for tick in _ticks(*wide):
        at = LEFT + (tick - wide[0]) / (wide[1] - wide[0]) * (WIDE - LEFT - RIGHT)
        parts.append(_text(at, base + 15, number(tick), "middle"))
    parts.append(f'<path d="M{LEFT} {base}H{WIDE - RIGHT}" stroke="currentColor" stroke-opacity=".6"/>')
    return "".join([*parts, _text((LEFT + WIDE) / 2, HIGH - 6, x, "middle"), _text(LEFT + 4, 12, y)])


def _text(x: float, y: float, words: str, anchor: str = "start", ink: str = "currentColor") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{ink}">{escape(words)}</text>'


def _svg(high: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDE} {high}" width="{WIDE}" height="{high}" font-size="12" role="img" '
        f'style="max-width:100%;font-family:system-ui,sans-serif">{"".join(parts)}</svg>'
    )
