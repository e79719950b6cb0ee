"""Small models whose pages are of all kinds, with what the pages are told."""

from __future__ import annotations

from typing import Any

import numpy as np

from glnn.layers.conv import Conv1D, Conv2D
from glnn.layers.core import Dense
from glnn.layers.pooling import GlobalAveragePooling1D, GlobalAveragePooling2D
from glnn.testing import layer_graph

from .pages_seen import png

WORDS = ["", "[UNK]", "good", "bad"]
SWAP = np.eye(3, dtype=np.float32)[::-1]  # red and blue


def graphs() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Small models with what their pages are told: graph, options."""
    twice = {"kernel": 2 * np.eye(3, dtype=np.float32), "bias": np.zeros(3, np.float32)}
    ahead = {"kernel": np.zeros((27, 1, 1), np.float32), "bias": np.zeros(1, np.float32)}
    ahead["kernel"][-1] = 1
    following = {"kernel": 9 * np.roll(np.eye(4, dtype=np.float32), 1, 1), "bias": np.zeros(4, np.float32)}
    same = {"kernel": np.ones((1, 1, 1), np.float32), "bias": np.zeros(1, np.float32)}
    always = {"kernel": np.zeros((4, 4), np.float32), "bias": np.array([9, 8, 1, 0], np.float32)}
    swap = {"kernel": SWAP.reshape(1, 1, 3, 3).copy(), "bias": np.zeros(3, np.float32)}
    shown = {"image": png(np.full((6, 10, 3), (200, 0, 0)))}
    return {
        # The mean of one-hot codes: how often each word stands there.
        "words": (layer_graph(GlobalAveragePooling1D(), [(1, 4, 4)], {}), {"vocabulary": WORDS, "labels": WORDS}),
        # After each letter the one that follows it in the vocabulary.
        "letters": (
            layer_graph(Dense(4), [(1, 6, 4)], following),
            {"vocabulary": "abcd", "examples": {"Begin": "ab"}},
        ),
        "tagged": (
            layer_graph(Dense(3, activation="softmax"), [(1, 5, 3)], {**twice, "kernel": 50 * twice["kernel"]}),
            {"vocabulary": ["", "cat", "runs"], "labels": ["none", "noun", "verb"], "padding": "pre"},
        ),
        "numbers": (layer_graph(Dense(3), [(1, 3)], twice), {"columns": ["length", "width", "age"]}),
        "series": (layer_graph(Conv1D(1, 27), [(1, 32, 1)], ahead), {"examples": {"rise": np.arange(32.0)[:, None]}}),
        "picture": (
            layer_graph(Conv2D(3, (1, 1)), [(1, 6, 10, 3)], swap),
            {"scale": "unit", "examples": shown},
        ),
        "tall": (
            layer_graph(Conv2D(3, (1, 1)), [(1, 24, 8, 3)], {name: value.copy() for name, value in swap.items()}),
            {"scale": "unit", "examples": {"image": png(np.full((24, 8, 3), (0, 90, 200)))}},
        ),
        # Every value once more: a series that is none of what follows.
        "again": (layer_graph(Conv1D(1, 1), [(1, 32, 1)], same), {"examples": {"rise": np.arange(32.0)[:, None]}}),
        # The padding is the likeliest token, then the unknown one, which nobody writes.
        "next": (layer_graph(Dense(4), [(1, 6, 4)], always), {"vocabulary": WORDS, "examples": {"Begin": "bad"}}),
        "pair": (
            layer_graph(Conv2D(3, (1, 1)), [(2, 6, 10, 3)], {name: value.copy() for name, value in swap.items()}),
            {"scale": "unit", "examples": shown},
        ),
        "drawing": (layer_graph(GlobalAveragePooling2D(), [(1, 8, 8, 1)], {}), {}),
    }
