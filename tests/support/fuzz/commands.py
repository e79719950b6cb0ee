"""Command lines of glnn, a word or two of them wrong: out of a seed, in a folder that may be written to."""

from __future__ import annotations

import contextlib
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
from support.fuzz import arguments
from support.fuzz.odd import TEXTS

from glnn.cli import main

NUMPY = ("--device", "numpy")
LINES: tuple[tuple[str, ...], ...] = (
    ("predict", "whole.glnn", "x.npy", "--top", "2", "--labels", "names.txt", *NUMPY),
    ("predict", "whole.glnn", "x.npz:k", "--json", "-o", "y.npz", *NUMPY),
    ("predict", "whole.glnn", "x.npz", "--key", "k", "--scale", "unit", "--fit", "crop", "--levels", "0,1", *NUMPY),
    ("summary", "whole.glnn"),
    ("check", "whole.glnn", "--batch", "2", "--shape", "3", "--profile", "webgl1-phone", "--json"),
    ("compare", "whole.glnn", "x.npy", "--reference", "numpy", "--report", "r.html", "--save", "run.npz", *NUMPY),
    ("compare", "whole.glnn", "--shape", "3", "--json", "--precision", "float64", *NUMPY),
    ("compare", "--from", "page.json", "web"),
    ("quantize", "whole.glnn", "small.glnn", "--codec", "auto", "--calibrate", "x.npy", "--max-drift", "0.1", *NUMPY),
    ("quantize", "whole.glnn", "small.glnn", "--skip", "*", "--activations", "float16", "--report", "q.json", *NUMPY),
    ("convert", "whole.glnn", "other.glnn"),
    ("doctor", "--json", *NUMPY),
    ("profile", "whole.glnn", "x.npy", "--draws", "--perfetto", "t.json", "--repeat", "1", *NUMPY),
    ("profile", "whole.glnn", "--json", "--against", "before.json", *NUMPY),
    ("tune", "whole.glnn", "--input-shape", "3", "--batch", "2", "--seconds", "1", *NUMPY),
    ("export-web", "whole.glnn", "web", "--variants", "webgl2", "--labels", "names.txt", "--columns", "names.txt"),
    ("export-web", "whole.glnn", "web", "--input-shape", "3", "--example", "x.npy", "--check", "--force"),
    ("serve", "/dev/null/x", "--port", "8000", "--host", "127.0.0.1"),
    ("completion", "bash"),
    ("help", "predict"),
    ("--version",),
)
ENDS = (0, 1, 2)


def ready() -> None:
    """Makes what all cases share."""
    arguments.model()


def line(rng: random.Random) -> list[str]:
    """A command line with one to three words changed, left out, doubled or put in."""
    words = list(rng.choice(LINES))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(words) + 1)
        draw = rng.random()
        if draw < 0.5:
            words[at : at + 1] = [rng.choice(TEXTS)]
        elif draw < 0.65:
            del words[at : at + 1]
        elif draw < 0.75:
            words[at:at] = words[at : at + 1]
        else:
            words[at:at] = [rng.choice(TEXTS)]
    return ["/dev/null/x" if word in ("web", "page") else word for word in words] if words[:1] == ["serve"] else words


def tried(number: int, seed: int, told: dict[str, Any]) -> None:
    """Case `number` in the current folder. Raises AssertionError for what a command must not do."""
    words = line(random.Random(f"{seed} commands {number}"))
    told["of"], told["how"] = "glnn", " ".join(word[:60] for word in words)
    arguments.model().save(arguments.GRAPH)
    x = np.ones((2, 3), np.float32)
    np.save("x.npy", x)
    np.savez("x.npz", k=x)
    Path("names.txt").write_text("a\nb\n")
    out, said = io.StringIO(), io.StringIO()
    usage = False
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        try:
            code: Any = main(words)
        except SystemExit as end:
            code, usage = end.code or 0, True
    text = said.getvalue()
    told["error"] = f"exit {code}" if code else None
    told |= {"message": text, "ours": True}
    assert code in ENDS, f"ended with {code!r}"
    assert "Traceback" not in text, text
    assert not code or text.strip() or out.getvalue().strip(), "nothing was said"
    if usage and code and not text.startswith("usage: glnn [-h]"):  # of no words at all
        assert code == 2 and len(text.strip().splitlines()) == 1, f"not one line: {text}"
