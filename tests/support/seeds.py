"""Random numbers that follow from the test that draws them, not from those that ran before it in its process."""

from __future__ import annotations

import random
import sys

import numpy as np

_STATES: list[tuple[np.random.Generator, dict[str, object]]] = []


def seeded(seed: int) -> np.random.Generator:
    """A generator for a module of tests or a helper of theirs: `rewind` sets it back to its beginning."""
    made = np.random.default_rng(seed)
    _STATES.append((made, dict(made.bit_generator.state)))
    return made


def rewind() -> None:
    """Sets every such generator back, and those of Keras, which draw the weights that a test leaves to it."""
    for generator, state in _STATES:
        generator.bit_generator.state = state
    random.seed(7)  # Keras asks Python for its first seed
    if utils := getattr(sys.modules.get("keras"), "utils", None):
        utils.set_random_seed(7)
