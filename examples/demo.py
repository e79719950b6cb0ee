"""Classify held-out digits through fragment shaders and compare with the NumPy reference.

    make demo          or: python examples/demo.py [--svg FILE]

Exit code 1 if any of the held-out digits differs from the reference by more than the tolerance.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import glnn
from glnn.image import as_text

HERE = Path(__file__).parent
DIGITS = (0, 2, 4, 7, 8)  # what the table shows one of
TOLERANCE = 1e-5  # probabilities, float32 against float64


def main() -> int:
    """Run the demo; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--svg", type=Path, help="also save what is printed as a picture")
    args = parser.parse_args()
    console = Console(record=args.svg is not None, width=78)

    with np.load(HERE / "digits_heldout.npz") as data:
        images, labels = data["images"], data["labels"]
    x = (images / 16).astype(np.float32)[..., None]  # (N, 8, 8, 1) in 0..1

    start = time.perf_counter()
    with glnn.Model.load(HERE / "digits.h5") as model:
        first = model.predict(x[:1])
        first_ms = (time.perf_counter() - start) * 1e3
        model.predict(x, batch_size=len(x))  # makes the plan for this batch
        start = time.perf_counter()
        y = model.predict(x, batch_size=len(x))
        batch_ms = (time.perf_counter() - start) * 1e3
        expected = model.reference(x.astype(np.float64))
        renderer = model.device.renderer
    error = np.abs(y - expected).max(axis=1)
    guess, agrees = y.argmax(axis=1), (error <= TOLERANCE) & (y.argmax(axis=1) == expected.argmax(axis=1))

    console.print(table(images, labels, y, error, agrees))
    console.print(f"renderer   {renderer}")
    console.print(f"accuracy   {np.mean(guess == labels):.2%} of {len(x)} held-out digits")
    console.print(
        f"agreement  {agrees.sum()} of {len(x)} with the NumPy reference, largest difference {error.max():.1e}"
    )
    console.print(f"time       {first_ms:.0f} ms to load and predict one digit, {batch_ms:.1f} ms for all in one batch")
    if args.svg:
        console.save_svg(str(args.svg), title="make demo")
    return 0 if agrees.all() and np.allclose(first, y[:1], atol=TOLERANCE) else 1


def table(images: np.ndarray, labels: np.ndarray, y: np.ndarray, error: np.ndarray, agrees: np.ndarray) -> Table:
    """A row for each of a few digits, the picture as text: some that the model gets right, and one that it does not."""
    right = y.argmax(axis=1) == labels
    shown = [i for digit in DIGITS for i in np.flatnonzero(right & (labels == digit))[:1]]
    shown += list(np.flatnonzero(~right)[:1])
    view = Table("picture", "label", "prediction", "confidence", "difference from NumPy", show_lines=True)
    view.title = (
        f"{right[shown].sum()} held-out digits that the model gets right, {(~right[shown]).sum()} that it does not"
    )
    for i in shown:
        guess, colour = int(y[i].argmax()), "green" if right[i] else "red"
        verdict = "agrees" if agrees[i] else "[red]DIFFERS[/red]"
        cells = str(labels[i]), f"[{colour}]{guess}[/{colour}]", f"{y[i, guess]:.1%}", f"{error[i]:.1e} {verdict}"
        view.add_row(as_text(images[i], 0, 16), *cells)
    return view


if __name__ == "__main__":
    raise SystemExit(main())
