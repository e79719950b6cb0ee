"""Train a small character RNN on the prose of this repository's own pages and save it as Keras HDF5.

    pip install -e '.[train]'
    python examples/train_writer.py

Writes examples/writer.h5: a stateful network that takes numbers of characters (1, steps) and gives the logits of the
character after each (1, steps, len(ALPHABET)). A number is a place in ALPHABET.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np

ROOT = Path(__file__).parent.parent
ALPHABET = "\n ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;()-/'\"=_+"
SEED = 11
UNITS, STEPS, BATCH = 128, 96, 64
WANTED = 1.6  # nats a character, on pages that the training never saw; guessing by frequency alone gives about 3.1


def prose() -> tuple[str, str]:
    """The paragraphs of the pages as plain text, a line each: those to learn from, and every twentieth held out."""
    kept: list[str] = []
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md")]):
        text = re.sub(r"```.*?```|<!--.*?-->|!\[.*?\]\(.*?\)", "", page.read_text(), flags=re.S)
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)  # of a link its words
        for paragraph in text.split("\n\n"):
            line = " ".join(paragraph.split())
            if len(line) >= 60 and line[0] not in "|#<" and "|" not in line:
                kept.append("".join(c for c in line if c in ALPHABET))
    return "\n".join(line for k, line in enumerate(kept) if k % 20), "\n".join(kept[::20])


def build(stateful: bool) -> keras.Model:
    """Numbers of characters (N, steps) -> logits of the next. stateful: one text, which goes on from call to call."""
    layers = keras.layers
    text = keras.Input((None,), batch_size=1 if stateful else None, dtype="int32", name="text")
    x = layers.Embedding(len(ALPHABET), 16, name="characters")(text)
    x = layers.GRU(UNITS, return_sequences=True, stateful=stateful, name="memory")(x)
    x = x if stateful else layers.Dropout(0.1)(x)
    return keras.Model(text, layers.Dense(len(ALPHABET), name="logits")(x), name="writer")


def main() -> None:
    """Train, check what was learnt on text that the training never saw, and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000, help="batches to train on")
    count = parser.parse_args().steps
    keras.utils.set_random_seed(SEED)
    seen, unseen = (np.array([ALPHABET.index(c) for c in text], np.int32) for text in prose())
    model = build(stateful=False)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = keras.optimizers.schedules.CosineDecay(1e-4, count, warmup_target=6e-3, warmup_steps=count // 20)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss)
    starts = np.random.default_rng(SEED).integers(0, len(seen) - STEPS - 1, count * BATCH)
    windows = np.lib.stride_tricks.sliding_window_view(seen, STEPS + 1)
    model.fit(windows[starts, :-1], windows[starts, 1:], batch_size=BATCH, verbose=2, shuffle=False)
    nats = model.evaluate(unseen[None, :-1], unseen[None, 1:], verbose=0)
    print(
        f"{len(seen)} characters, {model.count_params()} weights: {nats:.2f} nats a character of {len(unseen)} held out"
    )
    if nats > WANTED:
        raise SystemExit(f"above {WANTED}: not saved")
    writer = build(stateful=True)
    writer.set_weights(model.get_weights())
    writer.save(ROOT / "examples" / "writer.h5", include_optimizer=False)


if __name__ == "__main__":
    main()
